"""``curate check``: the catalog's invariants, and what mends each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from curate.cli.app import AsJson, app, note, opened, print_json, say


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
    from curate.cli.progress import CliProgress
    from db.maintenance.check import check_catalog, repair

    workspace, broken = opened(context), 0
    with workspace.open_catalog() as catalog, CliProgress() as progress:
        if mend:
            with catalog.write() as session:
                repaired = repair(session)
            for name, n in repaired.items():
                note(f"mended {n} {name}")
        if images:
            progress.start(None, "Reading images")
        with catalog.read() as session:
            for finding in check_catalog(session, workspace, progress.advance if images else None):
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
