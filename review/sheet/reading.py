"""The cells of a sheet, however a spreadsheet saved it: CSV in any dialect and encoding, or xlsx.

Excel writes semicolons where the comma is the decimal sign, a byte order mark, UTF-16 with tabs as "Unicode
text", the old code page of the system as plain CSV, and sometimes a first line ``sep=;``. The header tells
which it is: it is read by the separator with which most of its columns are known ones.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import charset_normalizer
from openpyxl import load_workbook

from review.errors import SheetUnreadable
from review.sheet.cells import unguarded

SEPARATORS = ",;\t|"

LARGEST_CELL = 10_000_000
"""Characters of one cell; more is no comment any more."""

MOST_NULS = 16
"""A file of which more than a sixteenth is NUL is no text."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

OTHER_SCRIPTS = ["cp1251", "cp1253", "cp932", "cp949", "gb18030"]
"""What spreadsheets write, not being Unicode, in Cyrillic, Greek, Japanese, Korean and Chinese."""

LATIN = "cp1252"
"""What they write elsewhere."""

Rows = list[tuple[int, Mapping[str, str]]]


def read_cells(path: Path, known: Sequence[str]) -> tuple[list[str], Rows]:
    """Return a sheet's columns, and its rows as (line, cells by column); blank rows are left out.

    Args:
        path: The file.
        known: The columns that a sheet may have; another spelling of their case is taken for them.

    Raises:
        SheetUnreadable: It is no table, or a row has cells beyond the header.
    """
    data = path.read_bytes()
    table = _workbook(path, data) if data.startswith(b"PK\x03\x04") else _text(path, data, known)
    columns: list[str] = []
    rows: Rows = []
    names = {name.casefold(): name for name in known}
    for line, cells in table:
        if not columns:
            columns = [names.get(cell.strip().casefold(), cell.strip()) for cell in cells]
            while columns and not columns[-1]:
                columns.pop()
        elif any(cell.strip() for cell in cells[len(columns) :]):
            raise SheetUnreadable(path, f"line {line} has more cells than there are columns")
        elif any(cell.strip() for cell in cells):
            rows.append((line, defaultdict(str, zip(columns, map(unguarded, cells), strict=False))))
    return columns, rows


def _text(path: Path, data: bytes, known: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a CSV."""
    text = _decoded(path, data)
    if "\n" not in text:
        text = text.replace("\r", "\n")  # as Macs of old ended their lines
    csv.field_size_limit(LARGEST_CELL)
    skipped = 0
    first, _, rest = text.partition("\n")
    if first.strip().casefold().startswith("sep=") and len(first.strip()) == 5:
        text, skipped = rest, 1
        separator = first.strip()[4]
    else:
        separator = _separator(text, known)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for cells in reader:
            yield reader.line_num + skipped, cells
    except csv.Error as error:
        raise SheetUnreadable(path, str(error)) from error


def _decoded(path: Path, data: bytes) -> str:
    if b"\0" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if data.count(b"\0") * MOST_NULS > len(data):
            raise SheetUnreadable(path, "it holds NUL bytes: it is no CSV, or was damaged")
        data = data.replace(b"\0", b"")  # strays in cells, which say nothing
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise SheetUnreadable(path, str(error)) from error
    guessed = charset_normalizer.from_bytes(data, cp_isolation=[LATIN, *OTHER_SCRIPTS]).best()
    if guessed is not None and guessed.encoding in OTHER_SCRIPTS:
        return str(guessed)
    try:
        return data.decode(LATIN)
    except UnicodeDecodeError as error:
        raise SheetUnreadable(path, "its encoding is unknown; save it as CSV UTF-8 or xlsx") from error


def _separator(text: str, known: Sequence[str]) -> str:
    """Return the separator with which the header has most known columns."""
    header = next((line for line in text.splitlines() if line), "")[:LARGEST_CELL]
    wanted = {name.casefold() for name in known}

    def found(separator: str) -> int:
        cells = next(csv.reader([header], delimiter=separator), [])
        return sum(cell.strip().casefold() in wanted for cell in cells)

    return max(SEPARATORS, key=found)


def _workbook(path: Path, data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a workbook's first sheet, as a CSV would have them."""
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise SheetUnreadable(path, f"it is no xlsx workbook ({error}); save it as xlsx or CSV") from error
    try:
        for line, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield line, [_as_text(cell) for cell in cells]
    finally:
        book.close()


def _as_text(cell: object) -> str:
    """Return a cell as a CSV would have it; whole numbers without a point."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
