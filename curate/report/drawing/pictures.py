"""Thumbnails that a page carries with it, as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from curate.evaluation import RunPredictions
from db.images.files import read_bytes
from db.images.formats import BadImage
from db.images.pixels import decode
from db.workspace.workspace import Workspace

SIDE = 168
"""Longest side of a thumbnail, pixels: sharp enough to judge a painting at a glance, about 7 kB."""
QUALITY = 72
THREADS = 4


def thumbnails(workspace: Workspace, predictions: RunPredictions, rows: Iterable[int]) -> dict[int, str]:
    """Return by row the thumbnail of an artwork, ``""`` where its image cannot be read now."""
    wanted = sorted(set(rows))
    paths = [_path(workspace, predictions.roots[row], predictions.paths[row]) for row in wanted]
    with ThreadPoolExecutor(THREADS) as pool:
        return dict(zip(wanted, pool.map(thumbnail, paths), strict=True))


def _path(workspace: Workspace, root: str, path: str) -> Path | None:
    return workspace.find_image(root, path) if root in workspace.settings.roots else None


def thumbnail(path: Path | None) -> str:
    """Return an image as a small JPEG in a data URI, ``""`` where it cannot be read."""
    if path is None:
        return ""
    try:
        small = decode(read_bytes(path), 2 * SIDE)
    except BadImage:
        return ""
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
