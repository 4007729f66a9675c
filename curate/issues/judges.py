"""Two quick judges of labels, refitted in closed form whenever labels change.

Planting errors into the labels and asking what a model trained on them would have said is affordable
only with models whose refit is a matrix product. Both prepare everything that does not depend on the
labels once, and never let an artwork, or a duplicate of it, speak for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from curate.issues.columns import Floats, Ints
from curate.issues.records import Related

Matrix = NDArray[np.float32]
BLOCK = 384  # artworks of one artist that are compared with each other; more are cut into such blocks
RIDGE = 1.0
LABEL_NOISE = 1.0
SHARPNESS = 8.0


def one_hot(labels: Ints, weights: Floats, width: int) -> csr_matrix:
    """Return the labels as sparse rows, shape ``(N, width)``; a row of zeros where there is none."""
    known = np.flatnonzero(labels >= 0)
    return csr_matrix((weights[known], (known, labels[known])), shape=(len(labels), width), dtype=np.float32)


@dataclass(frozen=True)
class FoldJudge:
    """Ridge regression of the classes on the embedding, one model a fold, as the run's own folds were."""

    features: Matrix  # (N, D + 1), a constant last
    folds: Ints  # (N,)
    inverses: Matrix  # (F, D + 1, D + 1)

    @classmethod
    def prepare(cls, embedding: Matrix, folds: Ints, labelled: NDArray[np.bool_]) -> FoldJudge:
        """Invert each fold's normal equations over the labelled artworks of the other folds."""
        features = np.concatenate([embedding, np.full((len(embedding), 1), 0.5, dtype=np.float32)], axis=1)
        grams = [
            features[rows].T.astype(np.float64) @ features[rows]
            for rows in (np.flatnonzero(labelled & (folds == fold)) for fold in range(folds.max() + 1))
        ]
        penalty = RIDGE * np.eye(features.shape[1])
        total = np.sum(grams, axis=0)
        inverses = np.stack([np.linalg.inv(total - gram + penalty) for gram in grams])
        return cls(features, folds, inverses.astype(np.float32))

    def fit(self, labels: Ints, weights: Floats, width: int) -> Matrix:
        """Return each fold's coefficients for these labels, shape ``(F, D + 1, width)``."""
        sums = []
        for fold in range(len(self.inverses)):
            rows = np.flatnonzero((self.folds == fold) & (labels >= 0))
            sums.append(np.asarray(one_hot(labels[rows], weights[rows], width).T @ self.features[rows]).T)
        total = np.sum(sums, axis=0)
        return np.stack([inverse @ (total - part) for inverse, part in zip(self.inverses, sums, strict=True)])

    def scores(self, coefficients: Matrix, rows: Ints) -> Matrix:
        """Return out-of-fold scores of the classes, shape ``(len(rows), width)``; about 0 to 1."""
        scores = np.empty((len(rows), coefficients.shape[2]), dtype=np.float32)
        for fold in range(len(coefficients)):
            at = np.flatnonzero(self.folds[rows] == fold)
            scores[at] = self.features[rows[at]] @ coefficients[fold]
        return scores


@dataclass(frozen=True)
class KernelJudge:
    """A Gaussian process over image and related attribute, answering for each artwork without it.

    Two artworks tell of each other by how alike they look, by standing under the same value of the
    nearest related attribute (the same artist), more so where they look alike too, and by sharing the
    second (the same genre). The covariance is block diagonal by the first plus a part of low rank, so
    that the inverse, and with it every leave-one-out answer, costs time in proportion to N.
    """

    members: Ints  # (M,) one artwork for each duplicate group with a label
    place: Ints  # (N,) row in `members` of the artwork's group; -1 where it has none
    blocks: tuple[tuple[Ints, Matrix], ...]  # rows in `members` and the inverse of their covariance
    low: Matrix  # (M, R) the inverse of the block part times the low-rank factor
    core: Matrix  # (R, R)
    diagonal: Matrix  # (M,) of the inverse covariance

    @classmethod
    def prepare(
        cls,
        embedding: Matrix,
        groups: Ints,
        labelled: NDArray[np.bool_],
        weights: Floats,
        first: Related,
        second: Related | None,
    ) -> KernelJudge:
        """Invert the covariance of the labelled artworks."""
        rows = np.flatnonzero(labelled)
        _, at = np.unique(groups[rows], return_index=True)
        members = rows[np.sort(at)]
        place = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
        place[groups[members]] = np.arange(len(members))
        other = np.full(len(members), -1, dtype=np.int64) if second is None else second.values[members]
        factor = _low_rank(embedding[members], other)
        noise = (LABEL_NOISE / weights[members]).astype(np.float32)
        blocks = []
        low = np.empty_like(factor)
        diagonal = np.empty(len(members), dtype=np.float32)
        for block in _blocks(first.values[members], embedding[members]):
            inverse = np.linalg.inv(_block_covariance(embedding[members[block]], other[block], noise[block]))
            blocks.append((block, inverse))
            low[block] = inverse @ factor[block]
            diagonal[block] = np.diag(inverse)
        core = np.linalg.inv(np.eye(factor.shape[1]) + factor.T.astype(np.float64) @ low).astype(np.float32)
        diagonal -= np.einsum("ij,ij->i", low @ core, low)
        return cls(members, place[groups], tuple(blocks), low, core, np.maximum(diagonal, 1e-4))

    def fit(self, labels: Ints, width: int) -> Matrix:
        """Return the leave-one-out mean of each class at each member, shape ``(M, width)``."""
        given = labels[self.members]
        target = np.asarray(one_hot(given, np.ones(len(given)), width).todense(), dtype=np.float32)
        centred = target - target.mean(axis=0)
        solved = np.empty_like(centred)
        for block, inverse in self.blocks:
            solved[block] = inverse @ centred[block]
        solved -= self.low @ (self.core @ (self.low.T @ centred))
        answers: Matrix = target - solved / self.diagonal[:, None]
        return answers

    def scores(self, answers: Matrix, rows: Ints) -> Matrix:
        """Return the answers for artworks, shape ``(len(rows), width)``; zeros where there is none."""
        place = self.place[rows]
        scores: Matrix = np.where((place >= 0)[:, None], answers[place], np.float32(0.0))
        return scores


def _low_rank(embedding: Matrix, second: Ints) -> Matrix:
    """Return the factor of the global covariance: looks, and sharing the second related attribute."""
    parts = [np.float32(np.sqrt(0.8)) * embedding]
    width = int(second.max(initial=-1)) + 1
    if 0 < width <= 64:
        parts.append(
            np.float32(np.sqrt(0.5)) * np.asarray(one_hot(second, np.ones(len(second)), width).todense())
        )
    factor: Matrix = np.concatenate(parts, axis=1).astype(np.float32)
    return factor


def _block_covariance(embedding: Matrix, second: Ints, noise: Matrix) -> Matrix:
    alike = np.exp(SHARPNESS * (np.minimum(embedding @ embedding.T, 1.0) - 1.0))
    shared = (second[:, None] == second[None, :]) & (second >= 0)[:, None]
    covariance: Matrix = 0.35 + alike + np.float32(0.3) * shared + np.diag(noise)
    return covariance.astype(np.float32)


def _blocks(values: Ints, embedding: Matrix) -> list[Ints]:
    """Part the members by value; cut what is longer than BLOCK along its main direction of looks."""
    alone = values.max(initial=-1) + 1 + np.arange(len(values))
    keys = np.where(values >= 0, values, alone)
    order = np.argsort(keys, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(keys[order])) + 1) if len(order) else []
    blocks = []
    for part in parts:
        if len(part) > BLOCK:
            looks = embedding[part] - embedding[part].mean(axis=0)
            direction = np.linalg.eigh(looks.T @ looks)[1][:, -1]
            part = part[np.argsort(looks @ direction, kind="stable")]
        blocks.extend(np.array_split(part, -(-len(part) // BLOCK)))
    return blocks
