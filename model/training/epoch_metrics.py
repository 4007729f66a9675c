"""What an epoch came to: losses, accuracies, and whether it was the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from model.distributed import World
from model.network.cnn_lstm import Logits


class Best:
    """The best validation loss so far, its weights, and how many epochs ago it was."""

    def __init__(self) -> None:
        self.loss: float | None = None
        self.since = 0
        self.state: dict[str, Tensor] | None = None

    def improved(self, loss: float) -> bool:
        """Take one epoch's loss; return whether it is the best so far."""
        better = self.loss is None or loss < self.loss
        self.loss = loss if better else self.loss
        self.since = 0 if better else self.since + 1
        return better

    def patience_over(self, patience: int) -> bool:
        """Return whether the loss has not improved for that many epochs (0 is endless patience)."""
        return 0 < patience <= self.since


class EpochMetrics:
    """Sums of losses and hits over an epoch, kept on the device until the end."""

    def __init__(self, attributes: int, device: torch.device) -> None:
        self.losses = torch.zeros(attributes, device=device)
        self.hits = torch.zeros(attributes, device=device)
        self.counts = torch.zeros(attributes, device=device)

    def add(self, losses: Tensor, counts: Tensor, logits: Logits, labels: Tensor) -> None:
        """Add one batch: mean losses and counts ``(A,)``, logits, and labels ``(B, A)``."""
        self.losses += losses * counts
        self.counts += counts
        hits = [(scores.argmax(dim=1) == labels[:, column]).sum() for column, scores in enumerate(logits)]
        self.hits += torch.stack(hits)

    def result(self, attributes: Sequence[str], world: World) -> dict[str, Any]:
        """Return mean losses and accuracies by attribute's name, and the losses' sum, over all processes."""
        if world.size > 1:
            for total in (self.losses, self.hits, self.counts):
                dist.all_reduce(total)
        counts = self.counts.clamp(min=1)
        losses = (self.losses / counts).tolist()
        accuracies = (self.hits / counts).tolist()
        return {
            "loss": sum(losses),
            "losses": dict(zip(attributes, losses, strict=True)),
            "accuracy": dict(zip(attributes, accuracies, strict=True)),
        }
