"""How long work at a review tool tells that it goes on, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What syncing and pushing call; the command line passes one that draws bars."""

    def start(self, total: int, what: str) -> None:
        """Begin a stage of ``total`` steps; a stage that was open is over."""

    def advance(self, steps: int = 1) -> None:
        """Tell that steps are done."""

    def message(self, text: str) -> None:
        """Say one line that should stay on the screen."""


class Silent:
    """A progress that shows nothing."""

    def start(self, total: int, what: str) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""
