"""The catalog's invariants: each holds, or says how many rows break it and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.labels import choose, derive, live_labels
from db.models import (
    LABELLING_DECISIONS,
    Artwork,
    EffectiveLabel,
    Issue,
    Label,
    Prediction,
    Run,
    Task,
    Verdict,
)
from db.runs import arrays_digest, run_folder
from db.workspace import Workspace


@dataclass(frozen=True)
class Finding:
    """One invariant; ``broken`` counts what breaks it."""

    name: str
    broken: int
    mend: str


def check_catalog(session: Session, workspace: Workspace) -> list[Finding]:
    """Check every invariant of the catalog."""
    return [
        Finding("the database file is sound", _damaged(session), "restore a backup"),
        Finding(
            "effective labels follow from the label rows",
            _underived(session),
            "run `curate check --mend`",
        ),
        Finding(
            "every verdict that names a class has its label",
            _verdicts_without_label(session),
            "restore a backup",
        ),
        Finding(
            "every label of a reviewer has its verdict",
            _count(
                session,
                select(func.count(Label.id))
                .where(Label.verdict_id.is_not(None))
                .where(Label.verdict_id.not_in(select(Verdict.id))),
            ),
            "restore a backup",
        ),
        Finding(
            "at most one open task for each artwork and purpose",
            _count(
                session,
                select(func.count()).select_from(
                    select(Task.artwork_id)
                    .where(Task.state == "open")
                    .group_by(Task.artwork_id, Task.purpose)
                    .having(func.count() > 1)
                    .subquery()
                ),
            ),
            "run `curate sync-corrections --full`",
        ),
        Finding(
            "every prediction belongs to a complete run",
            _count(
                session, select(func.count()).select_from(Prediction).join(Run).where(Run.state != "complete")
            ),
            "restore a backup",
        ),
        Finding(
            "every pushed issue has its task",
            _count(
                session,
                select(func.count(Issue.id))
                .where(Issue.state == "pushed")
                .where(Issue.artwork_id.not_in(select(Task.artwork_id))),
            ),
            "run `curate push` again",
        ),
        Finding(
            "the arrays of every run are as they were written",
            _arrays(session, workspace),
            "restore runs/ from a backup, or run `curate train`",
        ),
    ]


def derive_all(session: Session) -> int:
    """Derive every effective label anew; return how many classes changed."""
    return derive(session, session.scalars(select(Artwork.id)))


def _count(session: Session, statement: object) -> int:
    return int(session.scalar(statement) or 0)  # type: ignore[call-overload]


def _damaged(session: Session) -> int:
    if session.get_bind().dialect.name != "sqlite":
        return 0
    bad = [row for row in session.execute(text("PRAGMA integrity_check")).scalars() if row != "ok"]
    return len(bad) + len(session.execute(text("PRAGMA foreign_key_check")).all())


def _underived(session: Session) -> int:
    """Count effective labels that differ from what the rule gives."""
    ids = list(session.scalars(select(Artwork.id)))
    expected = {key: best for key, facts in live_labels(session, ids).items() if (best := choose(facts))}
    found = {(row.artwork_id, row.attribute_id): row for row in session.scalars(select(EffectiveLabel))}
    return sum(
        key not in found
        or key not in expected
        or (found[key].class_id, found[key].label_id) != (expected[key].class_id, expected[key].label_id)
        for key in expected.keys() | found.keys()
    )


def _verdicts_without_label(session: Session) -> int:
    labelled = select(Label.verdict_id).where(Label.verdict_id.is_not(None))
    return _count(
        session,
        select(func.count(Verdict.id)).where(
            Verdict.decision.in_(LABELLING_DECISIONS),
            Verdict.class_id.is_not(None),
            Verdict.id.not_in(labelled),
        ),
    )


def _arrays(session: Session, workspace: Workspace) -> int:
    complete = session.scalars(select(Run).where(Run.state == "complete"))
    return sum(
        arrays_digest(run_folder(session, workspace, run.uuid)) != run.arrays_digest for run in complete
    )
