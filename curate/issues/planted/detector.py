"""Tell right labels from errors of each kind, and estimate how common each kind really is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from curate.issues.base_models.closed_form import Matrix
from curate.issues.columns import Floats, Ints

EXPECTED_WRONG, EXPECTED_FROM = 0.05, 10.0  # a share of errors to start from, as sure as from ten labels
PENALTY = 30.0  # of the squared coefficients, against the summed loss of all examples


@dataclass(frozen=True)
class Detector:
    """Multinomial logistic regression over standardised features; class 0 is a right label."""

    centre: Floats  # (F,)
    scale: Floats  # (F,)
    coefficients: Floats  # (F + 1, C)

    def probabilities(self, features: Matrix) -> Floats:
        """Return the probability of each kind, shape ``(n, C)``, at the shares planted."""
        logits = _standardised(features, self.centre, self.scale) @ self.coefficients.astype(np.float32)
        probs = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64))
        shares: Floats = np.maximum(probs / probs.sum(axis=1, keepdims=True), 1e-9)
        return shares


def fit_detector(
    features: Matrix, kinds: Ints, weights: Floats, width: int, near: Detector | None = None
) -> Detector:
    """Fit a detector to examples of known kind.

    Args:
        features: Shape ``(n, F)``.
        kinds: 0 for a right label, 1..width-1 for an error of that kind, shape ``(n,)``.
        weights: What each example counts, shape ``(n,)``.
        width: C, the number of kinds, right labels among them.
        near: A detector of nearly the same examples, to begin the search at.
    """
    share = weights / weights.sum()
    centre = share @ features
    scale = np.sqrt(np.maximum(share @ (features - centre) ** 2, 1e-8))
    inputs = _standardised(features, centre, scale)
    truth = np.zeros((width, len(kinds)), dtype=np.float32)  # transposed: sums over kinds run along memory
    truth[kinds, np.arange(len(kinds))] = 1.0
    penalty = PENALTY / weights.sum()
    counted = share.astype(np.float32)

    def loss(flat: Floats) -> tuple[float, Floats]:
        coefficients = flat.reshape(-1, width)
        logits = coefficients.T.astype(np.float32) @ inputs.T
        logits -= logits.max(axis=0)
        own = logits[kinds, np.arange(len(kinds))]
        probs = np.exp(logits)
        total = probs.sum(axis=0)
        nll = float(share @ (np.log(total) - own))
        slope = (counted * (probs / total - truth) @ inputs).T.astype(np.float64)
        slope[:-1] += penalty * coefficients[:-1]
        return nll + 0.5 * penalty * float((coefficients[:-1] ** 2).sum()), slope.ravel()

    start = np.zeros((inputs.shape[1], width)) if near is None else near.coefficients
    fit = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 80})
    return Detector(centre, scale, np.asarray(fit.x).reshape(start.shape))


def cross_fit(
    features: Matrix, kinds: Ints, weights: Floats, parts: Ints, wanted: Ints, width: int
) -> dict[int, Detector]:
    """Return for each wanted part a detector that has not learnt from it.

    Args:
        features: Shape ``(n, F)``.
        kinds: Shape ``(n,)``.
        weights: Shape ``(n,)``.
        parts: The part of each example, shape ``(n,)``.
        wanted: The parts that are to be judged.
        width: C, the number of kinds.
    """
    detectors: dict[int, Detector] = {}
    near: Detector | None = None
    for part in wanted:
        learn = parts != part
        if not learn.any():
            learn = np.ones(len(learn), dtype=bool)
        near = fit_detector(features[learn], kinds[learn], weights[learn], width, near)
        detectors[int(part)] = near
    return detectors


def detect(detectors: dict[int, Detector], features: Matrix, parts: Ints, width: int) -> Floats:
    """Return the probability of each kind, shape ``(n, width)``, each row by the detector of its part."""
    probs = np.empty((len(features), width))
    for part, detector in detectors.items():
        at = parts == part
        probs[at] = detector.probabilities(features[at])
    return probs


def _standardised(features: Matrix, centre: Floats, scale: Floats) -> Matrix:
    inputs = np.clip((features - centre) / scale, -8.0, 8.0)
    return np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1).astype(np.float32)


def as_found(probs: Floats, wrong: NDArray[np.bool_]) -> Floats:
    """Return probabilities of each kind, shape ``(n, C)``, once it is known which labels are wrong."""
    certain = probs.copy()
    certain[wrong, 0] = 0.0
    certain[~wrong, 1:] = 0.0
    return certain


def adapt(probs: Floats, planted: Floats, weights: Floats, *, rounds: int = 200) -> tuple[Floats, Floats]:
    """Move probabilities from the shares that were planted to those that the labels really have.

    Expectation and maximisation over the shares of the kinds (Saerens, Latinne and Decaestecker, Neural
    Computation 2002): an error that is rarely seen where the detector looks is taken to be rare.

    Args:
        probs: Probability of each kind at the planted shares, shape ``(n, C)``.
        planted: The shares planted, shape ``(C,)``.
        weights: What each row counts in the estimate, shape ``(n,)``; 0 leaves it out.
        rounds: How often to repeat; the shares move little after some fifty.

    Returns:
        Probabilities at the estimated shares, shape ``(n, C)``, and those shares, shape ``(C,)``.
    """
    ratio = np.where(planted > 0, probs / np.maximum(planted, 1e-9), 0.0)
    shares = planted.copy()
    expected = np.where(planted > 0, EXPECTED_WRONG / max((planted[1:] > 0).sum(), 1), 0.0)
    expected[0] = 1.0 - EXPECTED_WRONG
    counted, weight = ratio[weights > 0], weights[weights > 0]
    for _ in range(rounds):
        odds = counted * shares
        moved = weight @ (odds / odds.sum(axis=1, keepdims=True)) + EXPECTED_FROM * expected
        moved /= moved.sum()
        if np.abs(moved - shares).max() < 1e-6:
            break
        shares = moved
    odds = ratio * shares
    return odds / odds.sum(axis=1, keepdims=True), shares
