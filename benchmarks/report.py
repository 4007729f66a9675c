"""What evaluating and reporting a run of all of WikiArt costs.

    python benchmarks/report.py
    python benchmarks/report.py --artworks 8000

Writes a catalog of drawn images (each many times, under other names), labels of 27 styles, 10 genres and
1,119 artists with a long tail, and one run's arrays and rows; then runs `curate evaluate` and
`curate report`, each in its own process. Prints a table and, last, one line of JSON: ``seconds``,
``cpu_seconds`` and ``peak_gib`` of the two together, and ``megabytes`` of the page.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from db.classes.classes import attributes, resolve_classes
from db.engine.bulk import insert_rows, new_uuids, stored_time
from db.engine.catalog import Catalog
from db.labels.effective import find_source
from db.models import Artwork, EffectiveLabel, Label, Prediction, now
from db.runs.issues import replace_issues
from db.runs.runs import RunArrays, complete_run, run_folder, start_run, write_arrays
from db.workspace.workspace import Workspace, init_workspace, root_of

CLASSES = {"style": 27, "genre": 10, "artist": 1119}
DRAWN = 40
SIZE = (1400, 1000)


def draw(folder: Path, artworks: int) -> None:
    """Draw a few large pictures, and link them under as many names as there are artworks."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for i in range(DRAWN):
        small = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8))
        small.resize(SIZE, Image.Resampling.BICUBIC).save(folder / f"drawn-{i}.jpg", quality=90)
    for i in range(artworks):
        os.link(folder / f"drawn-{i % DRAWN}.jpg", folder / f"{i:06}.jpg")


def write_catalog(workspace: Workspace, catalog: Catalog, root: str, artworks: int) -> dict[str, list[int]]:
    """Write artworks and labels as an import does; return the labels as indices into the classes' ids."""
    rng = np.random.default_rng(1)
    when = stored_time(now())
    drawn: dict[str, list[int]] = {}
    with catalog.write() as session:
        columns = ("id", "uuid", "collection", "root", "path", "revision", "status", "added_at", "updated_at")
        rows = [
            (i + 1, uuid, "c", root, f"{i:06}.jpg", 1, "ok", when, when)
            for i, uuid in enumerate(new_uuids(artworks))
        ]
        insert_rows(session, Artwork, columns, rows)
        source = find_source(session, "import:benchmark")
        first = 1
        for attribute in attributes(session):
            width = CLASSES[attribute.name]
            share = 1 / np.arange(1, width + 1) ** 0.8
            drawn[attribute.name] = rng.choice(width, size=artworks, p=share / share.sum()).tolist()
            class_ids = resolve_classes(
                session, attribute, [f"{attribute.name} {i:04}" for i in range(width)], "benchmark"
            )
            ids = sorted(class_ids.values())
            labels = [ids[label] for label in drawn[attribute.name]]
            insert_rows(
                session,
                Label,
                ("id", "artwork_id", "attribute_id", "class_id", "source_id", "created_at"),
                [(first + i, i + 1, attribute.id, label, source.id, when) for i, label in enumerate(labels)],
            )
            insert_rows(
                session,
                EffectiveLabel,
                ("artwork_id", "attribute_id", "class_id", "label_id", "authority", "conflict"),
                [(i + 1, attribute.id, label, first + i, "import", False) for i, label in enumerate(labels)],
            )
            first += artworks
    return drawn


def predict(labels: list[int], width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw probabilities, right about two times in three."""
    count = len(labels)
    said = np.where(rng.random(count) < 0.6, labels, rng.integers(width, size=count))
    probs = rng.random((count, width), dtype=np.float32)
    probs *= (rng.uniform(0.1, 0.7, count) / probs.sum(axis=1))[:, None].astype(np.float32)
    probs[np.arange(count), said] += 1 - probs.sum(axis=1)
    return probs


def write_run(workspace: Workspace, catalog: Catalog, drawn: dict[str, list[int]]) -> None:
    """Write a run's arrays, its rows and its issues."""
    rng = np.random.default_rng(2)
    artworks = len(drawn["style"])
    folds = np.arange(artworks) % 5
    probs = {name: predict(labels, CLASSES[name], rng) for name, labels in drawn.items()}
    arrays = RunArrays(
        np.arange(1, artworks + 1), probs, rng.normal(size=(artworks, 64)).astype(np.float32), folds
    )
    with catalog.write() as session:
        run = start_run(
            session, backbone="resnet50", protocol="cross-validation", seed=0, settings={}, digest="0" * 64
        )
        digest = write_arrays(run_folder(session, workspace, run.uuid), arrays)
        classes, issues = {}, []
        for attribute in attributes(session):
            width = CLASSES[attribute.name]
            names = [f"{attribute.name} {i:04}" for i in range(width)]
            class_ids = resolve_classes(session, attribute, names, "benchmark")
            ids = np.array([class_ids[name] for name in names])
            classes[attribute.name] = names
            own = probs[attribute.name]
            said, given = own.argmax(axis=1), np.array(drawn[attribute.name])
            p_label = own[np.arange(artworks), given]
            rows = list(
                zip(
                    [run.id] * artworks,
                    range(1, artworks + 1),
                    [attribute.id] * artworks,
                    folds.tolist(),
                    ["fold"] * artworks,
                    ids[said].tolist(),
                    own.max(axis=1).astype(float).tolist(),
                    ids[given].tolist(),
                    p_label.astype(float).tolist(),
                    p_label.astype(float).tolist(),
                    ids[said].tolist(),
                    own.max(axis=1).astype(float).tolist(),
                    strict=True,
                )
            )
            insert_rows(session, Prediction, COLUMNS, rows)
            issues += [
                {
                    "artwork_id": int(i) + 1,
                    "attribute_id": attribute.id,
                    "kind": "label",
                    "score": float(p_label[i]),
                    "class_id": int(ids[given[i]]),
                    "suggested_id": int(ids[said[i]]),
                    "p_label": float(p_label[i]),
                    "p_suggested": float(own[i].max()),
                    "reason": "model: another class",
                    "evidence": {},
                }
                for i in np.flatnonzero(said != given)[: artworks // 10]
            ]
        nothing: dict[str, dict[str, float]] = {name: {} for name in classes}
        complete_run(
            session, run, digest=digest, classes=classes, metrics=nothing, seconds={}, predictions=[]
        )
        replace_issues(session, run, issues)


COLUMNS = (
    "run_id",
    "artwork_id",
    "attribute_id",
    "fold",
    "provenance",
    "predicted_id",
    "p_predicted",
    "class_id",
    "p_label",
    "score",
    "suggested_id",
    "p_suggested",
)


@dataclass(frozen=True)
class Cost:
    """What a command took; on a machine that is shared ``cpu_seconds`` say more than ``seconds``."""

    seconds: float
    cpu_seconds: float
    peak_gib: float  # the most of any command so far


def timed(folder: Path, *arguments: str) -> Cost:
    """Run a command in its own process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    command = [sys.executable, "-m", "curate.cli", "--workspace", str(folder), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).resolve().parents[1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - began, cpu, after.ru_maxrss / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--artworks", type=int, default=80_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curate-report-") as place:
        folder = Path(place)
        draw(folder / "images", given.artworks)
        workspace, root = root_of(init_workspace(folder / "ws", tuple(CLASSES)), folder / "images")
        with workspace.open_catalog() as catalog:
            write_run(workspace, catalog, write_catalog(workspace, catalog, root, given.artworks))
        costs = {
            "evaluate": timed(workspace.folder, "evaluate", "--json"),
            "report": timed(workspace.folder, "report", "--out", str(folder / "report.html")),
        }
        megabytes = (folder / "report.html").stat().st_size / 1e6
    print(f"{'command':<10} {'seconds':>8} {'of CPU':>8} {'peak GiB':>9}")
    for name, cost in costs.items():
        print(f"{name:<10} {cost.seconds:>8.1f} {cost.cpu_seconds:>8.1f} {cost.peak_gib:>9.2f}")
    figures = {
        "artworks": given.artworks,
        "seconds": round(sum(cost.seconds for cost in costs.values()), 1),
        "cpu_seconds": round(sum(cost.cpu_seconds for cost in costs.values()), 1),
        "peak_gib": round(max(cost.peak_gib for cost in costs.values()), 2),
        "megabytes": round(megabytes, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
