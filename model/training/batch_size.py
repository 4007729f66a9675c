"""What ``--batch-size auto`` means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from db.workspace.train_settings import TrainSettings
from model.errors import OutOfMemory

LARGEST = 256


def sensible_batch_size(rows: int, settings: TrainSettings) -> int:
    """Return a power of two that gives a small collection enough steps an epoch.

    16 to 128 on cached features, 8 to 32 in fine-tuning: at least about 16 or 24 steps where possible.
    """
    most, least, steps = (32, 8, 24) if settings.mode == "finetune" else (128, 16, 16)
    size = most
    while size > least and rows / size < steps:
        size //= 2
    return size


def fitting_batch_size(network: nn.Module, size: int, settings: TrainSettings, device: torch.device) -> int:
    """Return the largest power-of-two multiple of ``size`` up to 256 whose step fits the device.

    Raises:
        OutOfMemory: Not even one image does.
    """
    network.train()
    side = settings.image_size

    def step(count: int) -> None:
        logits = network(torch.zeros(count, 3, side, side, device=device))
        sum(part.float().sum() for part in logits).backward()
        network.zero_grad(set_to_none=True)

    sizes = [size]
    while sizes[-1] * 2 <= LARGEST:
        sizes.append(sizes[-1] * 2)
    while sizes[0] > 1:
        sizes.insert(0, sizes[0] // 2)
    fitting = largest_that_fits(step, sizes)
    if fitting is None:
        raise OutOfMemory(str(device), 1, side)
    return fitting


def largest_that_fits(step: Callable[[int], None], sizes: Sequence[int]) -> int | None:
    """Try the sizes, largest first; return the first whose step doesn't run out of memory."""
    for size in sorted(sizes, reverse=True):
        try:
            step(size)
        except torch.OutOfMemoryError:
            continue
        return size
    return None
