"""Label quality from one column of probabilities: self-confidence, margin, calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curate.issues.columns import Floats, Ints, check_labels
from model.calibration import apply_temperature, fit_temperature

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
    return apply_temperature(pred_probs, temperature, floor=TINY)


def label_temperature(labels: Ints, pred_probs: NDArray[np.floating], highest: float = 5.0) -> float:
    """Find the temperature, in [0.2, ``highest``], under which given labels are likeliest.

    Some labels are wrong, so that their probabilities are floored at ``TINY``: no single label may decide.
    5,000 rows are enough for one number.
    """
    return fit_temperature(labels, pred_probs, bounds=(0.2, highest), floor=TINY, sample=5_000)
