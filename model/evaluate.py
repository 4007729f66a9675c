"""How good a run's probabilities are: arrays in, numbers out, no torch."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

FLOOR = 1e-12
"""Probabilities below this count as this where a logarithm is taken."""


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


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Return counts, shape ``(K, K)``: rows are given labels, columns predicted classes; -1 is skipped."""
    kept = (labels >= 0) & (predicted >= 0)
    cells = labels[kept] * classes + predicted[kept]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


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
    table = confusion_matrix(given, probabilities.argmax(axis=1), classes)
    scores = _f1(table)
    support = table.sum(axis=1)
    present = support > 0
    if folds is not None:
        temperature = fit_temperature(given, probabilities)
        calibrated = cross_calibrated(given, probabilities, folds[kept])
    else:
        temperature = _temperature_of(calibrated_on, pred_probs)
        calibrated = apply_temperature(probabilities, temperature)
    accuracy = float(np.trace(table) / len(given))
    return {
        "accuracy": accuracy,
        "macro_f1": float(scores[present].mean()),
        "weighted_f1": float((scores * support).sum() / len(given)),
        "weighted_recall": accuracy,  # recall weighted by support is the accuracy; named as the seed names it
        "majority": float(support.max() / len(given)),
        "n": len(given),
        "classes": classes,
        "coverage": len(given) / max(total, 1),
        "ece": calibration_error(given, probabilities),
        "ece_calibrated": calibration_error(given, calibrated),
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


def _f1(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return F1 by class, shape ``(K,)``; 0 for a class that was neither given nor predicted."""
    hits = np.diagonal(table).astype(np.float64)
    either = table.sum(axis=0) + table.sum(axis=1)
    scores: NDArray[np.float64] = np.divide(2 * hits, either, out=np.zeros_like(hits), where=either > 0)
    return scores


def apply_temperature(pred_probs: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return ``softmax(log(p) / temperature)``, rows of shape ``(K,)``."""
    scaled = np.log(np.maximum(pred_probs.astype(np.float64), FLOOR)) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    powers = np.exp(scaled)
    softened: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return softened


def fit_temperature(labels: NDArray[np.int64], pred_probs: NDArray[np.float32]) -> float:
    """Return the temperature with the best likelihood of labels ``(N,)`` (Guo et al., ICML 2017)."""
    logs = np.log(np.maximum(pred_probs.astype(np.float64), FLOOR))

    def loss(log_temperature: float) -> float:
        scaled = logs / np.exp(log_temperature)
        top = scaled.max(axis=1, keepdims=True)
        normal = np.log(np.exp(scaled - top).sum(axis=1)) + top[:, 0]
        return float((normal - scaled[np.arange(len(labels)), labels]).mean())

    best = minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded")
    return float(np.exp(best.x))


def cross_calibrated(
    labels: NDArray[np.int64], pred_probs: NDArray[np.float32], folds: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return probabilities, each fold's at the temperature that fits all other folds."""
    calibrated = pred_probs.copy()
    for fold in np.unique(folds):
        own, others = folds == fold, folds != fold
        fitted_on = others if others.any() else own
        temperature = fit_temperature(labels[fitted_on], pred_probs[fitted_on])
        calibrated[own] = apply_temperature(pred_probs[own], temperature)
    return calibrated


def calibration_error(labels: NDArray[np.int64], pred_probs: NDArray[np.float32], bins: int = 15) -> float:
    """Return the expected calibration error of the top class over bins of equal width, in 0..1."""
    confidence = pred_probs.max(axis=1).astype(np.float64)
    hit = pred_probs.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, hit - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(labels), 1))
