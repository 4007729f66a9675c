"""``curate import-predictions``: probabilities of another model become a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from curate.cli.app import AsJson, app, facade, note, print_json, say
from curate.wrong_labels import tell_wrong_labels

if TYPE_CHECKING:
    from curate.predictions.run import ImportSummary


@app.command("import-predictions")
def import_predictions_(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Parquet, npz or CSV.")],
    embeddings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Features of the images: parquet, npz or CSV.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What to call the model; the first file's name if left out.")
    ] = None,
    out_of_sample: Annotated[
        Literal["fold", "holdout", "unknown"] | None,
        typer.Option(
            help="Had the model seen the artworks? fold: each was predicted by a model that had not; "
            "holdout: it was trained on others; unknown: nobody can say, and the run is marked so."
        ),
    ] = None,
    attribute: Annotated[
        str | None, typer.Option(help="Which attribute the columns are of, where they don't say it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a run of the probabilities of any model, with issues like any other run's.

    A file has a row an artwork: a column filepath (or artwork: the id), and one for each class, called by the
    class or ATTRIBUTE.CLASS, as `curate export --predictions` writes them. An npz file has filepaths, classes
    and pred_probs.

    Example: curate import-predictions clip.parquet --name clip --out-of-sample fold
    """
    summary = facade(context).import_predictions(
        [str(file) for file in files],
        embeddings=embeddings,
        name=name,
        out_of_sample=out_of_sample,
        attribute=attribute,
    )
    for line in summary.notes:
        note(line)
    if as_json:
        print_json(asdict(summary))
    else:
        show(summary)


def show(summary: ImportSummary) -> None:
    """Print an imported run for people."""
    from curate.cli.runs.train import show_metrics

    typer.echo(
        f"run {summary.run}: {summary.name}, {summary.protocol}, {summary.seconds['total']:.0f} s, "
        f"{summary.issues} labels flagged"
    )
    typer.echo(tell_wrong_labels(summary.expected_wrong))
    show_metrics(summary.metrics)
    typer.echo(
        f"{summary.artworks} artworks with probabilities, {summary.without} without; "
        f"{summary.unmatched} rows of no artwork"
    )
    say("Next: curate issues, curate browse, curate push")
