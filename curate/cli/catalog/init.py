"""``curate init``: a workspace, and its catalog or a seat at one that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli.app import app
from db.errors import typed


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make; it may exist.")],
    attributes: Annotated[
        str, typer.Option(help="The attributes that artworks are labelled with, commas between.")
    ] = "style,genre,artist",
    database_url: Annotated[
        str | None,
        typer.Option(help="A PostgreSQL catalog, new or in use, instead of catalog.db in the folder."),
    ] = None,
    runs_url: Annotated[
        str | None,
        typer.Option(help="Where a new catalog keeps its runs: a folder that all its users reach."),
    ] = None,
) -> None:
    """Make a workspace: a folder with settings and an empty catalog.

    Example: curate init paintings
    """
    from db.workspace.workspace import init_workspace

    runs = runs_url if runs_url is None or "://" in runs_url else Path(runs_url).absolute().as_uri()
    names = tuple(name.strip() for name in attributes.split(","))
    workspace = init_workspace(folder, names, database_url, runs)
    typer.echo(f"{workspace.folder} is ready. Next: curate -w {typed(folder)} ingest SOURCE")
