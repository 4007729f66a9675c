"""How many wrong labels are left, estimated from what a random slice of each batch found.

A slice is drawn uniformly, so its share of wrong labels is that of the whole collection at the draw; what
reviews have corrected since is taken off. The ranked reviews don't enter: they look where errors are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import beta

from db.audit import AuditSlice


@dataclass(frozen=True)
class ErrorsLeft:
    """The wrong labels that are left: an estimate, and the ends of its 95 % interval."""

    estimate: float
    low: float
    high: float
    judged: int
    wrong: int


def errors_left(slices: Sequence[AuditSlice], confidence: float = 0.95) -> ErrorsLeft | None:
    """Estimate the wrong labels that are left; None before any audit was answered.

    The slices are pooled, each weighing as many labels as were judged in it; the interval is Clopper and
    Pearson's (Biometrika, 1934), which is never too narrow.

    Example:
        >>> found = errors_left([AuditSlice(1, labels=1000, judged=100, wrong=10, corrected_since=40)])
        >>> round(found.estimate), round(found.low), round(found.high)
        (60, 9, 136)
    """
    judged = sum(s.judged for s in slices)
    wrong = sum(s.wrong for s in slices)
    if not judged:
        return None
    labels = sum(s.labels * s.judged for s in slices) / judged
    fixed = sum(s.corrected_since * s.judged for s in slices) / judged
    estimate = sum(s.wrong * s.labels for s in slices) / judged - fixed
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, wrong, judged - wrong + 1)) if wrong else 0.0
    high = float(beta.ppf(1 - tail, wrong + 1, judged - wrong)) if wrong < judged else 1.0
    return ErrorsLeft(
        round(max(estimate, 0.0), 1),
        round(max(low * labels - fixed, 0.0), 1),
        round(max(high * labels - fixed, 0.0), 1),
        judged,
        wrong,
    )
