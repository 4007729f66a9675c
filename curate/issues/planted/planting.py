"""Plant label errors of known kinds, to learn what errors look like in this collection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curate.issues.columns import Floats, Ints

PLANTED = ("uniform", "confusable", "related")
"""uniform: any other class alike; confusable: classes that the model confuses with the right one;
related: a class of another artwork of the same artist (more generally: under the same value of the
attribute that tells most)."""

MISPLACED = "misplaced"
"""All labels of an artwork are those of another; found by comparing attributes, in ``misplaced.py``."""

KINDS = (*PLANTED, MISPLACED)


def confusion(labels: Ints, pred_probs: NDArray[np.floating]) -> Floats:
    """Return for each class which others the model takes it for, shape ``(K, K)``, rows summing to 1.

    Args:
        labels: Class indices, shape ``(N,)``; -1 is left out.
        pred_probs: Out-of-sample probabilities, shape ``(N, K)``; rows of NaN are left out.
    """
    width = pred_probs.shape[1]
    usable = np.flatnonzero((labels >= 0) & np.isfinite(pred_probs).all(axis=1))
    table = np.zeros((width, width))
    np.add.at(table, (labels[usable], pred_probs[usable].argmax(axis=1)), 1.0)
    np.fill_diagonal(table, 0.0)
    table += 0.05 * max(table.mean(), 1e-9)
    np.fill_diagonal(table, 0.0)
    shares: Floats = table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300)
    return shares


def plant(
    rng: np.random.Generator,
    labels: Ints,
    chosen: Ints,
    kind: str,
    *,
    confusions: Floats,
    related: Ints | None,
) -> Ints:
    """Return a wrong label for each chosen artwork, shape ``(len(chosen),)``; -1 where the kind gives none.

    Args:
        rng: Where the randomness comes from.
        labels: Class indices of all artworks, shape ``(N,)``.
        chosen: Rows to plant an error at, each with a label.
        kind: One of ``PLANTED``.
        confusions: What each class is taken for, shape ``(K, K)``.
        related: Value of the related attribute, shape ``(N,)``, -1 unknown; only ``related`` needs it.
    """
    given, width = labels[chosen], len(confusions)
    if width < 2 or len(chosen) == 0:
        return np.full(len(chosen), -1, dtype=np.int64)
    if kind == "uniform":
        other = rng.integers(width - 1, size=len(chosen))
        return other + (other >= given)
    if kind == "confusable":
        steps = confusions[given].cumsum(axis=1)
        drawn = (steps < rng.random(len(chosen))[:, None] * steps[:, -1:]).sum(axis=1)
        return np.where(drawn == given, -1, np.minimum(drawn, width - 1))
    if related is None:
        return np.full(len(chosen), -1, dtype=np.int64)
    return _first_other(given, _labels_alongside(rng, labels, related, chosen))


def _labels_alongside(rng: np.random.Generator, labels: Ints, related: Ints, chosen: Ints) -> Ints:
    """Draw labels of artworks with the same related value, 24 a row; -1 where the value is unknown."""
    labelled = np.flatnonzero((labels >= 0) & (related >= 0))
    order = labelled[np.argsort(related[labelled], kind="stable")]
    first = np.searchsorted(related[order], related[chosen], side="left")
    size = np.searchsorted(related[order], related[chosen], side="right") - first
    draws = first[:, None] + (rng.random((len(chosen), 24)) * size[:, None]).astype(np.int64)
    usable = ((related[chosen] >= 0) & (size > 0))[:, None]
    drawn: Ints = np.where(usable, labels[order[np.minimum(draws, max(len(order) - 1, 0))]], -1)
    return drawn


def _first_other(given: Ints, drawn: Ints) -> Ints:
    """Return the first drawn label that is not the given one, -1 where all are."""
    other = (drawn != given[:, None]) & (drawn >= 0)
    first = drawn[np.arange(len(drawn)), other.argmax(axis=1)]
    return np.where(other.any(axis=1), first, -1).astype(np.int64)
