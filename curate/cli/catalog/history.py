"""``curate history``: who said what of an artwork, and what an ingest refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, facade, note, print_json

if TYPE_CHECKING:
    from db.labels.history import ArtworkHistory, Event, IngestRow, RefusedRow


@app.command()
def history(
    context: typer.Context,
    artwork: Annotated[str | None, typer.Argument(help="An artwork's path, uuid or id in a list.")] = None,
    refused: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="List what ingest N refused instead.")
    ] = None,
    ingests: Annotated[bool, typer.Option("--ingests", help="List all ingests by number instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print who said what of an artwork, and when.

    Example: curate history images/00001.jpg
    """
    if (artwork is not None) + (refused is not None) + ingests != 1:
        raise typer.BadParameter("Give an artwork, or `--refused N`, or `--ingests`.")
    workspace = facade(context)
    if artwork is not None:
        _artwork(workspace.artwork_history(artwork), as_json)
    elif refused is not None:
        _refused(refused, workspace.refused(refused), as_json)
    else:
        _ingests(workspace.ingests(), as_json)


def _artwork(told: ArtworkHistory, as_json: bool) -> None:
    artwork = told.artwork
    if not as_json:
        typer.echo(f"{artwork.path}  {artwork.uuid}  revision {artwork.revision}, {artwork.status}")
    for source, attribute, split in told.splits if not as_json else ():
        typer.echo(f"split {split}: {source}{f', {attribute} list' if attribute else ''}")
    for row in told.kept if not as_json else ():
        known_as = f" {row.known_as}" if row.known_as else ""
        cells = "; ".join(
            f"{name}: {' '.join(cell.split())}" for name, cell in row.cells.items() if cell.strip()
        )
        typer.echo(f"listed{known_as} by {row.source}" + (f": {cells}" if cells else ""))
    for source, attribute, reason, cell in told.withheld if not as_json else ():
        typer.echo(f"{attribute}: no label, {reason}: {cell!r} ({source})")
    for event in told.events:
        if as_json:
            print_json({**event.__dict__, "when": event.when.isoformat()})
        else:
            typer.echo(_line(event))


def _line(event: Event) -> str:
    what = " ".join(filter(None, (event.attribute, event.decision, event.label)))
    comment = f"  “{event.comment}”" if event.comment else ""
    if event.spelling is not None and event.spelling != event.label:
        comment = f"  as {event.spelling!r}{comment}"
    mark = "*" if event.counts else " "
    number = f"  (verdict {event.verdict})" if event.verdict is not None and event.decision else ""
    number = f"  (ingest {event.ingest})" if event.ingest is not None else number
    when = f"{event.when:%Y-%m-%d %H:%M:%S}"
    return f"{mark} {when}  {event.source:<24} {event.action:<10} {what}{comment}{number}"


def _ingests(rows: Sequence[IngestRow], as_json: bool) -> None:
    for row in rows:
        if as_json:
            print_json(row.__dict__)
            continue
        counts = ", ".join(
            f"{row.counts[name]} {name}" for name in ("added", "updated") if name in row.counts
        )
        state = "taken back" if row.undone_at else counts if row.finished_at else "cut short"
        typer.echo(f"{row.ingest:>4}  {row.started_at:%Y-%m-%d %H:%M}  {row.location}  {state}")


def _refused(ingest_id: int, rows: Iterable[RefusedRow], as_json: bool) -> None:
    count = 0
    for row in rows:
        count += 1
        if as_json:
            print_json(row.__dict__)
        else:
            typer.echo(f"{row.reason:<20} {row.record}" + (f"  {row.detail}" if row.detail else ""))
    note(f"Ingest {ingest_id} refused {count} records.")
