"""How label issues look in a notebook: a table with thumbnails, and two charts."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from curate.arrays.found import Issues

SIDE = 96
"""Longest side of a thumbnail, pixels."""
PAIRS = 12
"""How many of the commonest label issues are drawn."""


def as_html(issues: Issues, count: int) -> str:
    """Return the worst labels as a table, with thumbnails where the images are here."""
    frame = issues.top(count)
    heads = ["image"] * (issues.paths is not None) + [
        "row",
        "attribute",
        "label",
        "suggested",
        "wrong",
        "why",
    ]
    lines = []
    for row in frame.to_dict("records"):
        cells = [thumbnail(row["path"])] if issues.paths is not None else []
        cells += [escape(str(row[name])) for name in ("row", "attribute", "label", "suggested")]
        cells += [f"{row['probability_wrong']:.0%}", escape(row["reason"])]
        lines.append("<tr>" + "".join(f"<td style='text-align:left'>{cell}</td>" for cell in cells) + "</tr>")
    notes = "".join(f"<li>{escape(note)}</li>" for note in issues.notes)
    return (
        f"<p><b>{escape(issues.summary())}</b></p>"
        f"<table><thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table>" + (f"<ul>{notes}</ul>" if notes else "")
    )


def thumbnail(path: str | None) -> str:
    """Return a small picture as an ``<img>`` that needs no file; nothing where it cannot be read."""
    if path is None:
        return ""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image.draft("RGB", (SIDE * 2, SIDE * 2))
            small = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return "<i>not readable</i>"
    small.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f"<img src='data:image/jpeg;base64,{data}' alt='{escape(path, quote=True)}'>"


def draw(issues: Issues) -> Figure:
    """Return a figure: the errors expected in the first n reviews, and the commonest label issues."""
    import matplotlib.pyplot as plt  # also lets a notebook show figures that pyplot did not make
    from matplotlib.figure import Figure

    assert plt
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    errors = np.cumsum(issues.queue()["expected_errors"].to_numpy())
    reviews = np.arange(1, len(errors) + 1)
    left.plot(reviews, errors, label="in review order")
    left.plot(reviews, errors[-1] * reviews / len(errors), "--", color="grey", label="at random")
    left.set_xlabel("artworks reviewed")
    left.set_ylabel("expected wrong labels")
    left.legend()
    frame = issues.to_frame(reasons=False)
    pairs = frame.groupby(["attribute", "label", "suggested"])["probability_wrong"].sum()
    worst = pairs.sort_values(ascending=False).head(PAIRS)[::-1]
    many = len(issues.attributes) > 1
    names = [f"{name}: {a} → {b}" if many else f"{a} → {b}" for name, a, b in worst.index]
    right.barh(names, worst.to_numpy())
    right.set_xlabel("expected wrong labels")
    return figure
