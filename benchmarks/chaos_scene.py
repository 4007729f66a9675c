"""What the cases of ``benchmarks/chaos.py`` start from, and how each is judged in the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos_processes import Done, curate
from benchmarks.chaos_services import Services
from curate.demo.gallery import draw_gallery, plant_errors, write_listing
from db.maintenance.check import check_catalog
from db.models import Artwork, Label, Run, Verdict
from db.workspace.workspace import Workspace, init_workspace, open_workspace

IMAGES = 40
TRAIN = ("train", "--backbone", "efficientnet_lite0", "--image-size", "64", "--epochs", "2", "--folds", "2")
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@dataclass(frozen=True)
class Scene:
    """What all cases start from: a gallery, a workspace that has it and one run, and real servers.

    ``seconds`` is how long a command takes here undisturbed: a moment to kill it is drawn from it.
    """

    folder: Path
    gallery: Path
    trained: Path
    services: Services
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """How a case ended: survived, refused (with a message that says what to do), or broken."""

    kind: str
    result: str
    detail: str = ""
    lost: int = 0
    doubled: int = 0
    kills: int = 0
    seconds: float = 0.0


def make_scene(folder: Path, services: Services) -> Scene:
    """Draw the gallery, ingest and train once."""
    gallery = folder / "gallery"
    listing = gallery / "labels.csv"
    write_listing(plant_errors(draw_gallery(gallery, IMAGES, seed=3), 0.1, seed=3), listing)
    trained = folder / "trained"
    init_workspace(trained, ("style", "genre", "artist"))
    curate(trained, "status")  # the first command waits for the process that all are forked from
    seconds = {}
    for arguments in (("ingest", str(listing)), TRAIN):
        began = time.monotonic()
        done = curate(trained, *arguments)
        seconds[arguments[0]] = time.monotonic() - began
        if done.returncode:
            raise RuntimeError(done.stderr)
    return Scene(folder, gallery, trained, services, seconds)


def not_allowed() -> dict[str, str]:
    """Return the kinds that this machine cannot do, with the reason."""
    lacking = {}
    if not FAKETIME.exists():
        lacking["clock moved"] = "libfaketime is not installed"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        lacking["read-only folder"] = "root may write everywhere, and setpriv is not installed"
    return lacking


def executed(
    place: Path, *arguments: str, environment: dict[str, str] | None = None, prefix: Sequence[str] = ()
) -> Done:
    """Run one command line as its own program, for what must be said before a program begins."""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "curate.cli", "-w", str(place), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return Done(done.returncode, done.stdout, done.stderr)


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


def outcome(
    kind: str, folder: Path, expected: Sequence[int], kills: int, spared: Collection[str] = ()
) -> Outcome:
    """Check the catalog, but for what is spared, and compare what is there with what should be."""
    workspace = open_workspace(folder)
    with workspace.open_catalog() as catalog, catalog.read() as session:
        findings = check_catalog(session, workspace)
        broken = [finding.name for finding in findings if finding.broken and finding.name not in spared]
    counted = counts(workspace)
    lost = sum(max(0, wanted - got) for wanted, got in zip(expected, counted, strict=True))
    doubled = sum(max(0, got - wanted) for wanted, got in zip(expected, counted, strict=True))
    if broken or lost or doubled:
        return Outcome(kind, "broken", f"{broken} {expected} {counted}", lost, doubled, kills)
    return Outcome(kind, "survived", f"{kills} kills", kills=kills)


def refusal(kind: str, done: Done) -> Outcome | None:
    """Return that a command refused with one line, None if it did its work, or what else it did."""
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    if done.returncode == 1 and len(lines) == 1 and "Traceback" not in done.stderr:
        return Outcome(kind, "refused", lines[0][:150])
    return Outcome(kind, "broken", done.stderr[-300:])
