"""Bar charts of class counts, as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from db.workspace.outputs import output_folder, whole_file

if TYPE_CHECKING:
    from db.labels.stats import AttributeStats, CatalogStats

LARGEST = 60
"""Bars in one chart; smaller classes beyond it are one bar."""


def class_charts(stats: CatalogStats, folder: Path) -> list[Path]:
    """Write ``<attribute>.png`` for every attribute; return the files."""
    output_folder(folder)
    return [_chart(name, attribute, folder) for name, attribute in stats.attributes.items()]


def _chart(name: str, attribute: AttributeStats, folder: Path) -> Path:
    """Draw one attribute: a horizontal bar a class, the largest on top."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bars = [(attribute.names[key], n) for key, n in attribute.counts.items()]
    if len(bars) > LARGEST:
        rest = bars[LARGEST - 1 :]
        bars = [*bars[: LARGEST - 1], (f"{len(rest)} smaller classes", sum(n for _, n in rest))]
    figure = Figure(figsize=(9, 1.6 + 0.24 * len(bars)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    drawn = axes.barh([_plain(label) for label, _ in bars], [n for _, n in bars], color="#3b6ea5")
    axes.bar_label(drawn, padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.1, y=0.01)
    axes.set_xlabel("artworks")
    axes.set_title(
        f"{name}: {attribute.labelled} labelled, {len(attribute.counts)} classes, "
        f"{attribute.imbalance:.0f}:1",
        loc="left",
        fontsize=10,
    )
    path = folder / f"{name}.png"
    with whole_file(path) as file:
        figure.savefig(file, dpi=120)
    return path


def _plain(label: str) -> str:
    """Return a name that Matplotlib does not read as mathematics."""
    return label.replace("$", r"\$")
