"""``curate issues``: what to look at first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, RunId, app, note, opened, print_json
from curate.wrong_labels import estimate_wrong_labels, rests_on, tell_wrong_labels

if TYPE_CHECKING:
    from db.labels.kept import KeptCells
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
        str, typer.Option(help="label, label_conflict, outlier, unusable, duplicate, property or unreadable.")
    ] = "label",
    attribute: Attribute = None,
    by: Annotated[By, typer.Option(help="One line a label, or an artwork with all its doubts.")] = By.label,
    limit: Limit = 20,
    everything: Annotated[bool, typer.Option("--all", help="Every scored label, doubted or not.")] = False,
    rule: Annotated[Rule, typer.Option(help="Worst first, or all under a fixed probability.")] = Rule.rank,
    threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="For --rule threshold: p(label) under this is flagged.")
    ] = 0.3,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=TEXT",
            help="Only artworks whose list says so in a kept column; `*` stands for any characters.",
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the listed images, their list and a grid there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the labels that a run doubts most, worst first.

    The score is the estimated chance that the label is right.

    Example: curate issues --attribute style --limit 10
    """
    from db.labels.kept import artworks_where, kept_cells
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
            most = limit if by == By.label and not where else None
            rows = worst_issues(session, kind=kind, attribute=attribute, limit=most, run=run)
        if where:
            wanted = artworks_where(session, conditions(where))
            rows = [row for row in rows if row.artwork_id in wanted]
        kept = kept_cells(session, sorted({row.artwork_id for row in rows}))
        answered = None if run is None else yield_evidence(session, run)
        expected = None if run is None or as_json else estimate_wrong_labels(session, run)
    groups = by_artwork(rows)[:limit] if by == By.artwork else [[row] for row in rows]
    shown = groups if everything else groups[:limit]
    for group in shown:
        show(group, as_json, kept.get(group[0].artwork_id))
    if save is not None:
        from curate.export.flagged_images import save_flagged

        flagged = [row for group in groups for row in group]
        note(f"{save}: {save_flagged(workspace, flagged, save)} images, flagged.csv, grid.png")
    listed = [row for group in shown for row in group]
    if not as_json:
        tell(listed, len(rows), kind, answered)
    if expected is not None:
        note(tell_wrong_labels(expected))


def conditions(where: Sequence[str]) -> dict[str, str]:
    """Return the wanted text of each column of `--where`."""
    pairs = [one.partition("=") for one in where]
    if any(not (column and equals) for column, equals, _ in pairs):
        raise typer.BadParameter("--where is COLUMN=TEXT, for instance --where 'Material=oil*'.")
    return {column.strip(): text.strip() for column, _, text in pairs}


def show(group: Sequence[IssueRow], as_json: bool, kept: KeptCells | None = None) -> None:
    """Print the issues of one line of the list, and what the artwork's list says of it."""
    for row in group:
        if as_json:
            record = row.as_record()
            record |= {"known_as": kept.known_as if kept else None, "kept": kept.cells if kept else {}}
            print_json(record)
            continue
        typer.echo(
            f"{row.score:.3f}  {row.attribute or row.kind:<8} "
            f"{row.label or '-'} → {row.suggested or '-'}  {row.path}"
        )
        if row.reason:
            typer.echo(f"       {row.reason}")
    if kept is not None and not as_json:
        cells = "; ".join(f"{name}: {' '.join(cell.split())}" for name, cell in kept.cells.items())
        typer.echo(
            f"       {textwrap.shorten(cells, 200, placeholder=' …')}" if cells else f"       {kept.known_as}"
        )


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
