"""``curate report``: a run as one page to look at, to keep, to send."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated, Literal

import typer

from curate.cli.app import AsJson, app, facade, print_json

Format = Annotated[
    Literal["html", "pdf", "json"], typer.Option("--format", help="html, pdf (needs Chromium) or json.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="The file to write; reports/ in the workspace if left out."),
]
Figures = Annotated[
    Path | None,
    typer.Option(
        "--figures", metavar="DIR", help="Write each figure there too: PNG, SVG, its numbers as CSV."
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open it when it is written.")]


@app.command()
def report(
    context: typer.Context,
    run_id: Annotated[
        int | None, typer.Argument(metavar="[RUN]", help="The run; the newest complete one if left out.")
    ] = None,
    out: Out = None,
    format: Format = "html",
    figures: Figures = None,
    open_: Open = False,
    as_json: AsJson = False,
) -> None:
    """Write the report of a run: one file with figures and pictures, which needs no network.

    Example: curate report --open
    """
    written = facade(context).report(run_id, out, format=format, figures=figures)
    tell(written, open_, as_json)


def tell(written: Path, open_: bool, as_json: bool) -> None:
    """Print where a report is, and open it where that was asked."""
    if as_json:
        print_json({"report": str(written), "bytes": written.stat().st_size})
    else:
        typer.echo(str(written))
    if open_:
        webbrowser.open(written.absolute().as_uri())
