"""``curate check``: does all hold that must, and if not, how is it repaired?

Nothing is read whole: each invariant is one query inside the database, labels with rivals are streamed, and
files are hashed one at a time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Integer, Text, Update, column, func, select, text, update
from sqlalchemy.orm import Session

from db.classes.classes import attributes, merged_classes
from db.classes.columns import shared_columns
from db.engine.bulk import chunks
from db.errors import ImageRefused
from db.images.files import open_regular
from db.images.formats import BadImage
from db.labels.effective import LabelFact, choose, derive
from db.maintenance.invariants import INVARIANTS, LONE_LABELS, NO_LABELS, REPAIR, RESTORE, SEVERAL_LABELS
from db.models import Artwork, DuplicateGroup, Issue, Run, Task, UtcDateTime, now
from db.runs.runs import arrays_digest, run_folder
from db.workspace.workspace import Workspace

EXAMPLES = 3
"""How many broken rows a finding names."""

CHUNK = 5000
"""Artworks whose labels are derived again at once."""


@dataclass(frozen=True)
class Finding:
    """One invariant; ``broken`` counts what breaks it, ``examples`` are the first few.

    ``repair`` says what to do where there are any.
    """

    name: str
    broken: int
    repair: str
    examples: tuple[str, ...] = ()


def check_catalog(
    session: Session, workspace: Workspace, images: Callable[[int], None] | None = None
) -> Iterator[Finding]:
    """Check every invariant, one after the other.

    Args:
        session: A reading transaction.
        workspace: Where runs and images lie.
        images: Read every image again too; it is told how many were read since it was last called.
    """
    yield _finding("the database file is sound", RESTORE, _damage(session))
    named = (str(name) for name in workspace.settings.attributes)
    in_catalog = tuple(attribute.name for attribute in attributes(session))
    yield _finding(
        "curate.toml names the catalog's attributes",
        f"set attributes = {list(in_catalog)} in {workspace.settings_path}",
        sorted(set(named) ^ set(in_catalog)),
    )
    yield _finding(
        "no attribute takes the columns of another",
        "take the labels (`curate export labels.csv --history`) into a new workspace under other names",
        shared_columns(session),
    )
    yield _finding("the label that counts follows from the labels", REPAIR, _underived(session))
    for invariant in INVARIANTS:
        yield _finding(invariant.name, invariant.repair, _rows(session, invariant.broken))
    yield _finding(
        "the arrays of every run are as they were written",
        "put the run's folder back from a backup, or run `curate train`",
        (f"run {run.id}" for run, folder in _complete(session, workspace) if _lost(run, folder)),
    )
    yield _finding(
        "the checkpoints of every run are as they were written",
        "put the run's folder back from a backup, or run `curate train`",
        (
            f"run {run.id}: {name}"
            for run, folder in _complete(session, workspace)
            for name in damaged_checkpoints(folder)
        ),
    )
    if images is not None:
        yield _finding(
            "every image is the one that was read",
            "put the file back, or run `curate ingest` on its source again",
            _changed_images(session, workspace, images),
        )


def _finding(name: str, repair: str, broken: Iterable[object]) -> Finding:
    """Count what is broken without keeping it."""
    count, examples = 0, []
    for row in broken:
        count += 1
        if count <= EXAMPLES:
            examples.append(str(row))
    return Finding(name, count, repair, tuple(examples))


def _rows(session: Session, query: str) -> Iterator[object]:
    """Yield the first column of a query's rows."""
    for row in session.execute(text(query).execution_options(yield_per=1000)):
        yield row[0]


def _damage(session: Session) -> Iterator[str]:
    """Yield what SQLite says is wrong with its file; PostgreSQL keeps its own pages and references whole."""
    if session.get_bind().dialect.name != "sqlite":
        return
    for (said,) in session.execute(text("PRAGMA quick_check")):
        if said != "ok":
            yield str(said)
    for table, row, parent, _ in session.execute(text("PRAGMA foreign_key_check")):
        yield f"{table} row {row} names a row of {parent} that is not there"


def _underived(session: Session) -> Iterator[int]:
    """Yield the artworks whose label that counts is another than the rule gives."""
    for query in (LONE_LABELS, NO_LABELS):
        for row in session.execute(text(query).execution_options(yield_per=1000)):
            yield int(row[0])
    statement = text(SEVERAL_LABELS).columns(*_columns()).execution_options(yield_per=1000)
    rows, merged = session.execute(statement), merged_classes(session)
    for (artwork_id, _), group in groupby(rows, key=lambda row: (row[0], row[1])):
        labels = list(group)
        retracted = {row[8] for row in labels if row[8] is not None}
        live = [
            LabelFact(row[2], row[0], row[1], *row[3:8])
            for row in labels
            if row[8] is None and row[2] not in retracted
        ]
        best = choose(live, merged)
        stands = labels[0][9:13]
        if (best is None) != (stands[0] is None):
            yield int(artwork_id)
        elif best is not None and stands != (best.class_id, best.label_id, best.authority, best.conflict):
            yield int(artwork_id)


def _columns() -> list[Any]:
    """Return the types of ``SEVERAL_LABELS``; only the time and the truth value need one."""
    kinds = [Integer] * 5 + [Text, Integer, UtcDateTime] + [Integer] * 3 + [Text, Boolean]
    return [column(f"c{i}", kind) for i, kind in enumerate(kinds)]


def _complete(session: Session, workspace: Workspace) -> Iterator[tuple[Run, Path]]:
    for run in session.scalars(select(Run).where(Run.state == "complete").order_by(Run.id)):
        yield run, run_folder(session, workspace, run.uuid)


def _lost(run: Run, folder: Path) -> bool:
    return arrays_digest(folder) != run.arrays_digest


def damaged_checkpoints(folder: Path) -> list[str]:
    """Return the checkpoints of a run that are lost, or whose tensors differ from the digest beside them.

    A run that was trained here has its settings in ``run.json``, and a model.
    """
    damaged = []
    described = {path.with_suffix("") for path in folder.rglob("[!.]*.json") if path.name != "run.json"}
    if (folder / "run.json").is_file():
        described.add(folder / "model")
    lost = [path for path in sorted(described) if not path.with_suffix(".safetensors").is_file()]
    damaged += [path.with_suffix(".safetensors").relative_to(folder).as_posix() for path in lost]
    for path in sorted(folder.rglob("*.safetensors")):
        if path.name.startswith("."):
            continue
        try:
            said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            damaged.append(path.relative_to(folder).as_posix())
            continue
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != said:
                damaged.append(path.relative_to(folder).as_posix())
    return damaged


def _changed_images(session: Session, workspace: Workspace, advance: Callable[[int], None]) -> Iterator[str]:
    """Yield the paths of images that are gone, or whose bytes are others than those that were read."""
    statement = (
        select(Artwork.root, Artwork.path, Artwork.sha256)
        .where(Artwork.status == "ok", Artwork.sha256.is_not(None))
        .execution_options(yield_per=1000)
    )
    for root, path, sha256 in session.execute(statement):
        try:
            with open_regular(workspace.image_path(root, path)) as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except (OSError, BadImage, ImageRefused):
            same = False
        if not same:
            yield path
        advance(1)


def repair(session: Session) -> dict[str, int]:
    """Derive again what follows from other rows; return how many rows of each kind that changed."""
    labels = sum(derive(session, some) for some in chunks(sorted(set(_underived(session))), CHUNK))
    asked = select(Task.artwork_id).where(Task.state != "withdrawn")
    unasked = update(Issue).where(Issue.state == "pushed", Issue.artwork_id.not_in(asked))
    size = (
        select(func.count(Artwork.id))
        .where(Artwork.duplicate_group_id == DuplicateGroup.id)
        .scalar_subquery()
    )
    regrouped = update(DuplicateGroup).where(DuplicateGroup.size != size).values(size=size)
    return {
        "labels": labels,
        "issues": _changed(session, unasked.values(state="open", updated_at=now())),
        "duplicate groups": _changed(session, regrouped),
    }


def _changed(session: Session, statement: Update) -> int:
    result: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(result.rowcount)
