"""From content to one HTML page that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

import curate
from curate.evaluation import AttributeEvaluation, RunPredictions
from curate.export.curated_list import safe_cell
from curate.report.drawing.figures import Chart
from curate.report.drawing.theme import as_inline_svg

MOST_CELLS = 20_000
"""Cells of a confusion matrix that a page can name; the least common beyond that are not."""


def environment() -> jinja2.Environment:
    """Return the templates; everything that is put into them is escaped."""
    jinja = jinja2.Environment(
        loader=jinja2.PackageLoader("curate.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters |= {
        "pct": percent,
        "hundred": lambda share: f"{100 * share:.1f}",
        "span": lambda pair: f"{100 * pair[0]:.1f} to {100 * pair[1]:.1f}",
        "count": lambda number: f"{round(number):,}",
        "pvalue": lambda p: "< 0.001" if p < 0.001 else f"{p:.3f}",
    }
    return jinja


def percent(share: float, digits: int = 1) -> str:
    """Return a share in per cent."""
    return f"{100 * share:.{digits}f} %"


def render(
    template: str, sections: Sequence[tuple[str, str]], matrices: Mapping[str, Any], **values: Any
) -> str:
    """Fill a template with values, the style and the script."""
    templates = environment()
    loader = templates.loader
    assert loader is not None

    def source(name: str) -> Markup:
        return Markup(loader.get_source(templates, name)[0])

    return templates.get_template(template).render(
        css=source("style.css"),
        script=source("script.js"),
        version=curate.__version__,
        written=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
        sections=sections,
        matrices=matrices,
        **values,
    )


def shown_chart(chart: Chart, attribute: str = "") -> dict[str, Any]:
    """Return a chart as the templates show it."""
    svg = as_inline_svg(chart.figure, chart.name, chart.title)
    csv = base64.b64encode(safe_csv(chart.numbers).encode("utf-8")).decode("ascii")
    return {
        "id": chart.name,
        "name": chart.name,
        "title": chart.title,
        "attribute": attribute,
        "svg": Markup(svg),
        "csv": f"data:text/csv;charset=utf-8;base64,{csv}",
        "matrix": dict(chart.matrix),
    }


def safe_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV, no cell of it a spreadsheet's formula."""
    safe = frame.map(safe_cell)
    return safe.to_csv(index=False, lineterminator="\n")


def matrix_data(index: int, one: AttributeEvaluation) -> dict[str, Any]:
    """Return what the page's script needs to name the cells of one attribute's confusion matrix."""
    rows, columns = np.nonzero(one.confusion)
    counts = one.confusion[rows, columns]
    order = np.argsort(-counts, kind="stable")[:MOST_CELLS]
    cells = {
        f"{row}-{column}": n
        for row, column, n in zip(
            rows[order].tolist(), columns[order].tolist(), counts[order].tolist(), strict=True
        )
    }
    return {
        "index": index,
        "names": list(one.names),
        "support": one.confusion.sum(axis=1).tolist(),
        "cells": cells,
    }


def pictures(
    predictions: RunPredictions, images: Mapping[int, str], rows: Iterable[int]
) -> list[dict[str, str]]:
    """Return artworks as the templates show them: ``src`` and ``path``."""
    return [{"src": images[row], "path": predictions.paths[row]} for row in rows]
