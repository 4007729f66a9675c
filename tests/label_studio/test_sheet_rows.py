"""What a sheet's rows say of their artworks, and that each row has a task of its own."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from openpyxl import load_workbook

from curate.rounds.plan import BatchSettings, plan_batch
from db.labels.effective import find_source
from db.models import Batch, BatchItem, Listing, Task
from db.runs.runs import find_run
from review.errors import SheetExists
from review.label_studio.push.markup import picture_html
from review.page.card import review_cards
from review.sheet.csv_sheet import write_sheet
from tests.conftest import Curate
from tests.label_studio.conftest import Gallery, add_run, make_gallery


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """Four flagged artworks, of which a list says what the first one is."""
    made = make_gallery(tmp_path, "http://127.0.0.1:9", 4)
    add_run(made.workspace, {i: {"style": 0.1 + 0.1 * i} for i in range(4)})
    with made.workspace.open_catalog() as catalog, catalog.write() as session:
        source = find_source(session, "import:list.csv")
        cells = {"Inv. Nr.": "1923.4", "Titel": "Öl & <i>Wasser</i>", "Maße": ""}
        session.add(
            Listing(artwork_id=1, source_id=source.id, path="0000.png", known_as="1923.4", cells=cells)
        )
    return made


def test_every_sheet_says_what_the_collections_list_says(
    curate: Curate, gallery: Gallery, tmp_path: Path
) -> None:
    about = "1923.4 · file: 0000.png · Titel: Öl & <i>Wasser</i>"
    push = ["-w", gallery.workspace.folder, "push", "--audit", "0", "--to"]
    for kind in ("csv", "xlsx", "html"):
        assert curate(*push, kind, "--limit", "4", "--output", tmp_path / f"review.{kind}").status == 0
        curate("-w", gallery.workspace.folder, "push", "--cancel", {"csv": 1, "xlsx": 2, "html": 3}[kind])
    page = load_workbook(tmp_path / "review.xlsx")["review"]
    place = [cell.value for cell in page[1]].index("about")
    text = (tmp_path / "review.html").read_text(encoding="utf-8")
    shown = json.loads(
        text.partition('<script type="application/json" id="sheet">')[2].partition("</script>")[0]
    )

    with (tmp_path / "review.csv").open(newline="", encoding="utf-8") as file:
        assert [row["about"] for row in csv.DictReader(file)] == [about, "0001.png", "0002.png", "0003.png"]
    assert page[2][place].value == about
    card = shown["rows"][0]["card"]
    assert (card["name"], card["kept"][1]) == ("1923.4", ["Titel", "Öl & <i>Wasser</i>"])


def test_label_studios_card_says_it_as_text(gallery: Gallery) -> None:
    with gallery.workspace.open_catalog() as catalog:
        with catalog.read() as session:
            run = find_run(session, None, "push")
        plan = plan_batch(catalog, run, BatchSettings(limit=4, audit=0, controls=0))
        cards = review_cards(catalog, gallery.workspace, run.id, plan.items)

    html = picture_html(cards[1], lambda _card: "http://images.example/1")

    assert "<b>1923.4</b> · <span>file: 0000.png</span>" in html
    assert "Titel: Öl &amp; &lt;i&gt;Wasser&lt;/i&gt;" in html


def test_two_pushes_at_once_ask_about_each_artwork_in_one_row(gallery: Gallery, tmp_path: Path) -> None:
    """Both planned before either was written; the second leaves out what the first asks."""
    few, all_of_them = (BatchSettings(limit=n, audit=0, controls=0) for n in (3, 4))
    with gallery.workspace.open_catalog() as catalog:
        with catalog.read() as session:
            run = find_run(session, None, "push")
        first, second = plan_batch(catalog, run, few), plan_batch(catalog, run, all_of_them)
        written = [
            write_sheet(gallery.workspace, catalog, plan, tmp_path / f"{name}.csv")[0]
            for name, plan in (("first", first), ("second", second), ("third", second))
        ]
        with catalog.read() as session:
            tasks = {f"{task.batch_id}-{task.task_id}" for task in session.query(Task)}
            held = [(item.batch_id, item.artwork_id) for item in session.query(BatchItem)]
            batches = session.query(Batch).count()
    rows = []
    for name in ("first", "second"):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            rows += [row["task"] for row in csv.DictReader(file)]

    assert written == [3, 1, 0]
    assert sorted(rows) == sorted(tasks) and len(rows) == 4
    assert sorted(held) == [(1, 1), (1, 2), (1, 3), (2, 4)]
    assert batches == 2 and not (tmp_path / "third.csv").exists()


def test_two_pushes_at_once_to_one_name_keep_the_first_sheet(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name was free when the second push looked, and is taken when its turn comes."""
    sheet = tmp_path / "review.csv"
    with gallery.workspace.open_catalog() as catalog:
        with catalog.read() as session:
            run = find_run(session, None, "push")
        plan = plan_batch(catalog, run, BatchSettings(limit=4, audit=0, controls=0))
        looked = iter([None])
        from review.sheet import csv_sheet

        really = csv_sheet.require_free

        def look(path: Path) -> None:
            really(path)
            if next(looked, "taken") is None:
                path.write_text("hours of somebody's work")

        monkeypatch.setattr(csv_sheet, "require_free", look)
        with pytest.raises(SheetExists):
            write_sheet(gallery.workspace, catalog, plan, sheet)
        with catalog.read() as session:
            assert session.query(Task).count() == session.query(Batch).count() == 0

    assert sheet.read_text() == "hours of somebody's work"
