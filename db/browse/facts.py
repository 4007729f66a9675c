"""The facts of artworks that the App shows, read in bulk: a catalog of 80,000 takes seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.classes.classes import attributes
from db.decision_rules import DecisionKind
from db.engine.bulk import chunks
from db.images.copies import Place
from db.labels.kept import KeptCells, kept_cells
from db.models import (
    Artwork,
    Attribute,
    EffectiveLabel,
    Issue,
    Label,
    Prediction,
    Source,
    SplitFact,
    Task,
    Verdict,
)

SHOWN = ("ok", "unusable", "unverified")
"""The statuses of artworks that have a sample; refused and missing images have none."""


@dataclass
class AttributeFacts:
    """What is known of one attribute of one artwork."""

    label: int | None = None
    source: str | None = None
    conflict: bool = False
    predicted: int | None = None
    p_predicted: float | None = None
    p_label: float | None = None
    score: float | None = None
    suggested: int | None = None
    p_suggested: float | None = None
    fold: int | None = None
    issue: str | None = None
    reason: str | None = None
    verdict: str | None = None
    duplicates_disagree: bool = False


@dataclass
class ArtworkFacts:
    """What is known of one artwork, by attribute name where it is of an attribute."""

    id: int
    uuid: UUID
    collection: str
    root: str
    path: str
    status: str
    size_bytes: int | None
    width: int | None
    height: int | None
    image_format: str | None
    sha256: str | None
    needs_copy: bool | None
    duplicate_group: int | None
    attributes: dict[str, AttributeFacts]
    split: str | None = None
    kept: KeptCells = field(default_factory=KeptCells)
    open_task: bool = False
    batch: int | None = None
    unusable: bool = False
    decided_at: datetime | None = None
    issues: dict[str, float] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Where the image lies, and what is known of it."""
        return Place(self.root, self.path, self.sha256, self.needs_copy, self.image_format)


def facts(
    session: Session, ids: Sequence[int], run_id: int | None, disagreeing: dict[int, set[int]]
) -> list[ArtworkFacts]:
    """Read all that the App shows of some artworks; those without a sample are left out.

    Args:
        session: A read session; call within one for a consistent picture.
        ids: Artwork ids, ascending.
        run_id: The run whose predictions and issues are shown; none where there is none yet.
        disagreeing: As ``disagreeing_groups`` gives it.
    """
    by_id: dict[int, ArtworkFacts] = {}
    table = {attribute.id: attribute for attribute in attributes(session)}
    for chunk in chunks(ids):
        for row in session.execute(
            select(
                Artwork.id,
                Artwork.uuid,
                Artwork.collection,
                Artwork.root,
                Artwork.path,
                Artwork.status,
                Artwork.bytes,
                Artwork.width,
                Artwork.height,
                Artwork.image_format,
                Artwork.sha256,
                Artwork.needs_copy,
                Artwork.duplicate_group_id,
            )
            .where(Artwork.id.in_(chunk), Artwork.status.in_(SHOWN))
            .order_by(Artwork.id)
        ):
            by_attribute = {a.name: AttributeFacts() for a in table.values()}
            values: Any = (*row, by_attribute)
            by_id[row.id] = ArtworkFacts(*values)
            for attribute_id in disagreeing.get(row.duplicate_group_id, ()):
                by_attribute[table[attribute_id].name].duplicates_disagree = True
        _read_labels(session, chunk, by_id, table)
        if run_id is not None:
            _read_predictions(session, chunk, by_id, table, run_id)
        _read_issues(session, chunk, by_id, table, run_id)
        _read_reviews(session, chunk, by_id, table)
        for artwork_id, kept in kept_cells(session, chunk).items():
            if artwork_id in by_id:
                by_id[artwork_id].kept = kept
    return list(by_id.values())


def _read_labels(
    session: Session, chunk: Sequence[int], by_id: dict[int, ArtworkFacts], table: dict[int, Attribute]
) -> None:
    rows = session.execute(
        select(
            EffectiveLabel.artwork_id,
            EffectiveLabel.attribute_id,
            EffectiveLabel.class_id,
            EffectiveLabel.conflict,
            Source.name,
        )
        .join(Label, Label.id == EffectiveLabel.label_id)
        .join(Source, Source.id == Label.source_id)
        .where(EffectiveLabel.artwork_id.in_(chunk))
    )
    for artwork_id, attribute_id, class_id, conflict, source in rows:
        if artwork_id in by_id:
            entry = by_id[artwork_id].attributes[table[attribute_id].name]
            entry.label, entry.conflict, entry.source = class_id, conflict, source


def _read_predictions(
    session: Session,
    chunk: Sequence[int],
    by_id: dict[int, ArtworkFacts],
    table: dict[int, Attribute],
    run_id: int,
) -> None:
    rows = session.execute(
        select(
            Prediction.artwork_id,
            Prediction.attribute_id,
            Prediction.predicted_id,
            Prediction.p_predicted,
            Prediction.p_label,
            Prediction.score,
            Prediction.suggested_id,
            Prediction.p_suggested,
            Prediction.fold,
        ).where(Prediction.run_id == run_id, Prediction.artwork_id.in_(chunk))
    )
    for (
        artwork_id,
        attribute_id,
        predicted,
        p_predicted,
        p_label,
        score,
        suggested,
        p_suggested,
        fold,
    ) in rows:
        if artwork_id in by_id:
            entry = by_id[artwork_id].attributes[table[attribute_id].name]
            entry.predicted, entry.p_predicted, entry.p_label = predicted, p_predicted, p_label
            entry.score, entry.suggested, entry.p_suggested = score, suggested, p_suggested
            entry.fold = fold


def _read_issues(
    session: Session,
    chunk: Sequence[int],
    by_id: dict[int, ArtworkFacts],
    table: dict[int, Attribute],
    run_id: int | None,
) -> None:
    """Read the issues of the run, and those that ingesting raised without a run."""
    rows = session.execute(
        select(
            Issue.artwork_id,
            Issue.attribute_id,
            Issue.kind,
            Issue.state,
            Issue.score,
            Issue.reason,
            Issue.run_id,
        )
        .where(Issue.artwork_id.in_(chunk), or_(Issue.run_id == run_id, Issue.run_id.is_(None)))
        .order_by(Issue.id)
    )
    for artwork_id, attribute_id, kind, state, score, reason, _ in rows:
        if artwork_id not in by_id:
            continue
        artwork = by_id[artwork_id]
        if state in ("open", "pushed"):
            artwork.issues[kind] = min(score, artwork.issues.get(kind, 1.0))
        if kind == "label" and attribute_id is not None:
            entry = artwork.attributes[table[attribute_id].name]
            entry.issue, entry.reason = state, reason or None


def _read_reviews(
    session: Session, chunk: Sequence[int], by_id: dict[int, ArtworkFacts], table: dict[int, Attribute]
) -> None:
    """Read the verdicts that stand, the open tasks, and the split a source gives.

    Why a task exists (review, audit or control) is left out: who reviews in the App must not see it.
    """
    verdicts = session.execute(
        select(
            Verdict.artwork_id, Verdict.attribute_id, Verdict.decision, Verdict.batch_id, Verdict.decided_at
        )
        .where(Verdict.artwork_id.in_(chunk), Verdict.superseded_at.is_(None))
        .order_by(Verdict.id)
    )
    for artwork_id, attribute_id, decision, batch_id, decided_at in verdicts:
        if artwork_id not in by_id:
            continue
        artwork = by_id[artwork_id]
        artwork.batch, artwork.decided_at = batch_id, decided_at
        if attribute_id is None:
            artwork.unusable = decision == DecisionKind.UNUSABLE
        else:
            artwork.attributes[table[attribute_id].name].verdict = decision
    tasks = session.execute(
        select(Task.artwork_id, Task.batch_id).where(Task.artwork_id.in_(chunk), Task.state == "open")
    )
    for artwork_id, batch_id in tasks:
        if artwork_id in by_id:
            by_id[artwork_id].open_task, by_id[artwork_id].batch = True, batch_id
    splits = session.execute(
        select(SplitFact.artwork_id, SplitFact.split)
        .where(SplitFact.artwork_id.in_(chunk))
        .order_by(SplitFact.id)
    )
    for artwork_id, split in splits:
        if artwork_id in by_id:
            by_id[artwork_id].split = split


def earlier_predictions(
    session: Session, ids: Sequence[int], run_ids: Sequence[int]
) -> dict[tuple[int, int, int], tuple[int, float]]:
    """Return what earlier runs predicted: class and probability by (run, artwork, attribute id)."""
    predictions = {}
    for chunk in chunks(ids):
        rows = session.execute(
            select(
                Prediction.run_id,
                Prediction.artwork_id,
                Prediction.attribute_id,
                Prediction.predicted_id,
                Prediction.p_predicted,
            ).where(Prediction.run_id.in_(run_ids), Prediction.artwork_id.in_(chunk))
        )
        for run_id, artwork_id, attribute_id, predicted, p_predicted in rows:
            predictions[run_id, artwork_id, attribute_id] = (predicted, p_predicted)
    return predictions
