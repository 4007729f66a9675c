"""``curate undo``: one verdict, or all that an ingest brought, taken back after asking."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from curate.cli.app import AsJson, app, facade, print_json

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking, for scripts.")]


@app.command()
def undo(
    context: typer.Context,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="VERDICT|ARTWORK", help="A verdict's number as `curate history` prints it, or an artwork."
        ),
    ] = None,
    attribute: Annotated[
        str | None, typer.Argument(help="With ARTWORK: its newest verdict on this attribute.")
    ] = None,
    ingest: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Take back what ingest N alone brought; `curate history --ingests` lists them.",
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take a verdict back, so that the label before it counts again; or a whole ingest.

    Example: curate undo 17 --yes
    """
    if (what is None) == (ingest is None):
        raise typer.BadParameter("Give a verdict's number, an artwork and an attribute, or `--ingest N`.")
    if what is not None and attribute is None and not what.isdecimal():
        raise typer.BadParameter("With an artwork, name the attribute too; a verdict has a number.")
    workspace = facade(context)
    if not yes:
        _ask(str(workspace.undo(what, attribute, ingest=ingest, dry_run=True)))
    done = workspace.undo(what, attribute, ingest=ingest)
    if as_json:
        print_json(done.as_record())
    else:
        typer.echo(str(done))


def _ask(told: str) -> None:
    """Say what will be done, and ask; where nobody can answer, that is an error."""
    from curate.errors import NotConfirmed

    typer.echo(told, err=True)
    if not sys.stdin.isatty():
        raise NotConfirmed("undo")
    typer.confirm("Go on?", abort=True, err=True)
