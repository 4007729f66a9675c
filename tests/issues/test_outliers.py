"""Images unlike all others, far from everything or like no class at all; and images that look unusable."""

from __future__ import annotations

from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from curate.issues import LabelScores, atypical_scores, find_neighbours, outlier_scores, unusable_scores
from curate.training.image_issues import unusable_rows
from curate.training.label_issues import RunScores, issue_rows
from db.labels.attribute_labels import AttributeLabels
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


def test_images_of_no_clear_class_are_unusable_each_with_its_reason() -> None:
    """Five images: right, of another class, of two, unlike the rest, and of none."""
    score = np.array([0.95, 0.05, 0.1, 0.1, 0.1])
    clear = np.array([0.9, 0.9, 0.1, 0.1, 0.1])
    p_label, p_suggested = np.array([0.9, 0.1, 0.41, 0.1, 0.1]), np.array([0.1, 0.9, 0.45, 0.2, 0.2])
    scores = {
        "style": LabelScores("style", score, np.ones(5, dtype=np.int64), p_label, p_suggested, clarity=clear)
    }
    labels = AttributeLabels("style", ("I", "V"), np.zeros(5, dtype=np.int64), 0)
    ordinary = np.array([0.5, 0.5, 0.5, 0.01, 0.5])
    run = RunScores(scores, ordinary, np.full(5, 0.9), unusable_scores(list(scores.values())))

    rows = list(unusable_rows(table_of(5), {"style": labels}, run))

    assert [(row["artwork_id"], row["kind"], row["attribute_id"], row["reason"]) for row in rows] == [
        (3, "unusable", None, "not usable? it looks like two things: I 0.41, V 0.45"),
        (
            4,
            "unusable",
            None,
            "not usable? it looks like no class, and is unlike most: perhaps not of the subject",
        ),
        (5, "unusable", None, "not usable? it looks like no class (likeliest V, 0.20): blurred, blank?"),
    ]
    assert [row["score"] for row in rows] == pytest.approx([1 - 0.9 * 0.9] * 3)
