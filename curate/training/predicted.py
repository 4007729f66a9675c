"""What scoring needs of a run, whoever predicted: our own networks, or a file of another model's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Predicted(Protocol):
    """Predictions of N artworks in A attributes; ``model.training.train.RunResult`` is one."""

    @property
    def pred_probs(self) -> Mapping[str, NDArray[np.float32]]:
        """Probabilities by attribute, shape ``(N, K)``; rows of NaN where there are none."""

    @property
    def provenance(self) -> NDArray[np.str_]:
        """Whose probability each artwork has, shape ``(N,)``; see ``db.runs.evaluation``."""

    @property
    def embedding(self) -> NDArray[np.float32] | None:
        """L2-normalised features, shape ``(N, D)``, NaN where unreadable; None if there are none."""

    @property
    def layers(self) -> NDArray[np.float32] | None:
        """Statistics of the layers that the image passed, ``(N, S)``, NaN where unreadable; or None."""

    @property
    def margins(self) -> NDArray[np.float16]:
        """Margins by epoch, shape ``(E, N, A)``, NaN where unknown."""
