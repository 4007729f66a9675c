"""``curate export``: the curated lists for whoever uses them next."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli.app import AsJson, app, as_usage, facade, note, print_json


class Format(StrEnum):
    """What is written."""

    csv = "csv"
    xlsx = "xlsx"
    parquet = "parquet"
    artgan = "artgan"
    imagefolder = "imagefolder"


@app.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="The file or folder to write; an old file is replaced.")],
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="LIST",
            help="Write that list again, byte for byte but for the cells that reviewers corrected.",
        ),
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --like: list what changed, who decided it, when and why."),
    ] = None,
    format: Annotated[
        Format | None, typer.Option(help="What to write; by OUT's suffix if left out, else csv.")
    ] = None,
    attribute: Annotated[
        str | None,
        typer.Option(help="For imagefolder: what the folders are classes of; the first if left out."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Write every label ever said instead, and who said it.")
    ] = False,
    predictions: Annotated[
        int | None,
        typer.Option("--predictions", metavar="RUN", help="Write that run's probabilities, as Parquet."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the labels as they are now: filepath and one column an attribute; or a list as it came in.

    Example: curate export corrected.xlsx --like list.xlsx --changes changes.csv
    """
    with as_usage():
        done = facade(context).export(
            out,
            format=None if format is None else format.value,
            like=like,
            changes=changes,
            attribute=attribute,
            history=history,
            predictions=predictions,
        )
    if as_json:
        print_json(done.as_record())
    elif done.like is None:
        typer.echo(f"{out}: {done.rows} {done.what}")
    else:
        typer.echo(f"{out}: {done.rows} rows like {done.like.name}, {len(done.changed)} cells corrected")
    if done.unknown and done.like is not None and not as_json:
        note(
            f"{done.unknown} rows of {done.like.name} are not artworks of this catalog; "
            f"they are left as they were."
        )
