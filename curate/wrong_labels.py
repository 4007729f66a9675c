"""About how many labels are wrong: the one number that every command tells, and its wording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from curate.issues import Estimate, LabelScores
    from db.models import Run

STORED = "expected_wrong"
"""The key of an estimate among the metrics of a run's attribute."""


def with_estimates(
    metrics: Mapping[str, Mapping[str, Any]], scores: Mapping[str, LabelScores]
) -> dict[str, dict[str, Any]]:
    """Return the metrics of a run by attribute, each with how many of its labels are wrong."""
    kept = {}
    for name, own in metrics.items():
        expected = scores[name].expected
        estimate = {"value": expected.value, "low": expected.low, "high": expected.high, "assumed": True}
        kept[name] = {**own, STORED: estimate}
    return kept


def estimate_wrong_labels(session: Session, run: Run) -> Estimate:
    """Estimate how many labels are wrong among those that nobody has reviewed.

    Fewer than fifty audits measure nothing: until then it is what was estimated when the run was scored, less
    what was expected of the labels that reviewers have judged since. From fifty on the audits and the run's
    scores tell; they also do for runs that were stored without an estimate.
    """
    from curate.issues import Estimate, errors_left
    from curate.issues.estimates import FEWEST_AUDITS
    from db.reviews.audit import count_audits, error_evidence, expected_among_judged
    from db.runs.runs import run_attributes

    stored = [row.metrics[STORED] for row in run_attributes(session, run).values() if STORED in row.metrics]
    audits = count_audits(session)
    if not stored or audits >= FEWEST_AUDITS:
        return errors_left(**error_evidence(session, run))
    value, low, high = (sum(one[end] for one in stored) for end in ("value", "low", "high"))
    left = max(value - expected_among_judged(session, run), 0.0) / value if value else 0.0
    return Estimate(left * value, left * low, left * high, audits, True)


def tell_wrong_labels(estimate: Estimate) -> str:
    """Say it to people, the 90 % interval in brackets, and whether it was measured."""
    count = round(estimate.value)
    return (
        f"labels not reviewed: about {count} wrong label{'' if count == 1 else 's'} "
        f"({estimate.low:.0f} to {estimate.high:.0f}), {rests_on(estimate.audits, estimate.assumed, 'audit')}"
    )


def rests_on(count: int, assumed: bool, what: str = "verdict") -> str:
    """Say whether an estimate was measured: fewer than fifty verdicts measure nothing."""
    many = f"{count} {what}" + ("" if count == 1 else "s")
    return f"assumed: {many}, 50 are needed" if assumed else f"measured by {many}"
