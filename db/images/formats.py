"""Which formats are read, told by their first bytes, and how a file of one is opened.

Pillow's own pixel limit is a global switch; here the format's plugin is called by its registered name, and
the limits are ours.
"""

from __future__ import annotations

import struct
import zlib
from importlib import import_module
from io import BytesIO

from PIL import Image

MAX_PIXELS = 400_000_000
"""Above it an image is a bomb: 20,000 by 20,000 pixels, 1.6 GB once decoded."""

MAX_BYTES = 1_000_000_000
"""Above it a file is not read."""

SUFFIXES = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "PNG": {".png", ".apng"},
    "WEBP": {".webp"},
    "GIF": {".gif"},
    "BMP": {".bmp", ".dib"},
    "TIFF": {".tif", ".tiff", ".btf", ".tf8"},
    "AVIF": {".avif", ".avifs"},
    "JPEG2000": {".jp2", ".j2k", ".jpx"},
    "HEIF": {".heic", ".heif", ".hif"},
    "JXL": {".jxl"},
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
    (b"II+\x00", 0, "TIFF"),  # BigTIFF: offsets of 64 bits
    (b"MM\x00+", 0, "TIFF"),
    (b"\x00\x00\x00\x0cjP  ", 0, "JPEG2000"),
    (b"\xff\x4f\xff\x51", 0, "JPEG2000"),
    (b"\xff\x0a", 0, "JXL"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", 0, "JXL"),
)

BRANDS = (
    ({b"avif", b"avis"}, "AVIF"),
    ({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}, "HEIF"),
)
"""ISO media files say what they are in a list of brands; the first may be a general one (``mif1``)."""

LFS_POINTER = b"version https://git-lfs.github.com/spec/"

PLUGINS = {"HEIF": "pillow_heif", "JXL": "pillow_jxl"}
"""Formats that Pillow reads with a package of the extra ``formats``."""

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
    struct.error,
    zlib.error,
)
"""What Pillow's decoders are known to raise on bytes that are not what their header says."""


REASONS = {
    "missing": "the file is missing",
    "unreadable": "the file cannot be read",
    "not_a_file": "not a file that may be opened",
    "empty_file": "the file is empty",
    "too_large": f"cannot be decoded: more than {MAX_BYTES:,} bytes",
    "not_an_image": "not an image",
    "lfs_pointer": "a Git LFS pointer, not the image; run `git lfs pull`",
    "unsupported_format": "cannot be decoded: a format that is not read",
    "needs_plugin": "cannot be decoded: needs `pip install pillow-heif pillow-jxl-plugin`",
    "truncated": "cannot be decoded: the file ends early",
    "corrupt": "cannot be decoded: damaged",
    "too_many_pixels": f"cannot be decoded: more than {MAX_PIXELS:,} pixels",
    "too_little_memory": "cannot be decoded: too little memory",
}
"""What each code of ``BadImage`` means, in words."""


class BadImage(Exception):
    """An image that cannot be used; the text is the reason's code, as ``docs/ingest.md`` lists them."""


def sniff(data: bytes) -> str:
    """Return the format that the first bytes say.

    Raises:
        BadImage: They are none of an image, or of one that curate does not read.
    """
    for magic, at, kind in MAGIC:
        if data.startswith(magic, at):
            return kind
    if data[4:8] == b"ftyp":
        length = min(max(int.from_bytes(data[:4], "big"), 16), 256, len(data))
        said = {data[at : at + 4] for at in (8, *range(16, length - 3, 4))}
        for brands, kind in BRANDS:
            if said & brands:
                return kind
        raise BadImage("unsupported_format")
    if data.startswith(LFS_POINTER):
        raise BadImage("lfs_pointer")
    other_format = data.startswith((b"8BPS", b"%!PS", b"%PDF", b"<svg", b"\x00\x00\x01\x00"))
    raise BadImage("unsupported_format" if other_format else "not_an_image")


def open_image(data: bytes, kind: str | None = None) -> Image.Image:
    """Open an image by its format's plugin; the pixels are not decoded yet.

    Raises:
        BadImage: The header cannot be understood, or promises more than ``MAX_PIXELS``.
    """
    kind = kind or sniff(data)
    if not _has_plugin(kind):
        raise BadImage("needs_plugin" if kind in PLUGINS else "unsupported_format")
    try:
        image = Image.OPEN[kind][0](BytesIO(data), b"")
    except Image.DecompressionBombError as error:
        raise BadImage("too_many_pixels") from error
    except MemoryError as error:
        raise BadImage("too_little_memory") from error
    except DECODER_ERRORS as error:
        if "unknown pixel mode" in str(error):
            return _unknown_to_pillow(data, kind)
        raise BadImage("truncated" if len(data) < 64 else "corrupt") from error
    return _of_bounds(image)


def _of_bounds(image: Image.Image) -> Image.Image:
    if image.width * image.height > MAX_PIXELS:
        raise BadImage("too_many_pixels")
    return image


def _unknown_to_pillow(data: bytes, kind: str) -> Image.Image:
    """Open a TIFF whose pixels Pillow has no mode for.

    Raises:
        BadImage: It cannot be read in another way either.
    """
    if kind != "TIFF":
        raise BadImage("unsupported_format")
    from db.images.deep import deep_tiff

    try:
        return _of_bounds(deep_tiff(data))
    except DECODER_ERRORS as error:
        raise BadImage("corrupt") from error


def _has_plugin(kind: str) -> bool:
    """Return whether Pillow reads a format here, after importing what it needs for it."""
    Image.preinit()
    if kind not in Image.OPEN:
        Image.init()
    if kind not in Image.OPEN and kind in PLUGINS:
        try:
            plugin = import_module(PLUGINS[kind])
        except ImportError:
            return False
        if kind == "HEIF":
            plugin.register_heif_opener()
    return kind in Image.OPEN
