"""What a report of one run says, before anybody decides how it looks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.evaluation import AttributePredictions, RunEvaluation, RunPredictions, evaluate_run
from curate.evaluation.predictions import Ints
from curate.issues import Estimate
from curate.report.drawing.figures import TOP_CLASSES
from curate.wrong_labels import estimate_wrong_labels
from db.classes.classes import attributes, class_list
from db.classes.names import WithNames
from db.engine.catalog import Catalog
from db.models import ISSUE_STATES, Run
from db.reviews.status import read_status
from db.runs.evaluation import audit_answers, count_issues_of, label_scores, run_metrics
from db.runs.issues import IssueRow, worst_issues

SHOWN = {"label": 48, "outlier": 24, "unusable": 24}
"""How many issues of each kind a report shows."""
DUPLICATES = 12
"""Duplicate groups that it shows."""
MEMBERS = 4
"""Artworks shown of a duplicate group."""
CARDS = 24
"""Confusions with examples, at most: two a class, so that a report grows with the classes only."""
EXAMPLES = 4
HISTORY = ["run", "model", "epoch", "part", "quantity", "value"]


@dataclass(frozen=True)
class IssueCard:
    """One issue as a card shows it; ``row`` is the artwork's in the run's predictions."""

    row: int
    attribute: str
    label: str
    suggested: str
    score: float
    p_label: float | None
    p_suggested: float | None
    reason: str
    state: str


@dataclass(frozen=True)
class Cell:
    """Artworks of one class predicted as one class, the surest predictions first; class indices."""

    label: int
    predicted: int
    n: int
    share: float
    rows: list[int]


@dataclass(frozen=True)
class Cells:
    """The cells of one confusion matrix that are shown with artworks.

    Attributes:
        confused: The commonest mistakes, most artworks first.
        others: All other mistakes among the commonest classes; a page shows them when they are asked for.
        surest: What the run knows best of each of the commonest classes.
    """

    confused: list[Cell]
    others: list[Cell]
    surest: list[Cell]


@dataclass(frozen=True)
class Duplicates:
    """One duplicate group: its artworks' rows, and the attributes in which their labels differ."""

    rows: list[int]
    size: int
    differ: list[str]


@dataclass(frozen=True)
class RunContent:
    """Everything that a report of one run shows.

    Attributes:
        label_issues, outliers, unusable: Worst first.
        flagged, outlying, unclear: How many there are in all.
        duplicates: Groups whose labels differ first; ``duplicate_groups`` is how many there are.
        cells: By attribute the cells of its confusion matrix that are shown with artworks.
        counts: By attribute, labels of each class (imported, corrected) over all artworks.
        history: Training curves; columns ``HISTORY``.
        rounds: A row a batch: batch, run, artworks, reviewed, errors, expected.
        runs: A row a run and attribute: run, attribute, accuracy as stored with it.
        scores: The chance that each label is right, worst first.
        audits: By attribute, audited labels answered and changed.
        left: How many labels nobody has reviewed are wrong; None where the run scored none.
        class_names: Display names by class id, rare classes too.
    """

    predictions: RunPredictions
    evaluation: RunEvaluation
    label_issues: list[IssueCard]
    flagged: int
    outliers: list[IssueCard]
    outlying: int
    unusable: list[IssueCard]
    unclear: int
    duplicates: list[Duplicates]
    duplicate_groups: int
    cells: Mapping[str, Cells]
    counts: Mapping[str, tuple[list[int], list[int]]]
    history: pd.DataFrame
    rounds: pd.DataFrame
    runs: pd.DataFrame
    scores: np.ndarray[Any, np.dtype[np.float64]]
    audits: Mapping[str, tuple[int, int]]
    left: Estimate | None
    class_names: Mapping[int, str]

    def shown_rows(self) -> Iterator[int]:
        """Yield the rows of all artworks that the report shows, some of them twice."""
        for card in [*self.label_issues, *self.outliers, *self.unusable]:
            yield card.row
        for group in self.duplicates:
            yield from group.rows
        for cells in self.cells.values():
            for cell in [*cells.confused, *cells.others, *cells.surest]:
                yield from cell.rows


def read_content(catalog: Catalog, predictions: RunPredictions) -> RunContent:
    """Gather what the report of a run shows."""
    run = predictions.run
    with catalog.read() as session:
        labels, outliers, unusable = (
            worst_issues(session, kind=kind, run=run, states=ISSUE_STATES, limit=limit)
            for kind, limit in SHOWN.items()
        )
        flagged, outlying, unclear = (count_issues_of(session, run, kind) for kind in SHOWN)
        lists = [class_list(session, attribute) for attribute in attributes(session)]
        rounds = pd.DataFrame(
            [
                (one.batch, one.run, one.artworks, one.reviewed, one.errors, one.expected_yield)
                for one in read_status(session).rounds
                if not one.taken_back
            ],
            columns=["batch", "run", "artworks", "reviewed", "errors", "expected"],
        )
        runs = pd.DataFrame(
            [
                (other.id, name, metrics["accuracy"])
                for other, by_attribute in run_metrics(session)
                for name, metrics in by_attribute.items()
                if "accuracy" in metrics
            ],
            columns=["run", "attribute", "accuracy"],
        )
        scores, audits = label_scores(session, run), audit_answers(session)
        left = estimate_wrong_labels(session, run)
    names = {
        (classes.attribute, key): classes.name[classes.current[class_id]]
        for classes in lists
        for class_id, key in classes.key.items()
    }
    groups = duplicate_groups(predictions)
    evaluation = evaluate_run(predictions)
    return RunContent(
        predictions=predictions,
        evaluation=evaluation,
        label_issues=list(label_issues(predictions, labels, names)),
        flagged=flagged,
        outliers=list(label_issues(predictions, outliers, names)),
        outlying=outlying,
        unusable=list(label_issues(predictions, unusable, names)),
        unclear=unclear,
        duplicates=groups[:DUPLICATES],
        duplicate_groups=len(groups),
        cells={
            name: picture_cells(one, evaluation.attributes[name].confusion)
            for name, one in predictions.attributes.items()
        },
        counts={name: class_counts(one) for name, one in predictions.attributes.items()},
        history=pd.DataFrame(read_history(predictions.folder, run), columns=HISTORY),
        rounds=rounds,
        runs=runs,
        scores=scores,
        audits=audits,
        left=left if len(scores) else None,
        class_names={class_id: name for classes in lists for class_id, name in classes.name.items()},
    )


def label_issues(
    predictions: RunPredictions, issues: Sequence[IssueRow], names: Mapping[tuple[str, str], str]
) -> Iterator[IssueCard]:
    """Yield issues as cards, classes by their display names; artworks no longer usable are left out."""
    row_of = {artwork_id: row for row, artwork_id in enumerate(predictions.artwork_ids.tolist())}
    of: dict[str, dict[str, str]] = {}
    for (attribute, key), name in names.items():
        of.setdefault(attribute, {})[key] = name
    in_text = {attribute: WithNames(named) for attribute, named in of.items()}
    for issue in issues:
        attribute = issue.attribute or ""
        if issue.artwork_id in row_of:
            yield IssueCard(
                row=row_of[issue.artwork_id],
                attribute=attribute,
                label=names.get((attribute, issue.label or ""), ""),
                suggested=names.get((attribute, issue.suggested or ""), ""),
                score=issue.score,
                p_label=issue.p_label,
                p_suggested=issue.p_suggested,
                reason=in_text[attribute](issue.reason) if attribute in in_text else issue.reason,
                state=issue.state,
            )


def picture_cells(one: AttributePredictions, confusion: Ints) -> Cells:
    """Choose the cells of a confusion matrix that are shown with artworks."""
    width = len(one.keys)
    support = confusion.sum(axis=1)
    common = np.lexsort((np.arange(width), -support))[:TOP_CLASSES]
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[: min(CARDS, 2 * width)]
    commonest = [divmod(cell, width) for cell in order.tolist() if wrong.flat[cell]]
    others = [(i, j) for i in common.tolist() for j in common.tolist() if wrong[i, j]]
    others = [cell for cell in others if cell not in set(commonest)]
    right = [(i, i) for i in common.tolist() if confusion[i, i]]

    def cells(chosen: Sequence[tuple[int, int]], examples: int) -> list[Cell]:
        return [_cell(one, confusion, *cell, examples) for cell in chosen]

    return Cells(cells(commonest, EXAMPLES), cells(others, EXAMPLES // 2), cells(right, EXAMPLES))


def _cell(one: AttributePredictions, confusion: Ints, label: int, predicted: int, examples: int) -> Cell:
    rows = one.evaluated(one.corrected)
    members = rows[(one.corrected.classes[rows] == label) & (one.predicted[rows] == predicted)]
    surest = members[np.argsort(-one.confidence[members], kind="stable")][:examples]
    count = int(confusion[label, predicted])
    return Cell(label, predicted, count, count / int(confusion[label].sum()), surest.tolist())


def class_counts(one: AttributePredictions) -> tuple[list[int], list[int]]:
    """Return how many artworks have each class, as imported and as corrected."""
    width = len(one.keys)

    def count(classes: np.ndarray[Any, np.dtype[np.int64]]) -> list[int]:
        return [int(n) for n in np.bincount(classes[classes >= 0], minlength=width)]

    return count(one.imported.classes), count(one.corrected.classes)


def duplicate_groups(predictions: RunPredictions) -> list[Duplicates]:
    """Return the groups of two and more artworks; those whose labels differ come first."""
    order = np.argsort(predictions.groups, kind="stable")
    _, starts, sizes = np.unique(predictions.groups[order], return_index=True, return_counts=True)
    groups = []
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        rows = order[start : start + size]
        differ = [
            name
            for name, ids in predictions.label_ids.items()
            if len({class_id for class_id in ids[rows].tolist() if class_id >= 0}) > 1
        ]
        groups.append(Duplicates(rows[:MEMBERS].tolist(), size, differ))
    return sorted(groups, key=lambda group: -len(group.differ))


def read_history(folder: Path, run: Run) -> list[tuple[str, str, int, str, str, float]]:
    """Read the training curves that lie beside a run's arrays; rows as ``HISTORY`` names them."""
    path = folder / "metrics.jsonl"
    if not path.is_file():
        return []
    lines: dict[tuple[str, int], Mapping[str, Any]] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        if text.endswith("}"):
            line = json.loads(text)
            lines[line["model"], line["epoch"]] = line
    rows = []
    for (model, epoch), line in lines.items():
        for part, values in (("train", line), ("validation", line.get("validation"))):
            if values:
                where = (f"run {run.id}", model, epoch, part)
                rows.append((*where, "loss", float(values["loss"])))
                rows += [(*where, name, float(value)) for name, value in values["accuracy"].items()]
    return rows
