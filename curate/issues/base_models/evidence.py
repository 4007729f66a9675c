"""What each base model says of every class, given one state of all labels, and their pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from curate.issues.base_models.closed_form import ClassGaussians, Matrix
from curate.issues.base_models.gaussian_process import RelatedProcess
from curate.issues.base_models.neighbours import Neighbours, neighbour_votes
from curate.issues.base_models.quality import label_temperature
from curate.issues.base_models.records import Records, Related, keep_records
from curate.issues.columns import Floats, Ints, LabelColumn

FLOOR = 1e-4
AT_ONCE = 2**19  # log-probabilities worked on at a time: they stay in the processor's cache
SHRINKAGE = 0.4  # of the Gaussian classes' covariance
WIDEST_RECALIBRATION = 200  # classes; above, the covariance of the model's logits costs more than it tells
WIDEST_PROCESS, PROCESS_LOGITS = 64, np.float32(6.0)
"""Above this many classes the Gaussian process is left out: its answers would not fit. They come as regressed
indicators; this many logits a unit make them comparable to the others before they are weighted."""
FEWEST_TO_REFIT = 60  # labels; below, class means are noise and the run's probabilities stand alone
REVIEWED_WEIGHT = 2.0
NEAREST, SHARPNESS, VOTES_OF_ALL = 40, 5.0, 2.0
"""A vote weighs ``exp(SHARPNESS * similarity)``; this many votes are shared as the classes are in all."""


@dataclass(frozen=True)
class BaseModels:
    """The models of one attribute; none of them reads an artwork's own label or a duplicate's.

    Attributes:
        column: The labels as they are now, and the run's probabilities.
        groups: Duplicate groups, shape ``(N,)``.
        weights: How much each label counts, shape ``(N,)``.
        related: What other attributes tell about this one.
        neighbours: The nearest in the embedding.
        temperature: Of the run's probabilities, under which the labels are likeliest.
        gaussians: Gaussian classes in the features that tell most, as ``best_features`` has it.
        gaussian_temperature: The same of theirs.
        baseline: Their coefficients for the labels that the run saw.
        process: Embedding and related attribute together.
    """

    column: LabelColumn
    groups: Ints
    weights: Floats
    related: tuple[Related, ...]
    neighbours: Neighbours | None
    temperature: float = 1.0
    gaussians: ClassGaussians | None = None
    gaussian_temperature: float = 1.0
    baseline: Matrix | None = None
    process: RelatedProcess | None = None

    @property
    def width(self) -> int:
        """K, the number of classes."""
        return len(self.column.classes)

    def refit(self, labels: Ints) -> Refit:
        """Fit everything but the run's own model to these labels, which may hold planted errors."""
        records = tuple(
            keep_records(related, self.groups, labels, self.weights, self.width) for related in self.related
        )
        labelled = labels >= 0
        marginal = np.bincount(labels[labelled], weights=self.weights[labelled], minlength=self.width) + 0.5
        coefficients = None if self.gaussians is None else self.gaussians.refit(labels, self.width)
        answers = None if self.process is None else self.process.fit(labels, self.width)
        return Refit(
            models=self,
            labels=labels,
            records=records,
            marginal=marginal / marginal.sum(),
            coefficients=coefficients,
            answers=answers,
        )


@dataclass(frozen=True)
class Refit:
    """The base models, given one state of all labels."""

    models: BaseModels
    labels: Ints
    records: tuple[Records, ...]
    marginal: Floats  # (K,)
    coefficients: Matrix | None  # of the Gaussian classes
    answers: Matrix | None  # of the Gaussian process

    def log_probs(self, rows: Ints) -> dict[str, Matrix]:
        """Return each model's log-probability of each class, shape ``(len(rows), K)``."""
        logs = {"model": self._model(rows)}
        for place, (related, records) in enumerate(zip(self.models.related, self.records, strict=True)):
            strength = 1.0 if len(related.attributes) > 1 or place == 0 else 5.0
            logs[f"record {place}"] = log_of(records.shares(rows, strength))
        if self.models.process is not None and self.answers is not None:
            logs["process"] = PROCESS_LOGITS * self.models.process.scores(self.answers, rows)
        return logs | self.image_log_probs(rows)

    def image_log_probs(self, rows: Ints) -> dict[str, Matrix]:
        """Return the log-probabilities of the models that read the image, ``(len(rows), K)`` each."""
        models = self.models
        logs: dict[str, Matrix] = {}
        if models.neighbours is not None:
            logs["neighbours"] = log_of(self._votes(rows))
        if models.gaussians is not None and self.coefficients is not None:
            logits = models.gaussians.logits(self.coefficients, rows)
            logs["gaussians"] = normalised(logits / np.float32(models.gaussian_temperature))
        return logs

    def _votes(self, rows: Ints) -> Matrix:
        models = self.models
        assert models.neighbours is not None
        prior = VOTES_OF_ALL * self.marginal
        return neighbour_votes(
            neighbours=models.neighbours,
            labels=self.labels,
            weights=models.weights,
            rows=rows,
            count=NEAREST,
            sharpness=SHARPNESS,
            prior=prior,
        )

    def _model(self, rows: Ints) -> Matrix:
        """The run's probabilities, moved as far as the Gaussian classes moved since the labels it saw."""
        models = self.models
        logits = log_of(models.column.pred_probs[rows])
        if models.gaussians is None or self.coefficients is None or models.baseline is None:
            return logits
        if self.labels is models.column.labels:
            return logits
        moved = models.gaussians.logits(self.coefficients - models.baseline, rows)
        return normalised(logits + moved / np.float32(models.gaussian_temperature))


def prepare_models(
    column: LabelColumn,
    *,
    groups: Ints,
    embedding: Matrix | None,
    layers: Matrix | None = None,
    folds: Ints,
    neighbours: Neighbours | None,
    related: tuple[Related, ...],
) -> BaseModels:
    """Fit the base models of one attribute to its labels as they are now."""
    labels, width = column.labels, len(column.classes)
    rows = np.flatnonzero(column.scorable)
    weights = np.where(column.reviewed > 0, REVIEWED_WEIGHT, 1.0)
    models = BaseModels(column, groups, weights, related, neighbours)
    if len(rows) < FEWEST_TO_REFIT or width < 2:
        return models
    sample = rows[np.unique(np.linspace(0, len(rows) - 1, 4000).astype(np.int64))]
    models = replace(models, temperature=label_temperature(labels[sample], column.pred_probs[sample]))
    features = best_features(column, embedding, layers)
    if features is not None:
        gaussians = ClassGaussians.prepare(features, folds, labels, weights, width=width, shrinkage=SHRINKAGE)
        baseline = gaussians.refit(labels, width)
        models = replace(
            models,
            gaussians=gaussians,
            gaussian_temperature=_temperature(gaussians, baseline, labels, sample),
            baseline=baseline,
        )
    if embedding is not None and related and width <= WIDEST_PROCESS:
        second = related[1] if len(related) > 1 else None
        seen = (labels >= 0) & np.isfinite(embedding).all(axis=1)
        process = RelatedProcess.prepare(
            embedding=np.nan_to_num(embedding),
            groups=groups,
            labelled=seen,
            weights=weights,
            first=related[0],
            second=second,
        )
        models = replace(models, process=process)
    return models


def best_features(column: LabelColumn, embedding: Matrix | None, layers: Matrix | None) -> Matrix | None:
    """Return the features that tell most of the classes, shape ``(N, D)``; None where there are none.

    The layers, else the embedding, else the run's log-probabilities: Gaussian classes in these correct
    regular mistakes and over-confidence.
    """
    if layers is not None:
        return layers
    if embedding is not None:
        return embedding
    if len(column.classes) > WIDEST_RECALIBRATION:
        return None
    inputs = np.full(column.pred_probs.shape, np.nan, dtype=np.float32)
    inputs[column.scorable] = centred_logs(column.pred_probs[column.scorable])
    return inputs


def _temperature(model: ClassGaussians, coefficients: Matrix, labels: Ints, rows: Ints) -> float:
    """Return the temperature under which the labels are likeliest."""
    rows = rows[model.seen[rows]]
    logits = model.logits(coefficients, rows).astype(np.float64)
    return label_temperature(labels[rows], np.exp(logits - logits.max(axis=1, keepdims=True)), highest=50.0)


@dataclass(frozen=True)
class Pool:
    """One distribution over the classes from several models: their log-probabilities, weighted."""

    names: tuple[str, ...]
    weights: Floats

    def log_probs(self, each: dict[str, Matrix]) -> Matrix:
        """Return the pooled log-probabilities, shape ``(n, K)``."""
        total = sum(np.float32(w) * each[name] for name, w in zip(self.names, self.weights, strict=True))
        return normalised(np.asarray(total, dtype=np.float32))


def fit_pool(each: dict[str, Matrix], labels: Ints, near: Pool | None = None) -> Pool:
    """Weigh models so that the labels are likeliest (a conditional logit, drawn to even weights).

    Args:
        each: Log-probabilities by model, ``(n, K)`` each.
        labels: Class indices, shape ``(n,)``.
        near: A pool of the same models to begin the search at: nearly these labels' own.
    """
    names = tuple(each)
    start = np.full(len(names), 1.0 / len(names))
    if len(labels) == 0 or each["model"].shape[1] < 2:
        return Pool(names, start)
    stacked = np.stack([each[name] for name in names], axis=2).astype(np.float32)  # (n, K, W)
    at = np.arange(len(labels))
    own = stacked[at, labels]

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = stacked @ weights.astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        probs = np.exp(logits)
        total = probs.sum(axis=1, keepdims=True)
        expected = np.einsum("nk,nkw->nw", probs / total, stacked)
        nll = float(np.mean(np.log(total[:, 0]) - logits[at, labels]))
        away = weights - start
        return nll + 0.01 * float(away @ away), (expected - own).mean(axis=0).astype(np.float64) + 0.02 * away

    begin = start if near is None or near.names != names else near.weights
    fit = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": 50})
    return Pool(names, np.asarray(fit.x, dtype=np.float64))


def chunks(count: int, width: int) -> Iterator[slice]:
    """Yield slices of ``count`` rows of ``width`` classes that are worked on at a time, at least one."""
    size = max(AT_ONCE // max(width, 1), 256)
    for start in range(0, max(count, 1), size):
        yield slice(start, start + size)


def given_margin_entropy(log_probs: Matrix, given: Ints) -> tuple[Matrix, Matrix, Matrix]:
    """Return of log-probabilities, ``(n, K)``, the given label's, its margin over the next, the entropy."""
    own, best = _given_and_best_other(log_probs, given)
    below = log_probs - np.maximum(own, best)[:, None]
    powers = np.exp(below)
    total = powers.sum(axis=1)
    entropy: Matrix = np.log(total) - np.einsum("nk,nk->n", powers, below) / total
    return own, own - best, entropy


def given_margin(log_probs: Matrix, given: Ints) -> tuple[Matrix, Matrix]:
    """Return of log-probabilities, ``(n, K)``, the given label's, and its margin over the best other."""
    own, best = _given_and_best_other(log_probs, given)
    return own, own - best


def _given_and_best_other(log_probs: Matrix, given: Ints) -> tuple[Matrix, Matrix]:
    at = np.arange(len(given))
    own: Matrix = log_probs[at, given]
    if log_probs.shape[1] < 2:
        return own, own
    log_probs[at, given] = -np.inf  # for the time being: a copy costs more than all the rest here
    best: Matrix = log_probs.max(axis=1)
    log_probs[at, given] = own
    return own, best


def log_of(probs: NDArray[np.floating]) -> Matrix:
    """Return log-probabilities, of nothing less than ``FLOOR``."""
    logs: Matrix = np.array(probs, dtype=np.float32)  # numpy works out half precision number by number
    np.clip(logs, np.float32(FLOOR), np.float32(1.0), out=logs)
    return np.log(logs, out=logs)


def centred_logs(probs: NDArray[np.floating]) -> Matrix:
    """Return log-probabilities less their mean over the classes."""
    logs = log_of(probs)
    centred: Matrix = logs - logs.mean(axis=1, keepdims=True)
    return centred


def normalised(logits: Matrix) -> Matrix:
    """Return logits as log-probabilities."""
    top = logits - logits.max(axis=1, keepdims=True)
    top -= np.log(np.exp(top).sum(axis=1, keepdims=True))
    normal: Matrix = top
    return normal
