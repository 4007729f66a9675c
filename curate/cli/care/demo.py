"""``curate demo``: the whole loop, seen working."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, note, print_json
from db.errors import typed

if TYPE_CHECKING:
    from curate.demo.loop import RoundResult


@app.command()
def demo(
    gallery: Annotated[
        Path | None,
        typer.Option(help="A CSV list of your own images (filepath and attributes) instead of drawn ones."),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("curate-demo"),
    count: Annotated[int, typer.Option(min=60, help="How many images.")] = 300,
    reviews: Annotated[int, typer.Option(min=1, help="Artworks reviewed a round.")] = 60,
    error_rate: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="The share of each attribute's labels made wrong.")
    ] = 0.1,
    image_size: Annotated[int, typer.Option(min=32, help="Side of the square that is read, pixels.")] = 96,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Open the App and keep the servers running until Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole loop, twice round, on a gallery whose label errors are known.

    Catalog, training, FiftyOne and Label Studio are real; the reviewer is a script that knows the truth.

    Example: curate demo --count 80 --reviews 20
    """
    from curate.demo.loop import DemoSettings, result_table, run_demo, summary

    settings = DemoSettings(
        folder=folder.absolute(),
        gallery=gallery,
        count=count,
        error_rate=error_rate,
        reviews=reviews,
        seed=seed,
        image_size=image_size,
    )
    workspace = settings.folder / "workspace"

    rounds: list[RoundResult] = []

    def finish(results: list[RoundResult], url: str) -> None:
        rounds.extend(results)
        typer.echo("")
        for line in result_table(results):
            typer.echo(line)
        typer.echo(f"\n{summary(results)}")
        tell_where(workspace, settings.folder, url, keep)
        if keep:
            run_command(["--workspace", str(workspace), "browse"])

    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        run_demo(settings, run_command, note, finish)
    if as_json:
        print_json({"rounds": [asdict(result) for result in rounds]})


def run_command(arguments: Sequence[str]) -> None:
    """Show a command line and run it in this process."""
    from curate.cli import command_line

    note(f"\n$ curate {shlex.join(arguments)}")
    command_line(arguments)(list(arguments), prog_name="curate", standalone_mode=False)


def tell_where(workspace: Path, folder: Path, url: str, keep: bool) -> None:
    """Say where the dataset and the project are, and how to open them."""
    from db.workspace.workspace import open_workspace

    settings = open_workspace(workspace).settings
    note(f"\nFiftyOne dataset {settings.fiftyone.dataset}: `curate -w {typed(workspace)} browse` opens it.")
    if keep:
        note(f"Label Studio: {url}/projects/{settings.label_studio.project} until Ctrl-C.")
    else:
        note(
            f"Label Studio project {settings.label_studio.project}: its data is in "
            f"{folder / 'label-studio'}; `curate demo --keep` leaves the server running."
        )
