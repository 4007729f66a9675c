"""``curate export``: the curated lists for whoever uses them next."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, note, opened, print_json

if TYPE_CHECKING:
    from db.engine.catalog import Catalog
    from db.workspace.workspace import Workspace


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
    """Write the labels as they stand now: filepath and one column an attribute; or a list as it came in.

    Example: curate export corrected.xlsx --like list.xlsx --changes changes.csv
    """
    if sum((like is not None, history, predictions is not None)) > 1:
        raise typer.BadParameter("--like, --history and --predictions exclude each other.")
    if changes is not None and like is None:
        raise typer.BadParameter("--changes goes with --like.")
    if format is not None and (like is not None or predictions is not None):
        raise typer.BadParameter("--like and --predictions have a format of their own.")
    workspace = opened(context)
    with workspace.open_catalog() as catalog:
        if like is not None:
            _export_like(workspace, catalog, out, like, changes, as_json)
            return
        rows = _write(workspace, catalog, out, format, attribute, history, predictions)
    if as_json:
        print_json({"out": str(out), ("labels" if history else "artworks"): rows})
    else:
        typer.echo(f"{out}: {rows} {'labels' if history else 'artworks'}")


def _write(
    workspace: Workspace,
    catalog: Catalog,
    out: Path,
    format: Format | None,
    attribute: str | None,
    history: bool,
    predictions: int | None,
) -> int:
    """Write what was asked for; return how many rows."""
    from curate.export.curated_list import (
        export_predictions,
        history_frame,
        labels_frame,
        table_format,
        write_table,
    )

    if predictions is not None:
        return export_predictions(workspace, catalog, predictions, out)
    if format in (Format.artgan, Format.imagefolder):
        from curate.export.folders import export_artgan, export_imagefolder

        if history:
            raise typer.BadParameter("--history is a table: csv, xlsx or parquet.")
        if format == Format.artgan:
            return export_artgan(catalog, out)
        return export_imagefolder(workspace, catalog, attribute, out)
    frame = history_frame(catalog) if history else labels_frame(catalog)
    write_table(frame, out, format.value if format is not None else table_format(out))
    return len(frame)


def _export_like(
    workspace: Workspace, catalog: Catalog, out: Path, like: Path, changes: Path | None, as_json: bool
) -> None:
    import pandas as pd

    from curate.export.curated_list import table_format, write_table
    from curate.export.like import CHANGE_COLUMNS, change_records, export_like

    done = export_like(workspace, catalog, like, out)
    if changes is not None:
        records = change_records(done.changes, workspace.settings.attribute_titles)
        write_table(pd.DataFrame(records, columns=list(CHANGE_COLUMNS)), changes, table_format(changes))
    if as_json:
        print_json(
            {
                "out": str(out),
                "like": str(like),
                "rows": done.rows,
                "unknown": done.unknown,
                "corrected": len(done.changes),
            }
        )
        return
    typer.echo(f"{out}: {done.rows} rows like {like.name}, {len(done.changes)} cells corrected")
    if done.unknown:
        note(f"{done.unknown} rows of {like.name} are no artwork of this catalog; they stand as they were.")
