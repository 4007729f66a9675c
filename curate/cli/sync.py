"""``curate sync-corrections``: what reviewers answered, as verdicts and labels."""

from __future__ import annotations

import typer

from curate.cli.app import AsJson, app, note, opened, print_json
from curate.cli.progress import CliProgress


@app.command("sync-corrections")
def sync_corrections(
    context: typer.Context,
    full: bool = typer.Option(False, "--full", help="Read everything again, and notice what was deleted."),
    as_json: AsJson = False,
) -> None:
    """Bring the answers from Label Studio into the catalog.

    Repeat it as often as you like: an answer that is known and unchanged does nothing. An edited answer
    changes its verdict, a deleted one takes it back; what stood before stays in the history.

    Example: curate sync-corrections --json
    """
    from review.label_studio.fetch import open_fetcher, refusals

    workspace = opened(context)
    with workspace.open_catalog() as catalog, open_fetcher(workspace, catalog) as fetcher:
        with CliProgress() as progress:
            synced = fetcher.sync(progress, full=full)
    for line in refusals(synced):
        note(f"refused: {line}")
    if as_json:
        print_json(
            {
                "annotations": synced.annotations,
                "verdicts": synced.verdicts,
                "labels_changed": synced.labels_changed,
                "refused": len(synced.refused),
                "control_answers": synced.control_answers,
                "taken_back": synced.taken_back,
                "vanished": synced.vanished,
            }
        )
        return
    verdicts = (
        ", ".join(f"{count} {name}" for name, count in sorted(synced.verdicts.items())) or "no verdicts"
    )
    typer.echo(
        f"{synced.annotations} answers: {verdicts}; {synced.labels_changed} labels changed, "
        f"{synced.taken_back} answers taken back, {len(synced.refused)} refused."
    )
