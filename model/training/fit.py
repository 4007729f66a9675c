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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from db.workspace.train_settings import TrainSettings
from model.distributed import World
from model.errors import NonFiniteLoss
from model.inputs.batches import Feed
from model.inputs.sampling import batches, draw_weights, epoch_rows
from model.network.backbones import freeze_batchnorm
from model.network.checkpoint import drop_old_checkpoints, named, newest_checkpoint, write_checkpoint
from model.network.cnn_lstm import CnnLstm, Logits, seed_dropout
from model.training.epoch_metrics import Best, EpochMetrics
from model.training.losses import given_margins, log_priors, masked_losses
from model.training.optim import learning_stages, set_learning_stages
from model.training.step import Network, Steps

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
        label_weight: NDArray[np.float32] | None = None,
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
            label_weight: How much each label counts, shape ``(N, A)``; all the same if left out.
            stop: Set by others to end the training at the next step.
            world: The processes that train this network together, each on its part of a batch.
        """
        self.network = network
        self.feed = feed
        self.labels = torch.from_numpy(labels).to(device)
        self.label_weight = torch.from_numpy(
            np.ones(labels.shape, np.float32) if label_weight is None else label_weight
        ).to(device)
        self.attributes = list(attributes)
        self.settings = settings
        self.device = device
        self.stop = stop or threading.Event()
        self.world = world or World()
        self.steps = Steps(network, attributes, settings, device, self.world)

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
        self.steps.priors = [p.to(self.device) for p in log_priors(given, counts, settings.logit_adjustment)]
        fitted = Fitted(margins=np.full((epochs, len(job.train), len(self.attributes)), np.nan, np.float16))
        best = Best()
        self._resume(folder, fitted, best)
        position = np.full(len(self.labels), -1)
        position[job.train] = np.arange(len(job.train))
        while len(fitted.history) < epochs and not best.patience_over(settings.patience):
            epoch = len(fitted.history)
            seed = (settings.seed, job.number, epoch)
            plan = batches(epoch_rows(job.train, weights, seed), size)
            line = self._epoch(
                plan=plan, seed=seed, epoch=epoch, job=job, margins=fitted.margins[epoch], position=position
            )
            if len(job.validate):
                line["validation"] = self.measure(job.validate)
                if best.improved(line["validation"]["loss"]) and settings.best_epoch:
                    best.state = copy.deepcopy(self.steps.predicting().state_dict())
            fitted.history.append(line)
            self._save(folder, fitted, best)
            each_epoch(line)
        final = best.state if best.state else copy.deepcopy(self.steps.predicting().state_dict())
        self.network.load_state_dict(final)
        fitted.margins = fitted.margins[: len(fitted.history)]
        return fitted

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
        epoch_metrics = EpochMetrics(len(self.attributes), self.device)
        shared = [self.world.even_share(rows) for rows in plan]
        for step, (rows, inputs) in enumerate(self.feed.training(shared, seed)):
            if self.stop.is_set():
                raise Stopped
            rate = self.steps.set_rate(epoch * len(plan) + step, steps)
            at = torch.from_numpy(rows)
            labels = self.labels[at]
            losses, counts, logits = self.steps.take(inputs, labels, self.label_weight[at], rng)
            if not math.isfinite(float(losses.sum())):
                raise NonFiniteLoss(job.name, epoch + 1, step + 1, rate)
            epoch_metrics.add(losses, counts, logits, labels)
            if self.settings.mixup == 0 and self.settings.cutmix == 0:
                margins[position[rows]] = given_margins(logits, labels).cpu().numpy().astype(np.float16)
        self.steps.weights.end_epoch()
        _merge_margins(margins, self.world.gather(margins) if self.world.size > 1 else [])
        seconds = time.perf_counter() - began
        return {
            "model": job.name,
            "epoch": epoch + 1,
            "lr": rate,
            **epoch_metrics.result(self.attributes, self.world),
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

    @torch.inference_mode()
    def predict(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Logits]]:
        """Yield this process's share of rows and their logits, from the weights that predict."""
        network = self.steps.predicting()
        network.eval()
        for part, inputs in self.feed.plain(self.world.share(rows)):
            if self.stop.is_set():
                raise Stopped
            with self.steps.autocast():
                yield part, [scores.float() for scores in network(inputs)]

    def measure(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """Return loss and accuracies on rows, as in the history."""
        epoch_metrics = EpochMetrics(len(self.attributes), self.device)
        for part, logits in self.predict(rows):
            labels = self.labels[torch.from_numpy(part)]
            losses, counts = masked_losses(logits, labels)
            epoch_metrics.add(losses, counts, logits, labels)
        return epoch_metrics.result(self.attributes, self.world)

    def _save(self, folder: Path, fitted: Fitted, best: Best) -> None:
        if not self.world.leads:
            return
        epoch = len(fitted.history)
        state = self.steps.state()
        state["margins"] = torch.from_numpy(fitted.margins[:epoch].copy())
        state |= {f"best.{name}": value for name, value in (best.state or {}).items()}
        about = {"epoch": epoch, "history": fitted.history, "best_loss": best.loss, "since": best.since}
        write_checkpoint(folder / f"epoch-{epoch:04d}", state, about)
        drop_old_checkpoints(folder, self.settings.keep_checkpoints)

    def _resume(self, folder: Path, fitted: Fitted, best: Best) -> None:
        checkpoint = newest_checkpoint(folder)
        if checkpoint is None:
            return
        state, about = checkpoint
        state = {name: tensor.to(self.device) for name, tensor in state.items()}
        self.steps.restore(state)
        best.state = named(state, "best.") or None
        best.loss, best.since = about["best_loss"], about["since"]
        fitted.history = about["history"]
        fitted.margins[: len(fitted.history)] = state["margins"].cpu().numpy()
        losses = [[line["losses"][name] for name in self.attributes] for line in fitted.history]
        self.steps.weights.replay(losses)


def _merge_margins(own: NDArray[np.float16], everyones: Sequence[NDArray[np.float16]]) -> None:
    """Fill the rows that other processes trained on, in place."""
    for other in everyones:
        np.copyto(own, other, where=np.isnan(own))


def forget_checkpoints(folder: Path) -> None:
    """Delete the epochs' checkpoints of a model whose training is over."""
    for path in [*folder.glob("epoch-*.json"), *folder.glob("epoch-*.safetensors")]:
        path.unlink(missing_ok=True)
    if folder.exists() and not any(folder.iterdir()):
        shutil.rmtree(folder)


def _batch_size(settings: TrainSettings) -> int:
    return settings.batch_size if isinstance(settings.batch_size, int) else 32


def _heads(network: Network) -> list[nn.Linear]:
    sequence = network.sequence if isinstance(network, CnnLstm) else network
    return [head for head in sequence.heads if isinstance(head, nn.Linear)]
