"""The evidence for and against a label: what each witness thinks of every class, as numbers a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from curate.issues.columns import Floats, Ints, LabelColumn
from curate.issues.judges import FoldJudge, KernelJudge, Matrix
from curate.issues.neighbours import Neighbours, neighbour_votes
from curate.issues.quality import fit_temperature
from curate.issues.records import Records, Related, keep_records

FLOOR = 1e-4
KERNEL_CLASSES = 64  # above so many classes the kernel judge is left out: its answers would not fit
CHUNK = 4096


@dataclass(frozen=True)
class Witnesses:
    """All that speaks about one attribute's labels and does not itself depend on them."""

    column: LabelColumn
    groups: Ints
    weights: Floats  # (N,) how much each label counts
    related: tuple[Related, ...]
    neighbours: Neighbours | None
    folds: FoldJudge | None
    kernel: KernelJudge | None
    shift: float  # logits a unit of the fold judge's score
    baseline: Matrix | None  # the fold judge's coefficients for the labels that the run saw

    @property
    def width(self) -> int:
        """K, the number of classes."""
        return len(self.column.classes)

    def hear(self, labels: Ints) -> Testimony:
        """Let every witness take note of these labels, which may hold planted errors."""
        records = tuple(
            keep_records(related, self.groups, labels, self.weights, self.width) for related in self.related
        )
        known = labels >= 0
        marginal = np.bincount(labels[known], weights=self.weights[known], minlength=self.width) + 0.5
        moved = None if self.folds is None else self.folds.fit(labels, self.weights, self.width)
        answers = None if self.kernel is None else self.kernel.fit(labels, self.width)
        return Testimony(self, labels, records, marginal / marginal.sum(), moved, answers)


@dataclass(frozen=True)
class Testimony:
    """What the witnesses say, given one state of all labels."""

    witnesses: Witnesses
    labels: Ints
    records: tuple[Records, ...]
    marginal: Floats  # (K,)
    moved: Matrix | None
    answers: Matrix | None

    def opinions(self, rows: Ints) -> dict[str, Matrix]:
        """Return each witness's log-probability of each class, shape ``(len(rows), K)``."""
        known = self.witnesses
        opinions = {"model": self._model(rows)}
        for place, (related, records) in enumerate(zip(known.related, self.records, strict=True)):
            strength = 1.0 if len(related.attributes) > 1 or place == 0 else 5.0
            opinions[f"record {place}"] = log_of(records.shares(rows, strength))
        if known.neighbours is not None:
            votes = neighbour_votes(known.neighbours, self.labels, known.weights, rows, known.width, 40, 5.0)
            opinions["neighbours"] = log_of(votes)
        if known.kernel is not None and self.answers is not None:
            opinions["kernel"] = 6.0 * known.kernel.scores(self.answers, rows)
        if known.folds is not None and self.moved is not None:
            looks = np.float32(known.shift) * known.folds.scores(self.moved, rows)
            opinions["looks"] = _normalised(looks)
        return opinions

    def _model(self, rows: Ints) -> Matrix:
        """The run's probabilities, moved by as much as the fold judge moved since the labels it saw."""
        known = self.witnesses
        logits = log_of(known.column.pred_probs[rows])
        if known.folds is None or self.moved is None or known.baseline is None:
            return logits
        if self.moved is known.baseline:
            return logits
        logits = logits + np.float32(known.shift) * known.folds.scores(self.moved - known.baseline, rows)
        return _normalised(logits)


def call_witnesses(
    column: LabelColumn,
    *,
    groups: Ints,
    embedding: Matrix | None,
    folds: Ints,
    neighbours: Neighbours | None,
    related: tuple[Related, ...],
) -> Witnesses:
    """Prepare the witnesses of one attribute."""
    labelled = column.labels >= 0
    weights = np.where(column.reviewed > 0, 2.0, 1.0)
    width = len(column.classes)
    if embedding is None or not labelled.any():
        return Witnesses(column, groups, weights, related, neighbours, None, None, 0.0, None)
    seen = labelled & np.isfinite(embedding).all(axis=1)
    vectors = np.nan_to_num(embedding.astype(np.float32))
    judge = FoldJudge.prepare(vectors, folds, seen)
    given = np.where(seen, column.labels, -1)
    baseline = judge.fit(given, weights, width)
    kernel = None
    if related and width <= KERNEL_CLASSES:
        second = related[1] if len(related) > 1 else None
        kernel = KernelJudge.prepare(vectors, groups, seen, weights, related[0], second)
    rows = np.flatnonzero(seen)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, 4000).astype(np.int64))] if len(rows) else rows
    shift = _sharpness(judge.scores(baseline, rows), column.labels[rows])
    return Witnesses(column, groups, weights, related, neighbours, judge, kernel, shift, baseline)


def _sharpness(scores: Matrix, labels: Ints) -> float:
    """Return the factor that turns scores into the logits under which the labels are likeliest."""
    if len(labels) == 0 or scores.shape[1] < 2:
        return 0.0
    started = 5.0
    logits = started * scores.astype(np.float64)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    return started / fit_temperature(labels, probs / probs.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Joint:
    """One distribution over the classes from all witnesses: their log-probabilities, weighted."""

    names: tuple[str, ...]
    weights: Floats

    def log_probs(self, opinions: dict[str, Matrix]) -> Matrix:
        """Return the joint log-probabilities, shape ``(n, K)``."""
        total = sum(np.float32(w) * opinions[name] for name, w in zip(self.names, self.weights, strict=True))
        return _normalised(np.asarray(total, dtype=np.float32))


def fit_joint(opinions: dict[str, Matrix], labels: Ints) -> Joint:
    """Weigh the witnesses so that the labels are likeliest (a conditional logit, drawn to even weights)."""
    names = tuple(opinions)
    start = np.full(len(names), 1.0 / len(names))
    if len(labels) == 0 or opinions["model"].shape[1] < 2:
        return Joint(names, start)
    stacked = np.stack([opinions[name] for name in names], axis=2).astype(np.float32)  # (n, K, W)
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

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 50})
    return Joint(names, np.asarray(found.x, dtype=np.float64))


def features(testimony: Testimony, joint: Joint, confusions: Floats, rows: Ints, given: Ints) -> Matrix:
    """Return the numbers from which the fusion judges labels, shape ``(len(rows), F)``.

    For each witness and for all together: the log-probability of the given label, its margin over the
    best other class, how far that is below 0, and the entropy. Then how likely the label is under each
    kind of error against being right, and how much is on record.
    """
    parts = [
        _features(testimony, joint, confusions, rows[at : at + CHUNK], given[at : at + CHUNK])
        for at in range(0, max(len(rows), 1), CHUNK)
    ]
    return np.concatenate(parts)


def _features(testimony: Testimony, joint: Joint, confusions: Floats, rows: Ints, given: Ints) -> Matrix:
    opinions = testimony.opinions(rows)
    together = joint.log_probs(opinions)
    columns: list[NDArray[np.floating]] = []
    for opinion in (*opinions.values(), together):
        own, apart, entropy = given_margin_entropy(opinion, given)
        columns += [own, apart, entropy, np.minimum(apart, 0.0)]  # a bend where another class takes over
    at = np.arange(len(rows))
    marginal = testimony.marginal
    counts = testimony.records[0].counts(rows) if testimony.records else None
    columns.extend(_kinds(np.exp(together), given, confusions, marginal, counts))
    columns.append(np.log(marginal[given]))
    if counts is not None:
        total = counts.sum(axis=1)
        held = counts[at, given]
        elsewhere = (counts > 0).sum(axis=1) - (held > 0)
        columns += [np.log1p(total), np.log1p(held), held / (total + 1.0), held == 0, elsewhere == 0]
    return np.stack(columns, axis=1).astype(np.float32)


def given_margin_entropy(opinion: Matrix, given: Ints) -> tuple[Matrix, Matrix, Matrix]:
    """Return of log-probabilities, ``(n, K)``, the given label's, its margin over the next, the entropy."""
    at = np.arange(len(given))
    own = opinion[at, given].copy()
    probs = np.exp(opinion - opinion.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    entropy = -np.einsum("nk,nk->n", probs, np.log(probs + np.float32(1e-9)))
    if opinion.shape[1] < 2:
        return own, np.zeros_like(own), entropy
    others = opinion.copy()
    others[at, given] = -np.inf
    return own, own - others.max(axis=1), entropy


def _kinds(
    probs: Matrix, given: Ints, confusions: Floats, marginal: Floats, counts: Matrix | None
) -> list[NDArray[np.floating]]:
    """Return for each kind of error the log-odds that the label arose by it rather than by being right.

    The sum runs over what the true class might be, c: its probability times the chance that an error of
    this kind turns c into the given label.
    """
    at = np.arange(len(given))
    own = probs[at, given]
    others = probs.copy()
    others[at, given] = 0.0
    width = probs.shape[1]
    turned = [others.sum(axis=1) / max(width - 1, 1)]
    turned.append(np.einsum("nk,nk->n", others, confusions.T.astype(np.float32)[given]))
    turned.append(marginal[given] * (others @ (1.0 / np.maximum(1.0 - marginal, FLOOR)).astype(np.float32)))
    if counts is not None:
        rest = np.maximum(counts.sum(axis=1, keepdims=True) - counts, np.float32(0.5))
        turned.append(counts[at, given] * (others / rest).sum(axis=1))
    return [np.log(part + FLOOR) - np.log(own + FLOOR) for part in turned]


def log_of(probs: NDArray[np.floating]) -> Matrix:
    """Return log-probabilities, of nothing less than ``FLOOR``."""
    logs: Matrix = np.log(np.clip(probs, FLOOR, 1.0)).astype(np.float32)
    return logs


def _normalised(logits: Matrix) -> Matrix:
    top = logits - logits.max(axis=1, keepdims=True)
    normal: Matrix = top - np.log(np.exp(top).sum(axis=1, keepdims=True))
    return normal
