"""From a run's probabilities to what the catalog keeps: a score for each label, issues for the flagged ones.

Nothing here reads a path or a file name: they spell the labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.issues import (
    IMPORTED,
    Findings,
    LabelColumn,
    LabelScores,
    atypical_scores,
    evidence_only,
    find_neighbours,
    outlier_scores,
    score_labels,
    unusable_scores,
)
from curate.training.image_issues import outlier_rows, unusable_rows
from curate.training.predicted import Predicted
from db.labels.attribute_labels import AttributeLabels
from db.labels.table import LabelTable
from db.provenance import OUT_OF_SAMPLE
from db.reviews.findings import ReviewedLabels
from db.runs.issues import BEFORE_REVIEW, FLAGGED_BELOW

FEWEST_FLAGGED = 20
"""A label becomes an issue below ``FLAGGED_BELOW``, or when it is among the worst of its attribute: as many
as may be wrong by the estimate's upper end, and at least this many, so that a budget can be filled."""


@dataclass(frozen=True)
class RunScores:
    """A run's findings about labels, by attribute, and about images.

    Attributes:
        scores: The label scores.
        outliers: How ordinary each image is, shape ``(N,)``; see ``outlier_scores``.
        fits: How well the class that suits it best does, from chance (0) to certainty (1), shape ``(N,)``.
        usable: How likely each image is of use, shape ``(N,)``; see ``unusable_scores``.
    """

    scores: Mapping[str, LabelScores]
    outliers: NDArray[np.float64]
    fits: NDArray[np.float64]
    usable: NDArray[np.float64]


def score_run(
    table: LabelTable,
    columns: Mapping[str, AttributeLabels],
    result: Predicted,
    folds: NDArray[np.int64],
    findings: Mapping[str, ReviewedLabels],
    seed: int,
) -> RunScores:
    """Score every label whose probability is out of sample, and every image."""
    in_sample = ~np.isin(result.provenance, OUT_OF_SAMPLE)
    label_columns = []
    for at, (name, column) in enumerate(columns.items()):
        probs = np.array(result.pred_probs[name], dtype=np.float64)
        probs[in_sample] = np.nan
        margins = mean_margin(result.margins[:, :, at].astype(np.float64))
        label_columns.append(
            LabelColumn(
                attribute=name,
                classes=column.classes,
                labels=column.labels,
                pred_probs=probs,
                reviewed=table.review_state[name],
                margins=margins,
                codes=table.labels[name],
            )
        )
    fits = _fits(label_columns)
    for name, codes in table.labels.items():
        if name not in columns and (codes >= 0).any():
            label_columns.append(evidence_only(name, codes))
    label_columns.sort(key=lambda column: column.attribute)
    neighbours = None
    ordinary: NDArray[np.float64] = np.full(len(table), np.nan)
    if result.embedding is not None:
        neighbours = find_neighbours(result.embedding, table.groups, seed=seed)
        ordinary = outlier_scores(neighbours)
    scores = score_labels(
        label_columns,
        groups=table.groups,
        embedding=result.embedding,
        layers=result.layers,
        folds=folds,
        verdicts={name: _findings(table, column, findings.get(name)) for name, column in columns.items()},
        neighbours=neighbours,
        seed=seed,
    )
    return RunScores(scores, ordinary, fits, unusable_scores(list(scores.values())))


def _fits(columns: Sequence[LabelColumn]) -> NDArray[np.float64]:
    """Return how far beyond chance the likeliest class of any attribute is, shape ``(N,)``."""
    beyond = []
    for column in columns:
        chance = 1.0 / len(column.classes)
        beyond.append((atypical_scores(column.pred_probs) - chance) / (1.0 - chance))
    fits: NDArray[np.float64] = np.fmax.reduce(beyond)
    return fits


def mean_margin(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the first half of the epochs, shape ``(N,)``; NaN where no model trained on it.

    Later, the networks have learnt the wrong labels too.
    """
    early = margins[: (len(margins) + 1) // 2]
    trained = np.isfinite(early)
    total = np.where(trained, early, 0.0).sum(axis=0)
    missing = np.full(margins.shape[1], np.nan)
    mean: NDArray[np.float64] = np.divide(total, trained.sum(axis=0), out=missing, where=trained.any(axis=0))
    return mean


def _findings(table: LabelTable, column: AttributeLabels, reviewed: ReviewedLabels | None) -> Findings:
    """Return what reviewers found in the run's own rows and columns; what is in neither is left out."""
    if reviewed is None:
        nothing = np.empty(0, dtype=np.int64)
        return Findings(nothing, nothing, nothing.astype(np.bool_))
    index = {class_id: i for i, class_id in enumerate(column.class_ids.tolist())}
    rows = table.rows_of(reviewed.artwork_ids)
    given = np.array([index.get(class_id, -1) for class_id in reviewed.given_ids.tolist()], dtype=np.int64)
    inside = (rows >= 0) & (given >= 0)
    return Findings(rows[inside], given[inside], reviewed.wrong[inside])


def prediction_rows(
    table: LabelTable,
    columns: Mapping[str, AttributeLabels],
    result: Predicted,
    folds: NDArray[np.int64],
    scored_run: RunScores,
) -> Iterator[dict[str, Any]]:
    """Yield one row an artwork and attribute; artworks whose image could not be read have none."""
    for name, column in columns.items():
        probs, scored = result.pred_probs[name], scored_run.scores[name]
        rows = np.flatnonzero(np.isfinite(probs).all(axis=1))
        predicted = probs[rows]
        best, given, instead = predicted.argmax(axis=1), column.labels[rows], scored.suggested[rows]
        at, ids = np.arange(len(rows)), [*column.class_ids.tolist(), None]  # the last for -1
        values = {
            "artwork_id": table.artwork_ids[rows].tolist(),
            "attribute_id": [column.attribute_id] * len(rows),
            "fold": _or_none(folds[rows], folds[rows] >= 0),
            "provenance": result.provenance[rows].tolist(),
            "predicted_id": [ids[place] for place in best.tolist()],
            "p_predicted": predicted[at, best].tolist(),
            "class_id": [ids[place] for place in given.tolist()],
            "p_label": _or_none(predicted[at, given], given >= 0),
            "score": _or_none(scored.score[rows], np.isfinite(scored.score[rows])),
            "suggested_id": [ids[place] for place in instead.tolist()],
            "p_suggested": _or_none(predicted[at, instead], instead >= 0),
        }
        for row in zip(*values.values(), strict=True):
            yield dict(zip(values, row, strict=True))


def _or_none(values: NDArray[Any], present: NDArray[np.bool_]) -> list[Any]:
    """Return values as Python's own, None where there is none."""
    return [value if there else None for value, there in zip(values.tolist(), present.tolist(), strict=True)]


def issue_rows_of(scored: LabelScores, review_state: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return the rows of one attribute whose labels become issues, worst first; reviewed ones come last.

    A label that a reviewer confirmed is among them where the evidence alone speaks against it: whether that
    has grown enough since to ask again, ``replace_issues`` knows.
    """
    judged = np.isfinite(scored.score) & (scored.suggested >= 0)
    rows = np.flatnonzero(judged & (review_state == IMPORTED))
    rows = rows[np.argsort(scored.score[rows], kind="stable")]
    worst = max(FEWEST_FLAGGED, round(scored.expected.high))
    flagged = rows[(scored.score[rows] < FLAGGED_BELOW) | (np.arange(len(rows)) < worst)]
    confirmed = np.flatnonzero(judged & (review_state != IMPORTED) & (_before_review(scored) < FLAGGED_BELOW))
    return np.concatenate([flagged, confirmed])


def _before_review(scored: LabelScores) -> NDArray[np.float64]:
    return scored.score if scored.before_review is None else scored.before_review


def issue_rows(
    table: LabelTable, columns: Mapping[str, AttributeLabels], scored_run: RunScores
) -> Iterator[dict[str, Any]]:
    """Yield one row a flagged label, one an image that is unlike all others, one that looks unusable."""
    for name, column in columns.items():
        scored = scored_run.scores[name]
        for row in issue_rows_of(scored, table.review_state[name]):
            evidence, reason = scored.evidence(int(row)), scored.reason(int(row))
            if table.review_state[name][row] != IMPORTED:
                evidence[BEFORE_REVIEW] = float(_before_review(scored)[row])
                again = "found right before, but more speaks against it now"
                reason = f"{reason}; {again}" if reason else again
            yield {
                "artwork_id": int(table.artwork_ids[row]),
                "attribute_id": column.attribute_id,
                "kind": "label",
                "score": float(scored.score[row]),
                "class_id": int(column.class_ids[column.labels[row]]),
                "suggested_id": int(column.class_ids[scored.suggested[row]]),
                "p_label": float(scored.p_label[row]),
                "p_suggested": float(scored.p_suggested[row]),
                "reason": reason,
                "evidence": evidence,
            }
    yield from outlier_rows(table, scored_run)
    yield from unusable_rows(table, columns, scored_run)
