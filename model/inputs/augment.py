"""Random changes to a training image, each drawn from a generator of the image's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from db.workspace.train_settings import TrainSettings

Change = Callable[[Image.Image, float], Image.Image]


def augmented(image: Image.Image, settings: TrainSettings, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random square of an image, shape ``(size, size, 3)``.

    Args:
        image: RGB; its short side is somewhat longer than the square, or it is square where images
            are squashed.
        settings: Resolved; crop, flip, jitter, rotation, RandAugment and erasing are read.
        rng: Draws everything.
    """
    size = settings.image_size
    if settings.rotation:
        angle = rng.uniform(-settings.rotation, settings.rotation)
        image = image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=_mean_colour(image))
    image = image.resize((size, size), Image.Resampling.BICUBIC, box=crop_box(image.size, settings, rng))
    if rng.random() < (settings.flip or 0):
        image = ImageOps.mirror(image)
    if settings.color_jitter:
        image = _jitter(image, settings.color_jitter, rng)
    for _ in range(settings.randaugment or 0):
        change = RANDAUGMENT[int(rng.integers(len(RANDAUGMENT)))]
        image = change(image, float(rng.uniform(-1, 1)))
    pixels = np.array(image, dtype=np.uint8)
    if rng.random() < (settings.erasing or 0):
        _erase(pixels, rng)
    return pixels


def crop_box(
    size: tuple[int, int], settings: TrainSettings, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a random crop.

    Where images are squashed, the crop is a square of the target's size, as the seed cuts it. Elsewhere it
    has ``crop_scale`` to all of the largest square's area and sides in a ratio of 3:4 to 4:3.
    """
    width, height = size
    short = min(width, height)
    if settings.resize == "squash":
        wide = tall = float(min(settings.image_size, short))
    else:
        area = short * short * rng.uniform(settings.crop_scale or 1.0, 1.0)
        ratio = math.exp(rng.uniform(-1, 1) * math.log(4 / 3)) if (settings.crop_scale or 1.0) < 1 else 1.0
        wide, tall = min(width, math.sqrt(area * ratio)), min(height, math.sqrt(area / ratio))
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
    return left, top, left + wide, top + tall


def _mean_colour(image: Image.Image) -> tuple[int, ...]:
    return tuple(int(value) for value in np.asarray(image.resize((1, 1), Image.Resampling.BOX))[0, 0])


def _jitter(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    """Change brightness, contrast and saturation a little; hue never, since colour is style evidence."""
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = kind(image).enhance(1 + rng.uniform(-strength, strength))
    return image


def _erase(pixels: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Fill a rectangle of 2 to 20 % of the area with its mean colour, in place (Zhong et al., AAAI 2020)."""
    height, width = pixels.shape[:2]
    area, ratio = height * width * rng.uniform(0.02, 0.2), math.exp(rng.uniform(-1, 1))
    tall = min(height, max(1, round(math.sqrt(area * ratio))))
    wide = min(width, max(1, round(math.sqrt(area / ratio))))
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    part = pixels[top : top + tall, left : left + wide]
    part[:] = part.mean(axis=(0, 1))


def _shear(image: Image.Image, amount: float) -> Image.Image:
    matrix = (1, 0.3 * amount, -0.15 * amount * image.height, 0, 1, 0)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


RANDAUGMENT: Sequence[Change] = (
    lambda image, amount: image,
    lambda image, amount: ImageOps.autocontrast(image),
    lambda image, amount: ImageOps.equalize(image),
    lambda image, amount: image.rotate(20 * amount, Image.Resampling.BILINEAR),
    _shear,
    lambda image, amount: ImageOps.posterize(image, 8 - round(3 * abs(amount))),
    lambda image, amount: ImageEnhance.Sharpness(image).enhance(1 + 0.8 * amount),
    lambda image, amount: ImageEnhance.Brightness(image).enhance(1 + 0.4 * amount),
    lambda image, amount: ImageEnhance.Contrast(image).enhance(1 + 0.4 * amount),
    lambda image, amount: ImageEnhance.Color(image).enhance(1 + 0.4 * amount),
)
"""The operations that RandAugment draws from (Cubuk et al., 2020), without inverting and hue."""
