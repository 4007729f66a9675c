"""Training one network: the loop that every mode, protocol and fold goes through.

All randomness of an epoch follows from (seed, model, epoch), so a run that goes on from the checkpoint of an
epoch draws what the unbroken run would have drawn.
"""

from __future__ import annotations

import copy
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from db.train_settings import TrainSettings
from model.backbones import freeze_batchnorm
from model.checkpoint import (
    drop_old_checkpoints,
    newest_checkpoint,
    restore_training,
    training_state,
    write_checkpoint,
)
from model.distributed import World
from model.errors import NonFiniteLoss, OutOfMemory
from model.feeds import Feed
from model.losses import TaskWeights, given_margins, log_priors, masked_losses
from model.network import CnnLstm, Logits, SequenceHeads, seed_dropout
from model.optim import (
    learning_stages,
    make_optimizer,
    parameter_groups,
    rate_factor,
    set_learning_stages,
)
from model.sampling import batches, draw_weights, epoch_rows

Network = CnnLstm | SequenceHeads
Epoch = dict[str, Any]
"""One line of ``metrics.jsonl``: losses, accuracies and speed of one epoch of one model."""


class Stopped(Exception):
    """Training was asked to stop, because the user did or because another thread failed."""


@dataclass(frozen=True)
class Job:
    """One network to train: its name, its number (which seeds it), and its rows of the run's examples."""

    name: str
    number: int
    train: NDArray[np.int64]
    validate: NDArray[np.int64]


@dataclass
class Fitted:
    """What training one network leaves beside the network itself."""

    history: list[Epoch] = field(default_factory=list)
    margins: NDArray[np.float16] = field(default_factory=lambda: np.empty((0, 0, 0), np.float16))  # (E, n, A)


class Fit:
    """Trains one network on a feed."""

    def __init__(
        self,
        network: Network,
        feed: Feed,
        labels: NDArray[np.int64],
        attributes: Sequence[str],
        settings: TrainSettings,
        device: torch.device,
        *,
        stop: threading.Event | None = None,
        world: World | None = None,
    ) -> None:
        """Keep what training needs.

        Args:
            network: On ``device``; its classes are those of ``labels``.
            feed: Gives its inputs.
            labels: Class indices of all examples, shape ``(N, A)``; -1 where missing.
            attributes: Their names.
            settings: Resolved settings.
            device: Where it computes.
            stop: Set by others to end the training at the next step.
            world: The processes that train this network together, each on its part of a batch.
        """
        self.network = network
        self.feed = feed
        self.labels = torch.from_numpy(labels).to(device)
        self.attributes = list(attributes)
        self.settings = settings
        self.device = device
        self.stop = stop or threading.Event()
        self.world = world or World()
        self.weights = TaskWeights(attributes, settings).to(device)
        self.optimizer = make_optimizer(
            parameter_groups(network, self.weights.parameters(), settings), settings
        )
        self.base_rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        self.average = (
            AveragedModel(network, multi_avg_fn=_ema(settings.ema), use_buffers=True)
            if settings.ema > 0
            else None
        )
        self.parts = 1  # pieces that a batch is cut into when it doesn't fit the device's memory
        self.priors: list[Tensor] = []

    def run(self, job: Job, folder: Path, each_epoch: Callable[[Epoch], None] = lambda epoch: None) -> Fitted:
        """Train, going on from the newest checkpoint in ``folder``; the network holds the result.

        Raises:
            NonFiniteLoss: The loss stopped being a finite number.
            OutOfMemory: Even one artwork a step is too much.
            Stopped: ``stop`` was set.
        """
        settings = self.settings
        epochs, size = settings.epochs or 1, _batch_size(settings)
        given = self.labels[torch.from_numpy(job.train)].cpu().numpy()
        weights = None
        if settings.sampler != "none":
            weights = draw_weights(given, self.attributes, settings.sampler)
        counts = [head.out_features for head in _heads(self.network)]
        self.priors = [p.to(self.device) for p in log_priors(given, counts, settings.logit_adjustment)]
        fitted = Fitted(margins=np.full((epochs, len(job.train), len(self.attributes)), np.nan, np.float16))
        best = _Best()
        self._resume(folder, fitted, best)
        position = np.full(len(self.labels), -1)
        position[job.train] = np.arange(len(job.train))
        while len(fitted.history) < epochs and not best.patience_over(settings.patience):
            epoch = len(fitted.history)
            seed = (settings.seed, job.number, epoch)
            plan = batches(epoch_rows(job.train, weights, seed), size)
            line = self._epoch(plan, seed, epoch, job, fitted.margins[epoch], position)
            if len(job.validate):
                line["validation"] = self.measure(job.validate)
                if best.improved(line["validation"]["loss"]) and settings.best_epoch:
                    best.state = copy.deepcopy(self.predicting().state_dict())
            fitted.history.append(line)
            self._save(folder, fitted, best)
            each_epoch(line)
        final = best.state if best.state else copy.deepcopy(self.predicting().state_dict())
        self.network.load_state_dict(final)
        fitted.margins = fitted.margins[: len(fitted.history)]
        return fitted

    def predicting(self) -> nn.Module:
        """Return the network whose weights predict: the averaged one, where there is one."""
        return self.average.module if self.average is not None else self.network

    def _epoch(
        self,
        plan: list[NDArray[np.int64]],
        seed: tuple[int, int, int],
        epoch: int,
        job: Job,
        margins: NDArray[np.float16],
        position: NDArray[np.int64],
    ) -> Epoch:
        """Train one epoch; return its line of the history, and fill its margins ``(n, A)``."""
        began = time.perf_counter()
        self._begin_epoch(seed, epoch)
        steps = len(plan) * (self.settings.epochs or 1)
        rng = np.random.default_rng([*seed, 1])
        tally = _Tally(len(self.attributes), self.device)
        shared = [self.world.even_share(rows) for rows in plan]
        for step, (rows, inputs) in enumerate(self.feed.training(shared, seed)):
            if self.stop.is_set():
                raise Stopped
            factor = rate_factor(self.settings, epoch * len(plan) + step, steps)
            for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
                group["lr"] = rate * factor
            labels = self.labels[torch.from_numpy(rows)]
            losses, found, logits = self._step(inputs, labels, rng)
            if not math.isfinite(float(losses.sum())):
                raise NonFiniteLoss(job.name, epoch + 1, step + 1, self.base_rates[0] * factor)
            tally.add(losses, found, logits, labels)
            if self.settings.mixup == 0 and self.settings.cutmix == 0:
                margins[position[rows]] = given_margins(logits, labels).cpu().numpy().astype(np.float16)
        self.weights.end_epoch()
        _merge_margins(margins, self.world.gather(margins) if self.world.size > 1 else [])
        seconds = time.perf_counter() - began
        return {
            "model": job.name,
            "epoch": epoch + 1,
            "lr": self.optimizer.param_groups[0]["lr"],
            **tally.result(self.attributes, self.world),
            "seconds": round(seconds, 3),
            "images_per_second": round(sum(map(len, plan)) / max(seconds, 1e-9), 1),
        }

    def _begin_epoch(self, seed: tuple[int, int, int], epoch: int) -> None:
        mixed = int(np.random.SeedSequence(list(seed)).generate_state(1)[0])
        self.network.train()
        seed_dropout(self.network, mixed, self.device)
        if isinstance(self.network, CnnLstm):
            torch.manual_seed(mixed)  # the backbone's own dropout and stochastic depth
            stages = len(self.network.backbone.stages())
            set_learning_stages(self.network, learning_stages(self.settings, epoch, stages))
            if self.settings.freeze_batchnorm:
                freeze_batchnorm(self.network.backbone)

    def _step(
        self, inputs: Tensor, labels: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Logits]:
        """Take one optimizer step, in as many pieces as memory asks for."""
        inputs, other, kept = mix(inputs, labels, self.settings, rng)
        while True:
            try:
                result = self._backward(inputs, labels, other, kept)
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
        self, inputs: Tensor, labels: Tensor, other: Tensor, kept: float
    ) -> tuple[Tensor, Tensor, Logits]:
        self.optimizer.zero_grad(set_to_none=True)
        losses = torch.zeros(len(self.attributes), device=self.device)
        counts = torch.zeros(len(self.attributes), device=self.device, dtype=torch.long)
        pieces: list[Logits] = []
        smoothing = self.settings.label_smoothing or 0.0
        for part in torch.arange(len(inputs)).tensor_split(self.parts):
            piece, given = slice(int(part[0]), int(part[-1]) + 1), labels[part]
            with self._autocast():
                logits = [scores.float() for scores in self.network(inputs[piece])]
            own, found = masked_losses(logits, given, smoothing, self.priors)
            if kept < 1:
                second, _ = masked_losses(logits, other[part], smoothing, self.priors)
                own = kept * own + (1 - kept) * second
            share = len(part) / len(inputs)
            (self.weights(own, found) * share).backward()
            losses += own.detach() * share
            counts += found
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

    def _autocast(self) -> AbstractContextManager[object]:
        if use_bfloat16(self.settings, self.device):
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    @torch.inference_mode()
    def predict(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Logits]]:
        """Yield this process's share of rows and their logits, from the weights that predict."""
        network = self.predicting()
        network.eval()
        for part, inputs in self.feed.plain(self.world.share(rows)):
            if self.stop.is_set():
                raise Stopped
            with self._autocast():
                yield part, [scores.float() for scores in network(inputs)]

    def measure(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """Return loss and accuracies on rows, as in the history."""
        tally = _Tally(len(self.attributes), self.device)
        for part, logits in self.predict(rows):
            labels = self.labels[torch.from_numpy(part)]
            losses, counts = masked_losses(logits, labels)
            tally.add(losses, counts, logits, labels)
        return tally.result(self.attributes, self.world)

    def _save(self, folder: Path, fitted: Fitted, best: _Best) -> None:
        if not self.world.leads:
            return
        epoch = len(fitted.history)
        state = training_state(self.network, self.weights, self.optimizer)
        state["margins"] = torch.from_numpy(fitted.margins[:epoch].copy())
        if self.average is not None:
            state |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        state |= {f"best.{name}": value for name, value in (best.state or {}).items()}
        about = {"epoch": epoch, "history": fitted.history, "best_loss": best.loss, "since": best.since}
        write_checkpoint(folder / f"epoch-{epoch:04d}", state, about)
        drop_old_checkpoints(folder, self.settings.keep_checkpoints)

    def _resume(self, folder: Path, fitted: Fitted, best: _Best) -> None:
        found = newest_checkpoint(folder)
        if found is None:
            return
        state, about = found
        state = {name: tensor.to(self.device) for name, tensor in state.items()}
        restore_training(state, self.network, self.weights, self.optimizer)
        if self.average is not None:
            self.average.load_state_dict(_named(state, "average."))
        best.state = _named(state, "best.") or None
        best.loss, best.since = about["best_loss"], about["since"]
        fitted.history = about["history"]
        fitted.margins[: len(fitted.history)] = state["margins"].cpu().numpy()
        self.weights.replay([[line["losses"][name] for name in self.attributes] for line in fitted.history])


def _merge_margins(own: NDArray[np.float16], everyones: Sequence[NDArray[np.float16]]) -> None:
    """Fill the rows that other processes trained on, in place."""
    for other in everyones:
        np.copyto(own, other, where=np.isnan(own))


class _Best:
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


class _Tally:
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


def mix(
    inputs: Tensor, labels: Tensor, settings: TrainSettings, rng: np.random.Generator
) -> tuple[Tensor, Tensor, float]:
    """Mix a batch with a shuffled copy of itself: mixup (Zhang et al., 2018) or cutmix (Yun et al., 2019).

    Returns:
        The inputs, the labels of the copy ``(B, A)``, and the share of the original: the loss is
        ``kept * loss(labels) + (1 - kept) * loss(copy's labels)``, each masked by itself.
    """
    choices = [name for name in ("mixup", "cutmix") if getattr(settings, name)]
    if "cutmix" in choices and inputs.ndim != 4:
        choices.remove("cutmix")  # a rectangle is cut from images, not from cached cells
    if not choices:
        return inputs, labels, 1.0
    kind = choices[int(rng.integers(len(choices)))]
    alpha = getattr(settings, kind)
    kept = float(rng.beta(alpha, alpha))
    order = torch.from_numpy(rng.permutation(len(inputs))).to(inputs.device)
    if kind == "mixup":
        return kept * inputs + (1 - kept) * inputs[order], labels[order], kept
    height, width = inputs.shape[2:]
    tall, wide = int(height * math.sqrt(1 - kept)), int(width * math.sqrt(1 - kept))
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    mixed = inputs.clone()
    mixed[:, :, top : top + tall, left : left + wide] = inputs[order, :, top : top + tall, left : left + wide]
    return mixed, labels[order], 1 - tall * wide / (height * width)


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
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def forget_checkpoints(folder: Path) -> None:
    """Delete the epochs' checkpoints of a model whose training is over."""
    for path in [*folder.glob("epoch-*.json"), *folder.glob("epoch-*.safetensors")]:
        path.unlink(missing_ok=True)
    if folder.exists() and not any(folder.iterdir()):
        shutil.rmtree(folder)


def _ema(decay: float) -> Callable[..., None]:
    averaging: Callable[..., None] = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return averaging


def _batch_size(settings: TrainSettings) -> int:
    return settings.batch_size if isinstance(settings.batch_size, int) else 32


def _heads(network: Network) -> list[nn.Linear]:
    sequence = network.sequence if isinstance(network, CnnLstm) else network
    return [head for head in sequence.heads if isinstance(head, nn.Linear)]


def _named(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
