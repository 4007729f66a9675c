"""Images unlike all others: far from everything, or like no class at all."""

from __future__ import annotations

from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from curate.issues import atypical_scores, find_neighbours, outlier_scores
from curate.training.label_issues import RunScores, issue_rows
from db.labels.table import LabelTable


def table_of(count: int) -> LabelTable:
    ids = np.arange(1, count + 1)
    names = [str(i) for i in ids]
    return LabelTable(ids, [uuid4() for _ in ids], names, names, names, -ids, {}, {})


def rows_of(outliers: NDArray[np.float64], fits: NDArray[np.float64]) -> list[tuple[int, float, str]]:
    rows = issue_rows(table_of(len(fits)), {}, RunScores({}, outliers, fits, np.ones(len(fits))))
    return [(row["artwork_id"], row["score"], row["reason"]) for row in rows]


def test_far_images_and_images_of_no_class_are_outliers() -> None:
    outliers, fits = np.full(200, 0.5), np.full(200, 0.9)
    outliers[3], fits[7] = 0.0001, 0.05

    assert rows_of(outliers, fits) == [
        (4, 0.0001, "unlike everything else: its nearest ten are far away"),
        (8, 0.05, "looks like no class"),
    ]


def test_a_model_that_fits_nothing_does_not_make_outliers_of_all() -> None:
    fits: NDArray[np.float64] = np.linspace(0.09, 0.01, 300, dtype=np.float64)

    assert [row for row, _, _ in rows_of(np.full(300, np.nan), fits)] == [298, 299, 300]


def test_the_one_far_from_all_others_has_the_lowest_score() -> None:
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(60, 8)) * 0.05 + np.eye(8)[0]
    looks[17] = -np.eye(8)[0]
    unit = looks / np.linalg.norm(looks, axis=1, keepdims=True)

    scores = outlier_scores(find_neighbours(unit, np.arange(60)))

    assert np.nanargmin(scores) == 17
    assert scores[17] < 0.001


def test_atypical_is_the_largest_probability() -> None:
    probs = np.array([[0.2, 0.8], [0.5, 0.5], [np.nan, np.nan]])

    np.testing.assert_array_equal(atypical_scores(probs), [0.8, 0.5, np.nan])
