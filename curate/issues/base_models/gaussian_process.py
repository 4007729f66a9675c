"""A Gaussian process over embedding and related attribute, refitted in closed form whenever labels change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.issues.base_models.closed_form import Matrix, one_hot
from curate.issues.base_models.records import Related
from curate.issues.columns import Floats, Ints

BLOCK = 384  # artworks of one artist that are compared with each other; more are cut into such blocks
LABEL_NOISE = 1.0
SHARPNESS = 8.0


@dataclass(frozen=True)
class RelatedProcess:
    """A Gaussian process over image and related attribute, answering for each artwork without it.

    Two artworks tell of each other by how alike they are, by standing under the same value of the
    nearest related attribute (the same artist), more so where they are alike too, and by sharing the
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
    ) -> RelatedProcess:
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
        return cls(
            members=members,
            place=place[groups],
            blocks=tuple(blocks),
            low=low,
            core=core,
            diagonal=np.maximum(diagonal, 1e-4),
        )

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
    """Return the factor of the global covariance: the embedding, and sharing the second related attribute."""
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
    """Part the members by value; cut what is longer than BLOCK along its main direction in the embedding."""
    alone = values.max(initial=-1) + 1 + np.arange(len(values))
    keys = np.where(values >= 0, values, alone)
    order = np.argsort(keys, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(keys[order])) + 1) if len(order) else []
    blocks = []
    for part in parts:
        if len(part) > BLOCK:
            centred = embedding[part] - embedding[part].mean(axis=0)
            direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
            part = part[np.argsort(centred @ direction, kind="stable")]
        blocks.extend(np.array_split(part, -(-len(part) // BLOCK)))
    return blocks
