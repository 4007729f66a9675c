"""From an image's bytes to upright RGB in 8 bits: the same for ingest, training, reports and copies.

Of several frames or pages the first counts; transparency falls on white; deeper channels are scaled by the
range that the image really uses.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from db.images.deep import DeepTiff, deep_channels, float_range, scaled, true_range
from db.images.formats import DECODER_ERRORS, BadImage, open_image, sniff
from db.images.tiff import APART, BITS, PLANES, SAMPLE_FORMAT, SIGNED

ORIENTATION = 0x0112
"""EXIF's tag; its values 2 to 8 say how to turn the image, 5 to 8 that it lies on its side."""
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
    if image.info.get("curate_deep") or isinstance(image, DeepTiff):
        return True
    tiles: Any = getattr(image, "tile", ())
    deep = False
    for tile in tiles:
        said = tile[3] if len(tile) > 3 else ""
        mode = said[0] if isinstance(said, tuple) and said else said
        deep |= isinstance(mode, str) and ";16" in mode
    deep |= image.mode in ("RGB", "RGBA") and max(_tags(image).get(BITS, (8,))) > 8  # planes apart
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
        image = _unsigned(image)
        low, high = _range(image)
        if short_side is not None and (factor := min(image.size) // short_side) > 1:
            size = (-(-image.width // factor), -(-image.height // factor))
            image = image.resize(size, Image.Resampling.BOX)
        return Image.fromarray(scaled(np.asarray(image), low, high))
    if isinstance(image, DeepTiff):
        return image  # scaled as it was decoded
    small = image.width * image.height <= DEEP_PIXELS
    if _is_deep_colour(image) and small and image.mode in ("RGB", "RGBA", "LA"):
        channels = deep_channels(data, _tags(image).get(PLANES) == APART)
        if channels is not None:
            return Image.fromarray(scaled(channels, *true_range(int(channels.min()), int(channels.max()))))
    return image


def _tags(image: Image.Image) -> Mapping[int, Any]:
    """Return a TIFF's tags, nothing of another format."""
    return getattr(image, "tag_v2", {})


def _unsigned(image: Image.Image) -> Image.Image:
    """Return grey of 32 bits as its file means it: Pillow takes large numbers for negative."""
    tags = _tags(image)
    if image.mode != "I" or tags.get(BITS) != (32,) or tags.get(SAMPLE_FORMAT, (1,)) != (1,):
        return image
    return Image.fromarray(np.asarray(image).view(np.uint32).astype(np.float32))


def _range(image: Image.Image) -> tuple[float, float]:
    """Return the values of a deep grey image that become black and white."""
    if image.mode == "F":
        return float_range(np.asarray(image))
    low, high = image.getextrema()
    black, white = true_range(int(low), int(high))  # type: ignore[arg-type]
    tags = _tags(image)
    signed = tags.get(SAMPLE_FORMAT) == (SIGNED,)
    return black, min(white, float((1 << tags[BITS][0] - 1) - 1)) if signed else white


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
    return _from_cmyk(image) if image.mode == "CMYK" else image.convert("RGB")


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    assert converted is not None
    return converted


def _from_cmyk(image: Image.Image) -> Image.Image:
    """Return inks as sRGB by the profile in the file; without one that can be used, as if they were ideal."""
    from PIL import ImageCms

    icc_profile = image.info.get("icc_profile")
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile)) if icc_profile else None
        if profile is None or profile.profile.xcolor_space.strip() != "CMYK":
            return image.convert("RGB")
        converted = ImageCms.profileToProfile(
            image,
            profile,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")
    assert converted is not None
    return converted
