"""Copies of images that a browser cannot show as they are: one JPEG an image, in the workspace's cache.

A browser shows JPEG, PNG, WebP, GIF, BMP and AVIF in 8 bits a channel; a TIFF, a HEIC, a 16-bit scan, a
CMYK print or a file too large for its memory it shows wrongly or not at all. A copy is made when it is
first needed, named by the digest of the image it was made of, and safe to delete.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from db.images.files import read_bytes
from db.images.formats import BadImage
from db.images.pixels import decode, is_deep
from db.workspace.progress import Progress, Silent

if TYPE_CHECKING:
    from db.workspace.workspace import Workspace

COPIES = "copies"
"""The folder of all copies, in a workspace's cache."""

LONGEST = 2560
"""The longest side of a copy, in pixels: enough to zoom in on a signature; some 1 MB."""
QUALITY = 90

SHOWN = frozenset({"JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"})
LARGEST_SHOWN = 60_000_000
LONGEST_SHOWN = 16_000
"""Pixels in all, and along a side, that browsers are sure to show."""


def browsers_show(image: Image.Image, kind: str) -> bool:
    """Return whether browsers show an opened image as it is; whether they turn it is another question."""
    if kind not in SHOWN or image.mode in ("CMYK", "YCCK", "LAB") or is_deep(image):
        return False
    return image.width * image.height <= LARGEST_SHOWN and max(image.size) <= LONGEST_SHOWN


class Place(NamedTuple):
    """Where an artwork's image lies, and what the catalog knows of it."""

    root: str
    path: str
    sha256: str | None
    needs_copy: bool | None
    image_format: str | None


def needs_copy(place: Place) -> bool:
    """Return whether a browser needs a copy; of what an older version read, the format alone tells."""
    if place.sha256 is None:
        return False
    if place.needs_copy is None:
        return place.image_format is not None and place.image_format not in SHOWN
    return place.needs_copy


def shown_files(
    workspace: Workspace, places: Mapping[int, Place], progress: Progress | None = None
) -> dict[int, Path]:
    """Return by artwork id the file that a browser can show: the image itself, or its copy.

    Images that are gone, are refused or cannot be decoded any more are left out.

    Raises:
        RootUnknown: This workspace does not know the folder of a root.
    """
    files: dict[int, Path] = {}
    wanted: dict[int, tuple[Path, str]] = {}
    for artwork_id, place in places.items():
        path = workspace.find_image(place.root, place.path)
        if path is None:
            continue
        if needs_copy(place):
            assert place.sha256 is not None
            wanted[artwork_id] = (path, place.sha256)
        elif place.root in workspace.settings.root_urls or path.exists():
            files[artwork_id] = path
    return files | display_copies(workspace, wanted, progress)


def copy_path(workspace: Workspace, sha256: str) -> Path:
    """Return where the copy of an image lies, or will."""
    return workspace.cache_folder / COPIES / sha256[:2] / f"{sha256}-{LONGEST}.jpg"


def display_copy(workspace: Workspace, path: Path, sha256: str) -> Path:
    """Return the copy of an image, made where it is not there yet.

    Args:
        workspace: Whose cache it is kept in.
        path: Where the image lies.
        sha256: The digest of its bytes as they were read.

    Raises:
        BadImage: The image is gone or cannot be decoded.
    """
    copy = copy_path(workspace, sha256)
    if copy.is_file():
        return copy
    image = decode(read_bytes(path), LONGEST // 2)
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    copy.parent.mkdir(parents=True, exist_ok=True)
    temporary = copy.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
    try:
        image.save(temporary, "JPEG", quality=QUALITY)
        temporary.replace(copy)
    finally:
        temporary.unlink(missing_ok=True)
    return copy


def display_copies(
    workspace: Workspace, wanted: Mapping[int, tuple[Path, str]], progress: Progress | None = None
) -> dict[int, Path]:
    """Make the copies of many images; those that cannot be decoded any more are left out.

    Args:
        workspace: Whose cache they are kept in.
        wanted: By artwork id, where the image lies and the digest of its bytes.
        progress: Told how far it is.
    """
    progress = progress or Silent()
    missing = sum(not copy_path(workspace, sha256).is_file() for _, sha256 in wanted.values())
    if missing:
        progress.start(len(wanted), "making copies that a browser can show")

    def one(item: tuple[int, tuple[Path, str]]) -> tuple[int, Path] | None:
        try:
            return item[0], display_copy(workspace, *item[1])
        except (BadImage, OSError):
            return None

    made = {}
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for done in pool.map(one, wanted.items()):
            if done is not None:
                made[done[0]] = done[1]
            if missing:
                progress.advance(1)
    return made
