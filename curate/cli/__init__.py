"""The command line. Only ``typer`` is imported at the top; a command imports what it needs when it runs."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import typer

from curate.cli.app import app
from curate.cli.console import print_anywhere
from curate.distribution import refuse_stranger
from db.errors import CurateError
from db.workspace.secrets import guard, redact

COMMANDS = (
    "catalog.init",
    "catalog.ingest",
    "catalog.stats",
    "catalog.history",
    "catalog.classes",
    "catalog.relocate",
    "runs.train",
    "runs.import_predictions",
    "runs.evaluate",
    "runs.report",
    "runs.issues",
    "runs.predict",
    "review.browse",
    "review.push",
    "review.sync",
    "review.label",
    "review.undo",
    "review.status",
    "review.reviewers",
    "catalog.export",
    "care.doctor",
    "care.check",
    "care.backup",
    "care.demo",
)
"""The command modules, in the order that ``curate --help`` lists them."""

for _name in COMMANDS:
    importlib.import_module(f"curate.cli.{_name}")


def main(argv: list[str] | None = None) -> None:
    """Run the app; print what the user can mend as one line, and exit with status 1."""
    print_anywhere()
    guard()
    try:
        refuse_stranger()
        app(argv, prog_name="curate")
    except CurateError as error:
        fail(error)
    except OSError as error:
        from db.engine.driver_errors import explain_disk

        explained = explain_disk(error, "a file")
        if explained is None:
            raise
        fail(explained)


def fail(error: CurateError) -> NoReturn:
    """Print an error on stderr and exit with status 1."""
    typer.echo(f"error: {redact(str(error))}", err=True)
    sys.exit(1)
