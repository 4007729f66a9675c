"""``curate init`` and ``curate upgrade``: a workspace and its schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli.app import app


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make; it may exist.")],
    attributes: Annotated[
        str, typer.Option(help="The attributes that artworks are labelled with, comma between.")
    ] = "style,genre,artist",
    database_url: Annotated[
        str | None, typer.Option(help="A PostgreSQL catalog instead of catalog.db in the folder.")
    ] = None,
) -> None:
    """Make a workspace: a folder with settings and an empty catalog.

    Example: curate init paintings
    """
    from db.workspace import init_workspace

    workspace = init_workspace(folder, tuple(name.strip() for name in attributes.split(",")), database_url)
    typer.echo(f"{workspace.folder} is ready. Next: curate -w {folder} ingest SOURCE")
