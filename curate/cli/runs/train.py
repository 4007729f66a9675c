"""``curate train`` and ``curate runs``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli.app import AsJson, app, note, opened, print_json
from curate.cli.runs.training_options import overridden, takes_train_options

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
    """Train one run, and list the labels that it doubts as issues.

    What is not given comes from the train table of curate.toml.
    The same command continues an interrupted run.

    Example: curate train --backbone efficientnet_lite0 --image-size 160
    """
    from curate.cli.progress import CliProgress
    from curate.training.run import train as train_run

    workspace = opened(context)
    settings = overridden(workspace.settings.train, options, set_ or [])
    with workspace.open_catalog() as catalog, CliProgress() as progress:
        summary = train_run(workspace, catalog, settings, progress)
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
        f"{summary.issues} labels doubted"
    )
    typer.echo(f"{'attribute':<12} {'accuracy':>8} {'macro F1':>8} {'majority':>8} {'classes':>7} {'n':>6}")
    for name, metrics in summary.metrics.items():
        typer.echo(
            f"{name:<12} {metrics['accuracy']:>8.3f} {metrics['macro_f1']:>8.3f} {metrics['majority']:>8.3f} "
            f"{metrics['classes']:>7} {metrics['n']:>6}"
        )
    for path, reason in summary.unreadable:
        note(f"left out: {path}: {reason}")
    typer.echo("Next: curate issues, curate browse, curate push")


@app.command("runs")
def runs_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the runs of this catalog, oldest first.

    Example: curate runs
    """
    from db.runs.runs import run_attributes, runs

    with opened(context).open_catalog() as catalog, catalog.read() as session:
        for run in runs(session):
            metrics = {name: row.metrics for name, row in run_attributes(session, run).items()}
            if as_json:
                print_json(
                    {
                        "run": run.id,
                        "state": run.state,
                        "backbone": run.backbone,
                        "protocol": run.protocol,
                        "created_at": run.created_at,
                        "metrics": metrics,
                    }
                )
            else:
                accuracies = ", ".join(f"{name} {m['accuracy']:.3f}" for name, m in metrics.items())
                typer.echo(f"{run.id:>4}  {run.state:<9} {run.backbone:<20} {accuracies}")
