"""``curate push``: a batch of artworks to review, as tasks in Label Studio."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, DryRun, RunId, app, facade, note, print_json, say

if TYPE_CHECKING:
    from curate.rounds.plan import AgainSettings
    from curate.rounds.push_summary import PushSummary
    from curate.workspace import Workspace

PLACES = ("label-studio", "csv", "xlsx", "html")

ASKED, FORM, AGAIN = "Which artworks", "Tasks or a sheet", "Once more, or not at all"
"""What the options are about, as the help groups them."""


@app.command()
def push(
    context: typer.Context,
    limit: Annotated[
        int,
        typer.Option(
            min=1, help="Artworks in the batch, audits and controls among them.", rich_help_panel=ASKED
        ),
    ] = 100,
    attribute: Annotated[
        str | None,
        typer.Option(help="Rank by the issues of this attribute only.", rich_help_panel=ASKED),
    ] = None,
    run_id: RunId = None,
    audit: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="The share drawn at random, to estimate the errors left.",
            rich_help_panel=ASKED,
        ),
    ] = 0.05,
    controls: Annotated[
        str,
        typer.Option(
            metavar="SHARE|CSV",
            help="The share whose answer is known, to measure reviewers; or a list of known answers.",
            rich_help_panel=ASKED,
        ),
    ] = "0.05",
    annotators: Annotated[
        int,
        typer.Option(min=1, max=5, help="How many reviewers judge each artwork.", rich_help_panel=ASKED),
    ] = 1,
    to: Annotated[
        str,
        typer.Option(
            metavar="label-studio|csv|xlsx|html",
            help="As tasks, or as a sheet to fill in.",
            rich_help_panel=FORM,
        ),
    ] = "label-studio",
    contact_sheets: Annotated[
        bool,
        typer.Option(
            "--contact-sheets",
            help="Many artworks at once: mark those whose label is wrong.",
            rich_help_panel=FORM,
        ),
    ] = False,
    per_sheet: Annotated[
        int, typer.Option(min=2, max=24, help="Artworks on a contact sheet, at most.", rich_help_panel=FORM)
    ] = 24,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the sheet goes; a file that is there is never overwritten.",
            rich_help_panel=FORM,
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Write the sheet of this batch again: it was lost.", rich_help_panel=FORM
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Ask again about labels that were judged; the next three options say which.",
            rich_help_panel=AGAIN,
        ),
    ] = False,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="'attribute=A class=C'", help="With --again: those of a class.", rich_help_panel=AGAIN
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="REVIEWER", help="With --again: those that this person judged.", rich_help_panel=AGAIN
        ),
    ] = None,
    before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="With --again: those judged before this day.", rich_help_panel=AGAIN
        ),
    ] = None,
    cancel: Annotated[
        int | None,
        typer.Option(
            metavar="BATCH", help="Take back what nobody has begun of a batch.", rich_help_panel=AGAIN
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send a batch of artworks to Label Studio, first those whose review should fix most.

    An artwork that has an open task keeps it, with the newest run's suggestion. A push that was cut short
    is finished by the next one. The server's token is read from LABEL_STUDIO_API_KEY.

    Example: curate push --limit 200 --attribute style
    """
    _check_place(to, contact_sheets, batch)
    workspace = facade(context)
    if cancel is not None:
        _cancel(workspace, cancel, dry_run, as_json)
        return
    pushed = workspace.push(
        limit,
        attribute=attribute,
        run=run_id,
        audit=audit,
        controls=_controls(controls),
        annotators=annotators,
        per_sheet=per_sheet if contact_sheets else None,
        again=_again(again, where, by, before),
        sheet=None if to == "label-studio" else _sheet(to, output),
        batch=batch,
        dry_run=dry_run,
    )
    _tell(pushed, as_json)


def _check_place(to: str, contact_sheets: bool, batch: int | None) -> None:
    """Refuse what cannot go together."""
    if to not in PLACES:
        raise typer.BadParameter(f"{to!r} is none of {', '.join(PLACES)}", param_hint="--to")
    if batch is not None and to == "label-studio":
        raise typer.BadParameter("only a sheet can be written again: --to csv or html", param_hint="--batch")
    if contact_sheets and to in ("csv", "xlsx"):
        raise typer.BadParameter(
            "a table has no grid to glance at; take --to html or label-studio",
            param_hint="--contact-sheets",
        )


def _sheet(to: str, output: Path | None) -> Path | str:
    """Return the sheet's file, with the suffix of its kind; or its kind, for the first free name."""
    if output is None or output.suffix == f".{to}" or output.is_dir():
        return output or to
    return output.with_name(f"{output.name}.{to}")


def _again(again: bool, where: str | None, by: str | None, before: datetime | None) -> AgainSettings | None:
    """Return which judged labels to ask about again, None without ``--again``."""
    from curate.rounds.plan import AgainSettings

    if not again:
        if where or by or before:
            raise typer.BadParameter("--where, --by and --before go with it", param_hint="--again")
        return None
    if where is None and by is None and before is None:
        raise typer.BadParameter("say which: --where, --by or --before", param_hint="--again")
    wanted = dict(re.findall(r"(attribute|class)=(.+?)(?=\s+(?:attribute|class)=|$)", where or ""))
    if where is not None and "attribute" not in wanted:
        raise typer.BadParameter(
            f"{where!r} names no attribute; write 'attribute=style class=Realism'", param_hint="--where"
        )
    moment = before.replace(tzinfo=UTC) if before is not None else None
    return AgainSettings(wanted.get("attribute"), wanted.get("class"), by, moment)


def _controls(text: str) -> float | Path:
    """Return the share of controls, or the list that they come from."""
    try:
        share = float(text)
    except ValueError:
        return Path(text)
    if not 0 <= share <= 1:
        raise typer.BadParameter(f"{text} is outside 0 to 1", param_hint="--controls")
    return share


def _cancel(workspace: Workspace, batch: int, dry_run: bool, as_json: bool) -> None:
    """Take a batch back, or say what would be."""
    done = workspace.cancel(batch, dry_run=dry_run)
    if as_json:
        print_json(asdict(done))
        return
    begun = f"; {done.begun} stay, since somebody has begun them" if done.begun else ""
    told = "Would take back" if dry_run else "Taken back:"
    typer.echo(f"{told} {done.withdrawn} artworks of batch {batch}{begun}.")


def _tell(pushed: PushSummary, as_json: bool) -> None:
    if pushed.resumed:
        note("An earlier push was cut short; it is finished now. Push again for a new batch.")
    if pushed.left_out:
        named = ", ".join(pushed.left_out[:3]) + (", …" if len(pushed.left_out) > 3 else "")
        note(
            f"Left out, since their images cannot be shown: {len(pushed.left_out)} ({named}). "
            f"`curate ingest` on their source sets aside what is gone."
        )
    if as_json:
        print_json(pushed.as_record())
    else:
        say(str(pushed))
