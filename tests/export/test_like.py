"""Any list in, the same list out: byte for byte, but for the cells that reviewers corrected."""

from __future__ import annotations

import csv
import random
import shutil
import zipfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font

from curate.export.curated_list import labels_frame
from curate.export.like import LikeSummary, export_like
from curate.ingest import ingest
from curate.ingest.tables.table import open_text_table
from curate.ingest.tables.text import Row, pieces, split_cells
from db.classes.classes import class_list, find_attribute, resolve_classes
from db.labels.table import find_artwork
from db.reviews.answering.answers import Decision
from db.reviews.answering.recording import decide
from db.spelling import fold
from db.workspace.workspace import Workspace, open_workspace
from tests.conftest import Curate

slow = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def fresh(template: Path, folder: Path) -> Workspace:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder)
    return open_workspace(folder)


def correct(workspace: Workspace, attribute: str, to: dict[str, str]) -> None:
    """Decide as a reviewer which class some artworks have, by their path or id."""
    with workspace.open_catalog() as catalog, catalog.write() as session:
        of = find_attribute(session, attribute)
        ids = resolve_classes(session, of, to.values(), "test")
        for at, (reference, name) in enumerate(to.items()):
            artwork = find_artwork(session, reference)
            decision = Decision(of.id, "corrected", ids[name])
            decide(session, artwork.id, [decision], user="ada", annotation_id=f"{at}", comment="seen")


def like(workspace: Workspace, source: Path, out: Path) -> LikeSummary:
    with workspace.open_catalog() as catalog:
        return export_like(workspace, catalog, source, out)


# Any dialect, any classes -----------------------------------------------------------------------------

NO_LINE = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff")
CLASSES = st.lists(st.text(NO_LINE, min_size=1, max_size=12), min_size=2, max_size=6, unique=True)
CELLS = st.text(st.one_of(NO_LINE, st.sampled_from("\n,;\t|\"' ")), max_size=20)


@st.composite
def lists(draw: st.DrawFn) -> dict[str, Any]:
    """A list of 3 to 12 rows in a random dialect."""
    rows = draw(st.integers(3, 12))
    classes = draw(CLASSES)
    return {
        "rows": [
            (f"{at}.jpg", draw(st.sampled_from(classes)), draw(CELLS), f"Inv {at}") for at in range(rows)
        ],
        "delimiter": draw(st.sampled_from(",;\t|")),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        "end": draw(st.sampled_from(["\n", "\r\n"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])),
        "last": draw(st.booleans()),
        "order": draw(st.permutations(range(4))),
    }


def written(one: dict[str, Any], rows: Sequence[tuple[str, ...]] | None = None) -> bytes:
    """Return a list's bytes in its dialect."""
    text = StringIO()
    writer = csv.writer(text, delimiter=one["delimiter"], quoting=one["quoting"], lineterminator=one["end"])
    header = ("File name", "Stil", "Bemerkung", "Inventory no.")
    for row in [header, *(rows or one["rows"])]:
        writer.writerow([row[at] for at in one["order"]])
    whole = text.getvalue() if one["last"] else text.getvalue().removesuffix(one["end"])
    return whole.encode(one["encoding"])


@pytest.mark.slow
@slow
@given(one=lists(), seed=st.integers(0, 1000))
def test_any_list_comes_out_as_it_went_in(
    tmp_path: Path, empty_workspace: Path, one: dict[str, Any], seed: int
) -> None:
    workspace = fresh(empty_workspace, tmp_path / "ws")
    source, out = tmp_path / "list.csv", tmp_path / "out.csv"
    source.write_bytes(written(one))
    stated = {"separator": {"\t": "tab"}.get(one["delimiter"], one["delimiter"]), "encoding": one["encoding"]}

    summary = ingest(workspace, source, check_images=False, stated=stated)
    same = like(open_workspace(workspace.folder), source, out)

    assert summary.written.added == len(one["rows"])
    assert out.read_bytes() == source.read_bytes()
    assert (same.rows, same.unknown, same.changes) == (len(one["rows"]), 0, [])

    chosen = random.Random(seed).sample(range(len(one["rows"])), 2)
    correct(open_workspace(workspace.folder), "style", {f"{at}.jpg": "Neue Klasse" for at in chosen})
    done = like(open_workspace(workspace.folder), source, out)

    expected = [
        (path, "Neue Klasse" if at in chosen else style, note, id_)
        for at, (path, style, note, id_) in enumerate(one["rows"])
    ]
    assert len(done.changes) == 2
    assert read(out, one) == read_rows(one, expected)
    unchanged = [line for at, line in enumerate(lines(source)) if at not in touched(source, chosen)]
    assert [line for at, line in enumerate(lines(out)) if at not in touched(source, chosen)] == unchanged


OTHER_QUOTES: list[dict[str, Any]] = [
    {"quotechar": "'"},
    {"quotechar": "'", "doublequote": False, "escapechar": "\\"},
    {"quotechar": '"', "doublequote": False, "escapechar": "\\"},
]
"""What databases and programs write: apostrophes for quotes, a backslash before a quote in a cell."""
ESCAPED = st.text(st.one_of(NO_LINE, st.sampled_from("\n,;\"'\\")), max_size=20)


@pytest.mark.slow
@slow
@given(
    one=lists(),
    quotes=st.sampled_from(OTHER_QUOTES),
    classes=st.lists(ESCAPED.filter(str.strip), min_size=1, max_size=4),
    cells=st.lists(ESCAPED, min_size=1, max_size=4),
)
def test_other_quotes_are_read_right_and_written_back(
    tmp_path: Path,
    empty_workspace: Path,
    one: dict[str, Any],
    quotes: dict[str, Any],
    classes: list[str],
    cells: list[str],
) -> None:
    delimiter, quote = one["delimiter"], quotes["quotechar"]
    telling = f"one {quote}cell{quote}{delimiter} two"
    rows = [
        (path, classes[at % len(classes)], cells[at % len(cells)] if at else telling, inventory)
        for at, (path, _, _, inventory) in enumerate(one["rows"])
    ]

    def text(rows: Sequence[tuple[str, ...]]) -> str:
        out = StringIO()
        options = {"delimiter": delimiter, "quoting": one["quoting"], "lineterminator": one["end"], **quotes}
        csv.writer(out, **options).writerows([("File name", "Stil", "Bemerkung", "Inventory no."), *rows])
        return out.getvalue()

    workspace = fresh(empty_workspace, tmp_path / "ws")
    source, out = tmp_path / "list.csv", tmp_path / "out.csv"
    source.write_bytes(text(rows).encode())

    table = open_text_table(source)
    assert [row.cells for row in table.rows() if isinstance(row, Row)] == [list(row) for row in rows]
    ingest(workspace, source, check_images=False)
    like(open_workspace(workspace.folder), source, out)
    assert out.read_bytes() == source.read_bytes()

    correct(open_workspace(workspace.folder), "style", {"1.jpg": 'L\'art "neuf"'})
    done = like(open_workspace(workspace.folder), source, out)

    assert [change.new for change in done.changes] == ['L\'art "neuf"']
    expected = [(p, 'L\'art "neuf"' if at == 1 else s, n, i) for at, (p, s, n, i) in enumerate(rows)]
    corrected = open_text_table(out)
    assert [row.cells for row in corrected.rows() if isinstance(row, Row)] == [list(row) for row in expected]
    if one["quoting"] == csv.QUOTE_ALL:
        assert out.read_bytes() == text(expected).encode()


def test_what_mysql_writes_without_quotes_is_read_right_and_written_back(
    tmp_path: Path, empty_workspace: Path
) -> None:
    """``SELECT … INTO OUTFILE``: a backslash before tabs, line ends and backslashes; ``\\N`` for nothing."""
    text = (
        "File name\tStil\tBemerkung\n"
        "0.jpg\tBarock\ttwo\\\nlines\n"
        "1.jpg\tBarock\tends with one\\\n\n"
        '2.jpg\t\\N\ta\\\ttab, a \\\\ and a 12" frame\n'
        "3.jpg\tRokoko\t\\N\n"
    )
    workspace = fresh(empty_workspace, tmp_path / "ws")
    source, out = tmp_path / "list.tsv", tmp_path / "out.tsv"
    source.write_bytes(text.encode())

    read = [row.cells[1:] for row in open_text_table(source).rows() if isinstance(row, Row)]
    ingest(workspace, source, check_images=False)
    like(open_workspace(workspace.folder), source, out)
    same = out.read_bytes()
    correct(open_workspace(workspace.folder), "style", {"1.jpg": "Rokoko"})
    like(open_workspace(workspace.folder), source, out)

    assert read == [
        ["Barock", "two\nlines"],
        ["Barock", "ends with one\n"],
        ["\\N", 'a\ttab, a \\ and a 12" frame'],
        ["Rokoko", "\\N"],
    ]
    assert same == text.encode()
    assert out.read_bytes() == text.replace("1.jpg\tBarock", "1.jpg\tRokoko").encode()


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("file,style\n'a.jpg',x\nb.jpg,'y'\n", ["'a.jpg'", "x"]),
        ("file,style,note\na.jpg,'Still, life,x\nb.jpg,y,\n", ["a.jpg", "'Still", " life", "x"]),
        ('file,style\na.jpg,x\\"y\nb.jpg,"z"\n', ["a.jpg", 'x\\"y']),
        ("file,style\na.jpg,'t Hooft\nb.jpg,Rock 'n' Roll, live\n", ["a.jpg", "'t Hooft"]),
    ],
    ids=["quotes that nothing needs", "one slip", "an inch", "apostrophes"],
)
def test_quotes_are_the_usual_ones_unless_that_is_certain(
    tmp_path: Path, text: str, cells: list[str]
) -> None:
    (tmp_path / "list.csv").write_text(text)

    first = next(open_text_table(tmp_path / "list.csv").rows())

    assert isinstance(first, Row) and first.cells == cells


def lines(path: Path) -> list[str]:
    """Return the pieces of a list, a row each."""
    table = open_text_table(path)
    return [piece.raw for piece, _ in table.pieces()]


def touched(path: Path, chosen: list[int]) -> set[int]:
    return {at + 1 for at in chosen}


def read(path: Path, one: dict[str, Any]) -> list[list[str]]:
    text = path.read_bytes().decode(one["encoding"])
    return list(csv.reader(StringIO(text, newline=""), delimiter=one["delimiter"]))


def read_rows(one: dict[str, Any], rows: Sequence[tuple[str, ...]]) -> list[list[str]]:
    return list(
        csv.reader(
            StringIO(written(one, rows).decode(one["encoding"]), newline=""), delimiter=one["delimiter"]
        )
    )


ANY_CLASS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.mark.slow
@slow
@given(first=ANY_CLASS, second=ANY_CLASS)
@example(first="A+", second="A-")
@example(first="C#", second="C++")
@example(first="<1500", second=">1500")
@example(first="काला", second="कीला")
@example(first="パン", second="バン")
@example(first="Café", second="Cafe")
@example(first="3", second="3.0")
@example(first="-1", second="'-1")
@example(first="art nouveau", second="Art_Nouveau")
def test_no_class_ever_turns_into_another(
    tmp_path: Path, empty_workspace: Path, first: str, second: str
) -> None:
    """Two artworks with two strings: each comes out as it went in, or, where it is no label, as nothing."""
    workspace = fresh(empty_workspace, tmp_path / "ws")
    with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("filepath", "style"), ("a.jpg", first), ("b.jpg", second)])
    data = (tmp_path / "list.csv").read_bytes()

    ingest(workspace, tmp_path / "list.csv", check_images=False)
    like(workspace, tmp_path / "list.csv", tmp_path / "out.csv")
    with workspace.open_catalog() as catalog:
        frame = labels_frame(catalog)
        with catalog.read() as session:
            classes = class_list(session, find_attribute(session, "style"))

    assert (tmp_path / "out.csv").read_bytes() == data
    for given_, exported in zip((first, second), frame["style"], strict=True):
        assert exported in (given_.strip(), "")
    if fold(first) != fold(second):
        assert len(set(classes.live())) == sum(bool(exported) for exported in frame["style"])


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from('ab",;\n\r '), max_size=40), delimiter=st.sampled_from(",;"))
def test_the_pieces_of_a_text_are_the_text(text: str, delimiter: str) -> None:
    found = list(pieces(StringIO(text, newline="\n"), delimiter, whole=True))

    assert "".join(piece.raw for piece in found) == text
    for piece in found:
        if isinstance(piece.row, Row):
            cells = split_cells(piece.raw.rstrip("\r\n"), delimiter)
            assert cells is not None and delimiter.join(cells) == piece.raw.rstrip("\r\n")
            assert len(cells) == len(piece.row.cells)


# Workbooks --------------------------------------------------------------------------------------------


def workbook(path: Path, rows: list[list[object]]) -> Path:
    """Write a workbook as a registrar's: a sheet before the list's, a style, a formula, a gap."""
    book = Workbook()
    book.active.title = "Hinweise"
    sheet = book.create_sheet("Bestand")
    for row in rows:
        sheet.append(row)
    sheet["A1"].font = Font(bold=True)
    sheet.column_dimensions["B"].width = 40
    book.save(path)
    return path


def test_a_workbook_keeps_all_but_its_corrected_cells(tmp_path: Path, workspace: Workspace) -> None:
    source = workbook(
        tmp_path / "list.xlsx",
        [
            ["Inventar Nr", "Dateiname", "Künstler", "Gattung", "Jahr"],
            ["I 1", "1.jpg", "Ada & Eve", "Porträt", 1897],
            ["I 2", "2.jpg", "Bob", None, 1898.5],
            ["I 3", "3.jpg", "o. J.", "Porträt; Landschaft", "=E2+1"],
        ],
    )
    summary = ingest(workspace, source, check_images=False)
    assert summary.remarks == [
        "list.xlsx is read with --file Dateiname --map Gattung=genre "
        "--map 'Künstler=artist' --id 'Inventar Nr' --sheet Bestand; kept: Inventar Nr, Jahr"
    ]
    workspace = open_workspace(workspace.folder)

    like(workspace, source, tmp_path / "same.xlsx")
    correct(workspace, "genre", {"I 2": "Land <& Leute>", "I 3": "Porträt"})
    done = like(workspace, source, tmp_path / "out.xlsx")

    assert (tmp_path / "same.xlsx").read_bytes() == source.read_bytes()
    assert [(change.row, change.old, change.new) for change in done.changes] == [
        (3, "", "Land <& Leute>"),
        (4, "Porträt; Landschaft", "Porträt"),
    ]
    before, after = load_workbook(source)["Bestand"], load_workbook(tmp_path / "out.xlsx")["Bestand"]
    cells = {cell.coordinate: cell.value for row in before.iter_rows() for cell in row}
    found = {cell.coordinate: cell.value for row in after.iter_rows() for cell in row}
    assert found == {**cells, "D3": "Land <& Leute>", "D4": "Porträt"}
    assert after["A1"].font.bold and after.column_dimensions["B"].width == 40
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(tmp_path / "out.xlsx") as new:
        assert old.namelist() == new.namelist()
        differ = [name for name in old.namelist() if old.read(name) != new.read(name)]
    assert differ == ["xl/worksheets/sheet2.xml"]


# The command ------------------------------------------------------------------------------------------


def test_like_with_its_changes(tmp_path: Path, folder: Path, curate: Curate) -> None:
    source = tmp_path / "Liste.csv"
    source.write_bytes(
        "\ufeffInventory no.;Titel;File name;Künstler;Gattung\r\n"
        '1;"Haus; blau";a.jpg;"Nolde, Emil";Landschaft\r\n'
        "2;Ida;b.jpg;Werkstatt Nolde;portrait\r\n"
        ";;;;\r\n"
        "3;Ohne Bild;;Kandinsky;Landschaft\r\n".encode()
    )
    taken = curate("-w", folder, "ingest", source, "--images", "none", "--map", "Künstler=artist", "--json")
    assert taken.json()["withheld"] == {"artist": {"qualified": 1}}
    assert curate("-w", folder, "classes", "add", "genre", "Stillleben").status == 0
    assert curate("-w", folder, "label", "2", "genre", "Landschaft", "--comment", "seen").status == 0
    assert curate("-w", folder, "label", "1", "artist", "Nolde, Emil").status == 0

    done = curate(
        "-w", folder, "export", tmp_path / "out.csv", "--like", source, "--changes", tmp_path / "c.csv"
    )

    assert done.stdout == f"{tmp_path / 'out.csv'}: 4 rows like Liste.csv, 1 cells corrected\n"
    assert (tmp_path / "out.csv").read_bytes() == source.read_bytes().replace(b";portrait", b";Landschaft")
    changed = list(csv.DictReader(StringIO((tmp_path / "c.csv").read_text(encoding="utf-8"))))
    assert [{**row, "when": "", "who": ""} for row in changed] == [
        {
            "id": "2",
            "file": "b.jpg",
            "attribute": "genre",
            "old": "portrait",
            "new": "Landschaft",
            "decision": "corrected",
            "who": "",
            "when": "",
            "why": "seen",
        }
    ]


def test_a_list_that_was_never_ingested(tmp_path: Path, folder: Path, curate: Curate) -> None:
    (tmp_path / "other.csv").write_text("filepath,style\na.jpg,x\n")

    done = curate("-w", folder, "export", tmp_path / "out.csv", "--like", tmp_path / "other.csv")

    assert (done.status, done.stderr) == (
        1,
        f"error: {tmp_path}/other.csv: no list with these columns was ingested into this catalog. "
        f"Type `curate ingest {tmp_path}/other.csv` first, or name the list that was.\n",
    )
    assert not (tmp_path / "out.csv").exists()


def test_a_class_that_the_lists_encoding_cannot_write(tmp_path: Path, folder: Path, curate: Curate) -> None:
    source = tmp_path / "list.csv"
    source.write_bytes("filepath;style\r\na.jpg;Jugendstil – früh\r\n".encode("cp1252"))
    assert curate("-w", folder, "ingest", source, "--images", "none").status == 0
    curate("-w", folder, "classes", "add", "style", "Модерн")
    assert curate("-w", folder, "label", "a.jpg", "style", "Модерн").status == 0

    done = curate("-w", folder, "export", tmp_path / "out.csv", "--like", source)

    assert done.status == 1
    assert done.stderr.startswith(
        f"error: {source}, line 2: 'Модерн' has characters that cp1252 cannot write"
    )
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("format", ["csv", "xlsx", "parquet"])
def test_every_table_format_gives_each_row_its_own_spelling(
    tmp_path: Path, folder: Path, curate: Curate, format: str
) -> None:
    import pandas as pd

    rows = [("a.jpg", "Art Nouveau"), ("b.jpg", "art_nouveau"), ("c.jpg", "-1"), ("d.jpg", "A+")]
    text = "filepath,style\n" + "".join(f"{path},{style}\n" for path, style in rows)
    (tmp_path / "list.csv").write_text(text)
    curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none")

    curate("-w", folder, "export", tmp_path / f"out.{format}")

    read: Any = {"csv": pd.read_csv, "xlsx": pd.read_excel, "parquet": pd.read_parquet}[format]
    options = {} if format == "parquet" else {"dtype": str, "keep_default_na": False}
    found = read(tmp_path / f"out.{format}", **options)
    assert list(zip(found["filepath"], found["style"], strict=True)) == rows
