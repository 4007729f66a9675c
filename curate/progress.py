"""Progress for users of Python: in a notebook a line that changes, on a terminal a bar, else nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from db.workspace.progress import Silent

if TYPE_CHECKING:
    from db.workspace.progress import Progress

EVERY = 0.25
"""Seconds between two changes of the line."""


@contextmanager
def silent_progress() -> Iterator[Progress]:
    """Show nothing."""
    yield Silent()


@contextmanager
def chosen_progress() -> Iterator[Progress]:
    """Show progress where somebody sees it."""
    if in_notebook():
        shown = NotebookProgress()
        try:
            yield shown
        finally:
            shown.finish()
    elif sys.stderr.isatty():
        from curate.cli.progress import CliProgress

        with CliProgress() as bar:
            yield bar
    else:
        yield Silent()


def in_notebook() -> bool:
    """Return whether this process is a notebook's kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


class NotebookProgress:
    """One line under the cell: the stage, a bar, how many of how many."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._what, self._total, self._done, self._shown = "", 0, 0, 0.0

    def start(self, total: int | None, what: str) -> None:
        """Begin a stage."""
        self._what, self._total, self._done = what, total or 0, 0
        self._show("")

    def advance(self, steps: int = 1, detail: str = "") -> None:
        """Count steps as done."""
        self._done += steps
        if time.monotonic() - self._shown > EVERY:
            self._show(detail)

    def message(self, text: str) -> None:
        """Name what goes on now."""
        self.start(None, text)

    def finish(self) -> None:
        """Take the line away."""
        if self._handle is not None:
            from IPython.display import HTML

            self._handle.update(HTML(""))  # type: ignore[no-untyped-call]

    def _show(self, detail: str) -> None:
        from IPython.display import HTML, display

        self._shown = time.monotonic()
        bar = ""
        if self._total:
            share = f"value={self._done} max={self._total}"
            bar = f" <progress {share}></progress> {self._done}/{self._total}"
        line = HTML(f"{escape(self._what)}{bar} {escape(detail)}")  # type: ignore[no-untyped-call]
        if self._handle is None:
            self._handle = display(line, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(line)
