"""``curate export``: the curated lists for whoever uses them next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli.app import AsJson, app, opened, print_json


@app.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="The file to write; an old one is replaced.")],
    predictions: Annotated[
        int | None,
        typer.Option("--predictions", metavar="RUN", help="Write that run's probabilities, as Parquet."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the labels as they stand now: filepath and one column an attribute.

    Example: curate export labels.csv
    """
    from curate.export.curated_list import export_labels, export_predictions

    workspace = opened(context)
    with workspace.open_catalog() as catalog:
        if predictions is None:
            rows = export_labels(catalog, out)
        else:
            rows = export_predictions(workspace, catalog, predictions, out)
    if as_json:
        print_json({"out": str(out), "artworks": rows})
    else:
        typer.echo(f"{out}: {rows} artworks")
