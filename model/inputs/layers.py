"""Statistics of a backbone's intermediate layers: what it sees on the way, before it names things.

The last layer of an ImageNet network tells dogs from cars; strokes, textures and plain shapes are told better
by those in the middle (as in style transfer: Gatys, Ecker and Bethge, CVPR 2016). They cost no further pass.
The ranking of labels reads them; the networks do not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from model.network.backbones import Backbone

WIDEST = 768  # channels; wider layers are those before the last, and cost more than they tell
QUARTERED_STRIDE = 16
"""The last layer at this stride is also averaged over each quarter of the image."""


class LayerStatistics:
    """Collects, for each image that passes a backbone, mean and spread of each channel of its stages.

    Threads may pass batches at the same time: each sees its own.

    Args:
        backbone: In evaluation mode.
        image_size: The side of its images.
    """

    def __init__(self, backbone: Backbone, image_size: int) -> None:
        self._seen = threading.local()
        self._backbone = backbone
        self._chosen: dict[int, bool] = {}  # place among the stages: whether it is quartered
        maps: dict[int, tuple[int, int]] = {}
        with self._listening(dict.fromkeys(range(len(backbone.stages())), False)), torch.inference_mode():
            device = next(backbone.parameters()).device
            backbone(torch.zeros(1, 3, image_size, image_size, device=device))
            for place, output in self._seen.outputs.items():
                if output.ndim == 4 and output.shape[1] <= WIDEST and output.shape[2] <= image_size // 8:
                    maps[place] = (output.shape[1], output.shape[2])
        middle = [place for place, (_, side) in maps.items() if side == -(-image_size // QUARTERED_STRIDE)]
        self._chosen = {place: place in middle[-1:] for place in maps}
        self.width = sum(
            channels * (6 if self._chosen[place] else 2) for place, (channels, _) in maps.items()
        )

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect what passes the backbone while this lasts."""
        with self._listening(self._chosen):
            yield

    @contextmanager
    def _listening(self, places: dict[int, bool]) -> Iterator[None]:
        stages = self._backbone.stages()
        hooks = [stages[place].register_forward_hook(self._hook(place)) for place in places]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _hook(self, place: int) -> Any:
        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                if not hasattr(self._seen, "outputs"):
                    self._seen.outputs = {}
                self._seen.outputs[place] = output

        return keep

    def take(self) -> Tensor:
        """Return the statistics of the batch that this thread passed last, shape ``(B, S)``."""
        parts = []
        for place, quartered in self._chosen.items():
            output = self._seen.outputs[place].float()
            parts += [output.mean(dim=(2, 3)), output.flatten(2).std(dim=2, correction=0)]
            if quartered:
                parts.append(nn.functional.adaptive_avg_pool2d(output, 2).flatten(1))
        self._seen.outputs = {}
        return torch.cat(parts, dim=1)
