"""From a run's probabilities to what the catalog keeps: a score for each label, issues for the doubted ones.

Nothing here reads a path or a file name: they spell the labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curate.issues import (
    IMPORTED,
    Findings,
    LabelColumn,
    LabelScores,
    atypical_scores,
    find_neighbours,
    outlier_scores,
    score_labels,
)
from db.labels.attribute_labels import AttributeLabels
from db.labels.table import LabelTable
from db.provenance import OUT_OF_SAMPLE
from db.reviews.findings import Found
from db.runs.issues import DOUBTED_BELOW, UNHEEDED

if TYPE_CHECKING:
    from model.training.train import RunResult

WORST_SHARE, WORST_COUNT = 0.1, 20
"""A label becomes an issue below ``DOUBTED_BELOW``, or when it is among the worst of its attribute, by share
and at least so many: so a budget is filled."""

OUTLIER_BELOW = 0.001
"""An artwork becomes an outlier when so few would lie as far from their neighbours by chance."""

FITS_BELOW, FITS_SHARE = 0.1, 0.01
"""… or when it looks like no class of any attribute (the seed's "atypical"): how far the likeliest class is
from chance (0) to certainty (1); at most so large a share of the artworks, since a weak model fits none."""


@dataclass(frozen=True)
class RunScores:
    """A run's findings about labels, by attribute, and about images.

    Attributes:
        scores: The label scores.
        outliers: How ordinary each image is, shape ``(N,)``; see ``outlier_scores``.
        fits: How well the class that suits it best does, from chance (0) to certainty (1), shape ``(N,)``.
    """

    scores: Mapping[str, LabelScores]
    outliers: NDArray[np.float64]
    fits: NDArray[np.float64]


def score_run(
    table: LabelTable,
    columns: Mapping[str, AttributeLabels],
    result: RunResult,
    folds: NDArray[np.int64],
    found: Mapping[str, Found],
    seed: int,
) -> RunScores:
    """Score every label whose probability is out of sample, and every image."""
    in_sample = ~np.isin(result.provenance, OUT_OF_SAMPLE)
    label_columns = []
    for at, (name, column) in enumerate(columns.items()):
        probs = np.array(result.pred_probs[name], dtype=np.float64)
        probs[in_sample] = np.nan
        margins = _mean_margin(result.margins[:, :, at].astype(np.float64))
        label_columns.append(
            LabelColumn(
                name,
                column.classes,
                column.labels,
                probs,
                table.review_state[name],
                margins,
                codes=table.labels[name],
            )
        )
    neighbours = find_neighbours(result.embedding, table.groups, seed=seed)
    scores = score_labels(
        label_columns,
        groups=table.groups,
        embedding=result.embedding,
        folds=folds,
        verdicts={name: _findings(table, column, found.get(name)) for name, column in columns.items()},
        neighbours=neighbours,
        seed=seed,
    )
    return RunScores(scores, outlier_scores(neighbours), _fits(label_columns))


def _fits(columns: Sequence[LabelColumn]) -> NDArray[np.float64]:
    """Return how far beyond chance the likeliest class of any attribute is, shape ``(N,)``."""
    beyond = []
    for column in columns:
        chance = 1.0 / len(column.classes)
        beyond.append((atypical_scores(column.pred_probs) - chance) / (1.0 - chance))
    fits: NDArray[np.float64] = np.fmax.reduce(beyond)
    return fits


def _mean_margin(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the epochs that were trained, shape ``(N,)``; 0 where no model trained on it."""
    known = np.isfinite(margins)
    total: NDArray[np.float64] = np.where(known, margins, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return total


def _findings(table: LabelTable, column: AttributeLabels, found: Found | None) -> Findings:
    """Return what reviewers found in the run's own rows and columns; what is in neither is left out."""
    if found is None:
        nothing = np.empty(0, dtype=np.int64)
        return Findings(nothing, nothing, nothing.astype(np.bool_))
    index = {class_id: i for i, class_id in enumerate(column.class_ids.tolist())}
    rows = table.rows_of(found.artwork_ids)
    given = np.array([index.get(class_id, -1) for class_id in found.given_ids.tolist()], dtype=np.int64)
    known = (rows >= 0) & (given >= 0)
    return Findings(rows[known], given[known], found.wrong[known])


def prediction_rows(
    table: LabelTable,
    columns: Mapping[str, AttributeLabels],
    result: RunResult,
    folds: NDArray[np.int64],
    scored_run: RunScores,
) -> Iterator[dict[str, Any]]:
    """Yield one row an artwork and attribute; artworks whose image could not be read have none."""
    for name, column in columns.items():
        probs, scored = result.pred_probs[name], scored_run.scores[name]
        for row in np.flatnonzero(np.isfinite(probs).all(axis=1)):
            best, given = int(probs[row].argmax()), int(column.labels[row])
            instead = int(scored.suggested[row])
            has_score = np.isfinite(scored.score[row])
            yield {
                "artwork_id": int(table.artwork_ids[row]),
                "attribute_id": column.attribute_id,
                "fold": int(folds[row]) if folds[row] >= 0 else None,
                "provenance": str(result.provenance[row]),
                "predicted_id": int(column.class_ids[best]),
                "p_predicted": float(probs[row, best]),
                "class_id": int(column.class_ids[given]) if given >= 0 else None,
                "p_label": float(probs[row, given]) if given >= 0 else None,
                "score": float(scored.score[row]) if has_score else None,
                "suggested_id": int(column.class_ids[instead]) if instead >= 0 else None,
                "p_suggested": float(probs[row, instead]) if instead >= 0 else None,
            }


def issue_rows_of(scored: LabelScores, review_state: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return the rows of one attribute whose labels become issues, worst first; reviewed ones come last.

    A label that a reviewer upheld is among them where the evidence alone speaks against it: whether that has
    grown enough since to ask again, ``replace_issues`` knows.
    """
    known = np.isfinite(scored.score) & (scored.suggested >= 0)
    rows = np.flatnonzero(known & (review_state == IMPORTED))
    rows = rows[np.argsort(scored.score[rows], kind="stable")]
    worst = max(WORST_COUNT, int(WORST_SHARE * len(rows)))
    doubted = rows[(scored.score[rows] < DOUBTED_BELOW) | (np.arange(len(rows)) < worst)]
    upheld = np.flatnonzero(known & (review_state != IMPORTED) & (_unheeded(scored) < DOUBTED_BELOW))
    return np.concatenate([doubted, upheld])


def _unheeded(scored: LabelScores) -> NDArray[np.float64]:
    return scored.score if scored.unheeded is None else scored.unheeded


def issue_rows(
    table: LabelTable, columns: Mapping[str, AttributeLabels], scored_run: RunScores
) -> Iterator[dict[str, Any]]:
    """Yield one row a doubted label, and one an image that is unlike all others."""
    for name, column in columns.items():
        scored = scored_run.scores[name]
        for row in issue_rows_of(scored, table.review_state[name]):
            evidence, reason = scored.evidence(int(row)), scored.reason(int(row))
            if table.review_state[name][row] != IMPORTED:
                evidence[UNHEEDED] = float(_unheeded(scored)[row])
                reason = f"found right before, but more speaks against it now: {reason}"
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
    yield from _outlier_rows(table, scored_run)


def _outlier_rows(table: LabelTable, scored_run: RunScores) -> Iterator[dict[str, Any]]:
    """Yield one row an image that is far from all others, or looks like no class at all."""
    far = scored_run.outliers < OUTLIER_BELOW
    unlike = np.flatnonzero(scored_run.fits < FITS_BELOW)
    unlike = unlike[np.argsort(scored_run.fits[unlike], kind="stable")][: int(FITS_SHARE * len(table))]
    for row in np.union1d(np.flatnonzero(far), unlike):
        reason = "unlike everything else: its nearest ten are far away" if far[row] else "looks like no class"
        evidence = {"outlier_score": scored_run.outliers[row], "fits_some_class": scored_run.fits[row]}
        yield {
            "artwork_id": int(table.artwork_ids[row]),
            "attribute_id": None,
            "kind": "outlier",
            "score": float(scored_run.outliers[row] if far[row] else max(scored_run.fits[row], 0.0)),
            "class_id": None,
            "suggested_id": None,
            "p_label": None,
            "p_suggested": None,
            "reason": reason,
            "evidence": {name: float(value) for name, value in evidence.items() if np.isfinite(value)},
        }
