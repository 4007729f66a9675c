"""The report of one run: its charts, and its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from curate.evaluation import AttributeEvaluation
from curate.evaluation.run import THRESHOLD
from curate.report.content import Cell, IssueCard, RunContent
from curate.report.drawing import figures
from curate.report.drawing.figures import TOP_CLASSES, Chart
from curate.report.page import matrix_data, pictures, render, shown_chart
from curate.wrong_labels import tell_wrong_labels

FIRST_REVIEWS = 100


@dataclass(frozen=True)
class RunCharts:
    """All figures of a report: of each attribute by kind, of the rounds, of the training."""

    attributes: Mapping[str, Mapping[str, Chart]]
    rounds: Sequence[Chart]
    curves: Sequence[Chart]

    def all(self) -> list[Chart]:
        """Return every figure."""
        own = [chart for charts in self.attributes.values() for chart in charts.values()]
        return [*own, *self.rounds, *self.curves]


def draw_charts(content: RunContent) -> RunCharts:
    """Draw every figure that there are numbers for."""
    by_attribute = {
        name: _attribute_charts(one, *content.counts[name])
        for name, one in content.evaluation.attributes.items()
    }
    rounds = []
    if len(content.scores):
        rounds.append(figures.yield_curve(content.scores))
    if len(content.rounds):
        rounds.append(figures.rounds(content.rounds))
    if content.runs["run"].nunique() > 1:
        rounds.append(figures.accuracy_by_run(content.runs))
    return RunCharts(by_attribute, rounds, draw_curves(content.history))


def draw_curves(history: Any) -> list[Chart]:
    """Draw loss and accuracies by epoch."""
    return [
        figures.curves(
            history,
            quantity,
            f"training-{quantity}",
            "Loss by epoch" if quantity == "loss" else f"Accuracy of {quantity} by epoch",
        )
        for quantity in dict.fromkeys(history["quantity"])
    ]


def _attribute_charts(
    one: AttributeEvaluation, imported: Sequence[int], corrected: Sequence[int]
) -> dict[str, Chart]:
    charts = {
        "confusion": figures.confusion_matrix(one),
        "distribution": figures.distribution(one, imported, corrected),
        "calibration": figures.calibration(one),
    }
    if int((one.confusion.sum(axis=1) > 0).sum()) > TOP_CLASSES:
        charts["confusion_all"] = figures.confusion_matrix(one, None)
    return charts


def run_page(content: RunContent, charts: RunCharts, images: Mapping[int, str], collection: str) -> str:
    """Return the report of a run as one HTML page.

    Args:
        content: What it says.
        charts: Its figures.
        images: A data URI for every row that ``content.shown_rows`` gives.
        collection: What the collection is called.
    """
    run, evaluation = content.predictions.run, content.evaluation
    names = list(evaluation.attributes)
    sections = [("glance", "At a glance"), ("label-issues", "Label issues"), ("rounds", "Rounds")]
    sections += [(f"attribute-{i}", name.capitalize()) for i, name in enumerate(names, 1)]
    sections += [("training", "Training"), ("outliers", "Outliers"), ("unusable", "Unusable")]
    sections += [("duplicates", "Duplicates"), ("about", "About")]
    return render(
        "run.html",
        sections,
        {name: matrix_data(i, one) for i, (name, one) in enumerate(evaluation.attributes.items(), 1)},
        collection=collection,
        run={
            "id": run.id,
            "backbone": run.backbone,
            "imported": run.protocol.startswith("imported"),
            "protocol": run.protocol,
            "written": run.created_at.strftime("%d %B %Y"),
        },
        artworks=evaluation.artworks,
        judged=evaluation.judged_artworks,
        flagged=evaluation.flagged_artworks,
        threshold=THRESHOLD,
        reviewed=any(one.changed for one in evaluation.attributes.values()),
        expected=expected_errors(content.scores),
        attributes=[_attribute(i, name, content, charts, images) for i, name in enumerate(names, 1)],
        label_issues=[_issue_card(content, one, images, "likely right") for one in content.label_issues],
        flagged_labels=content.flagged,
        settled=sum(one.state in ("resolved", "dismissed") for one in content.label_issues),
        outliers=[_issue_card(content, one, images, "typical") for one in content.outliers],
        outlying=content.outlying,
        unusable=[_issue_card(content, one, images, "usable") for one in content.unusable],
        unclear=content.unclear,
        duplicates=_duplicates(content, images),
        duplicate_groups=content.duplicate_groups,
        rounds=content.rounds.to_dict("records"),
        audits=[
            {"attribute": name, "asked": asked, "wrong": wrong}
            for name, (asked, wrong) in content.audits.items()
        ],
        left=tell_wrong_labels(content.left) if content.left else None,
        round_charts=[shown_chart(chart) for chart in charts.rounds],
        curve_charts=[shown_chart(chart) for chart in charts.curves],
        settings=sorted(run.settings.items()),
    )


def expected_errors(scores: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float] | None:
    """Return how many of the first labels are wrong, if the scores are right; None where none is scored."""
    first = scores[:FIRST_REVIEWS]
    return {"reviews": len(first), "errors": float((1 - first).sum())} if len(first) else None


def _attribute(
    index: int, name: str, content: RunContent, charts: RunCharts, images: Mapping[int, str]
) -> dict[str, Any]:
    one = content.evaluation.attributes[name]
    sets = [("corrected", one.corrected)]
    if one.changed:
        sets.insert(0, ("imported", one.imported))
    changed = sum(a != b for a, b in zip(*content.counts[name], strict=True))
    cells = content.cells[name]
    drawn = {kind: shown_chart(chart, name) for kind, chart in charts.attributes[name].items()}
    return {
        "name": name,
        "sets": sets,
        "corrected": one.corrected,
        "disjoint": one.artist_disjoint,
        "charts": {"confusion_all": None, **drawn},
        "distribution_note": "An orange mark is the count as imported" if changed else "",
        "confused": [_cell(index, cell, one, content, images) for cell in cells.confused],
        "others": [_cell(index, cell, one, content, images) for cell in cells.others],
        "surest": [_cell(index, cell, one, content, images) for cell in cells.surest],
        "classes": one.per_class.to_dict("records"),
    }


def _cell(
    index: int, cell: Cell, one: AttributeEvaluation, content: RunContent, images: Mapping[int, str]
) -> dict[str, Any]:
    return {
        "id": f"{index}-{cell.label}-{cell.predicted}",
        "label": one.names[cell.label],
        "predicted": one.names[cell.predicted],
        "n": cell.n,
        "share": cell.share,
        "pictures": pictures(content.predictions, images, cell.rows),
    }


def _issue_card(
    content: RunContent, one: IssueCard, images: Mapping[int, str], meaning: str
) -> dict[str, Any]:
    return {
        **asdict(one),
        "src": images[one.row],
        "path": content.predictions.paths[one.row],
        "meaning": meaning,
    }


def _duplicates(content: RunContent, images: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return duplicate groups with what their members are labelled, where that differs."""
    groups = []
    for group in content.duplicates:
        shown = pictures(content.predictions, images, group.rows)
        for picture, row in zip(shown, group.rows, strict=True):
            picture["labels"] = ", ".join(_label_name(content, name, row) for name in group.differ)
        groups.append({"size": group.size, "differ": group.differ, "pictures": shown})
    return groups


def _label_name(content: RunContent, attribute: str, row: int) -> str:
    class_id = int(content.predictions.label_ids[attribute][row])
    return content.class_names[class_id] if class_id >= 0 else "no label"
