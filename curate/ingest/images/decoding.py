"""Check one image file: decode all of it once, and tell what it is or why it cannot be used."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from db.images.copies import browsers_show
from db.images.files import read_bytes
from db.images.formats import DECODER_ERRORS, SUFFIXES, BadImage, open_image, sniff
from db.images.pixels import eight_bits, is_deep, load, orientation, turned
from db.images.state import ImageState
from db.images.tiff import SIDEWAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

HASH_SIDE = 64
"""Grey pixels a side that the perceptual hash sees; its 16 by 16 lowest frequencies make 256 bits."""


def check_file(file: str, bytes_: int, mtime_ns: int) -> ImageState:
    """Read, hash and decode an image.

    Args:
        file: Where it opens.
        bytes_: Its size as the folder says.
        mtime_ns: Its time of change.

    Returns:
        Status ``ok``, or ``refused`` with a reason: what ``db.images`` raises as ``BadImage``.
    """
    sha256 = None
    try:
        data = read_bytes(Path(file))
        sha256 = hashlib.sha256(data).hexdigest()
        return check_bytes(data, file, sha256)._replace(bytes=bytes_, mtime_ns=mtime_ns)
    except BadImage as error:
        return ImageState("refused", str(error), sha256, bytes=bytes_, mtime_ns=mtime_ns)


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
        shown = browsers_show(image, kind)
        image.draft("RGB", (512, 512))
        notes = _notes(image, kind, name)
        load(image)
        turn = orientation(image)
        if turn != 1:
            notes = (*notes, "turned_by_exif")
        if turn in SIDEWAYS:
            width, height = height, width
        phash, detail = perceptual_hash(_grey(image, data, turn))
    return ImageState(
        "ok",
        None,
        sha256,
        phash,
        detail,
        width=width,
        height=height,
        image_format=kind,
        needs_copy=not shown or (turn != 1 and kind != "JPEG"),
        notes=notes,
    )


def _notes(image: Image.Image, kind: str, name: str) -> tuple[str, ...]:
    """Return codes of what is odd about a usable image.

    Raises:
        BadImage: ``corrupt``: its frames or its metadata cannot be read.
    """
    notes = []
    stem, dot, suffix = name.rpartition(".")
    if dot and stem and f".{suffix.lower()}" not in SUFFIXES[kind]:
        notes.append("wrong_suffix")
    try:
        if kind in ("GIF", "WEBP", "PNG", "AVIF") and getattr(image, "is_animated", False):
            notes.append("animated")
        if kind in ("TIFF", "HEIF") and getattr(image, "n_frames", 1) > 1:
            notes.append("several_pages")
    except DECODER_ERRORS as error:
        raise BadImage("truncated" if "truncated" in str(error) else "corrupt") from error
    if image.mode == "CMYK":
        notes.append("cmyk")
    if is_deep(image):
        notes.append("deep_colour")
    return tuple(notes)


def _grey(image: Image.Image, data: bytes, turn: int) -> Image.Image:
    """Return a decoded image upright, grey, ``HASH_SIDE`` a side.

    Raises:
        BadImage: Its colours are of a kind that nothing here converts.
    """
    try:
        image = eight_bits(image, data, HASH_SIDE)
        if image.mode not in ("L", "RGB", "CMYK"):
            image = image.convert("RGB")
        small = image.resize((HASH_SIDE, HASH_SIDE), Image.Resampling.BOX).convert("L")
    except MemoryError as error:
        raise BadImage("too_little_memory") from error
    except DECODER_ERRORS as error:
        raise BadImage("unsupported_format") from error
    return turned(small, turn)


def perceptual_hash(grey: Image.Image) -> tuple[str, float]:
    """Return the 256-bit DCT hash of a small grey image, and how much the image gives to hash.

    The bits say which of the 16 by 16 lowest frequencies lie above their median (ImageHash's ``phash``); the
    detail is the median of their magnitudes. Where it is near zero (an empty sheet, a plain ground) the
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
