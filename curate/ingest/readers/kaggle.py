"""Kaggle's ``steubk/wikiart``: ``classes.csv`` (names; its genre is the style), ``wclasses.csv`` (codes)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.ingest.errors import NoLabelColumn, NoPathColumn, SourceUnreadable
from curate.ingest.readers.kaggle_codes import CODES
from curate.ingest.readers.wikiart import ALIASES
from curate.ingest.records import ReaderBase, Record, Refused, Said, SaidSplit, Spelling, shown
from curate.ingest.tables.table import count_lines, open_text_table

NAMES, CODED = "import:kaggle-classes", "import:kaggle-wclasses"
UNCERTAIN = "uncertain artist"
"""A ``subset`` that is not a split: the artist is uncertain, so the row gives none."""


@dataclass
class KaggleReader(ReaderBase):
    """Joins the two lists by path, where both are there."""

    named: Path | None = None
    coded: Path | None = None

    def __iter__(self) -> Iterator[Record | Refused]:
        """Yield the rows of ``classes.csv`` with their codes, then those that only ``wclasses.csv`` has."""
        by_path: dict[str, tuple[Spelling, ...]] = {}
        where: dict[str, str] = {}
        for row in self._coded_rows():
            if isinstance(row, Refused):
                yield row
            elif row.path in by_path:
                yield Refused(row.where, "listed_twice", shown(row.path))
            else:
                by_path[row.path], where[row.path] = row.labels, row.where
        silent = self._silent(CODED)
        for row in self._named_rows():
            if isinstance(row, Refused):
                yield row
            else:
                where.pop(row.path, None)
                yield row._replace(labels=(*row.labels, *by_path.get(row.path, silent)))
        silent = self._silent(NAMES)
        splits = ("",) * len(self.splits)
        for path, line in where.items():
            yield Record(path, (*silent, *by_path[path]), line, splits)

    def _silent(self, source: str) -> tuple[str, ...]:
        return ("",) * sum(column.source == source for column in self.columns)

    def _named_rows(self) -> Iterator[Record | Refused]:
        """Yield the rows of ``classes.csv``: its genre column is a list of styles, written as Python does."""
        wanted = [column.attribute for column in self.columns if column.source == NAMES]
        for where, cells in _rows(self.named, ("filename", "artist", "genre")):
            if isinstance(cells, Refused):
                yield cells
                continue
            styles = _styles(cells["genre"])
            subset = cells.get("subset", "").strip()
            if styles is None:
                yield Refused(where, "bad_style_list", shown(cells["genre"]))
                continue
            artist = "" if subset == UNCERTAIN else cells["artist"].strip()
            said: dict[str, Spelling] = {"style": styles, "artist": artist}
            split = "" if subset == UNCERTAIN else subset
            yield Record(cells["filename"], tuple(said[name] for name in wanted), where, (split,))

    def _coded_rows(self) -> Iterator[Record | Refused]:
        """Yield the rows of ``wclasses.csv`` with names for codes."""
        wanted = [column.attribute for column in self.columns if column.source == CODED]
        for where, cells in _rows(self.coded, ("file", "artist", "genre", "style")):
            if isinstance(cells, Refused):
                yield cells
                continue
            try:
                labels = tuple(CODES[name][int(cells[name])] for name in wanted)
            except (KeyError, ValueError):
                codes = ", ".join(f"{name} {shown(cells[name], 20)}" for name in wanted)
                yield Refused(where, "unknown_code", codes)
            else:
                yield Record(cells["file"], labels, where)


def _rows(path: Path | None, needed: Sequence[str]) -> Iterator[tuple[str, Mapping[str, str] | Refused]]:
    """Yield the rows of a list as (where, cells by column)."""
    if path is None:
        return
    table = open_text_table(path)
    header = table.columns
    missing = [name for name in needed if name not in header]
    if needed[0] in missing:
        raise NoPathColumn(path, header)
    if missing:
        raise NoLabelColumn(path, header, missing)
    for row in table.rows():
        if isinstance(row, Refused):
            yield path.name, row._replace(where=f"{path.name}: {row.where}")
            continue
        where = f"{path.name}: line {row.line}"
        if len(row.cells) != len(header):
            detail = f"{len(row.cells)} cells, the header has {len(header)}"
            yield where, Refused(where, "wrong_columns", detail)
        else:
            yield where, dict(zip(header, row.cells, strict=True))


def _styles(cell: str) -> Spelling | None:
    """Return the styles in a cell like ``['Impressionism', 'Realism']``, None where it is nothing like it."""
    if not cell.strip().startswith("["):
        return cell.strip()
    try:
        styles = ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(styles, list) or not all(isinstance(style, str) for style in styles):
        return None
    return styles[0] if len(styles) == 1 else tuple(sorted(set(styles))) if styles else ""


def kaggle_lists(folder: Path) -> dict[str, Path]:
    """Return Kaggle's lists in a folder, ``named`` and ``coded``."""
    lists = {"named": folder / "classes.csv", "coded": folder / "wclasses.csv"}
    return {what: path for what, path in lists.items() if path.is_file() and kind_of_list(path) == what}


def kind_of_list(path: Path) -> str | None:
    """Return ``named`` or ``coded`` where the header is that of a Kaggle list."""
    try:
        header = open_text_table(path).columns
    except SourceUnreadable:
        return None
    if header == ["file", "artist", "genre", "style"]:
        return "coded"
    return "named" if {"filename", "artist", "genre", "subset", "phash"} <= set(header) else None


def open_kaggle(source: Path, attributes: Sequence[str]) -> KaggleReader:
    """Open Kaggle's folder, or one of its lists.

    Args:
        source: The folder, ``classes.csv`` or ``wclasses.csv``.
        attributes: The workspace's; others are not read.

    Raises:
        SourceUnreadable: It is none of them.
    """
    if source.is_dir():
        lists = kaggle_lists(source)
    else:
        lists = {kind: source for kind in [kind_of_list(source)] if kind}
    if not lists:
        raise SourceUnreadable(source, "it is neither Kaggle's classes.csv nor its wclasses.csv")
    folder = source if source.is_dir() else source.parent
    columns = [Said(NAMES, name) for name in ("style", "artist") if "named" in lists and name in attributes]
    columns += [
        Said(CODED, name) for name in ("style", "genre", "artist") if "coded" in lists and name in attributes
    ]
    if not columns:
        raise NoLabelColumn(source, ["artist", "genre", "style"], attributes)
    return KaggleReader(
        "kaggle",
        folder,
        tuple(columns),
        (SaidSplit(NAMES),) if "named" in lists else (),
        total=max(count_lines(path) for path in lists.values()) - 1,
        aliases=ALIASES,
        named=lists.get("named"),
        coded=lists.get("coded"),
    )
