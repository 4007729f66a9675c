"""How fast an ingest is, against the least that any could do.

Run it with ``python -m benchmarks.ingest [--files 80000] [--rows 1000000] [--folder DIR]``. JSON stands last:

* ``first_over_bare``: time of a first ingest over that of a bare loop on the same files, all cores, that
  reads each, takes SHA-256 and ImageHash's 256-bit ``phash``, and decodes it once. Median of pairs.
* ``first_over_second``: the first ingest over one of the unchanged tree.
* ``rows_over_executemany``: rows a second of ``--images none`` over those of a bare ``executemany`` of the
  rows that it wrote into an empty catalog of the same schema.
* ``peak_gib``: the most anonymous memory of that ingest.
* ``slowest_topk_ms``, ``slowest_aggregate_s``: the slowest query of a command at that size.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image, ImageChops
from sqlalchemy import text

from benchmarks.peak_memory import PeakMemory
from curate.ingest import ingest
from db.labels.history import artwork_events
from db.labels.stats import catalog_stats
from db.labels.table import find_artwork
from db.runs.issues import count_issues, worst_issues
from db.workspace.system import cores
from db.workspace.workspace import Workspace, init_workspace, open_workspace


def draw(file: str) -> None:
    """Write one image of its own: smooth blobs under a grain that makes it as costly as a photograph."""
    rng = np.random.default_rng(int(Path(file).stem))
    coarse = rng.integers(0, 256, size=(40, 40, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((400, 300), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(0).integers(0, 24, size=(300, 400, 3), dtype=np.uint8)
    ImageChops.add(smooth, Image.fromarray(grain), offset=-12).save(file, quality=80)


def make_tree(folder: Path, files: int) -> Path:
    """Write a list and its images: 400 by 300 pixels, about 40 kB each."""
    paths = [folder / f"images/{at // 1000:03}/{at:06}.jpg" for at in range(files)]
    for parent in sorted({path.parent for path in paths}):
        parent.mkdir(parents=True)
    on_all_cores(draw, [str(path) for path in paths])
    rows = ["filepath,style,genre,artist"] + [
        f"{path.relative_to(folder)},style-{at % 27},genre-{at % 10},artist-{at % 1119}"
        for at, path in enumerate(paths)
    ]
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder / "labels.csv"


def bare(file: str) -> tuple[str, str]:
    """Read, hash and decode one file: the least that an ingest has to do."""
    data = Path(file).read_bytes()
    image = Image.open(BytesIO(data))
    image.load()
    return hashlib.sha256(data).hexdigest(), str(imagehash.phash(image, hash_size=16))


def on_all_cores(work: Callable[[str], object], files: list[str]) -> None:
    """Do something to every file."""
    with get_context("spawn").Pool(cores()) as pool:
        for _ in pool.imap_unordered(work, files, chunksize=24):
            pass


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_tree(folder: Path, files: int, pairs: int) -> dict[str, float]:
    """Time first ingests, the bare loop and a second ingest over one tree."""
    source = make_tree(folder / "tree", files)
    paths = sorted(str(path) for path in (folder / "tree").rglob("*.jpg"))
    firsts, bares = [], []
    for at in range(pairs):
        bares.append(timed(lambda: on_all_cores(bare, paths)))
        workspace = init_workspace(folder / f"ws{at}", ("style", "genre", "artist"))
        firsts.append(timed(lambda ws=workspace: ingest(ws, source)))  # type: ignore[misc]
        print(f"pair {at + 1}: bare {bares[-1]:.1f} s, first ingest {firsts[-1]:.1f} s", flush=True)
    seconds = [timed(lambda: ingest(open_workspace(workspace.folder), source)) for _ in range(3)]
    print(f"second ingests: {', '.join(f'{second:.2f}' for second in seconds)} s")
    ratios = [first / one for first, one in zip(firsts, bares, strict=True)]
    return {
        "first_over_bare": statistics.median(ratios),
        "first_over_second": statistics.median(firsts) / statistics.median(seconds),
    }


def make_rows(path: Path, rows: int) -> Path:
    """Write a list of images that nobody will look for."""
    rng = random.Random(0)
    with path.open("w") as file:
        file.write("filepath,style,genre,artist\n")
        for at in range(rows):
            genre = f"genre-{at % 10}" if rng.random() < 0.8 else ""
            file.write(f"images/{at // 1000:04}/{at:07}.jpg,style-{at % 27},{genre},artist-{at % 1119}\n")
    return path


def measure_rows(folder: Path, rows: int) -> dict[str, float]:
    """Time an ingest of a list alone, in its own process, against a bare ``executemany`` of its rows."""
    source = make_rows(folder / "rows.csv", rows)
    workspace = init_workspace(folder / "rows", ("style", "genre", "artist"))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ingest", "--ingest-rows", str(workspace.folder), str(source)],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    bare_seconds = executemany_again(workspace.folder / "catalog.db", folder / "bare")
    print(f"{rows} rows: {told['seconds']:.1f} s, bare executemany {bare_seconds:.1f} s")
    return {
        "rows_over_executemany": bare_seconds / told["seconds"],
        "peak_gib": told["peak_gib"],
        **measure_queries(workspace),
    }


def ingest_rows(workspace: str, source: str) -> None:
    """Ingest a list without images; print its seconds and the most anonymous memory it held."""
    with PeakMemory() as memory:
        seconds = timed(lambda: ingest(open_workspace(Path(workspace)), Path(source), check_images=False))
    print(json.dumps({"seconds": seconds, "peak_gib": memory.bytes / 2**30}))


def executemany_again(catalog: Path, folder: Path) -> float:
    """Return the seconds that the driver alone needs to insert a catalog's rows into an empty one."""
    init_workspace(folder, ("style", "genre", "artist"))
    tables = ("class", "class_alias", "source", "artwork", "label", "effective_label")
    with sqlite3.connect(catalog) as old:
        content = {table: old.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    new = sqlite3.connect(folder / "catalog.db")
    new.execute("PRAGMA journal_mode = WAL")
    new.execute("PRAGMA synchronous = NORMAL")
    new.execute("PRAGMA foreign_keys = 1")
    began = time.perf_counter()
    with new:
        for table in tables:
            rows = content[table]
            new.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    seconds = time.perf_counter() - began
    new.close()
    return seconds


def measure_queries(workspace: Workspace) -> dict[str, float]:
    """Return the slowest of the commands' queries on single rows and top lists, and of their counts."""
    with workspace.open_catalog() as catalog, catalog.read() as session:
        path = "images/0500/0500000.jpg"
        some = session.execute(text("SELECT min(path) FROM artwork")).scalar_one()
        path = (
            path
            if session.execute(text("SELECT 1 FROM artwork WHERE path = :p"), {"p": path}).first()
            else some
        )
        top = {
            "find artwork": lambda: find_artwork(session, path),
            "history": lambda: artwork_events(session, find_artwork(session, path)),
            "worst issues": lambda: worst_issues(session, limit=20),
            "duplicates": lambda: worst_issues(session, kind="duplicate", limit=20),
        }
        counts = {"stats": lambda: catalog_stats(session), "issues by kind": lambda: count_issues(session)}
        slowest = {
            group: {name: min(timed(query) for _ in range(3)) for name, query in queries.items()}
            for group, queries in {"top": top, "counts": counts}.items()
        }
    for group, times in slowest.items():
        print(f"{group}: " + ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in times.items()))
    return {
        "slowest_topk_ms": max(slowest["top"].values()) * 1000,
        "slowest_aggregate_s": max(slowest["counts"].values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=80_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to work; a temporary folder if left out"
    )
    parser.add_argument("--ingest-rows", nargs=2, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ingest_rows:
        ingest_rows(*options.ingest_rows)
        return
    folder = Path(tempfile.mkdtemp(prefix="curate-ingest-", dir=options.folder))
    try:
        figures = measure_tree(folder, options.files, options.pairs) if options.files else {}
        figures |= measure_rows(folder, options.rows) if options.rows else {}
    finally:
        shutil.rmtree(folder)
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
