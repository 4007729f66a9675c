"""What scoring costs: seconds and memory for N artworks × style (27), genre (10) and artist (1,119 classes).

Run it as ``python -m benchmarks.label_errors_scale``. Labels, probabilities and embedding are drawn,
the neighbours are given; ``--attributes style genre --no-embedding`` scores some attributes by
probabilities alone, as for a million artworks of somebody else's model. Each size is scored in a
separate process, so that its peak memory is its own. It prints a table and, last, one JSON line:
``cpu_seconds``, ``wall_seconds`` and ``peak_gib`` by size, and ``growth``, the CPU seconds of the
largest over the smallest, divided by the same of their sizes (1: linear).
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from curate.issues import LabelColumn, Neighbours, score_labels

WIDTHS = {"style": 27, "genre": 10, "artist": 1119}


def draw_columns(count: int, names: list[str], rng: np.random.Generator) -> list[LabelColumn]:
    """Draw artists of all lengths, mostly true to one style, and probabilities that lean to the labels."""
    artist = np.minimum((rng.pareto(0.9, count) * 8).astype(np.int64), WIDTHS["artist"] - 1)
    faithful = rng.random(count) < 0.8
    labels = {
        "style": np.where(faithful, artist * 7 % 27, rng.integers(27, size=count)),
        "genre": rng.integers(10, size=count),
        "artist": artist,
    }
    columns = []
    for name in names:
        width = WIDTHS[name]
        probs = rng.random((count, width), dtype=np.float32) ** 4
        probs[np.arange(count), labels[name]] += 2
        probs /= probs.sum(axis=1, keepdims=True)
        classes = tuple(f"{at:04d}" for at in range(width))
        reviewed = np.zeros(count, dtype=np.int8)
        columns.append(LabelColumn(name, classes, labels[name], probs.astype(np.float16), reviewed))
    return columns


def draw_embedding(
    columns: list[LabelColumn], rng: np.random.Generator
) -> tuple[NDArray[np.float32], Neighbours]:
    """Draw features that lean to the labels of the first two attributes, and neighbours at random."""
    count = len(columns[0].labels)
    embedding = rng.normal(size=(count, 256)).astype(np.float32)
    for place, column in enumerate(columns[:2]):
        embedding[np.arange(count), 40 * place + column.labels] += 3
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    near = np.sort(rng.random((count, 40)).astype(np.float32))[:, ::-1]
    return embedding, Neighbours(rng.integers(count, size=(count, 40)), near)


def score(count: int, names: list[str], seen: bool) -> dict[str, float]:
    """Score ``count`` artworks, and return what it cost; peak memory is this process's."""
    rng = np.random.default_rng(0)
    columns = draw_columns(count, names, rng)
    embedding, neighbours = draw_embedding(columns, rng) if seen else (None, None)
    wall, cpu = time.perf_counter(), time.process_time()
    score_labels(
        columns,
        groups=np.arange(count),
        embedding=embedding,
        folds=np.arange(count) % 5,
        neighbours=neighbours,
        seed=0,
    )
    return {
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "wall_seconds": round(time.perf_counter() - wall, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[25_000, 50_000, 100_000])
    parser.add_argument("--attributes", nargs="+", choices=list(WIDTHS), default=list(WIDTHS))
    parser.add_argument("--no-embedding", action="store_true")
    arguments = parser.parse_args()
    sizes = sorted(arguments.sizes)
    figures: dict[str, dict[str, float]] = {}
    for count in sizes:
        with get_context("spawn").Pool(1) as pool:
            cost = pool.apply(score, (count, arguments.attributes, not arguments.no_embedding))
        print(
            f"{count:8,d} artworks: " + ", ".join(f"{name} {value}" for name, value in cost.items()),
            flush=True,
        )
        for name, value in cost.items():
            figures.setdefault(name, {})[str(count)] = value
    cpu = list(figures["cpu_seconds"].values())
    growth = cpu[-1] / max(cpu[0], 0.1) / (sizes[-1] / sizes[0])
    print(json.dumps({**figures, "growth": round(growth, 3)}))


if __name__ == "__main__":
    main()
