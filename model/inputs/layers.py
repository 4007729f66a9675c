"""Statistics of a backbone's intermediate layers: what it sees on the way, before it names things.

The last layer of an ImageNet network tells dogs from cars; strokes, textures and plain shapes are told better
by those in the middle, and by which channels answer together: style is in their correlations (Gatys, Ecker
and Bethge, "Image style transfer using convolutional neural networks", CVPR 2016; for telling styles apart
Chu and Wu, "Image style classification based on learnt deep correlation features", IEEE Transactions on
Multimedia 2018). They cost no further pass. The ranking of labels reads them; the networks do not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from torch import Tensor, nn

from model.network.backbones import Backbone

WIDEST = 768  # channels; wider layers are those before the last, and cost more than they tell
QUARTERED_STRIDE = 16
"""The last layer at this stride is also averaged over each quarter of the image."""
CORRELATED_STRIDE, CORRELATED_WIDEST = 8, 192
"""Correlations are taken of layers of at least this stride and of at most this many channels."""
TURNED_ONTO = 112
"""More channels are first turned onto this many random axes: correlations grow with the square."""
CORRELATIONS_WEIGH = 0.64
"""The variance of a layer's correlations, where all other statistics together have 1."""
AXES = 768
"""Principal axes that are kept of the statistics: a twentieth of their number."""
COLUMNS_AT_ONCE = 2048


@dataclass(frozen=True)
class _Stage:
    """What is taken of one stage's output."""

    quartered: bool = False
    correlated: bool = False
    axes: Tensor | None = None  # (C, TURNED_ONTO), where it has more channels


class LayerStatistics:
    """Collects, for each image that passes a backbone, what its stages say of the image as a whole.

    That is mean and spread of each channel, the means over the quarters of the image for one stage, and for
    some the covariance of their channels: its upper triangle by the signed square root and L2-normalised
    (as bilinear features are; Lin, RoyChowdhury and Maji, ICCV 2015).

    Threads may pass batches at the same time: each sees its own.

    Args:
        backbone: In evaluation mode.
        image_size: The side of its images.

    Attributes:
        blocks: How many numbers are means and spreads, then how many each stage's correlations are.
        width: S, all of them.
    """

    def __init__(self, backbone: Backbone, image_size: int) -> None:
        self._seen = threading.local()
        self._backbone = backbone
        self._chosen: dict[int, _Stage] = {}  # by place among the stages
        with self._listening(range(len(backbone.stages()))), torch.inference_mode():
            device = next(backbone.parameters()).device
            backbone(torch.zeros(1, 3, image_size, image_size, device=device))
            maps = {
                place: (output.shape[1], output.shape[2])
                for place, output in self._seen.outputs.items()
                if output.ndim == 4 and output.shape[1] <= WIDEST and output.shape[2] <= image_size // 2
                if not isinstance(backbone.stages()[place], nn.Conv2d)  # its normalisation follows
            }
            self._chosen = _chosen(maps, image_size, device)
            self.blocks = tuple(part.shape[1] for part in self._parts())
        self.width = sum(self.blocks)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect what passes the backbone while this lasts."""
        with self._listening(self._chosen):
            yield

    @contextmanager
    def _listening(self, places: Sequence[int] | dict[int, _Stage]) -> Iterator[None]:
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
        return torch.cat(self._parts(), dim=1)

    def _parts(self) -> list[Tensor]:
        plain, correlations = [], []
        for place, stage in self._chosen.items():
            output = self._seen.outputs[place].float()
            flat = output.flatten(2)
            mean = flat.mean(dim=2)
            centred = flat - mean[:, :, None]
            plain += [mean, centred.square().mean(dim=2).sqrt()]
            if stage.quartered:
                plain.append(nn.functional.adaptive_avg_pool2d(output, 2).flatten(1))
            if stage.correlated:
                correlations.append(_correlations(centred, stage.axes))
        self._seen.outputs = {}
        return [torch.cat(plain, dim=1), *correlations] if plain else []


def _chosen(maps: dict[int, tuple[int, int]], image_size: int, device: torch.device) -> dict[int, _Stage]:
    """Return what is taken of each stage, given its channels and the side of its map."""
    middle = [place for place, (_, side) in maps.items() if side == -(-image_size // QUARTERED_STRIDE)]
    chosen = {}
    for place, (channels, side) in maps.items():
        last = maps.get(place + 1) != (channels, side)  # of the blocks of one shape
        correlated = last and side <= image_size // CORRELATED_STRIDE and channels <= CORRELATED_WIDEST
        axes = turn(channels)[:, :TURNED_ONTO].float().to(device) if channels > TURNED_ONTO else None
        chosen[place] = _Stage(place in middle[-1:], correlated, axes if correlated else None)
    return chosen


def _correlations(centred: Tensor, axes: Tensor | None) -> Tensor:
    """Return the covariances of channels ``(B, C, P)``, upper triangle, signed root, L2-normalised."""
    if axes is not None:
        centred = axes.T @ centred
    covariance = centred @ centred.transpose(1, 2)
    row, column = torch.triu_indices(covariance.shape[1], covariance.shape[2], device=covariance.device)
    upper = covariance[:, row, column]
    return nn.functional.normalize(upper.sign() * upper.abs().sqrt(), dim=1)


def principal_axes(statistics: NDArray[np.floating], blocks: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the mean ``(S,)`` of statistics, and the map ``(S, P)`` onto their principal axes, turned.

    Each number is standardised first and each block given its weight. The axes are turned at random, so that
    standardising the result leaves it as it is; its mean square is 1.

    Args:
        statistics: Of a sample of images, shape ``(n, S)``; P is below n, and at most ``AXES``.
        blocks: As :class:`LayerStatistics` has them.
    """
    count, width = statistics.shape
    mean, factor = np.zeros(width, np.float32), np.zeros(width, np.float32)
    if count < 2 or width == 0:
        return torch.from_numpy(mean), torch.empty(width, 0)
    shares = [1.0, *[CORRELATIONS_WEIGH] * (len(blocks) - 1)]
    weights = np.repeat([np.sqrt(share / size) for share, size in zip(shares, blocks, strict=True)], blocks)
    gram = np.zeros((count, count), np.float32)
    parts = [slice(start, start + COLUMNS_AT_ONCE) for start in range(0, width, COLUMNS_AT_ONCE)]
    for part in parts:
        values = statistics[:, part].astype(np.float32)
        mean[part], spread = values.mean(axis=0), values.std(axis=0)
        told = spread > 1e-3 * np.abs(mean[part]) + 1e-6  # what is constant but for rounding tells nothing
        factor[part] = np.where(told, weights[part] / np.maximum(spread, 1e-6), 0.0)
        values = (values - mean[part]) * factor[part]
        gram += values @ values.T
    lengths, axes = eigh(gram, subset_by_index=[max(count - AXES, 0), count - 1])
    told = lengths > 1e-5 * lengths[-1]  # none, where all images are one
    lengths, kept = lengths[told], int(told.sum())
    sides = axes[:, told] / np.sqrt(lengths) * np.sqrt(count * kept / max(lengths.sum(), 1e-12))
    sides = sides.astype(np.float32) @ turn(kept).float().numpy()
    matrix = np.empty((width, kept), np.float32)
    for part in parts:
        values = (statistics[:, part].astype(np.float32) - mean[part]) * factor[part]
        matrix[part] = factor[part][:, None] * (values.T @ sides)
    return torch.from_numpy(mean), torch.from_numpy(matrix)


def turn(features: int) -> Tensor:
    """Return a rotation ``(P, P)``, drawn at random and always the same."""
    drawn = torch.randn(features, features, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turned, upper = torch.linalg.qr(drawn)
    rotation: Tensor = turned * upper.diagonal().sign()
    return rotation
