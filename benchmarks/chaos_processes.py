"""Commands as separate processes that start at once: forked from one that has everything imported.

Each is a real process, in its own session, that ``kill -9`` ends as it would end any other.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from uuid import uuid4

PRELOADED = (
    "curate.cli",
    "curate.training.run",
    "curate.ingest.engine",
    "curate.ingest.readers.formats",
    "curate.ingest.images.duplicates",
    "curate.rounds.push",
    "db.maintenance.backup",
    "db.maintenance.restore",
    "db.maintenance.check",
    "model.training.train",
    "model.inputs.features",
    "model.training.runner",
    "review.label_studio.sync.fetch",
    "review.label_studio.push.send",
    "cv2",
    "mongoengine",
    "motor.motor_asyncio",
    "pandas",
    "plotly.graph_objects",
    "skimage.measure",
    "sklearn.covariance",
    "sklearn.metrics",
    "sklearn.neighbors",
)
"""What commands import: ours, and the heavy parts of FiftyOne's imports; itself it asks for its server."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(list(PRELOADED))


@dataclass(frozen=True)
class Done:
    """What a command left when it ended by itself."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Started:
    """A process that runs; what it prints goes into two files."""

    process: ForkServerProcess
    printed: Path

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; return whether it came."""
        self.process.join(seconds)
        return self.process.exitcode is not None

    def kill(self) -> int:
        """Kill it and all it started; return 1 if it was still running."""
        if self.process.exitcode is not None:
            return 0
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self.process.pid or 0, signal.SIGKILL)
        self.process.join()
        return 1

    def lines(self, suffix: str = ".out") -> list[str]:
        """Return the whole lines that it has printed: on stdout, or with ``.err`` on stderr."""
        text = self.printed.with_suffix(suffix).read_text(encoding="utf-8")
        return text[: text.rfind("\n") + 1].splitlines()

    def done(self) -> Done:
        """Wait for the end; return what it left."""
        self.process.join()
        out, err = (self.printed.with_suffix(suffix).read_text("utf-8") for suffix in (".out", ".err"))
        return Done(self.process.exitcode or 0, out, err)


def start(
    folder: Path,
    work: Callable[..., None],
    arguments: Sequence[Any],
    environment: Mapping[str, str] | None = None,
    largest: int | None = None,
) -> Started:
    """Start a function of this package in its own process.

    Args:
        folder: Where what it prints is kept.
        work: The function, with its ``arguments``.
        environment: Variables for it alone.
        largest: No file may grow past this many bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    printed = folder / f"printed-{uuid4().hex[:8]}"
    for suffix in (".out", ".err"):
        printed.with_suffix(suffix).touch()
    process = FORKS.Process(
        target=_child, args=(str(printed), work, tuple(arguments), dict(environment or {}), largest)
    )
    process.start()
    return Started(process, printed)


def _child(
    printed: str,
    work: Callable[..., None],
    arguments: tuple[Any, ...],
    environment: dict[str, str],
    largest: int | None,
) -> None:
    os.setsid()
    for number, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(printed + suffix, os.O_WRONLY | os.O_APPEND), number)
    os.environ.update(environment)
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    work(*arguments)


def _command(arguments: list[str]) -> None:
    from curate.cli import main

    sys.argv = ["curate", *arguments]
    main(arguments)


def begin(place: Path, *arguments: str, **options: Any) -> Started:
    """Start one command line on a workspace."""
    return start(place.parent / "printed", _command, [["-w", str(place), *arguments]], **options)


def curate(place: Path, *arguments: str, **options: Any) -> Done:
    """Run one command line on a workspace to its end."""
    return begin(place, *arguments, **options).done()


def killed(place: Path, arguments: Sequence[str], after: float) -> int:
    """Start a command and kill it after this many seconds; return 1 if it was hit."""
    command = begin(place, *arguments)
    command.wait(after)
    return command.kill()


def wait_for_line(started: Started, suffix: str = ".out", seconds: float = 60) -> None:
    """Wait until a process has printed its first line, or has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not started.lines(suffix) and not started.wait(0.02):
        continue
