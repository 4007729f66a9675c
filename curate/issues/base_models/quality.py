"""Label quality from one column of probabilities: self-confidence, margin, calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from curate.issues.columns import Floats, Ints, check_labels

TINY = 1e-6


def self_confidence(labels: Ints, pred_probs: NDArray[np.floating]) -> Floats:
    """Score how far the model agrees with each given label.

    The score is the probability of the given label, ``pred_probs[i, labels[i]]``
    (Northcutt et al., "Confident Learning", JAIR 2021).

    Args:
        labels: Given class indices, shape ``(N,)``, each in ``0..K-1``, or -1 where there is none.
        pred_probs: Out-of-sample class probabilities, shape ``(N, K)``, columns in the order of the
            run's ``classes``; each row sums to 1. Probabilities predicted on images the run was
            trained on make wrong labels look right.

    Returns:
        Scores in [0, 1], shape ``(N,)``; the lower, the likelier the label is wrong; NaN where there
        is no label or no prediction.

    Raises:
        ValueError: The shapes disagree, or a label lies outside ``0..K-1``.

    Example:
        >>> self_confidence(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
        array([0.9, 0.2])
    """
    if pred_probs.ndim != 2 or len(labels) != len(pred_probs):
        raise ValueError(
            f"labels have shape {labels.shape} and pred_probs {pred_probs.shape}, expected (N,) and (N, K)."
        )
    check_labels(labels, pred_probs.shape[1])
    scores = np.full(len(labels), np.nan)
    rows = np.flatnonzero(labels >= 0)
    scores[rows] = pred_probs[rows, labels[rows]]
    return scores


def best_other(labels: Ints, pred_probs: NDArray[np.floating]) -> tuple[Ints, Floats]:
    """Return the likeliest class that is not the given one, and its probability.

    Args:
        labels: Given class indices, shape ``(N,)``, each in ``0..K-1``.
        pred_probs: Class probabilities, shape ``(N, K)``.

    Returns:
        Class indices, shape ``(N,)``, and their probabilities; -1 and 0 when K is 1.
    """
    if pred_probs.shape[1] < 2:
        return np.full(len(labels), -1, dtype=np.int64), np.zeros(len(labels))
    others = np.array(pred_probs, dtype=np.float64)
    others[np.arange(len(labels)), labels] = -1.0
    classes = others.argmax(axis=1).astype(np.int64)
    return classes, others[np.arange(len(labels)), classes]


def temper(pred_probs: NDArray[np.floating], temperature: float) -> Floats:
    """Return probabilities whose logits are divided by ``temperature``; above 1 they grow less sure."""
    logits = np.log(np.clip(pred_probs.astype(np.float64), TINY, 1.0)) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def fit_temperature(
    labels: Ints, pred_probs: NDArray[np.floating], *, sample: int = 5_000, highest: float = 5.0
) -> float:
    """Find the temperature under which the given labels are likeliest (Guo et al., ICML 2017).

    Args:
        labels: Given class indices, shape ``(N,)``, each in ``0..K-1``.
        pred_probs: Out-of-sample class probabilities, shape ``(N, K)``.
        sample: How many rows to fit on, evenly spaced; enough for one number.
        highest: The highest temperature that is tried.

    Returns:
        A temperature in [0.2, highest]; 1 when there is nothing to fit.
    """
    if len(labels) == 0 or pred_probs.shape[1] < 2:
        return 1.0
    rows = np.unique(np.linspace(0, len(labels) - 1, min(sample, len(labels))).astype(np.int64))
    logits = np.log(np.clip(pred_probs[rows].astype(np.float64), TINY, 1.0))
    given = labels[rows]

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        top = scaled.max(axis=1)
        norm = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float((norm - scaled[np.arange(len(given)), given]).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.2), np.log(highest)), method="bounded")
    return float(np.exp(found.x))
