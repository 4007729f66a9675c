"""Thumbnails that a page carries with it, as data URIs."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageOps

from curate.evaluation import RunPredictions
from curate.ingest.images.decoding import MAX_PIXELS, BadImage, open_image, scaled_to_8_bits, sniff
from db.workspace.mirror import fetched
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
    return workspace.image_path(root, path) if root in workspace.settings.roots else None


def thumbnail(path: Path | None) -> str:
    """Return an image as a small JPEG in a data URI, ``""`` where it cannot be read."""
    if path is None:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
            small = _small(fetched(path).read_bytes())
    except (BadImage, OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError):
        return ""
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _small(data: bytes) -> Image.Image:
    """Decode an image no larger than it will be shown, upright, in 8 bits a channel."""
    image = open_image(data, sniff(data))
    if image.width * image.height > MAX_PIXELS:
        raise BadImage("too_many_pixels")
    image.draft("RGB", (2 * SIDE, 2 * SIDE))
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith("I") or turned.mode == "F":
        turned = scaled_to_8_bits(turned)
    if turned.mode in ("RGBA", "LA", "PA", "P"):
        turned = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned)
    turned = turned.convert("RGB")
    turned.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return turned
