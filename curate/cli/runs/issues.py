"""``curate issues``: what to look at first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, RunId, app, facade, note, print_json
from curate.wrong_labels import rests_on, tell_wrong_labels

if TYPE_CHECKING:
    from curate.rounds.issue_list import IssueList
    from db.labels.kept import KeptCells
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
    by: Annotated[By, typer.Option(help="One line a label, or an artwork with all its issues.")] = By.label,
    limit: Limit = 20,
    everything: Annotated[bool, typer.Option("--all", help="Every scored label, flagged or not.")] = False,
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
    """List the labels that a run flags, worst first.

    The score is the estimated chance that the label is right.

    Example: curate issues --attribute style --limit 10
    """
    from db.models import ISSUE_KINDS
    from db.workspace.outputs import output_folder

    if kind not in ISSUE_KINDS:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(ISSUE_KINDS)}", param_hint="--kind")
    if save is not None:
        output_folder(save)  # before anything is listed
    workspace = facade(context)
    listed = workspace.issue_list(
        kind,
        attribute=attribute,
        limit=None if everything else limit,
        run=run_id,
        every=everything,
        by_artwork=by == By.artwork,
        below=threshold if rule == Rule.threshold else None,
        where=conditions(where or ()),
    )
    if as_json:
        for record in listed.records():
            print_json(record)
    else:
        for line in listed.lines:
            show(line, listed.kept.get(line[0].artwork_id))
    if save is not None:
        note(f"{save}: {workspace.save_images(listed, save)} images, flagged.csv, grid.png")
    if not as_json:
        tell(listed)


def conditions(where: Sequence[str]) -> dict[str, str]:
    """Return the wanted text of each column of `--where`."""
    pairs = [one.partition("=") for one in where]
    if any(not (column and equals) for column, equals, _ in pairs):
        raise typer.BadParameter("--where is COLUMN=TEXT, for instance --where 'Material=oil*'.")
    return {column.strip(): text.strip() for column, _, text in pairs}


def show(line: Sequence[IssueRow], kept: KeptCells | None) -> None:
    """Print the issues of one line of the list, and what the artwork's list says of it."""
    for row in line:
        typer.echo(
            f"{row.score:.3f}  {row.attribute or row.kind:<8} "
            f"{row.label_name or '-'} → {row.suggested_name or '-'}  {row.path}"
        )
        if row.reason:
            typer.echo(f"       {row.reason}")
    if kept is not None:
        cells = "; ".join(f"{name}: {' '.join(cell.split())}" for name, cell in kept.cells.items())
        typer.echo(
            f"       {textwrap.shorten(cells, 200, placeholder=' …')}" if cells else f"       {kept.known_as}"
        )


def tell(listed: IssueList) -> None:
    """Say how many were listed, how many errors are expected among them, and how many in all."""
    count = len(listed.rows)
    if not count:
        note(f"No open issues of kind {listed.kind}.")
    elif (forecast := listed.forecast()) is not None:
        told = rests_on(forecast.verdicts, forecast.assumed)
        note(f"{count} of {listed.total} shown; about {forecast.expected:.1f} of them are wrong ({told}).")
    else:
        note(f"{count} of {listed.total} shown.")
    if listed.expected_wrong is not None:
        note(tell_wrong_labels(listed.expected_wrong))
