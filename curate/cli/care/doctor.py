"""``curate doctor``: are the surroundings there?"""

from __future__ import annotations

from dataclasses import asdict, replace

import typer

from curate.cli.app import AsJson, app, print_json, say


@app.command()
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Look at Python, torch, weights, MongoDB, Label Studio and disk; say what to type where one fails.

    Example: curate doctor
    """
    from curate.doctor import diagnose
    from db.workspace.secrets import redact

    findings = [replace(finding, found=redact(finding.found)) for finding in diagnose(context.obj)]
    for finding in findings:
        if as_json:
            print_json(asdict(finding))
        else:
            say(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name:<13} {finding.found}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
