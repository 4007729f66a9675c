"""The Typer app that every command module adds itself to, and what the commands share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import curate as package
from curate.cli.commands import as_typed_here, remember
from curate.cli.console import ESCAPED_IN_JSON, knows_all_characters, plain

if TYPE_CHECKING:
    from curate.workspace import Workspace as Facade
    from db.workspace.workspace import Workspace

app = typer.Typer(
    name="curate",
    help="Find and fix the wrong labels in a collection of artwork images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
RunId = Annotated[
    int | None,
    typer.Option("--run", metavar="N", help="The run to use; the newest complete one if left out."),
]


def tell_version(asked: bool) -> None:
    """Print the version and leave, where it is asked for."""
    if asked:
        typer.echo(f"curate {package.__version__}")
        raise typer.Exit


@app.callback()
def curate(
    context: typer.Context,
    workspace: Annotated[
        Path,
        typer.Option("--workspace", "-w", envvar="CURATE_WORKSPACE", help="The workspace's folder."),
    ] = Path("."),
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=tell_version, help="Print the version.")
    ] = False,
) -> None:
    """Find and fix the wrong labels in a collection of artwork images.

    The loop: init, ingest, train, issues, browse, push, sync-corrections, and train again.
    """
    context.obj = workspace
    source = context.get_parameter_source("workspace")
    given = source is not None and source.name == "COMMANDLINE"
    remember(workspace if given and workspace != Path() else None)


def opened(context: typer.Context) -> Workspace:
    """Open the workspace that the command line names."""
    from db.workspace.outputs import sweep
    from db.workspace.workspace import open_workspace

    workspace = open_workspace(context.obj)
    sweep(workspace.folder, workspace=True)
    return workspace


def facade(context: typer.Context) -> Facade:
    """Open the workspace that the command line names, as users of Python do; progress goes to stderr."""
    from curate.cli.progress import CliProgress
    from curate.workspace import Workspace

    return Workspace(opened(context), CliProgress)


@contextmanager
def as_usage() -> Iterator[None]:
    """Tell options that exclude each other as Typer tells a wrong one: with the usage, and status 2."""
    from curate.errors import IncompatibleOptions

    try:
        yield
    except IncompatibleOptions as error:
        raise typer.BadParameter(str(error)) from None


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on one line of stdout; escaped where the console lacks its characters."""
    text = json.dumps(value, ensure_ascii=not knows_all_characters(), default=str)
    typer.echo(text.translate(ESCAPED_IN_JSON))


def say(text: str) -> None:
    """Print on stdout what names commands: each as the user must type it here."""
    typer.echo(as_typed_here(text))


def note(text: str) -> None:
    """Print a line for people, on stderr; commands in it are as the user must type them here."""
    typer.echo(plain(as_typed_here(text)), err=True)
