"""The command line. Only ``typer`` is imported at the top; a command imports what it needs when it runs."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NoReturn

import typer

from curate.cli.app import app
from curate.cli.commands import COMMANDS, as_typed_here
from curate.cli.console import plain, plain_output, print_anywhere
from curate.distribution import refuse_stranger
from db.errors import CurateError, EmptyArgument, NotText
from db.workspace.secrets import guard, redact

OURS = ("curate", "model", "review", "db")
"""Packages of ours: one of these that is missing is a fault of ours, not of the installation."""

ALLOCATED_BETWEEN_COLLECTIONS = 10_000
"""At Python's 700 a short command spends a twentieth of its time on looking for garbage in its imports."""

MAY_BE_EMPTY = ("--comment", "--missing")
"""Options whose text may be empty."""


def main(argv: list[str] | None = None) -> None:
    """Run the app; print an error that the user can fix as one line, and exit with status 1."""
    gc.set_threshold(ALLOCATED_BETWEEN_COLLECTIONS)
    print_anywhere()
    guard()
    words = sys.argv[1:] if argv is None else argv
    command = command_line(words)
    groups = [str(group.name) for group in app.registered_groups]
    with plain_output(words, groups):
        _run(command, words)


def _refuse_empty(given: list[str]) -> None:
    """Refuse an empty argument: as a path it would be the current folder, whichever that is.

    A variable that is not set in somebody's script must not make a workspace, or fill one, where it runs.
    """
    for before, argument in zip(["curate", *given], given, strict=False):
        if not argument and before not in MAY_BE_EMPTY:
            raise EmptyArgument(given)


def _run(command: Callable[..., Any], argv: list[str]) -> None:
    try:
        _refuse_empty(argv)
        refuse_stranger()
        command(argv, prog_name="curate")
    except CurateError as error:
        fail(error)
    except ModuleNotFoundError as error:
        from curate.errors import PartMissing

        if (error.name or "curate").partition(".")[0] in OURS:
            raise
        fail(PartMissing(str(error.name)))
    except UnicodeEncodeError as error:
        if error.encoding != "ascii" and error.reason != "surrogates not allowed":
            raise
        fail(NotText(str(error.object), error.encoding))
    except OSError as error:
        from db.engine.driver_errors import explain_disk
        from db.errors import OutputLost

        if _while_printing(error):
            fail(OutputLost(error.strerror or str(error)))
        explained = explain_disk(error, "a file")
        if explained is None:
            raise
        fail(explained)


def command_line(words: Sequence[str] = ()) -> Callable[..., Any]:
    """Return what Typer makes of the command that these words name; of all commands where they name none.

    One command costs a third of what all cost: the others' modules are not imported.
    """
    name = _named(words)
    for module, names in COMMANDS.items():
        if name is None or name in names:
            importlib.import_module(f"curate.cli.{module}")
    return _made_of(frozenset(sys.modules).intersection(f"curate.cli.{module}" for module in COMMANDS))


def _named(words: Sequence[str]) -> str | None:
    """Return the command that a command line names; None where it names none, or none that there is."""
    rest = iter(words)
    for word in rest:
        if word in ("-w", "--workspace"):
            next(rest, None)
        elif not word.startswith(("-w", "--workspace=")):
            return word if any(word in names for names in COMMANDS.values()) else None
    return None


@cache
def _made_of(_modules: frozenset[str]) -> Callable[..., Any]:
    """Return the command line of what these modules registered: made once, however often it is called."""
    return typer.main.get_command(app)


def _while_printing(error: OSError) -> bool:
    """Return whether it was standard output that could not be written: what was done is done."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "echo" and "click" in trace.tb_frame.f_code.co_filename:
            return True
        trace = trace.tb_next
    return False


def fail(error: CurateError) -> NoReturn:
    """Print an error on stderr and exit with status 1."""
    typer.echo(f"error: {plain(redact(as_typed_here(str(error))))}", err=True)
    sys.exit(1)
