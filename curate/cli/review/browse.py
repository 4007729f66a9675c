"""``curate browse``: the catalog in the FiftyOne App."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, RunId, app, facade, note, opened, print_json

if TYPE_CHECKING:
    from review.fiftyone.dataset.sync import SyncSummary


@app.command()
def browse(
    context: typer.Context,
    run_id: RunId = None,
    launch: Annotated[
        bool, typer.Option("--launch/--no-launch", help="Open the App, or only bring the dataset up to date.")
    ] = True,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The App's port; the first free from 5151 on.")
    ] = None,
    remote: Annotated[
        bool, typer.Option("--remote", help="Serve the App without opening a browser here.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Compare every sample with the catalog, not only what changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the FiftyOne dataset up to date with the catalog, and open the App on it.

    Tags, and views that you save in the App, are kept; everything else is made from the catalog.

    Example: curate browse --no-launch
    """
    import os

    from db.workspace.system import user_name
    from review.fiftyone.app.launch import choose_port, serve_app
    from review.fiftyone.dataset.views import FIRST_VIEW

    workspace = facade(context)
    chosen = choose_port(port) if launch else None
    summary = workspace.sync_dataset(run_id, full=full)
    if as_json:
        print_json(asdict(summary))
    else:
        typer.echo(describe(summary))
    if chosen is not None:
        if remote:
            note(f"On your own machine: ssh -N -L {chosen}:127.0.0.1:{chosen} HOST, then open this address.")
        os.environ["CURATE_USER"] = user_name()  # whose decisions the App's operators record
        view = FIRST_VIEW if summary.run is not None else ""
        serve_app(
            opened(context),
            chosen,
            not remote,
            lambda url: note(f"The App is at {url} (Ctrl-C stops it)"),
            view,
        )


def describe(summary: SyncSummary) -> str:
    """Return what a sync did, in one sentence."""
    why = f" All of it was compared, because {summary.rebuilt}." if summary.rebuilt else ""
    shown = f"run {summary.run}" if summary.run is not None else "no run yet"
    return (
        f"{summary.dataset}: {summary.samples} samples ({shown}); {summary.added} added, "
        f"{summary.updated} updated, {summary.removed} removed; {summary.saved_views} saved views.{why}"
    )
