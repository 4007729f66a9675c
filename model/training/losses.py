"""What training minimises: one masked cross-entropy an attribute, and how they are weighed together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchjd.scalarization import DWA, UW

from db.workspace.train_settings import TrainSettings
from model.network.cnn_lstm import Logits


def masked_losses(
    logits: Logits,
    labels: Tensor,
    smoothing: float = 0.0,
    priors: Sequence[Tensor] = (),
    label_weight: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return each attribute's mean cross-entropy over the rows that have its label.

    Args:
        logits: One tensor ``(N, K_a)`` an attribute.
        labels: Class indices, shape ``(N, A)``; -1 where missing.
        smoothing: Share of the target spread evenly over all classes.
        priors: For logit adjustment (Menon et al., ICLR 2021), one tensor ``(K_a,)`` an attribute that is
            added to its logits in training.
        label_weight: How much each label counts, shape ``(N, A)``; the mean is weighted by it.

    Returns:
        The losses, shape ``(A,)``, zero where no row has the label; and the rows counted, ``(A,)``.
    """
    losses, counts = [], []
    for column, scores in enumerate(logits):
        given = labels[:, column]
        count = (given >= 0).sum()
        adjusted = scores + priors[column] if priors else scores
        each = nn.functional.cross_entropy(
            adjusted, given, ignore_index=-1, label_smoothing=smoothing, reduction="none"
        )
        weights = (
            (given >= 0).to(each.dtype) if label_weight is None else label_weight[:, column] * (given >= 0)
        )
        losses.append((each * weights).sum() / weights.sum().clamp(min=1e-6))
        counts.append(count)
    return torch.stack(losses), torch.stack(counts)


def given_margins(logits: Logits, labels: Tensor) -> Tensor:
    """Return the logit of the given label less the largest other one, ``(N, A)``; NaN where missing.

    Averaged over epochs this is the area under the margin (Pleiss et al., NeurIPS 2020).
    """
    margins = torch.full(labels.shape, torch.nan, device=labels.device)
    for column, scores in enumerate(logits):
        given = labels[:, column].clamp(min=0)[:, None]
        own = scores.detach().float().gather(1, given)
        others = scores.detach().float().scatter(1, given, -torch.inf).amax(dim=1, keepdim=True)
        if scores.shape[1] > 1:
            margins[:, column] = torch.where(labels[:, column] >= 0, (own - others)[:, 0], torch.nan)
    return margins


def log_priors(labels: NDArray[np.int64], classes: Sequence[int], strength: float) -> list[Tensor]:
    """Return ``strength * log(frequency)`` of each class, one tensor ``(K_a,)`` an attribute."""
    if strength == 0:
        return []
    priors = []
    for column, count in enumerate(classes):
        given = labels[labels[:, column] >= 0, column]
        frequency = (np.bincount(given, minlength=count) + 1) / (len(given) + count)
        priors.append(torch.from_numpy(strength * np.log(frequency)).float())
    return priors


class TaskWeights(nn.Module):
    """Turns the attributes' losses into one: their sum, fixed weights, learned uncertainties, or DWA."""

    fixed: Tensor

    def __init__(self, attributes: Sequence[str], settings: TrainSettings) -> None:
        super().__init__()
        given = settings.fixed_task_weights()
        unknown = sorted(set(given) - set(attributes))
        if unknown:
            raise ValueError(f"task_weights names {unknown[0]!r}; the attributes are {', '.join(attributes)}")
        weights = torch.tensor([given.get(name, 1.0) for name in attributes])
        self.register_buffer("fixed", weights, persistent=False)
        self.uncertainty = UW(len(attributes)) if settings.task_weights == "uncertainty" else None
        self.dwa = DWA() if settings.task_weights == "dwa" else None

    def forward(self, losses: Tensor, counts: Tensor) -> Tensor:
        """Return the scalar to minimise for losses ``(A,)``; an attribute without rows has no say."""
        total: Tensor
        if self.uncertainty is not None:
            absent = (counts == 0).to(losses.dtype)
            total = self.uncertainty(losses) - (0.5 * self.uncertainty.log_var * absent).sum()
        elif self.dwa is not None:
            total = self.dwa(losses)
        else:
            total = (self.fixed * losses).sum()
        return total

    def end_epoch(self) -> None:
        """Tell that an epoch is over, which DWA counts by."""
        if self.dwa is not None:
            self.dwa.step()

    def replay(self, epochs: Sequence[Sequence[float]]) -> None:
        """Bring DWA to where it was after these epochs' mean losses, each of length A."""
        if self.dwa is None:
            return
        for losses in epochs[-2:]:
            self.dwa(torch.tensor(losses, device=self.fixed.device))
            self.dwa.step()
