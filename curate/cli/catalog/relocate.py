"""``curate relocate``: images that have moved."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from curate.cli.app import AsJson, DryRun, app, facade, print_json
from curate.cli.commands import as_typed_here
from db.errors import typed


@app.command()
def relocate(
    context: typer.Context,
    root: Annotated[str | None, typer.Argument(help="A root's name; lists them all if left out.")] = None,
    place: Annotated[str | None, typer.Argument(metavar="DIR|URL", help="Where its images are now.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Tell the workspace where images are now.

    Example: curate relocate scans /archive/scans
    """
    if root is not None and place is None:
        raise typer.BadParameter(as_typed_here(f"Give the folder too: `curate relocate {typed(root)} DIR`."))
    workspace = facade(context)
    if root is None or place is None:
        states = workspace.roots()
    else:
        states = [workspace.relocate(root, place, dry_run=dry_run)]
    for state in states:
        if as_json:
            print_json(asdict(state))
        else:
            typer.echo(
                f"{state.name}: {state.place}, {state.artworks} artworks; "
                f"{state.found} of {state.looked_for} images looked for are there"
            )
