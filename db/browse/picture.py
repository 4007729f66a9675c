"""What the App shows of the catalog, and which artworks changed since the App's dataset was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from db.browse.facts import SHOWN, ArtworkFacts, earlier_predictions, facts
from db.classes.classes import attributes, class_list
from db.classes.names import WithNames
from db.engine.bulk import chunks
from db.engine.catalog import Catalog
from db.errors import NoRunYet
from db.models import (
    OPEN_STATES,
    Artwork,
    CatalogSetting,
    ClassChange,
    EffectiveLabel,
    Issue,
    Label,
    Prediction,
    Run,
    SplitFact,
    Task,
    Verdict,
)
from db.runs.runs import find_run, load_array, run_attributes, run_folder, runs
from db.workspace.workspace import Workspace

OVERLAP = timedelta(minutes=10)
OVERLAP_IDS = 1000
"""How far before a mark a server's catalog is read again: there, transactions end in another order than
they begin."""

Marks = dict[str, Any]
"""How far the catalog was read, in JSON's types: the newest id or time of each table that adds rows."""


@dataclass(frozen=True)
class Names:
    """How the classes of one attribute are shown; a merged class by the one it went into."""

    attribute_id: int
    attribute: str
    shown: dict[int, str]
    current: dict[int, int]
    live: list[str]
    of_key: dict[str, str]

    @cached_property
    def in_text(self) -> WithNames:
        """Puts the names in place of keys in what is said of a label."""
        return WithNames(self.of_key)


def shown_names(session: Session) -> dict[str, Names]:
    """Return by attribute how its classes are shown: by name, or by key where two have one name."""
    by_attribute = {}
    for attribute in attributes(session):
        classes = class_list(session, attribute)
        live = classes.live()
        often = Counter(classes.name[i] for i in live)
        own = {i: classes.name[i] if often[classes.name[i]] == 1 else classes.key[i] for i in live}
        # what was taken as missing since is no class any more, and may stand in predictions of earlier runs
        shown = {i: own.get(current, classes.key[current]) for i, current in classes.current.items()}
        by_attribute[attribute.name] = Names(
            attribute_id=attribute.id,
            attribute=attribute.name,
            shown=shown,
            current=dict(classes.current),
            live=[own[i] for i in live],
            of_key={classes.key[i]: name for i, name in shown.items()},
        )
    return by_attribute


@dataclass(frozen=True)
class Probabilities:
    """A run's probabilities of one attribute, left on disk until they are read.

    Attributes:
        artwork_ids: Shape ``(N,)``, ascending.
        probs: Shape ``(N, K)``.
        classes: The K classes as they are shown.
    """

    artwork_ids: NDArray[np.int64]
    probs: NDArray[np.float16]
    classes: list[str]

    def read(self, artwork_ids: NDArray[np.int64]) -> dict[int, NDArray[np.float32]]:
        """Return the rows of those artworks that were predicted, by artwork id."""
        if not len(self.artwork_ids):
            return {}
        at = np.searchsorted(self.artwork_ids, artwork_ids).clip(max=len(self.artwork_ids) - 1)
        predicted = self.artwork_ids[at] == artwork_ids
        rows = np.asarray(self.probs[at[predicted]], dtype=np.float32)
        scored = ~np.isnan(rows).any(axis=1)
        return dict(zip(artwork_ids[predicted][scored].tolist(), rows[scored], strict=True))


def open_probabilities(folder: Path, attribute: str, classes: list[str]) -> Probabilities | None:
    """Open a run's probabilities of one attribute; None where its arrays are not on this machine."""
    path = folder / f"pred_probs.{attribute}.npy"
    if not path.is_file():
        return None
    return Probabilities(load_array(folder / "artworks.npy"), load_array(path, mapped=True), classes)


def read_marks(session: Session) -> Marks:
    """Return how far the catalog goes now; read it in the snapshot that the facts are read in."""

    def newest(column: InstrumentedAttribute[Any]) -> Any:
        value = session.scalar(select(func.max(column)))
        return value.isoformat() if isinstance(value, datetime) else value

    return {
        "label": newest(Label.id) or 0,
        "verdict": newest(Verdict.id) or 0,
        "class_change": newest(ClassChange.id) or 0,
        "split": newest(SplitFact.id) or 0,
        "superseded": newest(Verdict.superseded_at),
        "issue": newest(Issue.updated_at),
        "artwork": newest(Artwork.updated_at),
        "task": newest(Task.updated_at),
    }


def changed_since(session: Session, marks: Marks) -> set[int]:
    """Return the artworks of which anything may have changed since the marks, their duplicates among them."""
    server = session.get_bind().dialect.name != "sqlite"
    ids = OVERLAP_IDS if server else 0
    time = OVERLAP if server else timedelta()

    def after(column: InstrumentedAttribute[Any], mark: str) -> ColumnElement[bool]:
        if marks[mark] is None:
            return column.is_not(None)
        return column > datetime.fromisoformat(marks[mark]) - time

    changed: set[int] = set()
    for statement in (
        select(Label.artwork_id).where(Label.id > marks["label"] - ids),
        select(SplitFact.artwork_id).where(SplitFact.id > marks["split"] - ids),
        select(Verdict.artwork_id).where(
            or_(Verdict.id > marks["verdict"] - ids, after(Verdict.superseded_at, "superseded"))
        ),
        select(Issue.artwork_id).where(after(Issue.updated_at, "issue")),
        select(Artwork.id).where(after(Artwork.updated_at, "artwork")),
        select(Task.artwork_id).where(after(Task.updated_at, "task")),
    ):
        changed.update(session.scalars(statement))
    return changed | _groups_of(session, changed)


def _groups_of(session: Session, artwork_ids: set[int]) -> set[int]:
    """Return the members of the duplicate groups that these artworks are in."""
    other = aliased(Artwork)
    members: set[int] = set()
    for chunk in chunks(sorted(artwork_ids)):
        members.update(
            session.scalars(
                select(other.id)
                .join(Artwork, Artwork.duplicate_group_id == other.duplicate_group_id)
                .where(Artwork.id.in_(chunk))
            )
        )
    return members


def disagreeing_groups(session: Session) -> dict[int, set[int]]:
    """Return the attributes in which the members of a duplicate group have different labels, by group."""
    rows = session.execute(
        select(Artwork.duplicate_group_id, EffectiveLabel.attribute_id)
        .join(EffectiveLabel, EffectiveLabel.artwork_id == Artwork.id)
        .where(Artwork.duplicate_group_id.is_not(None), Artwork.status == "ok")
        .group_by(Artwork.duplicate_group_id, EffectiveLabel.attribute_id)
        .having(func.count(func.distinct(EffectiveLabel.class_id)) > 1)
    )
    classes_of: dict[int, set[int]] = {}
    for group, attribute_id in rows:
        if group is not None:
            classes_of.setdefault(group, set()).add(attribute_id)
    return classes_of


def top_confusions(
    session: Session, run_id: int, attribute_id: int, limit: int
) -> list[tuple[int, int, int]]:
    """Return the most frequent (label, prediction, artworks) that differ, by the labels that stand now."""
    rows = session.execute(
        select(EffectiveLabel.class_id, Prediction.predicted_id, func.count())
        .join(
            Prediction,
            (Prediction.artwork_id == EffectiveLabel.artwork_id)
            & (Prediction.attribute_id == EffectiveLabel.attribute_id),
        )
        .where(
            Prediction.run_id == run_id,
            EffectiveLabel.attribute_id == attribute_id,
            Prediction.predicted_id != EffectiveLabel.class_id,
        )
        .group_by(EffectiveLabel.class_id, Prediction.predicted_id)
        .order_by(func.count().desc(), EffectiveLabel.class_id, Prediction.predicted_id)
        .limit(limit)
    )
    return [(label, predicted, count) for label, predicted, count in rows]


class Picture:
    """One look at the catalog, in one read session: the run that is shown, its classes, its artworks.

    Attributes:
        run: The run whose predictions and issues are shown; None where there is none yet.
        earlier: The complete runs before it, oldest first, as many as are kept beside it.
        run_ends: When each complete run ended, oldest first: rounds are counted by them.
        names: How classes are shown, by attribute.
        probabilities: The run's, by attribute, left on disk.
        marks: How far the catalog goes; read before anything else, so that nothing later is missed.
    """

    def __init__(self, session: Session, workspace: Workspace, run_id: int | None, keep_earlier: int) -> None:
        self._session = session
        self.marks = read_marks(session)
        self.catalog_uuid = session.get_one(CatalogSetting, "uuid").value
        self.names = shown_names(session)
        complete = [run for run in runs(session) if run.state == "complete"]
        self.run = find_run(session, run_id, "browse") if run_id is not None or complete else None
        before = [run for run in complete if self.run is not None and run.id < self.run.id]
        self.earlier = before[-keep_earlier:] if keep_earlier else []
        self.run_ends = [run.completed_at for run in complete if run.completed_at is not None]
        self.probabilities: dict[str, Probabilities] = {}
        self.arrays_folder: Path | None = None
        if self.run is not None:
            self.arrays_folder = run_folder(session, workspace, self.run.uuid)
            for name, row in run_attributes(session, self.run).items():
                shown = [self.names[name].of_key[key] for key in row.classes]
                probabilities = open_probabilities(self.arrays_folder, name, shown)
                if probabilities is not None:
                    self.probabilities[name] = probabilities
        self._disagreeing = disagreeing_groups(session)

    def artwork_ids(self) -> list[int]:
        """Return the ids of all artworks that have a sample, ascending."""
        statement = select(Artwork.id).where(Artwork.status.in_(SHOWN)).order_by(Artwork.id)
        return list(self._session.scalars(statement))

    def changed_since(self, marks: Marks) -> set[int]:
        """Return the artworks of which anything may have changed since the marks."""
        return changed_since(self._session, marks)

    def facts(self, ids: Sequence[int]) -> list[ArtworkFacts]:
        """Read all that the App shows of some artworks; those without a sample are left out."""
        run_id = None if self.run is None else self.run.id
        return facts(self._session, ids, run_id, self._disagreeing)

    def facts_of(self, uuids: Sequence[UUID]) -> list[ArtworkFacts]:
        """Read all that the App shows of some artworks by their uuids, in the order they came in."""
        ids: list[int] = []
        for chunk in chunks(uuids):
            ids.extend(self._session.scalars(select(Artwork.id).where(Artwork.uuid.in_(chunk))))
        return self.facts(sorted(ids))

    def require_run(self, command: str) -> Run:
        """Return the run that is shown.

        Raises:
            NoRunYet: None is complete yet; ``command`` is what needs one.
        """
        if self.run is None:
            raise NoRunYet(command)
        return self.run

    def earlier_predictions(self, ids: Sequence[int]) -> dict[tuple[int, int, int], tuple[int, float]]:
        """Return what the earlier runs predicted, by (run, artwork, attribute id)."""
        if not self.earlier:
            return {}
        return earlier_predictions(self._session, ids, [run.id for run in self.earlier])

    def top_confusions(self, attribute: str, limit: int) -> list[tuple[str, str, int]]:
        """Return the most frequent (label, prediction, artworks) that differ in an attribute."""
        if self.run is None:
            return []
        names = self.names[attribute]
        pairs = top_confusions(self._session, self.run.id, names.attribute_id, limit)
        return [(names.shown[label], names.shown[predicted], count) for label, predicted, count in pairs]

    def most_flagged(self) -> str | None:
        """Return the attribute with the most flagged labels; None where no label is flagged."""
        if self.run is None:
            return None
        rows = self._session.execute(
            select(Issue.attribute_id, func.count())
            .where(Issue.run_id == self.run.id, Issue.kind == "label", Issue.state.in_(OPEN_STATES))
            .group_by(Issue.attribute_id)
        )
        issue_counts = {attribute_id: count for attribute_id, count in rows}
        return max(
            (name for name, names in self.names.items() if names.attribute_id in issue_counts),
            key=lambda name: issue_counts[self.names[name].attribute_id],
            default=None,
        )


@contextmanager
def look(
    catalog: Catalog, workspace: Workspace, run_id: int | None = None, keep_earlier: int = 2
) -> Iterator[Picture]:
    """Open a picture of the catalog for a ``with`` block.

    Raises:
        RunNotFound: No complete run has that number.
        NoRunYet: A run was named, and none is complete.
    """
    with catalog.read() as session:
        yield Picture(session, workspace, run_id, keep_earlier)
