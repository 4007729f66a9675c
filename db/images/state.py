"""What a look at an image file tells; processes that check images pass it on and import little else."""

from __future__ import annotations

from typing import NamedTuple


class ImageState(NamedTuple):
    """What an ingest found at an image's path; all but the status is empty where it was not read."""

    status: str
    reason: str | None = None
    sha256: str | None = None
    phash: str | None = None
    phash_detail: float | None = None
    bytes: int | None = None
    mtime_ns: int | None = None
    width: int | None = None
    height: int | None = None
    image_format: str | None = None
    needs_copy: bool | None = None
    notes: tuple[str, ...] = ()
