"""``curate sync-corrections``: what reviewers answered, as verdicts and labels."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, note, opened, print_json
from curate.cli.progress import CliProgress

if TYPE_CHECKING:
    from db.workspace.workspace import Workspace
    from review.label_studio.fetch import Synced
    from review.label_studio.wake import Alarm

SECRET_VARIABLE = "CURATE_WEBHOOK_SECRET"

GLANCE = 0.5
"""Seconds until a waiting watcher notices Ctrl-C."""


@app.command("sync-corrections")
def sync_corrections(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="label-studio|FILE", help="Where from: the server, or a filled sheet."
        ),
    ] = "label-studio",
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again, and notice what was deleted.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks of --watch.")] = 30.0,
    webhook: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            help=f"With --watch, listen here for webhooks too; {SECRET_VARIABLE} holds their secret.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the answers from Label Studio, or from a filled sheet, into the catalog.

    Repeat it as often as you like: an answer that is known and unchanged does nothing. An edited answer
    changes its verdict, a deleted one takes it back; what stood before stays in the history.

    Example: curate sync-corrections --json
    """
    workspace = opened(context)
    if source != "label-studio":
        from review.sheet.csv_sheet import read_sheet

        with workspace.open_catalog() as catalog:
            _print(read_sheet(catalog, Path(source)), as_json)
        return
    _print(_sync(workspace, full), as_json)
    if watch:
        for _ in _looks(every, webhook):
            synced = _sync(workspace, full=False)
            if synced.annotations or synced.taken_back:
                _print(synced, as_json)


def _sync(workspace: Workspace, full: bool) -> Synced:
    """Look once."""
    from review.label_studio.fetch import open_fetcher

    with workspace.open_catalog() as catalog, open_fetcher(workspace, catalog) as fetcher:
        with CliProgress() as progress:
            return fetcher.sync(progress, full=full)


def _looks(every: float, port: int | None) -> Iterator[None]:
    """Yield whenever it is time to look again."""
    import os

    from review.label_studio.wake import Alarm, webhook_receiver

    if port is None:
        yield from _ticks(Alarm(), every)
        return
    secret = os.environ.get(SECRET_VARIABLE, "")
    if not secret:
        raise typer.BadParameter(f"{SECRET_VARIABLE} is not set", param_hint="--webhook")
    with webhook_receiver(port, secret) as (alarm, bound):
        note(f"Listening for webhooks at http://127.0.0.1:{bound}, header X-Curate-Secret.")
        yield from _ticks(alarm, every)


def _ticks(alarm: Alarm, every: float) -> Iterator[None]:
    """Yield after each wait, until Ctrl-C.

    Ctrl-C is a flag here, not an exception: raised in the middle of a look, some library's callback may
    swallow it. A second one ends the look too.
    """
    note(f"Watching; looks every {every:g} s. Ctrl-C ends it.")
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, ask)
    try:
        while not asked:
            due = time.monotonic() + every
            while not asked and time.monotonic() < due and not alarm.wait(GLANCE):
                continue
            if not asked:
                yield
    finally:
        signal.signal(signal.SIGINT, before)


def _print(synced: Synced, as_json: bool) -> None:
    for annotation, reason in synced.refused:
        note(f"refused: annotation {annotation}: {reason}")
    if synced.blank:
        note(
            f"{synced.blank} answers that were given before are blank in this sheet; they stand. "
            f"`curate history ARTWORK` names their verdicts, and `curate undo VERDICT` takes one back."
        )
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
