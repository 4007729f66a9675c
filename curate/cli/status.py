"""``curate status``: where the round stands, and what to type next."""

from __future__ import annotations

from dataclasses import asdict

import typer

from curate.cli.app import AsJson, app, opened, print_json


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show where the round stands and what to type next.

    Example: curate status
    """
    from curate.audit import errors_left
    from db.audit import audit_slices
    from db.status import read_status

    with opened(context).open_catalog() as catalog, catalog.read() as session:
        found = read_status(session)
        left = errors_left(audit_slices(session))
    if as_json:
        print_json(asdict(found) | {"errors_left": asdict(left) if left else None, "next": found.next_step()})
        return
    counts = ", ".join(f"{n} {name}" for name, n in found.artworks.items()) or "none yet"
    typer.echo(f"artworks: {counts}")
    if found.run is not None:
        since = " (labels have changed since)" if found.labels_changed else ""
        doubted = ", ".join(f"{n} {state}" for state, n in found.issues.items()) or "none"
        typer.echo(f"newest run: {found.run}{since}; labels doubted: {doubted}")
    for turn in found.rounds:
        share = f", {turn.errors / turn.reviewed:.0%} of {turn.reviewed} verdicts" if turn.reviewed else ""
        typer.echo(
            f"batch {turn.batch} (run {turn.run}): {turn.artworks} artworks, {turn.done} reviewed, "
            f"{turn.open} open; {turn.errors} errors found{share}; "
            f"{turn.expected_yield:.1f} were expected"
        )
    if left is not None:
        typer.echo(
            f"wrong labels left: about {left.estimate:.0f}, between {left.low:.0f} and {left.high:.0f} "
            f"(95 %, from {left.wrong} wrong of {left.judged} audited)"
        )
    typer.echo(f"Next: {found.next_step()}")
