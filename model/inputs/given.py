"""Features that another model computed, in place of the backbone's: held in memory, projected as ours are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from db.workspace.train_settings import TrainSettings
from model.inputs.data import Example
from model.inputs.features import SAMPLE, Features, Moments

MISSING = "no features are given for it"


class GivenFeatures(Features):
    """Features of a run's examples from an array; see ``Features``."""

    def __init__(
        self, grids: NDArray[np.floating], examples: Sequence[Example], settings: TrainSettings
    ) -> None:
        """Fit the projection on a sample, and project all.

        Args:
            grids: Shape ``(N, T, D)``; rows of NaN where there are none.
            examples: The artworks, N of them.
            settings: Resolved settings; ``projection`` and ``whiten`` are read.
        """
        self._readable: NDArray[np.bool_] = ~np.isnan(grids).any(axis=(1, 2))
        rows = np.flatnonzero(self._readable)
        moments = Moments(grids.shape[2])
        drawn = (
            np.unique(np.linspace(0, max(len(rows) - 1, 0), SAMPLE).astype(np.int64)) if len(rows) else rows
        )
        moments.add(grids[rows[drawn]].astype(np.float32))
        fit = moments.fit(min(settings.projection or grids.shape[2], grids.shape[2]), settings.whiten)
        self.mean, self.matrix = fit["mean"], fit["matrix"]
        projected = (torch.from_numpy(grids.astype(np.float32)) - self.mean) @ self.matrix
        self._grids = projected.numpy().astype(np.float16)
        self.shape = (grids.shape[1], int(self.matrix.shape[1]))
        self.unreadable = [
            (example.artwork_id, MISSING)
            for example, readable in zip(examples, self._readable, strict=True)
            if not readable
        ]
        self.computed = 0

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Whether each example has features, shape ``(N,)``."""
        return self._readable

    def gather(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float16]:
        """Return the grids of some examples, shape ``(B, T, P)``."""
        grids: NDArray[np.float16] = self._grids[np.asarray(rows)]
        return grids

    def layers(self) -> NDArray[np.float32] | None:
        """Return None: features that were given are not of layers."""
        return None

    def embedding(self) -> NDArray[np.float32]:
        """Return the mean over the cells, L2-normalised, shape ``(N, P)``; NaN where there is none."""
        vectors = self._grids.astype(np.float32).mean(axis=1)
        unit: NDArray[np.float32] = vectors / np.maximum(
            np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12
        )
        return unit
