"""Classifying images with the model that a run handed on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.device import choose_device
from model.export import read_model, read_transform
from model.inputs.data import Transform, Unreadable, pixels
from model.inputs.features import normalise
from model.network.cnn_lstm import CnnLstm

BATCH = 16


@dataclass(frozen=True)
class ImagePrediction:
    """What the model says of one image: for each attribute ``(class, probability)``, best first.

    ``reason`` is why there is none, where the image cannot be read.
    """

    path: Path
    ranked: dict[str, list[tuple[str, float]]]
    reason: str = ""


class Classifier:
    """A model ready to classify images."""

    def __init__(
        self,
        network: CnnLstm,
        classes: dict[str, list[str]],
        transform: Transform,
        temperature: dict[str, float],
        device: torch.device,
    ) -> None:
        self.network = network.to(device)
        self.classes = classes
        self.transform = transform
        self.temperature = temperature
        self.device = device

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> Classifier:
        """Read the model that lies at ``path`` (without suffix).

        Raises:
            CheckpointUnreadable: It is not there, damaged, or of another format.
            DeviceUnavailable: The device is not here.
        """
        network, about = read_model(path)
        return cls(
            network, about["classes"], read_transform(about), about["temperature"], choose_device(device)
        )

    @torch.inference_mode()
    def probabilities(self, squares: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return calibrated probabilities ``(N, K)`` of each attribute for squares ``(N, S, S, 3)``."""
        images = normalise(torch.from_numpy(squares).to(self.device), self.transform)
        by_attribute = {}
        for (name, _), logits in zip(self.classes.items(), self.network(images), strict=True):
            by_attribute[name] = (logits.float() / self.temperature[name]).softmax(dim=1).cpu().numpy()
        return by_attribute

    def classify(self, paths: Sequence[Path], top: int = 3) -> Iterator[ImagePrediction]:
        """Yield what the model says of each image, in order, the ``top`` classes of each attribute."""
        for start in range(0, len(paths), BATCH):
            yield from self._classify(paths[start : start + BATCH], top)

    def _classify(self, paths: Sequence[Path], top: int) -> Iterator[ImagePrediction]:
        squares: dict[Path, NDArray[np.uint8]] = {}
        reasons: dict[Path, str] = {}
        for path in paths:
            try:
                squares[path] = pixels(path, self.transform)
            except Unreadable as error:
                reasons[path] = str(error)
        pred_probs = self.probabilities(np.stack(list(squares.values()))) if squares else {}
        place = {path: row for row, path in enumerate(squares)}
        for path in paths:
            if path in reasons:
                yield ImagePrediction(path, {}, reasons[path])
                continue
            ranked = {name: self._ranked(name, part[place[path]], top) for name, part in pred_probs.items()}
            yield ImagePrediction(path, ranked)

    def _ranked(self, name: str, probabilities: NDArray[np.float32], top: int) -> list[tuple[str, float]]:
        order = np.argsort(-probabilities, kind="stable")[:top]
        return [(self.classes[name][index], float(probabilities[index])) for index in order]
