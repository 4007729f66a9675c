"""A 2-D map of the embedding for the App's lasso: t-SNE of some artworks, the others placed between them.

t-SNE of a thousand anchors takes seconds, of 80,000 artworks an hour. An artwork that is not an anchor lies
where its nearest anchors are, weighted by likeness: neighbours stay neighbours, and a new artwork is placed
without moving the others.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ANCHORS = 1000
NEAREST = 5
SHARPNESS = 40.0
"""How much more a nearer anchor weighs: weights are exp(SHARPNESS * cosine)."""

CHUNK = 4096

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def map_points(embedding: Floats, artwork_ids: Ints, cache: Path) -> Floats:
    """Return a point for each artwork, shape ``(N, 2)``; anchors that still look the same keep theirs.

    Args:
        embedding: L2-normalised rows, shape ``(N, D)``, all finite.
        artwork_ids: Shape ``(N,)``.
        cache: A file that keeps the anchors; it is made again when most of them look different now.
    """
    anchors, places = _kept_anchors(embedding, artwork_ids, cache)
    if anchors is None:
        rng = np.random.default_rng(0)
        rows = np.sort(rng.permutation(len(embedding))[:ANCHORS])
        anchors, places = embedding[rows], _tsne(embedding[rows])
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_name(f".{cache.name}")
        with partial.open("wb") as file:
            np.savez(file, ids=artwork_ids[rows], anchors=anchors, places=places)
        partial.replace(cache)
    return place(embedding, anchors, places)


def _kept_anchors(embedding: Floats, artwork_ids: Ints, cache: Path) -> tuple[Floats | None, Floats]:
    """Return the anchors of an earlier map if they are of this embedding's space."""
    nothing = np.zeros((0, 2), dtype=np.float32)
    if not cache.is_file():
        return None, nothing
    with np.load(cache) as kept:
        ids, anchors, places = kept["ids"], kept["anchors"], kept["places"]
    enough = min(len(ids), ANCHORS) >= min(len(embedding), ANCHORS) // 2
    if anchors.shape[1:] != embedding.shape[1:] or not enough:
        return None, nothing
    at = np.searchsorted(artwork_ids, ids).clip(max=len(artwork_ids) - 1)
    same = (artwork_ids[at] == ids) & (np.abs(embedding[at] - anchors).max(axis=1) < 0.01)
    return (anchors, places) if same.mean() > 0.5 else (None, nothing)


def _tsne(anchors: Floats) -> Floats:
    """Lay anchors out; fewer than five lie on a line."""
    if len(anchors) < 5:
        line = np.arange(len(anchors), dtype=np.float32)
        return np.stack([line, np.zeros_like(line)], axis=1)
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    perplexity = min(30.0, (len(anchors) - 1) / 3)
    # one thread: on a busy machine, OpenMP threads that spin for each other take twenty times as long
    with threadpool_limits(1, "openmp"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that underflow in tiny sets
        laid_out = TSNE(
            init="pca" if min(anchors.shape) > 2 else "random",
            random_state=0,
            max_iter=400,
            perplexity=perplexity,
            method="exact" if len(anchors) <= 100 else "barnes_hut",
        ).fit_transform(anchors)
    points: Floats = np.asarray(laid_out, dtype=np.float32)
    return points / max(float(np.abs(points).max()), 1e-9)


def place(embedding: Floats, anchors: Floats, places: Floats) -> Floats:
    """Return where artworks lie between their nearest anchors; an anchor itself lies at its place."""
    points = np.empty((len(embedding), 2), dtype=np.float32)
    k = min(NEAREST, len(anchors))
    for start in range(0, len(embedding), CHUNK):
        alike = embedding[start : start + CHUNK] @ anchors.T
        nearest = np.argpartition(-alike, k - 1, axis=1)[:, :k]
        cosines = np.take_along_axis(alike, nearest, axis=1)
        weights = np.exp(SHARPNESS * (cosines - cosines.max(axis=1, keepdims=True)))
        weights /= weights.sum(axis=1, keepdims=True)
        points[start : start + CHUNK] = (places[nearest] * weights[..., None]).sum(axis=1)
        best = cosines.max(axis=1)
        exact = np.flatnonzero(best > 0.99999)
        which = nearest[exact, cosines[exact].argmax(axis=1)]
        points[start + exact] = places[which]
    return points
