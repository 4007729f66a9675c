"""One run, from the catalog and back: what to learn from, whose probabilities, which labels to flag."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from curate.errors import NothingToTrain, RunLocked
from curate.issues import Estimate
from curate.training.given_features import WITHOUT_IMAGES, place_features, read_given_features
from curate.training.label_issues import RunScores, issue_rows, prediction_rows, score_run
from curate.training.splits import assign_folds, assign_splits
from curate.wrong_labels import estimate_wrong_labels, with_estimates
from db.classes.classes import ClassList, read_class_lists
from db.engine.catalog import Catalog
from db.errors import BadSettings
from db.images.files import NEVER_OPENED
from db.labels.attribute_labels import AttributeLabels
from db.labels.table import LabelTable, label_digest, label_table
from db.models import Run
from db.reviews.findings import reviewed_labels
from db.runs.issues import replace_issues
from db.runs.label_weights import label_weights
from db.runs.runs import RunArrays, complete_run, fail_run, run_folder, runs, start_run, write_arrays
from db.workspace.secrets import redact_values
from db.workspace.train_settings import TrainSettings
from db.workspace.workspace import Workspace

if TYPE_CHECKING:
    from db.workspace.progress import Progress
    from model.training.train import RunResult


@dataclass(frozen=True)
class TrainSummary:
    """What ``curate train`` tells: the run, its metrics by attribute, what it could not read.

    ``issues`` is how many labels it flags, ``expected_wrong`` about how many are wrong.
    """

    run: int
    backbone: str
    protocol: str
    seconds: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, Any]]
    issues: int
    unreadable: Sequence[tuple[str, str]]
    expected_wrong: Estimate


def train(
    workspace: Workspace, catalog: Catalog, settings: TrainSettings, progress: Progress
) -> TrainSummary | None:
    """Train one run on the labels as they are now, and write its predictions and issues.

    An interrupted run with the same settings on the same labels is continued, not begun again. Of several
    processes that train together (``torchrun``), the first one writes, and the others return None.

    Raises:
        NothingToTrain: No attribute has two classes with enough labels.
        RunLocked: The same run is being trained by another process.
    """
    from model.distributed import joined_world

    settings = settings.resolved()
    given = None
    if settings.embeddings is not None:
        settings, vectors = read_given_features(workspace, catalog, settings)
    min_count = settings.min_class_count or 1
    with catalog.read() as session:
        table = label_table(session) if settings.embeddings is None else label_table(session, WITHOUT_IMAGES)
        lists = read_class_lists(session)
        findings = reviewed_labels(session)
        settings, weights = label_weights(session, settings, table)
    columns = {name: attribute_labels(table, name, classes, min_count) for name, classes in lists.items()}
    columns = {name: column for name, column in columns.items() if len(column.classes) > 1}
    if not columns:
        raise NothingToTrain(len(table), min_count)
    require_attributes(settings, list(columns))
    if settings.embeddings is not None:
        given = place_features(vectors, table, workspace, catalog)
    with joined_world() as world, ExitStack() as held:
        run, folder = None, Path()
        if world.leads:
            run, folder = _claim_run(workspace, catalog, settings, table)
            held.enter_context(_locked(folder, run.id))
        folder = world.gather(folder)[0]
        result, folds = _fit(
            workspace,
            table=table,
            columns=columns,
            weights=weights,
            settings=settings,
            folder=folder,
            progress=progress,
            given=given,
        )
        if run is None:
            return None
        progress.message("Scoring labels")
        began = time.monotonic()
        trained = {name: columns[name] for name in result.pred_probs}
        scored_run = score_run(
            table=table, columns=trained, result=result, folds=folds, findings=findings, seed=settings.seed
        )
        seconds = _with_evidence(result.seconds, time.monotonic() - began)
        metrics = with_estimates(result.metrics, scored_run.scores)
        issues, expected = _store(
            catalog,
            run=run,
            folder=folder,
            table=table,
            columns=trained,
            result=result,
            folds=folds,
            scored_run=scored_run,
            metrics=metrics,
            seconds=seconds,
        )
    paths = dict(zip(table.artwork_ids.tolist(), table.paths, strict=True))
    unreadable = [(paths[artwork_id], reason) for artwork_id, reason in result.unreadable]
    return TrainSummary(
        run=run.id,
        backbone=run.backbone,
        protocol=run.protocol,
        seconds=seconds,
        metrics=metrics,
        issues=issues,
        unreadable=unreadable,
        expected_wrong=expected,
    )


def require_attributes(settings: TrainSettings, attributes: Sequence[str]) -> None:
    """Refuse settings that name an attribute which is not trained on, before any image is read.

    Raises:
        BadSettings: The sampler or a task's weight does.
    """
    there = ", ".join(attributes)
    if settings.sampler not in ("none", "class-aware", *attributes):
        problem = f"{settings.sampler!r} is neither none, class-aware, nor one of {there}"
        raise BadSettings(Path("curate train"), "--sampler", problem)
    if unknown := sorted(set(settings.fixed_task_weights()) - set(attributes)):
        problem = f"there is nothing to train in {unknown[0]!r}; it may name {there}"
        raise BadSettings(Path("curate train"), "--task-weights", problem)


def _store(
    catalog: Catalog,
    run: Run,
    folder: Path,
    table: LabelTable,
    columns: Mapping[str, AttributeLabels],
    result: RunResult,
    folds: NDArray[np.int64],
    scored_run: RunScores,
    metrics: Mapping[str, Mapping[str, Any]],
    seconds: Mapping[str, float],
) -> tuple[int, Estimate]:
    """Write the arrays, then all that the catalog keeps, in one transaction.

    Returns:
        How many labels are flagged, and about how many are wrong.
    """
    digest = write_arrays(folder, RunArrays(table.artwork_ids, result.pred_probs, result.embedding, folds))
    with catalog.write() as session:
        complete_run(
            session,
            run,
            digest=digest,
            classes={name: column.classes for name, column in columns.items()},
            metrics=metrics,
            seconds=seconds,
            predictions=prediction_rows(table, columns, result, folds, scored_run),
        )
        issues = replace_issues(session, run, issue_rows(table, columns, scored_run))
        return issues, estimate_wrong_labels(session, run)


def _with_evidence(seconds: Mapping[str, float], evidence: float) -> dict[str, float]:
    """Return the seconds of a run with those that scoring the labels took."""
    total = seconds.get("total", 0.0) + evidence
    return {**seconds, "evidence": seconds.get("evidence", 0.0) + evidence, "total": total}


def attribute_labels(
    table: LabelTable, attribute: str, classes: ClassList, min_count: int
) -> AttributeLabels:
    """Return the classes with at least ``min_count`` labelled duplicate groups, and the labels among them."""
    labels, groups = table.labels[attribute], table.groups
    present = labels >= 0
    pairs = np.unique(np.stack([labels[present], groups[present]]), axis=1)
    ids, counts = np.unique(pairs[0], return_counts=True)
    kept = sorted(ids[counts >= min_count].tolist(), key=lambda class_id: classes.key[class_id])
    index = {class_id: i for i, class_id in enumerate(kept)}
    columns = np.array([index.get(class_id, -1) for class_id in labels.tolist()], dtype=np.int64)
    return AttributeLabels(
        attribute,
        tuple(classes.key[class_id] for class_id in kept),
        columns,
        rare=int((present & (columns < 0)).sum()),
        attribute_id=classes.attribute_id,
        class_ids=np.array(kept, dtype=np.int64),
    )


def _claim_run(
    workspace: Workspace, catalog: Catalog, settings: TrainSettings, table: LabelTable
) -> tuple[Run, Path]:
    """Return the interrupted run that this one continues, or a new one; mark other dead runs as failed."""
    digest = label_digest(table)
    stored = redact_values(settings.model_dump(mode="json"))
    with catalog.write() as session:
        mine: Run | None = None
        for run in runs(session):
            if run.state != "running":
                continue
            same = run.label_digest == digest and run.settings == stored
            if same and mine is None:
                mine = run
            elif not is_locked(run_folder(session, workspace, run.uuid)):
                fail_run(session, run)
        if mine is None:
            mine = start_run(
                session,
                backbone=settings.backbone,
                protocol=settings.protocol,
                seed=settings.seed,
                settings=stored,
                digest=digest,
                labels_seen=table.newest_label,
            )
        return mine, run_folder(session, workspace, mine.uuid)


@contextmanager
def _locked(folder: Path, run_id: int) -> Iterator[None]:
    """Hold a run's folder; the lock goes with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunLocked(run_id) from error
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Return whether a process holds a run's folder: it is trained now."""
    try:
        with _locked(folder, 0):
            return False
    except RunLocked:
        return True


def _fit(
    workspace: Workspace,
    table: LabelTable,
    columns: Mapping[str, AttributeLabels],
    weights: Mapping[str, NDArray[np.float32]],
    settings: TrainSettings,
    folder: Path,
    progress: Progress,
    given: NDArray[np.floating] | None,
) -> tuple[RunResult, NDArray[np.int64]]:
    """Train by the protocol asked for; return what the model says, and the fold of each artwork."""
    from model.inputs.data import Example
    from model.training.train import cross_validate, holdout

    examples = [
        Example(int(artwork_id), workspace.find_image(root, path) or NEVER_OPENED, sha256)
        for artwork_id, root, path, sha256 in zip(
            table.artwork_ids, table.roots, table.paths, table.sha256, strict=True
        )
    ]
    targets = [
        dataclasses.replace(column, label_weight=weights.get(name)) for name, column in columns.items()
    ]
    labels = {name: column.labels for name, column in columns.items()}
    cache = workspace.cache_folder
    if settings.protocol == "holdout":
        splits = assign_splits(labels, table.groups, settings.seed)
        result = holdout(
            examples,
            targets,
            splits,
            settings,
            cache_dir=cache,
            run_dir=folder,
            progress=progress,
            given=given,
        )
        return result, np.full(len(table), -1, dtype=np.int64)
    folds = assign_folds(labels, table.groups, settings.folds, settings.seed)
    return cross_validate(
        examples, targets, folds, settings, cache_dir=cache, run_dir=folder, progress=progress, given=given
    ), folds
