"""Where the round stands, in counts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.artworks import label_digest, label_table
from db.models import Artwork, Batch, BatchItem, Issue, Run, Task, Verdict


@dataclass(frozen=True)
class RoundStatus:
    """One batch and what came of it so far; ``errors`` counts labels that reviewers changed."""

    batch: int
    run: int
    artworks: int
    open: int
    done: int
    withdrawn: int
    expected_yield: float
    reviewed: int
    errors: int


@dataclass(frozen=True)
class Status:
    """The catalog in counts; ``labels_changed`` is whether labels differ from those the newest run saw."""

    artworks: dict[str, int]
    run: int | None
    labels_changed: bool
    issues: dict[str, int]
    rounds: list[RoundStatus]

    def next_step(self) -> str:
        """Return the command that goes on from here."""
        if not self.artworks:
            return "curate ingest SOURCE"
        if self.run is None:
            return "curate train"
        if self.rounds and self.rounds[-1].open:
            return "curate sync-corrections"
        if self.labels_changed:
            return "curate train"
        if self.issues.get("open"):
            return "curate push"
        return "curate export OUT"


def read_status(session: Session) -> Status:
    """Count everything that a person wants to know between two commands."""
    artworks = session.execute(select(Artwork.status, func.count()).group_by(Artwork.status)).all()
    run = session.scalars(select(Run).where(Run.state == "complete").order_by(Run.id.desc()).limit(1)).first()
    issues = session.execute(
        select(Issue.state, func.count())
        .where(Issue.kind == "label", Issue.run_id == (run.id if run else None))
        .group_by(Issue.state)
    ).all()
    changed = run is not None and label_digest(label_table(session)) != run.label_digest
    return Status(
        {row[0]: row[1] for row in artworks},
        run.id if run else None,
        changed,
        {row[0]: row[1] for row in issues},
        [_round(session, batch) for batch in session.scalars(select(Batch).order_by(Batch.id))],
    )


def _round(session: Session, batch: Batch) -> RoundStatus:
    states = {
        row[0]: row[1]
        for row in session.execute(
            select(Task.state, func.count()).where(Task.batch_id == batch.id).group_by(Task.state)
        )
    }
    decisions = {
        row[0]: row[1]
        for row in session.execute(
            select(Verdict.decision, func.count())
            .where(Verdict.batch_id == batch.id, Verdict.superseded_at.is_(None), Verdict.purpose == "review")
            .group_by(Verdict.decision)
        )
    }
    return RoundStatus(
        batch.id,
        batch.run_id,
        session.scalar(select(func.count(BatchItem.id)).where(BatchItem.batch_id == batch.id)) or 0,
        states.get("open", 0),
        states.get("done", 0),
        states.get("withdrawn", 0),
        batch.expected_yield,
        sum(decisions.values()),
        decisions.get("corrected", 0) + decisions.get("none_of_these", 0),
    )
