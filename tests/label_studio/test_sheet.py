"""A batch as a CSV sheet: filled in, read back, corrected and read again, without any server."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from sqlalchemy import select

from db.models import Artwork, Task, Verdict
from review.sheet.cells import guarded
from tests.browser import find_chromium, opened_app
from tests.conftest import Curate
from tests.label_studio.conftest import Gallery, add_run, make_gallery
from tests.label_studio.test_loop import labels


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """Six artworks, four of them flagged in style, the first one most."""
    made = make_gallery(tmp_path, "http://127.0.0.1:9", 6)
    add_run(made.workspace, {i: {"style": 0.1 + 0.1 * i} for i in range(4)})
    return made


def fill(path: Path, **cells: dict[int, str]) -> None:
    """Write cells into a sheet, by column and row."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for column, values in cells.items():
        for number, value in values.items():
            rows[number][column] = value
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_sheet_comes_back_as_verdicts_and_may_be_corrected(
    curate: Curate, gallery: Gallery, tmp_path: Path
) -> None:
    sheet, at = tmp_path / "review.csv", ["-w", gallery.workspace.folder]
    push = [*at, "push", "--audit", "0", "--to", "csv", "--output", sheet, "--json"]
    pushed = curate(*push).json()
    again = curate(*push[:-2], tmp_path / "second.csv", "--json").json()
    with sheet.open(newline="") as file:
        first = next(csv.DictReader(file))
    sync = [*at, "sync-corrections", "--from", sheet, "--json"]

    fill(sheet, style_verdict={0: "wrong", 1: "right", 2: "wrong"}, style_class={0: "Rococo", 2: "Barok"})
    one, same = curate(*sync), curate(*sync).json()
    fill(sheet, style_class={0: "Art_Nouveau", 2: "Baroque"})
    corrected = curate(*sync).json()

    assert (pushed["created"], again["created"]) == (4, 0)
    assert (first["artwork"], first["style_label"]) == (str(gallery.uuids[0]), "Baroque")
    assert first["style_suggested"] == "Rococo"
    assert one.json()["verdicts"] == {"corrected": 1, "confirmed": 1}
    assert one.stderr == (
        "refused: annotation 1-3:reviewer: line 4: style has no class 'Barok'; nearest: Baroque\n"
    )
    assert (same["annotations"], same["verdicts"]) == (0, {})
    assert corrected["verdicts"] == {"corrected": 2}
    assert labels(gallery.workspace, "style")[:4] == ["Art_Nouveau", "Rococo", "Baroque", "Baroque"]


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="chromium and chromedriver are not installed")
def test_a_page_is_answered_by_keys_and_comes_back_as_a_sheet(
    curate: Curate, gallery: Gallery, tmp_path: Path
) -> None:
    at = ["-w", gallery.workspace.folder]
    pushed = curate(*at, "push", "--audit", "0", "--to", "html", "--output", tmp_path / "review")
    with opened_app(None) as browser:
        browser.driver.get((tmp_path / "review.html").as_uri())
        question = browser.one(".questions").text
        width = browser.driver.execute_script("return document.querySelector('.picture img').naturalWidth")
        keys = ["2", Keys.ENTER, "1", Keys.ENTER, "3", "3", Keys.ENTER, "0"]
        ActionChains(browser.driver).send_keys(*keys).perform()
        (tmp_path / "answers.csv").write_text(browser.driver.execute_script("return csv()"))

    synced = curate(*at, "sync-corrections", "--from", tmp_path / "answers.csv", "--json").json()

    assert pushed.stdout.endswith(
        f"Open {tmp_path}/review.html in a browser, answer, download, "
        f"then: curate sync-corrections --from THE.csv\n"
    )
    assert "Style: Baroque\nLooks like Rococo: the model gives it 90%, the label 10%." in question
    assert width == 320
    assert synced["verdicts"] == {"corrected": 1, "confirmed": 1, "unusable": 1}
    assert labels(gallery.workspace, "style")[0] == "Rococo"


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="chromium and chromedriver are not installed")
def test_a_pages_table_has_no_formula_either(curate: Curate, gallery: Gallery, tmp_path: Path) -> None:
    """What a list says of an artwork, and what a reviewer writes, stands in the table that the page makes."""
    at = ["-w", gallery.workspace.folder]
    curate(*at, "push", "--audit", "0", "--controls", "0", "--to", "html", "--output", tmp_path / "review")
    texts = [
        "=1+1",
        "-1",
        "@A1",
        "+A1",
        "\t=1",
        "\r=1",
        "a;=1",
        'a";-1',
        "a\t@b",
        "a; b",
        "it's",
        "",
        "'=1",
        "a=b",
    ]
    with opened_app(None) as browser:
        browser.driver.get((tmp_path / "review.html").as_uri())
        cells = browser.driver.execute_script("return arguments[0].map(cell)", texts)
        browser.driver.execute_script(
            "sheet.rows[0].about = '=1+1'; keep(0, 'comment', '=1;=2'); keep(0, 'style_verdict', 'right')"
        )
        (tmp_path / "answers.csv").write_text(browser.driver.execute_script("return csv()"))

    synced = curate(*at, "sync-corrections", "--from", tmp_path / "answers.csv", "--json").json()
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        comments = session.scalars(select(Verdict.comment)).all()

    doubled = [guarded(text).replace('"', '""') for text in texts]
    assert cells == [f'"{text}"' for text in doubled]
    assert synced["verdicts"] == {"confirmed": 1}
    assert comments == ["=1;=2"]


@pytest.mark.parametrize("kind", ["csv", "html", "xlsx"])
def test_what_cannot_be_shown_is_asked_about_when_it_is_back(
    kind: str, curate: Curate, gallery: Gallery, tmp_path: Path
) -> None:
    """An open task that no row asks about would keep its artwork out of every later batch."""
    at = ["-w", gallery.workspace.folder, "push", "--audit", "0", "--to", kind, "--json", "--output"]
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        gone = session.query(Artwork).filter_by(uuid=gallery.uuids[1]).one()
    image = gallery.workspace.image_path(gone.root, gone.path)
    away = image.rename(tmp_path / "away")

    first = curate(*at, tmp_path / f"first.{kind}").json()
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        open_tasks = {task.artwork_id for task in session.query(Task).filter_by(state="open")}
    away.rename(image)
    second = curate(*at, tmp_path / f"second.{kind}").json()

    assert (first["created"], len(open_tasks), first["left_out"]) == (3, 3, 1)
    assert gone.id not in open_tasks
    assert (second["created"], second["left_out"]) == (1, 0)


def test_a_file_that_is_no_sheet(curate: Curate, gallery: Gallery, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("filepath,style\na.jpg,Baroque\n")

    result = curate("-w", gallery.workspace.folder, "sync-corrections", "--from", other)

    assert result.stderr == (
        f"error: {other} is not a review sheet of this workspace: it lacks the columns task, artwork, "
        f"style_verdict, genre_verdict, artist_verdict. Make one with `curate push --to csv`.\n"
    )


def test_reviewers_are_counted(curate: Curate, gallery: Gallery, tmp_path: Path) -> None:
    sheet, at = tmp_path / "review.csv", ["-w", gallery.workspace.folder]
    curate(*at, "push", "--audit", "0", "--to", "csv", "--output", sheet)
    fill(sheet, style_verdict={0: "right", 1: "right"}, reviewer={0: "Ada", 1: "Ada"})
    curate(*at, "sync-corrections", "--from", sheet)
    fill(sheet, style_verdict={0: "wrong"}, style_class={0: "Rococo"}, reviewer={0: "Bo", 1: "Bo"})
    curate(*at, "sync-corrections", "--from", sheet)

    people = curate(*at, "reviewers").stdout
    conflicts = curate(*at, "reviewers", "--conflicts", "--json").lines()

    assert people == (
        "Ada: 2 reviews, 2 verdicts; agrees with others on 1 of 2\n"
        "Bo: 2 reviews, 2 verdicts; agrees with others on 1 of 2\n"
    )
    assert [(c["artwork"], c["said"]) for c in conflicts] == [
        (str(gallery.uuids[0]), [["Ada", "Baroque"], ["Bo", "Rococo"]])
    ]


def test_a_push_that_is_only_planned_says_what_it_would_ask_and_writes_nothing(
    curate: Curate, gallery: Gallery
) -> None:
    push = ["-w", gallery.workspace.folder, "push", "--audit", "0", "--dry-run"]

    told, counted = curate(*push).stdout, curate(*push, "--json").json()

    assert told.startswith("Would push 4 review; 3")
    assert "wrong labels expected among the reviews (assumed: 0 verdicts, 50 are needed).\n" in told
    assert (counted["planned"], counted["created"], counted["batch"]) == ({"review": 4}, 0, None)
    assert curate(*push, "--json").json() == counted


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_a_list_of_known_answers_is_read_as_spreadsheets_save_it(
    curate: Curate, gallery: Gallery, tmp_path: Path, encoding: str
) -> None:
    """Excel saves cp1252 and semicolons: such a list was refused, or had one column."""
    at = ["-w", gallery.workspace.folder]
    assert curate(*at, "classes", "add", "style", "Früher Stil").status == 0
    text = f"Artwork;Note;Style\r\n{gallery.uuids[5]};Künstler, früh;Früher Stil\r\n;;\r\n"
    (tmp_path / "known.csv").write_bytes(text.encode(encoding))
    push = [*at, "push", "--dry-run", "--audit", "0", "--json", "--controls"]

    planned = curate(*push, tmp_path / "known.csv").json()["planned"]

    assert planned["control"] == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'filepath,style\n"a.jpg,x\n',
            '(line 2: its quotes do not close, "a.jpg,x). Fix that line, then push again.',
        ),
        (
            "filepath,style\na.jpg,x,y\n",
            "(line 2 has 3 cells, the header 2). Fix that line, then push again.",
        ),
        ("", "cannot be read: it is empty. Fix the file and run the command again."),
    ],
)
def test_a_list_of_known_answers_that_is_none_is_refused_by_its_line(
    curate: Curate, gallery: Gallery, tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "known.csv").write_text(text)

    refused = curate(
        "-w", gallery.workspace.folder, "push", "--dry-run", "--controls", tmp_path / "known.csv"
    )

    assert refused.status == 1
    assert refused.stderr.startswith(f"error: {tmp_path / 'known.csv'} cannot be read")
    assert refused.stderr.rstrip().endswith(told)


def test_a_share_of_controls_beyond_all_is_refused(curate: Curate, gallery: Gallery) -> None:
    refused = curate("-w", gallery.workspace.folder, "push", "--controls", "5")

    assert refused.status == 2
    assert "5 is outside 0 to 1" in refused.stderr
