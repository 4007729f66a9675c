"""Channels of more than 8 bits: read where Pillow cannot, and scaled to 8 by the range that they use."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from db.images.formats import MAX_BYTES, BadImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEPTHS = (8, 10, 12, 14, 16, 24, 31)
"""Bits that scanners and cameras give, whatever the bits of the file they are kept in."""

BAND = 256
"""Rows of floats that are scaled at a time: all of them would take several times the image's memory."""

WIDTH, HEIGHT, BITS, PHOTOMETRIC, ORIENTATION, SAMPLES = 256, 257, 258, 262, 274, 277
PLANES, EXTRA, SAMPLE_FORMAT = 284, 338, 339
SIDEWAYS = (5, 6, 7, 8)
"""TIFF's tags."""
FLOAT, GREY, RGB, LOG_LUV, INTERLEAVED = 3, 1, 2, 32845, 1
PREMULTIPLIED, STRAIGHT = 1, 2


class FloatTiff(ImageFile.ImageFile):
    """A TIFF of floating point that Pillow has no mode for: colours, or 64 bits.

    As all TIFFs it comes upright. Grey is decoded to mode ``F``. Colours, for which there is no such mode,
    are scaled as they are decoded; transparency falls on white.
    """

    format = "TIFF"

    def _open(self) -> None:
        """Read the header.

        Raises:
            BadImage: ``unsupported_format``: it is no float, or of a layout that OpenCV misreads;
                ``too_large``: its pixels take more than ``MAX_BYTES``.
        """
        assert self.fp is not None
        head = self.fp.read(8)
        head += self.fp.read(8) if head[2] == 43 else b""  # BigTIFF
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        self.fp.seek(tags.next)
        tags.load(self.fp)
        self.n_frames = 2 if tags.next else 1  # at least
        channels = int(tags.get(SAMPLES, 1))
        wide = _float_bytes(tags, channels)
        if wide is None or tags.get(PLANES, INTERLEAVED) != INTERLEAVED:
            raise BadImage("unsupported_format")
        width, height = int(tags[WIDTH]), int(tags[HEIGHT])
        self._size = (height, width) if tags.get(ORIENTATION) in SIDEWAYS else (width, height)
        self._mode = "F" if channels == 1 else "RGB"
        self._extra = tags.get(EXTRA, (0,))[0]
        if self.width * self.height * channels * wide > MAX_BYTES:
            raise BadImage("too_large")

    def load(self) -> Any:
        """Decode it, unless that was done.

        Raises:
            OSError: It cannot be decoded to its end.
        """
        if self._im is None:
            self.im = self._decoded().im
        return Image.Image.load(self)

    def _decoded(self) -> Image.Image:
        assert self.fp is not None
        self.fp.seek(0)
        values = _decoded(self.fp.read())
        if values is None or values.shape[1::-1] != self.size or values.dtype.kind != "f":
            raise OSError("the floats cannot be decoded")
        if values.ndim == 2:
            return Image.fromarray(values.astype(np.float32))
        low, high = float_range(values[:, :, :3])
        alpha = self._extra if values.shape[2] == 4 else 0
        shown = np.empty((*values.shape[:2], 3), np.uint8)
        for top in range(0, len(values), BAND):
            band = values[top : top + BAND]
            colours = band[:, :, 2::-1]  # OpenCV keeps blue first
            if alpha in (PREMULTIPLIED, STRAIGHT):
                share = np.clip(np.nan_to_num(band[:, :, 3:]), 0.0, 1.0)
                colours = colours * (share if alpha == STRAIGHT else 1.0) + high * (1.0 - share)
            shown[top : top + BAND] = scaled(colours, low, high)
        return Image.fromarray(shown)


def _float_bytes(tags: TiffImagePlugin.ImageFileDirectory_v2, channels: int) -> int | None:
    """Return how many bytes each decoded value takes; None where it is no float, or of unusual channels."""
    if tags.get(PHOTOMETRIC) == LOG_LUV:  # OpenCV writes floats so
        return 4 if channels == 3 else None
    usual = {1: GREY, 3: RGB, 4: RGB}.get(channels) == tags.get(PHOTOMETRIC)
    floats = set(tags.get(SAMPLE_FORMAT, ())) == {FLOAT}
    return {(32,): 4, (64,): 8}.get(tuple(set(tags.get(BITS, ())))) if usual and floats else None


def float_tiff(data: bytes) -> FloatTiff:
    """Open a TIFF whose pixels Pillow does not know.

    Raises:
        BadImage: It is no TIFF of floats that can be read, or too large.
    """
    return FloatTiff(BytesIO(data), "")


def float_range(values: NDArray[Any]) -> tuple[float, float]:
    """Return the floats that become black and white.

    They are 0 and 1 where all lie between; for whole numbers the range of their bits, as for integers; else 0
    (or the least, if that is below) and the greatest.

    Example:
        >>> [float_range(np.array(values)) for values in ([0.1, 0.8], [7.0, 200.0], [0.5, 1.25])]
        [(0.0, 1.0), (0.0, 255.0), (0.0, 1.25)]
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if low < 0:
        return low, high
    if high <= 1:
        return 0.0, 1.0
    return true_range(int(low), int(high)) if np.array_equal(finite, np.floor(finite)) else (0.0, high)


def true_range(low: int, high: int) -> tuple[float, float]:
    """Return black and white of whole numbers: 0 and the largest of the fewest usual bits that hold them.

    Example:
        >>> true_range(12, 4000), true_range(0, 60_000)
        ((0.0, 4095.0), (0.0, 65535.0))
    """
    if low < 0:
        return float(low), float(high)
    bits = next((bits for bits in DEPTHS if high < 1 << bits), 32)
    return 0.0, float((1 << bits) - 1)


def scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return values as 8 bits, ``low`` black and ``high`` white; what is no number is black."""
    scale = 255.0 / max(high - low, 1e-9)
    if values.dtype == np.uint16:
        table = np.clip((np.arange(1 << 16) - low) * scale, 0, 255).round().astype(np.uint8)
        return np.asarray(table[values])
    shares = (values.astype(np.float32) - low) * scale
    return np.asarray(np.clip(np.nan_to_num(shares, posinf=255.0, neginf=0.0), 0, 255).round(), np.uint8)


def deep_channels(data: bytes) -> NDArray[np.uint16] | None:
    """Return all bits of a PNG or TIFF whose channels have 16, shape ``(H, W, 3)``; None where nobody can.

    Pillow has no mode for them. Transparency falls on white.
    """
    found = _decoded(data)
    if found is None or found.dtype != np.uint16 or found.ndim != 3 or found.shape[2] not in (3, 4):
        return None
    channels: NDArray[np.uint16] = found[:, :, 2::-1]
    if found.shape[2] == 3:
        return channels
    share = found[:, :, 3:].astype(np.float32) / 65535.0
    white = true_range(0, int(channels.max()))[1]
    return np.asarray(channels * share + white * (1.0 - share), dtype=np.uint16)


def _decoded(data: bytes) -> NDArray[Any] | None:
    """Return an image as OpenCV reads it, blue first, all its bits; None where it cannot."""
    try:
        import cv2
    except ImportError:
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
