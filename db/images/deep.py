"""Channels of more than 8 bits: read where Pillow cannot, and scaled to 8 by the range that they use."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFile

from db.images.formats import MAX_BYTES, BadImage
from db.images.tiff import PREMULTIPLIED, SIDEWAYS, STRAIGHT, read_layout, tiff_channels

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEPTHS = (8, 10, 12, 14, 16, 24, 31)
"""Bits that scanners and cameras give, whatever the bits of the file they are kept in."""

BAND = 256
"""Rows of floats that are scaled at a time: all of them would take several times the image's memory."""


class DeepTiff(ImageFile.ImageFile):
    """A TIFF whose channels Pillow has no mode for: colours of floats, of signed or 32-bit integers; 64 bits.

    As all TIFFs it comes upright. Grey is decoded to mode ``F``. Colours, for which there is no such mode,
    are scaled as they are decoded; transparency falls on white.
    """

    format = "TIFF"

    def _open(self) -> None:
        """Read the header.

        Raises:
            BadImage: ``unsupported_format``: its channels are none of these; ``too_large``: its pixels take
                more than ``MAX_BYTES``.
        """
        assert self.fp is not None
        self._layout = layout = read_layout(self.fp)
        if layout.kind not in "fiu" or layout.width_of_value is None:
            raise BadImage("unsupported_format")
        self.n_frames = 2 if layout.more_pages else 1  # at least
        sideways = layout.orientation in SIDEWAYS
        self._size = (layout.height, layout.width) if sideways else (layout.width, layout.height)
        self._mode = "F" if layout.channels == 1 else "RGB"
        if self.width * self.height * layout.channels * layout.width_of_value > MAX_BYTES:
            raise BadImage("too_large")

    def load(self) -> Any:
        """Decode it, unless that was done.

        Raises:
            OSError: It cannot be decoded to its end.
            BadImage: ``unsupported_format``: it is compressed in a way that is not read.
        """
        if self._im is None:
            self.im = self._decoded().im
        return Image.Image.load(self)

    def _decoded(self) -> Image.Image:
        assert self.fp is not None
        self.fp.seek(0)
        values = self._values(self.fp.read())
        if values is None or values.shape[1::-1] != self.size or values.dtype.kind != self._layout.kind:
            raise OSError("the channels cannot be decoded")
        if values.ndim == 2:
            return Image.fromarray(values.astype(np.float32))
        low, high = used_range(values[:, :, :3])
        alpha = self._layout.alpha if values.shape[2] == 4 else 0
        opaque = 1.0 if self._layout.kind == "f" else np.iinfo(values.dtype).max
        shown = np.empty((*values.shape[:2], 3), np.uint8)
        for top in range(0, len(values), BAND):
            band = values[top : top + BAND]
            colours = band[:, :, :3]
            if alpha in (PREMULTIPLIED, STRAIGHT):
                share = np.clip(np.nan_to_num(band[:, :, 3:] / opaque), 0.0, 1.0)
                colours = colours * (share if alpha == STRAIGHT else 1.0) + high * (1.0 - share)
            shown[top : top + BAND] = scaled(colours, low, high)
        return Image.fromarray(shown)

    def _values(self, data: bytes) -> NDArray[Any] | None:
        """Return the channels, red first."""
        layout = self._layout
        if layout.kind == "f" and layout.width_of_value in (4, 8) and not layout.apart:
            values = _decoded(data)  # OpenCV knows more compressions
            return (
                values
                if values is None or values.ndim == 2
                else values[:, :, [2, 1, 0, 3][: values.shape[2]]]
            )
        return tiff_channels(data)


def deep_tiff(data: bytes) -> DeepTiff:
    """Open a TIFF whose pixels Pillow does not know.

    Raises:
        BadImage: Its channels are not read, or it is too large.
    """
    return DeepTiff(BytesIO(data), "")


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


def used_range(values: NDArray[Any]) -> tuple[float, float]:
    """Return black and white of channels: as ``float_range`` for floats, as ``true_range`` for integers.

    Signed ones have a bit less.
    """
    if values.dtype.kind == "f":
        return float_range(values)
    low, high = true_range(int(values.min()), int(values.max()))
    return low, min(high, float(np.iinfo(values.dtype).max))


def true_range(low: int, high: int) -> tuple[float, float]:
    """Return black and white of whole numbers: 0, and the largest of the smallest bit depth that fits.

    Example:
        >>> true_range(12, 4000), true_range(0, 60_000)
        ((0.0, 4095.0), (0.0, 65535.0))
    """
    if low < 0:
        return float(low), float(high)
    bits = next((bits for bits in DEPTHS if high < 1 << bits), 32 if high <= 1 << 32 else 64)
    return 0.0, float((1 << bits) - 1)


def scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return values as 8 bits, ``low`` black and ``high`` white; what is no number is black."""
    scale = 255.0 / max(high - low, 1e-9)
    if values.dtype == np.uint16:
        table = np.clip((np.arange(1 << 16) - low) * scale, 0, 255).round().astype(np.uint8)
        return np.asarray(table[values])
    shares = (values.astype(np.float32) - low) * scale
    return np.asarray(np.clip(np.nan_to_num(shares, posinf=255.0, neginf=0.0), 0, 255).round(), np.uint8)


def deep_channels(data: bytes, apart: bool = False) -> NDArray[np.uint16] | None:
    """Return the 16-bit channels of a PNG or TIFF, shape ``(H, W, 3)``; None where it has none.

    Pillow has no mode for them. Transparency falls on white.

    Args:
        data: The file's bytes.
        apart: Whether it is a TIFF with a plane for each channel, which OpenCV takes for another picture.
    """
    try:
        decoded = tiff_channels(data) if apart else _decoded(data)
    except BadImage:
        return None
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3 or decoded.shape[2] not in (3, 4):
        return None
    channels: NDArray[np.uint16] = decoded[:, :, :3] if apart else decoded[:, :, 2::-1]
    if decoded.shape[2] == 3:
        return channels
    share = decoded[:, :, 3:].astype(np.float32) / 65535.0
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
