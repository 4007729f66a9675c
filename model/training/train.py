"""One run: out-of-sample probabilities for every artwork, and a model to hand on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.labels.attribute_labels import AttributeLabels
from db.provenance import NO_IMAGE, Provenance
from db.workspace.progress import Progress
from db.workspace.train_settings import TrainSettings
from model.distributed import joined_world
from model.errors import FoldEmpty, NothingToLearn
from model.evaluate import Metrics, metrics
from model.inputs.data import Example
from model.training.fit import Epoch, Job
from model.training.model_file import write_model
from model.training.monitor import draw_curves
from model.training.runner import Output, Runner, TrainingTask

REFIT = 1000
"""Number of the refit among the models, so that it draws other numbers than any fold."""

MEMBER = 100
"""Between the numbers of a fold's networks."""

NOBODY = np.empty(0, np.int64)


@dataclass
class RunResult:
    """What a run hands back; rows are in the order of the examples.

    ``pred_probs[attribute]`` has shape ``(N, K)``, float32, columns in the order of the classes, NaN for an
    image that cannot be read. ``provenance`` says of each row whose probability it is: one of
    ``db.provenance.Provenance``, or ``none`` where its image cannot be read.
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
    model_path: Path | None = None  # of the model to hand on, without suffix
    leads: bool = True  # False in all but one of several processes that trained together
    layers: NDArray[np.float32] | None = None  # (N, S) of the backbone, NaN where unreadable


def cross_validate(
    examples: Sequence[Example],
    targets: Sequence[AttributeLabels],
    folds: NDArray[np.int64],
    settings: TrainSettings,
    *,
    cache_dir: Path,
    run_dir: Path,
    progress: Progress,
    given: NDArray[np.floating] | None = None,
) -> RunResult:
    """Train K models, each without one fold, and one on everything; predict each artwork out of sample.

    Args:
        examples: The artworks, N of them.
        targets: The given labels, one entry an attribute.
        folds: For each artwork the fold whose model must not see it, ``0..K - 1``, duplicate groups whole;
            -1 for those in no fold, which get the mean of the K models and are trained on by none.
        settings: What and how to train; resolved here.
        cache_dir: Where features are kept between runs.
        run_dir: The run's own folder. A run that was killed there goes on where it stopped.
        progress: Told how it goes.
        given: Features in place of the backbone's, shape ``(N, T, D)``, rows of NaN where there are none.

    Raises:
        CurateError: Anything that the user can fix; see ``model.errors``.
    """
    settings = settings.resolved()
    with _opened(
        examples=examples,
        targets=targets,
        division=folds,
        settings=settings,
        cache_dir=cache_dir,
        run_dir=run_dir,
        progress=progress,
        given=given,
    ) as runner:
        labels = runner.labels()
        count = int(folds.max()) + 1
        extra = np.flatnonzero(folds < 0)
        tasks = [
            TrainingTask(
                member_job(fold_job(labels, folds, fold, count, settings), member),
                np.concatenate([np.flatnonzero(folds == fold), extra]),
            )
            for fold in range(count)
            for member in range(settings.ensemble or 1)
        ]
        everything = np.flatnonzero((labels >= 0).any(axis=1))
        tasks.append(TrainingTask(Job("refit", REFIT, everything, NOBODY), NOBODY, handed_on=True))
        outputs = runner.train(tasks, labels)
        pred_probs = gather(tasks[:-1], outputs[:-1], folds, count, runner.classes)
        by_attribute = {
            target.attribute: metrics(target.labels, probabilities, folds, target.rare)
            for target, probabilities in zip(targets, pred_probs, strict=True)
        }
        provenance = np.where(folds >= 0, Provenance.FOLD.value, Provenance.ENSEMBLE.value)
        return _result(runner, pred_probs, provenance, outputs, by_attribute)


def holdout(
    examples: Sequence[Example],
    targets: Sequence[AttributeLabels],
    splits: NDArray[np.str_],
    settings: TrainSettings,
    *,
    cache_dir: Path,
    run_dir: Path,
    progress: Progress,
    given: NDArray[np.floating] | None = None,
) -> RunResult:
    """Train one model on a split, keep its best epoch by another, and measure it on a third.

    Args:
        examples: The artworks, N of them.
        targets: The given labels, one entry an attribute.
        splits: ``train``, ``val`` or ``test`` for each artwork; anything else is predicted only.
        settings: What and how to train; resolved here.
        cache_dir: Where features are kept between runs.
        run_dir: The run's own folder. A run that was killed there goes on where it stopped.
        progress: Told how it goes.
        given: Features in place of the backbone's, shape ``(N, T, D)``, rows of NaN where there are none.

    Raises:
        CurateError: Anything that the user can fix; see ``model.errors``.
    """
    settings = settings.resolved()
    with _opened(
        examples=examples,
        targets=targets,
        division=splits,
        settings=settings,
        cache_dir=cache_dir,
        run_dir=run_dir,
        progress=progress,
        given=given,
    ) as runner:
        labels = runner.labels()
        labelled = (labels >= 0).any(axis=1)
        train = np.flatnonzero(labelled & (splits == "train"))
        if len(train) == 0:
            raise NothingToLearn("no labelled artwork is in the training split")
        job = Job("holdout", 0, train, np.flatnonzero(labelled & (splits == "val")))
        task = TrainingTask(job, np.arange(len(examples)), handed_on=True)
        outputs = runner.train([task], labels)
        runner.seconds["heads"], runner.seconds["refit"] = runner.seconds["refit"], 0.0
        names = {"train": Provenance.IN_SAMPLE.value, "val": Provenance.VALIDATION.value}
        provenance = np.array([names.get(str(split), Provenance.HOLDOUT.value) for split in splits])
        by_attribute = {}
        for target, probabilities in zip(targets, outputs[0].probabilities, strict=True):
            measured = np.where(splits == "test", target.labels, -1)
            chosen = np.where(splits == "val", target.labels, -1)
            by_attribute[target.attribute] = metrics(measured, probabilities, None, target.rare, chosen)
        return _result(runner, outputs[0].probabilities, provenance, outputs, by_attribute)


@contextmanager
def _opened(
    examples: Sequence[Example],
    targets: Sequence[AttributeLabels],
    division: NDArray[Any],
    settings: TrainSettings,
    cache_dir: Path,
    run_dir: Path,
    progress: Progress,
    given: NDArray[np.floating] | None,
) -> Iterator[Runner]:
    """Join the other processes, claim the run's folder, and have the features ready."""
    with joined_world() as world:
        runner = Runner(
            examples=examples,
            targets=targets,
            settings=settings,
            cache_dir=cache_dir,
            run_dir=run_dir,
            progress=progress,
            world=world,
            given=given,
        )
        runner.claim(division)
        runner.prepare()
        yield runner


def fold_job(
    labels: NDArray[np.int64], folds: NDArray[np.int64], fold: int, count: int, settings: TrainSettings
) -> Job:
    """Return what the model of one fold trains on: labelled artworks of the other folds.

    With patience, a share of them decides when to stop; the fold itself never does.

    Raises:
        FoldEmpty: There are none.
    """
    rows = np.flatnonzero((labels >= 0).any(axis=1) & (folds != fold) & (folds >= 0))
    if len(rows) == 0:
        raise FoldEmpty(fold, count)
    if settings.patience == 0 or len(rows) < 20:
        return Job(f"fold-{fold}", fold, rows, NOBODY)
    order = np.random.default_rng([settings.seed, fold, 2]).permutation(rows)
    cut = max(1, round(len(rows) * settings.validation_fraction))
    return Job(f"fold-{fold}", fold, np.sort(order[cut:]), np.sort(order[:cut]))


def member_job(job: Job, member: int) -> Job:
    """Return the job of one more network on the same rows, which begins with other weights."""
    if member == 0:
        return job
    return replace(job, name=f"{job.name}-{member + 1}", number=job.number + MEMBER * member)


def gather(
    tasks: Sequence[TrainingTask],
    outputs: Sequence[Output],
    folds: NDArray[np.int64],
    count: int,
    classes: Sequence[int],
) -> list[NDArray[np.float32]]:
    """Return the mean of the fold's models for each row, or of all models where there is no fold."""
    whole: list[NDArray[np.float32]] = [np.zeros((len(folds), count), np.float32) for count in classes]
    for task, output in zip(tasks, outputs, strict=True):
        share = (np.where(folds[task.predict] >= 0, count, 1) / len(outputs)).astype(np.float32)
        for column, probabilities in zip(whole, output.probabilities, strict=True):
            column[task.predict] += probabilities * share[:, None]
    return whole


def mean_margins(outputs: Sequence[Output], examples: int, attributes: int) -> NDArray[np.float16]:
    """Return the margins ``(E, N, A)``, averaged over the models that trained on each artwork."""
    epochs = max(output.fitted.margins.shape[0] for output in outputs)
    total = np.zeros((epochs, examples, attributes), np.float32)
    seen = np.zeros((epochs, examples, attributes), np.int16)
    for output in outputs:
        margins = output.fitted.margins.astype(np.float32)
        trained = ~np.isnan(margins)
        total[: len(margins), output.train] += np.where(trained, margins, 0)
        seen[: len(margins), output.train] += trained
    nothing = np.full_like(total, np.nan)
    return np.divide(total, seen, out=nothing, where=seen > 0).astype(np.float16)


def _result(
    runner: Runner,
    pred_probs: Sequence[NDArray[np.float32]],
    provenance: NDArray[np.str_],
    outputs: Sequence[Output],
    metrics: dict[str, Metrics],
) -> RunResult:
    """Assemble what the run hands back, and write the model and the curves beside it."""
    temperature = {name: values["temperature"] for name, values in metrics.items()}
    history = [line for output in outputs for line in output.fitted.history]
    path = runner.run_dir / "model"
    margins = mean_margins(outputs, len(runner.examples), len(runner.targets))
    if runner.world.leads:
        np.save(runner.run_dir / "models" / "margins.npy", margins)
        if runner.settings.embeddings is None:  # else there is no network that takes an image
            write_model(path, runner, outputs[-1].state, metrics)
        draw_curves(history, runner.run_dir / "curves.png")
    unreadable = {artwork_id for artwork_id, _ in runner.unreadable}
    missing = np.array([example.artwork_id in unreadable for example in runner.examples], dtype=bool)
    runner.seconds["total"] = time.perf_counter() - runner.began
    return RunResult(
        pred_probs=dict(zip(runner.attributes, pred_probs, strict=True)),
        provenance=np.where(missing, NO_IMAGE, provenance),
        embedding=runner.evidence.embedding(),
        unreadable=runner.unreadable,
        history=history,
        margins=margins,
        metrics=metrics,
        temperature=temperature,
        seconds=dict(runner.seconds),
        model_path=path,
        leads=runner.world.leads,
        layers=runner.evidence.layers(),
    )
