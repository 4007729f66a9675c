"""A table, whatever it is kept in: the names of its columns, and its rows as text."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from curate.ingest.errors import BadOption, SourceUnreadable
from curate.ingest.records import Refused, shown
from curate.ingest.tables.dialect import Dialect, guess_delimiter, guess_dialect
from curate.ingest.tables.encoding import SAMPLE, TextEncoding, guess_encoding
from curate.ingest.tables.quoting import STANDARD, Quoting
from curate.ingest.tables.text import Piece, Row, open_text, pieces

SAMPLED = 400
"""Rows that are looked at to guess what a column is."""
SHEETS = (".xlsx", ".xlsm")
TEXTS = (".csv", ".tsv", ".txt", ".tab")
PARQUET = ".parquet"


class Table(Protocol):
    """A table that is open for reading."""

    columns: list[str]
    """As written, white space around them dropped; a name that stands twice is told apart by its place."""
    stated: dict[str, str]
    """The options that say how it is read, where that is not plain UTF-8 with commas."""

    @property
    def name(self) -> str:
        """The file's name, or what the caller calls it."""

    @property
    def total(self) -> int | None:
        """About how many rows it has."""

    def rows(self) -> Iterator[Row | Refused]:
        """Yield the rows below the header."""


@dataclass(frozen=True)
class TableOptions:
    """How the user says that a table is to be read; None is guessed."""

    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None


@dataclass
class TextTable:
    """A list of delimited text."""

    path: Path
    encoding: TextEncoding
    delimiter: str
    columns: list[str]
    width: int
    head: int
    """Pieces up to the header, the header among them."""
    stated: dict[str, str] = field(default_factory=dict)
    quoting: Quoting = STANDARD

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def total(self) -> int:
        """About how many rows it has."""
        return max(count_lines(self.path) - self.head, 0)

    def rows(self) -> Iterator[Row | Refused]:
        """Yield the rows below the header."""
        with open_text(self.path, self.encoding) as file:
            read = pieces(file, self.delimiter, self.quoting)
            for _ in range(self.head):
                next(read)
            for piece in read:
                if piece.row is not None:
                    yield piece.row

    def pieces(self) -> Iterator[tuple[Piece, bool]]:
        """Yield the whole text in pieces, and for each whether it stands below the header."""
        with open_text(self.path, self.encoding) as file:
            for at, piece in enumerate(pieces(file, self.delimiter, self.quoting, whole=True)):
                yield piece, at >= self.head


def open_table(path: Path, options: TableOptions | None = None) -> Table:
    """Open a list as a table.

    Raises:
        SourceUnreadable: It cannot be opened, or has no header.
        BadOption: An option does not go with it.
    """
    options = options or TableOptions()
    if path.suffix.lower() in SHEETS:
        from curate.ingest.tables.sheet import open_sheet

        if options.separator or options.encoding:
            raise BadOption("--separator and --encoding", f"{path.name} is a workbook", "Leave them out.")
        return open_sheet(path, options.sheet)
    if path.suffix.lower() == PARQUET:
        from curate.ingest.tables.frame import open_parquet_list

        if options != TableOptions():
            raise BadOption(
                "--separator, --encoding and --sheet", f"{path.name} is Parquet", "Leave them out."
            )
        return open_parquet_list(path)
    if options.sheet:
        raise BadOption("--sheet", f"{path.name} is not a workbook", "Leave it out.")
    return open_text_table(path, options)


def open_text_table(path: Path, options: TableOptions | None = None) -> TextTable:
    """Open a list of delimited text by its header."""
    options = options or TableOptions()
    try:
        encoding = guess_encoding(path, options.encoding)
        with open_text(path, encoding) as file:
            sample = file.read(SAMPLE)
    except OSError as error:
        raise SourceUnreadable(path, str(error)) from error
    first = sample.partition("\n")[0].rstrip("\r")
    declared = first[4:5] if first[:4].lower() == "sep=" and len(first) == 5 else ""
    stated = {"tab": "\t", "\\t": "\t"}.get(options.separator or "", options.separator)
    if stated is not None and len(stated) != 1:
        raise BadOption(f"--separator {stated!r}", "it is one character, or `tab`", "For instance `;`.")
    listed = sample.partition("\n")[2] if declared else sample
    dialect = guess_dialect(listed, stated or declared or None, len(sample) == SAMPLE)
    delimiter = dialect.delimiter
    header, head = _header(path, encoding, dialect, bool(declared))
    other = guess_delimiter(sample)
    if stated is not None and len(header) == 1 and other in header[0]:
        raise BadOption(
            f"--separator {options.separator}",
            f"{path.name} would have one column, {shown(header[0], 60)!r}",
            f"Its cells look parted by {_named(other)!r}: leave the option out.",
        )
    told = {} if delimiter == "," else {"--separator": _named(delimiter)}
    if codecs.lookup(encoding.name).name != "utf-8":
        told["--encoding"] = encoding.name
    return TextTable(
        path=path,
        encoding=encoding,
        delimiter=delimiter,
        columns=column_names(header),
        width=len(header),
        head=head,
        stated=told,
        quoting=dialect.quoting,
    )


def _named(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else delimiter


def _header(path: Path, encoding: TextEncoding, dialect: Dialect, declared: bool) -> tuple[list[str], int]:
    """Return the header's cells, and how many pieces of the text end with it."""
    with open_text(path, encoding) as file:
        for at, piece in enumerate(pieces(file, *dialect)):
            if piece.row is None or (at == 0 and declared):
                continue
            if isinstance(piece.row, Refused):
                raise SourceUnreadable(path, piece.row.reason)
            cells = piece.row.cells
            if any("\0" in name or any("\ud800" <= c <= "\udfff" for c in name) for name in cells):
                raise SourceUnreadable(path, f"its first line is not text, read as {encoding.name.upper()}")
            return cells, at + 1
    raise SourceUnreadable(path, "it is empty")


def column_names(header: Sequence[str]) -> list[str]:
    """Return the names of columns, each once.

    Example:
        >>> column_names([" Title", "Date", "", "Date"])
        ['Title', 'Date', 'column 3', 'Date (4)']
    """
    names: list[str] = []
    for at, cell in enumerate(header, 1):
        name = " ".join(cell.replace("\ufeff", "").split()) or f"column {at}"
        names.append(f"{name} ({at})" if name in names else name)
    return names


def sample_rows(table: Table) -> list[list[str]]:
    """Return the first rows of a table that say something, as wide as its header."""
    width, rows = len(table.columns), []
    for row in table.rows():
        if isinstance(row, Row) and len(row.cells) >= width and any(cell.strip() for cell in row.cells):
            rows.append(row.cells[:width])
        if len(rows) == SAMPLED:
            break
    return rows


def count_lines(path: Path) -> int:
    """Return how many lines a file has, without decoding it."""
    lines = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            lines += block.count(b"\n")
    return lines
