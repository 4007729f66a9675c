"""``curate sync-corrections``: what reviewers answered, as verdicts and labels."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from itertools import chain
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, facade, note, print_json

if TYPE_CHECKING:
    from curate.workspace import Workspace
    from review.label_studio.sync.summary import Synced
    from review.label_studio.sync.wake import Alarm

SECRET_VARIABLE = "CURATE_WEBHOOK_SECRET"

PASSING = (408, 429, 500, 502, 503, 504)
"""Answers of a server that may be others a while later."""

GLANCE = 0.5
"""Seconds until a waiting watcher notices Ctrl-C."""


@app.command("sync-corrections")
def sync_corrections(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="label-studio|FILE",
            help="Where from: the server, a filled sheet, or an export of Label Studio (.json).",
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
            min=0,
            max=65535,
            help=f"With --watch, listen here for webhooks too; {SECRET_VARIABLE} holds their secret.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the answers from Label Studio, or from a filled sheet, into the catalog.

    Repeat it as often as you like: an answer that has not changed does nothing. An edited answer
    changes its verdict, a deleted one takes it back; earlier verdicts stay in the history.

    Example: curate sync-corrections --json
    """
    workspace = facade(context)
    if source != "label-studio":
        _print(workspace.sync(source), as_json)
        return
    if not watch:
        _print(workspace.sync(full=full), as_json)
        return
    _check_webhook(webhook)
    _watch(workspace, full, every, webhook, as_json)


def _watch(workspace: Workspace, full: bool, every: float, webhook: int | None, as_json: bool) -> None:
    """Look again and again; while the server does not answer say so, once, and go on.

    Any other fault, such as a refused token or a deleted project, ends the watch: waiting fixes none.
    """
    from review.errors import RequestFailed, ServerDown

    first, away = True, False
    for _ in chain((None,), _looks(every, webhook)):
        try:
            synced = workspace.sync(full=full and first)
        except (ServerDown, RequestFailed) as error:
            if isinstance(error, RequestFailed) and error.status not in PASSING:
                raise
            if not away:
                note(f"{error} Still watching; it is asked again every {every:g} s.")
            away = True
            continue
        if away:
            note("The server answers again.")
        if first or synced.annotations or synced.taken_back:
            _print(synced, as_json)
        first, away = False, False


def _check_webhook(port: int | None) -> None:
    """Refuse a webhook without a secret before anything is read."""
    if port is not None and not os.environ.get(SECRET_VARIABLE):
        raise typer.BadParameter(f"{SECRET_VARIABLE} is not set", param_hint="--webhook")


def _looks(every: float, port: int | None) -> Iterator[None]:
    """Yield whenever it is time to look again."""
    from review.label_studio.sync.wake import Alarm, webhook_receiver

    if port is None:
        yield from _ticks(Alarm(), every)
        return
    secret = os.environ[SECRET_VARIABLE]
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
            f"{synced.blank} answers that were given before are blank in this sheet; they stay. "
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
