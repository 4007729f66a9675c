"""Two or more runs on the artworks that all of them predicted out of sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from curate.evaluation.metrics import Interval, interval, resampled
from curate.evaluation.predictions import AttributePredictions, Bools, Floats, Ints, RunPredictions
from curate.evaluation.run import THRESHOLD


@dataclass(frozen=True)
class Pair:
    """A run against the first one, on the same labels of the same artworks.

    Attributes:
        gained: Artworks that only this run gets right, ``lost``: that only the first one does.
        difference: Accuracy less that of the first run; its interval resamples duplicate groups.
        p_value: McNemar's exact test: how likely so uneven a split of gained and lost is by chance.
    """

    run: int
    gained: int
    lost: int
    difference: float
    difference_interval: Interval
    p_value: float


@dataclass(frozen=True)
class AttributeComparison:
    """One attribute of several runs; lists and arrays are in the order of the runs.

    Attributes:
        n: Labels that all runs predicted out of sample and whose class all runs know.
        flagged: Labels with a probability below the threshold.
        rows: Rows of the first run's predictions that were compared, shape ``(n,)``.
        right: Which runs are right, shape ``(R, n)``.
        predicted: Class ids, shape ``(R, n)``.
        labels: Class ids, shape ``(n,)``.
        names: Display names by class id.
    """

    attribute: str
    n: int
    accuracy: list[float]
    macro_f1: list[float]
    flagged: list[int]
    pairs: list[Pair]
    rows: Ints
    right: Bools
    predicted: Ints
    labels: Ints
    names: Mapping[int, str]

    def changed(self, run: int) -> pd.DataFrame:
        """Return the artworks where a run differs from the first in being right: ``row``, ``gained``."""
        differ = np.flatnonzero(self.right[run] != self.right[0])
        return pd.DataFrame({"row": self.rows[differ], "at": differ, "gained": self.right[run][differ]})


@dataclass(frozen=True)
class Comparison:
    """Several runs side by side, the first one the baseline.

    Attributes:
        budget: How many of each run's worst artworks are looked at in ``overlap``.
        overlap: Of each run's ``budget`` least likely labels, the share that the first run has too.
    """

    runs: Sequence[RunPredictions]
    attributes: Mapping[str, AttributeComparison]
    flagged_artworks: list[int]
    budget: int
    overlap: list[float]

    def as_record(self) -> dict[str, Any]:
        """Return the numbers as scripts read them."""
        runs = [{"run": p.run.id, "backbone": p.run.backbone, "protocol": p.run.protocol} for p in self.runs]
        return {
            "runs": runs,
            "threshold": {"below": THRESHOLD, "flagged_artworks": self.flagged_artworks},
            "budget": {"artworks": self.budget, "overlap": self.overlap},
            "attributes": {name: _record(one) for name, one in self.attributes.items()},
        }


def _record(one: AttributeComparison) -> dict[str, Any]:
    return {
        "n": one.n,
        "accuracy": one.accuracy,
        "macro_f1": one.macro_f1,
        "flagged": one.flagged,
        "pairs": [
            {**vars(pair), "difference_interval": list(pair.difference_interval)} for pair in one.pairs
        ],
    }


def compare_runs(runs: Sequence[RunPredictions], budget: int = 100, seed: int = 0) -> Comparison:
    """Compare runs attribute by attribute on the labels as they are now.

    Args:
        runs: Two or more; the others are compared with the first.
        budget: How many artworks a review could look at.
        seed: Seed of the intervals' resampling.
    """
    shared = [name for name in runs[0].attributes if all(name in run.attributes for run in runs[1:])]
    by_attribute = {}
    for name in shared:
        one = _compare_attribute(name, runs, seed)
        if one is not None:
            by_attribute[name] = one
    worst = [_worst_artworks(run, budget) for run in runs]
    overlap = [len(worst[0] & other) / max(len(other), 1) for other in worst]
    return Comparison(runs, by_attribute, [_flagged_artworks(run) for run in runs], budget, overlap)


def _compare_attribute(name: str, runs: Sequence[RunPredictions], seed: int) -> AttributeComparison | None:
    columns = [run.attributes[name] for run in runs]
    ids = [run.artwork_ids[one.evaluated(one.corrected)] for run, one in zip(runs, columns, strict=True)]
    common = ids[0]
    for other in ids[1:]:
        common = np.intersect1d(common, other, assume_unique=True)
    if len(common) == 0:
        return None
    at = [np.searchsorted(run.artwork_ids, common) for run in runs]
    labels = columns[0].class_ids[columns[0].corrected.classes[at[0]]]
    predicted = np.stack([one.class_ids[one.predicted[rows]] for one, rows in zip(columns, at, strict=True)])
    p_label = [one.corrected.p_label[rows] for one, rows in zip(columns, at, strict=True)]
    right = predicted == labels
    draws = _accuracy_draws(right, runs[0].groups[at[0]], seed)
    present = np.unique(labels)
    return AttributeComparison(
        attribute=name,
        n=len(common),
        accuracy=[float(accuracy_score(labels, said)) for said in predicted],
        macro_f1=[
            float(f1_score(labels, said, labels=present, average="macro", zero_division=0))
            for said in predicted
        ],
        flagged=[int((p < THRESHOLD).sum()) for p in p_label],
        pairs=[_pair(runs[i].run.id, right[0], right[i], draws[i] - draws[0]) for i in range(1, len(runs))],
        rows=at[0],
        right=right,
        predicted=predicted,
        labels=labels,
        names=_names(columns),
    )


def _names(columns: Sequence[AttributePredictions]) -> dict[int, str]:
    return {
        class_id: name
        for one in columns
        for class_id, name in zip(one.class_ids.tolist(), one.names, strict=True)
    }


def _accuracy_draws(right: Bools, groups: Ints, seed: int) -> Floats:
    """Return each run's accuracy in the same resamples of whole groups, shape ``(R, RESAMPLES)``."""
    return np.stack([right @ weights / weights.sum() for weights in resampled(groups, seed)], axis=1)


def _pair(run_id: int, first: Bools, other: Bools, draws: Floats) -> Pair:
    gained, lost = int((other & ~first).sum()), int((first & ~other).sum())
    p_value = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    difference = float(other.mean() - first.mean())
    return Pair(
        run=run_id,
        gained=gained,
        lost=lost,
        difference=difference,
        difference_interval=interval(draws),
        p_value=float(p_value),
    )


def _worst_artworks(run: RunPredictions, budget: int) -> set[int]:
    """Return the ids of the artworks with the least likely labels."""
    least = np.full(len(run), np.inf)
    for one in run.attributes.values():
        rows = one.evaluated(one.corrected)
        least[rows] = np.minimum(least[rows], one.corrected.p_label[rows])
    order = np.argsort(least, kind="stable")[:budget]
    return set(run.artwork_ids[order[np.isfinite(least[order])]].tolist())


def _flagged_artworks(run: RunPredictions) -> int:
    flagged = np.zeros(len(run), dtype=bool)
    for one in run.attributes.values():
        rows = one.evaluated(one.corrected)
        flagged[rows[one.corrected.p_label[rows] < THRESHOLD]] = True
    return int(flagged.sum())
