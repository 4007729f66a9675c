"""Where a network's inputs come from, batch by batch: the feature cache here, images in ``images.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.features import Features

Batch = tuple[NDArray[np.int64], Tensor]
"""Rows of the run's examples, shape ``(B,)``, and their inputs on the device, ``(B, ...)``."""


class Feed(Protocol):
    """Gives inputs for rows; rows whose image turns out unreadable are left out of the batch."""

    def training(self, plan: Sequence[NDArray[np.int64]], seed: Sequence[int]) -> Iterator[Batch]:
        """Yield the batches of one epoch, augmented by what the seed says."""

    def plain(self, rows: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield all rows as a prediction sees them."""


class CachedFeed:
    """Grids from the feature cache, each feature scaled."""

    def __init__(self, features: Features, factor: NDArray[np.float32], device: torch.device) -> None:
        self.features = features
        self.factor = torch.from_numpy(factor)
        self.device = device

    def training(self, plan: Sequence[NDArray[np.int64]], seed: Sequence[int]) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
        for rows in plan:
            yield rows, self._inputs(rows)

    def plain(self, rows: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield all rows, 256 at a time."""
        for start in range(0, len(rows), 256):
            part = rows[start : start + 256]
            yield part, self._inputs(part)

    def _inputs(self, rows: NDArray[np.int64]) -> Tensor:
        grids = torch.from_numpy(self.features.gather(rows))
        return (grids.float() * self.factor).to(self.device, non_blocking=True)


def feature_factor(scale: NDArray[np.float32], whiten: float) -> NDArray[np.float32]:
    """Return what each projected feature is multiplied with before the LSTM, shape ``(P,)``.

    Args:
        scale: Standard deviation of each feature over cells, largest first.
        whiten: 0 keeps their proportions, 1 makes all equally large. In either case the mean square
            over all features comes out as 1.
    """
    factor = scale.astype(np.float64) ** -whiten
    spread = np.sqrt(np.mean((scale * factor) ** 2))
    unit: NDArray[np.float32] = (factor / max(float(spread), 1e-12)).astype(np.float32)
    return unit
