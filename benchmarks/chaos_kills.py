"""The accidents of ``benchmarks/chaos.py`` in which a command, a rank of several, or a server is killed."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import select

from benchmarks.chaos_processes import begin, curate, killed, start, wait_for_line
from benchmarks.chaos_scene import IMAGES, TRAIN, Outcome, Scene, copied, counts, outcome, refusal
from benchmarks.chaos_services import DATABASE
from db.maintenance.check import check_catalog
from db.models import Verdict
from db.reviews.answering.answers import Decision
from db.reviews.answering.recording import decide
from db.workspace.workspace import change_settings, init_workspace, open_workspace
from review.label_studio.local_server import free_port
from tests.label_studio.faults import Disturb, go_round, untouched

NO_ARRAYS = ("the arrays of every run are as they were written",)
"""What is not looked at where a run was written by hand, without arrays."""

GRACE = 5.0
"""Seconds that the other ranks have to notice that one is gone, as a launcher would end them."""


def kill_ingest(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """``curate ingest`` is killed up to three times, then run to its end."""
    init_workspace(folder / "ws", ("style", "genre", "artist"))
    command = ("ingest", str(scene.gallery / "labels.csv"))
    kills = sum(killed(folder / "ws", command, rng.uniform(0, scene.seconds["ingest"])) for _ in range(3))
    done = curate(folder / "ws", *command)
    expected = (*counts(open_workspace(scene.trained))[:2], 0, 0)
    return refusal("kill ingest", done) or outcome("kill ingest", folder / "ws", expected, kills)


def about_to_train(
    scene: Scene, folder: Path, rng: random.Random
) -> tuple[Path, tuple[int, ...], tuple[str, ...]]:
    """Return a workspace, with its features cached or not; what it holds; and a command for one run more."""
    place = copied(scene, folder)
    before = counts(open_workspace(place))
    if rng.random() < 0.5:
        shutil.rmtree(place / "cache")
    return place, before, (*TRAIN, "--seed", str(rng.randrange(1000)))


def kill_train(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """``curate train`` is killed up to three times, then run to its end: it is one run more."""
    place, before, command = about_to_train(scene, folder, rng)
    kills = sum(killed(place, command, rng.uniform(0, scene.seconds["train"])) for _ in range(3))
    extra = counts(open_workspace(place))[3] - before[3]
    if extra == 0:
        done = curate(place, *command)
        if refused := refusal("kill train", done):
            return refused
        extra = 1
    return outcome("kill train", place, (*before[:3], before[3] + extra), kills)


def decide_without_end(folder: str) -> None:
    """Record verdicts one by one; each line printed acknowledges one that was committed."""
    with open_workspace(Path(folder)).open_catalog() as catalog:
        for number in range(10**6):
            with catalog.write() as session:
                said = [Decision(1, "corrected", 1 + number % 2)]
                decide(session, 1 + number % IMAGES, said, user="r", annotation_id=f"a{number}")
            print(f"a{number}", flush=True)


def acknowledged(folder: Path, seconds: float, harm: Callable[[], None]) -> list[str]:
    """Let a reviewer decide for a while, do harm, and return the verdicts that were acknowledged."""
    reviewer = start(folder.parent / "printed", decide_without_end, [str(folder)])
    wait_for_line(reviewer)
    reviewer.wait(seconds)
    harm()
    reviewer.kill()
    return reviewer.lines()


def compare_verdicts(kind: str, folder: Path, said: Sequence[str], kills: int) -> Outcome:
    """Every acknowledged verdict is there once; at most one more was committed unheard."""
    workspace = open_workspace(folder)
    with workspace.open_catalog() as catalog, catalog.read() as session:
        recorded = Counter(session.scalars(select(Verdict.annotation_id)))
        broken = [finding.name for finding in check_catalog(session, workspace) if finding.broken]
    lost = sum(recorded[name] == 0 for name in said)
    doubled = sum(n - 1 for n in recorded.values()) + max(0, len(recorded) - len(said) - 1)
    if lost or doubled or broken:
        return Outcome(kind, "broken", f"{broken} {len(said)} {len(recorded)}", lost, doubled, kills)
    return Outcome(kind, "survived", f"{len(said)} verdicts acknowledged, {len(recorded)} there", kills=kills)


def kill_reviewer(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """A process that records verdicts is killed."""
    place = copied(scene, folder)
    said = acknowledged(place, rng.uniform(0.1, 2), lambda: None)
    return compare_verdicts("kill reviewer", place, said, 1)


def kill_postgresql(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """PostgreSQL dies under a reviewer, every process of it; it starts again, and so does the reviewer."""
    kind, postgres = "kill PostgreSQL", scene.services.postgres
    file = scene.folder / "trained.zip"
    if not file.exists():
        curate(scene.trained, "backup", str(file))
    done = curate(folder / "ws", "restore", str(file), "--yes", "--database-url", postgres.database())
    if done.returncode:
        return Outcome(kind, "broken", done.stderr[-200:])
    said = acknowledged(folder / "ws", rng.uniform(0.1, 2), postgres.kill)
    refused = curate(folder / "ws", "status")
    postgres.start()
    if refusal("", refused) is None or "cannot be reached" not in refused.stderr:
        return Outcome(kind, "broken", refused.stderr[-200:])
    return compare_verdicts(kind, folder / "ws", said, 1)


def kill_backup(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """``curate backup`` is killed: there is no file, or a whole one, and it restores."""
    place, file = copied(scene, folder), folder / "backup.zip"
    kills = killed(place, ("backup", str(file)), rng.uniform(0.02, 0.6))
    if not file.exists() and (refused := refusal("kill backup", curate(place, "backup", str(file)))):
        return refused
    again = folder / "again"
    kills += killed(again, ("restore", str(file), "--yes"), rng.uniform(0.02, 0.6))
    if not (again / "curate.toml").exists() and (
        refused := refusal("kill backup", curate(again, "restore", str(file), "--yes"))
    ):
        return Outcome("kill backup", "broken", refused.detail)
    return outcome("kill backup", again, counts(open_workspace(place)), kills)


def kill_rank(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """One of two processes that train together is killed; the same command continues the run, alone."""
    place, before, command = about_to_train(scene, folder, rng)
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    ranks = [
        begin(place, *command, environment={**meeting, "RANK": str(n), "LOCAL_RANK": str(n)}) for n in (0, 1)
    ]
    victim = rng.choice((0, 1))
    ranks[victim].wait(rng.uniform(0, scene.seconds["train"]))
    kills = ranks[victim].kill()
    ranks[1 - victim].wait(GRACE)
    ranks[1 - victim].kill()
    done = counts(open_workspace(place))[3] - before[3]
    if not done and (refused := refusal("kill rank", curate(place, *command))):
        return refused
    return outcome("kill rank", place, (*before[:3], before[3] + 1), kills)


def kill_mongod(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """MongoDB dies under ``browse``; it starts again, and the same command gives each artwork one sample."""
    kind, mongo = "kill mongod", scene.services.mongo
    place = copied(scene, folder)
    workspace = change_settings(open_workspace(place), "fiftyone", "dataset", f"chaos-{folder.name}")
    before = counts(workspace)
    browsing = begin(place, "browse", "--no-launch", environment=mongo.environment)
    browsing.wait(rng.uniform(3, 10))
    mongo.kill()
    told = None if not browsing.wait(60) else refusal(kind, browsing.done())
    browsing.kill()
    mongo.start()
    if told is not None and told.result == "broken":
        return told
    if failed := refusal(kind, curate(place, "browse", "--no-launch", environment=mongo.environment)):
        return Outcome(kind, "broken", failed.detail, kills=1)
    with mongo.client() as client:
        database = client[DATABASE]
        dataset = database["datasets"].find_one({"name": workspace.settings.fiftyone.dataset}) or {}
        names = [row["filepath"] for row in database[dataset["sample_collection_name"]].find({})]
    lost, doubled = IMAGES - len(set(names)), len(names) - len(set(names))
    if lost or doubled:
        return Outcome(kind, "broken", f"{len(names)} samples", lost, doubled, 1)
    return outcome(kind, place, before, 1)


def kill_label_studio(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """Label Studio dies under a push or a sync; it starts again, and so does the command."""
    kind, studio = "kill Label Studio", scene.services.label_studio
    kills: list[int] = []
    told: list[Outcome] = []

    def server_dies(_step: Callable[[], None], command: list[str]) -> bool:
        running = begin(Path(command[1]), *command[2:])
        running.wait(rng.uniform(0.05, 1.5))
        studio.kill()
        kills.append(1)
        if running.wait(60) and (refused := refusal(kind, running.done())):
            told.append(refused)
        running.kill()
        studio.start()
        return True

    outcome = _round(kind, folder, studio.server.url, rng, server_dies, kills)
    return next((refused for refused in told if refused.result == "broken"), outcome)


def kill_review(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """``push`` or ``sync-corrections`` is killed while it talks to Label Studio."""
    kills: list[int] = []

    def command_dies(_step: Callable[[], None], command: list[str]) -> bool:
        kills.append(killed(Path(command[1]), command[2:], rng.uniform(0.05, 1.5)))
        return True

    url = scene.services.label_studio.server.url
    return _round("kill push or sync", folder, url, rng, command_dies, kills)


def _round(kind: str, folder: Path, url: str, rng: random.Random, harm: Disturb, kills: list[int]) -> Outcome:
    """Go round once with harm done to the push or to the sync; count what is lost or doubled."""
    first, then = rng.choice(((harm, untouched), (untouched, harm)))
    counted = go_round(folder, url, first, then)
    lost, doubled = counted.lost + counted.missing_tasks, counted.doubled + counted.doubled_tasks
    if lost or doubled:
        return Outcome(kind, "broken", f"{counted}", lost, doubled, sum(kills))
    expected = counts(open_workspace(folder / "ws"))
    return outcome(kind, folder / "ws", expected, sum(kills), spared=NO_ARRAYS)
