"""The report that sets runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from curate.evaluation import AttributeComparison, Comparison, RunEvaluation
from curate.evaluation.run import THRESHOLD
from curate.report.content import HISTORY, read_history
from curate.report.drawing.figures import Chart, compared_accuracy, confusion_matrix
from curate.report.page import matrix_data, render, shown_chart
from curate.report.run_report import draw_curves

SHOWN = 10
"""Artworks shown of those that a run gets right or wrong where the first one does not."""


@dataclass(frozen=True)
class ComparisonCharts:
    """The figures of a comparison; ``confusions`` by attribute, a figure a run."""

    accuracy: Chart
    confusions: Mapping[str, Sequence[Chart]]
    curves: Sequence[Chart]

    def all(self) -> list[Chart]:
        """Return every figure."""
        own = [chart for charts in self.confusions.values() for chart in charts]
        return [self.accuracy, *own, *self.curves]


@dataclass(frozen=True)
class Change:
    """What one run sees differently in one attribute; positions within the attribute's comparison.

    Attributes:
        index: The run's place among those compared.
        gained, lost: Positions of artworks that only this run, or only the first, gets right; ``SHOWN`` at
            most, while ``gained_count`` and ``lost_count`` are of all.
    """

    one: AttributeComparison
    index: int
    gained: list[int]
    lost: list[int]
    gained_count: int
    lost_count: int

    def rows(self) -> Iterator[int]:
        """Yield the rows of the shown artworks in the first run's predictions."""
        yield from self.one.rows[[*self.gained, *self.lost]].tolist()


def comparison_charts(comparison: Comparison, evaluations: Sequence[RunEvaluation]) -> ComparisonCharts:
    """Draw the accuracies, each run's confusion matrices, and the training curves of all runs on one plot."""
    confusions = {
        name: [confusion_matrix(one.attributes[name], run=one.run) for one in evaluations]
        for name in comparison.attributes
    }
    history = [row for run in comparison.runs for row in read_history(run.folder, run.run)]
    return ComparisonCharts(
        compared_accuracy(comparison), confusions, draw_curves(pd.DataFrame(history, columns=HISTORY))
    )


def shown_changes(comparison: Comparison) -> list[Change]:
    """Return what the runs after the first see differently, drawn evenly over all artworks concerned."""
    changes = []
    for one in comparison.attributes.values():
        for index in range(1, len(comparison.runs)):
            gained = np.flatnonzero(one.right[index] & ~one.right[0])
            lost = np.flatnonzero(one.right[0] & ~one.right[index])
            changes.append(
                Change(
                    one=one,
                    index=index,
                    gained=_evenly(gained),
                    lost=_evenly(lost),
                    gained_count=len(gained),
                    lost_count=len(lost),
                )
            )
    return changes


def _evenly(positions: np.ndarray[Any, np.dtype[np.int64]]) -> list[int]:
    at = np.unique(np.linspace(0, max(len(positions) - 1, 0), SHOWN).round().astype(int))
    return [int(position) for position in positions[at[at < len(positions)]]]


def comparison_page(
    comparison: Comparison,
    charts: ComparisonCharts,
    evaluations: Sequence[RunEvaluation],
    changes: Sequence[Change],
    images: Mapping[int, str],
    collection: str,
) -> str:
    """Return the comparison as one HTML page; ``images`` holds a data URI for every shown row."""
    several = len(comparison.runs) > 2
    title = " and ".join(
        f"Run {one.run.id}" if i == 0 else f"run {one.run.id}" for i, one in enumerate(comparison.runs)
    )
    sections = [("glance", "At a glance")]
    sections += [
        (
            f"change-{i}",
            change.one.attribute.capitalize()
            + (f", run {comparison.runs[change.index].run.id}" if several else ""),
        )
        for i, change in enumerate(changes, 1)
    ]
    return render(
        "compare.html",
        [*sections, ("training", "Training")],
        {
            _figure_key(name, one.run): matrix_data(0, one.attributes[name])
            for name in comparison.attributes
            for one in evaluations
        },
        collection=collection,
        title=title,
        runs=[
            {"id": one.run.id, "flagged": flagged, "overlap": overlap}
            for one, flagged, overlap in zip(
                comparison.runs, comparison.flagged_artworks, comparison.overlap, strict=True
            )
        ],
        budget=comparison.budget,
        threshold=THRESHOLD,
        settings=differing_settings(comparison),
        rows=list(_table(comparison)),
        changes=[
            _change(comparison, change, images)
            | {"charts": _shown_confusions(comparison, charts, change) if change.index == 1 else []}
            for change in changes
        ],
        accuracy_chart=shown_chart(charts.accuracy),
        curve_charts=[shown_chart(chart) for chart in charts.curves],
    )


def _figure_key(attribute: str, run: int) -> str:
    return f"{attribute}-{run}"


def _shown_confusions(
    comparison: Comparison, charts: ComparisonCharts, change: Change
) -> list[dict[str, Any]]:
    name = change.one.attribute
    return [
        shown_chart(chart, _figure_key(name, run.run.id))
        for chart, run in zip(charts.confusions[name], comparison.runs, strict=True)
    ]


def differing_settings(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Return the settings in which the runs differ; whether they saw the same labels always."""
    runs = [one.run for one in comparison.runs]
    keys = sorted({key for run in runs for key in run.settings})
    values = {key: [str(run.settings.get(key, "–")) for run in runs] for key in keys}
    differing = [(key, texts) for key, texts in values.items() if len(set(texts)) > 1]
    seconds = [f"{run.seconds['total']:,.0f}" if "total" in run.seconds else "–" for run in runs]
    return [*differing, ("labels seen", [run.label_digest[:8] for run in runs]), ("seconds", seconds)]


def _table(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for name, one in comparison.attributes.items():
        for i, run in enumerate(comparison.runs):
            yield {
                "attribute": name,
                "first": i == 0,
                "run": run.run.id,
                "n": one.n,
                "accuracy": one.accuracy[i],
                "macro_f1": one.macro_f1[i],
                "flagged": one.flagged[i],
                "pair": one.pairs[i - 1] if i else None,
            }


def _change(comparison: Comparison, change: Change, images: Mapping[int, str]) -> dict[str, Any]:
    one = change.one

    def card(at: int) -> dict[str, str]:
        row = int(one.rows[at])
        return {
            "src": images[row],
            "path": comparison.runs[0].paths[row],
            "label": one.names[int(one.labels[at])],
            "before": one.names[int(one.predicted[0][at])],
            "now": one.names[int(one.predicted[change.index][at])],
        }

    return {
        "attribute": one.attribute,
        "run": comparison.runs[change.index].run.id,
        "gained": [card(at) for at in change.gained],
        "lost": [card(at) for at in change.lost],
        "gained_count": change.gained_count,
        "lost_count": change.lost_count,
    }
