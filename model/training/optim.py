"""Optimizers with a rate for each part of the network, and how the rates change over the steps."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer

from db.workspace.train_settings import TrainSettings
from model.network.cnn_lstm import CnnLstm, SequenceHeads


def parameter_groups(
    network: CnnLstm | SequenceHeads, extra: Iterable[nn.Parameter], settings: TrainSettings
) -> list[dict[str, object]]:
    """Return groups with their own ``lr``: new layers first, then the backbone's stages, last to first.

    Each stage of the backbone learns ``layer_decay`` times slower than the one after it; what belongs to
    no stage (a ViT's position embedding) as slowly as the first. Biases and norms are not decayed.
    """
    assert settings.lr is not None
    backbone = network.backbone if isinstance(network, CnnLstm) else None
    if backbone is None:
        return _split([*network.parameters(), *extra], settings.lr, settings)
    pretrained = {id(parameter) for parameter in backbone.parameters()}
    fresh = [parameter for parameter in network.parameters() if id(parameter) not in pretrained]
    groups = _split([*fresh, *extra], settings.lr, settings)
    rate = settings.backbone_lr or 0.0
    stages = backbone.stages()
    for depth, stage in enumerate(reversed(stages)):
        groups += _split(stage.parameters(), rate * settings.layer_decay**depth, settings)
    staged = {id(parameter) for stage in stages for parameter in stage.parameters()}
    others = [parameter for parameter in backbone.parameters() if id(parameter) not in staged]
    groups += _split(others, rate * settings.layer_decay ** max(len(stages) - 1, 0), settings)
    return groups


def _split(parameters: Iterable[nn.Parameter], lr: float, settings: TrainSettings) -> list[dict[str, object]]:
    listed = list(parameters)
    matrices = [parameter for parameter in listed if parameter.ndim > 1]
    vectors = [parameter for parameter in listed if parameter.ndim <= 1]
    groups = [(matrices, settings.weight_decay or 0.0), (vectors, 0.0)]
    return [{"params": part, "lr": lr, "weight_decay": decay} for part, decay in groups if part]


def make_optimizer(groups: list[dict[str, object]], settings: TrainSettings) -> Optimizer:
    """Return the optimizer that the settings name."""
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr or 0.1, momentum=0.9, nesterov=True)
    kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, lr=settings.lr or 1e-3, fused=True)


def rate_factor(settings: TrainSettings, step: int, steps: int) -> float:
    """Return what the base rates are multiplied with at one step of ``0..steps - 1``."""
    position = step / max(steps, 1)
    if settings.scheduler == "one-cycle":
        return _one_cycle(position, rise=max(settings.warmup, 0.3))
    warm = settings.warmup if settings.scheduler != "none" or "warmup" in settings.model_fields_set else 0.0
    if position < warm:
        return (step + 1) / (warm * steps + 1)
    after = (position - warm) / (1 - warm)
    if settings.scheduler == "cosine":
        return 0.5 * (1 + math.cos(math.pi * after))
    if settings.scheduler == "step":
        return 0.1 ** math.floor(after * 3)  # a tenth after each third
    return 1.0


def _one_cycle(position: float, rise: float) -> float:
    """Return 1/25 to 1 along a cosine, then to 1/10,000 (Smith and Topin, 2018; torch's OneCycleLR)."""
    if position < rise:
        low, high, along = 1 / 25, 1.0, position / rise
    else:
        low, high, along = 1.0, 1e-4, (position - rise) / (1 - rise)
    return low + (high - low) * 0.5 * (1 - math.cos(math.pi * along))


def learning_stages(settings: TrainSettings, epoch: int, stages: int) -> int:
    """Return how many of the backbone's last stages learn in one epoch, counted from 0.

    ``staged`` opens them one by one from the top, evenly, so that all learn in the last third.
    """
    if settings.unfreeze == "none" or epoch < settings.freeze_epochs:
        return 0
    if settings.unfreeze == "all":
        return stages
    span = max(1, round((settings.epochs or 1) * 2 / 3) - settings.freeze_epochs)
    return min(stages, math.ceil(stages * (epoch - settings.freeze_epochs + 1) / span))


def set_learning_stages(network: CnnLstm, count: int) -> None:
    """Let the last ``count`` stages of the backbone learn, and no other."""
    stages = network.backbone.stages()
    for index, stage in enumerate(stages):
        for parameter in stage.parameters():
            parameter.requires_grad_(index >= len(stages) - count)
