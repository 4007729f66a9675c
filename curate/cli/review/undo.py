"""``curate undo``: one verdict, or all that an ingest brought, taken back after asking."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, opened, print_json

if TYPE_CHECKING:
    from db.engine.catalog import Catalog
    from db.ingest.undo import IngestUndo

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking, for scripts.")]


@app.command()
def undo(
    context: typer.Context,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="VERDICT|ARTWORK", help="A verdict's number as `curate history` prints it, or an artwork."
        ),
    ] = None,
    attribute: Annotated[
        str | None, typer.Argument(help="With ARTWORK: its newest verdict on this attribute.")
    ] = None,
    ingest: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Take back what ingest N alone brought; `curate history --ingests` lists them.",
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take a verdict back, so that the label that stood before counts again; or a whole ingest.

    Example: curate undo 17 --yes
    """
    if (what is None) == (ingest is None):
        raise typer.BadParameter("Give a verdict's number, an artwork and an attribute, or `--ingest N`.")
    if what is not None and attribute is None and not what.isdecimal():
        raise typer.BadParameter("With an artwork, name the attribute too; a verdict has a number.")
    with opened(context).open_catalog() as catalog:
        if ingest is not None:
            _undo_ingest(catalog, ingest, yes, as_json)
        else:
            assert what is not None
            _undo_verdict(catalog, what, attribute, yes, as_json)


def _undo_verdict(catalog: Catalog, what: str, attribute: str | None, yes: bool, as_json: bool) -> None:
    from db.labels.effective import derive
    from db.labels.history import verdict_line
    from db.reviews.answering.verdicts import find_verdict, newest_verdict, supersede

    with catalog.read() as session:
        if attribute is None:
            verdict = find_verdict(session, int(what))
        else:
            verdict = newest_verdict(session, what, attribute)
        number, said = verdict.id, verdict_line(session, verdict)
    _ask(f"Verdict {number}: {said}. It is taken back, and what stood before counts again.", yes)
    with catalog.write() as session:
        changed = derive(session, supersede(session, find_verdict(session, number)))
    if as_json:
        print_json({"verdict": number, "labels_changed": changed})
    else:
        typer.echo(f"verdict {number} taken back; {changed} labels changed")


def _undo_ingest(catalog: Catalog, ingest_id: int, yes: bool, as_json: bool) -> None:
    from curate.cli.progress import CliProgress
    from curate.ingest.undo import take_back
    from db.ingest.undo import plan_undo

    with catalog.read() as session:
        plan = plan_undo(session, ingest_id)
    _ask(_told(plan), yes)
    with CliProgress() as progress:
        plan, changed = take_back(catalog, ingest_id, progress)
    if as_json:
        print_json(
            {
                "ingest": ingest_id,
                "labels_taken_back": len(plan.retracted),
                "labels_restored": len(plan.restored),
                "splits": plan.splits,
                "artworks_set_aside": len(plan.set_aside),
                "artworks_kept": len(plan.kept),
                "labels_changed": changed,
            }
        )
    else:
        typer.echo(
            f"ingest {ingest_id} taken back: {len(plan.set_aside)} artworks set aside, "
            f"{len(plan.retracted)} labels taken back, {len(plan.restored)} restored; "
            f"{changed} labels changed"
        )


def _told(plan: IngestUndo) -> str:
    """Say what taking an ingest back does."""
    parts = [
        f"Ingest {plan.ingest_id} read {plan.location} on {plan.started_at:%Y-%m-%d %H:%M}.",
        f"{len(plan.retracted)} labels that it gave are taken back, {len(plan.restored)} that it replaced "
        f"count again, {len(plan.set_aside)} artworks that only it brought are set aside until an ingest "
        f"names them again.",
    ]
    if plan.splits:
        parts.append(f"{plan.splits} splits of it go.")
    if plan.kept:
        parts.append(f"{len(plan.kept)} artworks stay: people or other sources have named them.")
    return " ".join(parts)


def _ask(told: str, yes: bool) -> None:
    """Say what will be done, and ask; where nobody can answer, that is an error."""
    from curate.errors import NotConfirmed

    if yes:
        return
    typer.echo(told, err=True)
    if not sys.stdin.isatty():
        raise NotConfirmed("undo")
    typer.confirm("Go on?", abort=True, err=True)
