"""Does training hold in memory what it should leave on the disk?

    python -m benchmarks.training_memory --images 5000 20000

Draws small images, each its own, and trains on them by cross-validation in a separate process, once a size:
EfficientNet-Lite0 at 64 px gives grids as large as those of real paintings at 160 px (2 x 2 cells of 512
features, 4 kB). Watches the process's anonymous memory, which is what the kernel can't drop; pages of the
memory-mapped cache are not in it. What grows beside is what a run returns: probabilities and embedding.

Printed last, as JSON: ``peak_mib`` by size, and ``anonymous_bytes_an_image``, the growth from the least size
to the largest, beside ``cached_bytes_an_image`` and ``returned_bytes_an_image``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import model  # noqa: F401  # isort: skip  (first: it tells OpenMP how to wait, before torch is loaded)

import numpy as np
from PIL import Image

from benchmarks.peak_memory import PeakMemory
from db.labels.attribute_labels import AttributeLabels
from db.workspace.progress import Silent
from db.workspace.train_settings import TrainSettings
from model.inputs.data import Example
from model.training.train import cross_validate

CLASSES = {"style": 27, "genre": 10, "artist": 23}
SIDE, FOLDS = 64, 5


def drawn(folder: Path, count: int) -> list[Example]:
    """Draw images of coarse noise."""
    rng = np.random.default_rng(0)
    examples = []
    for number in range(count):
        path = folder / f"{number}.jpg"
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        coarse.resize((SIDE, SIDE)).save(path, quality=80)
        examples.append(Example(number, path, hashlib.sha256(path.read_bytes()).hexdigest()))
    return examples


def train(folder: Path, count: int) -> dict[str, float]:
    """Train on ``count`` images; return the peak of anonymous memory and what the run returned, in bytes."""
    images = folder / "images"
    images.mkdir()
    examples = drawn(images, count)
    rng = np.random.default_rng(1)
    targets = [
        AttributeLabels(name, tuple(map(str, range(classes))), rng.integers(0, classes, count))
        for name, classes in CLASSES.items()
    ]
    settings = TrainSettings(
        backbone="efficientnet_lite0", image_size=SIDE, epochs=1, ensemble=1, tensorboard=False, device="cpu"
    )
    with PeakMemory() as memory:
        result = cross_validate(
            examples,
            targets,
            np.arange(count) % FOLDS,
            settings,
            cache_dir=folder / "cache",
            run_dir=folder / "run",
            progress=Silent(),
        )
    returned = sum(probs.nbytes for probs in result.pred_probs.values())
    returned += result.embedding.nbytes + result.margins.nbytes
    cached = sum(path.stat().st_size for path in (folder / "cache").rglob("*.data"))
    return {"peak": memory.bytes, "returned": returned, "cached": cached}


def measured(count: int) -> dict[str, float]:
    """Run :func:`train` in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "benchmarks.training_memory",
            "--child",
            folder,
            "--images",
            str(count),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--child", type=Path, default=None, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(train(args.child, args.images[0])))
        return
    sizes = sorted(args.images)
    by_count = {count: measured(count) for count in sizes}
    for count, figures in by_count.items():
        print(f"{count:>8} images: at most {figures['peak'] / 2**20:7.0f} MiB anonymous")
    least, most = by_count[sizes[0]], by_count[sizes[-1]]
    more = max(sizes[-1] - sizes[0], 1)
    growth = {
        "anonymous_bytes_an_image": (most["peak"] - least["peak"]) / more,
        "cached_bytes_an_image": most["cached"] / sizes[-1],
        "returned_bytes_an_image": most["returned"] / sizes[-1],
    }
    for name, value in growth.items():
        print(f"{name:28}{value:10.0f}")
    print(json.dumps({"peak_mib": {n: f["peak"] / 2**20 for n, f in by_count.items()}, **growth}))


if __name__ == "__main__":
    main()
