"""The accidents of ``benchmarks/chaos.py`` that happen to files, to the disk, to locks and to the clock."""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

from sqlalchemy import select

from benchmarks.chaos_processes import begin, curate, wait_for_line
from benchmarks.chaos_scene import (
    FAKETIME,
    TRAIN,
    Outcome,
    Scene,
    copied,
    counts,
    executed,
    outcome,
    refusal,
)
from db.models import Artwork, Label, Verdict
from db.workspace.workspace import open_workspace


def no_space(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """No file may grow past a limit while a command writes; with room again it does its work."""
    place = copied(scene, folder)
    before = counts(open_workspace(place))
    limit = rng.randrange(1, 60) * 1024
    command = ("backup", str(folder / "b.zip")) if rng.random() < 0.3 else ("label", *first_label(place, rng))

    refused = refusal("no space", curate(place, *command, largest=limit))
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
    done = executed(place, *command, prefix=drop)
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
    waiting = begin(place, *command)
    wait_for_line(waiting, ".err")
    waiting.wait(rng.uniform(0, 2))
    stranger.execute("ROLLBACK")
    stranger.close()
    done = waiting.done()
    if done.returncode or "is locked by process" not in done.stderr:
        return Outcome("locked", "broken", done.stderr[-200:])
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


def turn_a_byte(victim: Path, rng: random.Random) -> None:
    """Change one byte of a file, wherever."""
    data = bytearray(victim.read_bytes())
    data[rng.randrange(len(data))] ^= 0xFF
    victim.write_bytes(data)


def damaged_checkpoint(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """A byte of a checkpoint turns: ``check`` names the file, and nothing else is broken."""
    place = copied(scene, folder)
    victim = rng.choice(sorted((place / "runs").rglob("*.safetensors")))
    turn_a_byte(victim, rng)
    done = curate(place, "check")
    named = done.returncode == 1 and victim.name in done.stdout
    return Outcome("damaged checkpoint", "refused" if named else "broken", f"check names {victim.name}")


def damaged_cache(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """A byte of a cache file turns: the next run finds it by its digest, and is whole."""
    place = copied(scene, folder)
    before = counts(open_workspace(place))
    files = [p for p in sorted((place / "cache").rglob("*")) if p.is_file() and p.stat().st_size > 100]
    turn_a_byte(rng.choice(files), rng)
    if refused := refusal("damaged cache", curate(place, *TRAIN, "--seed", "9")):
        return refused
    return outcome("damaged cache", place, (*before[:3], before[3] + 1), 0)


def clock_moved(scene: Scene, folder: Path, rng: random.Random) -> Outcome:
    """The clock jumps years back and forth between commands."""
    place = copied(scene, folder)
    before = counts(open_workspace(place))
    for _ in range(2):
        environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"{rng.randrange(-3000, 3000):+}d"}
        done = executed(place, "label", *first_label(place, rng), environment=environment)
        if refused := refusal("clock moved", done):
            return refused
    with open_workspace(place).open_catalog() as catalog, catalog.read() as session:
        labels, verdicts = session.query(Label).count(), session.query(Verdict).count()
    return outcome("clock moved", place, (before[0], labels, verdicts, before[3]), 0)
