"""TIFF's channels as they are stored, where neither Pillow nor OpenCV reads them right."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import TiffImagePlugin

from db.images.formats import MAX_BYTES, BadImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT, BITS, PHOTOMETRIC, ORIENTATION, SAMPLES = 256, 257, 258, 262, 274, 277
PLANES, EXTRA, SAMPLE_FORMAT = 284, 338, 339
"""TIFF's tags."""
APART = 2
"""Value of ``PLANES``: a plane for each channel, not a pixel after the other."""
GREY, RGB, LOG_LUV = 1, 2, 32845
SIDEWAYS = (5, 6, 7, 8)
PREMULTIPLIED, STRAIGHT = 1, 2
SIGNED = 2
KINDS = {1: "u", SIGNED: "i", 3: "f"}
"""NumPy's letters by the values of ``SAMPLE_FORMAT``."""


@dataclass(frozen=True)
class Layout:
    """How the channels of a TIFF's first page are stored.

    Attributes:
        kind: NumPy's letter: unsigned, signed or float; blank where they are of several kinds.
        width_of_value: Bytes of each decoded value; None where that is none of NumPy's.
        apart: Whether each channel has a plane of its own.
        alpha: What the fourth channel is: ``PREMULTIPLIED``, ``STRAIGHT`` or neither.
        more_pages: Whether other pages follow.
    """

    width: int
    height: int
    channels: int
    kind: str
    width_of_value: int | None
    apart: bool
    alpha: int
    orientation: int
    more_pages: bool


def read_layout(file: IO[bytes]) -> Layout:
    """Read the header of a TIFF, or BigTIFF, from its beginning.

    Raises:
        BadImage: ``unsupported_format``: its channels are neither grey nor red, green and blue.
    """
    head = file.read(8)
    head += file.read(8) if head[2] == 43 else b""  # BigTIFF
    tags = TiffImagePlugin.ImageFileDirectory_v2(head)
    file.seek(tags.next)
    tags.load(file)
    channels = int(tags.get(SAMPLES, 1))
    colour = tags.get(PHOTOMETRIC)
    if {1: GREY, 3: RGB, 4: RGB}.get(channels) != colour and (channels, colour) != (3, LOG_LUV):
        raise BadImage("unsupported_format")
    formats, bits = set(tags.get(SAMPLE_FORMAT, (1,))), set(tags.get(BITS, (1,)))
    kind = KINDS.get(formats.pop(), "") if len(formats) == 1 else ""
    wide = bits.pop() if len(bits) == 1 else 0
    if colour == LOG_LUV:  # OpenCV writes floats so
        kind, wide = "f", 32
    return Layout(
        width=int(tags[WIDTH]),
        height=int(tags[HEIGHT]),
        channels=channels,
        kind=kind,
        width_of_value=wide // 8 if wide in (8, 16, 32, 64) else None,
        apart=tags.get(PLANES) == APART,
        alpha=int(tags.get(EXTRA, (0,))[0]),
        orientation=int(tags.get(ORIENTATION, 1)),
        more_pages=bool(tags.next),
    )


def tiff_channels(data: bytes) -> NDArray[Any]:
    """Return the first page's channels upright, shape ``(H, W)`` or ``(H, W, C)``, red first.

    Raises:
        BadImage: ``unsupported_format``: it is compressed in a way that is not read; ``too_large``: it takes
            more than ``MAX_BYTES``.
        OSError: It cannot be decoded to its end.
    """
    import tifffile

    layout = read_layout(BytesIO(data))
    try:
        with tifffile.TiffFile(BytesIO(data)) as file:
            page = file.pages[0]
            if page.nbytes > MAX_BYTES:
                raise BadImage("too_large")
            values = np.asarray(page.asarray())
    except ValueError as error:
        if "imagecodecs" in str(error):
            raise BadImage("unsupported_format") from error
        raise OSError(str(error)) from error
    if layout.apart and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    return upright(values, layout.orientation)


def upright(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return pixels turned as TIFF's orientation says; one that makes no sense turns nothing."""
    if orientation in SIDEWAYS:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values
