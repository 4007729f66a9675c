"""Score every label of every attribute; docs/ranking.md tells how and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from curate.issues.canonical import Canonical, canonical_order
from curate.issues.columns import ATYPICAL, IMPORTED, Findings, Floats, Ints, LabelColumn, LabelScores
from curate.issues.duplicates import settle_conflicts
from curate.issues.evidence import Witnesses, call_witnesses
from curate.issues.fusion import Fused, fuse
from curate.issues.judges import Matrix
from curate.issues.misplaced import Misplaced, find_misplaced
from curate.issues.neighbours import Neighbours, find_neighbours
from curate.issues.planting import KINDS, MISPLACED
from curate.issues.quality import best_other, fit_temperature, self_confidence, temper
from curate.issues.reasons import Reasons
from curate.issues.records import related_attributes
from curate.issues.verdicts import learn_from

ASSUMED_ERROR_RATE = 0.05  # where there is too little to learn from
PARTS = 5
DOUBT_KEPT = {1: 0.01, ATYPICAL: 0.001}  # what is left of the odds against a label that a reviewer upheld
STRONGEST_ODDS = 50.0


def score_labels(
    columns: Sequence[LabelColumn],
    *,
    groups: Ints,
    embedding: NDArray[np.floating] | None,
    folds: Ints | None,
    verdicts: Mapping[str, Findings] | None = None,
    neighbours: Neighbours | None = None,
    kinds: tuple[str, ...] = KINDS,
    seed: int,
) -> dict[str, LabelScores]:
    """Score how far each label of each attribute is to be trusted.

    Args:
        columns: One column an attribute, all over the same N artworks.
        groups: Duplicate group of each artwork, shape ``(N,)``.
        embedding: L2-normalised features of the images, shape ``(N, D)``, if there are any; a row of NaN
            where an image could not be read.
        folds: The fold that judged each artwork, shape ``(N,)``; -1 where none did.
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
    looks = None if embedding is None else _centred(embedding[order.artworks])
    near = None if neighbours is None else order.neighbours(neighbours)
    if near is None and looks is not None:
        near = find_neighbours(looks, order.groups, seed=seed)
    parts = _parts(order.groups, None if folds is None else folds[order.artworks])
    sorted_columns = [order.column(column) for column in columns]
    with threadpool_limits(1):
        misplaced = find_misplaced(sorted_columns, parts, seed) if MISPLACED in kinds else None
    scores = {}
    for column, original in zip(sorted_columns, columns, strict=True):
        findings = None if verdicts is None else verdicts.get(column.attribute)
        found = None if findings is None else order.findings(findings, original)
        with threadpool_limits(1):  # many small products: threads wait for each other longer than they work
            witnesses = call_witnesses(
                column,
                groups=order.groups,
                embedding=looks,
                folds=parts,
                neighbours=near,
                related=tuple(related_attributes(column, sorted_columns, order.groups)),
            )
            scores[column.attribute] = _score(
                witnesses, misplaced, parts, found, order, original, kinds, seed
            )
    return scores


def _score(
    witnesses: Witnesses,
    misplaced: Misplaced | None,
    parts: Ints,
    findings: Findings | None,
    order: Canonical,
    original: LabelColumn,
    kinds: tuple[str, ...],
    seed: int,
) -> LabelScores:
    """Score one attribute in canonical order, and hand it back in the caller's."""
    column = witnesses.column
    rng = np.random.default_rng(seed)
    kinds = tuple(kind for kind in kinds if kind != MISPLACED)
    fused = fuse(witnesses, parts, rng, findings=findings, kinds=kinds) or _without_learning(column)
    if misplaced is not None:
        fused = misplaced.heeded(fused, column)
    wrong = fused.wrong
    if findings is not None:
        wrong = learn_from(findings, witnesses, fused)
    wrong = settle_conflicts(wrong, fused.rows, column.labels, order.groups)
    count = len(column.labels)
    score, unheeded, p_label, p_suggested = (np.full(count, np.nan) for _ in range(4))
    unheeded[fused.rows] = 1.0 - wrong
    wrong = _upheld(wrong, column.reviewed[fused.rows])
    suggested = np.full(count, -1, dtype=np.int64)
    score[fused.rows], suggested[fused.rows] = 1.0 - wrong, fused.suggested
    p_label[fused.rows] = self_confidence(column.labels[fused.rows], column.pred_probs[fused.rows])
    has = np.flatnonzero(suggested >= 0)
    p_suggested[has] = column.pred_probs[has, suggested[has]]
    moved = np.zeros(count) if misplaced is None else misplaced.probability
    reasons = Reasons(witnesses, witnesses.hear(column.labels), suggested, p_label, p_suggested, moved)
    return LabelScores(
        attribute=column.attribute,
        score=order.restore(score),
        suggested=order.restore_classes(suggested, original),
        p_label=order.restore(p_label),
        p_suggested=order.restore(p_suggested),
        kinds=fused.shares,
        unheeded=order.restore(unheeded),
        _evidence=lambda row: reasons.evidence(int(order.place[row])),
        _reason=lambda row: reasons.reason(int(order.place[row])),
    )


def _without_learning(column: LabelColumn) -> Fused:
    """Judge by the model's calibrated confidence alone: there are too few labels to learn more."""
    rows = np.flatnonzero(column.scorable)
    labels, pred_probs = column.labels[rows], np.asarray(column.pred_probs[rows], dtype=np.float64)
    calibrated = temper(pred_probs, fit_temperature(labels, pred_probs))
    suggested, _ = best_other(labels, calibrated)
    confidence = self_confidence(labels, calibrated)
    right = probability_right(confidence, len(column.classes))
    return Fused(rows, 1.0 - right, suggested, {})


def probability_right(confidence: Floats, width: int, error_rate: float = ASSUMED_ERROR_RATE) -> Floats:
    """Turn the calibrated probability of the given label into the probability that it is right.

    By Bayes, when a share ``error_rate`` of the labels was replaced by any other class alike: an image
    may well show something rare, but a wrong label is rarer still.
    """
    kept = confidence * (1 - error_rate)
    replaced = (1 - confidence) * error_rate / max(width - 1, 1)
    right: Floats = kept / np.maximum(kept + replaced, 1e-12)
    return right


def _upheld(wrong: Floats, reviewed: NDArray[np.int8]) -> Floats:
    """Doubt labels that a reviewer upheld far less; what evidence stays can still tell them apart."""
    odds = np.minimum(wrong / np.maximum(1.0 - wrong, 1e-9), STRONGEST_ODDS)
    kept = np.select([reviewed == value for value in DOUBT_KEPT], list(DOUBT_KEPT.values()), 1.0)
    lessened = odds * kept
    return np.where(reviewed == IMPORTED, wrong, lessened / (1.0 + lessened))


def _centred(embedding: NDArray[np.floating]) -> Matrix:
    """Take away the mean and normalise again: similarities spread out, which every judge here wants."""
    looks: Matrix = embedding.astype(np.float32)
    usable = np.isfinite(looks).all(axis=1)
    if usable.any():
        looks = looks - looks[usable].mean(axis=0)
    length = np.linalg.norm(looks, axis=1, keepdims=True)
    unit: Matrix = looks / np.where(length > 1e-6, length, np.float32(1.0))
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
