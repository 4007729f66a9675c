"""How many labels are wrong, from the pooled base models alone.

The labels cannot tell: a model that explains them as they are, errors and all, is as likely as one that
does not. What can be counted are disagreements. A strong model disagrees with little but wrong labels; of a
weak one's, only those count in which another class is far likelier. What lies between is an empirical law,
fitted on one half of the collections of ``benchmarks/real_errors.py``; docs/ranking.md says how well it
holds on the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curate.issues.base_models.closed_form import Matrix
from curate.issues.columns import Floats, Ints

CONTESTED = np.log(10.0)  # another class is ten times as likely as the given one
SUREST = 0.2  # share of the labels at which the models are surest of some class
LEVEL, CONTESTED_POWER = 1.25, 0.75  # of the geometric mean of contested and disagreeing labels
FLOOR_LEVEL, FLOOR_POWER = 7.0, 3.0
"""Where even the surest predictions are contradicted, labels are wrong whatever the image: a floor."""
LEAST_FACTOR, WEAK_FACTOR = 1.25, 1.0
"""The 90 % interval reaches from the estimate divided by to the estimate times ``LEAST_FACTOR``, more by
up to ``WEAK_FACTOR`` where few disagreements are contested."""
ASSUMED_ERROR_RATE, ASSUMED_LABELS = 0.05, 50.0  # the share to start from, as sure as this many labels
NINETY = 1.645  # standard deviations from the middle to either end of a 90 % interval


@dataclass(frozen=True)
class ErrorRate:
    """The share of labels that are wrong, with its 90 % interval."""

    value: float
    low: float
    high: float


def estimate_error_rate(log_probs: Matrix, labels: Ints) -> ErrorRate:
    """Estimate the share of wrong labels.

    Args:
        log_probs: Pooled, calibrated, out-of-sample log-probabilities of the classes, shape ``(n, K)``.
        labels: Given class indices, shape ``(n,)``.
    """
    count = len(labels)
    contested, disagreeing, floor = _counts(log_probs, labels)
    law = LEVEL * contested**CONTESTED_POWER * disagreeing ** (1 - CONTESTED_POWER)
    law = min(law + FLOOR_LEVEL * floor**FLOOR_POWER, max(disagreeing, contested))
    law = max(law, 0.5 / max(count, 1))
    certainty = count / (count + ASSUMED_LABELS)
    value = float(np.exp(certainty * np.log(law) + (1 - certainty) * np.log(ASSUMED_ERROR_RATE)))
    factor = LEAST_FACTOR + WEAK_FACTOR * (1.0 - contested / max(disagreeing, 1e-9))
    spread = np.hypot(np.log(factor) / NINETY, 1.0 / np.sqrt(1.0 + value * count))
    reach = float(np.exp(NINETY * spread))
    return ErrorRate(value, value / reach, min(value * reach, 1.0))


def _counts(log_probs: Matrix, labels: Ints) -> tuple[float, float, float]:
    """Return the shares of contested and of disagreeing labels, and of the latter where models are surest."""
    if len(labels) == 0 or log_probs.shape[1] < 2:
        return 0.0, 0.0, 0.0
    at = np.arange(len(labels))
    own = log_probs[at, labels]
    best: Floats = log_probs.max(axis=1).astype(np.float64)
    disagreeing = best > own
    surest = best >= np.quantile(best, 1.0 - SUREST)
    return (
        float((best - own > CONTESTED).mean()),
        float(disagreeing.mean()),
        float(disagreeing[surest].mean()),
    )


def shift_to(log_odds: Floats, errors: float) -> float:
    """Return what to add to the log-odds so that this many labels are expected to be wrong."""
    errors = float(np.clip(errors, 1e-3 * len(log_odds), 0.95 * len(log_odds)))
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if (1.0 / (1.0 + np.exp(-np.clip(log_odds + middle, -50, 50)))).sum() < errors:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
