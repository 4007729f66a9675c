"""``curate issues``: what to look at first."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, RunId, app, note, opened, print_json
from curate.wrong_labels import estimate_wrong_labels, rests_on, tell_wrong_labels

if TYPE_CHECKING:
    from db.reviews.audit import YieldEvidence
    from db.runs.issues import IssueRow

Limit = Annotated[int, typer.Option(min=1, help="How many, worst first.")]
Attribute = Annotated[str | None, typer.Option(help="Only this attribute.")]


class By(StrEnum):
    """What a line of the list is."""

    label = "label"
    artwork = "artwork"


class Rule(StrEnum):
    """How labels come to be listed."""

    rank = "rank"
    threshold = "threshold"


@app.command("issues")
def issues_(
    context: typer.Context,
    run_id: RunId = None,
    kind: Annotated[
        str, typer.Option(help="label, label_conflict, outlier, duplicate, property or unreadable.")
    ] = "label",
    attribute: Attribute = None,
    by: Annotated[By, typer.Option(help="One line a label, or an artwork with all its doubts.")] = By.label,
    limit: Limit = 20,
    everything: Annotated[bool, typer.Option("--all", help="Every scored label, doubted or not.")] = False,
    rule: Annotated[Rule, typer.Option(help="Worst first, or all under a fixed probability.")] = Rule.rank,
    threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="For --rule threshold: p(label) under this is flagged.")
    ] = 0.3,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the listed images, their list and a grid there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the labels that a run doubts most, worst first.

    The score is the estimated chance that the label is right.

    Example: curate issues --attribute style --limit 10
    """
    from db.models import ISSUE_KINDS
    from db.reviews.audit import yield_evidence
    from db.runs.issues import below_threshold, by_artwork, scored_labels, worst_issues
    from db.runs.runs import find_run
    from db.workspace.outputs import output_folder

    if kind not in ISSUE_KINDS:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(ISSUE_KINDS)}", param_hint="--kind")
    if save is not None:
        output_folder(save)  # before anything is listed
    workspace = opened(context)
    with workspace.open_catalog() as catalog, catalog.read() as session:
        run = find_run(session, run_id, "issues") if kind == "label" else None
        if run is not None and rule == Rule.threshold:
            rows = below_threshold(session, run, threshold, attribute)
        elif run is not None and everything:
            rows = scored_labels(session, run, attribute)
        else:
            most = limit if by == By.label else None
            rows = worst_issues(session, kind=kind, attribute=attribute, limit=most, run=run)
        answered = None if run is None else yield_evidence(session, run)
        expected = None if run is None or as_json else estimate_wrong_labels(session, run)
    groups = by_artwork(rows)[:limit] if by == By.artwork else [[row] for row in rows]
    shown = groups if everything else groups[:limit]
    for group in shown:
        show(group, as_json)
    if save is not None:
        from curate.export.flagged_images import save_flagged

        flagged = [row for group in groups for row in group]
        note(f"{save}: {save_flagged(workspace, flagged, save)} images, flagged.csv, grid.png")
    listed = [row for group in shown for row in group]
    if not as_json:
        tell(listed, len(rows), kind, answered)
    if expected is not None:
        note(tell_wrong_labels(expected))


def show(group: Sequence[IssueRow], as_json: bool) -> None:
    """Print the issues of one line of the list."""
    for row in group:
        if as_json:
            print_json(row.as_record())
            continue
        typer.echo(
            f"{row.score:.3f}  {row.attribute or row.kind:<8} "
            f"{row.label or '-'} → {row.suggested or '-'}  {row.path}"
        )
        if row.reason:
            typer.echo(f"       {row.reason}")


def tell(rows: Sequence[IssueRow], total: int, kind: str, answered: YieldEvidence | None) -> None:
    """Say how many were listed, and how many errors are to be expected among them.

    Args:
        rows: What was listed.
        total: How many there are in all.
        kind: Their kind.
        answered: What reviewers found so far, of labels.
    """
    if not rows:
        note(f"No open issues of kind {kind}.")
    elif answered is not None:
        from curate.issues import forecast_yield

        forecast = forecast_yield([row.score for row in rows], **answered)
        told = rests_on(forecast.verdicts, forecast.assumed)
        note(f"{len(rows)} of {total} shown; about {forecast.expected:.1f} of them are wrong ({told}).")
    else:
        note(f"{len(rows)} shown.")
