"""``curate check``: the catalog's invariants."""

from __future__ import annotations

from typing import Annotated

import typer

from curate.cli.app import AsJson, app, opened, print_json


@app.command()
def check(
    context: typer.Context,
    mend: Annotated[bool, typer.Option("--mend", help="Derive the effective labels anew first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check that the catalog is whole; say of each fault how to mend it. Exit status 1 where one is found.

    Example: curate check
    """
    from db.check import check_catalog, derive_all

    workspace = opened(context)
    with workspace.open_catalog() as catalog:
        if mend:
            with catalog.write() as session:
                derive_all(session)
        with catalog.read() as session:
            findings = check_catalog(session, workspace)
    for finding in findings:
        if as_json:
            print_json({"name": finding.name, "broken": finding.broken, "mend": finding.mend})
        else:
            verdict = "ok" if not finding.broken else f"{finding.broken} broken: {finding.mend}"
            typer.echo(f"{finding.name}: {verdict}")
    if any(finding.broken for finding in findings):
        raise typer.Exit(1)
