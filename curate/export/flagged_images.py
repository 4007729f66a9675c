"""The flagged images as files: copies, a list, and one picture of the ten worst."""

from __future__ import annotations

import csv
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from curate.export.curated_list import safe_cell
from db.images.files import read_bytes
from db.images.formats import BadImage
from db.images.pixels import decode
from db.runs.issues import IssueRow
from db.workspace.outputs import output_folder, whole_file
from db.workspace.remote.mirror import is_there
from db.workspace.workspace import Workspace

CELL = 260
CAPTION = 64
GRID = (5, 2)
"""The seed project's grid: ten images, five a row."""


def save_flagged(workspace: Workspace, rows: Sequence[IssueRow], folder: Path) -> int:
    """Copy the images of issues into a folder, worst first by name, with ``flagged.csv`` and ``grid.png``.

    Nothing in the names comes from a label or a path. An image that is gone is listed and not copied.

    Returns:
        How many images were copied.
    """
    output_folder(folder)
    copies: dict[int, str] = {}
    for row in rows:
        source = workspace.find_image(row.root, row.path)
        if row.artwork_id not in copies and source is not None and is_there(source):
            name = f"{len(copies) + 1:05}-{row.artwork}{source.suffix.lower()}"
            with whole_file(folder / name) as file:
                shutil.copyfile(source, file)
            copies[row.artwork_id] = name
    with whole_file(folder / "flagged.csv") as whole, whole.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "filepath", "attribute", "label", "suggested", "score", "p_label", "reason"])
        for row in rows:
            cells = (row.path, row.attribute, row.label, row.suggested, row.score, row.p_label, row.reason)
            writer.writerow([copies.get(row.artwork_id, ""), *(safe_cell(cell) for cell in cells)])
    seen = [row for row in rows if row.artwork_id in copies][: GRID[0] * GRID[1]]
    if seen:
        with whole_file(folder / "grid.png") as whole:
            grid(seen, [folder / copies[row.artwork_id] for row in seen]).save(whole)
    return len(copies)


def _decoded(file: Path) -> Image.Image:
    """Return an image upright and small, a grey square where it cannot be decoded any more."""
    try:
        return decode(read_bytes(file), CELL)
    except BadImage:
        return Image.new("RGB", (CELL, CELL), "lightgrey")


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return a font that has arrows and accents; Pillow's own has neither."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def grid(rows: Sequence[IssueRow], files: Sequence[Path]) -> Image.Image:
    """Return one picture of up to ten flagged images, each with its label, suggestion and score."""
    height = -(-len(rows) // GRID[0])
    sheet = Image.new("RGB", (GRID[0] * CELL, height * (CELL + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), _font(12)
    for at, (row, file) in enumerate(zip(rows, files, strict=True)):
        left, top = at % GRID[0] * CELL, at // GRID[0] * (CELL + CAPTION)
        thumbnail = ImageOps.contain(_decoded(file), (CELL - 12, CELL - 12))
        sheet.paste(thumbnail, (left + (CELL - thumbnail.width) // 2, top + 6))
        caption = f"{row.attribute}: {row.label_name} → {row.suggested_name}, {row.score:.2f}"
        draw.multiline_text((left + 8, top + CELL), textwrap.fill(caption, 36), "black", font)
    return sheet
