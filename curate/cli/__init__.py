"""The command line. Only ``typer`` is imported at the top; a command imports what it needs when it runs."""

from __future__ import annotations

import importlib
import importlib.util
import sys

import typer

from curate.cli.app import app
from db.errors import CurateError

COMMANDS = (
    "init",
    "ingest",
    "stats",
    "history",
    "classes",
    "relocate",
    "train",
    "evaluate",
    "report",
    "issues",
    "predict",
    "browse",
    "push",
    "sync",
    "label",
    "status",
    "reviewers",
    "export",
    "doctor",
    "check",
    "backup",
    "demo",
)
"""The command modules, in the order that ``curate --help`` lists them."""

for _name in COMMANDS:
    if importlib.util.find_spec(f"curate.cli.{_name}") is None:
        continue
    importlib.import_module(f"curate.cli.{_name}")


def main(argv: list[str] | None = None) -> None:
    """Run the app; print a ``CurateError`` as one line and exit with status 1."""
    try:
        app(argv)
    except CurateError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
