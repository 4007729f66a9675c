"""Labels against predictions: scikit-learn's numbers, with intervals drawn by duplicate group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    recall_score,
)

from curate.evaluation.predictions import AttributePredictions, Floats, Ints, Labels
from model.calibration import calibration_error

RESAMPLES = 300
BINS = 15
"""Bins of equal width of the reliability curve."""
TOP = 5


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True)
class LabelMetrics:
    """How a run's predictions of one attribute agree with one set of labels; shares are in 0..1.

    Macro averages are over the classes that have a label, so that balanced accuracy is macro recall.

    Attributes:
        n: Labels evaluated.
        classes: Classes of the run; ``present`` of them have a label.
        coverage: Labels evaluated, of all labels whose prediction is out of sample or whose class the run
            does not know.
        majority: Accuracy of always saying the commonest class.
        top5: Share of labels among the five likeliest classes; None with five classes or fewer.
        ece: Expected calibration error of the likeliest class's probability, 15 bins of equal width.
    """

    n: int
    classes: int
    present: int
    coverage: float
    accuracy: float
    accuracy_interval: Interval
    top5: float | None
    macro_f1: float
    macro_f1_interval: Interval
    weighted_f1: float
    weighted_precision: float
    weighted_recall: float
    balanced_accuracy: float
    majority: float
    ece: float
    mean_confidence: float


def evaluate_labels(
    predictions: AttributePredictions, labels: Labels, groups: Ints, seed: int = 0
) -> LabelMetrics | None:
    """Return the metrics of one attribute against one set of labels, None where there is nothing to compare.

    Args:
        predictions: What the run says of N artworks.
        labels: ``predictions.corrected`` or ``predictions.imported``.
        groups: Duplicate groups, shape ``(N,)``; intervals resample them whole.
        seed: Seed of the resampling.
    """
    rows = predictions.evaluated(labels)
    if len(rows) == 0:
        return None
    true, said = labels.classes[rows], predictions.predicted[rows]
    present = np.unique(true)
    precision, recall, f1, _ = precision_recall_fscore_support(
        true, said, labels=present, average="weighted", zero_division=0
    )
    accuracies, f1s = bootstrap(true, said, groups[rows], seed)
    width = len(predictions.keys)
    return LabelMetrics(
        n=len(rows),
        classes=width,
        present=len(present),
        coverage=len(rows) / (len(rows) + labels.uncovered),
        accuracy=float(accuracy_score(true, said)),
        accuracy_interval=interval(accuracies),
        top5=float((labels.rank[rows] < TOP).mean()) if width > TOP else None,
        macro_f1=float(f1_score(true, said, labels=present, average="macro", zero_division=0)),
        macro_f1_interval=interval(f1s),
        weighted_f1=float(f1),
        weighted_precision=float(precision),
        weighted_recall=float(recall),
        balanced_accuracy=float(recall_score(true, said, labels=present, average="macro", zero_division=0)),
        majority=float(DummyClassifier(strategy="most_frequent").fit(true, true).score(true, true)),
        ece=calibration_error(true == said, predictions.confidence[rows], BINS),
        mean_confidence=float(predictions.confidence[rows].mean()),
    )


def bootstrap(true: Ints, said: Ints, groups: Ints, seed: int) -> tuple[Floats, Floats]:
    """Return accuracies and macro F1 of resamples that draw duplicate groups whole, each ``(RESAMPLES,)``.

    Labels and predictions are counted in cells first: a resample costs the cells, not the artworks.
    """
    cells, cell = np.unique(np.stack([true, said]), axis=1, return_inverse=True)
    right = cells[0] == cells[1]
    width = int(cells.max()) + 1
    accuracies, f1s = np.empty(RESAMPLES), np.empty(RESAMPLES)
    for turn, drawn in enumerate(resampled(groups, seed)):
        weights = np.bincount(cell.ravel(), weights=drawn, minlength=len(right))
        hits = np.bincount(cells[0][right], weights=weights[right], minlength=width)
        given = np.bincount(cells[0], weights=weights, minlength=width)
        predicted = np.bincount(cells[1], weights=weights, minlength=width)
        present = given > 0
        accuracies[turn] = weights[right].sum() / weights.sum()
        f1s[turn] = (2 * hits[present] / (given + predicted)[present]).mean()
    return accuracies, f1s


def resampled(groups: Ints, seed: int) -> Iterator[Floats]:
    """Yield how often each artwork is drawn in each resample of whole groups, ``(N,)`` each."""
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    rng = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield np.bincount(rng.integers(count, size=count), minlength=count)[index].astype(np.float64)


def interval(draws: Floats) -> Interval:
    """Return the middle 95 % of the draws."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(low), float(high))


def reliability(true: Ints, said: Ints, confidence: Floats) -> pd.DataFrame:
    """Return the reliability curve of the likeliest class: a row a bin that has predictions.

    Columns: ``confidence`` (mean), ``accuracy``, ``n``, ``share`` of all predictions.
    """
    accuracy, mean = calibration_curve(true == said, confidence.clip(0, 1), n_bins=BINS, strategy="uniform")
    edges = np.linspace(0, 1, BINS + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence.clip(0, 1)), minlength=BINS)
    counts = counts[counts > 0]
    return pd.DataFrame(
        {"confidence": mean, "accuracy": accuracy, "n": counts, "share": counts / counts.sum()}
    )


def confusion(predictions: AttributePredictions, labels: Labels) -> Ints:
    """Return counts, shape ``(K, K)``: rows are labels, columns predictions."""
    rows = predictions.evaluated(labels)
    width = len(predictions.keys)
    if len(rows) == 0:
        return np.zeros((width, width), dtype=np.int64)
    matrix: Ints = confusion_matrix(labels.classes[rows], predictions.predicted[rows], labels=range(width))
    return matrix


def per_class(predictions: AttributePredictions, labels: Labels) -> pd.DataFrame:
    """Return precision, recall, F1 and support of each class, commonest first.

    ``taken_for`` is the class that its artworks are most often taken for, blank where they never are.
    """
    rows = predictions.evaluated(labels)
    width = range(len(predictions.keys))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels.classes[rows], predictions.predicted[rows], labels=width, zero_division=0
    )
    wrong = confusion(predictions, labels).copy()
    np.fill_diagonal(wrong, 0)
    taken = [predictions.names[i] if n else "" for i, n in zip(wrong.argmax(1), wrong.max(1), strict=True)]
    frame = pd.DataFrame(
        {
            "class": predictions.keys,
            "name": predictions.names,
            "support": support,
            "predicted": np.bincount(predictions.predicted[rows], minlength=len(width)),
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "taken_for": taken,
        }
    )
    return frame.sort_values(["support", "class"], ascending=[False, True], ignore_index=True)
