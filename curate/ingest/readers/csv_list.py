"""CSV lists: one row an artwork, columns found by their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.ingest.errors import NoLabelColumn, NoPathColumn, SourceUnreadable
from curate.ingest.readers.lines import Row, guess_delimiter, open_text, rows
from curate.ingest.records import ReaderBase, Record, Refused, Said, SaidSplit
from db.labels.classes import fold

PATH_COLUMNS = (
    "filepath",
    "path",
    "file path",
    "filename",
    "file name",
    "file",
    "image",
    "image path",
    "img",
)
SPLIT_COLUMNS = ("split", "subset", "set")


@dataclass
class CsvReader(ReaderBase):
    """Reads one CSV list; ``cells`` maps its columns."""

    path: Path = Path()
    delimiter: str = ","
    path_cell: int = 0
    label_cells: tuple[int, ...] = ()
    split_cells: tuple[int, ...] = ()
    width: int = 0

    def __iter__(self) -> Iterator[Record | Refused]:
        """Yield a record a row."""
        name = self.path.name
        with open_text(self.path) as file:
            read = rows(file, self.delimiter)
            next(read)
            for row in read:
                if isinstance(row, Refused):
                    yield row._replace(where=f"{name}: {row.where}")
                else:
                    yield self._record(row, f"{name}: line {row.line}")

    def _record(self, row: Row, where: str) -> Record | Refused:
        cells = row.cells
        if len(cells) != self.width:
            if len(cells) < self.width or any(cells[self.width :]):
                return Refused(where, "wrong_columns", f"{len(cells)} cells, the header has {self.width}")
            cells = cells[: self.width]
        return Record(
            cells[self.path_cell],
            tuple([cells[at].strip() for at in self.label_cells]),
            where,
            tuple([cells[at].strip() for at in self.split_cells]),
        )


def open_csv(path: Path, attributes: Sequence[str]) -> CsvReader:
    """Open a CSV list by its header.

    Args:
        path: The list; its folder is what paths are relative to unless the user says otherwise.
        attributes: The workspace's; the columns of these names are read as labels.

    Raises:
        NoPathColumn: No column is named like a path.
        NoLabelColumn: No column has the name of an attribute.
    """
    header, delimiter = read_header(path)
    folded = [fold(name) for name in header]
    path_cell = next((folded.index(name) for name in PATH_COLUMNS if name in folded), None)
    if path_cell is None:
        raise NoPathColumn(path, header)
    labels = [name for name in attributes if fold(name) in folded]
    if not labels:
        raise NoLabelColumn(path, header, attributes)
    splits = [name for name in SPLIT_COLUMNS if name in folded][:1]
    source = f"import:csv:{path.name}"
    used = {path_cell, *(folded.index(fold(name)) for name in labels), *map(folded.index, splits)}
    unread = [name for at, name in enumerate(header) if at not in used and name.strip()]
    return CsvReader(
        "csv",
        path.parent,
        tuple(Said(source, name) for name in labels),
        tuple(SaidSplit(source) for _ in splits),
        total=max(count_lines(path) - 1, 0),
        remarks=[f"{path.name}: columns not read: {', '.join(unread)}"] if unread else [],
        path=path,
        delimiter=delimiter,
        path_cell=path_cell,
        label_cells=tuple(folded.index(fold(name)) for name in labels),
        split_cells=tuple(map(folded.index, splits)),
        width=len(header),
    )


def is_list(path: Path, attributes: Sequence[str]) -> bool:
    """Return whether a file is a list with a column of paths and one of an attribute."""
    if path.suffix.lower() not in (".csv", ".tsv") or not path.is_file():
        return False
    try:
        names = {fold(name) for name in read_header(path)[0]}
    except SourceUnreadable:
        return False
    return not names.isdisjoint(PATH_COLUMNS) and not names.isdisjoint(map(fold, attributes))


def read_header(path: Path) -> tuple[list[str], str]:
    """Return the names of a list's columns and its delimiter.

    Raises:
        SourceUnreadable: The first line is no header.
    """
    try:
        with open_text(path) as file:
            first = file.readline(10_000)
            file.seek(0)
            delimiter = guess_delimiter(first)
            header = next(rows(file, delimiter), None)
    except (OSError, UnicodeError) as error:
        raise SourceUnreadable(path, str(error)) from error
    if not isinstance(header, Row):
        raise SourceUnreadable(path, header.reason if header else "it is empty")
    if any("\0" in name or any("\ud800" <= c <= "\udfff" for c in name) for name in header.cells):
        raise SourceUnreadable(path, "its first line is not UTF-8 text")
    return [name.strip().lstrip("\ufeff") for name in header.cells], delimiter


def count_lines(path: Path) -> int:
    """Return how many lines a file has, without decoding it."""
    lines = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            lines += block.count(b"\n")
    return lines
