"""The figures of a report, each with the numbers that it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from curate.evaluation import AttributeEvaluation, Comparison
from curate.report.drawing.theme import (
    ACCENT,
    INK,
    LINE,
    MARKERS,
    MUTED,
    PAPER,
    SECOND,
    SERIES,
    drawing,
    shorten,
)

TOP_CLASSES = 10
"""Classes of the first confusion matrix, as the seed project showed it."""
BARS = 30
"""Bars of a distribution; rarer classes are counted in its title."""
CELLS = 40
"""Up to this many classes a confusion matrix is drawn cell by cell; above it is an image."""
ENOUGH = 10
"""Predictions that a bin of the calibration needs before its share means anything."""
WIDE, NARROW = 6.0, 4.4
"""Widths in inches: a page shows a figure at most this wide, and shrinks it on a phone."""


@dataclass(frozen=True)
class Chart:
    """One figure and the numbers that it is drawn from.

    Attributes:
        name: What its files are called.
        title: What it shows, in a few words.
        numbers: A row a point; what the CSV beside it holds.
        matrix: For a confusion matrix what a page needs to tell cells apart: ``box`` (left, top, right and
            bottom of the cells, in shares of the figure), ``classes`` (indices in order).
    """

    name: str
    title: str
    figure: Figure
    numbers: pd.DataFrame
    matrix: Mapping[str, Any] = field(default_factory=dict)


def axes(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def percent(axis: Any) -> None:
    """Label an axis of shares in per cent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.0f} %"))


def distribution(one: AttributeEvaluation, imported: Sequence[int], corrected: Sequence[int]) -> Chart:
    """Draw how many artworks have each class; a mark shows the count as imported where it differs.

    Args:
        one: The attribute's evaluation.
        imported: Labels of each class as imported, in the order of ``one.keys``.
        corrected: The same as they are now.
    """
    frame = pd.DataFrame(
        {"class": one.keys, "name": one.names, "imported": imported, "corrected": corrected}
    ).sort_values(["corrected", "class"], ascending=[False, True], ignore_index=True)
    shown = frame.head(BARS)
    names = [shorten(name) for name in shown["name"]]
    counts, before = shown["corrected"].tolist(), shown["imported"].tolist()
    title = f"Labels by {one.attribute}"
    if len(frame) > BARS:
        rest = int(frame["corrected"].iloc[BARS:].sum())
        title += f": the {BARS} commonest classes; {len(frame) - BARS:,} rarer ones have {rest:,} artworks"
    with drawing():
        figure, plot = axes(NARROW, 0.55 + 0.19 * len(names))
        at = np.arange(len(names))
        plot.barh(at, counts, height=0.66, color=ACCENT)
        changed = [i for i in at if counts[i] != before[i]]
        plot.plot([before[i] for i in changed], changed, "|", color=SECOND, markersize=9, markeredgewidth=1.6)
        plot.set_yticks(at, names, color=INK)
        plot.set_ylim(len(names) - 0.4, -0.6)
        plot.grid(axis="y", visible=False)
        plot.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        plot.spines["left"].set_visible(False)
        plot.set_xlabel("artworks")
    return Chart(f"{one.attribute}-distribution", title, figure, frame)


def confusion_matrix(
    one: AttributeEvaluation, limit: int | None = TOP_CLASSES, run: int | None = None
) -> Chart:
    """Draw which classes are taken for which: shares of each label's row, commonest classes first.

    Args:
        one: The attribute's evaluation.
        limit: How many classes; None draws all.
        run: The run's number, where figures of several runs stand side by side.
    """
    support = one.confusion.sum(axis=1)
    order = np.lexsort((np.arange(len(support)), -support))
    order = order[support[order] > 0][:limit]
    counts = one.confusion[np.ix_(order, order)]
    shares = counts / np.maximum(support[order], 1)[:, None]
    names = [shorten(one.names[i], 22) for i in order]
    with drawing():
        side = WIDE if len(order) > TOP_CLASSES else 4.9
        figure, plot = axes(side, side)
        _cells(plot, shares) if len(order) <= CELLS else _image(plot, shares)
        plot.set(xlim=(0, len(order)), ylim=(len(order), 0), aspect="equal")
        plot.grid(visible=False)
        plot.set_xlabel("predicted" if len(order) <= CELLS else "predicted, commonest label first")
        plot.set_ylabel("label" if len(order) <= CELLS else "label, commonest first")
        size = min(8.5, 220 / max(len(order), 1))
        if len(order) <= CELLS:
            at = np.arange(len(order)) + 0.5
            plot.set_xticks(at, names, rotation=90, fontsize=size, color=INK)
            plot.set_yticks(at, names, fontsize=size, color=INK)
        for spine in plot.spines.values():
            spine.set_visible(True)
        figure.draw_without_rendering()
        place = plot.get_window_extent().transformed(figure.transFigure.inverted())
    rows, columns = np.nonzero(counts)
    numbers = pd.DataFrame(
        {
            "label": [one.keys[order[i]] for i in rows],
            "predicted": [one.keys[order[i]] for i in columns],
            "n": counts[rows, columns],
            "share_of_label": shares[rows, columns],
        }
    )
    box = [place.x0, 1 - place.y1, place.x1, 1 - place.y0]
    name = f"{one.attribute}-confusion" + ("" if limit is not None else "-all")
    name += "" if run is None else f"-run-{run}"
    title = f"What {one.attribute} is taken for{'' if run is None else f' by run {run}'}: " + (
        f"the {len(order)} commonest classes" if limit is not None else f"all {len(order)} classes"
    )
    return Chart(name, title, figure, numbers, {"box": box, "classes": order.tolist()})


def _cells(plot: Axes, shares: np.ndarray[Any, Any]) -> None:
    count = len(shares)
    for row, column in zip(*np.nonzero(shares), strict=True):
        share = float(shares[row, column])
        colour = ACCENT if row == column else SECOND
        plot.add_patch(
            Rectangle((column, row), 1, 1, facecolor=colour, alpha=0.08 + 0.92 * share, linewidth=0)
        )
        if count <= 15 and share >= 0.005:
            ink = PAPER if share > 0.5 else INK
            plot.text(
                column + 0.5,
                row + 0.5,
                f"{share * 100:.0f}",
                ha="center",
                va="center",
                color=ink,
                fontsize=7.5,
            )


def _image(plot: Axes, shares: np.ndarray[Any, Any]) -> None:
    """Draw many cells as one image, blue on the diagonal and orange off it, clear where nothing is."""
    count = len(shares)
    pixels = np.zeros((count, count, 4))
    pixels[..., :3] = np.array([0xC8, 0x78, 0x40]) / 255
    pixels[np.arange(count), np.arange(count), :3] = np.array([0x4A, 0x82, 0xB8]) / 255
    pixels[..., 3] = np.where(shares > 0, 0.15 + 0.85 * np.sqrt(shares), 0)
    plot.imshow(pixels, extent=(0, count, count, 0), interpolation="nearest")


def calibration(one: AttributeEvaluation) -> Chart:
    """Draw how often the likeliest class is right, by the probability that the run gives it.

    Bins of fewer than ``ENOUGH`` predictions are left out; the numbers beside the figure have them.
    """
    bins = one.reliability
    with drawing():
        figure, plot = axes(NARROW, 3.4)
        plot.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        plot.bar(bins["confidence"], bins["share"], width=0.045, color=LINE)
        sure = bins[bins["n"] >= ENOUGH]
        plot.plot(sure["confidence"], sure["accuracy"], marker="o", markersize=3.5, color=ACCENT)
        plot.set(xlim=(0, 1.01), ylim=(0, 1.01), xlabel="probability of the predicted class")
        plot.set_ylabel("share that is right")
        percent(plot.xaxis)
        percent(plot.yaxis)
    return Chart(f"{one.attribute}-calibration", f"Calibration of {one.attribute}", figure, bins)


def curves(history: pd.DataFrame, quantity: str, name: str, title: str) -> Chart:
    """Draw training and validation by epoch: a faint line a model, a strong one for their mean.

    Args:
        history: ``run``, ``model``, ``epoch``, ``part`` (train or validation), ``quantity``, ``value``.
        quantity: Which to draw: ``loss``, or an attribute's accuracy by its name.
        name: What the files are called.
        title: What it shows.
    """
    shown = history[history["quantity"] == quantity]
    with drawing():
        figure, plot = axes(NARROW, 2.7)
        runs = list(dict.fromkeys(shown["run"]))
        for colour, run in zip(SERIES, runs, strict=False):
            of_run = shown[shown["run"] == run]
            for part, dashes in (("train", "-"), ("validation", (0, (3, 2)))):
                lines = of_run[of_run["part"] == part]
                if lines.empty:
                    continue
                for _, line in lines.groupby("model"):
                    plot.plot(line["epoch"], line["value"], color=colour, alpha=0.2, linewidth=0.8)
                mean = lines.groupby("epoch")["value"].mean()
                label = part if len(runs) == 1 else f"{run}, {part}"
                plot.plot(mean.index, mean, color=colour, linestyle=dashes, label=label)
        plot.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        plot.set_xlabel("epoch")
        plot.set_ylim(bottom=0)
        if quantity != "loss":
            plot.set_ylim(0, 1.01)
            percent(plot.yaxis)
        plot.legend(loc="best")
    return Chart(name, title, figure, shown.reset_index(drop=True))


def yield_curve(scores: np.ndarray[Any, Any]) -> Chart:
    """Draw how many wrong labels the first k reviews are expected to find, if the scores are right.

    Args:
        scores: The chance that each label is right, worst first, shape ``(L,)``.
    """
    expected = np.cumsum(1 - scores)
    at = np.unique(np.geomspace(1, len(scores), 60).round().astype(int))
    frame = pd.DataFrame({"reviews": at, "expected_errors": expected[at - 1]})
    with drawing():
        figure, plot = axes(NARROW, 2.7)
        most = int(np.searchsorted(expected, 0.75 * expected[-1])) + 1
        reach = min(len(scores), max(20, most))
        near = frame[frame["reviews"] <= reach]
        plot.plot(near["reviews"], near["reviews"], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        plot.plot(near["reviews"], near["expected_errors"], color=ACCENT)
        plot.fill_between(near["reviews"], 0, near["expected_errors"], color=ACCENT, alpha=0.08, linewidth=0)
        plot.set(xlim=(0, reach), ylim=(0, float(near["expected_errors"].max()) * 1.15 + 0.1))
        plot.set(xlabel="labels reviewed, worst first", ylabel="wrong ones expected")
        plot.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return Chart("expected-yield", "What reviews are expected to find", figure, frame)


def rounds(frame: pd.DataFrame) -> Chart:
    """Draw the errors that each batch found beside those that were expected of what was reviewed.

    Args:
        frame: A row a batch: ``batch``, ``reviewed``, ``errors``, ``expected``.
    """
    with drawing():
        figure, plot = axes(NARROW, 2.7)
        at = np.arange(len(frame))
        plot.bar(at - 0.2, frame["expected"], width=0.36, color=LINE, label="expected of the batch")
        plot.bar(at + 0.2, frame["errors"], width=0.36, color=SECOND, label="found")
        plot.set_xticks(at, [f"batch {batch}" for batch in frame["batch"]], color=INK)
        plot.set_xlim(-0.6, max(len(frame), 4) - 0.4)
        plot.grid(axis="x", visible=False)
        plot.set_ylabel("wrong labels")
        figure.legend(loc="outside lower center", ncols=2)
    return Chart("rounds", "Errors found by batch", figure, frame)


def accuracy_by_run(frame: pd.DataFrame) -> Chart:
    """Draw each attribute's accuracy from run to run, each against the labels of that time.

    Args:
        frame: ``run``, ``attribute``, ``accuracy``.
    """
    with drawing():
        figure, plot = axes(NARROW, 2.7)
        runs = list(dict.fromkeys(frame["run"]))
        for i, (name, lines) in enumerate(frame.groupby("attribute", sort=False)):
            plot.plot(
                [runs.index(run) for run in lines["run"]],
                lines["accuracy"],
                marker=MARKERS[i % len(MARKERS)],
                markersize=4,
                color=SERIES[i % len(SERIES)],
                label=shorten(str(name)),
            )
        plot.set_xticks(range(len(runs)), [f"run {run}" for run in runs], color=INK)
        plot.set_ylim(0, 1.01)
        percent(plot.yaxis)
        plot.legend(loc="best")
    return Chart("accuracy-by-run", "Accuracy from run to run", figure, frame)


def compared_accuracy(comparison: Comparison) -> Chart:
    """Draw the runs' accuracies beside each other, attribute by attribute."""
    labels = [f"run {p.run.id}, {shorten(p.run.backbone)}" for p in comparison.runs]
    rows = [
        {"attribute": name, "run": p.run.id, "accuracy": one.accuracy[i], "macro_f1": one.macro_f1[i]}
        for name, one in comparison.attributes.items()
        for i, p in enumerate(comparison.runs)
    ]
    frame = pd.DataFrame(rows, columns=["attribute", "run", "accuracy", "macro_f1"])
    names = list(comparison.attributes)
    width = 0.8 / max(len(labels), 1)
    with drawing():
        figure, plot = axes(NARROW, 2.9)
        for i, label in enumerate(labels):
            heights = [comparison.attributes[name].accuracy[i] for name in names]
            at = np.arange(len(names)) + (i - (len(labels) - 1) / 2) * width
            plot.bar(at, heights, width=width * 0.9, color=SERIES[i % len(SERIES)], label=label)
            for x, height in zip(at, heights, strict=True):
                plot.text(x, height + 0.01, f"{height * 100:.1f}", ha="center", fontsize=7.5)
        plot.set_xticks(np.arange(len(names)), [shorten(name) for name in names], color=INK)
        plot.set_ylim(0, 1.12)
        plot.grid(axis="x", visible=False)
        percent(plot.yaxis)
        figure.legend(loc="outside lower center", ncols=min(len(labels), 2))
    return Chart("accuracy", "Accuracy on the artworks that all runs judge", figure, frame)
