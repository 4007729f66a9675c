"""What a run is given, and how one image becomes the square that a network sees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from db.labels.attribute_labels import AttributeLabels
from db.workspace.mirror import fetched

MAX_PIXELS = 400_000_000
"""Larger images are refused as unreadable; the largest of WikiArt stay well below."""

Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow warns from 89 million on, which large scans of paintings pass


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
    """Decode one image to RGB, upright.

    Args:
        path: The file.
        short_side: If given, a JPEG may be decoded at a reduced size no shorter than this,
            which is several times faster for large ones.

    Raises:
        Unreadable: The file is missing, is no image, is cut short, or is larger than ``MAX_PIXELS``.
    """
    try:
        with Image.open(fetched(path)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Unreadable(f"{image.width} × {image.height} pixels, more than {MAX_PIXELS}")
            if short_side is not None and image.format == "JPEG":
                image.draft("RGB", (short_side, short_side))
            upright = ImageOps.exif_transpose(image)
            return _to_rgb(upright)
    except FileNotFoundError:
        raise Unreadable("the file is missing") from None
    except UnidentifiedImageError:
        raise Unreadable("not an image") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(str(error)) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Unreadable(f"cannot be decoded: {error}") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return RGB; transparency falls on white, 16-bit greys keep their range."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, layered).convert("RGB")
    if image.mode.startswith("I"):
        grey = np.asarray(image, dtype=np.float32)
        return Image.fromarray(np.clip(grey / 257.0, 0, 255).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


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
