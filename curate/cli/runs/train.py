"""``curate train`` and ``curate runs``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli.app import AsJson, app, facade, note, opened, print_json, say
from curate.cli.runs.training_options import overridden, takes_train_options
from curate.wrong_labels import tell_wrong_labels

if TYPE_CHECKING:
    from curate.training.run import TrainSummary


@app.command()
@takes_train_options
def train(
    context: typer.Context,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of the train table of curate.toml."),
    ] = None,
    as_json: AsJson = False,
    **options: Any,
) -> None:
    """Train one run, and list the labels that it flags as issues.

    What is not given comes from the train table of curate.toml.
    The same command continues an interrupted run.

    Example: curate train --backbone efficientnet_lite0 --image-size 160
    """
    settings = overridden(opened(context).settings.train, options, set_ or [])
    summary = facade(context).train(settings)
    if summary is None:
        return
    if as_json:
        print_json(asdict(summary))
    else:
        show_run(summary)


def show_run(summary: TrainSummary) -> None:
    """Print a run for people."""
    typer.echo(
        f"run {summary.run}: {summary.backbone}, {summary.protocol}, {summary.seconds['total']:.0f} s, "
        f"{summary.issues} labels flagged"
    )
    typer.echo(tell_wrong_labels(summary.expected_wrong))
    show_metrics(summary.metrics)
    for path, reason in summary.unreadable:
        note(f"left out: {path}: {reason}")
    say("Next: curate issues, curate browse, curate push")


def show_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Print how good a run is, a line an attribute."""
    typer.echo(f"{'attribute':<12} {'accuracy':>8} {'macro F1':>8} {'majority':>8} {'classes':>7} {'n':>6}")
    for name, one in metrics.items():
        typer.echo(
            f"{name:<12} {one['accuracy']:>8.3f} {one['macro_f1']:>8.3f} {one['majority']:>8.3f} "
            f"{one['classes']:>7} {one['n']:>6}"
        )


@app.command("runs")
def runs_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the runs of this catalog, oldest first.

    Example: curate runs
    """
    from curate.training.run_list import STOPPED

    rows = facade(context).run_list()
    for row in rows:
        if as_json:
            print_json(row.as_record())
        else:
            accuracies = ", ".join(f"{name} {m['accuracy']:.3f}" for name, m in row.metrics.items())
            typer.echo(f"{row.run:>4}  {row.state:<9} {row.backbone:<20} {accuracies}")
    if any(row.state == STOPPED for row in rows):
        note("A stopped run goes on where it was: type the same `curate train` again.")
