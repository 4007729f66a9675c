"""The labels of one attribute as a run learns them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


def _no_ids() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class AttributeLabels:
    """One attribute as a run sees it: the K classes that enter, and the labels of N artworks among them.

    Attributes:
        attribute: Its name.
        classes: The class keys in column order.
        labels: Column indices, shape ``(N,)``, each in ``0..K - 1``, or -1 where the label is missing or its
            class too rare for this run.
        rare: How many labels the latter are.
        label_weight: How much each label counts in training, from 0 (not at all) to 1, shape ``(N,)``; all
            count 1 if left out. What is measured are all labels, whatever they count.
        attribute_id, class_ids: The catalog's ids, of the classes in column order; left out where the labels
            come from no catalog.
    """

    attribute: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    rare: int = 0
    label_weight: NDArray[np.float32] | None = None
    attribute_id: int = 0
    class_ids: NDArray[np.int64] = field(default_factory=_no_ids)

    def weights(self) -> NDArray[np.float32]:
        """Return how much each label counts, shape ``(N,)``."""
        return np.ones(len(self.labels), np.float32) if self.label_weight is None else self.label_weight
