"""How long work tells that it goes on, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What long work calls; the command line passes one that draws bars."""

    def start(self, total: int | None, what: str) -> None:
        """Begin a stage of ``total`` steps (None: unknown); a stage that was open is over."""

    def advance(self, steps: int = 1, detail: str = "") -> None:
        """Tell that steps are done; ``detail`` is what a bar may show beside its name."""

    def message(self, text: str) -> None:
        """Say one line that should stay on the screen."""

    def finish(self) -> None:
        """End the stage."""


class Silent:
    """A progress that shows nothing."""

    def start(self, total: int | None, what: str) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1, detail: str = "") -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""
