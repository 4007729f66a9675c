"""The command line. Only ``typer`` is imported at the top; a command imports what it needs when it runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

import typer

from curate.cli.app import app
from curate.cli.console import plain, plain_output, print_anywhere
from curate.distribution import refuse_stranger
from db.errors import CurateError, EmptyArgument
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

OURS = ("curate", "model", "review", "db")
"""Packages of ours: one of these that is missing is a fault of ours, not of the installation."""

for _name in COMMANDS:
    importlib.import_module(f"curate.cli.{_name}")


MAY_BE_EMPTY = ("--comment", "--missing")
"""Options whose text may be empty."""


def main(argv: list[str] | None = None) -> None:
    """Run the app; print what the user can mend as one line, and exit with status 1."""
    print_anywhere()
    guard()
    groups = [str(group.name) for group in app.registered_groups]
    given = sys.argv[1:] if argv is None else argv
    with plain_output(given, groups):
        _run(given)


def _refuse_empty(given: list[str]) -> None:
    """Refuse an empty argument: as a path it would be the current folder, whichever that is.

    A variable that is not set in somebody's script must not make a workspace, or fill one, where it runs.
    """
    for before, argument in zip(["curate", *given], given, strict=False):
        if not argument and before not in MAY_BE_EMPTY:
            raise EmptyArgument(given)


def _run(argv: list[str]) -> None:
    try:
        _refuse_empty(argv)
        refuse_stranger()
        _command()(argv, prog_name="curate")
    except CurateError as error:
        fail(error)
    except ModuleNotFoundError as error:
        from curate.errors import PartMissing

        if (error.name or "curate").partition(".")[0] in OURS:
            raise
        fail(PartMissing(str(error.name)))
    except OSError as error:
        from db.engine.driver_errors import explain_disk
        from db.errors import OutputLost

        if _while_printing(error):
            fail(OutputLost(error.strerror or str(error)))
        explained = explain_disk(error, "a file")
        if explained is None:
            raise
        fail(explained)


@cache
def _command() -> Callable[..., Any]:
    """Return the command line that Typer makes of all commands: made once, however often it is called."""
    return typer.main.get_command(app)


def _while_printing(error: OSError) -> bool:
    """Return whether it was standard output that could not be written: what was done stands."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "echo" and "click" in trace.tb_frame.f_code.co_filename:
            return True
        trace = trace.tb_next
    return False


def fail(error: CurateError) -> NoReturn:
    """Print an error on stderr and exit with status 1."""
    typer.echo(f"error: {plain(redact(str(error)))}", err=True)
    sys.exit(1)
