from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from curate.issues import LabelColumn, score_labels, self_confidence


def column(
    labels: NDArray[np.int64], pred_probs: NDArray[np.float64], attribute: str = "style"
) -> LabelColumn:
    classes = tuple(f"class {index}" for index in range(pred_probs.shape[1]))
    return LabelColumn(attribute, classes, labels, pred_probs, np.zeros(len(labels), dtype=np.int8))


def planted_column(seed: int = 0) -> tuple[LabelColumn, NDArray[np.int64], NDArray[np.int64]]:
    """400 labels of five classes, 20 of them flipped; also which, and the true classes."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 5, size=400)
    pred_probs = np.full((400, 5), 0.05)
    pred_probs[np.arange(400), true] = 0.80
    planted = rng.choice(400, size=20, replace=False)
    given = true.copy()
    given[planted] = (true[planted] + 1) % 5
    return column(given, pred_probs), planted, true


def test_planted_label_errors_rank_first() -> None:
    """Flip 20 of 400 labels; all 20 must come before every untouched one."""
    given, planted, true = planted_column()

    scores = score_labels([given], groups=np.arange(400), embedding=None, folds=None, seed=0)["style"]

    worst = np.argsort(scores.score, kind="stable")[:20]
    assert set(worst) == set(planted)
    np.testing.assert_array_equal(scores.suggested[planted], true[planted])


def test_self_confidence_is_nan_without_a_label_or_a_prediction() -> None:
    pred_probs = np.array([[0.9, 0.1], [0.8, 0.2], [np.nan, np.nan]])

    scores = self_confidence(np.array([0, -1, 1]), pred_probs)

    np.testing.assert_array_equal(scores, [0.9, np.nan, np.nan])


def test_label_outside_the_classes_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        self_confidence(np.array([0, 7]), np.full((2, 3), 1 / 3))

    assert str(caught.value) == "Label 7 at row 1 is outside 0..2 (1 such rows)."


def test_disagreeing_shapes_are_refused() -> None:
    with pytest.raises(ValueError) as caught:
        column(np.zeros(3, dtype=np.int64), np.full((2, 3), 1 / 3))

    assert str(caught.value) == (
        "pred_probs of style have shape (2, 3), expected (3, 3): one row a label and one column a class."
    )
