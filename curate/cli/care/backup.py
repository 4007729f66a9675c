"""``curate backup``, ``curate restore`` and ``curate upgrade``: the catalog's safety."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, facade, note, print_json
from db.errors import typed

if TYPE_CHECKING:
    from db.maintenance.places import Place

FINER_CLASSES = "0002"
"""The schema from which on accents and punctuation tell classes apart."""


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make; it must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Write catalog, finished runs and settings to one file, and verify it. Images are not in it.

    Example: curate backup paintings-2026-03-01.zip
    """
    made = facade(context).backup(file)
    for run in made.damaged_runs:
        note(f"run {run} went in as it is: files of it are lost or damaged; `curate check` names them")
    if as_json:
        print_json(asdict(made))
        return
    typer.echo(
        f"{made.file}: {made.artworks} artworks, {made.labels} labels, {made.verdicts} verdicts, "
        f"{made.runs} runs; {made.bytes / 1e6:.1f} MB, sha256 {made.sha256}"
    )


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `curate backup` made.")],
    database_url: Annotated[
        str | None, typer.Option(help="An empty PostgreSQL database to restore into, instead of catalog.db.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Take over the addresses and folders that its settings name.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back into the workspace's folder; nothing that is there is overwritten.

    The addresses and folders that its settings name are shown, and taken over if you say so: in a backup from
    a stranger they could send out your files.

    Example: curate -w paintings-again restore paintings-2026-03-01.zip
    """
    from db.maintenance.restore import restore as restore_

    def believe(places: Sequence[Place]) -> bool:
        note("This backup names places outside it:")
        for place in places:
            note(f"  {place}")
        return yes or (sys.stdin.isatty() and typer.confirm("Take them over?", default=False, err=True))

    made = restore_(file, context.obj, database_url, believe)
    if as_json:
        print_json(asdict(made))
        return
    if made.set_aside:
        note("They were set aside, as comments in curate.toml; `curate relocate` names folders of images.")
    since = f", its schema {made.upgraded_from} upgraded" if made.upgraded_from else ""
    typer.echo(
        f"{made.workspace} is as it was at {made.created_at}{since}. "
        f"Next: curate -w {typed(made.workspace)} check"
    )


@app.command()
def upgrade(context: typer.Context, as_json: AsJson = False) -> None:
    """Bring the catalog's schema to this version of curate; a backup of the catalog is made first.

    Example: curate upgrade
    """
    workspace = facade(context)
    made = workspace.upgrade()
    if made.backup and made.before < FINER_CLASSES:
        places = dict.fromkeys(row.location for row in workspace.ingests())
        note(
            "Until now spellings that differ only in accents or punctuation (`A+` and `A`) were one class. "
            "They part when their lists are ingested again" + (f": {', '.join(places)}" if places else ".")
        )
    if as_json:
        print_json(asdict(made))
    elif made.backup:
        typer.echo(f"Schema {made.before} is now {made.after}. As it was before: {made.backup}")
    else:
        typer.echo(f"The schema is {made.after} already, this version's; nothing to do.")
