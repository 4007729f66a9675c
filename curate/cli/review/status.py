"""``curate status``: where the round stands, and what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from curate.cli.app import AsJson, app, facade, print_json, say
from curate.wrong_labels import rests_on, tell_wrong_labels

if TYPE_CHECKING:
    from curate.rounds.plan import NextRound
    from db.reviews.status import BatchStatus


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show where the round stands and what to type next.

    Example: curate status
    """
    round_status = facade(context).status()
    if as_json:
        print_json(round_status.as_record())
        return
    counted, left, another = round_status.status, round_status.left, round_status.another
    counts = ", ".join(f"{n} {name}" for name, n in counted.artworks.items()) or "none yet"
    typer.echo(f"artworks: {counts}")
    if counted.run is not None:
        since = " (labels have changed since)" if counted.labels_changed else ""
        issues = ", ".join(f"{n} {state}" for state, n in counted.issues.items()) or "none"
        typer.echo(f"newest run: {counted.run}{since}; label issues: {issues}")
    for turn in counted.rounds:
        _batch(turn)
    if taken_back := [str(turn.batch) for turn in counted.rounds if turn.taken_back]:
        typer.echo(f"taken back before anybody answered: batch {', '.join(taken_back)}")
    if left is not None:
        typer.echo(tell_wrong_labels(left))
    if another is not None:
        typer.echo(_another_round(another))
    say(f"Next: {round_status.next}")


def _batch(turn: BatchStatus) -> None:
    """Say what came of a batch; of one that was taken back, nothing."""
    if turn.taken_back:
        return
    share = f", {turn.errors / turn.reviewed:.0%} of {turn.reviewed} verdicts" if turn.reviewed else ""
    typer.echo(
        f"batch {turn.batch} (run {turn.run}): {turn.artworks} artworks, {turn.done} reviewed, "
        f"{turn.open} open; {turn.errors} errors found{share}; "
        f"{turn.expected_yield:.1f} were expected"
    )
    if turn.abandoned:
        say(
            f"  no answer for {turn.idle_days} days, {turn.open} artworks wait: "
            f"{turn.brought_in_by}, or take it back: curate push --cancel {turn.batch}"
        )


def _another_round(another: NextRound) -> str:
    """Say in a line whether another round pays."""
    last = f"; the last gave {another.last:.2f}" if another.last is not None else ""
    return (
        f"another round: {another.expected:.0f} wrong labels expected in {another.reviews} reviews, "
        f"{another.expected / another.reviews:.2f} a review "
        f"({rests_on(another.verdicts, another.assumed)}){last}: "
        f"it {'pays' if another.pays else 'hardly pays'}"
    )
