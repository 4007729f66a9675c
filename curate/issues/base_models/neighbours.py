"""The nearest artworks in the embedding, duplicates left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.issues.columns import Floats, Ints

NEIGHBOURS = 40
EXACT_BELOW = 30_000  # artworks; above, an inverted index answers with a recall of about 0.97


@dataclass(frozen=True)
class Neighbours:
    """The artworks that look most like each artwork.

    Attributes:
        rows: Their row numbers, nearest first, shape ``(N, k)``; -1 where there are fewer.
        similarity: Their cosine similarity, shape ``(N, k)``; -1 where there are fewer.
    """

    rows: Ints
    similarity: NDArray[np.float32]


def find_neighbours(
    embedding: NDArray[np.floating], groups: Ints, count: int = NEIGHBOURS, seed: int = 0
) -> Neighbours:
    """Find the nearest artworks of each artwork that belong to another duplicate group.

    Args:
        embedding: L2-normalised features, shape ``(N, D)``; a row of NaN where an image could not be read.
        groups: Duplicate group of each artwork, shape ``(N,)``.
        count: How many neighbours to keep.
        seed: Makes the approximate index repeatable.
    """
    usable = np.flatnonzero(np.isfinite(embedding).all(axis=1))
    rows = np.full((len(embedding), count), -1, dtype=np.int64)
    similarity = np.full((len(embedding), count), -1.0, dtype=np.float32)
    if len(usable) < 2:
        return Neighbours(rows, similarity)
    vectors = np.ascontiguousarray(embedding[usable], dtype=np.float32)
    wanted = min(count + 10, len(usable))  # the artwork itself and its duplicates fall out
    nearest, near = _search(vectors, wanted, seed)
    for start in range(0, len(usable), 8192):
        part = slice(start, start + 8192)
        owners = usable[part]
        candidates = np.where(nearest[part] >= 0, usable[nearest[part]], -1)
        other = (candidates >= 0) & (groups[candidates] != groups[owners][:, None])
        order = np.argsort(~other, axis=1, kind="stable")[:, :count]
        kept = np.take_along_axis(other, order, axis=1)
        width = order.shape[1]
        rows[owners, :width] = np.where(kept, np.take_along_axis(candidates, order, axis=1), -1)
        similarity[owners, :width] = np.where(kept, np.take_along_axis(near[part], order, axis=1), -1.0)
    return Neighbours(rows, similarity)


def _search(vectors: NDArray[np.float32], count: int, seed: int) -> tuple[Ints, NDArray[np.float32]]:
    """Return the ``count`` nearest of each vector, itself among them, and their inner products."""
    import faiss

    size, width = vectors.shape
    if size <= EXACT_BELOW:
        exact = faiss.IndexFlatIP(width)
        exact.add(vectors)
        similarity, rows = exact.search(vectors, count)
        return rows.astype(np.int64), similarity
    cells = int(4 * np.sqrt(size))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = seed + 1
    index.nprobe = 24
    index.train(vectors[:: max(1, size // (40 * cells))])
    index.add(vectors)
    similarity, rows = index.search(vectors, count)
    return rows.astype(np.int64), similarity


def neighbour_votes(
    neighbours: Neighbours,
    labels: Ints,
    weights: Floats,
    rows: Ints,
    count: int,
    sharpness: float,
    prior: Floats,
) -> NDArray[np.float32]:
    """Return the class shares among the nearest labelled neighbours, shape ``(len(rows), K)``.

    Each neighbour weighs ``exp(sharpness * similarity)``, one for the nearest, times its label's weight.

    Args:
        neighbours: The nearest artworks.
        labels: Class indices, shape ``(N,)``; -1 is left out.
        weights: What each label counts, shape ``(N,)``.
        rows: The artworks asked about.
        count: How many neighbours vote.
        sharpness: How much more the nearer ones weigh.
        prior: Votes that every class has to begin with, shape ``(K,)``.
    """
    near = neighbours.rows[rows, :count]
    given = np.where(near >= 0, labels[near], -1)
    similarity = neighbours.similarity[rows, :count]
    weight = np.exp(sharpness * (similarity - similarity[:, :1])) * np.where(near >= 0, weights[near], 0.0)
    owner, place = np.nonzero(given >= 0)
    cell = owner * len(prior) + given[owner, place]
    counted = np.bincount(cell, weights=weight[owner, place], minlength=len(rows) * len(prior))
    votes = counted.reshape(len(rows), len(prior)) + prior
    votes /= votes.sum(axis=1, keepdims=True)
    shares: NDArray[np.float32] = votes.astype(np.float32)
    return shares
