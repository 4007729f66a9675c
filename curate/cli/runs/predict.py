"""``curate predict`` and ``curate export-model``: using the model that a run handed on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from curate.cli.app import AsJson, RunId, app, facade, note, print_json


@app.command()
def predict(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    run_id: RunId = None,
    top: Annotated[int, typer.Option(min=1, help="Classes to print of each attribute, best first.")] = 3,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Classify images that need not be in the catalog, with calibrated probabilities.

    Example: curate predict photo.jpg --top 1
    """
    workspace = facade(context)
    predictions = workspace.predict(images, run_id, top=top, device=device)
    if run_id is None:
        note(f"By run {workspace.model_run()}, the newest with a model.")
    for prediction in predictions:
        if as_json:
            ranked = {
                name: [{"class": key, "p": round(p, 4)} for key, p in best]
                for name, best in prediction.ranked.items()
            }
            print_json(
                {"path": prediction.path, "predictions": ranked, "unreadable": prediction.reason or None}
            )
        elif prediction.reason:
            note(f"{prediction.path}: skipped, {prediction.reason}")
        else:
            typer.echo(str(prediction.path))
            for name, best in prediction.ranked.items():
                typer.echo(f"  {name:<10} " + "  ".join(f"{key} {p:.2f}" for key, p in best))


@app.command("export-model")
def export_model_(
    context: typer.Context,
    run_id: Annotated[int, typer.Argument(metavar="RUN", help="The run; see `curate runs`.")],
    out: Annotated[Path, typer.Argument(help="A folder for the files; made if it is not there.")],
    kind: Annotated[
        Literal["safetensors", "onnx", "pth"],
        typer.Option(
            "--format", help="safetensors or pth: the weights by name; onnx: the whole computation."
        ),
    ] = "safetensors",
    as_json: AsJson = False,
) -> None:
    """Write a run's model with its classes, its transform and a card, for use elsewhere.

    Example: curate export-model 1 handed-on --format safetensors
    """
    files = facade(context).export_model(run_id, out, kind)
    if as_json:
        print_json({"run": run_id, "files": [str(file) for file in files]})
        return
    for file in files:
        typer.echo(str(file))
