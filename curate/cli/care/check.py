"""``curate check``: the catalog's invariants, and what mends each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from curate.cli.app import AsJson, app, facade, note, print_json, say


@app.command()
def check(
    context: typer.Context,
    mend: Annotated[
        bool, typer.Option("--mend", help="First make anew all that follows from the rows: nothing is lost.")
    ] = False,
    images: Annotated[
        bool, typer.Option("--images", help="Read every image too, and compare its digest.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check that the catalog and the runs are whole; say of each fault how to mend it. Status 1 where one is.

    Example: curate check --images
    """
    workspace, broken = facade(context), 0
    if mend:
        for name, n in workspace.mend().items():
            note(f"mended {n} {name}")
    for finding in workspace.check(images=images):
        broken += bool(finding.broken)
        if as_json:
            print_json(asdict(finding))
        elif not finding.broken:
            typer.echo(f"ok      {finding.name}")
        else:
            examples = ", ".join(finding.examples)
            say(f"BROKEN  {finding.name}: {finding.broken} not ({examples}); {finding.mend}")
    if broken:
        raise typer.Exit(1)
