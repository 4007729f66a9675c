"""What pushing and syncing cost beside a bare import, and what faults leave behind.

    python benchmarks/label_studio.py                   # both
    python benchmarks/label_studio.py --tasks 2000 --cases 0
    python benchmarks/label_studio.py --tasks 0 --cases 50
    python benchmarks/label_studio.py --cases 0 --fiftyone

A real server is started in a temporary folder. Cases: one fault each, at a random request of a push or a
sync, or ``kill -9`` of the command or of the server at a random moment; then one more push and sync, and a
count. Prints a table and, last, one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.label_studio_fiftyone import fiftyone_backend
from curate.rounds.plan import BatchSettings
from curate.rounds.push import push_batch
from db.workspace.progress import Silent
from db.workspace.workspace import open_workspace
from review.label_studio.client import ONCE, Server, connect
from review.label_studio.local_server import (
    LocalServer,
    free_port,
    label_studio_server,
    start_server,
    stop_server,
    wait_until_up,
)
from review.label_studio.push import send as pushing
from review.label_studio.scripted_reviewer import answer, choice
from review.label_studio.sync.fetch import open_fetcher
from tests.label_studio.conftest import Gallery, add_run, make_gallery
from tests.label_studio.faults import Disturb, faulty, go_round, killed, untouched
from tests.label_studio.proxy import FAULTS, proxy_to

NEW_ANSWERS = 100


def seconds(step: Callable[[], object]) -> float:
    """Return how long a step takes."""
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def push_rates(
    folder: Path, server: LocalServer, tasks: int, pairs: int
) -> tuple[float, float, list[float], Gallery]:
    """Return tasks a second of a push and of a bare import of the same JSON, by medians, and their ratios.

    Every second time the bare import comes first, of what the first push sent.
    """
    same: list[dict[str, object]] = []
    pushed, bare = [], []
    with connect(server.url, server.token) as connected:
        for pair in range(pairs):
            gallery = make_gallery(folder / f"pair-{pair}", server.url, tasks)
            add_run(gallery.workspace, {i: {"style": 0.1 + 0.8 * i / tasks} for i in range(tasks)})
            steps = [partial(push_all, gallery), partial(bare_import, connected, same)]
            times = [0.0, 0.0]
            for step in (0, 1) if pair % 2 == 0 else (1, 0):
                times[step] = seconds(steps[step])
                if not same:
                    same += sent_by(connected, gallery)
            pushed.append(tasks / times[0])
            bare.append(tasks / times[1])
    ratios = [ours / theirs for ours, theirs in zip(pushed, bare, strict=True)]
    return median(pushed), median(bare), ratios, gallery


def push_all(gallery: Gallery) -> None:
    """Push every artwork of a gallery."""
    settings = BatchSettings(limit=len(gallery.uuids), audit=0, controls=0)
    with gallery.workspace.open_catalog() as catalog:
        push_batch(gallery.workspace, catalog, settings, None, Silent())


def sent_by(server: Server, gallery: Gallery) -> list[dict[str, object]]:
    """Return the tasks of a gallery's project as they were imported."""
    return [
        {
            "data": task.data,
            "predictions": [
                {key: getattr(guess, key) for key in ("model_version", "score", "result")}
                for guess in task.predictions
            ],
        }
        for task in server.tasks(project_of(gallery), fields="all")
    ]


def project_of(gallery: Gallery) -> int:
    """Return the number of a gallery's project."""
    project = open_workspace(gallery.workspace.folder).settings.label_studio.project
    assert project is not None
    return project


def bare_import(server: Server, tasks: list[dict[str, object]]) -> None:
    """Import the same tasks into a separate project, with nothing of ours around it."""
    config = next(iter(server.client.projects.list())).label_config
    bare = server.client.projects.create(title="bare import", label_config=config)
    for start in range(0, len(tasks), 1000):
        server.client.projects.import_tasks(
            id=bare.id, request=tasks[start : start + 1000], return_task_ids=True, request_options=ONCE
        )


def sync_seconds(server: LocalServer, gallery: Gallery, finished: int) -> list[float]:
    """Return what a sync of 100 new answers takes, first alone, then beside many finished tasks."""
    workspace, project = open_workspace(gallery.workspace.folder), project_of(gallery)
    right = [choice("verdict_style", "right")]

    def sync() -> None:
        with workspace.open_catalog() as catalog, open_fetcher(workspace, catalog) as fetcher:
            fetcher.sync(Silent())

    taken = []
    with connect(server.url, server.token) as connected:
        ids = [task.id for task in connected.tasks(project)]
        at = 0
        for before in (0, finished):
            for task_id in ids[at : at + before]:
                answer(connected, task_id, right)
            at += before
            # an answer later than the overlap: what is read again soon after is not what is measured
            time.sleep(61 if before else 0)
            answer(connected, ids[at], right)
            at += 1
            sync()
            for task_id in ids[at : at + NEW_ANSWERS]:
                answer(connected, task_id, right)
            at += NEW_ANSWERS
            taken.append(seconds(sync))
    return taken


def server_killed(
    server: LocalServer, document_root: Path, after: float
) -> tuple[Disturb, list[LocalServer]]:
    """Disturb by ``kill -9`` of the server while a step runs; it is started again afterwards."""
    running = [server]

    def disturb(step: Callable[[], None], command: list[str]) -> bool:
        import threading

        def kill() -> None:
            os.killpg(running[-1].process.pid, signal.SIGKILL)

        timer = threading.Timer(after, kill)
        timer.start()
        hit = killed(600)(step, command)
        timer.join()
        running[-1].process.wait()
        running.append(start_server(server.folder, document_root, int(server.url.rsplit(":", 1)[1])))
        wait_until_up(running[-1], lambda _text: None)
        return not hit

    return disturb, running


def campaign(folder: Path, server: LocalServer, cases: int, seed: int) -> dict[str, object]:
    """Run the fault cases; return the counts."""
    rng = random.Random(seed)
    totals: Counter[str] = Counter()
    pushing.CHUNK = 5
    for case in range(cases):
        kind = rng.choices(["request", "client", "server"], [34, 10, 6])[0]
        place = folder / f"case-{case:03}"
        with proxy_to(server.url) as proxy:
            running = [server]
            if kind == "request":
                name = rng.choice(FAULTS)
                first: Disturb = faulty(proxy, name, rng.randrange(18))
                then: Disturb = faulty(proxy, rng.choice(FAULTS), rng.randrange(7))
            elif kind == "client":
                name = "kill -9 of the command"
                first, then = killed(rng.uniform(2.0, 9.0)), killed(rng.uniform(2.0, 6.0))
            else:
                name = "kill -9 of the server"
                first, running = server_killed(server, folder, rng.uniform(2.0, 9.0))
                then = untouched
            outcome = go_round(place, proxy.url, first, then)
        server = running[-1]
        totals["tried"] += outcome.hit
        totals["lost"] += outcome.lost + outcome.missing_tasks
        totals["doubled"] += outcome.doubled + outcome.doubled_tasks
        told = "" if outcome.clean else f"  {outcome}"
        print(f"case {case:3}  {name:24} {'struck' if outcome.hit else 'missed'}{told}", flush=True)
    stop_server(server)
    return {
        "faults_tried": totals["tried"],
        "lost": totals["lost"],
        "doubled": totals["doubled"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=3, help="pushes and bare imports")
    parser.add_argument("--finished", type=int, default=1_000)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fiftyone", action="store_true", help="FiftyOne's own backend as well")
    parser.add_argument("--server-data", type=Path, help="a folder that keeps the server's data")
    options = parser.parse_args()
    figures: dict[str, object] = {}
    # mongod, which FiftyOne stops when this process ends, may still write while the folder is removed
    with tempfile.TemporaryDirectory(prefix="curate-benchmark-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        data = options.server_data or folder / "label-studio"
        with label_studio_server(data, document_root=folder, port=free_port()) as server:
            os.environ["LABEL_STUDIO_API_KEY"] = server.token
            if options.tasks:
                ours, bare, ratios, gallery = push_rates(folder, server, options.tasks, options.pairs)
                alone, beside = sync_seconds(server, gallery, options.finished)
                print(f"push          {ours:8.0f} tasks/s\nbare import   {bare:8.0f} tasks/s")
                print(f"sync of {NEW_ANSWERS}   {alone:8.2f} s; beside {options.finished} finished tasks:")
                print(f"              {beside:8.2f} s")
                figures |= {
                    "tasks": options.tasks,
                    "push_rate_over_bare_import": round(median(ratios), 3),
                    "by_pair": [round(ratio, 3) for ratio in ratios],
                    "sync_seconds_100_of_10000": round(alone, 2),
                    f"sync_seconds_beside_{options.finished}_finished": round(beside, 2),
                }
                if options.fiftyone:
                    peer = fiftyone_backend(folder, server, gallery, seconds)
                    print(f"FiftyOne's backend  {peer}")
                    figures["fiftyone_backend"] = peer
            if options.cases:
                figures |= campaign(folder, server, options.cases, options.seed)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
