"""Sheets as people, spreadsheets and accidents leave them: no answer is lost or goes to another artwork."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import Curate
from tests.hostile.workspaces import STYLES, write_list
from tests.hostile.workspaces import draw as draw_one
from tests.label_studio.conftest import CLASSES, Gallery, add_run, make_gallery

pytestmark = pytest.mark.slow

ROWS = 6
Row = dict[str, str]


@dataclass
class Sheet:
    """A sheet as it was written, to be filled in and damaged."""

    columns: list[str]
    rows: list[Row]

    def text(self) -> str:
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(self.columns)
        writer.writerows([[row.get(column, "") for column in self.columns] for row in self.rows])
        return out.getvalue()

    def fill(self, **cells: str) -> None:
        for row in self.rows:
            row.update(cells)

    def move(self, *columns: str, by: int = 1) -> None:
        """Move some columns down, as a sort of these alone does."""
        before = [dict(row) for row in self.rows]
        for i, row in enumerate(self.rows):
            row.update({column: before[(i + by) % len(before)][column] for column in columns})

    def style(self) -> list[str]:
        return [column for column in self.columns if column.startswith("style_")]


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Gallery, str]:
    """A gallery of eight whose first six went out as a sheet."""
    from curate.cli import main

    folder = tmp_path_factory.mktemp("sheets")
    gallery = make_gallery(folder, "http://127.0.0.1:9", 8)
    add_run(gallery.workspace, {i: {"style": 0.1 + 0.1 * i, "genre": 0.3} for i in range(ROWS)})
    at = ["-w", str(gallery.workspace.folder)]
    main_quietly(main, [*at, "push", "--to", "csv", "--audit", "0", "--controls", "0"])
    return gallery, (gallery.workspace.folder / "review.csv").read_text(encoding="utf-8")


def each(change: Callable[[Row], object]) -> Callable[[Sheet], None]:
    """Return the change of every row."""

    def changed(sheet: Sheet) -> None:
        for row in sheet.rows:
            change(row)

    return changed


def blank_tasks_and_move_artworks(sheet: Sheet) -> None:
    sheet.fill(task="")
    sheet.move("artwork")


def main_quietly(main: Callable[[list[str]], None], arguments: list[str]) -> None:
    try:
        main(arguments)
    except SystemExit as stop:
        assert not stop.code, arguments


@dataclass
class Desk:
    """A copy of the workspace for one case."""

    curate: Curate
    folder: Path
    gallery: Gallery
    sheet: Sheet
    said: list[str] = field(default_factory=list)

    def read(self, sheet: Sheet | str | bytes | None = None, name: str = "filled.csv") -> dict[str, object]:
        """Read a sheet; return what ``--json`` printed, with what was refused."""
        data = sheet if sheet is not None else self.sheet
        data = data.text() if isinstance(data, Sheet) else data
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        result = self.curate("-w", self.folder, "sync-corrections", "--from", path, "--json")
        self.said = [line for line in result.stderr.splitlines() if line]
        return {"status": result.status, **(result.json() if result.stdout else {})}

    def styles(self) -> list[str]:
        """Return the styles as they stand, in the gallery's order."""
        out = self.folder / "styles.csv"
        out.unlink(missing_ok=True)
        assert self.curate("-w", self.folder, "export", out).status == 0
        with out.open(encoding="utf-8-sig", newline="") as file:
            return [row["style"] for row in sorted(csv.DictReader(file), key=lambda row: row["filepath"])]

    def original(self) -> list[str]:
        return [self.gallery.label(i, "style") for i in range(8)]


@pytest.fixture
def desk(curate: Curate, pushed: tuple[Gallery, str], tmp_path: Path) -> Desk:
    gallery, text = pushed
    folder = tmp_path / "ws"
    shutil.copytree(gallery.workspace.folder, folder)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    return Desk(curate, folder, gallery, Sheet(list(rows[0]), rows))


def excel_date(task: str) -> str:
    batch, number = map(int, task.split("-"))
    return f"{batch:02}-{'Jan Feb Mar Apr May Jun'.split()[number - 1]}"


TASK_CELLS: dict[str, Callable[[str], str]] = {
    "blank": lambda task: "",
    "Excel's date": excel_date,
    "ISO date": lambda task: f"2026-0{task[0]}-0{task[2]}",
    "slashes": lambda task: task.replace("-", "/"),
    "a number": lambda task: task.replace("-", ""),
    "a float": lambda task: task.replace("-", "."),
    "an en dash": lambda task: task.replace("-", "–"),
    "spaces": lambda task: f" {task} ",
    "a formula": lambda task: f"={task}",
    "an error": lambda task: "#NAME?",
    "huge": lambda task: "9" * 400,
    "NUL": lambda task: f"{task}\0",
    "an unknown batch": lambda task: f"77-{task[2]}",
    "an unknown row": lambda task: f"1-9{task[2]}",
}


@pytest.mark.parametrize("name", TASK_CELLS)
def test_a_damaged_task_cell_costs_no_answer_and_counts_none_twice(desk: Desk, name: str) -> None:
    """The artwork says which task it was; the undamaged sheet then brings nothing new."""
    desk.sheet.fill(style_verdict="right", reviewer="ann")
    intact = desk.sheet.text()
    for row in desk.sheet.rows:
        row["task"] = TASK_CELLS[name](row["task"])

    first, second = desk.read(), desk.read(intact)

    assert first["verdicts"] == {"confirmed": ROWS}, desk.said
    assert (second["annotations"], second["verdicts"]) == (0, {})
    assert desk.curate("-w", desk.folder, "reviewers").stdout.startswith(
        f"ann: {ROWS} reviews, {ROWS} verdicts"
    )
    batch = desk.curate("-w", desk.folder, "status").stdout
    assert f"{ROWS} artworks, {ROWS} reviewed, 0 open" in batch


SHUFFLES: dict[str, Callable[[Sheet], None]] = {
    "artworks down by one": lambda s: s.move("artwork"),
    "artworks down by two": lambda s: s.move("artwork", by=2),
    "tasks down by one": lambda s: s.move("task"),
    "tasks down by five": lambda s: s.move("task", by=5),
    "all of style": lambda s: s.move(*s.style()),
    "all of style by two": lambda s: s.move(*s.style(), by=2),
    "the labels alone": lambda s: s.move("style_label"),
    "all but the task": lambda s: s.move(*[c for c in s.columns if c != "task"]),
    "all but the artwork": lambda s: s.move(*[c for c in s.columns if c != "artwork"]),
    "task, artwork and image": lambda s: s.move("task", "artwork", "image"),
    "the other attribute": lambda s: s.move(*[c for c in s.columns if c.startswith("genre_")]),
    "blank tasks, artworks down": blank_tasks_and_move_artworks,
    "labels blank and moved": lambda s: s.fill(style_label=""),
    "every label the same class": lambda s: s.fill(style_label="Baroque"),
}


@pytest.mark.parametrize("name", SHUFFLES)
@pytest.mark.parametrize("verdict", ["right", "wrong", "atypical"])
def test_columns_moved_apart_are_noticed_and_nothing_is_read(desk: Desk, name: str, verdict: str) -> None:
    desk.sheet.fill(style_verdict=verdict, genre_verdict="right", reviewer="ann")
    for row in desk.sheet.rows if verdict == "wrong" else ():
        row["style_class"] = next(c for c in CLASSES["style"] if c != row["style_label"])
    SHUFFLES[name](desk.sheet)

    read = desk.read()

    assert read == {"status": 1}, name
    assert desk.said[0].startswith(f"error: {desk.folder}/filled.csv, line ")
    assert "Nothing was read." in desk.said[0]
    assert desk.styles() == desk.original()


HARMLESS: dict[str, Callable[[Sheet], str | bytes | None]] = {
    "rows in another order": lambda s: s.rows.reverse(),
    "columns in another order": lambda s: s.columns.reverse(),
    "a column of one's own": lambda s: s.columns.append("note"),
    "no suggestions": lambda s: s.columns.remove("style_suggested"),
    "no reasons": lambda s: s.columns.remove("style_why"),
    "no images": lambda s: s.columns.remove("image"),
    "no labels": lambda s: s.columns.remove("style_label"),
    "no task column": lambda s: s.columns.remove("task"),
    "no artwork column": lambda s: s.columns.remove("artwork"),
    "blank artworks": lambda s: s.fill(artwork=""),
    "no comments": lambda s: s.columns.remove("comment"),
    "rows twice, the same": lambda s: s.rows.extend([dict(row) for row in s.rows]),
    "a blank copy of each row": lambda s: s.rows.extend([{**row, "style_verdict": ""} for row in s.rows]),
    "blank lines": lambda s: s.text().replace("\r\n", "\r\n\r\n"),
    "commas for blank lines": lambda s: s.text() + "," * 20 + "\r\n",
    "newlines of Unix": lambda s: s.text().replace("\r\n", "\n"),
    "newlines of an old Mac": lambda s: s.text().replace("\r\n", "\r"),
    "newlines of an old Mac, below sep=": lambda s: "sep=,\r" + s.text().replace("\r\n", "\r"),
    "UTF-16": lambda s: s.text().encode("utf-16"),
    "NULs in verdicts and comments": lambda s: s.fill(style_verdict="ri\0ght", comment="a\0b"),
    "a byte order mark": lambda s: b"\xef\xbb\xbf" + s.text().encode(),
    "spaces around headers": lambda s: s.text().replace("style_verdict", " style_verdict "),
    "spaces around verdicts": lambda s: s.fill(style_verdict=" right  "),
    "spaces around artworks": each(lambda row: row.update(artwork=f" {row['artwork']}")),
    "the class of the label beside right": each(lambda row: row.update(style_class=row["style_label"])),
    "the label alone as the class": each(
        lambda row: row.update(style_verdict="", style_class=row["style_label"])
    ),
    "a formula for a comment": lambda s: s.fill(comment='=HYPERLINK("http://x")'),
    "escape sequences": lambda s: s.fill(comment="\x1b[2J\x1b]0;pwned\x07evil"),
    "a long comment": lambda s: s.fill(comment="x" * 200_000),
    "a comment of two lines": lambda s: s.fill(comment="one\ntwo"),
    "quotes": lambda s: s.fill(comment='she said "no", twice'),
    "labels in another case": each(lambda row: row.update(style_label=row["style_label"].upper())),
    "labels with spaces for underscores": each(
        lambda row: row.update(style_label=row["style_label"].replace("_", " "))
    ),
    "quoted everywhere": lambda s: quoted(s),
}


def quoted(sheet: Sheet) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(sheet.columns)
    writer.writerows([[row.get(column, "") for column in sheet.columns] for row in sheet.rows])
    return out.getvalue()


@pytest.mark.parametrize("name", HARMLESS)
def test_what_spreadsheets_and_people_change_beside_the_answers_costs_none(desk: Desk, name: str) -> None:
    desk.sheet.fill(style_verdict="right")

    read = desk.read(HARMLESS[name](desk.sheet))

    assert read["status"] == 0, desk.said
    assert (read["verdicts"], read["refused"]) == ({"confirmed": ROWS}, 0)
    assert desk.styles() == desk.original()


WRONG_FILES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is not a review sheet of this workspace"),
    "a blank line": ("\n", "is not a review sheet of this workspace"),
    "another table": ("a,b,c\n1,2,3\n", "is not a review sheet of this workspace"),
    "another header": ("a,b,c\n", "is not a review sheet of this workspace"),
    "a list of images": ("filepath,style\na.jpg,Baroque\n", "is not a review sheet of this workspace"),
    "a page": ("<!doctype html><html></html>", "is not a review sheet of this workspace"),
    "another table in UTF-16": ("task,artwork\n".encode("utf-16"), "is not a review sheet of this workspace"),
    "UTF-16, cut off": ("task,artwork\n".encode("utf-16")[:-1], "it begins as UTF-16, and was cut off"),
    "UTF-16 without its mark": ("task,artwork\n".encode("utf-16-le"), "it holds NUL bytes"),
    "a disk's NULs for the last rows": ("HEADER\n1-1\n" + "\0" * 512, "it holds NUL bytes"),
    "a cell without end": ('"task,artwork\n' + "x" * 10_000_001, "field larger than field limit"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "cannot be read"),
    "a spreadsheet's own format": (b"PK\x03\x04\xff\xfe\x00", "cannot be read"),
    "only the header": ("HEADER", "has no rows"),
    "a header and blank lines": ("HEADER\n\n,,,\n", "has no rows"),
    "a column twice": ("HEADER,style_verdict\n", "has the column style_verdict twice"),
    "more cells than columns": ("HEADER\n" + "1-1," * 40 + "x\n", "has more cells than there are columns"),
    "a verdict column gone": ("NOVERDICT\n1-1\n", "lacks the columns genre_verdict"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_file_that_is_no_filled_sheet_is_an_error(desk: Desk, name: str) -> None:
    data, said = WRONG_FILES[name]
    if isinstance(data, str):
        header = ",".join(desk.sheet.columns)
        data = data.replace("NOVERDICT", header.replace("genre_verdict,", "")).replace("HEADER", header)

    read = desk.read(data)

    assert read == {"status": 1}
    assert said in desk.said[0]


def test_a_sheet_of_another_workspace_is_named(desk: Desk) -> None:
    for i, row in enumerate(desk.sheet.rows):
        row.update(artwork=f"00000000-0000-4000-8000-{i:012}", style_verdict="right", task=f"9-{i}")

    assert desk.read() == {"status": 1}
    assert "is a review sheet of another workspace" in desk.said[0]


CELLS: dict[str, tuple[dict[str, str], dict[str, int], str]] = {
    "a class alone": ({"style_class": "OTHER"}, {"corrected": 1}, ""),
    "a class alone, as it is": ({"style_class": "SAME"}, {"confirmed": 1}, ""),
    "right beside another class": ({"style_verdict": "right", "style_class": "OTHER"}, {}, "clear one of"),
    "atypical beside another class": (
        {"style_verdict": "atypical", "style_class": "OTHER"},
        {},
        "clear one of",
    ),
    "wrong without a class": ({"style_verdict": "wrong"}, {}, "no class was chosen"),
    "wrong, and the same class": ({"style_verdict": "wrong", "style_class": "SAME"}, {}, "the same"),
    "a class that is none": ({"style_verdict": "wrong", "style_class": "Cubism"}, {}, "no class 'Cubism'"),
    "a verdict that is none": ({"style_verdict": "broken"}, {}, "says 'broken'"),
    "a picture that is none": ({"picture": "blurred"}, {}, "says 'blurred'"),
    "a picture that is broken": ({"picture": "broken"}, {"unusable": 1}, ""),
    "the label written over, unknown": ({"style_verdict": "right", "style_label": "Zzz"}, {}, "put that"),
    "the label written over, known": ({"style_verdict": "right", "style_label": "OTHER"}, {}, "put that"),
    "SQL": ({"style_verdict": "'; drop table verdict;--"}, {}, "drop table"),
    "unsure": ({"style_verdict": "unsure"}, {"unsure": 1}, ""),
    "none of these": ({"style_verdict": "none_of_these"}, {"none_of_these": 1}, ""),
    "unusable": ({"picture": "unusable"}, {"unusable": 1}, ""),
    "unusable, and a verdict": (
        {"picture": "unusable", "style_verdict": "right"},
        {"confirmed": 1, "unusable": 1},
        "",
    ),
    "an unknown artwork": ({"artwork": "nothing", "style_verdict": "right"}, {}, "no artwork nothing"),
    "no artwork and no task": ({"artwork": "", "task": "", "style_verdict": "right"}, {}, "no artwork"),
    "a comment alone": ({"comment": "hm"}, {}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_cannot_be_is_refused_by_name_every_time(desk: Desk, name: str) -> None:
    cells, verdicts, reason = CELLS[name]
    row = desk.sheet.rows[2]
    other = next(c for c in CLASSES["style"] if c != row["style_label"])
    row.update({k: v.replace("OTHER", other).replace("SAME", row["style_label"]) for k, v in cells.items()})
    desk.sheet.rows[3]["genre_verdict"] = "right"
    before = desk.styles()

    first = desk.read()
    told = list(desk.said)
    second = desk.read()

    assert first["status"] == second["status"] == 0
    wanted = dict(verdicts)
    wanted["confirmed"] = wanted.get("confirmed", 0) + 1
    assert first["verdicts"] == wanted
    assert [reason in line for line in told] == ([True] if reason else [])
    assert (second["verdicts"], desk.said) == ({}, told)
    if "unusable" not in verdicts:  # an export leaves that one out
        changed = sum(a != b for a, b in zip(before, desk.styles(), strict=True))
        assert changed == verdicts.get("corrected", 0)


def test_contradicting_copies_of_a_row_are_both_refused(desk: Desk) -> None:
    desk.sheet.fill(style_verdict="right")
    desk.sheet.rows += [{**row, "style_verdict": "unsure"} for row in desk.sheet.rows[:2]]

    read = desk.read()

    assert (read["verdicts"], read["refused"]) == ({"confirmed": ROWS - 2}, 2)
    assert "lines 2 and 8 answer it differently" in desk.said[0]


def test_two_reviewers_may_fill_copies_of_a_row(desk: Desk) -> None:
    desk.sheet.fill(style_verdict="right", reviewer="ann")
    desk.sheet.rows += [{**row, "reviewer": "bo"} for row in desk.sheet.rows]

    assert desk.read()["verdicts"] == {"confirmed": 2 * ROWS}


def test_a_blank_copy_takes_nothing_back(desk: Desk) -> None:
    blank = desk.sheet.text()
    desk.sheet.fill(style_verdict="right")
    desk.read()

    read = desk.read(blank)

    assert (read["status"], read["annotations"], read["taken_back"]) == (0, 0, 0)
    assert desk.said[0].startswith(
        f"{ROWS} answers that were given before are blank in this sheet; they stay."
    )
    assert desk.read(desk.sheet)["annotations"] == 0


@pytest.mark.parametrize("kind", ["csv", "html"])
def test_a_sheet_is_never_written_over(desk: Desk, kind: str) -> None:
    """A second push erased what somebody had filled in."""
    filled = desk.folder / f"review.{kind}"
    filled.write_text("ten minutes of my life")
    at = ["-w", desk.folder, "push", "--to", kind]
    add_run(
        desk.gallery.workspace.__class__(desk.folder, desk.gallery.workspace.settings), {6: {"style": 0.1}}
    )

    named = desk.curate(*at, "--output", filled)
    pushed = desk.curate(*at, "--audit", "0", "--controls", "0")

    assert named.status == 1
    assert "is there already, and somebody may have filled it in" in named.stderr
    assert filled.read_text() == "ten minutes of my life"
    assert (desk.folder / f"review-2.{kind}").is_file()
    assert "1 artwork on the sheet" in pushed.stdout


def test_a_lost_sheet_is_written_again_after_a_new_run_too(desk: Desk) -> None:
    """Its artworks were asked about for ever, and by nobody."""
    (desk.folder / "review.csv").unlink()
    desk.sheet.rows = desk.sheet.rows[:1]
    desk.sheet.fill(style_verdict="right")
    desk.read()
    add_run(
        desk.gallery.workspace.__class__(desk.folder, desk.gallery.workspace.settings), {1: {"style": 0.2}}
    )
    at = ["-w", desk.folder, "push", "--to", "csv"]

    nothing = desk.curate(*at, "--audit", "0", "--controls", "0")
    again = desk.curate(*at, "--batch", 1)
    with (desk.folder / "review.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    desk.sheet.rows = rows
    desk.sheet.fill(style_verdict="right")

    assert nothing.stdout == (
        "Reviewers have been asked about all that is left; no sheet was written.\n"
        "5 artworks wait in the sheet of batch 1. If it was lost: curate push --to csv --batch 1\n"
    )
    assert again.status == 0
    assert len(rows) == ROWS - 1
    assert desk.read()["verdicts"] == {"confirmed": ROWS - 1}
    assert desk.curate(*at, "--batch", 9, "--output", "x").stderr == (
        "error: There is no batch 9 at sheet. There: 1. `curate status` lists all.\n"
    )


def test_a_row_that_is_asked_about_twice_must_say_which(desk: Desk) -> None:
    """The first batch was answered, the label flagged and asked about again, and the task cell lost."""
    desk.sheet.fill(style_verdict="right", reviewer="ann")
    desk.read()
    from db.reviews.asking.batches import Plan, PlannedItem
    from db.workspace.workspace import open_workspace
    from review.sheet.csv_sheet import write_sheet

    workspace = open_workspace(desk.folder)
    with workspace.open_catalog() as catalog:
        plan = Plan(1, 1, 1.0, [PlannedItem(1, "review", ("style",), 0.1)])
        write_sheet(workspace, catalog, plan, desk.folder / "second.csv")
    with (desk.folder / "second.csv").open(newline="") as file:
        desk.sheet.rows = list(csv.DictReader(file))
    desk.sheet.fill(task="", style_verdict="right", reviewer="bo")

    assert desk.read()["verdicts"] == {"confirmed": 1}, "the one that waits is meant"
    desk.sheet.fill(reviewer="cy")
    assert desk.read()["refused"] == 1
    assert "was asked about as 1-1, 2-1: write which of these it answers" in desk.said[0]


TEXTS = {
    "a line break of FileMaker": "two\x0blines",
    "a formula": "=1+1",
    "a formula behind a semicolon": "a;=1+1",
    "a formula behind a tab": "a\t@SUM(A1)",
    "quotes and a formula": 'a";=1+1',
    "an escape sequence": "\x1b[31mred",
    "what no workbook holds": "a\uffffb",
    "40,000 letters": "x" * 40_000,
    "a page": "</script><img src=x onerror=alert(1)>",
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_list_says_beside_the_labels_harms_no_sheet(curate: Curate, tmp_path: Path, name: str) -> None:
    """Cells that a spreadsheet would run, however it parts a line; letters that a workbook cannot hold."""
    folder, cells = tmp_path / "ws", [[f"{i}.png", STYLES[i % 3], TEXTS[name]] for i in range(6)]
    assert curate("init", folder, "--attributes", "style").status == 0
    for row in cells:
        draw_one(folder / row[0])
    listed = write_list(folder / "l.csv", cells, ("filepath", "style", "note"))
    assert curate("-w", folder, "ingest", listed, "--separator", ",", "--keep", "all").status == 0
    odds = [[f"{i}.png", *(("0.04", "0.9", "0.06")[(n - i) % 3] for n in range(3))] for i in range(6)]
    columns = ("filepath", *(f"style.{one}" for one in STYLES))
    given = write_list(tmp_path / "p.csv", odds, columns)
    assert curate("-w", folder, "import-predictions", given, "--out-of-sample", "fold").status == 0

    for kind in ("csv", "xlsx", "html"):
        out = tmp_path / f"s.{kind}"
        again = () if kind == "csv" else ("--batch", 1)
        done = curate("-w", folder, "push", "--to", kind, "--output", out, "--controls", 0, *again)
        assert done.status == 0, done.stderr
        assert out.is_file()
    for delimiter in ",;\t":
        with (tmp_path / "s.csv").open(newline="", encoding="utf-8-sig") as file:
            parted = [cell for row in csv.reader(file, delimiter=delimiter) for cell in row]
        assert not [cell for cell in parted if cell.lstrip('"').startswith(("=", "@", "+", "-"))]
    book = load_workbook(tmp_path / "s.xlsx")
    assert {cell.data_type for page in book for row in page.iter_rows() for cell in row} <= {"s", "n"}
    assert "<img src=x" not in (tmp_path / "s.html").read_text(encoding="utf-8")
    for kind in ("csv", "xlsx"):
        read = curate("-w", folder, "sync-corrections", "--from", tmp_path / f"s.{kind}", "--json")
        assert (read.status, read.json()["refused"]) == (0, 0), read.stderr


def test_what_to_type_next_names_the_sheet_that_waits(desk: Desk) -> None:
    """Without ``--from`` answers are looked for at a server that there may not be."""
    waiting = desk.curate("-w", desk.folder, "status")
    nowhere = desk.curate("-w", desk.folder, "sync-corrections")
    desk.sheet.fill(style_verdict="right", genre_verdict="right")
    desk.read()
    answered = desk.curate("-w", desk.folder, "status")

    assert waiting.stdout.endswith("Next: curate sync-corrections --from SHEET\n")
    assert nowhere.stderr == (
        "error: Nothing was sent to a server from here; 6 artworks of batch 1 wait in sheets. Name the one "
        "that was filled in: `curate sync-corrections --from SHEET`.\n"
    )
    assert "sync-corrections" not in answered.stdout
