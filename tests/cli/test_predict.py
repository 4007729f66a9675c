from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Curate

pytestmark = pytest.mark.slow


def trained(curate: Curate, folder: Path) -> Path:
    """Ingest forty drawn images of two styles and train on them; return the folder of images."""
    images = folder.parent / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    rows = ["filepath,style"]
    for index in range(40):
        pixels = rng.integers(0, 90, (40, 40, 3)).astype(np.uint8)
        pixels[..., index % 2] += 120
        Image.fromarray(pixels).save(images / f"{index}.png")
        rows.append(f"{index}.png,{('red', 'green')[index % 2]}")
    (images / "labels.csv").write_text("\n".join(rows) + "\n")
    assert curate("-w", folder, "ingest", images / "labels.csv").status == 0
    options = ["--backbone", "test_resnet", "--weights", "none", "--image-size", 64, "--folds", 2]
    result = curate(
        "-w",
        folder,
        "train",
        *options,
        "--lstm-hidden",
        16,
        "--epochs",
        8,
        "--set",
        "projection=16",
        "--json",
    )
    assert result.status == 0, result.stderr
    return images


def test_a_run_classifies_images_and_is_handed_on(curate: Curate, folder: Path) -> None:
    images = trained(curate, folder)

    rows = [f"{index}.png,{index % 2},{1 - index % 2}" for index in range(40)]
    (folder.parent / "clip.csv").write_text("\n".join(["filepath,style.green,style.red", *rows]) + "\n")
    imported = curate(
        *("-w", folder, "import-predictions", folder.parent / "clip.csv", "--out-of-sample", "fold", "--json")
    )
    assert imported.json()["run"] == 2  # the newest run has no model
    result = curate("-w", folder, "predict", images / "0.png", images / "1.png", "--top", 1, "--json")
    other = curate("-w", folder, "predict", images / "0.png", "--run", 2)
    exported = curate("-w", folder, "export-model", 1, folder.parent / "out", "--format", "pth")

    best = [line["predictions"]["style"][0]["class"] for line in result.lines()]
    assert best == ["red", "green"]
    assert result.stderr == "By run 1, the newest with a model.\n"
    assert other.stderr.startswith("error: Run 2 (clip) has no network that takes images")
    assert exported.status == 0
    names = [Path(line).name for line in exported.stdout.splitlines()]
    assert names == ["model.pth", "model.json", "README.md"]
    assert json.loads((folder.parent / "out" / "model.json").read_text())["classes"] == {
        "style": ["green", "red"]
    }


def test_predicting_before_any_run_says_what_to_type(curate: Curate, folder: Path) -> None:
    image = folder.parent / "one.png"
    Image.new("RGB", (20, 20)).save(image)

    result = curate("-w", folder, "predict", image)

    assert result.stderr == (
        "error: `curate predict` needs a finished run, and this catalog has none. Run `curate train` first.\n"
    )


def test_an_image_that_is_not_there_is_named(curate: Curate, folder: Path) -> None:
    result = curate("-w", folder, "predict", folder / "none.jpg")

    assert result.stderr == (
        f"error: There is no image at {folder / 'none.jpg'}. Check the path and run the command again.\n"
    )
