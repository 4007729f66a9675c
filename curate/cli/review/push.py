"""``curate push``: a batch of artworks to review, as tasks in Label Studio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, DryRun, RunId, app, note, opened, print_json, rests_on
from curate.cli.progress import CliProgress

if TYPE_CHECKING:
    from db.reviews.tasks import Plan
    from review.label_studio.push import Pushed


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
        str, typer.Option(metavar="label-studio|csv|html", help="As tasks, or as a sheet to fill in.")
    ] = "label-studio",
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the sheet goes; a file that is there is never overwritten."),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Write the sheet of this batch again: it was lost."),
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

    if to not in ("label-studio", "csv", "html"):
        raise typer.BadParameter(f"{to!r} is none of label-studio, csv, html", param_hint="--to")
    if batch is not None and to == "label-studio":
        raise typer.BadParameter("only a sheet can be written again: --to csv or html", param_hint="--batch")
    workspace = opened(context)
    share, answers = _controls(controls)
    settings = BatchSettings(limit, attribute, audit, share, answers, annotators)
    with workspace.open_catalog() as catalog:
        if dry_run:
            with catalog.read() as session:
                run = find_run(session, run_id, "push")
            plan = plan_batch(catalog, run, settings)
            _print_plan(plan, workspace.settings.label_studio.project, as_json)
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
            _print_sheet(pushed, as_json, path, waiting)
            return
        with CliProgress() as progress:
            pushed = push_batch(workspace, catalog, settings, run_id, progress)
    _print_pushed(pushed, as_json, workspace.settings.label_studio.url)


def _controls(text: str) -> tuple[float, Path | None]:
    """Return the share of controls, and the list that they come from if one is named."""
    try:
        share = float(text)
    except ValueError:
        return 0.05, Path(text)
    if not 0 <= share <= 1:
        raise typer.BadParameter(f"{text} is outside 0 to 1", param_hint="--controls")
    return share, None


def _print_plan(plan: Plan, project: int | None, as_json: bool) -> None:
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


def _print_sheet(pushed: Pushed, as_json: bool, path: Path, waiting: Mapping[int, int]) -> None:
    """Say where the sheet is; where there is nothing to ask, which sheets are still out."""
    if pushed.created or as_json:
        _print_pushed(pushed, as_json, str(path))
        return
    typer.echo("Nothing to review is left that nobody is asked about; no sheet was written.")
    for batch, count in waiting.items():
        typer.echo(
            f"{count} artworks wait in the sheet of batch {batch}. Where it was lost: "
            f"curate push --to {path.suffix[1:]} --batch {batch}"
        )


def _print_pushed(pushed: Pushed, as_json: bool, url: str) -> None:
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
                "resumed": pushed.resumed,
            }
        )
        return
    typer.echo(
        f"{pushed.created} tasks sent, {pushed.refreshed} refreshed, {pushed.withdrawn} withdrawn, "
        f"{pushed.skipped} skipped. Wrong labels to be expected: {pushed.expected_yield:g}."
    )
    if pushed.project is None:
        page = url.endswith(".html")
        do = f"Open {url} in a browser, answer, download" if page else f"Fill in {url}"
        typer.echo(f"{do}, then: curate sync-corrections --from {'THE.csv' if page else url}")
    else:
        typer.echo(f"Review them at {url}/projects/{pushed.project}/data, then: curate sync-corrections")
