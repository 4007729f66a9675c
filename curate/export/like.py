"""A list as it came in, with the corrected cells and nothing else changed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import ListNotIngested, NotInEncoding, NotWrittenBack
from curate.ingest.errors import BadOption
from curate.ingest.places.files import ImageFolder, NotFound, nfc
from curate.ingest.records import storable
from curate.ingest.remembered import location_of, said_of
from curate.ingest.tables.cells import CellRule
from curate.ingest.tables.columns import is_artist_like
from curate.ingest.tables.quoting import written_cell
from curate.ingest.tables.sheet import SheetTable, write_sheet_like
from curate.ingest.tables.table import PARQUET, SHEETS, Table, TableOptions, TextTable, open_table
from curate.ingest.tables.text import Row, row_text, split_cells
from db.classes.missing import PLACEHOLDERS, placeholders
from db.engine.catalog import Catalog
from db.errors import FileMissing
from db.ingest.listed import Corrected, IngestMapping, ListedArtworks, find_mapping
from db.spelling import fold
from db.workspace.outputs import whole_file
from db.workspace.workspace import Workspace


@dataclass(frozen=True)
class Change:
    """One cell that differs from the list that came in."""

    row: int
    column: int
    attribute: str
    old: str
    new: str
    decided: Corrected


@dataclass
class LikeSummary:
    """What was written: rows of the list, those that no artwork has, and the cells that were corrected."""

    rows: int
    unknown: int
    changes: list[Change]


def export_like(workspace: Workspace, catalog: Catalog, source: Path, out: Path) -> LikeSummary:
    """Write a list again byte for byte, but for the cells that reviewers corrected.

    A cell is changed where a reviewer decided its attribute and the cell does not say that class yet: rows,
    order, columns, delimiter, encoding, line ends, quotes and spellings stay, rows without an image too.

    Args:
        workspace: The workspace.
        catalog: Its open catalog.
        source: The list, as it was ingested.
        out: The file to write; an old one is replaced.

    Raises:
        ListNotIngested: The catalog does not know a list with these columns.
        NotInEncoding: A corrected class has characters that the list's encoding does not have.
        BadOption: ``out`` is the list itself, or called like a workbook where the list is none.
        FileMissing: There is no such list.
    """
    if out.exists() and source.exists() and out.samefile(source):
        raise BadOption(
            f"--like {source}", "it is the file to be written, too", "Give the export another name."
        )
    if not source.is_file():
        raise FileMissing(source, "list")
    written_as = source.suffix.lower()
    if out.suffix.lower() != written_as and {*SHEETS} & {out.suffix.lower(), written_as}:
        raise BadOption(
            f"--like {source}",
            f"it is written as it came in, and {out.name} is called like another format",
            f"Call it {out.with_suffix(source.suffix).name}, or leave --like out.",
        )
    if written_as == PARQUET:
        raise BadOption(
            f"--like {source}",
            "Parquet is not written again byte for byte",
            "Type `curate export OUT.parquet`.",
        )
    said = said_of(workspace, source, {})
    table = open_table(source, TableOptions(said.separator, said.encoding, said.sheet))
    with catalog.read() as session:
        mapping = find_mapping(session, str(location_of(source)), source.name, table.columns)
        if mapping is None:
            raise ListNotIngested(source)
        listed = ListedArtworks.of(session, mapping)
    changes: list[Change] = []
    rows = unknown = 0
    matcher = _Matcher(workspace, table, mapping, listed)
    for row in _rows(table):
        rows += 1
        artwork_id = matcher.artwork(row.cells)
        unknown += artwork_id is None
        if artwork_id is not None:
            changes += matcher.changes(row, artwork_id)
    with whole_file(out) as temporary:
        _write(table, changes, temporary)
    return LikeSummary(rows, unknown, changes)


class _Matcher:
    """Knows which artwork a row is, and which of its cells reviewers have decided otherwise."""

    def __init__(
        self, workspace: Workspace, table: Table, mapping: IngestMapping, listed: ListedArtworks
    ) -> None:
        columns = table.columns
        self._listed = listed
        self._file = columns.index(mapping.file)
        self._id = columns.index(mapping.id) if mapping.id else None
        self._columns = {columns.index(column): key for column, key in mapping.labels.items()}
        words = placeholders([*(() if mapping.keep_values else PLACEHOLDERS), *mapping.missing])
        self._rules = {
            columns.index(column): CellRule(words, mapping.values, is_artist_like(key, column))
            for column, key in mapping.labels.items()
        }
        root = workspace.settings.roots.get(mapping.root)
        self._folder = None if root is None else ImageFolder(root)

    def artwork(self, cells: list[str]) -> int | None:
        """Return the artwork of a row: by its path as written, by the key of that, or by its id."""
        if self._file >= len(cells):
            return None
        written = cells[self._file]
        artwork_id = self._listed.by_written.get(storable(written))
        if artwork_id is None and self._folder is not None:
            key = self._folder.key(written)
            artwork_id = None if isinstance(key, NotFound) else self._listed.by_path.get(nfc(key))
        if artwork_id is None and self._id is not None and self._id < len(cells):
            artwork_id = self._listed.by_id.get(cells[self._id].strip())
        return artwork_id

    def changes(self, row: Row, artwork_id: int) -> Iterator[Change]:
        """Yield the cells of a row that do not say what reviewers decided."""
        for at, key in self._columns.items():
            decided = self._listed.decided.get((artwork_id, key))
            if decided is None or at >= len(row.cells):
                continue
            said = self._rules[at].read(row.cells[at].strip())
            classes = {self._listed.class_of[key].get(fold(label)) for label in said.labels}
            if classes != {decided.class_id}:
                new = self._listed.spelling[key][decided.class_id]
                yield Change(
                    row=row.line, column=at, attribute=key, old=row.cells[at], new=new, decided=decided
                )


def _rows(table: Table) -> Iterator[Row]:
    for row in table.rows():
        if isinstance(row, Row):
            yield row


def _write(table: Table, changes: list[Change], out: Path) -> None:
    if isinstance(table, SheetTable):
        if changes:
            cells = {(change.row, change.column): change.new for change in changes}
            write_sheet_like(table.path, table.sheet, cells, out)
        else:
            shutil.copyfile(table.path, out)
    elif isinstance(table, TextTable):
        _write_text(table, changes, out)


def _write_text(table: TextTable, changes: list[Change], out: Path) -> None:
    """Write a text with some cells changed; what was read is checked to be the file's bytes."""
    by_row: dict[int, list[Change]] = {}
    for change in changes:
        by_row.setdefault(change.row, []).append(change)
    encoding = table.encoding
    read, there = hashlib.sha256(encoding.mark), hashlib.sha256()
    with out.open("wb") as file:
        file.write(encoding.mark)
        for piece, below in table.pieces():
            raw = piece.raw.encode(encoding.name, encoding.errors)
            read.update(raw)
            changed = by_row.pop(piece.row.line, None) if below and isinstance(piece.row, Row) else None
            file.write(raw if changed is None else _changed(piece.raw, changed, table))
    with table.path.open("rb") as original:
        while block := original.read(1 << 20):
            there.update(block)
    if read.digest() != there.digest():
        raise NotWrittenBack(table.path, encoding.name)


def _changed(raw: str, changes: list[Change], table: TextTable) -> bytes:
    """Return a row's bytes with some of its cells changed."""
    text = row_text(raw, table.quoting)
    read = split_cells(text, table.delimiter, table.quoting)
    assert read
    cells = list(read)
    for change in changes:
        try:
            change.new.encode(table.encoding.name)
        except UnicodeEncodeError as error:
            raise NotInEncoding(table.path, change.row, change.new, table.encoding.name) from error
        cells[change.column] = written_cell(change.new, table.delimiter, read, change.column, table.quoting)
    written = table.delimiter.join(cells) + raw[len(text) :]
    return written.encode(table.encoding.name, table.encoding.errors)


CHANGE_COLUMNS = ("id", "file", "attribute", "old", "new", "decision", "who", "when", "why")


def change_records(changes: list[Change], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what changed as people read it: id, file, attribute, old, new, decision, who, when, why."""
    return [
        {
            "id": change.decided.known_as,
            "file": change.decided.path,
            "attribute": titles.get(change.attribute, change.attribute),
            "old": change.old,
            "new": change.new,
            "decision": change.decided.decision,
            "who": change.decided.who,
            "when": change.decided.when.isoformat(timespec="seconds"),
            "why": change.decided.why or "",
        }
        for change in changes
    ]
