"""What a batch is planned from: the open doubts, who may be audited, and the labels known for certain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import (
    LABELLING_DECISIONS,
    Artwork,
    Attribute,
    Batch,
    EffectiveLabel,
    Issue,
    Run,
    Task,
    Verdict,
)
from db.tasks import ASKED_KINDS


@dataclass(frozen=True)
class OpenDoubt:
    """One label that a run doubts and nobody has been asked about; ``same`` is one for equal images."""

    artwork_id: int
    attribute: str
    score: float
    same: str


@dataclass(frozen=True)
class KnownLabel:
    """One label that two reviewers agree on; ``given_id`` is what stood before the first of them."""

    artwork_id: int
    attribute_id: int
    class_id: int
    given_id: int | None


def open_doubts(session: Session, run: Run) -> list[OpenDoubt]:
    """Return what a run doubts of artworks that no reviewer has before them, worst first."""
    busy = select(Task.artwork_id).where(Task.state == "open", Task.purpose == "review")
    rows = session.execute(
        select(Issue.artwork_id, Attribute.name, Issue.score, Artwork.sha256)
        .join(Artwork, Artwork.id == Issue.artwork_id)
        .join(Attribute, Attribute.id == Issue.attribute_id)
        .where(
            Issue.kind.in_(ASKED_KINDS),
            Issue.state.in_(("open", "pushed")),
            (Issue.run_id == run.id) | Issue.run_id.is_(None),
            Artwork.status == "ok",
            Issue.artwork_id.not_in(busy),
        )
        .order_by(Issue.score, Issue.id)
    )
    return [OpenDoubt(r.artwork_id, r.name, r.score, r.sha256 or f"artwork {r.artwork_id}") for r in rows]


def auditable(session: Session) -> list[int]:
    """Return the artworks that an audit draws from: usable, labelled, not being audited now."""
    busy = select(Task.artwork_id).where(Task.state == "open", Task.purpose == "audit")
    return list(
        session.scalars(
            select(Artwork.id)
            .where(
                Artwork.status == "ok",
                Artwork.id.in_(select(EffectiveLabel.artwork_id)),
                Artwork.id.not_in(busy),
            )
            .order_by(Artwork.id)
        )
    )


def labelled_attributes(session: Session, artwork_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Return the attributes that each artwork has a label in, in the workspace's order."""
    wanted = set(artwork_ids)
    found: dict[int, tuple[str, ...]] = {}
    rows = session.execute(
        select(EffectiveLabel.artwork_id, Attribute.name)
        .join(Attribute, Attribute.id == EffectiveLabel.attribute_id)
        .order_by(Attribute.position)
    )
    for row in rows:
        if row.artwork_id in wanted:
            found[row.artwork_id] = (*found.get(row.artwork_id, ()), row.name)
    return found


def known_labels(session: Session) -> list[KnownLabel]:
    """Return the labels that two reviewers or more agree on, none saying otherwise, to test others with."""
    busy = set(
        session.scalars(select(Task.artwork_id).where(Task.state == "open", Task.purpose == "control"))
    )
    said: dict[tuple[int, int], list[Verdict]] = {}
    rows = session.scalars(
        select(Verdict)
        .join(Artwork, Artwork.id == Verdict.artwork_id)
        .where(Verdict.superseded_at.is_(None), Verdict.attribute_id.is_not(None), Artwork.status == "ok")
        .order_by(Verdict.decided_at, Verdict.id)
    )
    for verdict in rows:
        assert verdict.attribute_id is not None
        said.setdefault((verdict.artwork_id, verdict.attribute_id), []).append(verdict)
    found = []
    for (artwork_id, attribute_id), verdicts in sorted(said.items()):
        classes = {v.class_id for v in verdicts}
        reviewers = {v.reviewer_id for v in verdicts}
        labelling = all(v.decision in LABELLING_DECISIONS for v in verdicts)
        class_id = verdicts[0].class_id
        if len(reviewers) > 1 and len(classes) == 1 and class_id and labelling and artwork_id not in busy:
            found.append(KnownLabel(artwork_id, attribute_id, class_id, verdicts[0].given_id))
    return found


def count_batches(session: Session) -> int:
    """Return how many batches there are; it seeds the next one's draw."""
    return session.scalar(select(func.count(Batch.id))) or 0
