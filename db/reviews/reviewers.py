"""How well and how fast people review: their answers, their controls, and whether others agree with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.decision_rules import GIVES_LABEL
from db.models import REVIEW_FORMS, Annotation, ControlAnswer, EffectiveLabel, Reviewer, Verdict


@dataclass(frozen=True)
class ReviewerRow:
    """One reviewer in numbers.

    Attributes:
        reviews: Answered tasks, and decisions made at this machine.
        verdicts: Decisions that stand.
        seconds: The median time for a review, None where the server told none.
        controls, controls_right: Answers to questions whose answer is known, and the right ones.
        compared, agreed: Labels that somebody else judged too, and those judged alike.
        forms: The verdicts and controls by how they were given: on single cards, or on contact sheets.
    """

    reviewer: str
    server: str
    user_id: str
    reviews: int
    verdicts: int
    seconds: float | None
    controls: int
    controls_right: int
    compared: int
    agreed: int
    forms: dict[str, FormCount]


@dataclass(frozen=True)
class FormCount:
    """What one person said in one form."""

    verdicts: int
    controls: int
    controls_right: int


def reviewer_rows(session: Session) -> list[ReviewerRow]:
    """Return every reviewer, the busiest first."""
    verdicts: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in session.scalars(select(Verdict).where(Verdict.superseded_at.is_(None))):
        verdicts[verdict.reviewer_id].append(verdict)
    controls: Counter[int] = Counter()
    right: Counter[int] = Counter()
    by_form: Counter[tuple[int, str, bool]] = Counter()
    for row in session.execute(select(ControlAnswer.reviewer_id, ControlAnswer.form, ControlAnswer.correct)):
        controls[row.reviewer_id] += 1
        right[row.reviewer_id] += row.correct
        by_form[row.reviewer_id, row.form, row.correct] += 1
    answers = {
        row[0]: row[1]
        for row in session.execute(
            select(Annotation.reviewer_id, func.count())
            .where(Annotation.state == "accepted")
            .group_by(Annotation.reviewer_id)
        )
    }
    agreement = _agreement(verdicts)
    rows = []
    for person in session.scalars(select(Reviewer)):
        mine = verdicts.get(person.id, [])
        times = {v.annotation_id: v.seconds for v in mine if v.seconds is not None}
        compared, agreed = agreement.get(person.id, (0, 0))
        rows.append(
            ReviewerRow(
                reviewer=person.name,
                server=person.server,
                user_id=person.user_id,
                reviews=answers.get(person.id, 0),
                verdicts=len(mine),
                seconds=round(median(times.values()), 1) if times else None,
                controls=controls[person.id],
                controls_right=right[person.id],
                compared=compared,
                agreed=agreed,
                forms=_forms(person.id, mine, by_form),
            )
        )
    return sorted(rows, key=lambda row: (-row.reviews, row.reviewer))


def _forms(
    reviewer_id: int, mine: list[Verdict], controls: Counter[tuple[int, str, bool]]
) -> dict[str, FormCount]:
    """Return what a person said in each form that they used."""
    said = Counter(verdict.form for verdict in mine)
    counts = {}
    for form in REVIEW_FORMS:
        right, wrong = (controls[reviewer_id, form, correct] for correct in (True, False))
        if said[form] or right or wrong:
            counts[form] = FormCount(said[form], right + wrong, right)
    return counts


def _agreement(verdicts: dict[int, list[Verdict]]) -> dict[int, tuple[int, int]]:
    """Return, by reviewer, how many pairs of judgements of one label there are, and how many agree."""
    said: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    for reviewer_id, mine in verdicts.items():
        for verdict in mine:
            judged = verdict.decision in GIVES_LABEL and verdict.attribute_id is not None
            if judged and verdict.class_id is not None:
                said[verdict.artwork_id, verdict.attribute_id or 0][reviewer_id] = verdict.class_id
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for judgements in said.values():
        for reviewer_id, class_id in judgements.items():
            others = [other for person, other in judgements.items() if person != reviewer_id]
            counts[reviewer_id][0] += len(others)
            counts[reviewer_id][1] += sum(other == class_id for other in others)
    return {reviewer_id: (pairs[0], pairs[1]) for reviewer_id, pairs in counts.items()}


def judgements(session: Session, attribute_id: int) -> list[tuple[int, int, int]]:
    """Return the (artwork, reviewer, class) of each judgement of one attribute that stands."""
    rows = session.execute(
        select(Verdict.artwork_id, Verdict.reviewer_id, Verdict.class_id)
        .where(
            Verdict.attribute_id == attribute_id,
            Verdict.superseded_at.is_(None),
            Verdict.decision.in_(GIVES_LABEL),
            Verdict.class_id.is_not(None),
        )
        .order_by(Verdict.id)
    )
    return [(row[0], row[1], row[2] or 0) for row in rows]


def adjudicated_artworks(session: Session, attribute_id: int) -> set[int]:
    """Return the artworks whose label of one attribute somebody said the final word on."""
    return set(
        session.scalars(
            select(EffectiveLabel.artwork_id).where(
                EffectiveLabel.attribute_id == attribute_id, EffectiveLabel.authority == "adjudicated"
            )
        )
    )


def reviewer_names(session: Session) -> dict[int, str]:
    """Return the names of all reviewers by id."""
    return {row[0]: row[1] for row in session.execute(select(Reviewer.id, Reviewer.name))}
