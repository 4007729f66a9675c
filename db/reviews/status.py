"""Where the round stands, in counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from db.classes.classes import merged_classes
from db.decision_rules import FOUND_WRONG
from db.labels.effective import LabelFact, choose, live_labels
from db.models import Artwork, Batch, BatchItem, ClassChange, Issue, Label, Run, Task, Verdict, now

MANY = 2000
"""Artworks with labels newer than the run, above which nobody looks whether they say something new."""

SHEET = "sheet"
"""What a batch calls its server that is a sheet to fill in."""

ABANDONED_DAYS = 14
"""Without an answer a batch is taken for abandoned after this many days."""


@dataclass(frozen=True)
class BatchStatus:
    """One batch and what came of it so far.

    Attributes:
        artworks, open, done, withdrawn: Its artworks, and the states of their tasks.
        answered: Artworks whose ranked review was answered.
        reviewed: Labels judged in these reviews; ``errors`` of them were found wrong.
        idle_days: Since it was sent, or since the last answer.
        sheet: Whether it is a sheet to fill in, not tasks at a server.
    """

    batch: int
    run: int
    artworks: int
    open: int
    done: int
    withdrawn: int
    expected_yield: float
    answered: int
    reviewed: int
    errors: int
    idle_days: int = 0
    sheet: bool = False

    @property
    def taken_back(self) -> bool:
        """Whether all of it was withdrawn before anybody answered."""
        return self.withdrawn > 0 and not (self.open or self.done or self.answered)

    @property
    def brought_in_by(self) -> str:
        """The command that reads its answers."""
        return "curate sync-corrections" + (" --from SHEET" if self.sheet else "")

    @property
    def abandoned(self) -> bool:
        """Whether it waits for answers that hardly come any more."""
        return self.open > 0 and self.idle_days >= ABANDONED_DAYS


@dataclass(frozen=True)
class Status:
    """The catalog in counts.

    Attributes:
        labels_changed: Whether labels differ from those that the newest run saw.
        run_settings: What the newest run was trained with.
    """

    artworks: dict[str, int]
    run: int | None
    labels_changed: bool
    issues: dict[str, int]
    rounds: list[BatchStatus]
    run_settings: dict[str, Any] | None = None

    def next_step(self) -> str:
        """Return the command that goes on from here."""
        if not self.artworks:
            return "curate ingest SOURCE"
        if self.run is None:
            return "curate train"
        last = next((turn for turn in reversed(self.rounds) if not turn.taken_back), None)
        if last is not None and last.open:
            return last.brought_in_by
        if self.labels_changed:
            return "curate train"
        if self.issues.get("open"):
            return "curate push"
        return "curate export OUT"


def read_status(session: Session) -> Status:
    """Count everything that a person wants to know between two commands."""
    artworks = session.execute(select(Artwork.status, func.count()).group_by(Artwork.status)).all()
    run = session.scalars(select(Run).where(Run.state == "complete").order_by(Run.id.desc()).limit(1)).first()
    issues = session.execute(
        select(Issue.state, func.count())
        .where(Issue.kind == "label", Issue.run_id == (run.id if run else None))
        .group_by(Issue.state)
    ).all()
    return Status(
        artworks={row[0]: row[1] for row in artworks},
        run=run.id if run else None,
        labels_changed=run is not None and labels_changed(session, run),
        issues={row[0]: row[1] for row in issues},
        rounds=_rounds(session),
        run_settings=dict(run.settings) if run else None,
    )


def labels_changed(session: Session, run: Run) -> bool:
    """Return whether a label differs from the one that the run saw.

    Only artworks of which somebody said something since are looked at; where these are many, they differ.
    """
    merged = select(ClassChange.id).where(
        ClassChange.kind == "merged", ClassChange.created_at > run.created_at
    )
    if session.scalar(merged.limit(1)) is not None:
        return True
    touched = session.scalars(
        select(Label.artwork_id)
        .join(Artwork, Artwork.id == Label.artwork_id)
        .where(Label.id > run.labels_seen, Artwork.status == "ok")
        .distinct()
        .limit(MANY + 1)
    ).all()
    if len(touched) > MANY:
        return True
    before = live_labels(session, touched, newest=run.labels_seen)
    after = live_labels(session, touched)
    classes = merged_classes(session)
    return any(
        _class_of(before.get(key, ()), classes) != _class_of(after.get(key, ()), classes)
        for key in before.keys() | after.keys()
    )


def _class_of(facts: Sequence[LabelFact], merged: Mapping[int, int]) -> int | None:
    best = choose(facts, merged)
    return merged.get(best.class_id, best.class_id) if best else None


def _rounds(session: Session) -> list[BatchStatus]:
    """Count the tasks and verdicts of all batches, four queries in all."""
    items = {
        row[0]: int(row[1])
        for row in session.execute(
            select(BatchItem.batch_id, func.count(BatchItem.id)).group_by(BatchItem.batch_id)
        )
    }
    states = {
        (row[0], row[1]): int(row[2])
        for row in session.execute(
            select(Task.batch_id, Task.state, func.count()).group_by(Task.batch_id, Task.state)
        )
    }
    ranked = (Verdict.superseded_at.is_(None), Verdict.purpose == "review", Verdict.batch_id.is_not(None))
    decisions: dict[int, dict[str, int]] = {}
    for batch_id, decision, n in session.execute(
        select(Verdict.batch_id, Verdict.decision, func.count())
        .where(*ranked)
        .group_by(Verdict.batch_id, Verdict.decision)
    ):
        decisions.setdefault(batch_id or 0, {})[decision] = n
    answered = {
        row[0]: int(row[1])
        for row in session.execute(
            select(Verdict.batch_id, func.count(distinct(Verdict.artwork_id)))
            .where(*ranked)
            .group_by(Verdict.batch_id)
        )
    }
    latest = {
        row[0]: row[1]
        for row in session.execute(
            select(Verdict.batch_id, func.max(Verdict.created_at))
            .where(Verdict.batch_id.is_not(None))
            .group_by(Verdict.batch_id)
        )
    }
    return [
        BatchStatus(
            batch=batch.id,
            run=batch.run_id,
            artworks=items.get(batch.id, 0),
            open=states.get((batch.id, "open"), 0),
            done=states.get((batch.id, "done"), 0),
            withdrawn=states.get((batch.id, "withdrawn"), 0),
            expected_yield=batch.expected_yield,
            answered=answered.get(batch.id, 0),
            reviewed=sum(decisions.get(batch.id, {}).values()),
            errors=sum(decisions.get(batch.id, {}).get(word, 0) for word in FOUND_WRONG),
            idle_days=(now() - max(batch.created_at, latest.get(batch.id, batch.created_at))).days,
            sheet=batch.server == SHEET,
        )
        for batch in session.scalars(select(Batch).order_by(Batch.id))
    ]
