"""``curate push``: a batch of artworks to review, as tasks in Label Studio."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, DryRun, RunId, app, note, opened, print_json
from curate.cli.progress import CliProgress
from curate.wrong_labels import estimate_wrong_labels, rests_on, tell_wrong_labels

if TYPE_CHECKING:
    from curate.issues import Estimate
    from curate.rounds.plan import AgainSettings
    from db.engine.catalog import Catalog
    from db.reviews.asking.batches import Plan
    from db.workspace.workspace import Workspace
    from review.label_studio.push.send import Pushed


@app.command()
def push(
    context: typer.Context,
    limit: Annotated[
        int, typer.Option(min=1, help="Artworks in the batch, audits and controls among them.")
    ] = 100,
    attribute: Annotated[str | None, typer.Option(help="Rank by the doubts in this attribute only.")] = None,
    run_id: RunId = None,
    audit: Annotated[
        float, typer.Option(min=0, max=1, help="The share drawn at random, to estimate the errors left.")
    ] = 0.05,
    controls: Annotated[
        str,
        typer.Option(
            metavar="SHARE|CSV",
            help="The share whose answer is known, to measure reviewers; or a list of known answers.",
        ),
    ] = "0.05",
    annotators: Annotated[
        int, typer.Option(min=1, max=5, help="How many reviewers each artwork is to have.")
    ] = 1,
    to: Annotated[
        str, typer.Option(metavar="label-studio|csv|xlsx|html", help="As tasks, or as a sheet to fill in.")
    ] = "label-studio",
    contact_sheets: Annotated[
        bool,
        typer.Option("--contact-sheets", help="Many artworks at once: mark those whose label is wrong."),
    ] = False,
    per_sheet: Annotated[int, typer.Option(min=2, max=24, help="Artworks on a contact sheet, at most.")] = 24,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the sheet goes; a file that is there is never overwritten."),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Write the sheet of this batch again: it was lost."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Ask about labels that were judged before; see the next three.")
    ] = False,
    where: Annotated[
        str | None, typer.Option(metavar="'attribute=A class=C'", help="With --again: those of a class.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="REVIEWER", help="With --again: those that this person judged.")
    ] = None,
    before: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="With --again: those judged before this day."),
    ] = None,
    cancel: Annotated[
        int | None, typer.Option(metavar="BATCH", help="Take back what nobody has begun of a batch.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send a batch of artworks to Label Studio, those whose review should fix most first.

    An artwork that has an open task keeps it, with the newest run's suggestion. A push that was cut short
    is finished by the next one. The server's token is read from LABEL_STUDIO_API_KEY.

    Example: curate push --limit 200 --attribute style
    """
    from curate.rounds.plan import BatchSettings, plan_batch
    from curate.rounds.push import free_name, push_batch, push_sheet, push_sheet_again, waiting_sheets
    from db.errors import NotAnOutput
    from db.runs.runs import find_run

    if to not in ("label-studio", "csv", "xlsx", "html"):
        raise typer.BadParameter(f"{to!r} is none of label-studio, csv, xlsx, html", param_hint="--to")
    if batch is not None and to == "label-studio":
        raise typer.BadParameter("only a sheet can be written again: --to csv or html", param_hint="--batch")
    workspace = opened(context)
    if cancel is not None:
        _cancel(workspace, cancel, dry_run, as_json)
        return
    share, answers = _controls(controls)
    if contact_sheets and to in ("csv", "xlsx"):
        raise typer.BadParameter(
            "a table has no grid to glance at; take --to html or label-studio",
            param_hint="--contact-sheets",
        )
    settings = BatchSettings(
        limit,
        attribute,
        audit,
        share,
        answers,
        annotators,
        per_sheet if contact_sheets else None,
        _again(again, where, by, before),
    )
    with workspace.open_catalog() as catalog:
        if dry_run:
            with catalog.read() as session:
                run = find_run(session, run_id, "push")
            plan = plan_batch(catalog, run, settings)
            expected = _expected_wrong(catalog, run_id)
            _print_plan(plan, workspace.settings.label_studio.project, expected, as_json)
            return
        if to != "label-studio":
            path = output or free_name(workspace.folder, f".{to}")
            if path.is_dir():
                raise NotAnOutput(path, "it is a folder")
            if path.suffix != f".{to}":
                path = path.with_name(f"{path.name}.{to}")
            if batch is None:
                pushed = push_sheet(workspace, catalog, settings, run_id, path)
            else:
                pushed = push_sheet_again(workspace, catalog, batch, path)
            waiting = waiting_sheets(catalog) if not pushed.created else {}
            _print_sheet(pushed, _expected_wrong(catalog, run_id), as_json, path, waiting)
            return
        with CliProgress() as progress:
            pushed = push_batch(workspace, catalog, settings, run_id, progress)
        expected = _expected_wrong(catalog, run_id)
    _print_pushed(pushed, expected, as_json, workspace.settings.label_studio.url)


def _expected_wrong(catalog: Catalog, run_id: int | None) -> Estimate:
    """Estimate how many labels are wrong in all, beside those that the batch should find."""
    from db.runs.runs import find_run

    with catalog.read() as session:
        return estimate_wrong_labels(session, find_run(session, run_id, "push"))


def _again(again: bool, where: str | None, by: str | None, before: datetime | None) -> AgainSettings | None:
    """Return which judged labels to ask about again, None without ``--again``."""
    from curate.rounds.plan import AgainSettings

    if not again:
        if where or by or before:
            raise typer.BadParameter("--where, --by and --before go with it", param_hint="--again")
        return None
    if where is None and by is None and before is None:
        raise typer.BadParameter("say which: --where, --by or --before", param_hint="--again")
    found = dict(re.findall(r"(attribute|class)=(.+?)(?=\s+(?:attribute|class)=|$)", where or ""))
    if where is not None and "attribute" not in found:
        raise typer.BadParameter(
            f"{where!r} names no attribute; write 'attribute=style class=Realism'", param_hint="--where"
        )
    moment = before.replace(tzinfo=UTC) if before is not None else None
    return AgainSettings(found.get("attribute"), found.get("class"), by, moment)


def _cancel(workspace: Workspace, batch: int, dry_run: bool, as_json: bool) -> None:
    """Take a batch back, or say what would be."""
    from db.reviews.asking.again import open_batch
    from review.label_studio.push.cancel import Cancelled, cancel_batch

    with workspace.open_catalog() as catalog:
        if dry_run:
            with catalog.read() as session:
                done = Cancelled(batch, len(open_batch(session, batch)[1]), 0)
        else:
            done = cancel_batch(catalog, batch)
    if as_json:
        print_json(asdict(done))
        return
    begun = f"; {done.begun} stay, since somebody has begun them" if done.begun else ""
    told = "Would take back" if dry_run else "Taken back:"
    typer.echo(f"{told} {done.withdrawn} artworks of batch {batch}{begun}.")


def _controls(text: str) -> tuple[float, Path | None]:
    """Return the share of controls, and the list that they come from if one is named."""
    try:
        share = float(text)
    except ValueError:
        return 0.05, Path(text)
    if not 0 <= share <= 1:
        raise typer.BadParameter(f"{text} is outside 0 to 1", param_hint="--controls")
    return share, None


def _print_plan(plan: Plan, project: int | None, expected: Estimate, as_json: bool) -> None:
    counts = Counter(item.purpose for item in plan.items)
    if as_json:
        print_json(
            {
                "project": project,
                "batch": None,
                "created": 0,
                "refreshed": 0,
                "withdrawn": 0,
                "skipped": 0,
                "expected_yield": plan.expected_yield,
                "expected_wrong": asdict(expected),
                "assumed": plan.assumed,
                "verdicts": plan.verdicts,
                "planned": dict(counts),
            }
        )
        return
    parts = ", ".join(f"{counts[p]} {p}" for p in ("review", "audit", "control") if counts[p]) or "nothing"
    typer.echo(
        f"Would push {parts}; {plan.expected_yield:g} wrong labels to be expected among the reviews "
        f"({rests_on(plan.verdicts, plan.assumed)})."
    )
    typer.echo(tell_wrong_labels(expected))


def _print_sheet(
    pushed: Pushed, expected: Estimate, as_json: bool, path: Path, waiting: Mapping[int, int]
) -> None:
    """Say where the sheet is; where there is nothing to ask, which sheets are still out."""
    if pushed.created or as_json:
        _print_pushed(pushed, expected, as_json, str(path))
        return
    typer.echo("Nothing to review is left that nobody is asked about; no sheet was written.")
    for batch, count in waiting.items():
        typer.echo(
            f"{count} artworks wait in the sheet of batch {batch}. Where it was lost: "
            f"curate push --to {path.suffix[1:]} --batch {batch}"
        )


def _print_pushed(pushed: Pushed, expected: Estimate, as_json: bool, url: str) -> None:
    if pushed.resumed:
        note("An earlier push was cut short; it is finished now. Push again for a new batch.")
    if pushed.left_out:
        named = ", ".join(pushed.left_out[:3]) + (", …" if len(pushed.left_out) > 3 else "")
        note(
            f"Left out, since their images cannot be shown: {len(pushed.left_out)} ({named}). "
            f"`curate ingest` on their source sets aside what is gone."
        )
    if as_json:
        print_json(
            {
                "project": pushed.project,
                "batch": pushed.batch,
                "created": pushed.created,
                "refreshed": pushed.refreshed,
                "withdrawn": pushed.withdrawn,
                "skipped": pushed.skipped,
                "left_out": len(pushed.left_out),
                "expected_yield": round(pushed.expected_yield, 2),
                "expected_wrong": asdict(expected),
                "resumed": pushed.resumed,
            }
        )
        return
    typer.echo(
        f"{pushed.created} tasks sent, {pushed.refreshed} refreshed, {pushed.withdrawn} withdrawn, "
        f"{pushed.skipped} skipped. Wrong labels to be expected: {pushed.expected_yield:g}."
    )
    typer.echo(tell_wrong_labels(expected))
    if pushed.project is None:
        page = url.endswith(".html")
        do = f"Open {url} in a browser, answer, download" if page else f"Fill in {url}"
        typer.echo(f"{do}, then: curate sync-corrections --from {'THE.csv' if page else url}")
    else:
        typer.echo(f"Review them at {url}/projects/{pushed.project}/data, then: curate sync-corrections")
