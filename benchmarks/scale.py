"""How the loop's queries grow with the catalog, on SQLite and on PostgreSQL.

    python -m benchmarks.scale --sizes 10000,100000,1000000 --plot docs/scale.png

For each size and database a catalog is drawn (``benchmarks/large_catalog.py``), and each query is timed
five times on it; the median counts. CPU is this process's: on SQLite that is the whole query, also where
other programs slow the wall clock; PostgreSQL works in its own process. The limit is 2 seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, text

from benchmarks.large_catalog import OPEN, SERVER, START, fill
from curate.rounds.plan import BatchSettings, plan_batch
from curate.rounds.status import read_round_status
from db.engine.catalog import Catalog, open_catalog, sqlite_url, upgrade
from db.labels.history import artwork_events
from db.labels.stats import catalog_stats
from db.labels.table import find_artwork
from db.models import Artwork, Batch, Task
from db.reviews.answering.answers import Answer, Decision
from db.reviews.answering.recording import decide, record
from db.reviews.asking.cards import read_cards
from db.runs.issues import count_issues, worst_issues
from db.runs.runs import find_run
from db.workspace.train_settings import TrainSettings

LIMIT = 2.0
REPEATS = 5
Timing = tuple[float, float]


@contextmanager
def database(kind: str, keep: Path | None, size: int) -> Iterator[Catalog]:
    """Give a catalog of a size: drawn now, or kept from an earlier call."""
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "postgresql":
            from tests.postgres import postgres_server

            server = stack.enter_context(postgres_server(folder / "postgresql"))
            name = f"scale_{size}"
            drawn = server.has(name)
            url = server.url(name) if drawn else server.database(name=name)
        else:
            drawn = (folder / f"{size}.db").exists()
            url = sqlite_url(folder / f"{size}.db")
        if not drawn:
            began = time.monotonic()
            upgrade(url)
            filling = Catalog(url)
            fill(filling, size)
            if kind == "postgresql":
                with filling.write() as session:
                    session.execute(text("ANALYZE"))
            filling.close()
            print(f"{kind}, {size:,} artworks: drawn in {time.monotonic() - began:.0f} s", file=sys.stderr)
        yield stack.enter_context(open_catalog(url))


def queries(catalog: Catalog) -> dict[str, Callable[[int], object]]:
    """Return what is timed, by name; each takes the number of its repeat."""
    with catalog.read() as session:
        run = find_run(session, None, "scale")
        artwork = str(session.scalar(select(Artwork.path).limit(1)))
        batches = session.scalars(select(Batch.id).order_by(Batch.id.desc()).limit(OPEN)).all()

    def reading(query: Callable[..., object]) -> Callable[[int], object]:
        def once(_repeat: int) -> object:
            with catalog.read() as session:
                return query(session)

        return once

    def plan(_repeat: int) -> object:
        planned = plan_batch(catalog, run, BatchSettings(limit=500))
        with catalog.read() as session:
            return read_cards(session, [item.artwork_id for item in planned.items])

    def label(repeat: int) -> object:
        with catalog.write() as session:
            artwork_row = find_artwork(session, artwork)
            return decide(
                session,
                artwork_row.id,
                [Decision(2, "corrected", 28 + repeat)],
                user="me",
                annotation_id=f"{time.time_ns()}",
            )

    return {
        "status": lambda _repeat: read_round_status(catalog, TrainSettings()),
        "stats": reading(catalog_stats),
        "issues --limit 20": reading(lambda s: worst_issues(s, limit=20, run=find_run(s, None, "issues"))),
        "issues --attribute artist": reading(
            lambda s: worst_issues(s, limit=20, attribute="artist", run=run)
        ),
        "issues, counts": reading(count_issues),
        "push --limit 500, planned": plan,
        "sync-corrections, 500 answers": lambda repeat: sync(catalog, batches[repeat % OPEN], repeat),
        "label": label,
        "history": reading(lambda s: artwork_events(s, find_artwork(s, artwork))),
    }


def sync(catalog: Catalog, batch_id: int, repeat: int) -> object:
    """Record a new answer to every task of a batch."""
    nonce = time.time_ns()
    with catalog.write() as session:
        tasks = session.scalars(select(Task).where(Task.batch_id == batch_id).order_by(Task.id)).all()
        return record(
            session,
            [
                Answer(
                    server=SERVER,
                    annotation_id=f"{nonce} {task.id}",
                    artwork_id=task.artwork_id,
                    reviewer=("1", "Anna"),
                    updated_at=START + timedelta(days=100 + repeat),
                    decisions=[Decision(1, "corrected", 1 + (task.id + repeat) % 27)],
                    task_id=task.id,
                    raw={"id": task.id},
                )
                for task in tasks
            ],
        )


def measure(catalog: Catalog) -> dict[str, Timing]:
    """Return the median wall and CPU seconds of each query; the first, cold, repeat counts too."""
    medians = {}
    for name, query in queries(catalog).items():
        wall, cpu = [], []
        for repeat in range(REPEATS):
            began, used = time.perf_counter(), time.process_time()
            query(repeat)
            wall.append(time.perf_counter() - began)
            cpu.append(time.process_time() - used)
        medians[name] = (statistics.median(wall), statistics.median(cpu))
    return medians


def plot(results: dict[str, dict[int, dict[str, Timing]]], path: Path) -> None:
    """Draw how each query grows, one panel a database."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(results), figsize=(6 * len(results), 5), sharey=True, squeeze=False)
    for panel, (kind, sizes) in zip(panels[0], results.items(), strict=True):
        for name in next(iter(sizes.values())):
            panel.plot(list(sizes), [timings[name][0] for timings in sizes.values()], "o-", label=name)
        panel.axhline(LIMIT, color="grey", linestyle="--", linewidth=1)
        panel.set(xscale="log", yscale="log", title=kind, xlabel="artworks")
    panels[0][0].set_ylabel("seconds, median of 5")
    panels[0][-1].legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1))
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--keep", type=Path, help="a folder where drawn catalogs stay for the next time")
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args(argv)
    results: dict[str, dict[int, dict[str, Timing]]] = {}
    for kind in arguments.databases.split(","):
        for size in (int(one) for one in arguments.sizes.split(",")):
            with database(kind, arguments.keep, size) as catalog:
                timings = measure(catalog)
            results.setdefault(kind, {})[size] = timings
            print(f"\n{kind}, {size:,} artworks{'wall s':>28}{'CPU s':>9}")
            for name, (wall, cpu) in timings.items():
                late = "  over the limit" if wall > LIMIT else ""
                print(f"  {name:<42}{wall:>8.3f} {cpu:>8.3f}{late}", flush=True)
    if arguments.plot:
        plot(results, arguments.plot)
    print(json.dumps({"limit": LIMIT, "seconds": results}))


if __name__ == "__main__":
    main()
