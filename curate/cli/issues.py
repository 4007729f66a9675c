"""``curate issues``: what to look at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli.app import AsJson, RunId, app, note, opened, print_json

if TYPE_CHECKING:
    from db.issues import IssueRow

Limit = Annotated[int, typer.Option(min=1, help="How many, worst first.")]
Attribute = Annotated[str | None, typer.Option(help="Only this attribute.")]


@app.command("issues")
def issues_(
    context: typer.Context,
    run_id: RunId = None,
    kind: Annotated[
        str, typer.Option(help="label, label_conflict, outlier, duplicate, unreadable.")
    ] = "label",
    attribute: Attribute = None,
    limit: Limit = 20,
    everything: Annotated[bool, typer.Option("--all", help="Every scored label, doubted or not.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the labels that a run doubts most, worst first.

    The score is the estimated chance that the label is right.

    Example: curate issues --attribute style --limit 10
    """
    from db.issues import scored_labels, worst_issues
    from db.runs import find_run

    with opened(context).open_catalog() as catalog, catalog.read() as session:
        run = find_run(session, run_id, "issues") if kind == "label" else None
        if everything and run is not None:
            rows = scored_labels(session, run, attribute)
        else:
            rows = worst_issues(session, kind=kind, attribute=attribute, limit=limit, run=run)
    for row in rows:
        if as_json:
            print_json(as_record(row))
        else:
            typer.echo(
                f"{row.score:.3f}  {row.attribute or row.kind:<8} "
                f"{row.label or '-'} → {row.suggested or '-'}  {row.path}"
            )
            if row.reason:
                typer.echo(f"       {row.reason}")
    if not as_json:
        expected = sum(1 - row.score for row in rows)
        note(f"{len(rows)} shown; about {expected:.1f} of them are wrong, if the scores are right.")


def as_record(row: IssueRow) -> dict[str, Any]:
    """Return an issue as scripts read it."""
    return {
        "artwork": str(row.artwork),
        "path": row.path,
        "kind": row.kind,
        "attribute": row.attribute,
        "label": row.label,
        "suggested": row.suggested,
        "score": row.score,
        "p_label": row.p_label,
        "p_suggested": row.p_suggested,
        "state": row.state,
        "reason": row.reason,
        "evidence": row.evidence,
    }
