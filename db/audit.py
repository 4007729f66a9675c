"""What the random slices of the batches found: the raw counts from which the errors left are estimated."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Batch, BatchItem, Verdict

JUDGED = ("corrected", "confirmed", "atypical", "none_of_these")


@dataclass(frozen=True)
class AuditSlice:
    """One batch's audit.

    Attributes:
        labels: Labels in the population that the slice was drawn from.
        judged, wrong: Labels that reviewers judged in the slice, and those they found wrong.
        corrected_since: Labels corrected since the draw, by anybody's review.
    """

    batch: int
    labels: float
    judged: int
    wrong: int
    corrected_since: int


def audit_slices(session: Session) -> list[AuditSlice]:
    """Return the audits that somebody has answered, oldest first; ranked reviews never enter them."""
    found = []
    for batch in session.scalars(select(Batch).order_by(Batch.id)):
        items = session.scalars(
            select(BatchItem).where(BatchItem.batch_id == batch.id, BatchItem.purpose == "audit")
        ).all()
        verdicts = session.execute(
            select(Verdict.decision, Verdict.artwork_id, Verdict.attribute_id)
            .where(
                Verdict.batch_id == batch.id,
                Verdict.purpose == "audit",
                Verdict.superseded_at.is_(None),
                Verdict.given_id.is_not(None),
                Verdict.decision.in_(JUDGED),
            )
            .order_by(Verdict.id)
        ).all()
        said = {(row.artwork_id, row.attribute_id): row.decision for row in verdicts}
        if not said:
            continue
        labels = sum(len(item.attributes) / (item.inclusion_probability or 1.0) for item in items)
        wrong = sum(decision in ("corrected", "none_of_these") for decision in said.values())
        found.append(AuditSlice(batch.id, labels, len(said), wrong, _corrected_since(session, batch)))
    return found


def _corrected_since(session: Session, batch: Batch) -> int:
    """Return how many labels were corrected after a batch was drawn, each counted once."""
    labels = (
        select(Verdict.artwork_id, Verdict.attribute_id)
        .where(
            Verdict.superseded_at.is_(None),
            Verdict.decision == "corrected",
            Verdict.decided_at >= batch.created_at,
        )
        .distinct()
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(labels)) or 0
