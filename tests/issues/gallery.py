"""Made-up collections whose wrong labels are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.issues import LabelColumn

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Gallery:
    columns: list[LabelColumn]
    groups: Ints
    embedding: NDArray[np.float64]
    folds: Ints
    true: dict[str, Ints]
    planted: NDArray[np.bool_]  # in style


def make_gallery(count: int = 300, seed: int = 0, rate: float = 0.1, separation: float = 2.0) -> Gallery:
    """Draw artists who mostly keep to a style and a genre, looks that follow both, and wrong styles."""
    rng = np.random.default_rng(seed)
    artist = rng.integers(count // 12 + 1, size=count)
    habits = rng.integers((4, 3), size=(artist.max() + 1, 2))
    stray = rng.random((count, 2)) < (0.15, 0.3)
    style = np.where(stray[:, 0], rng.integers(4, size=count), habits[artist, 0])
    genre = np.where(stray[:, 1], rng.integers(3, size=count), habits[artist, 1])
    looks = rng.normal(size=(count, 12))
    looks[np.arange(count), style] += separation
    looks[np.arange(count), 4 + genre] += separation
    planted = rng.random(count) < rate
    given = np.where(planted, (style + rng.integers(1, 4, size=count)) % 4, style)
    columns = [
        column("style", given, probabilities(looks[:, :4], separation)),
        column("genre", genre, probabilities(looks[:, 4:7], separation)),
        column("artist", artist, np.full((count, int(artist.max()) + 1), 1.0 / (artist.max() + 1))),
    ]
    unit = looks / np.linalg.norm(looks, axis=1, keepdims=True)
    groups = np.arange(count)
    return Gallery(columns, groups, unit, groups % 5, {"style": style, "genre": genre}, planted)


def probabilities(looks: NDArray[np.float64], sharpness: float) -> NDArray[np.float64]:
    weights = np.exp(sharpness * looks)
    shares: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return shares


def column(attribute: str, labels: Ints, pred_probs: NDArray[np.float64]) -> LabelColumn:
    classes = tuple(f"{attribute} {index:03d}" for index in range(pred_probs.shape[1]))
    return LabelColumn(
        attribute, classes, labels.astype(np.int64), pred_probs, np.zeros(len(labels), dtype=np.int8)
    )
