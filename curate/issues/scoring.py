"""Score every label of every attribute; docs/ranking.md tells how and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from curate.issues.base_models.closed_form import Matrix, reduced
from curate.issues.base_models.evidence import BaseModels, prepare_models
from curate.issues.base_models.neighbours import Neighbours, find_neighbours
from curate.issues.base_models.quality import self_confidence
from curate.issues.base_models.records import related_attributes
from curate.issues.canonical import Canonical, canonical_order
from curate.issues.columns import (
    ATYPICAL,
    IMPORTED,
    Estimate,
    Findings,
    Floats,
    Ints,
    LabelColumn,
    LabelScores,
)
from curate.issues.duplicates import settle_conflicts
from curate.issues.planted.misplaced import Misplaced, find_misplaced
from curate.issues.planted.planting import KINDS, MISPLACED
from curate.issues.probability.error_rate import ErrorRate
from curate.issues.probability.judgement import judge_labels
from curate.issues.probability.posterior import clarity
from curate.issues.probability.verdicts import learn_from
from curate.issues.reasons import Reasons

PARTS = 5
ODDS_KEPT = {1: 0.01, ATYPICAL: 0.001}  # what is left of the odds against a label that a reviewer confirmed
STRONGEST_ODDS = 50.0


def score_labels(
    columns: Sequence[LabelColumn],
    *,
    groups: Ints,
    embedding: NDArray[np.floating] | None,
    folds: Ints | None,
    layers: NDArray[np.floating] | None = None,
    verdicts: Mapping[str, Findings] | None = None,
    neighbours: Neighbours | None = None,
    kinds: tuple[str, ...] = KINDS,
    seed: int,
) -> dict[str, LabelScores]:
    """Score how far each label of each attribute can be trusted.

    Args:
        columns: One column an attribute, all over the same N artworks.
        groups: Duplicate group of each artwork, shape ``(N,)``.
        embedding: L2-normalised features of the images, shape ``(N, D)``, if there are any; a row of NaN
            where an image could not be read.
        folds: The fold that judged each artwork, shape ``(N,)``; -1 where none did.
        layers: Further features of the images, shape ``(N, S)``, on any scale, NaN likewise: statistics of
            the layers of a network, say. Neighbours are not looked for among them.
        verdicts: What reviewers found so far, by attribute; from some fifty on they move the scores.
        neighbours: The nearest artworks in this embedding, where they were found before.
        kinds: The kinds of error to learn from; leaving some out is for benchmarks.
        seed: Makes the result repeatable.

    Returns:
        The scores of each attribute, by its name. They do not depend on the order of artworks or classes.

    Raises:
        ValueError: The arrays disagree about the number of artworks.
    """
    _check_lengths(columns, groups, embedding)
    order = canonical_order(columns, groups, embedding)
    vectors = None if embedding is None else _centred(embedding[order.artworks])
    near = None if neighbours is None else order.neighbours(neighbours)
    if near is None and vectors is not None:
        near = find_neighbours(vectors, order.groups, seed=seed)
    parts = _parts(order.groups, None if folds is None else folds[order.artworks])
    sorted_columns = [order.column(column) for column in columns]
    scores = {}
    with threadpool_limits(1):  # many small products: threads wait for each other longer than they work
        further = None if layers is None else reduced(layers[order.artworks])
        misplaced = find_misplaced(sorted_columns, parts, seed) if MISPLACED in kinds else None
        for column, original in zip(sorted_columns, columns, strict=True):
            findings = None if verdicts is None else verdicts.get(column.attribute)
            models = prepare_models(
                column,
                groups=order.groups,
                embedding=vectors,
                layers=further,
                folds=parts,
                neighbours=near,
                related=tuple(related_attributes(column, sorted_columns, order.groups)),
            )
            scorer = Scorer(models, misplaced, parts, tuple(k for k in kinds if k != MISPLACED), seed)
            scored = scorer.score(None if findings is None else order.findings(findings, original))
            scores[column.attribute] = _restored(scored, order, original)
    return scores


@dataclass(frozen=True)
class Scorer:
    """Scores one attribute, in canonical order."""

    models: BaseModels
    misplaced: Misplaced | None
    parts: Ints
    kinds: tuple[str, ...]
    seed: int

    def score(self, findings: Findings | None) -> LabelScores:
        """Return the scores of the labels as they are."""
        column, groups = self.models.column, self.models.groups
        rng = np.random.default_rng(self.seed)
        judgement = judge_labels(self.models, self.parts, rng, kinds=self.kinds, findings=findings)
        judged = judgement.judged
        if self.misplaced is not None:
            judged = self.misplaced.joined_with(judged, column)
        wrong = judged.wrong if findings is None else learn_from(findings, column, judged)
        wrong = settle_conflicts(wrong, judged.rows, column.labels, groups)
        rows, reviewed = judged.rows, column.reviewed[judged.rows]
        alone, wrong = 1.0 - wrong, _after_review(wrong, reviewed)
        suggested = self._spread(judged.suggested, -1)
        p_label = self._spread(self_confidence(column.labels[rows], column.pred_probs[rows]), np.nan)
        p_suggested = np.full(len(suggested), np.nan)
        has = np.flatnonzero(suggested >= 0)
        p_suggested[has] = column.pred_probs[has, suggested[has]]
        moved = np.zeros(len(suggested)) if self.misplaced is None else self.misplaced.probability
        reasons = Reasons(judgement.posterior.refit, suggested, p_label, p_suggested, moved)
        return LabelScores(
            attribute=column.attribute,
            score=self._spread(1.0 - wrong, np.nan),
            suggested=suggested,
            p_label=p_label,
            p_suggested=p_suggested,
            kinds=judged.shares,
            before_review=self._spread(alone, np.nan),
            expected=_expected(wrong[reviewed == IMPORTED], judgement.rate),
            clarity=self._spread(clarity(judgement.posterior.log_probs), np.nan),
            _evidence=reasons.evidence,
            _reason=reasons.reason,
        )

    def _spread(self, values: NDArray[Any], missing: float) -> NDArray[Any]:
        """Return values of the scorable rows at all artworks."""
        full = np.full(len(self.models.column.labels), missing, dtype=values.dtype)
        full[self.models.column.scorable] = values
        return full


def _restored(scores: LabelScores, order: Canonical, original: LabelColumn) -> LabelScores:
    """Return scores at the caller's rows and in the caller's classes."""
    assert scores.before_review is not None and scores.clarity is not None
    return replace(
        scores,
        score=order.restore(scores.score),
        suggested=order.restore_classes(scores.suggested, original),
        p_label=order.restore(scores.p_label),
        p_suggested=order.restore(scores.p_suggested),
        before_review=order.restore(scores.before_review),
        clarity=order.restore(scores.clarity),
        _evidence=lambda row: scores.evidence(int(order.place[row])),
        _reason=lambda row: scores.reason(int(order.place[row])),
    )


def _expected(wrong: Floats, rate: ErrorRate) -> Estimate:
    """Return how many of these labels are wrong; the interval is as wide as the rate's, in proportion."""
    value = float(wrong.sum())
    low, high = value * rate.low / rate.value, value * rate.high / rate.value
    return Estimate(value, low, min(high, float(len(wrong))), 0, True)


def _after_review(wrong: Floats, reviewed: NDArray[np.int8]) -> Floats:
    """Lower the chance that a confirmed label is wrong; what evidence is left can still tell them apart."""
    odds = np.minimum(wrong / np.maximum(1.0 - wrong, 1e-9), STRONGEST_ODDS)
    kept = np.select([reviewed == value for value in ODDS_KEPT], list(ODDS_KEPT.values()), 1.0)
    lessened = odds * kept
    return np.where(reviewed == IMPORTED, wrong, lessened / (1.0 + lessened))


def _centred(embedding: NDArray[np.floating]) -> Matrix:
    """Take away the mean and normalise again: similarities spread out."""
    vectors: Matrix = embedding.astype(np.float32)
    usable = np.isfinite(vectors).all(axis=1)
    if usable.any():
        vectors = vectors - vectors[usable].mean(axis=0)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Matrix = vectors / np.where(length > 1e-6, length, np.float32(1.0))
    return unit


def _parts(groups: Ints, folds: Ints | None) -> Ints:
    """Part the artworks for cross-fitting, whole groups together: the run's folds, else five of our own."""
    count = min(PARTS, int(groups.max(initial=0)) + 1)
    if folds is None or (folds < 0).all():
        return groups % count
    return np.where(folds >= 0, folds, groups % (int(folds.max()) + 1))


def _check_lengths(
    columns: Sequence[LabelColumn], groups: Ints, embedding: NDArray[np.floating] | None
) -> None:
    lengths = {f"column {column.attribute}": len(column.labels) for column in columns}
    if embedding is not None:
        lengths["embedding"] = len(embedding)
    for name, length in lengths.items():
        if length != len(groups):
            raise ValueError(f"{name} has {length} artworks and groups {len(groups)}: they must agree.")
