"""Evaluations and comparisons as tables: a row an attribute and kind of label, or an attribute and run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from curate.evaluation.comparison import Comparison
from curate.evaluation.run import RunEvaluation


def evaluation_table(evaluation: RunEvaluation) -> pd.DataFrame:
    """Return what a run's predictions are worth.

    Columns: ``attribute``, ``labels``, ``n``, ``accuracy`` with its 95 % interval (``low``, ``high``),
    ``macro_f1``, ``majority``, ``ece``.
    """
    rows = []
    for name, one in evaluation.attributes.items():
        for labels, metrics in (("imported", one.imported), ("corrected", one.corrected)):
            if metrics is not None and (labels == "corrected" or one.changed):
                low, high = metrics.accuracy_interval
                row = {"attribute": name, "labels": labels, "n": metrics.n, "accuracy": metrics.accuracy}
                row |= {"low": low, "high": high, "macro_f1": metrics.macro_f1}
                rows.append(row | {"majority": metrics.majority, "ece": metrics.ece})
    return pd.DataFrame(rows)


def comparison_table(comparison: Comparison) -> pd.DataFrame:
    """Return runs side by side; the others are compared with the first.

    Columns: ``attribute``, ``run``, ``n``, ``accuracy``, ``macro_f1``; against the first run
    ``difference`` with its 95 % interval (``low``, ``high``), ``gained`` and ``lost`` artworks, and
    ``p_value`` of McNemar's exact test.
    """
    rows: list[dict[str, Any]] = []
    for name, one in comparison.attributes.items():
        for at, predictions in enumerate(comparison.runs):
            row: dict[str, Any] = {"attribute": name, "run": predictions.run.id, "n": one.n}
            row |= {"accuracy": one.accuracy[at], "macro_f1": one.macro_f1[at]}
            if at:
                pair = one.pairs[at - 1]
                low, high = pair.difference_interval
                row |= {"difference": pair.difference, "low": low, "high": high}
                row |= {"gained": pair.gained, "lost": pair.lost, "p_value": pair.p_value}
            rows.append(row)
    return pd.DataFrame(rows)
