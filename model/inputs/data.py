"""What a run is given, and how one image becomes the square that a network sees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from db.images.files import read_bytes
from db.images.formats import REASONS, BadImage
from db.images.pixels import decode
from db.labels.attribute_labels import AttributeLabels


@dataclass(frozen=True)
class Example:
    """One artwork's image: what training may know of it, which is not its path's text."""

    artwork_id: int
    path: Path
    sha256: str


@dataclass(frozen=True)
class Transform:
    """From a decoded image to the square of ``size`` pixels, without augmentation."""

    size: int
    resize: str  # "crop" or "squash"
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def key(self) -> str:
        """Return what a cache of this transform's output must be keyed by."""
        return f"{self.resize}-{self.size}-{self.mean}-{self.std}"

    def square(self, image: Image.Image) -> Image.Image:
        """Return the centre of the image as a square, or the image squashed into one."""
        if self.resize == "squash":
            return image.resize((self.size, self.size), Image.Resampling.BILINEAR)
        return ImageOps.fit(image, (self.size, self.size), Image.Resampling.BICUBIC)


class Unreadable(Exception):
    """An image that cannot be decoded; its text is the reason. Such images are skipped and listed."""


def read_image(path: Path, short_side: int | None = None) -> Image.Image:
    """Decode one image to RGB, upright, 8 bits a channel.

    Args:
        path: The file.
        short_side: If given, the image may come at a reduced size no shorter than this, which is several
            times faster for large JPEG files.

    Raises:
        Unreadable: The file is missing, is not an image, is cut short, or is larger than ``MAX_PIXELS``.
    """
    try:
        return decode(read_bytes(path), short_side)
    except BadImage as error:
        raise Unreadable(REASONS[str(error)]) from error


def pixels(path: Path, transform: Transform) -> NDArray[np.uint8]:
    """Return the square of one image file, shape ``(size, size, 3)``.

    Raises:
        Unreadable: See :func:`read_image`.
    """
    short_side = transform.size if transform.resize == "crop" else 2 * transform.size
    image = read_image(path, short_side)
    return np.asarray(transform.square(image), dtype=np.uint8)


def digest(
    examples: Sequence[Example], targets: Sequence[AttributeLabels], *arrays: NDArray[np.generic]
) -> str:
    """Return a digest of the images and labels of a run, in their order.

    Paths take no part: they may change, and they spell the labels.
    """
    total = hashlib.sha256()
    for example in examples:
        total.update(f"{example.artwork_id} {example.sha256}\n".encode())
    for target in targets:
        total.update("\n".join([target.attribute, *target.classes, ""]).encode())
        total.update(np.ascontiguousarray(target.labels, dtype=np.int64).tobytes())
        if target.label_weight is not None:
            total.update(target.label_weight.tobytes())
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
