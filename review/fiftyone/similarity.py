"""Similarity search in the App ("more like this one") over the run's embedding, where it lies.

FiftyOne's own index would copy the vectors of all artworks into MongoDB at every run; this one reads the
run's ``embedding.npy``. FiftyOne finds the three classes by their names: ``XConfig`` builds ``X``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from fiftyone.brain.internal.core.sklearn import (
    SklearnSimilarity,
    SklearnSimilarityConfig,
    SklearnSimilarityIndex,
)
from numpy.typing import NDArray

from db.runs.runs import load_array


class EmbeddingSimilarityConfig(SklearnSimilarityConfig):  # type: ignore[misc]
    """Names the folder of the run whose embedding is searched."""

    def __init__(self, folder: str | None = None, **given: Any) -> None:
        super().__init__(**given)
        self.folder = folder


class EmbeddingSimilarity(SklearnSimilarity):  # type: ignore[misc]
    """Makes the index of a dataset."""

    def initialize(self, samples: Any, brain_key: str) -> EmbeddingSimilarityIndex:
        """Return the index; nothing is computed."""
        return EmbeddingSimilarityIndex(samples, self.config, brain_key, backend=self)


class EmbeddingSimilarityIndex(SklearnSimilarityIndex):  # type: ignore[misc]
    """The vectors of the samples that the run has seen, by cosine."""

    def __init__(self, samples: Any, config: Any, brain_key: str, backend: Any = None) -> None:
        ids, vectors = read_vectors(samples._dataset, Path(config.folder))
        super().__init__(samples, config, brain_key, embeddings=vectors, sample_ids=ids, backend=backend)

    def attributes(self) -> list[str]:
        """Return what is kept in MongoDB with the index: no vectors, no ids."""
        return [
            name for name in super().attributes() if name not in ("embeddings", "sample_ids", "label_ids")
        ]

    def _get_neighbors(self, can_use_neighbors: bool = True, can_use_dists: bool = True) -> Any:
        """Compare with what was asked for only; all pairs of 15,000 samples would take 1.8 GB."""
        return super()._get_neighbors(can_use_neighbors=can_use_neighbors, can_use_dists=False)

    @classmethod
    def _from_dict(cls, d: dict[str, Any], samples: Any, config: Any, brain_key: str) -> Any:
        return cls(samples, config, brain_key)


def read_vectors(dataset: Any, folder: Path) -> tuple[NDArray[np.str_], NDArray[np.float32]]:
    """Return the sample ids of a dataset that have a vector, ascending, and their vectors ``(N, D)``."""
    sample_ids = np.array(sorted(dataset.values("id")), dtype=np.str_)
    if not len(sample_ids):
        return sample_ids, np.zeros((0, 1), dtype=np.float32)
    artworks = np.array([int(sample_id[:8], 16) for sample_id in sample_ids.tolist()], dtype=np.int64)
    artwork_ids: NDArray[np.int64] = load_array(folder / "artworks.npy")
    embedding: NDArray[np.float16] = load_array(folder / "embedding.npy", mapped=True)
    at = np.searchsorted(artwork_ids, artworks).clip(max=max(len(artwork_ids) - 1, 0))
    there = np.flatnonzero(artwork_ids[at] == artworks)
    vectors = np.asarray(embedding[at[there]], dtype=np.float32)
    finite = np.isfinite(vectors).all(axis=1)
    return sample_ids[there[finite]], vectors[finite]
