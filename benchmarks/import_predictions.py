"""How long a million artworks' probabilities take to become a run: `python -m benchmarks.import_predictions`.

A catalog of that size without images is made first, not measured: paths, and labels of ten classes of
which one in twenty is wrong. The probabilities lie in a parquet file. Prints the stages, the peak memory of
the import's own process, and one JSON line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import curate

IMPORT = """
import json, resource, sys, time
import curate
began = time.perf_counter()
summary = curate.open(sys.argv[1], progress=False).import_predictions(sys.argv[2], out_of_sample="fold")
took = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_SELF)
peak, cpu = used.ru_maxrss / 2**20, used.ru_utime + used.ru_stime
figures = {"seconds": took, "cpu": cpu, "gib": peak, "issues": summary.issues, "stages": summary.seconds}
print(json.dumps(figures))
"""


def main() -> None:
    """Make the catalog and the file, and import."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artworks", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curate-import-") as name:
        folder = Path(name)
        made = prepare(folder, options.artworks, options.classes)
        told = subprocess.run(
            [sys.executable, "-c", IMPORT, folder / "ws", folder / "model.parquet"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    figures = json.loads(told)
    print(f"catalog of {options.artworks} artworks made in {made:.0f} s (not measured)")
    for stage, seconds in figures["stages"].items():
        print(f"{stage:<10} {seconds:>7.1f} s")
    print(
        f"imported in {figures['seconds']:.1f} s ({figures['cpu']:.1f} s of CPU), at most "
        f"{figures['gib']:.2f} GiB, {figures['issues']} issues"
    )
    print(json.dumps({"artworks": options.artworks, "classes": options.classes, **figures}))


def prepare(folder: Path, count: int, width: int) -> float:
    """Make a workspace and a file of probabilities; return the seconds that the ingest took."""
    rng = np.random.default_rng(0)
    names = np.array([f"class_{at}" for at in range(width)], dtype=object)
    true = rng.integers(width, size=count)
    wrong = rng.random(count) < 0.05
    given = np.where(wrong, (true + rng.integers(1, width, size=count)) % width, true)
    paths = [f"{row // 1000:04d}/{row:07d}.jpg" for row in range(count)]
    logits = rng.normal(size=(count, width)).astype(np.float32)
    logits[np.arange(count), true] += 4
    probs = np.exp(logits)
    probs /= probs.sum(axis=1, keepdims=True)
    frame = pd.DataFrame(probs, columns=names)
    frame.insert(0, "filepath", paths)
    frame.to_parquet(folder / "model.parquet", index=False)
    pd.DataFrame({"filepath": paths, "style": names[given]}).to_csv(folder / "labels.csv", index=False)
    workspace = curate.init(folder / "ws", ("style",), progress=False)
    began = time.perf_counter()
    workspace.ingest(folder / "labels.csv", check_images=False)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
