"""``curate train`` and ``curate runs``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli.app import AsJson, app, note, opened, print_json

if TYPE_CHECKING:
    from curate.training import TrainSummary
    from db.train_settings import TrainSettings

Knob = Annotated[str | None, typer.Option(metavar="…")]


@app.command()
def train(
    context: typer.Context,
    backbone: Annotated[
        str | None,
        typer.Option(help="resnet50, efficientnet_b0, efficientnet_lite0 (no download), or a timm name."),
    ] = None,
    weights: Annotated[str | None, typer.Option(help="auto, a file, or none (random).")] = None,
    protocol: Annotated[str | None, typer.Option(help="cross-validation or holdout.")] = None,
    folds: Annotated[int | None, typer.Option(help="Folds of the cross-validation.")] = None,
    min_class_count: Annotated[
        int | None, typer.Option(help="Labelled groups that a class needs to enter the run.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="frozen or finetune.")] = None,
    recipe: Annotated[str | None, typer.Option(help="default or seed.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of each training.")] = None,
    batch_size: Annotated[str | None, typer.Option(help="A number, or auto.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of the new layers.")] = None,
    optimizer: Knob = None,
    scheduler: Knob = None,
    sampler: Knob = None,
    augment: Knob = None,
    task_weights: Knob = None,
    unfreeze: Knob = None,
    lstm_hidden: Annotated[int | None, typer.Option(help="Size of the LSTM's hidden state.")] = None,
    lstm_layers: Annotated[int | None, typer.Option(help="LSTM layers.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the square that is read, pixels.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same machine, same numbers.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other key of [train] in curate.toml."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train one run, and list the labels that it doubts as issues.

    What is not given comes from [train] in curate.toml. An interrupted run is continued by the same command.

    Example: curate train --backbone efficientnet_lite0 --image-size 160
    """
    from curate.cli.progress import CliProgress
    from curate.training import train as train_run

    given = {
        "backbone": backbone,
        "weights": weights,
        "protocol": protocol,
        "folds": folds,
        "min_class_count": min_class_count,
        "mode": mode,
        "recipe": recipe,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "sampler": sampler,
        "augment": augment,
        "task_weights": task_weights,
        "unfreeze": unfreeze,
        "lstm_hidden": lstm_hidden,
        "lstm_layers": lstm_layers,
        "image_size": image_size,
        "device": device,
        "seed": seed,
    }
    workspace = opened(context)
    settings = overridden(
        workspace.settings.train,
        {key: value for key, value in given.items() if value is not None},
        set_ or [],
    )
    with workspace.open_catalog() as catalog, CliProgress() as progress:
        summary = train_run(workspace, catalog, settings, progress)
    if summary is None:
        return
    if as_json:
        print_json(asdict(summary))
    else:
        show_run(summary)


def overridden(settings: TrainSettings, given: dict[str, Any], pairs: list[str]) -> TrainSettings:
    """Return the settings with what the command line gives in place of what the file says."""
    import tomlkit
    from pydantic import ValidationError
    from tomlkit.exceptions import TOMLKitError

    from db.errors import BadSettings
    from db.train_settings import TrainSettings

    values: dict[str, Any] = settings.model_dump(exclude_unset=True) | given
    for pair in pairs:
        key, _, text = pair.partition("=")
        try:
            values[key.strip()] = tomlkit.value(text.strip()).unwrap()
        except TOMLKitError:
            values[key.strip()] = text.strip()
    if str(values.get("batch_size", "")).isdigit():
        values["batch_size"] = int(values["batch_size"])
    try:
        return TrainSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "train"
        raise BadSettings(
            Path("curate train"), f"--{where.replace('_', '-')}", f"{first['msg']}, not {first['input']!r}"
        ) from error


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
    from db.runs import run_attributes, runs

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
