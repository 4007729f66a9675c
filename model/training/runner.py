"""A run at work: its features or images, and the networks that it trains one after or beside another."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from db.labels.attribute_labels import AttributeLabels
from db.workspace.progress import Progress
from db.workspace.train_settings import FROZEN, TrainSettings
from model.device import choose_device, compiled
from model.distributed import World
from model.errors import NothingToLearn, RunDirectoryTaken
from model.inputs.batches import CachedFeed, Feed
from model.inputs.data import Example, digest
from model.inputs.features import Features, extract, single_threaded, transform_for
from model.inputs.given import GivenFeatures
from model.inputs.images import ImageFeed, pack
from model.network.backbones import Backbone, feature_shape, make_backbone
from model.network.checkpoint import read_checkpoint, write_checkpoint
from model.network.cnn_lstm import CnnLstm, Projection, SequenceHeads
from model.network.weights import load_weights
from model.training.batch_size import fitting_batch_size, sensible_batch_size
from model.training.fit import Epoch, Fit, Fitted, Job, forget_checkpoints
from model.training.monitor import Monitor
from model.training.step import Network

LR_MEANT_FOR = 64
"""Artworks a step up to which heads learn at the default ``lr``; with more, by the square root faster."""


@dataclass
class Output:
    """What one model's training and prediction left."""

    probabilities: list[NDArray[np.float32]]  # one (n, K) an attribute, n the rows it predicted
    fitted: Fitted
    train: NDArray[np.int64]
    state: dict[str, torch.Tensor] = field(default_factory=dict)  # the network's, if it is handed on


@dataclass(frozen=True)
class TrainingTask:
    """A network to train, the rows that it then predicts, and whether it is handed on."""

    job: Job
    predict: NDArray[np.int64]
    handed_on: bool = False


class Runner:
    """Trains a run's networks; all that several of them share is kept here."""

    def __init__(
        self,
        examples: Sequence[Example],
        targets: Sequence[AttributeLabels],
        settings: TrainSettings,
        cache_dir: Path,
        run_dir: Path,
        progress: Progress,
        world: World,
        given: NDArray[np.floating] | None = None,
    ) -> None:
        self.given = given
        self.began = time.perf_counter()
        self.examples = examples
        self.targets = targets
        self.settings = settings
        self.cache_dir = cache_dir
        self.run_dir = run_dir
        self.progress = progress
        self.world = world
        self.device = choose_device(settings.device, world.local_rank)
        self.attributes = [target.attribute for target in targets]
        self.classes = [len(target.classes) for target in targets]
        self.seconds = dict.fromkeys(("features", "heads", "refit", "evidence", "total"), 0.0)
        self.unreadable: list[tuple[int, str]] = []
        self.backbone: Backbone
        self.features: Features
        self.evidence: Features
        self.weights: str
        self.map_shape: tuple[int, int, int]

    def claim(self, division: NDArray[Any]) -> None:
        """Mark the run's folder with what the run is, or see that it is the same run's.

        Raises:
            RunDirectoryTaken: The folder holds a run of other settings or labels.
        """
        self.run_dir.mkdir(parents=True, exist_ok=True)
        marker = self.run_dir / "run.json"
        own = {
            "settings": self.settings.model_dump(mode="json"),
            "labels": digest(self.examples, self.targets, division),
            "attributes": {target.attribute: list(target.classes) for target in self.targets},
        }
        if marker.exists():
            other = json.loads(marker.read_text(encoding="utf-8"))
            for part in ("labels", "settings", "attributes"):
                if other.get(part) != own[part]:
                    raise RunDirectoryTaken(self.run_dir, part)
        elif self.world.leads:
            unfinished = marker.with_suffix(".unfinished")
            unfinished.write_text(json.dumps(own, indent=1, ensure_ascii=False), encoding="utf-8")
            unfinished.replace(marker)
        self.world.wait()

    def prepare(self) -> None:
        """Load the backbone and compute the features that the cache lacks.

        Fine-tuning needs them, too: for the embedding, and for where its projection starts.
        """
        began = time.perf_counter()
        settings = self.settings
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        if self.given is not None:
            self.features = GivenFeatures(self.given, self.examples, settings)
            self.given = None
        else:
            self.backbone = make_backbone(settings.backbone, settings.image_size)
            self.weights = load_weights(self.backbone, settings.weights, settings.seed)
            self.features = self._extract(self.backbone, self.weights)
            self.map_shape = feature_shape(self.backbone, settings.image_size)
        self.evidence = self.features
        if settings.evidence_backbone is not None:
            other = make_backbone(settings.evidence_backbone, settings.image_size)
            self.evidence = self._extract(
                other, load_weights(other, settings.evidence_weights, settings.seed)
            )
        self.unreadable = list(self.features.unreadable)
        self.seconds["features"] = time.perf_counter() - began
        if not self.features.readable.any():
            raise NothingToLearn(f"none of {len(self.examples)} images can be read")

    def _extract(self, backbone: Backbone, weights: str) -> Features:
        return extract(
            examples=self.examples,
            backbone=backbone,
            weights=weights,
            settings=self.settings,
            cache_dir=self.cache_dir,
            device=self.device,
            progress=self.progress,
            world=self.world,
        )

    def labels(self) -> NDArray[np.int64]:
        """Return the class indices that train, ``(N, A)``; -1 also where one counts nothing or has no image.

        Raises:
            NothingToLearn: No attribute has labels of two classes.
        """
        columns = np.stack([target.labels for target in self.targets], axis=1).astype(np.int64)
        columns[self.label_weight() == 0] = -1
        columns[~self.features.readable] = -1
        if self.settings.complete_only:
            columns[(columns < 0).any(axis=1)] = -1
        distinct = [len(np.unique(column[column >= 0])) for column in columns.T]
        if max(distinct) < 2:
            class_counts = ", ".join(f"{name} {n}" for name, n in zip(self.attributes, distinct, strict=True))
            raise NothingToLearn(f"no attribute has labels of two classes (classes found: {class_counts})")
        return columns

    def label_weight(self) -> NDArray[np.float32]:
        """Return how much each label counts in training, ``(N, A)``."""
        return np.stack([target.weights() for target in self.targets], axis=1)

    def train(self, tasks: Sequence[TrainingTask], labels: NDArray[np.int64]) -> list[Output]:
        """Train and predict; models already trained before a kill are read instead.

        Returns:
            One output a task, in their order, the same in every process.
        """
        epochs = self.settings.epochs or 1
        with ExitStack() as stack:
            monitor = stack.enter_context(Monitor(self.run_dir, self.progress, self.settings.tensorboard))
            if self.settings.mode == "frozen":
                own = tasks[self.world.rank :: self.world.size]
                self.progress.start(len(own) * epochs, "training")
                self._train_frozen(own, labels, monitor)
            else:
                self._train_whole(tasks, labels, monitor, stack)
        self.world.wait()
        return [self._finished(task) for task in tasks]

    def _train_frozen(
        self, tasks: Sequence[TrainingTask], labels: NDArray[np.int64], monitor: Monitor
    ) -> None:
        """Train on cached features, as many models at a time as there are threads."""
        began = time.perf_counter()
        stop, lock = threading.Event(), threading.Lock()
        feed = CachedFeed(self.features, self.device)
        settings = self._sized(tasks, labels)
        label_weight = self.label_weight()
        networks = [self._heads(task.job.number) for task in tasks]
        finished = [began] * len(tasks)

        def tell(line: Epoch) -> None:
            with lock:
                monitor.epoch(line)

        def one(index: int) -> None:
            fit = Fit(
                network=networks[index],
                feed=feed,
                labels=labels,
                attributes=self.attributes,
                settings=settings,
                device=self.device,
                label_weight=label_weight,
                stop=stop,
            )
            self._one(tasks[index], fit, tell, World())
            finished[index] = time.perf_counter()

        threads = torch.get_num_threads() if self.device.type == "cpu" else 1
        with single_threaded(self.device), ThreadPoolExecutor(threads, initializer=self._own_thread) as pool:
            _wait([pool.submit(one, index) for index in range(len(tasks))], stop)
        folds = [end for end, task in zip(finished, tasks, strict=True) if not task.handed_on]
        self.seconds["heads"] = max(folds, default=began) - began
        self.seconds["refit"] = max([*finished, began]) - began - self.seconds["heads"]

    def _train_whole(
        self, tasks: Sequence[TrainingTask], labels: NDArray[np.int64], monitor: Monitor, stack: ExitStack
    ) -> None:
        """Fine-tune one network after another, all processes together on each."""
        store, bad = pack(self.examples, self.settings, self.cache_dir, self.progress, self.world)
        self.unreadable += [entry for entry in bad if entry not in self.unreadable]
        labels = labels.copy()
        labels[[example.sha256 not in store for example in self.examples]] = -1
        transform = transform_for(self.backbone, self.settings)
        feed = stack.enter_context(ImageFeed(store, self.examples, transform, self.settings, self.device))
        settings, label_weight = self._sized(tasks, labels), self.label_weight()
        self.progress.start(len(tasks) * (self.settings.epochs or 1), "training")
        for task in tasks:
            began = time.perf_counter()
            network = self.network(task.job.number)
            fit = Fit(
                network=network,
                feed=feed,
                labels=labels,
                attributes=self.attributes,
                settings=settings,
                device=self.device,
                label_weight=label_weight,
                world=self.world,
            )
            with compiled(network.backbone) if settings.compile else nullcontext():
                self._one(task, fit, monitor.epoch if self.world.leads else _nothing, self.world)
            self.seconds["refit" if task.handed_on else "heads"] += time.perf_counter() - began

    def _sized(self, tasks: Sequence[TrainingTask], labels: NDArray[np.int64]) -> TrainSettings:
        """Return the settings with a number in the place of ``batch_size = "auto"``."""
        if isinstance(self.settings.batch_size, int) or not tasks:
            return self.settings
        rows = min(len(task.job.train) for task in tasks)
        size = sensible_batch_size(rows, self.settings)
        if self.settings.mode == "finetune" and self.device.type == "cuda":
            size = fitting_batch_size(self.network(0), size, self.settings, self.device)
        changes: dict[str, Any] = {"batch_size": size}
        if self.settings.mode == "frozen" and self.settings.lr == FROZEN["lr"]:  # a rate of the user's stays
            changes["lr"] = FROZEN["lr"] * max(1.0, size / LR_MEANT_FOR) ** 0.5
        return self.settings.model_copy(update=changes)

    def _own_thread(self) -> None:
        if self.device.type == "cpu":
            torch.set_num_threads(1)

    def _heads(self, number: int) -> SequenceHeads:
        """Make one model's LSTM and heads, their first weights drawn from the seed and its number."""
        steps, features = self.features.shape
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed * 100_003 + number)
            network = SequenceHeads(features, steps, self.classes, self.settings)
        return network.to(self.device)

    def network(self, number: int) -> CnnLstm:
        """Make one whole network: the pretrained backbone, the projection as PCA has it, fresh heads."""
        heads = self._heads(number)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
            network = CnnLstm(copy.deepcopy(self.backbone), self.map_shape, self.classes, self.settings)
        network.sequence = heads
        if isinstance(network.projection, Projection):
            network.projection.fill(self.features.matrix, self.features.mean)
        return network.to(self.device)

    def _one(self, task: TrainingTask, fit: Fit, tell: Callable[[Epoch], None], world: World) -> None:
        """Train one model and predict its rows, unless that was done before a kill."""
        folder = self.run_dir / "models" / task.job.name
        if (folder / "done.json").exists():
            return
        fitted = fit.run(task.job, folder, tell)
        probabilities: list[NDArray[np.float32]] = [
            np.full((len(task.predict), count), np.nan, np.float32) for count in self.classes
        ]
        place = np.full(len(self.examples), -1)
        place[task.predict] = np.arange(len(task.predict))
        predicted = fit.predict(task.predict[self._usable(fit.feed)[task.predict]])
        mine = [(rows, [part.softmax(dim=1).cpu().numpy() for part in logits]) for rows, logits in predicted]
        for parts in world.gather(mine):
            for rows, columns in parts:
                for column, values in zip(probabilities, columns, strict=True):
                    column[place[rows]] = values
        if world.leads:
            self._finish(task, fit.network, probabilities, fitted)
            forget_checkpoints(folder)

    def _usable(self, feed: Feed) -> NDArray[np.bool_]:
        if isinstance(feed, ImageFeed):
            return np.array([example.sha256 in feed.store for example in self.examples], dtype=bool)
        return self.features.readable

    def _finish(
        self,
        task: TrainingTask,
        network: Network,
        probabilities: Sequence[NDArray[np.float32]],
        fitted: Fitted,
    ) -> None:
        tensors = {"margins": torch.from_numpy(fitted.margins)}
        if task.handed_on:
            tensors |= {f"network.{name}": value for name, value in network.state_dict().items()}
        for column, values in enumerate(probabilities):
            tensors[f"probabilities.{column}"] = torch.from_numpy(values)
        write_checkpoint(
            self.run_dir / "models" / task.job.name / "done", tensors, {"history": fitted.history}
        )

    def _finished(self, task: TrainingTask) -> Output:
        tensors, about = read_checkpoint(self.run_dir / "models" / task.job.name / "done")
        prefix = "network."
        return Output(
            [tensors[f"probabilities.{column}"].numpy() for column in range(len(self.targets))],
            Fitted(about["history"], tensors["margins"].numpy()),
            task.job.train,
            {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)},
        )


def _nothing(line: Epoch) -> None:
    """Tell nobody: another process does."""


def _wait(futures: Sequence[Future[None]], stop: threading.Event) -> None:
    """Wait for all; if one fails, or the user interrupts, let the others end at their next step."""
    try:
        for future in futures:
            future.result()
    except BaseException:
        stop.set()
        for future in futures:
            future.cancel()
        raise
