"""Which commands there are, and how a message names one that is to be typed from where the user stands."""

from __future__ import annotations

import re
from contextvars import ContextVar
from pathlib import Path

from db.errors import typed

COMMANDS = {
    "catalog.init": ("init",),
    "catalog.ingest": ("ingest",),
    "catalog.stats": ("stats",),
    "catalog.history": ("history",),
    "catalog.classes": ("classes",),
    "catalog.relocate": ("relocate",),
    "runs.train": ("train", "runs"),
    "runs.import_predictions": ("import-predictions",),
    "runs.evaluate": ("evaluate", "compare"),
    "runs.report": ("report",),
    "runs.issues": ("issues",),
    "runs.predict": ("predict", "export-model"),
    "review.browse": ("browse",),
    "review.push": ("push",),
    "review.sync": ("sync-corrections",),
    "review.label": ("label",),
    "review.undo": ("undo",),
    "review.status": ("status",),
    "review.reviewers": ("reviewers",),
    "catalog.export": ("export",),
    "care.doctor": ("doctor",),
    "care.check": ("check",),
    "care.backup": ("backup", "restore", "upgrade"),
    "care.demo": ("demo",),
}
"""The commands of each module, in the order that ``curate --help`` lists them."""

ANYWHERE = ("init", "doctor", "demo")
"""Commands that need no workspace."""

_VERBS = "|".join(name for names in COMMANDS.values() for name in names if name not in ANYWHERE)
_SUGGESTED = re.compile(rf"(?<![\w./-])curate (?=(?:{_VERBS})(?![\w:-]))")

_named: ContextVar[Path | None] = ContextVar("named", default=None)


def remember(workspace: Path | None) -> None:
    """Keep the folder that the command line names; None where the surroundings say which it is."""
    _named.set(workspace)


def as_typed_here(text: str) -> str:
    """Return a text whose commands name the workspace, where the user named one.

    Who types ``curate -w paintings train`` stands in another folder, where ``curate push`` finds nothing.

    Example:
        >>> remember(Path("my paintings"))
        >>> as_typed_here("Run `curate train` first.")
        "Run `curate -w 'my paintings' train` first."
        >>> remember(None)
        >>> as_typed_here("Run `curate train` first.")
        'Run `curate train` first.'
    """
    workspace = _named.get()
    if workspace is None:
        return text
    return _SUGGESTED.sub(lambda _: f"curate -w {typed(workspace)} ", text)
