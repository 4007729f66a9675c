"""From an image's bytes to upright RGB in 8 bits: the same for ingest, training, reports and copies.

Of several frames or pages the first counts; transparency falls on white; deeper channels are scaled by the
range that the image really uses.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from db.images.formats import DECODER_ERRORS, BadImage, open_image, sniff

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORIENTATION = 0x0112
"""EXIF's tag; its values 2 to 8 say how to turn the image, 5 to 8 that it lies on its side."""
SIDEWAYS = (5, 6, 7, 8)
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

DEEP_PIXELS = 100_000_000
"""Above it, colours of 16 bits are read by their upper bytes: all of them would take six bytes a pixel."""

DEPTHS = (8, 10, 12, 14, 16, 24, 31)
"""Bits that scanners and cameras give, whatever the bits of the file they are kept in."""


def decode(data: bytes, short_side: int | None = None) -> Image.Image:
    """Decode an image to RGB, upright, 8 bits a channel.

    Args:
        data: The file's bytes.
        short_side: If given, the image may come smaller, its shorter side no shorter than this; of a large
            JPEG that is several times faster.

    Raises:
        BadImage: It cannot be decoded to its end, or is larger than ``MAX_PIXELS``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
        image = open_image(data, sniff(data))
        if short_side is not None:
            image.draft("RGB", (short_side, short_side))
        is_deep(image)
        load(image)
        try:
            image = turned(eight_bits(image, data, short_side), orientation(image))
            return on_white(image)
        except MemoryError as error:
            raise BadImage("too_little_memory") from error
        except DECODER_ERRORS as error:
            raise BadImage("unsupported_format") from error


def load(image: Image.Image) -> None:
    """Decode an opened image to its end.

    Raises:
        BadImage: ``truncated``, ``corrupt``, ``too_many_pixels`` or ``too_little_memory``.
    """
    try:
        image.load()
    except Image.DecompressionBombError as error:
        raise BadImage("too_many_pixels") from error
    except MemoryError as error:
        raise BadImage("too_little_memory") from error
    except DECODER_ERRORS as error:
        raise BadImage("truncated" if "truncated" in str(error) else "corrupt") from error


def orientation(image: Image.Image) -> int:
    """Return how EXIF says that an image is turned, 1 to 8; 1 where that cannot be understood."""
    try:
        said = int(image.getexif().get(ORIENTATION, 1))
    except (*DECODER_ERRORS, MemoryError):
        return 1
    return said if said in TURNS else 1


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return an image turned upright."""
    turn = TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def is_deep(image: Image.Image) -> bool:
    """Return whether an opened image has more than 8 bits a channel."""
    return _is_deep_grey(image) or _is_deep_colour(image)


def _is_deep_grey(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _is_deep_colour(image: Image.Image) -> bool:
    """Return whether Pillow has read, or would read, only the upper bytes of an image's channels."""
    if image.info.get("curate_deep"):
        return True
    tiles: Any = getattr(image, "tile", ())
    deep = False
    for tile in tiles:
        said = tile[3] if len(tile) > 3 else ""
        mode = said[0] if isinstance(said, tuple) and said else said
        deep |= isinstance(mode, str) and ";16" in mode
    if deep:
        image.info["curate_deep"] = True  # the tiles are gone once the image is decoded
    return deep


def eight_bits(image: Image.Image, data: bytes, short_side: int | None = None) -> Image.Image:
    """Return a decoded image in 8 bits a channel, deeper ones scaled by the range they use.

    Args:
        image: Decoded; ``is_deep`` has looked at it before that, where its channels are deep colours.
        data: The bytes it was decoded from.
        short_side: If given, a deep image may come smaller, its shorter side no shorter than this.
    """
    if _is_deep_grey(image):
        low, high = _range(image)
        if short_side is not None and (factor := min(image.size) // short_side) > 1:
            size = (-(-image.width // factor), -(-image.height // factor))
            image = image.resize(size, Image.Resampling.BOX)
        return Image.fromarray(_scaled(np.asarray(image), low, high))
    small = image.width * image.height <= DEEP_PIXELS
    if _is_deep_colour(image) and small and image.mode in ("RGB", "RGBA", "LA"):
        channels = _deep_channels(data)
        if channels is not None:
            return Image.fromarray(_scaled(channels, *_true_range(int(channels.min()), int(channels.max()))))
    return image


def _range(image: Image.Image) -> tuple[float, float]:
    """Return the values of a deep grey image that become black and white."""
    if image.mode == "F":
        values = np.asarray(image)
        finite = values[np.isfinite(values)]
        if not len(finite):
            return 0.0, 1.0
        low, high = float(finite.min()), float(finite.max())
        if low >= 0 and high <= 1:
            return 0.0, 1.0
        return (0.0, 255.0) if low >= 0 and high <= 255 else (low, high)
    low, high = image.getextrema()  # type: ignore[assignment]
    return _true_range(int(low), int(high))


def _true_range(low: int, high: int) -> tuple[float, float]:
    """Return black and white of whole numbers: 0 and the largest of the fewest usual bits that hold them.

    Example:
        >>> _true_range(12, 4000), _true_range(0, 60_000)
        ((0.0, 4095.0), (0.0, 65535.0))
    """
    if low < 0:
        return float(low), float(high)
    bits = next((bits for bits in DEPTHS if high < 1 << bits), 32)
    return 0.0, float((1 << bits) - 1)


def _scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return values as 8 bits, ``low`` black and ``high`` white; what is no number is black."""
    scale = 255.0 / max(high - low, 1e-9)
    if values.dtype == np.uint16:
        table = np.clip((np.arange(1 << 16) - low) * scale, 0, 255).round().astype(np.uint8)
        return np.asarray(table[values])
    shares = (values.astype(np.float32) - low) * scale
    return np.asarray(np.clip(np.nan_to_num(shares, posinf=255.0, neginf=0.0), 0, 255).round(), np.uint8)


def _deep_channels(data: bytes) -> NDArray[np.uint16] | None:
    """Return all bits of a PNG or TIFF whose channels have 16, shape ``(H, W, 3)``; None where nobody can.

    Pillow has no mode for them. Transparency falls on white.
    """
    try:
        import cv2
    except ImportError:
        return None
    try:
        found: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if found is None or found.dtype != np.uint16 or found.ndim != 3 or found.shape[2] not in (3, 4):
        return None
    channels: NDArray[np.uint16] = found[:, :, 2::-1]  # OpenCV keeps blue first
    if found.shape[2] == 3:
        return channels
    share = found[:, :, 3:].astype(np.float32) / 65535.0
    white = _true_range(0, int(channels.max()))[1]
    return np.asarray(channels * share + white * (1.0 - share), dtype=np.uint16)


def on_white(image: Image.Image) -> Image.Image:
    """Return RGB; transparency falls on white."""
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("RGBA", "RGBa", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, layered).convert("RGB")
    if image.mode == "LAB":
        return _from_lab(image)
    return image.convert("RGB")


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    assert converted is not None
    return converted
