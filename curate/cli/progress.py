"""Progress on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

import typer

from curate.cli.commands import as_typed_here

PLAIN_SECONDS = 5.0
"""How often a plain line is printed where there is no terminal."""


def duration(seconds: float) -> str:
    """Return a length of time as people say it.

    Example:
        >>> duration(42), duration(600), duration(8000)
        ('42 s', '10 min', '2.2 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class CliProgress:
    """One task at a time: ``start`` names it, ``advance`` counts, ``message`` says something in between."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(file=sys.stderr)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
        )
        self._plain = not self._console.is_terminal
        self._task = self._bar.add_task("", visible=False, note="")
        self._what, self._total, self._done, self._began, self._told = "", 0, 0, 0.0, 0.0

    def __enter__(self) -> CliProgress:
        if not self._plain:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._plain:
            self._bar.stop()

    def start(self, total: int | None, what: str) -> None:
        """Begin a task of ``total`` steps (None: unknown)."""
        self._what, self._total, self._done = what, total or 0, 0
        self._began = self._told = time.monotonic()
        if self._plain:
            typer.echo(f"{what} …", err=True)
        else:
            self._bar.reset(self._task, total=total, description=what, visible=True, note="")

    def advance(self, steps: int = 1, detail: str = "") -> None:
        """Count steps as done; ``detail`` stands behind the bar until the next one."""
        self._done += steps
        if not self._plain:
            self._bar.update(self._task, advance=steps, note=detail)
        elif time.monotonic() - self._told > PLAIN_SECONDS:
            self._told = time.monotonic()
            of = f"/{self._total}{self._left()}" if self._total else ""
            typer.echo(f"{self._what}: {self._done}{of} {detail}".rstrip(), err=True)

    def _left(self) -> str:
        """Return how long the rest should take, if it goes on as it went so far."""
        passed = self._told - self._began
        left = passed / self._done * max(self._total - self._done, 0)
        return f", about {duration(left)} left"

    def message(self, text: str) -> None:
        """Print a line that stays."""
        text = as_typed_here(text)
        if self._plain:
            typer.echo(text, err=True)
        else:
            self._bar.print(text, highlight=False, markup=False)

    def finish(self) -> None:
        """End the task."""
        if not self._plain:
            self._bar.update(self._task, visible=False)
