"""The cells of a sheet, however a spreadsheet saved it: CSV in any dialect and encoding, or xlsx.

Excel writes semicolons where the comma is the decimal sign, a byte order mark, UTF-16 with tabs as "Unicode
text", the old code page of the system as plain CSV, and sometimes a first line ``sep=;``. The header tells
which it is: it is read by the separator with which most of its columns are known ones.
"""

from __future__ import annotations

import codecs
import csv
import io
import warnings
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

DAMAGE = "\0\0"
"""What a disk leaves where a file's text was not written; a NUL alone is a slip, and means nothing."""

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


def read_cells(path: Path, column_names: Sequence[str]) -> tuple[list[str], Rows]:
    """Return a sheet's columns, and its rows as (line, cells by column); blank rows are left out.

    Args:
        path: The file.
        column_names: Those that a sheet may have; another spelling of their case is taken for them.

    Raises:
        SheetUnreadable: It is no table, or a row has cells beyond the header.
    """
    data = path.read_bytes()
    table = _workbook(path, data) if data.startswith(b"PK\x03\x04") else _text(path, data, column_names)
    columns: list[str] = []
    rows: Rows = []
    names = {name.casefold(): name for name in column_names}
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


def _text(path: Path, data: bytes, column_names: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a CSV."""
    text = _decoded(path, data)
    if "\n" not in text:
        text = text.replace("\r", "\n")  # as Macs of old ended their lines
    csv.field_size_limit(LARGEST_CELL)
    skipped = 0
    csv.field_size_limit(LARGEST_CELL)
    first = _first_line(text)
    if first.strip().casefold().startswith("sep=") and len(first.strip()) == 5:
        text, skipped = text[len(first) :], 1
        separator = first.strip()[4]
    else:
        separator = _separator(text, column_names)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for cells in reader:
            yield reader.line_num + skipped, cells
    except csv.Error as error:
        raise SheetUnreadable(path, str(error)) from error


def _first_line(text: str) -> str:
    """Return the first line with its end, which is ``\\r`` alone on an old Mac."""
    return io.StringIO(text, newline="").readline()


def _decoded(path: Path, data: bytes) -> str:
    """Return the text without the NULs of single cells.

    Raises:
        SheetUnreadable: It is no text: its first line has NULs, or it has several together.
    """
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), None)
    text = _decoded_as(path, data, encoding)
    if "\0" in _first_line(text) or DAMAGE in text:
        raise SheetUnreadable(path, "it holds NUL bytes: it is no CSV, or was damaged")
    return text.replace("\0", "")


def _decoded_as(path: Path, data: bytes, encoding: str | None) -> str:
    """Return the text in the encoding that its mark names, else in UTF-8 or what it looks like."""
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding is not None:
            said = f"it begins as {encoding.removesuffix('-sig').upper()}, and was cut off or damaged"
            raise SheetUnreadable(path, said) from error
    guessed = charset_normalizer.from_bytes(data, cp_isolation=[LATIN, *OTHER_SCRIPTS]).best()
    if guessed is not None and guessed.encoding in OTHER_SCRIPTS:
        return str(guessed)
    try:
        return data.decode(LATIN)
    except UnicodeDecodeError as error:
        raise SheetUnreadable(path, "its encoding is unknown; save it as CSV UTF-8 or xlsx") from error


def _separator(text: str, column_names: Sequence[str]) -> str:
    """Return the separator with which the header has most known columns."""
    header = _first_line(text.lstrip("\r\n"))
    wanted = {name.casefold() for name in column_names}

    def matches(separator: str) -> int:
        try:
            cells = next(csv.reader([header], delimiter=separator), [])
        except csv.Error:  # a cell without end
            return 0
        return sum(cell.strip().casefold() in wanted for cell in cells)

    return max(SEPARATORS, key=matches)


def _workbook(path: Path, data: bytes) -> list[tuple[int, list[str]]]:
    """Return the rows of a workbook's first sheet, as a CSV would have them."""
    try:
        # What openpyxl warns of (styles, drop-down lists of Excel's own kind) is not read from here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            rows = enumerate(book.worksheets[0].iter_rows(values_only=True), 1)
            return [(line, [_as_text(cell) for cell in cells]) for line, cells in rows]
    except Exception as error:  # openpyxl, zipfile and the XML parser raise whatever the damage leads to
        said = " ".join(str(error).split()) or type(error).__name__
        raise SheetUnreadable(path, f"it is no xlsx workbook ({said}); save it as xlsx or CSV") from error


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
