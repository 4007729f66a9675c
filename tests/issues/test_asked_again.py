"""A label that a reviewer confirmed is asked about again only when the evidence has changed a lot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from curate.issues import LabelScores
from curate.training.label_issues import issue_rows_of
from db.classes.classes import find_attribute
from db.labels.table import REVIEWED
from db.models import Artwork, Issue, Run
from db.reviews.answering.answers import Answer, Decision
from db.reviews.answering.recording import record
from db.runs.issues import BEFORE_REVIEW, replace_issues
from db.runs.runs import start_run
from db.workspace.workspace import open_workspace
from tests.db.filled import fill

ASKED_AT = 0.125  # what every label's score is in the filled catalog: odds of 7 against it


def uphold(session: Session, artwork_id: int, decision: str, annotation: str = "1") -> None:
    style = find_attribute(session, "style").id
    answer = Answer(
        server="http://ls",
        annotation_id=annotation,
        artwork_id=artwork_id,
        reviewer=("7", "Ada"),
        updated_at=datetime(2026, 2, 1, tzinfo=UTC),
        decisions=[Decision(style, decision)],
    )
    record(session, [answer])
    session.flush()


def next_run(session: Session) -> Run:
    return start_run(session, backbone="b", protocol="p", seed=1, settings={}, digest="")


def issue(session: Session, artwork_id: int, before_review: float | None) -> dict[str, object]:
    """An issue of a later run; the score of a label that was confirmed says that it was."""
    was = session.execute(select(Issue).where(Issue.artwork_id == artwork_id)).scalars().first()
    assert was is not None
    return {
        "artwork_id": artwork_id,
        "attribute_id": was.attribute_id,
        "kind": "label",
        "score": 0.9 if before_review is not None else 0.001,
        "class_id": was.class_id,
        "suggested_id": was.suggested_id,
        "p_label": 0.1,
        "p_suggested": 0.8,
        "reason": "r",
        "evidence": {} if before_review is None else {BEFORE_REVIEW: before_review},
    }


@pytest.mark.parametrize(
    ("decision", "before_review", "asked"),
    [
        ("confirmed", ASKED_AT, False),
        ("confirmed", 1 / 69, False),  # odds of 68
        ("confirmed", 1 / 72, True),  # odds of 71: more than ten times the 7 that they were
        ("atypical", 1 / 72, False),
        ("atypical", 1 / 702, True),
        ("unsure", 1 / 5000, False),
    ],
)
def test_an_answered_label_is_asked_about_again_when_the_odds_have_grown(
    folder: Path, decision: str, before_review: float, asked: bool
) -> None:
    workspace = open_workspace(folder)
    fill(workspace)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        uphold(session, 8, decision)

        count = replace_issues(session, next_run(session), [issue(session, 8, before_review)])

        assert count == int(asked)


def test_what_an_older_run_kept_of_a_confirmed_label_is_still_read(folder: Path) -> None:
    workspace = open_workspace(folder)
    fill(workspace)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        older = {"state": "dismissed", "score": 0.9, "evidence": {"score_unheeded": 0.01}}
        session.execute(update(Issue).where(Issue.artwork_id == 8).values(**older))
        uphold(session, 8, "confirmed")

        rows = [issue(session, 8, score) for score in (1 / 900, 1 / 1100)]  # ten times the odds of 99 are 990
        counts = [replace_issues(session, next_run(session), [row]) for row in rows]

        assert counts == [0, 1]


def test_a_label_that_no_run_had_flagged_needs_ten_times_the_odds_of_an_issue(
    folder: Path,
) -> None:
    workspace = open_workspace(folder)
    fill(workspace)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        rows = [issue(session, 8, score) for score in (0.3, 0.27)]  # odds of 2.3 and 2.7; 0.8 has 0.25
        session.execute(update(Issue).where(Issue.artwork_id == 8).values(state="stale"))
        uphold(session, 8, "confirmed")

        counts = [replace_issues(session, next_run(session), [row]) for row in rows]

        assert counts == [0, 1]


def test_a_copy_of_a_confirmed_image_is_not_asked_about_either(folder: Path) -> None:
    workspace = open_workspace(folder)
    fill(workspace)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        label = session.scalars(select(Issue.class_id).where(Issue.artwork_id == 8)).one()
        copy = session.scalars(
            select(Issue.artwork_id).where(Issue.class_id == label, Issue.artwork_id > 8)
        ).first()
        assert copy is not None
        sha256 = session.get_one(Artwork, 8).sha256
        session.execute(update(Artwork).where(Artwork.id == copy).values(sha256=sha256))
        uphold(session, 8, "confirmed")

        weak = replace_issues(session, next_run(session), [issue(session, copy, 0.1)])
        strong = replace_issues(session, next_run(session), [issue(session, copy, 0.01)])

        assert (weak, strong) == (0, 1)


def test_a_verdict_that_came_while_the_run_was_training_is_heeded(folder: Path) -> None:
    workspace = open_workspace(folder)
    fill(workspace)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        before = issue(session, 8, None) | {"score": ASKED_AT}
        uphold(session, 8, "confirmed")

        assert replace_issues(session, next_run(session), [before]) == 0


def test_confirmed_labels_are_offered_only_where_the_evidence_speaks_against_them() -> None:
    score = np.array([0.9, 0.9, 0.1, 0.95])
    before = np.array([0.1, 0.85, 0.1, 0.95])
    review_state = np.array([REVIEWED, REVIEWED, 0, 0], dtype=np.int8)
    scored = LabelScores("style", score, np.ones(4, dtype=np.int64), score, score, before_review=before)

    rows = issue_rows_of(scored, review_state)

    assert rows.tolist() == [2, 3, 0]  # of the imported ones, the worst twenty
