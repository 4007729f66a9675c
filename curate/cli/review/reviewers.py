"""``curate reviewers``: who reviews, how fast, and how well."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from curate.cli.app import AsJson, app, facade, print_json

if TYPE_CHECKING:
    from db.reviews.reviewers import ReviewerRow


@app.command()
def reviewers(
    context: typer.Context,
    conflicts: bool = typer.Option(False, "--conflicts", help="List the labels that reviewers disagree on."),
    as_json: AsJson = False,
) -> None:
    """Show how many reviews each person did, how long one takes, and how often they are right.

    Right is measured on controls, whose answer was known before; agreement, on labels that two or more
    people judged.

    Example: curate reviewers --conflicts
    """
    workspace = facade(context)
    disputed = workspace.conflicts() if conflicts else []
    rows = [] if conflicts else workspace.reviewers()
    for line in disputed:
        if as_json:
            print_json(asdict(line))
        else:
            said = ", ".join(f"{name} says {key}" for name, key in line.said)
            typer.echo(f"{line.artwork}  {line.attribute}: {said}; likeliest {line.likeliest} ({line.p:.0%})")
    for row in rows:
        if as_json:
            print_json(asdict(row))
        else:
            typer.echo(_sentence(row))
    if not rows and not disputed and not as_json:
        typer.echo("Reviewers disagree on nothing." if conflicts else "Nobody has reviewed anything yet.")


def _sentence(row: ReviewerRow) -> str:
    """Say one reviewer's numbers in a line."""
    parts = [f"{row.reviewer}: {row.reviews} reviews, {row.verdicts} verdicts"]
    if row.seconds is not None:
        parts.append(f"{row.seconds:g} s a review")
    if row.controls:
        parts.append(f"{row.controls_right} of {row.controls} controls right")
    sheets = row.forms.get("contact_sheet")
    if sheets is not None and sheets.controls:
        parts.append(f"{sheets.controls_right} of {sheets.controls} of them on contact sheets")
    if row.compared:
        parts.append(f"agrees with others on {row.agreed} of {row.compared}")
    return "; ".join(parts)
