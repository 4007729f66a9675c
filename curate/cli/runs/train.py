"""``curate train`` and ``curate runs``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli.app import AsJson, app, facade, note, opened, print_json
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
    """Train one run, and list the labels that it doubts as issues.

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
        f"{summary.issues} labels doubted"
    )
    typer.echo(tell_wrong_labels(summary.expected_wrong))
    show_metrics(summary.metrics)
    for path, reason in summary.unreadable:
        note(f"left out: {path}: {reason}")
    typer.echo("Next: curate issues, curate browse, curate push")


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
    from db.runs.runs import run_attributes, run_folder, runs

    workspace, stopped = opened(context), False
    with workspace.open_catalog() as catalog, catalog.read() as session:
        for run in runs(session):
            state = run.state
            if state == "running" and not _is_trained(run_folder(session, workspace, run.uuid)):
                state, stopped = "stopped", True
            metrics = {name: row.metrics for name, row in run_attributes(session, run).items()}
            if as_json:
                print_json(
                    {
                        "run": run.id,
                        "state": state,
                        "backbone": run.backbone,
                        "protocol": run.protocol,
                        "created_at": run.created_at,
                        "metrics": metrics,
                    }
                )
            else:
                accuracies = ", ".join(f"{name} {m['accuracy']:.3f}" for name, m in metrics.items())
                typer.echo(f"{run.id:>4}  {state:<9} {run.backbone:<20} {accuracies}")
    if stopped:
        note("A stopped run goes on where it was: type the same `curate train` again.")


def _is_trained(folder: Path) -> bool:
    """Return whether some process trains a run now."""
    from curate.training.run import is_locked

    return folder.is_dir() and is_locked(folder)
