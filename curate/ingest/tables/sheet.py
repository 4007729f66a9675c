"""Workbooks: a sheet's cells as text, and single cells changed while all else of the file stays."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path, PurePosixPath
from xml.sax.saxutils import escape

from curate.ingest.errors import BadOption, SourceUnreadable
from curate.ingest.tables.table import column_names
from curate.ingest.tables.text import Row

LARGEST = 1 << 30
"""Bytes that a workbook may unpack to."""
UNREADABLE = (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, EOFError)
"""What openpyxl raises where a file is not a workbook, or a damaged one."""


@dataclass
class SheetTable:
    """One sheet of a workbook; the first row with two cells or more is its header."""

    path: Path
    sheet: str
    columns: list[str]
    header_row: int
    total: int | None
    stated: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header; empty ones are left out."""
        width = len(self.columns)
        for number, cells in _cells(self.path, self.sheet):
            if number > self.header_row and any(cells):
                yield Row(number, (cells + [""] * width)[: max(width, _last(cells))])


def open_sheet(path: Path, sheet: str | None) -> SheetTable:
    """Open a sheet; the first one that has a header if None is named.

    Raises:
        SourceUnreadable: It is not a workbook, or has no rows.
        BadOption: It has no such sheet.
    """
    names = _sheet_names(path)
    if sheet is not None and sheet not in names:
        raise BadOption(
            f"--sheet {sheet}", f"{path.name} has the sheets {', '.join(names)}", "Name one of these."
        )
    for name in [sheet] if sheet is not None else names:
        for number, cells in _cells(path, name):
            if sum(map(bool, cells)) > 1:
                width = _last(cells)
                stated = {"--sheet": name} if len(names) > 1 else {}
                return SheetTable(
                    path=path,
                    sheet=name,
                    columns=column_names(cells[:width]),
                    header_row=number,
                    total=None,
                    stated=stated,
                )
    raise SourceUnreadable(path, "none of its sheets has a row with two cells")


def _last(cells: list[str]) -> int:
    return max((at + 1 for at, cell in enumerate(cells) if cell), default=0)


def _sheet_names(path: Path) -> list[str]:
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise SourceUnreadable(path, f"it unpacks to more than {LARGEST >> 30} GiB")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(path, read_only=True, data_only=True)
        names = [sheet.title for sheet in book.worksheets]
        book.close()
    except UNREADABLE as error:
        raise SourceUnreadable(path, f"it is not a workbook ({error})") from error
    return names


def _cells(path: Path, sheet: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a sheet as text, by their numbers."""
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            for number, row in enumerate(book[sheet].iter_rows(values_only=True), 1):
                yield number, [cell_text(value) for value in row]
        except UNREADABLE as error:
            raise SourceUnreadable(path, f"sheet {sheet} is damaged ({error})") from error
        finally:
            book.close()


def cell_text(value: object) -> str:
    """Return a cell's value as text: whole numbers without a point, days without a time.

    Example:
        >>> cell_text(3.0), cell_text(datetime(1923, 4, 1)), cell_text(True), cell_text(None)
        ('3', '1923-04-01', 'TRUE', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return value.date().isoformat() if midnight else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


# Written again -----------------------------------------------------------------------------------------

ROW = re.compile(rb"<row(?=[\s/>])(?P<attributes>[^>]*?)(?:/>|>(?P<body>.*?)</row>)", re.S)
CELL = re.compile(rb"<c(?=[\s/>])(?P<attributes>[^>]*?)(?:/>|>.*?</c>)", re.S)
NUMBER = re.compile(rb'\br="[A-Z]*(\d+)"')
COLUMN = re.compile(rb'\br="([A-Z]+)\d*"')
STYLE = re.compile(rb'\bs="[^"]*"')


def write_sheet_like(path: Path, sheet: str, changed: Mapping[tuple[int, int], str], out: Path) -> None:
    """Write a workbook again with some cells of a sheet changed; every other part of it keeps its bytes.

    Args:
        path: The workbook.
        sheet: The sheet's name.
        changed: Text by (row number, column index from 0).
        out: The file to write; it may not be ``path``.

    Raises:
        SourceUnreadable: The sheet's XML is not as spreadsheets write it.
    """
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, path, sheet)
        edited = _edited(path, archive.read(part), changed)
        with zipfile.ZipFile(out, "w") as copy:
            copy.comment = archive.comment
            for member in archive.infolist():
                data = edited if member.filename == part else archive.read(member)
                copy.writestr(member, data, compress_type=member.compress_type)


def _part_of(archive: zipfile.ZipFile, path: Path, sheet: str) -> str:
    """Return the name of the archive's member that holds a sheet."""
    from defusedxml.ElementTree import fromstring

    relations = {
        one.get("Id"): one.get("Target") for one in fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    for one in fromstring(archive.read("xl/workbook.xml")).iter():
        if one.tag.endswith("}sheet") and one.get("name") == sheet:
            link = next(value for key, value in one.items() if key.endswith("}id"))
            target = relations[link]
            return target[1:] if target.startswith("/") else str(PurePosixPath("xl") / target)
    raise SourceUnreadable(path, f"it has no sheet {sheet}")


def _edited(path: Path, xml: bytes, changed: Mapping[tuple[int, int], str]) -> bytes:
    by_row: dict[int, dict[int, str]] = {}
    for (number, column), text in changed.items():
        by_row.setdefault(number, {})[column] = text
    last = 0

    def edit(match: re.Match[bytes]) -> bytes:
        nonlocal last
        stated = NUMBER.search(match["attributes"])
        last = int(stated[1]) if stated else last + 1
        cells = by_row.pop(last, None)
        if cells is None:
            return match[0]
        body = _edited_row(match["body"] or b"", last, cells)
        return b"<row" + match["attributes"].rstrip(b"/ ") + b">" + body + b"</row>"

    edited = ROW.sub(edit, xml)
    if by_row:
        raise SourceUnreadable(path, f"row {min(by_row)} is not where a spreadsheet would have written it")
    return edited


def _edited_row(body: bytes, number: int, cells: Mapping[int, str]) -> bytes:
    """Return a row's cells with some replaced, or put in where there was none."""
    waiting = dict(sorted(cells.items()))
    parts, end, last = [], 0, -1
    for match in CELL.finditer(body):
        stated = COLUMN.search(match["attributes"])
        last = _index(stated[1].decode()) if stated else last + 1
        parts.append(body[end : match.start()])
        for column in [column for column in waiting if column < last]:
            parts.append(_cell(number, column, waiting.pop(column), b""))
        if last in waiting:
            style = STYLE.search(match["attributes"])
            parts.append(_cell(number, last, waiting.pop(last), style[0] if style else b""))
        else:
            parts.append(match[0])
        end = match.end()
    parts += [_cell(number, column, text, b"") for column, text in waiting.items()]
    return b"".join([*parts, body[end:]])


def _cell(number: int, column: int, text: str, style: bytes) -> bytes:
    said = escape(text).encode()
    return (
        f'<c r="{_letters(column)}{number}" '.encode()
        + (style + b" " if style else b"")
        + b't="inlineStr"><is><t xml:space="preserve">'
        + said
        + b"</t></is></c>"
    )


def _index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


def _letters(column: int) -> str:
    letters, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
