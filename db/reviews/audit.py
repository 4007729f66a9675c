"""What reviewers found of labels that a run had scored: what estimates and forecasts are corrected by."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.decision_rules import FOUND_WRONG, JUDGES_LABEL
from db.models import Batch, EffectiveLabel, Label, Prediction, Run, Verdict

ENOUGH = 20_000
"""Artworks whose scores stand for all others: reading a million makes no estimate better."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def answered_scores(session: Session, *purposes: str) -> tuple[Floats, Floats, Ints]:
    """Return the score of every label that reviewers judged, and whether they found it wrong.

    Args:
        session: A reading transaction.
        purposes: Why it was asked about: ``audit`` for a uniform sample, ``review`` for what was ranked.

    Returns:
        The scores by the run that asked, shape ``(V,)``, NaN where it had none; 1 where the label was found
        wrong, else 0; and the ids of those runs. A label that two reviewers judged in one batch counts once,
        the later one's.
    """
    rows = session.execute(
        select(
            Verdict.batch_id,
            Verdict.artwork_id,
            Verdict.attribute_id,
            Verdict.decision,
            Prediction.score,
            Batch.run_id,
        )
        .join(Batch, Batch.id == Verdict.batch_id)
        .outerjoin(
            Prediction,
            (Prediction.run_id == Batch.run_id)
            & (Prediction.artwork_id == Verdict.artwork_id)
            & (Prediction.attribute_id == Verdict.attribute_id),
        )
        .where(
            Verdict.purpose.in_(purposes),
            Verdict.superseded_at.is_(None),
            Verdict.given_id.is_not(None),
            Verdict.decision.in_(JUDGES_LABEL),
        )
        .order_by(Verdict.id)
    )
    said = {tuple(row[:3]): row for row in rows}.values()
    scores = [np.nan if row.score is None else row.score for row in said]
    wrong = [row.decision in FOUND_WRONG for row in said]
    runs = [row.run_id for row in said]
    return np.array(scores, np.float64), np.array(wrong, np.float64), np.array(runs, np.int64)


def unreviewed_scores(session: Session, run: Run) -> tuple[Floats, float]:
    """Return a run's scores of the labels that nobody has reviewed.

    Returns:
        The scores, NaN where the run has none, in the order of the artworks; and how many labels each
        stands for: 1, or more in a large collection, of which every n-th artwork is looked at.
    """
    newest = session.scalar(select(func.max(EffectiveLabel.artwork_id))) or 0
    step = max(1, newest // ENOUGH)
    scores = session.scalars(
        select(Prediction.score)
        .select_from(EffectiveLabel)
        .outerjoin(
            Prediction,
            (Prediction.run_id == run.id)
            & (Prediction.artwork_id == EffectiveLabel.artwork_id)
            & (Prediction.attribute_id == EffectiveLabel.attribute_id),
        )
        .where(EffectiveLabel.authority == "import", EffectiveLabel.artwork_id % step == 0)
        .order_by(EffectiveLabel.artwork_id, EffectiveLabel.attribute_id)
    ).all()
    return np.array([np.nan if score is None else score for score in scores], dtype=np.float64), float(step)


def count_audits(session: Session) -> int:
    """Return how many labels that were drawn at random reviewers have judged."""
    return len(answered_scores(session, "audit")[0])


def expected_among_judged(session: Session, run: Run) -> float:
    """Return how many errors a run expected among the labels that reviewers have judged since it saw them."""
    chance_of_wrong = (  # as a join, SQLite would begin with all that the run predicts
        select(1.0 - Prediction.score)
        .where(
            Prediction.run_id == run.id,
            Prediction.artwork_id == Label.artwork_id,
            Prediction.attribute_id == Label.attribute_id,
        )
        .scalar_subquery()
    )
    expected = session.scalar(
        select(func.sum(chance_of_wrong))
        .select_from(Label)
        .join(EffectiveLabel, EffectiveLabel.label_id == Label.id)
        .where(
            Label.id > run.labels_seen,
            EffectiveLabel.artwork_id == Label.artwork_id,
            EffectiveLabel.attribute_id == Label.attribute_id,
            EffectiveLabel.authority != "import",
        )
    )
    return float(expected or 0.0)


class ErrorEvidence(TypedDict):
    """What an estimate of the errors left needs: scores not reviewed, scores audited, what audits found."""

    scores: Floats
    audited: Floats
    wrong: Floats
    each: float


def error_evidence(session: Session, run: Run) -> ErrorEvidence:
    """Return it for a run's scores and all audits; see ``unreviewed_scores`` and ``answered_scores``."""
    scores, each = unreviewed_scores(session, run)
    audited, wrong, _ = answered_scores(session, "audit")
    return ErrorEvidence(scores=scores, audited=audited, wrong=wrong, each=each)


class YieldEvidence(TypedDict):
    """What a forecast of a yield needs: scores that reviewers judged, what they found, verdicts before."""

    reviewed: Floats
    wrong: Floats
    earlier: int


def yield_evidence(session: Session, run: Run) -> YieldEvidence:
    """Return it for a run: what was found of the labels it asked about, and how many verdicts came before."""
    scores, wrong, runs = answered_scores(session, "review", "audit")
    mine = runs == run.id
    return YieldEvidence(reviewed=scores[mine], wrong=wrong[mine], earlier=int((~mine).sum()))
