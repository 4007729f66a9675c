"""One optimizer step: mixed inputs, cut to what memory holds, gradients averaged over processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from db.workspace.train_settings import TrainSettings
from model.distributed import World
from model.errors import OutOfMemory
from model.network.checkpoint import named, restore_training, training_state
from model.network.cnn_lstm import CnnLstm, Logits, SequenceHeads
from model.training.losses import TaskWeights, masked_losses
from model.training.optim import make_optimizer, parameter_groups, rate_factor

Network = CnnLstm | SequenceHeads


class Steps:
    """A network with its optimizer, the weights of its tasks, and the average of its weights.

    Attributes:
        priors: Added to each attribute's logits in training; see ``losses.log_priors``.
        parts: Pieces that a batch is cut into, where it doesn't fit the device's memory as a whole.
    """

    def __init__(
        self,
        network: Network,
        attributes: Sequence[str],
        settings: TrainSettings,
        device: torch.device,
        world: World,
    ) -> None:
        self.network = network
        self.settings = settings
        self.device = device
        self.world = world
        self.weights = TaskWeights(attributes, settings).to(device)
        self.optimizer = make_optimizer(
            parameter_groups(network, self.weights.parameters(), settings), settings
        )
        self.average = (
            AveragedModel(network, multi_avg_fn=_ema(settings.ema), use_buffers=True)
            if settings.ema > 0
            else None
        )
        self.priors: Sequence[Tensor] = ()
        self.parts = 1
        self._base_rates = [float(group["lr"]) for group in self.optimizer.param_groups]

    def predicting(self) -> nn.Module:
        """Return the network whose weights predict: the averaged one, where there is one."""
        return self.average.module if self.average is not None else self.network

    def set_rate(self, step: int, steps: int) -> float:
        """Set the learning rates of one step of the whole training; return that of the new layers."""
        factor = rate_factor(self.settings, step, steps)
        for group, rate in zip(self.optimizer.param_groups, self._base_rates, strict=True):
            group["lr"] = rate * factor
        return self._base_rates[0] * factor

    def take(
        self, inputs: Tensor, labels: Tensor, label_weight: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Logits]:
        """Learn from one batch.

        Args:
            inputs: What the network reads, ``(B, ...)``.
            labels: Class indices ``(B, A)``, -1 where missing.
            label_weight: How much each label counts, ``(B, A)``.
            rng: Draws what is mixed with what.

        Returns:
            Mean losses ``(A,)``, labels counted ``(A,)``, and the logits before the step.
        """
        mixed = mix(inputs, self.settings, rng)
        while True:
            try:
                result = self._backward(mixed, labels, label_weight)
                break
            except torch.OutOfMemoryError:
                self.parts *= 2
                if self.parts > len(inputs):
                    raise OutOfMemory(str(self.device), 1, self.settings.image_size) from None
        self._average_gradients()
        if self.settings.grad_clip > 0:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.grad_clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return result

    def _backward(
        self, mixed: tuple[Tensor, Tensor, float], labels: Tensor, label_weight: Tensor
    ) -> tuple[Tensor, Tensor, Logits]:
        inputs, order, kept = mixed
        self.optimizer.zero_grad(set_to_none=True)
        losses = torch.zeros(labels.shape[1], device=self.device)
        counts = torch.zeros(labels.shape[1], device=self.device, dtype=torch.long)
        pieces: list[Logits] = []
        smoothing = self.settings.label_smoothing or 0.0
        for part in torch.arange(len(inputs)).tensor_split(self.parts):
            piece = slice(int(part[0]), int(part[-1]) + 1)
            with self.autocast():
                logits = [scores.float() for scores in self.network(inputs[piece])]
            own, seen = masked_losses(logits, labels[piece], smoothing, self.priors, label_weight[piece])
            if kept < 1:
                other = order[piece]
                second, _ = masked_losses(logits, labels[other], smoothing, self.priors, label_weight[other])
                own = kept * own + (1 - kept) * second
            share = len(part) / len(inputs)
            (self.weights(own, seen) * share).backward()
            losses += own.detach() * share
            counts += seen
            pieces.append([scores.detach() for scores in logits])
        return losses, counts, [torch.cat(columns) for columns in zip(*pieces, strict=True)]

    def _average_gradients(self) -> None:
        """Give every process the mean of all gradients.

        Done by hand rather than by DistributedDataParallel, whose set of parameters is fixed when it is
        made: staged unfreezing changes it.
        """
        if self.world.size == 1:
            return
        learned = [*self.network.parameters(), *self.weights.parameters()]
        gradients = [parameter.grad for parameter in learned if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.world.size
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the network computes."""
        if use_bfloat16(self.settings, self.device):
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def state(self) -> dict[str, Tensor]:
        """Return all tensors that training goes on from."""
        state = training_state(self.network, self.weights, self.optimizer)
        if self.average is not None:
            state |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put back what :meth:`state` returned."""
        restore_training(state, self.network, self.weights, self.optimizer)
        if self.average is not None:
            self.average.load_state_dict(named(state, "average."))


def mix(inputs: Tensor, settings: TrainSettings, rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    """Mix a batch with a shuffled copy of itself: mixup (Zhang et al., 2018) or cutmix (Yun et al., 2019).

    Returns:
        The inputs, the order of the copy's rows ``(B,)``, and the share of the original: the loss is
        ``kept * loss(labels) + (1 - kept) * loss(copy's labels)``, each masked by itself.
    """
    choices = [name for name in ("mixup", "cutmix") if getattr(settings, name)]
    if "cutmix" in choices and inputs.ndim != 4:
        choices.remove("cutmix")  # a rectangle is cut from images, not from cached cells
    if not choices:
        return inputs, torch.arange(len(inputs), device=inputs.device), 1.0
    kind = choices[int(rng.integers(len(choices)))]
    alpha = getattr(settings, kind)
    kept = float(rng.beta(alpha, alpha))
    order = torch.from_numpy(rng.permutation(len(inputs))).to(inputs.device)
    if kind == "mixup":
        return kept * inputs + (1 - kept) * inputs[order], order, kept
    height, width = inputs.shape[2:]
    tall, wide = int(height * math.sqrt(1 - kept)), int(width * math.sqrt(1 - kept))
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    mixed = inputs.clone()
    mixed[:, :, top : top + tall, left : left + wide] = inputs[order, :, top : top + tall, left : left + wide]
    return mixed, order, 1 - tall * wide / (height * width)


def use_bfloat16(settings: TrainSettings, device: torch.device) -> bool:
    """Return whether the network computes in bfloat16.

    ``auto`` does so on GPUs that have it, and on CPUs with bfloat16 dot products for LSTM and heads, which
    are matrix products throughout (measured: 1.8 times the speed of float32).
    """
    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type != "cpu" or settings.mode != "frozen":
        return False
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _ema(decay: float) -> Callable[..., None]:
    averaging: Callable[..., None] = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return averaging
