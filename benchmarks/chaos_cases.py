"""The accidents of ``benchmarks/chaos.py``: each makes one happen, recovers as a user would, and looks."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from curate.gallery import draw_gallery, plant_errors, write_listing
from db.check import check_catalog
from db.models import Artwork, Label, Run, Verdict
from db.workspace import Workspace, init_workspace, open_workspace
from tests.postgres import Postgres, postgres_server

IMAGES = 40
TRAIN = ("train", "--backbone", "efficientnet_lite0", "--image-size", "64", "--epochs", "2", "--folds", "2")
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
REVIEWER = """
import sys
from pathlib import Path
from db.verdicts import Decision, decide
from db.workspace import open_workspace
with open_workspace(Path(sys.argv[1])).open_catalog() as catalog:
    for i in range(int(sys.argv[2]), 10**6):
        with catalog.write() as session:
            said = [Decision(1, "corrected", 1 + i % 2)]
            decide(session, 1 + i % 40, said, user="r", annotation_id=f"a{i}")
        print(f"a{i}", flush=True)
"""
"""Decides without end; each line acknowledges a verdict that was committed."""


@dataclass(frozen=True)
class Scene:
    """What all cases start from: a gallery, a workspace that has it and one run, and a PostgreSQL server."""

    folder: Path
    gallery: Path
    trained: Path
    postgres: Postgres | None


@dataclass(frozen=True)
class Outcome:
    """How a case ended: survived, refused (with a message that says what to do), or broken."""

    kind: str
    result: str
    detail: str = ""
    lost: int = 0
    doubled: int = 0
    kills: int = 0


def make_scene(folder: Path, stack: ExitStack) -> tuple[Scene, dict[str, str]]:
    """Draw the gallery, ingest and train once, start the server; return also which kinds cannot run here."""
    gallery = folder / "gallery"
    listing = gallery / "labels.csv"
    write_listing(plant_errors(draw_gallery(gallery, IMAGES, seed=3), 0.1, seed=3), listing)
    trained = folder / "trained"
    init_workspace(trained, ("style", "genre", "artist"))
    for arguments in (("ingest", str(listing)), TRAIN):
        done = curate(trained, *arguments)
        if done.returncode:
            raise RuntimeError(done.stderr)
    not_allowed = {}
    if not FAKETIME.exists():
        not_allowed["clock moved"] = "libfaketime is not installed"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        not_allowed["read-only folder"] = "root may write everywhere, and setpriv is not installed"
    return Scene(folder, gallery, trained, stack.enter_context(postgres_server())), not_allowed


def curate(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run one command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "curate.cli", "-w", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def killed(folder: Path, arguments: Sequence[str], after: float) -> int:
    """Start a command and kill it with all its children after so many seconds; return 1 if it was hit."""
    process = subprocess.Popen(
        [sys.executable, "-m", "curate.cli", "-w", str(folder), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=after)
        return 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return 1


def copied(scene: Scene, folder: Path) -> Path:
    """Return a copy of the trained workspace."""
    shutil.copytree(scene.trained, folder / "ws")
    return folder / "ws"


def counts(workspace: Workspace) -> tuple[int, int, int, int]:
    """Return how many artworks, labels, current verdicts and complete runs there are."""
    with workspace.open_catalog() as catalog, catalog.read() as session:
        return (
            session.query(Artwork).count(),
            session.query(Label).count(),
            session.query(Verdict).filter(Verdict.superseded_at.is_(None)).count(),
            session.query(Run).filter(Run.state == "complete").count(),
        )


def outcome(kind: str, folder: Path, expected: Sequence[int], kills: int) -> Outcome:
    """Check the catalog, and compare what there is with what there should be."""
    workspace = open_workspace(folder)
    with workspace.open_catalog() as catalog, catalog.read() as session:
        broken = [finding.name for finding in check_catalog(session, workspace) if finding.broken]
    found = counts(workspace)
    lost = sum(max(0, wanted - got) for wanted, got in zip(expected, found, strict=True))
    doubled = sum(max(0, got - wanted) for wanted, got in zip(expected, found, strict=True))
    if broken or lost or doubled:
        return Outcome(kind, "broken", f"{broken} {expected} {found}", lost, doubled, kills)
    return Outcome(kind, "survived", f"{kills} kills", kills=kills)


def refusal(kind: str, done: subprocess.CompletedProcess[str]) -> Outcome | None:
    """Return that a command refused with one line, None if it did its work, or what else it did."""
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    if done.returncode == 1 and len(lines) == 1 and "Traceback" not in done.stderr:
        return Outcome(kind, "refused", lines[0][:150])
    return Outcome(kind, "broken", done.stderr[-300:])


def kill_ingest(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """``curate ingest`` is killed up to three times, then run to its end."""
    init_workspace(folder / "ws", ("style", "genre", "artist"))
    command = ("ingest", str(scene.gallery / "labels.csv"))
    kills = sum(killed(folder / "ws", command, rng.uniform(1, 6)) for _ in range(3))
    done = curate(folder / "ws", *command)
    expected = (*counts(open_workspace(scene.trained))[:2], 0, 0)
    return refusal("kill ingest", done) or outcome("kill ingest", folder / "ws", expected, kills)


def kill_train(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """``curate train`` is killed up to three times, then run to its end: it is one run more."""
    place = copied(scene, folder)
    before = counts(open_workspace(place))
    if rng.random() < 0.5:
        shutil.rmtree(place / "cache")
    command = (*TRAIN, "--seed", str(rng.randrange(1000)))
    kills = sum(killed(place, command, rng.uniform(3, 15)) for _ in range(3))
    extra = counts(open_workspace(place))[3] - before[3]
    if extra == 0:
        done = curate(place, *command)
        if refused := refusal("kill train", done):
            return refused
        extra = 1
    return outcome("kill train", place, (*before[:3], before[3] + extra), kills)


def acknowledged(folder: Path, first: int, seconds: float, harm: Callable[[], None]) -> list[str]:
    """Let a reviewer decide for a while, do harm, and return the verdicts that were acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", REVIEWER, str(folder), str(first)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    said = [process.stdout.readline().strip()]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and said[-1]:
        said.append(process.stdout.readline().strip())
    harm()
    process.kill()
    said += process.stdout.read().split()
    process.wait()
    return [name for name in said if name]


def compare_verdicts(kind: str, folder: Path, said: Sequence[str], kills: int) -> Outcome:
    """Every acknowledged verdict is there once; at most one more was committed unheard."""
    workspace = open_workspace(folder)
    with workspace.open_catalog() as catalog, catalog.read() as session:
        found = Counter(session.scalars(select(Verdict.annotation_id)))
        broken = [finding.name for finding in check_catalog(session, workspace) if finding.broken]
    lost = sum(found[name] == 0 for name in said)
    doubled = sum(n - 1 for n in found.values()) + max(0, len(found) - len(said) - 1)
    if lost or doubled or broken:
        return Outcome(kind, "broken", f"{broken} {len(said)} {len(found)}", lost, doubled, kills)
    return Outcome(kind, "survived", f"{len(said)} verdicts acknowledged, {len(found)} there", kills=kills)


def kill_reviewer(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """A process that records verdicts is killed."""
    place = copied(scene, folder)
    said = acknowledged(place, 0, rng.uniform(0.1, 2), lambda: None)
    return compare_verdicts("kill reviewer", place, said, 1)


def kill_postgresql(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """PostgreSQL dies under a reviewer, every process of it; it starts again, and so does the reviewer."""
    assert scene.postgres is not None
    backup = folder / "backup.zip"
    for arguments in ((scene.trained, "backup", str(backup)),):
        done = curate(*arguments)
        if done.returncode:
            return Outcome("kill PostgreSQL", "broken", done.stderr[-200:])
    done = curate(folder / "ws", "restore", str(backup), "--database-url", scene.postgres.database())
    if done.returncode:
        return Outcome("kill PostgreSQL", "broken", done.stderr[-200:])
    said = acknowledged(folder / "ws", 0, rng.uniform(0.1, 2), scene.postgres.kill)
    refused = curate(folder / "ws", "status")
    scene.postgres.start()
    if refusal("", refused) is None or "cannot be reached" not in refused.stderr:
        return Outcome("kill PostgreSQL", "broken", refused.stderr[-200:])
    return compare_verdicts("kill PostgreSQL", folder / "ws", said, 1)


def kill_backup(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """``curate backup`` is killed: there is no file, or a whole one, and it restores."""
    place, file = copied(scene, folder), folder / "backup.zip"
    kills = killed(place, ("backup", str(file)), rng.uniform(0.5, 4))
    if not file.exists() and (refused := refusal("kill backup", curate(place, "backup", str(file)))):
        return refused
    again = folder / "again"
    kills += killed(again, ("restore", str(file)), rng.uniform(0.5, 4))
    if not (again / "curate.toml").exists() and (
        refused := refusal("kill backup", curate(again, "restore", str(file)))
    ):
        return Outcome("kill backup", "broken", refused.detail)
    return outcome("kill backup", again, counts(open_workspace(place)), kills)


def no_space(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """No file may grow past a limit while a command writes; with room again it does its work."""
    place = copied(scene, folder)
    before = counts(open_workspace(place))
    limit = rng.randrange(1, 60) * 1024
    command = ("backup", str(folder / "b.zip")) if rng.random() < 0.3 else ("label", *first_label(place, rng))

    def shrink() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    refused = refusal("no space", curate(place, *command, preexec_fn=shrink))
    if refused is not None and refused.result == "broken":
        return refused
    if refused is not None and (failed := refusal("no space", curate(place, *command))):
        return Outcome("no space", "broken", failed.detail)
    said = int(command[0] == "label")
    with open_workspace(place).open_catalog() as catalog, catalog.read() as session:
        labels = session.query(Label).count()
    if said and labels == before[1]:
        return Outcome("no space", "broken", "the label is not there", lost=1)
    return outcome("no space", place, (before[0], labels, said, before[3]), 0)


def first_label(place: Path, rng: random.Random) -> tuple[str, str, str]:
    """Return an artwork, an attribute and a class to say of it."""
    with open_workspace(place).open_catalog() as catalog, catalog.read() as session:
        paths = session.scalars(select(Artwork.path).order_by(Artwork.id)).all()
    return (rng.choice(paths), "genre", rng.choice(("portrait", "landscape")))


def read_only(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """The workspace may not be written: the command refuses, and nothing has changed."""
    place = copied(scene, folder)
    before, command = counts(open_workspace(place)), ("label", *first_label(place, rng))
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    for path in (*place.glob("catalog.db*"), place):
        path.chmod(0o444 if path.is_file() else 0o555)
    done = subprocess.run(
        [*drop, sys.executable, "-m", "curate.cli", "-w", str(place), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    for path in (place, *place.glob("catalog.db*")):
        path.chmod(0o755)
    refused = refusal("read-only folder", done)
    after = outcome("read-only folder", place, before, 0)
    return after if after.result == "broken" or refused is None else refused


def locked(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """Another program holds the lock for some seconds: the command says so, waits, and does its work."""
    place = copied(scene, folder)
    before, command = counts(open_workspace(place)), ("label", *first_label(place, rng))
    stranger = sqlite3.connect(place / "catalog.db", isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    process = subprocess.Popen(
        [sys.executable, "-m", "curate.cli", "-w", str(place), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    stranger.execute("ROLLBACK")
    stranger.close()
    process.stderr.read()
    if process.wait() or "is locked by process" not in said:
        return Outcome("locked", "broken", said)
    with open_workspace(place).open_catalog() as catalog, catalog.read() as session:
        labels = session.query(Label).count()
    return outcome("locked", place, (before[0], labels, 1, before[3]), 0)


def truncated(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """The catalog is cut off: the command refuses, and the backup brings everything back."""
    place, file = copied(scene, folder), folder / "backup.zip"
    before = counts(open_workspace(place))
    curate(place, "backup", str(file))
    path = place / "catalog.db"
    os.truncate(path, rng.randrange(path.stat().st_size - 4096))
    refused = refusal("truncated", curate(place, "label", "x", "genre", "portrait"))
    if refused is None or refused.result == "broken" or "is damaged" not in refused.detail:
        return Outcome("truncated", "broken", refused.detail if refused else "it was used")
    for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
        (place / name).unlink(missing_ok=True)
    if failed := refusal("truncated", curate(place, "restore", str(file))):
        return Outcome("truncated", "broken", failed.detail, lost=1)
    after = outcome("truncated", place, before, 0)
    return after if after.result == "broken" else refused


def damaged_file(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """A byte of a cache file or a checkpoint turns: the next run is whole, or ``check`` names the file."""
    place = copied(scene, folder)
    before = counts(open_workspace(place))
    files = [p for p in sorted((place / "cache").rglob("*")) if p.is_file() and p.stat().st_size > 100]
    files += sorted((place / "runs").rglob("*.safetensors"))
    victim = rng.choice(files)
    data = bytearray(victim.read_bytes())
    data[rng.randrange(len(data))] ^= 0xFF
    victim.write_bytes(data)
    if victim.suffix == ".safetensors" and "runs" in victim.parts:
        done = curate(place, "check")
        named = done.returncode == 1 and victim.name in done.stdout
        return Outcome("damaged file", "refused" if named else "broken", f"check names {victim.name}")
    if refused := refusal("damaged file", curate(place, *TRAIN, "--seed", "9")):
        return refused
    return outcome("damaged file", place, (*before[:3], before[3] + 1), 0)


def clock_moved(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """The clock jumps years back and forth between commands."""
    place = copied(scene, folder)
    before = counts(open_workspace(place))
    for _ in range(2):
        environment = {
            **os.environ,
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME": f"{rng.randrange(-3000, 3000)}d",
        }
        done = curate(place, "label", *first_label(place, rng), env=environment)
        if refused := refusal("clock moved", done):
            return refused
    with open_workspace(place).open_catalog() as catalog, catalog.read() as session:
        labels, verdicts = session.query(Label).count(), session.query(Verdict).count()
    return outcome("clock moved", place, (before[0], labels, verdicts, before[3]), 0)


KINDS: dict[str, Callable[[Scene, Path, random.Random], Outcome]] = {
    "kill reviewer": kill_reviewer,
    "kill PostgreSQL": kill_postgresql,
    "kill ingest": kill_ingest,
    "no space": no_space,
    "truncated": truncated,
    "kill backup": kill_backup,
    "read-only folder": read_only,
    "locked": locked,
    "damaged file": damaged_file,
    "kill train": kill_train,
    "clock moved": clock_moved,
}
"""What can happen, by name."""
