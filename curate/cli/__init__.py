"""The command line. Only ``typer`` is imported at the top; a command imports what it needs when it runs."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import typer

from curate.cli.app import app
from db.errors import CurateError
from db.secrets import guard, redact

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
    importlib.import_module(f"curate.cli.{_name}")


def main(argv: list[str] | None = None) -> None:
    """Run the app; print what the user can mend as one line, and exit with status 1."""
    guard()
    try:
        app(argv, prog_name="curate")
    except CurateError as error:
        fail(error)
    except OSError as error:
        from db.faults import explain_disk

        explained = explain_disk(error, "a file")
        if explained is None:
            raise
        fail(explained)


def fail(error: CurateError) -> NoReturn:
    """Print an error on stderr and exit with status 1."""
    typer.echo(f"error: {redact(str(error))}", err=True)
    sys.exit(1)
