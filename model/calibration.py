"""Probabilities made as sure as they are right: one temperature, and how far they were off. No torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

FLOOR = 1e-12
"""Probabilities below this count as this where a logarithm is taken."""


def apply_temperature(
    pred_probs: NDArray[np.floating], temperature: float, floor: float = FLOOR
) -> NDArray[np.float64]:
    """Return ``softmax(log(p) / temperature)``, shape ``(N, K)``; above 1 rows grow less sure."""
    scaled = np.log(np.clip(pred_probs.astype(np.float64), floor, 1.0)) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    softened: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return softened


def fit_temperature(
    labels: NDArray[np.int64],
    pred_probs: NDArray[np.floating],
    *,
    bounds: tuple[float, float] = (0.1, 10.0),
    floor: float = FLOOR,
    sample: int | None = None,
) -> float:
    """Find the temperature under which the given labels are likeliest (Guo et al., ICML 2017).

    Args:
        labels: Given class indices, shape ``(N,)``, each in ``0..K-1``.
        pred_probs: Out-of-sample class probabilities, shape ``(N, K)``.
        bounds: The lowest and the highest temperature that is tried.
        floor: Probabilities below this count as this.
        sample: How many rows to fit on, evenly spaced; all without it.

    Returns:
        A temperature within ``bounds``; 1 where there is nothing to fit.
    """
    if len(labels) == 0 or pred_probs.shape[1] < 2:
        return 1.0
    if sample is not None and sample < len(labels):
        rows = np.unique(np.linspace(0, len(labels) - 1, sample).astype(np.int64))
        labels, pred_probs = labels[rows], pred_probs[rows]
    logs = np.log(np.clip(pred_probs.astype(np.float64), floor, 1.0))
    logs -= logs.max(axis=1, keepdims=True)
    own, powers = logs[np.arange(len(labels)), labels], np.empty_like(logs)

    def loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        np.exp(np.multiply(logs, scale, out=powers), out=powers)
        return float((np.log(powers.sum(axis=1)) - own * scale).mean())

    best = minimize_scalar(loss, bounds=(np.log(bounds[0]), np.log(bounds[1])), method="bounded")
    return float(np.exp(best.x))


def cross_calibrated(
    labels: NDArray[np.int64], pred_probs: NDArray[np.float32], folds: NDArray[np.int64]
) -> NDArray[np.floating]:
    """Return probabilities, each fold's at the temperature that fits all other folds."""
    calibrated: NDArray[np.floating] = pred_probs.copy()
    for fold in np.unique(folds):
        own, others = folds == fold, folds != fold
        fitted_on = others if others.any() else own
        temperature = fit_temperature(labels[fitted_on], pred_probs[fitted_on])
        calibrated[own] = apply_temperature(pred_probs[own], temperature)
    return calibrated


def calibration_error(hit: NDArray[np.bool_], confidence: NDArray[np.floating], bins: int = 15) -> float:
    """Return the expected calibration error over bins of equal width, in 0..1 (Naeini et al., AAAI 2015).

    Args:
        hit: Whether the likeliest class is the label, shape ``(N,)``.
        confidence: The likeliest class's probability, shape ``(N,)``.
        bins: How many bins share 0 to 1.
    """
    sure = confidence.astype(np.float64)
    which = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = np.bincount(which, hit - sure, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(hit), 1))
