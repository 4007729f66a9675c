"""A sheet as one HTML file: pictures, questions and hotkeys, answered from the disk in any browser.

The answers stay in the browser until they are downloaded as the CSV that ``sync-corrections --from`` reads.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from db.images.files import read_bytes
from db.images.formats import BadImage
from db.images.pixels import decode
from db.labels.classes import ClassList
from review.page.labeling_config import KEY_ROWS, UNUSABLE_KEY, VERDICTS

SIDE = 720
"""The longest side of a picture in the page, in pixels: some 80 kB each."""


def page(
    name: str, rows: Sequence[Mapping[str, str]], columns: Sequence[str], class_lists: Mapping[str, ClassList]
) -> str:
    """Return the page of a sheet.

    Args:
        name: The sheet's own; the browser keeps the answers under it.
        rows: As the CSV has them, before they are answered.
        columns: The CSV's.
        class_lists: The classes that each attribute offers.
    """
    sheet = {
        "name": name,
        "columns": list(columns),
        "rows": [{**row, "thumbnail": picture(Path(row["image"]))} for row in rows],
        "classes": {
            attribute: sorted(classes.names.items(), key=lambda pair: pair[1].casefold())
            for attribute, classes in class_lists.items()
        },
        "verdicts": [(verdict, text) for verdict, (text, _hint) in VERDICTS.items()],
        "keys": KEY_ROWS,
        "unusable": UNUSABLE_KEY,
    }
    template = files("review.sheet").joinpath("sheet.html").read_text(encoding="utf-8")
    return template.replace("{{sheet}}", json.dumps(sheet).replace("<", "\\u003c"))


def picture(path: Path) -> str:
    """Return an image as a JPEG in a data URI, ``""`` where it cannot be read."""
    try:
        upright = decode(read_bytes(path), SIDE)
    except BadImage:
        return ""
    upright.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
