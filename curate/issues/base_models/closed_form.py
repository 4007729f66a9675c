"""Out-of-fold models on fixed features that are refitted in closed form whenever labels change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_matrix

from curate.issues.columns import Floats, Ints

Matrix = NDArray[np.float32]
REDUCED, REDUCED_ON = 384, 4_000  # principal axes kept, and the artworks they are found on
MEAN_STRENGTH = 1.0  # artworks' worth of the overall mean in each class mean
GRAM_CHUNK = 16_384


def one_hot(labels: Ints, weights: Floats, width: int) -> csr_matrix:
    """Return the labels as sparse rows, shape ``(N, width)``; a row of zeros where there is none."""
    rows = np.flatnonzero(labels >= 0)
    return csr_matrix((weights[rows], (rows, labels[rows])), shape=(len(labels), width), dtype=np.float32)


@dataclass(frozen=True)
class ClassGaussians:
    """Linear discriminant analysis, one model a fold: Gaussian classes with one shrunk covariance.

    It is stiffer than a network, so wrong labels bend it less. The covariances are those of the labels that
    it was prepared with; a refit moves the class means, which costs one sparse product.
    """

    inputs: Matrix  # (N, D)
    seen: NDArray[np.bool_]  # (N,) rows with features
    folds: Ints  # (N,)
    weights: Floats  # (N,)
    inverses: Matrix  # (F, D, D)

    @classmethod
    def prepare(
        cls, inputs: Matrix, folds: Ints, labels: Ints, weights: Floats, *, width: int, shrinkage: float
    ) -> ClassGaussians:
        """Invert each fold's covariance within classes, over the labelled artworks of the other folds.

        Args:
            inputs: Features, shape ``(N, D)``; a row of NaN where there are none.
            folds: Shape ``(N,)``, from 0.
            labels: Class indices, shape ``(N,)``; -1 is left out.
            weights: What each label counts, shape ``(N,)``.
            width: K, the number of classes.
            shrinkage: How far the covariance is drawn to a sphere, from 0 to 1.
        """
        seen = np.atleast_1d(np.isfinite(inputs).all(axis=1))
        inputs = inputs if seen.all() else np.where(seen[:, None], inputs, np.float32(0.0))
        given = np.where(seen, labels, -1)
        grams = [_gram(inputs, weights, np.flatnonzero((folds == f) & (given >= 0))) for f in _numbers(folds)]
        model = cls(inputs, seen, folds, weights, np.empty((0, 0, 0), dtype=np.float32))
        total, inverses = np.sum(grams, axis=0), []
        for gram, (sums, counts) in zip(grams, model._class_sums(given, width), strict=True):
            within = total - gram - (sums / np.maximum(counts, 1e-9)[:, None]).T @ sums
            within /= max(counts.sum(), 1.0)
            size = max(float(np.trace(within)) / len(within), 1e-9)
            covariance = (1.0 - shrinkage) * within + shrinkage * size * np.eye(len(within))
            inverses.append(np.linalg.inv(covariance + 1e-6 * size * np.eye(len(within))))
        return cls(inputs, seen, folds, weights, np.stack(inverses).astype(np.float32))

    def refit(self, labels: Ints, width: int) -> Matrix:
        """Return each fold's coefficients for these labels, shape ``(F, D + 1, K)``."""
        coefficients = []
        given = np.where(self.seen, labels, -1)
        for inverse, (sums, counts) in zip(self.inverses, self._class_sums(given, width), strict=True):
            middle = sums.sum(axis=0) / max(counts.sum(), 1e-9)
            means = (sums + MEAN_STRENGTH * middle) / (counts + MEAN_STRENGTH)[:, None]
            slopes = inverse @ means.T
            start = np.log(counts + 0.5) - 0.5 * np.einsum("kd,dk->k", means, slopes)
            coefficients.append(np.concatenate([slopes, (start - start.mean())[None]]).astype(np.float32))
        return np.stack(coefficients)

    def logits(self, coefficients: Matrix, rows: Ints) -> Matrix:
        """Return the out-of-fold logits of the classes, ``(len(rows), K)``; zeros without features."""
        logits = np.zeros((len(rows), coefficients.shape[2]), dtype=np.float32)
        for fold in range(len(coefficients)):
            at = np.flatnonzero((self.folds[rows] == fold) & self.seen[rows])
            logits[at] = self.inputs[rows[at]] @ coefficients[fold][:-1] + coefficients[fold][-1]
        return logits

    def _class_sums(self, labels: Ints, width: int) -> list[tuple[Floats, Floats]]:
        """Return for each fold the other folds' sums and counts of each class, ``(K, D)`` and ``(K,)``."""
        sums, counts = [], []
        for fold in _numbers(self.folds):
            rows = np.flatnonzero((self.folds == fold) & (labels >= 0))
            table = one_hot(labels[rows], self.weights[rows], width)
            sums.append(np.asarray(table.T @ self.inputs[rows], dtype=np.float64))
            counts.append(np.bincount(labels[rows], weights=self.weights[rows], minlength=width))
        all_sums, all_counts = np.sum(sums, axis=0), np.sum(counts, axis=0)
        return [(all_sums - own, all_counts - some) for own, some in zip(sums, counts, strict=True)]


def _numbers(folds: Ints) -> range:
    return range(int(folds.max(initial=0)) + 1)


def _gram(inputs: Matrix, weights: Floats, rows: Ints) -> Floats:
    gram = np.zeros((inputs.shape[1], inputs.shape[1]))
    for start in range(0, len(rows), GRAM_CHUNK):
        some = rows[start : start + GRAM_CHUNK]
        part = inputs[some]
        gram += (part * weights[some, None].astype(np.float32)).T @ part
    return gram


def reduced(features: NDArray[np.floating]) -> Matrix:
    """Return standardised features on their principal axes, L2-normalised, ``(N, REDUCED)`` at most.

    Args:
        features: On any scale, shape ``(N, S)``; a row of NaN where there are none.
    """
    usable = np.flatnonzero(np.isfinite(features).all(axis=1))
    if len(usable) < 2:
        return np.full((len(features), 1), np.nan, dtype=np.float32)
    sample = usable[np.unique(np.linspace(0, len(usable) - 1, REDUCED_ON).astype(np.int64))]
    drawn = features[sample].astype(np.float64)
    centre, scale = drawn.mean(axis=0), drawn.std(axis=0) + 1e-6
    standard = ((drawn - centre) / scale).astype(np.float32)
    width = standard.shape[1]
    _, axes = eigh(standard.T @ standard, subset_by_index=[max(width - REDUCED, 0), width - 1])
    projected = np.full((len(features), axes.shape[1]), np.nan, dtype=np.float32)
    for start in range(0, len(usable), GRAM_CHUNK):
        rows = usable[start : start + GRAM_CHUNK]
        part = ((features[rows] - centre) / scale).astype(np.float32) @ axes
        projected[rows] = part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-6)
    return projected
