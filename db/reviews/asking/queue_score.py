"""The one rule for where an artwork stands in the queue of reviews."""

from __future__ import annotations

from collections.abc import Iterable


def queue_score(issue_scores: Iterable[float], width: int) -> float:
    """Return an artwork's queue score in [0, 1], lower is reviewed first.

    It is the mean probability that the artwork's labels are right; a label that is not flagged counts as
    right. So the order is that of the wrong labels to be expected in one review. It is the same number
    wherever a task comes from (a push, the App) and after every refresh, so that a task keeps its place.

    Args:
        issue_scores: The score of each flagged label of the artwork, one an attribute, in [0, 1].
        width: How many attributes an artwork has.

    Example:
        >>> round(queue_score([0.1, 0.4], 3), 3)
        0.5
        >>> queue_score([], 3)
        1.0
    """
    return max(0.0, 1.0 - sum(1.0 - score for score in issue_scores) / max(width, 1))
