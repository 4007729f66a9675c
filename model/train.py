"""One run: out-of-sample probabilities for every artwork, fold by fold, and a model to hand on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from db.train_settings import TrainSettings
from model.backbones import Backbone, make_backbone
from model.checkpoint import read_checkpoint, write_checkpoint
from model.data import Example, Targets, digest
from model.device import choose_device
from model.errors import FoldEmpty, NothingToTrain, RunDirectoryTaken
from model.evaluate import Metrics, metrics
from model.features import Features, extract, single_threaded
from model.feeds import CachedFeed, feature_factor
from model.fit import Epoch, Fit, Fitted, Job, forget_checkpoints
from model.network import SequenceHeads
from model.progress import Progress
from model.weights import load_weights

REFIT = 1000
"""Number of the refit among the models, so that it draws other numbers than any fold."""


@dataclass
class RunResult:
    """What a run hands back; rows are in the order of the examples.

    ``pred_probs[attribute]`` has shape ``(N, K)``, float32, columns in the order of the classes, NaN for an
    image that cannot be read. ``provenance`` says of each row whose probability it is: ``fold`` (its
    fold's model), ``ensemble`` (the mean of all K), ``test``, ``validation`` or ``in-sample`` (holdout), or
    ``none``.
    """

    pred_probs: dict[str, NDArray[np.float32]]
    provenance: NDArray[np.str_]  # (N,)
    embedding: NDArray[np.float32]  # (N, D), L2-normalised, NaN where unreadable
    unreadable: list[tuple[int, str]]  # artwork id, reason
    history: list[Epoch]
    margins: NDArray[np.float16]  # (E, N, A): mean over the models that trained on the artwork
    metrics: dict[str, Metrics]
    temperature: dict[str, float]
    seconds: dict[str, float] = field(default_factory=dict)
    model_path: Path | None = None  # of the refit model, without suffix


def cross_validate(
    examples: Sequence[Example],
    targets: Sequence[Targets],
    folds: NDArray[np.int64],
    settings: TrainSettings,
    *,
    cache_dir: Path,
    run_dir: Path,
    progress: Progress,
) -> RunResult:
    """Train K models, each without one fold, and one on everything; predict each artwork out of sample.

    Args:
        examples: The artworks, N of them.
        targets: The given labels, one entry an attribute.
        folds: For each artwork the fold whose model must not see it, ``0..K - 1``, duplicate groups whole;
            -1 for those in no fold, which get the mean of the K models.
        settings: What and how to train; resolved here.
        cache_dir: Where features are kept between runs.
        run_dir: The run's own folder. A run that was killed there goes on where it stopped.
        progress: Told how it goes.

    Raises:
        CurateError: Anything the user can mend; see ``model.errors``.
    """
    settings = settings.resolved()
    began = time.perf_counter()
    run = _Run(examples, targets, settings, cache_dir, run_dir, progress)
    run.claim(folds)
    run.prepare()
    labels = run.labels(folds)
    count = int(folds.max()) + 1
    jobs = [run.fold_job(labels, folds, fold, count) for fold in range(count)]
    everything = np.flatnonzero((labels >= 0).any(axis=1))
    refit = Job("refit", REFIT, everything, np.empty(0, np.int64))
    extra = np.flatnonzero(folds < 0)
    rows = [np.concatenate([np.flatnonzero(folds == job.number), extra]) for job in jobs]
    outputs = run.train([*jobs, refit], [*rows, np.empty(0, np.int64)], labels)
    pred_probs = run.gather(outputs[:-1], rows, folds)
    provenance = np.where(folds >= 0, "fold", "ensemble")
    run.seconds["total"] = time.perf_counter() - began
    return run.result(pred_probs, provenance, folds, outputs)


@dataclass
class _Output:
    """What one model's training and prediction left."""

    probabilities: list[NDArray[np.float32]]  # one (n, K) an attribute, n the rows it predicted
    fitted: Fitted
    train: NDArray[np.int64]


class _Run:
    """The state of one run while it goes."""

    def __init__(
        self,
        examples: Sequence[Example],
        targets: Sequence[Targets],
        settings: TrainSettings,
        cache_dir: Path,
        run_dir: Path,
        progress: Progress,
    ) -> None:
        self.examples = examples
        self.targets = targets
        self.settings = settings
        self.cache_dir = cache_dir
        self.run_dir = run_dir
        self.progress = progress
        self.device = choose_device(settings.device)
        self.attributes = [target.attribute for target in targets]
        self.classes = [len(target.classes) for target in targets]
        self.seconds: dict[str, float] = dict.fromkeys(
            ("features", "heads", "refit", "evidence", "total"), 0.0
        )
        self.backbone: Backbone
        self.features: Features
        self.factor: NDArray[np.float32]

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
            return
        unfinished = marker.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(own, indent=1, ensure_ascii=False), encoding="utf-8")
        unfinished.replace(marker)

    def prepare(self) -> None:
        """Load the backbone and compute the features that the cache lacks."""
        began = time.perf_counter()
        self.backbone = make_backbone(self.settings.backbone, self.settings.image_size)
        weights = load_weights(self.backbone, self.settings.weights, self.settings.seed)
        self.features = extract(
            self.examples, self.backbone, weights, self.settings, self.cache_dir, self.device, self.progress
        )
        self.factor = feature_factor(self.features.scale, self.settings.whiten)
        self.seconds["features"] = time.perf_counter() - began
        if not self.features.readable.any():
            raise NothingToTrain(f"none of {len(self.examples)} images can be read")

    def labels(self, division: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return class indices ``(N, A)``; -1 also for images that cannot be read.

        Raises:
            NothingToTrain: No attribute has labels of two classes.
        """
        columns = np.stack([target.labels for target in self.targets], axis=1).astype(np.int64)
        columns[~self.features.readable] = -1
        if self.settings.complete_only:
            columns[(columns < 0).any(axis=1)] = -1
        distinct = [len(np.unique(column[column >= 0])) for column in columns.T]
        if max(distinct) < 2:
            found = ", ".join(f"{name} {n}" for name, n in zip(self.attributes, distinct, strict=True))
            raise NothingToTrain(f"no attribute has labels of two classes (classes found: {found})")
        return columns

    def fold_job(self, labels: NDArray[np.int64], folds: NDArray[np.int64], fold: int, count: int) -> Job:
        """Return what the model of one fold trains on: labelled artworks of the other folds."""
        rows = np.flatnonzero((labels >= 0).any(axis=1) & (folds != fold) & (folds >= 0))
        if len(rows) == 0:
            raise FoldEmpty(fold, count)
        validate = np.empty(0, np.int64)
        if self.settings.patience > 0 and len(rows) >= 20:
            rng = np.random.default_rng([self.settings.seed, fold, 2])
            order = rng.permutation(rows)
            cut = max(1, round(len(rows) * self.settings.validation_fraction))
            validate, rows = np.sort(order[:cut]), np.sort(order[cut:])
        return Job(f"fold-{fold}", fold, rows, validate)

    def train(
        self, jobs: Sequence[Job], rows: Sequence[NDArray[np.int64]], labels: NDArray[np.int64]
    ) -> list[_Output]:
        """Train the jobs on cached features, as many at a time as there are cores; predict their rows."""
        began = time.perf_counter()
        epochs = self.settings.epochs or 1
        self.progress.start(len(jobs) * epochs, "training")
        stop, lock = threading.Event(), threading.Lock()

        def tell(line: Epoch) -> None:
            with lock:
                self._log(line)
                self.progress.advance(1, _short(line))

        workers = torch.get_num_threads() if self.device.type == "cpu" else 1
        heads = [self._heads(job.number) for job in jobs]
        finished: list[float] = [0.0] * len(jobs)

        def one(index: int) -> _Output:
            output = self._one(jobs[index], rows[index], labels, heads[index], stop, tell)
            finished[index] = time.perf_counter()
            return output

        with single_threaded(self.device), ThreadPoolExecutor(workers, initializer=self._own_thread) as pool:
            futures = [pool.submit(one, index) for index in range(len(jobs))]
            outputs = _collect(futures, stop)
        self.seconds["heads"] = max(finished[:-1]) - began
        self.seconds["refit"] = max(0.0, time.perf_counter() - max(finished[:-1]))
        return outputs

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

    def _one(
        self,
        job: Job,
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        network: SequenceHeads,
        stop: threading.Event,
        tell: Callable[[Epoch], None],
    ) -> _Output:
        folder = self.run_dir / "models" / job.name
        done = folder / "done"
        if done.with_name("done.json").exists():
            return self._finished(done, job)
        feed = CachedFeed(self.features, self.factor, self.device)
        fit = Fit(network, feed, labels, self.attributes, self.settings, self.device, stop=stop)
        fitted = fit.run(job, folder, tell)
        readable = self.features.readable
        probabilities: list[NDArray[np.float32]] = [
            np.full((len(rows), count), np.nan, np.float32) for count in self.classes
        ]
        place = np.full(len(self.examples), -1)
        place[rows] = np.arange(len(rows))
        for part, logits in fit.predict(rows[readable[rows]]):
            for column, scores in zip(probabilities, logits, strict=True):
                column[place[part]] = scores.softmax(dim=1).cpu().numpy()
        output = _Output(probabilities, fitted, job.train)
        self._finish(done, network, output)
        forget_checkpoints(folder)
        return output

    def _finish(self, done: Path, network: SequenceHeads, output: _Output) -> None:
        tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
        tensors["margins"] = torch.from_numpy(output.fitted.margins)
        for column, probabilities in enumerate(output.probabilities):
            tensors[f"probabilities.{column}"] = torch.from_numpy(probabilities)
        write_checkpoint(done, tensors, {"history": output.fitted.history})

    def _finished(self, done: Path, job: Job) -> _Output:
        tensors, about = read_checkpoint(done)
        probabilities = [tensors[f"probabilities.{column}"].numpy() for column in range(len(self.targets))]
        return _Output(probabilities, Fitted(about["history"], tensors["margins"].numpy()), job.train)

    def _log(self, line: Epoch) -> None:
        with (self.run_dir / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def gather(
        self, outputs: Sequence[_Output], rows: Sequence[NDArray[np.int64]], folds: NDArray[np.int64]
    ) -> list[NDArray[np.float32]]:
        """Put each fold's rows in their places, and the mean of all models where there is no fold."""
        whole: list[NDArray[np.float32]] = [
            np.zeros((len(self.examples), count), np.float32) for count in self.classes
        ]
        for output, predicted in zip(outputs, rows, strict=True):
            share = np.where(folds[predicted] >= 0, 1.0, 1 / len(outputs)).astype(np.float32)
            for column, probabilities in zip(whole, output.probabilities, strict=True):
                column[predicted] += probabilities * share[:, None]
        return whole

    def result(
        self,
        pred_probs: list[NDArray[np.float32]],
        provenance: NDArray[np.str_],
        division: NDArray[np.int64],
        outputs: Sequence[_Output],
    ) -> RunResult:
        """Assemble what the run hands back."""
        found = {
            target.attribute: metrics(target.labels, probabilities, division, target.rare)
            for target, probabilities in zip(self.targets, pred_probs, strict=True)
        }
        return RunResult(
            dict(zip(self.attributes, pred_probs, strict=True)),
            np.where(self.features.readable, provenance, "none"),
            self.features.embedding(),
            self.features.unreadable,
            [line for output in outputs for line in output.fitted.history],
            mean_margins(outputs, len(self.examples), len(self.targets)),
            found,
            {name: values["temperature"] for name, values in found.items()},
            self.seconds,
            self.run_dir / "models" / "refit" / "done",
        )


def mean_margins(outputs: Sequence[_Output], examples: int, attributes: int) -> NDArray[np.float16]:
    """Return the margins ``(E, N, A)``, averaged over the models that trained on each artwork."""
    epochs = max(output.fitted.margins.shape[0] for output in outputs)
    total = np.zeros((epochs, examples, attributes), np.float32)
    seen = np.zeros((epochs, examples, attributes), np.int16)
    for output in outputs:
        margins = output.fitted.margins.astype(np.float32)
        known = ~np.isnan(margins)
        total[: len(margins), output.train] += np.where(known, margins, 0)
        seen[: len(margins), output.train] += known
    nothing = np.full_like(total, np.nan)
    return np.divide(total, seen, out=nothing, where=seen > 0).astype(np.float16)


def _collect(futures: list[Future[_Output]], stop: threading.Event) -> list[_Output]:
    """Wait for all; if one fails, or the user interrupts, let the others end at their next step."""
    try:
        return [future.result() for future in futures]
    except BaseException:
        stop.set()
        for future in futures:
            future.cancel()
        raise


def _short(line: Epoch) -> str:
    accuracies = " ".join(f"{name} {100 * value:.0f}%" for name, value in line["accuracy"].items())
    return f"{line['model']} epoch {line['epoch']} loss {line['loss']:.2f} {accuracies}"
