"""Where a network's inputs come from, batch by batch: the feature cache here, images in ``images.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.inputs.features import Features

Batch = tuple[NDArray[np.int64], Tensor]
"""Rows of the run's examples, shape ``(B,)``, and their inputs on the device, ``(B, ...)``."""


class Feed(Protocol):
    """Gives inputs for rows; rows whose image turns out unreadable are left out of the batch."""

    def training(self, plan: Sequence[NDArray[np.int64]], seed: Sequence[int]) -> Iterator[Batch]:
        """Yield the batches of one epoch, augmented by what the seed says."""

    def plain(self, rows: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield all rows as a prediction sees them."""


class CachedFeed:
    """Grids from the feature cache."""

    def __init__(self, features: Features, device: torch.device) -> None:
        self.features = features
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
        return torch.from_numpy(self.features.gather(rows)).to(self.device, non_blocking=True).float()
