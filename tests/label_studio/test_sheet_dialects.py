"""A sheet as Excel, LibreOffice and Numbers save it, in any locale, with the words that people write."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from db.models import Verdict
from tests.conftest import Curate
from tests.label_studio.conftest import CLASSES, Gallery, add_run, make_gallery
from tests.label_studio.test_contact_sheets import counted
from tests.label_studio.test_loop import labels

Rows = list[list[str]]


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """Six artworks, four of them flagged in style and genre."""
    made = make_gallery(tmp_path, "http://127.0.0.1:9", 6)
    add_run(made.workspace, {i: {"style": 0.1 + 0.1 * i, "genre": 0.3} for i in range(4)})
    return made


def filled(curate: Curate, gallery: Gallery, folder: Path) -> Rows:
    """Push a CSV sheet; return it with three rows answered in the words of three people."""
    sheet = folder / "review.csv"
    curate("-w", gallery.workspace.folder, "push", "--audit", "0", "--to", "csv", "--output", sheet)
    with sheet.open(newline="") as file:
        rows = list(csv.reader(file))
    said = [
        {"style_verdict": "WRONG", "style_class": "rococo", "genre_verdict": " Ok. ", "reviewer": "Zoë"},
        {"style_verdict": "Richtig", "genre_verdict": "FALSCH", "genre_class": "Still life"},
        {"style_verdict": "None of these", "genre_verdict": "Can’t tell", "comment": "à revoir; peut-être"},
    ]
    for row, cells in zip(rows[1:], said, strict=False):
        for column, cell in cells.items():
            row[rows[0].index(column)] = cell
    return rows


def separated(rows: Rows, separator: str, newline: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=newline, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


def dated(rows: Rows) -> Rows:
    """What Excel makes of the task ``1-2``: a date."""
    place = rows[0].index("task")
    return [rows[0], *[[*r[:place], f"0{n}. Jan", *r[place + 1 :]] for n, r in enumerate(rows[1:], 1)]]


DIALECTS: dict[str, Callable[[Rows], bytes]] = {
    "Excel, CSV UTF-8, German": lambda rows: separated(rows, ";").encode("utf-8-sig"),
    "Excel, CSV UTF-8, US": lambda rows: separated(rows, ",").encode("utf-8-sig"),
    "Excel, CSV, German": lambda rows: separated(rows, ";").encode("cp1252", "replace"),
    "Excel, Unicode text": lambda rows: separated(rows, "\t").encode("utf-16"),
    "Excel, with sep=": lambda rows: ("sep=;\r\n" + separated(rows, ";")).encode("utf-8-sig"),
    "Excel, with dates": lambda rows: separated(dated(rows), ";").encode("utf-8-sig"),
    "LibreOffice, all quoted": lambda rows: separated(rows, ",", "\n", csv.QUOTE_ALL).encode(),
    "LibreOffice, tabs": lambda rows: separated(rows, "\t", "\n").encode(),
    "Numbers": lambda rows: separated([[*row, ""] for row in rows], ";", "\n").encode(),
    "headers in capitals": lambda rows: separated([[c.upper() for c in rows[0]], *rows[1:]], ",").encode(),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_says_the_same(dialect: str, curate: Curate, gallery: Gallery, tmp_path: Path) -> None:
    saved = tmp_path / "saved.csv"
    saved.write_bytes(DIALECTS[dialect](filled(curate, gallery, tmp_path)))

    synced = curate("-w", gallery.workspace.folder, "sync-corrections", "--from", saved, "--json")

    assert synced.status == 0, synced.stderr
    assert synced.json()["verdicts"] == {"corrected": 2, "confirmed": 2, "none_of_these": 1, "unsure": 1}
    assert labels(gallery.workspace, "style")[0] == "Rococo"
    assert labels(gallery.workspace, "genre")[1] == "still_life"


def libreoffice(given: Path, kind: str, folder: Path, locale: str, *options: str) -> Path:
    """Open a file with LibreOffice and save it as another kind, as a person in some country does."""
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [
        "soffice",
        profile,
        "--headless",
        *options,
        "--convert-to",
        kind,
        "--outdir",
        str(folder / "out"),
    ]
    surroundings = os.environ | {"LC_ALL": locale, "LANG": locale}
    subprocess.run([*command, str(given)], check=True, timeout=300, capture_output=True, env=surroundings)
    return folder / "out" / given.with_suffix("." + kind.split(":")[0]).name


needs_libreoffice = pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")


@needs_libreoffice
@pytest.mark.parametrize("kind", ["xlsx", "csv", "csv:Text - txt - csv (StarCalc):59,34,ANSI"])
def test_what_libreoffice_saves_is_read(kind: str, curate: Curate, gallery: Gallery, tmp_path: Path) -> None:
    given = tmp_path / "given.csv"
    given.write_bytes(separated(filled(curate, gallery, tmp_path), ",").encode("utf-8"))

    # commas, double quotes, UTF-8: what the window says that it opens a CSV with, which is not shown here
    saved = libreoffice(given, kind, tmp_path, "C.UTF-8", "--infilter=CSV:44,34,76")
    synced = curate("-w", gallery.workspace.folder, "sync-corrections", "--from", saved, "--json")

    assert synced.json()["verdicts"] == {"corrected": 2, "confirmed": 2, "none_of_these": 1, "unsure": 1}


@needs_libreoffice
@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_our_workbook_saved_by_libreoffice_comes_back(
    kind: str, curate: Curate, gallery: Gallery, tmp_path: Path
) -> None:
    sheet, at = tmp_path / "review.xlsx", ["-w", gallery.workspace.folder]
    curate(*at, "push", "--audit", "0", "--to", "xlsx", "--output", sheet)
    book = load_workbook(sheet)
    page = book["review"]
    columns = {cell.value: cell.column for cell in page[1]}
    page.cell(2, columns["style_verdict"], True)
    page.cell(3, columns["style_verdict"], "faux")
    page.cell(3, columns["style_class"], "Art Nouveau")
    page.cell(4, columns["comment"], "vu le 3/4")
    book.save(sheet)

    saved = libreoffice(sheet, kind, tmp_path, "C.UTF-8")
    synced = curate(*at, "sync-corrections", "--from", saved, "--json")

    assert synced.json()["verdicts"] == {"confirmed": 1, "corrected": 1}
    assert labels(gallery.workspace, "style")[1] == "Art_Nouveau"
    if kind == "xlsx":
        rules = load_workbook(saved)["review"].data_validations.dataValidation
        assert any("none_of_these" in str(rule.formula1) for rule in rules)


def hidden(page: Worksheet, column: int) -> bool:
    """Whether a column is out of sight; columns side by side may be written as one range."""
    sizes = page.column_dimensions.values()
    return any(size.hidden and size.min <= column <= size.max for size in sizes)


def test_a_workbook_offers_its_words_and_comes_back(curate: Curate, gallery: Gallery, tmp_path: Path) -> None:
    sheet, at = tmp_path / "review.xlsx", ["-w", gallery.workspace.folder]
    curate(*at, "push", "--audit", "0", "--to", "xlsx", "--output", sheet)
    book = load_workbook(sheet)
    page = book["review"]
    columns = {cell.value: cell.column for cell in page[1]}
    offered = {rule.formula1 for rule in page.data_validations.dataValidation}
    pictures = len(page._images)
    page.cell(2, columns["style_verdict"], True)  # a truth value, as Excel makes of "wahr"
    page.cell(3, columns["style_verdict"], "faux")
    page.cell(3, columns["style_class"], "Art Nouveau")
    book.save(sheet)

    synced = curate(*at, "sync-corrections", "--from", sheet, "--json").json()

    assert synced["verdicts"] == {"confirmed": 1, "corrected": 1}
    assert labels(gallery.workspace, "style")[1] == "Art_Nouveau"
    assert '"right,wrong,atypical,none_of_these,unsure"' in offered
    assert "classes!$A$2:$A$4" in offered and pictures == 4
    seen = [page.cell(1, n + 1).value for n in range(12) if not hidden(page, n + 1)]
    assert seen[:6] == ["shown", "about", "style_label", "style_suggested", "style_why", "style_verdict"]
    shaded = {name for name, column in columns.items() if page.cell(1, column).fill.fgColor.rgb == "00FFF2CC"}
    verdicts = {f"{attribute}_{part}" for attribute in CLASSES for part in ("verdict", "class")}
    assert shaded == verdicts | {"picture", "comment", "reviewer"}
    assert any("richtig" in str(row[0].value) for row in book["words"].iter_rows())


def test_a_wrong_cell_costs_that_cell_and_the_words_are_named(
    curate: Curate, gallery: Gallery, tmp_path: Path
) -> None:
    rows = filled(curate, gallery, tmp_path)
    rows[1][rows[0].index("style_verdict")] = "rigth"
    saved, at = tmp_path / "saved.csv", ["-w", gallery.workspace.folder]
    saved.write_text(separated(rows, ";"))

    synced = curate(*at, "sync-corrections", "--from", saved)
    again = curate(*at, "sync-corrections", "--from", saved)

    told = "style_verdict says 'rigth', and takes right, wrong, atypical, none_of_these, unsure (in any case)"
    assert told in synced.stderr and told in again.stderr
    assert counted(gallery, Verdict.decision) == {
        "corrected": 1,
        "confirmed": 2,
        "none_of_these": 1,
        "unsure": 1,
    }


def test_a_file_that_only_looks_like_a_workbook(curate: Curate, gallery: Gallery, tmp_path: Path) -> None:
    odd = tmp_path / "odd.xlsx"
    odd.write_bytes(b"PK\x03\x04 no archive")

    refused = curate("-w", gallery.workspace.folder, "sync-corrections", "--from", odd)

    assert refused.status == 1
    assert "it is no xlsx workbook" in refused.stderr and refused.stderr.count("\n") == 1
