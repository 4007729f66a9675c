"""``curate check``: the catalog's invariants, and how to repair each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from curate.cli.app import AsJson, app, facade, note, print_json, say


@app.command()
def check(
    context: typer.Context,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="First derive again what follows from other rows: nothing is lost."),
    ] = False,
    mend: Annotated[bool, typer.Option("--mend", hidden=True, help="An older name of --repair.")] = False,
    images: Annotated[
        bool, typer.Option("--images", help="Read every image too, and compare its digest.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check that the catalog and the runs are whole; say how to repair each fault. Status 1 if one is found.

    Example: curate check --images
    """
    workspace, broken = facade(context), 0
    if repair or mend:
        for name, n in workspace.repair().items():
            note(f"repaired {n} {name}")
    for finding in workspace.check(images=images):
        broken += bool(finding.broken)
        if as_json:
            print_json(asdict(finding))
        elif not finding.broken:
            typer.echo(f"ok      {finding.name}")
        else:
            examples = ", ".join(finding.examples)
            say(f"BROKEN  {finding.name}: {finding.broken} not ({examples}); {finding.repair}")
    if broken:
        raise typer.Exit(1)
