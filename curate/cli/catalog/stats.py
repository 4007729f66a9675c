"""``curate stats``: what the catalog holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, facade, note, print_json

if TYPE_CHECKING:
    from db.labels.stats import AttributeStats, CatalogStats

SHOWN = 30
WIDTH = 40


@app.command()
def stats(
    context: typer.Context,
    plot: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a bar chart of each attribute there (PNG).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count artworks, splits and classes, with bars for every attribute.

    Example: curate stats --plot charts
    """
    counts = facade(context).stats()
    if plot is not None:
        from curate.report.drawing.charts import class_charts

        for path in class_charts(counts, plot):
            note(f"wrote {path}")
    if as_json:
        print_json(counts.as_json())
    else:
        _tell(counts)


def _tell(counts: CatalogStats) -> None:
    typer.echo(f"artworks  {counts.artworks}")
    for status, n in counts.status.items():
        typer.echo(f"  {status:<12} {n:>8}")
    for reason, n in sorted(counts.reasons.items(), key=lambda item: -item[1]):
        typer.echo(f"    {reason:<22} {n:>8}")
    if counts.splits:
        typer.echo("splits    " + ", ".join(f"{name} {n}" for name, n in counts.splits.items()))
    for name, attribute in counts.attributes.items():
        typer.echo(
            f"\n{name}: {attribute.labelled} labelled, {len(attribute.counts)} classes, "
            f"largest to smallest {attribute.imbalance:.0f}:1"
        )
        _bars(attribute)


def _bars(attribute: AttributeStats) -> None:
    """Print a bar a class, the largest first."""
    largest = max(attribute.counts.values(), default=0)
    shown = [(attribute.names.get(key, key), n) for key, n in list(attribute.counts.items())[:SHOWN]]
    width = max((len(name) for name, _ in shown), default=0)
    for name, n in shown:
        bar = "█" * max(round(WIDTH * n / largest), 1 if n else 0) if largest else ""
        typer.echo(f"  {name:<{width}}  {n:>7}  {bar}")
    if len(attribute.counts) > SHOWN:
        rest = sum(list(attribute.counts.values())[SHOWN:])
        typer.echo(f"  … and {len(attribute.counts) - SHOWN} more classes with {rest} labels")
