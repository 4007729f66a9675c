from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from model.calibration import apply_temperature, calibration_error, fit_temperature
from model.evaluate import metrics


def drawn(count: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Labels drawn from known probabilities, and those probabilities made too sure by ``sharpness``."""
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.ones(4), count).astype(np.float32)
    labels = np.array([rng.choice(4, p=row / row.sum()) for row in true.astype(np.float64)])
    return labels, apply_temperature(true, 1 / sharpness)


def error(labels: np.ndarray, pred_probs: np.ndarray) -> float:  # type: ignore[type-arg]
    return calibration_error(pred_probs.argmax(axis=1) == labels, pred_probs.max(axis=1))


def test_metrics_equal_scikit_learns_and_skip_missing_and_unreadable_rows() -> None:
    labels, probabilities = drawn(300, 1.0)
    labels[:20] = -1
    probabilities[20:30] = np.nan
    kept = np.arange(30, 300)

    found = metrics(labels, probabilities, np.arange(300) % 5, unscored=20)

    predicted = probabilities[kept].argmax(axis=1)
    assert found["n"] == 270
    assert found["accuracy"] == pytest.approx((predicted == labels[kept]).mean())
    assert found["macro_f1"] == pytest.approx(f1_score(labels[kept], predicted, average="macro"))
    assert found["weighted_f1"] == pytest.approx(f1_score(labels[kept], predicted, average="weighted"))
    assert found["majority"] == pytest.approx(np.bincount(labels[kept]).max() / 270)
    assert found["coverage"] == pytest.approx(270 / 300)


def test_an_attribute_without_scored_labels_has_zeroes_not_errors() -> None:
    found = metrics(np.full(3, -1), np.full((3, 2), 0.5, np.float32), np.arange(3))

    assert (found["n"], found["accuracy"], found["temperature"]) == (0, 0.0, 1.0)


def test_a_temperature_mends_probabilities_that_are_too_sure() -> None:
    labels, probabilities = drawn(4000, 3.0)

    temperature = fit_temperature(labels, probabilities)

    assert temperature == pytest.approx(3.0, rel=0.1)
    assert error(labels, probabilities) > 0.15
    assert error(labels, apply_temperature(probabilities, temperature)) < 0.03
