"""Lists: one row an artwork, columns as the user says or as they are called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.ingest.errors import BadOption, NoLabelColumn, NoPathColumn, NoSuchColumn, SourceUnreadable
from curate.ingest.records import ReaderBase, Record, Refused, Said, SaidSplit
from curate.ingest.tables.cells import CellRule
from curate.ingest.tables.columns import (
    FILE_WORDS,
    guess_attributes,
    guess_file,
    guess_ids,
    guess_split,
    is_artist_like,
    label_like,
    named_like,
)
from curate.ingest.tables.table import PARQUET, SHEETS, TEXTS, Table, TableOptions, open_table, sample_rows
from db.classes.missing import PLACEHOLDERS, placeholders
from db.errors import typed
from db.spelling import attribute_key, fold, loose_fold
from db.workspace.settings import SourceSettings

Exists = Callable[[str], bool]
PROPOSED = 3
"""Columns that look like labels and are named as such."""


@dataclass(frozen=True)
class ColumnMapping:
    """What the columns of a list are.

    Attributes:
        file: The column of image files.
        labels: The attribute of each label column.
        id: The column that people know an artwork by.
        kept: Columns that stay with the artwork.
        split: The column of splits.
    """

    file: str
    labels: Mapping[str, str]
    id: str | None = None
    kept: tuple[str, ...] = ()
    split: str | None = None


@dataclass
class TableReader(ReaderBase):
    """Reads one table by its mapping."""

    table: Table | None = None
    plan: ColumnMapping | None = None

    def __iter__(self) -> Iterator[Record | Refused]:
        """Yield a record a row."""
        assert self.table is not None and self.plan is not None
        name, columns = self.table.name, self.table.columns
        width = len(columns)
        path_at = columns.index(self.plan.file)
        labels_at = [columns.index(column) for column in self.plan.labels]
        splits_at = [columns.index(self.plan.split)] if self.plan.split else []
        id_at = columns.index(self.plan.id) if self.plan.id else None
        kept_at = [columns.index(column) for column in self.plan.kept]
        for row in self.table.rows():
            if isinstance(row, Refused):
                yield row._replace(where=f"{name}: {row.where}")
                continue
            cells, where = row.cells, f"{name}: line {row.line}"
            if len(cells) != width:
                if len(cells) < width or any(cells[width:]):
                    yield Refused(where, "wrong_columns", f"{len(cells)} cells, the header has {width}")
                    continue
            yield Record(
                cells[path_at],
                tuple([cells[at].strip() for at in labels_at]),
                where,
                tuple([cells[at].strip() for at in splits_at]),
                "" if id_at is None else cells[id_at].strip(),
                tuple([cells[at] for at in kept_at]),
            )


def open_list(
    table: Table,
    images: Path,
    attributes: Mapping[str, str],
    stated: SourceSettings,
    exists: Exists | None = None,
) -> TableReader:
    """Open a table as a list of artworks.

    Args:
        table: The table.
        images: The folder that its paths are relative to unless the user says otherwise.
        attributes: What people call the workspace's attributes, by key.
        stated: What the user says of it; the rest is guessed.
        exists: Whether a cell names a file of the images' folder; None where nobody looks.

    Raises:
        NoPathColumn: No column is named like a path, or holds any.
        NoLabelColumn: No column has the name of an attribute.
        NoSuchColumn: What the user says names a column that is not there.
    """
    plan = _plan(table, attributes, stated, exists)
    kind = "xlsx" if table.name.lower().endswith(SHEETS) else "csv"
    kind = "parquet" if table.name.lower().endswith(PARQUET) else kind
    source = f"import:{kind}:{table.name}"[:200]
    words = () if stated.keep_values else PLACEHOLDERS
    missing = placeholders([*words, *stated.missing])
    rules = tuple(
        CellRule(missing, stated.values, is_artist_like(key, attributes.get(key, key), column))
        for column, key in plan.labels.items()
    )
    return TableReader(
        kind,
        images,
        tuple(Said(source, key) for key in plan.labels.values()),
        (SaidSplit(source),) if plan.split else (),
        total=table.total,
        remarks=[
            *_remarks(table, plan, attributes, stated),
            *_likely(table, plan, stated),
            *_twice(table, plan),
        ],
        guesses=_guesses(table, plan, attributes, stated),
        rules=rules,
        kept=plan.kept,
        mapping={
            "source": source,
            "columns": table.columns,
            "file": plan.file,
            "labels": dict(plan.labels),
            "id": plan.id,
            "kept": list(plan.kept),
            **stated.model_dump(include={"missing", "keep_values", "values"}, mode="json"),
            **{option[2:]: value for option, value in table.stated.items()},
        },
        table=table,
        plan=plan,
    )


def _plan(
    table: Table, attributes: Mapping[str, str], stated: SourceSettings, exists: Exists | None
) -> ColumnMapping:
    """Decide what each column is: as stated, else as guessed."""
    columns, sample = table.columns, sample_rows(table)
    file = _column(table, "--file", stated.file) or guess_file(columns, sample, exists)
    if file is None:
        raise NoPathColumn(_name(table), columns)
    labels = _stated_labels(table, attributes, stated)
    unread = {column for column, key in labels.items() if not key}
    labels = {column: key for column, key in labels.items() if key}
    left = [column for column in columns if column not in {file, *labels, *unread}]
    open_ = {key: title for key, title in attributes.items() if key not in labels.values()}
    order = list(attributes)
    labels |= guess_attributes(left, open_)
    labels = dict(sorted(labels.items(), key=lambda item: order.index(item[1])))
    if not labels:
        others = [column for column in columns if column not in (file, stated.id)]
        likely = [column for column in label_like(columns, sample) if column in others]
        likely = likely or (others if len(others) == 1 else [])  # which else could it be?
        raise NoLabelColumn(_name(table), columns, list(attributes), likely)
    left = [column for column in left if column not in labels]
    split = guess_split(left, sample)
    id_ = _column(table, "--id", stated.id) or next(iter(guess_ids(left, sample)), None)
    rest = [column for column in columns if column not in (file, split) and column not in labels]
    if stated.keep == "all":
        kept = rest
    else:
        wanted = () if stated.keep == "none" else stated.keep
        kept = [column for name in wanted if (column := _column(table, "--keep", name))]
    return ColumnMapping(file, labels, id_, tuple(kept), split)


def _name(table: Table) -> Path | str:
    """Return a list's path, or what a table in memory is called."""
    path: Path | str = getattr(table, "path", table.name)
    return path


def _column(table: Table, option: str, wanted: str | None) -> str | None:
    """Return the column that the user means: as written, else but for case and accents."""
    if wanted is None or wanted in table.columns:
        return wanted
    for compared in (fold, loose_fold):
        alike = [column for column in table.columns if compared(column) == compared(wanted)]
        if len(alike) == 1:
            return alike[0]
    raise NoSuchColumn(_name(table), option, wanted, table.columns)


def _stated_labels(table: Table, attributes: Mapping[str, str], stated: SourceSettings) -> dict[str, str]:
    """Return the attribute key of each column that the user maps, empty for one that is not a label."""
    by_name = {fold(name): key for key, title in attributes.items() for name in (title, key)}
    labels: dict[str, str] = {}
    for name, attribute in stated.map.items():
        column = _column(table, "--map", name)
        key = by_name[fold(attribute)] if attribute else ""
        if key and key in labels.values():
            other = next(one for one, of in labels.items() if of == key)
            raise BadOption(
                f"--map {name}={attribute}",
                f"the column {other} is {attribute} already",
                "One column an attribute.",
            )
        assert column is not None
        labels[column] = key
    return labels


def _remarks(
    table: Table, plan: ColumnMapping, attributes: Mapping[str, str], stated: SourceSettings
) -> list[str]:
    """Say what was guessed, as the options that state it; nothing where the header tells it all."""
    options = [] if plan.file == "filepath" else [("--file", plan.file)]
    options += [
        ("--map", f"{column}={attributes[key]}")
        for column, key in plan.labels.items()
        if column not in (key, attributes[key])
    ]
    options += [("--id", plan.id)] if plan.id else []
    options += list(table.stated.items())
    said = {stated.file, stated.id, stated.separator, stated.encoding, stated.sheet}
    said |= {f"{column}={attribute}" for column, attribute in stated.map.items()}
    if all(value in said for _, value in options):
        return []
    line = " ".join(f"{option} {typed(value)}" for option, value in options)
    kept = f"; kept: {', '.join(plan.kept)}" if plan.kept else ""
    return [f"{table.name} is read with {line}{kept}"]


def _likely(table: Table, plan: ColumnMapping, stated: SourceSettings) -> list[str]:
    """Propose the kept columns that look like labels, where the user has not said which columns are."""
    if stated.map:
        return []
    like = label_like(table.columns, sample_rows(table))
    proposed = [column for column in like if column in plan.kept and column != plan.id][:PROPOSED]
    if not proposed:
        return []
    maps = " ".join(f"--map {typed(f'{name}={attribute_key(name)}')}" for name in proposed)
    looks = "looks like labels, too, and is" if len(proposed) == 1 else "look like labels, too, and are"
    return [f"{', '.join(proposed)} {looks} kept as listed; to learn them as attributes: {maps}"]


def _twice(table: Table, plan: ColumnMapping) -> list[str]:
    """Say which labels are not read because another column of that name is."""
    said = []
    for column in plan.kept:
        again = re.fullmatch(r"(.+) \(\d+\)", column)
        if again is not None and again[1] in plan.labels:
            said.append(
                f"{table.name} has the column {again[1]} twice: the first is read, {column!r} is kept"
            )
    return said


def _guesses(
    table: Table, plan: ColumnMapping, attributes: Mapping[str, str], stated: SourceSettings
) -> list[str]:
    """Say which guesses have a second choice."""
    guesses = []
    if stated.encoding is None and table.stated.get("--encoding", "utf-16").startswith("cp"):
        guesses.append(f"The encoding {table.stated['--encoding']} was told by the list's letters.")
    files = named_like(table.columns, FILE_WORDS)
    if stated.file is None and files != [plan.file]:
        others = [column for column in files if column != plan.file]
        instead = f", not {', '.join(others)}" if others else ", by what stands in it"
        guesses.append(f"{plan.file} was taken for the column of image files{instead}.")
    for column, key in plan.labels.items():
        left = [other for other in table.columns if other not in plan.labels or other == column]
        second = guess_attributes([c for c in left if c != column], {key: attributes[key]})
        if column not in stated.map and second:
            guesses.append(f"{column} was taken for {attributes[key]}, not {', '.join(second)}.")
    return guesses


def is_list(path: Path, attributes: Mapping[str, str]) -> bool:
    """Return whether a file is a list with a column of paths and one of an attribute."""
    columns = list_columns(path)
    return bool(named_like(columns, FILE_WORDS)) and bool(guess_attributes(columns, attributes))


def list_columns(path: Path) -> Sequence[str]:
    """Return the columns of a file that is named like a table and has two or more, else nothing."""
    if (
        path.suffix.lower() not in (*TEXTS, *SHEETS, PARQUET)
        or path.name.startswith((".", "~$"))
        or not path.is_file()
    ):
        return []
    try:
        columns = open_table(path, TableOptions()).columns
    except (SourceUnreadable, OSError):
        return []
    return columns if len(columns) > 1 else []
