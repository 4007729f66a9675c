"""Check one image file: decode all of it once, and tell what it is or why it cannot be used.

Pillow's own pixel limit is a global switch; here the format's plugin is called by its registered name, and
the limit is ours.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from db.ingest.writer import ImageState
from db.workspace.mirror import fetched

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 400_000_000
"""Above it an image is a bomb: 20,000 by 20,000 pixels, 1.2 GB once decoded."""

MAX_BYTES = 1_000_000_000
"""Above it a file is not read."""

HASH_SIDE = 64
"""Grey pixels a side that the perceptual hash sees; its 16 by 16 lowest frequencies make 256 bits."""

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

SUFFIXES = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "PNG": {".png", ".apng"},
    "WEBP": {".webp"},
    "GIF": {".gif"},
    "BMP": {".bmp", ".dib"},
    "TIFF": {".tif", ".tiff"},
    "AVIF": {".avif"},
    "JPEG2000": {".jp2", ".j2k", ".jpx"},
}
IMAGE_SUFFIXES = frozenset().union(*SUFFIXES.values())

MAGIC = (
    (b"\xff\xd8\xff", 0, "JPEG"),
    (b"\x89PNG\r\n\x1a\n", 0, "PNG"),
    (b"WEBP", 8, "WEBP"),
    (b"GIF8", 0, "GIF"),
    (b"BM", 0, "BMP"),
    (b"II*\x00", 0, "TIFF"),
    (b"MM\x00*", 0, "TIFF"),
    (b"ftypavif", 4, "AVIF"),
    (b"\x00\x00\x00\x0cjP  ", 0, "JPEG2000"),
    (b"\xff\x4f\xff\x51", 0, "JPEG2000"),
)


DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders are known to raise on bytes that are not what their header says."""


class BadImage(Exception):
    """An image that cannot be used; the text is the reason's code."""


def check_file(file: str, bytes_: int, mtime_ns: int) -> ImageState:
    """Read, hash and decode an image.

    Args:
        file: Where it opens.
        bytes_: Its size as the folder says.
        mtime_ns: Its time of change.

    Returns:
        Status ``ok``, or ``refused`` with a reason: ``empty_file``, ``not_an_image``,
        ``unsupported_format``, ``too_large``, ``too_many_pixels``, ``truncated``, ``corrupt`` or
        ``unreadable``.
    """
    sha256 = None
    try:
        data = _read(file, bytes_)
        sha256 = hashlib.sha256(data).hexdigest()
        return check_bytes(data, file, sha256)._replace(bytes=bytes_, mtime_ns=mtime_ns)
    except BadImage as error:
        return ImageState("refused", str(error), sha256, bytes=bytes_, mtime_ns=mtime_ns)


def _read(file: str, bytes_: int) -> bytes:
    if bytes_ == 0:
        raise BadImage("empty_file")
    if bytes_ > MAX_BYTES:
        raise BadImage("too_large")
    try:
        with fetched(Path(file)).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadImage("unreadable") from error


def check_bytes(data: bytes, name: str, sha256: str) -> ImageState:
    """Decode an image that was read; see ``check_file``.

    Raises:
        BadImage: It cannot be used.
    """
    kind = sniff(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata; what matters is checked here
        image = open_image(data, kind)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise BadImage("too_many_pixels")
        image.draft("RGB", (512, 512))
        orientation, notes = _load(image, kind, name)
        if orientation in SIDEWAYS:
            width, height = height, width
        grey = _grey(image, orientation)
        phash, detail = perceptual_hash(grey)
    return ImageState(
        "ok", None, sha256, phash, detail, width=width, height=height, image_format=kind, notes=notes
    )


def sniff(data: bytes) -> str:
    """Return the format that the first bytes say.

    Raises:
        BadImage: They are none of an image, or of one that curate does not read.
    """
    for magic, at, kind in MAGIC:
        if data.startswith(magic, at):
            return kind
    known = data[4:8] == b"ftyp" or data.startswith((b"8BPS", b"%!PS", b"%PDF", b"<svg", b"\x00\x00\x01\x00"))
    raise BadImage("unsupported_format" if known else "not_an_image")


def open_image(data: bytes, kind: str) -> Image.Image:
    """Open an image by its format's plugin; the pixels are not decoded yet.

    Raises:
        BadImage: The header cannot be understood.
    """
    Image.preinit()
    if kind not in Image.OPEN:
        Image.init()
    if kind not in Image.OPEN:
        raise BadImage("unsupported_format")
    try:
        return Image.OPEN[kind][0](BytesIO(data), b"")
    except Image.DecompressionBombError as error:
        raise BadImage("too_many_pixels") from error
    except DECODER_ERRORS as error:
        raise BadImage("truncated" if len(data) < 64 else "corrupt") from error


def _load(image: Image.Image, kind: str, name: str) -> tuple[int, tuple[str, ...]]:
    """Decode an image to its end; return how its EXIF says it is turned, and what is odd about it.

    Raises:
        BadImage: The pixels or the metadata cannot be decoded.
    """
    try:
        notes = _notes(image, kind, name)
        image.load()
        orientation = int(image.getexif().get(ORIENTATION, 1))
    except Image.DecompressionBombError as error:
        raise BadImage("too_many_pixels") from error
    except DECODER_ERRORS as error:
        raise BadImage("truncated" if "truncated" in str(error) else "corrupt") from error
    return orientation, (*notes, "turned_by_exif") if orientation in TURNS else notes


def _notes(image: Image.Image, kind: str, name: str) -> tuple[str, ...]:
    """Return codes of what is odd about a usable image."""
    notes = []
    stem, dot, suffix = name.rpartition(".")
    if dot and stem and f".{suffix.lower()}" not in SUFFIXES[kind]:
        notes.append("wrong_suffix")
    if kind in ("GIF", "WEBP", "PNG", "AVIF") and getattr(image, "is_animated", False):
        notes.append("animated")
    if kind == "TIFF" and getattr(image, "n_frames", 1) > 1:
        notes.append("several_pages")
    if image.mode == "CMYK":
        notes.append("cmyk")
    if image.mode.startswith("I") or image.mode == "F":
        notes.append("deep_colour")
    return tuple(notes)


def _grey(image: Image.Image, orientation: int) -> Image.Image:
    """Return a decoded image turned as its EXIF says, grey, ``HASH_SIDE`` a side."""
    if image.mode.startswith("I") or image.mode == "F":
        image = scaled_to_8_bits(image)
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    small = image.resize((HASH_SIDE, HASH_SIDE), Image.Resampling.BOX).convert("L")
    turn = TURNS.get(orientation)
    return small if turn is None else small.transpose(turn)


def scaled_to_8_bits(image: Image.Image) -> Image.Image:
    """Return a 16-bit, 32-bit or float image in 8 bits of grey, its own range spread over 0..255."""
    values = np.asarray(image, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if 0 <= low and 255 < high <= 65535 and image.mode != "F":
        low, high = 0.0, 65535.0
    return Image.fromarray(((values - low) * (255.0 / max(high - low, 1e-9))).astype(np.uint8))


def perceptual_hash(grey: Image.Image) -> tuple[str, float]:
    """Return the 256-bit DCT hash of a small grey image, and how much the image gives to hash.

    The bits say which of the 16 by 16 lowest frequencies lie above their median (ImageHash's ``phash``); the
    detail is the median of their magnitudes. Where it is near nought (an empty sheet, a plain ground) the
    bits are noise, and say nothing of likeness.
    """
    import imagehash

    bits = imagehash.phash(grey, hash_size=16).hash
    magnitudes = np.abs(_low_frequencies(np.asarray(grey, dtype=np.float64)))
    return np.packbits(bits).tobytes().hex(), float(np.median(magnitudes))


def _low_frequencies(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 16 by 16 lowest frequencies but the mean, as ``imagehash.phash`` takes them."""
    from scipy.fftpack import dct

    low: NDArray[np.float64] = dct(dct(pixels, axis=0), axis=1)[:16, :16]
    return low.ravel()[1:]
