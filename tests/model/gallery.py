"""Drawn images whose style is a colour and whose genre is a shape, for tests of training."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from db.labels.attribute_labels import AttributeLabels
from db.workspace.train_settings import TrainSettings
from model.inputs.data import Example

COLOURS = ((200, 60, 40), (40, 160, 70), (50, 80, 200))
SHAPES = ("disc", "square", "bars")


def draw(folder: Path, count: int, seed: int = 0) -> tuple[list[Example], list[AttributeLabels]]:
    """Draw ``count`` images; the labels of style and genre tell what was drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    style, genre = rng.integers(0, 3, count), rng.integers(0, 3, count)
    examples = []
    for index in range(count):
        path = folder / f"{index:04d}.png"
        _image(COLOURS[style[index]], SHAPES[genre[index]], rng).save(path)
        examples.append(Example(index + 1, path, hashlib.sha256(path.read_bytes()).hexdigest()))
    targets = [
        AttributeLabels("style", ("red", "green", "blue"), style.astype(np.int64)),
        AttributeLabels("genre", SHAPES, genre.astype(np.int64)),
    ]
    return examples, targets


def _image(colour: tuple[int, int, int], shape: str, rng: np.random.Generator) -> Image.Image:
    noise = rng.integers(-25, 25, (48, 48, 3))
    ground = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    image = Image.fromarray(ground)
    pen = ImageDraw.Draw(image)
    left, top = rng.integers(4, 14, 2)
    box = (left, top, left + 28, top + 28)
    if shape == "disc":
        pen.ellipse(box, fill="white")
    elif shape == "square":
        pen.rectangle(box, outline="black", width=4)
    else:
        for offset in range(0, 28, 7):
            pen.rectangle((left, top + offset, left + 28, top + offset + 3), fill="black")
    return image


def folds_of(count: int, folds: int) -> NDArray[np.int64]:
    """Return folds 0..folds - 1 in turn."""
    return np.arange(count, dtype=np.int64) % folds


def small(**changes: object) -> TrainSettings:
    """Return settings that train in a second or two: timm's own test network, random weights, as stated."""
    values: dict[str, object] = {
        "backbone": "test_resnet",
        "weights": "none",
        "image_size": 64,
        "projection": 16,
        "lstm_hidden": 16,
        "epochs": 3,
        "batch_size": 16,
        "folds": 3,
        "ensemble": 1,
        "device": "cpu",
        "tensorboard": False,
    }
    return TrainSettings.model_validate({**values, **changes})
