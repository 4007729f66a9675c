"""Which artworks an epoch draws, in which order: a function of the seed, the model and the epoch alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

POWER = 0.5
"""Class-aware weights are count ** -POWER: between the natural frequencies (0) and equal classes (1)."""


def draw_weights(labels: NDArray[np.int64], attributes: Sequence[str], sampler: str) -> NDArray[np.float64]:
    """Return how likely each row is to be drawn, relative to the others.

    Args:
        labels: Class indices of the training rows, shape ``(N, A)``; -1 where missing.
        attributes: Their names, length A.
        sampler: ``class-aware``: the mean over a row's labels of count ** -0.5, missing labels skipped.
            An attribute's name: 1 / count of the row's class of it, as the seed has it for genre.

    Returns:
        Positive weights, shape ``(N,)``. A row without any label that counts gets the mean of the others.

    Raises:
        ValueError: No attribute has that name.
    """
    if sampler == "class-aware":
        columns, power = list(range(labels.shape[1])), POWER
    elif sampler in attributes:
        columns, power = [list(attributes).index(sampler)], 1.0
    else:
        raise ValueError(f"sampler is {sampler!r}; expected class-aware or one of {', '.join(attributes)}")
    total = np.zeros(len(labels))
    present = np.zeros(len(labels))
    for column in columns:
        given = labels[:, column]
        rows = given >= 0
        counts = np.bincount(given[rows], minlength=1)
        total[rows] += counts[given[rows]] ** -power
        present[rows] += 1
    weights = np.divide(total, present, out=np.zeros_like(total), where=present > 0)
    return np.where(present > 0, weights, weights[present > 0].mean() if present.any() else 1.0)


def epoch_rows(
    rows: NDArray[np.int64], weights: NDArray[np.float64] | None, seed: Sequence[int]
) -> NDArray[np.int64]:
    """Return the rows of one epoch in the order in which they come.

    Without weights each row comes once; with them as many are drawn, with replacement.
    """
    rng = np.random.default_rng(list(seed))
    if weights is None:
        return rng.permutation(rows)
    drawn: NDArray[np.int64] = rng.choice(rows, size=len(rows), replace=True, p=weights / weights.sum())
    return drawn


def batches(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Cut rows into batches; a last one under half the size joins the one before it."""
    cut = [rows[start : start + size] for start in range(0, len(rows), size)]
    if len(cut) > 1 and len(cut[-1]) * 2 < size:
        cut[-2:] = [np.concatenate(cut[-2:])]
    return cut
