"""How good a run's probabilities are: arrays in, numbers out, no torch."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score

from model.calibration import apply_temperature, calibration_error, cross_calibrated, fit_temperature


class Metrics(TypedDict):
    """What ``curate train --json`` prints of one attribute; shares are in 0..1."""

    accuracy: float
    macro_f1: float
    weighted_f1: float
    weighted_recall: float
    majority: float  # accuracy of always saying the commonest class
    n: int  # labels scored
    classes: int
    coverage: float  # labels scored, of all labels of the attribute
    ece: float  # expected calibration error of the probabilities as they are
    ece_calibrated: float  # ... after the temperature, each fold's fitted on the others
    temperature: float


def metrics(
    labels: NDArray[np.int64],
    pred_probs: NDArray[np.float32],
    folds: NDArray[np.int64] | None,
    unscored: int = 0,
    calibrated_on: NDArray[np.int64] | None = None,
) -> Metrics:
    """Return the metrics of one attribute.

    Args:
        labels: Given class indices, shape ``(N,)``; -1 where missing.
        pred_probs: Out-of-sample probabilities, shape ``(N, K)``; NaN rows are not scored.
        folds: Which model predicted each row, shape ``(N,)``: one's temperature is fitted on the others.
        unscored: Labels that exist and were left out, because their class is rare.
        calibrated_on: Without folds, other labels ``(N,)`` that the temperature is fitted on; -1 elsewhere.
    """
    kept = (labels >= 0) & ~np.isnan(pred_probs).any(axis=1)
    given, probabilities = labels[kept], pred_probs[kept]
    classes = pred_probs.shape[1]
    total = int((labels >= 0).sum()) + unscored
    if len(given) == 0:
        return _nothing(classes)
    said, support = probabilities.argmax(axis=1), np.bincount(given)
    present = np.flatnonzero(support)  # macro averages are over classes that have a label
    if folds is not None:
        temperature = fit_temperature(given, probabilities)
        calibrated = cross_calibrated(given, probabilities, folds[kept])
    else:
        temperature = _temperature_of(calibrated_on, pred_probs)
        calibrated = apply_temperature(probabilities, temperature)
    accuracy = float(accuracy_score(given, said))
    return {
        "accuracy": accuracy,
        "macro_f1": _f1(given, said, present, "macro"),
        "weighted_f1": _f1(given, said, present, "weighted"),
        "weighted_recall": accuracy,  # recall weighted by support is the accuracy; named as the seed names it
        "majority": float(support.max() / len(given)),
        "n": len(given),
        "classes": classes,
        "coverage": len(given) / max(total, 1),
        "ece": _ece(given, probabilities),
        "ece_calibrated": _ece(given, calibrated),
        "temperature": temperature,
    }


def _temperature_of(labels: NDArray[np.int64] | None, pred_probs: NDArray[np.float32]) -> float:
    """Return the temperature that fits other labels, or 1 where there are none."""
    if labels is None:
        return 1.0
    kept = (labels >= 0) & ~np.isnan(pred_probs).any(axis=1)
    return fit_temperature(labels[kept], pred_probs[kept]) if kept.any() else 1.0


def _nothing(classes: int) -> Metrics:
    """Return the metrics of an attribute without a single scored label."""
    return {
        "accuracy": 0.0,
        "macro_f1": 0.0,
        "weighted_f1": 0.0,
        "weighted_recall": 0.0,
        "majority": 0.0,
        "n": 0,
        "classes": classes,
        "coverage": 0.0,
        "ece": 0.0,
        "ece_calibrated": 0.0,
        "temperature": 1.0,
    }


def _f1(given: NDArray[np.int64], said: NDArray[np.int64], present: NDArray[np.int64], average: str) -> float:
    return float(f1_score(given, said, labels=present, average=average, zero_division=0))


def _ece(given: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> float:
    return calibration_error(pred_probs.argmax(axis=1) == given, pred_probs.max(axis=1))
