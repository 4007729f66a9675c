"""What evaluation reads beside the labels that count: whose probability it is, and what imports said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.classes.classes import attributes, class_list
from db.decision_rules import FOUND_WRONG, JUDGES_LABEL
from db.labels.effective import choose, live_labels
from db.labels.table import LabelTable
from db.models import EffectiveLabel, Issue, Prediction, Run, RunAttribute, Verdict
from db.provenance import OUT_OF_SAMPLE


def out_of_sample(session: Session, run: Run, attribute_id: int) -> NDArray[np.int64]:
    """Return the ids of the artworks that a run predicted without having seen their label, ascending."""
    ids = session.scalars(
        select(Prediction.artwork_id).where(
            Prediction.run_id == run.id,
            Prediction.attribute_id == attribute_id,
            Prediction.provenance.in_(OUT_OF_SAMPLE),
        )
    ).all()
    return np.sort(np.array(ids, dtype=np.int64))


def imported_labels(session: Session, table: LabelTable) -> dict[str, NDArray[np.int64]]:
    """Return the labels as they would stand had nobody reviewed any, in the form of ``table.labels``.

    Only the labels that a person decided are derived again, so this costs what was reviewed.
    """
    imported = {name: labels.copy() for name, labels in table.labels.items()}
    for attribute in attributes(session):
        current = class_list(session, attribute).current
        reviewed = session.scalars(
            select(EffectiveLabel.artwork_id).where(
                EffectiveLabel.attribute_id == attribute.id, EffectiveLabel.authority != "import"
            )
        ).all()
        facts = live_labels(session, reviewed)
        for artwork_id, row in zip(reviewed, table.rows_of(np.array(reviewed, dtype=np.int64)), strict=True):
            said = [fact for fact in facts[artwork_id, attribute.id] if fact.authority == "import"]
            best = choose(said, current)
            if row >= 0:
                imported[attribute.name][row] = -1 if best is None else current[best.class_id]
    return imported


def audit_answers(session: Session) -> dict[str, tuple[int, int]]:
    """Return by attribute how many audited labels were answered, and how many of them were changed.

    Audited artworks are a uniform sample, so the share that was changed estimates the errors of all.
    """
    names = {attribute.id: attribute.name for attribute in attributes(session)}
    rows = session.execute(
        select(Verdict.attribute_id, Verdict.decision, func.count())
        .where(
            Verdict.purpose == "audit", Verdict.superseded_at.is_(None), Verdict.decision.in_(JUDGES_LABEL)
        )
        .group_by(Verdict.attribute_id, Verdict.decision)
    ).all()
    answers: dict[str, tuple[int, int]] = {}
    for attribute_id, decision, count in rows:
        if attribute_id is not None:
            asked, wrong = answers.get(names[attribute_id], (0, 0))
            changed = count if decision in FOUND_WRONG else 0
            answers[names[attribute_id]] = (asked + count, wrong + changed)
    return answers


def run_metrics(session: Session) -> list[tuple[Run, dict[str, dict[str, float]]]]:
    """Return every complete run with the metrics it was stored with, oldest first."""
    names = {attribute.id: attribute.name for attribute in attributes(session)}
    rows = session.execute(
        select(Run, RunAttribute)
        .join(RunAttribute, RunAttribute.run_id == Run.id)
        .where(Run.state == "complete")
        .order_by(Run.id)
    ).all()
    by_run: dict[int, tuple[Run, dict[str, dict[str, float]]]] = {}
    for run, attribute in rows:
        _, metrics = by_run.setdefault(run.id, (run, {}))
        metrics[names[attribute.attribute_id]] = attribute.metrics
    return list(by_run.values())


def label_scores(session: Session, run: Run) -> NDArray[np.float64]:
    """Return the score of every label that a run scored, all attributes together, worst first."""
    scores = session.scalars(
        select(Prediction.score).where(Prediction.run_id == run.id, Prediction.score.is_not(None))
    ).all()
    return np.sort(np.array(scores, dtype=np.float64))


def count_issues_of(session: Session, run: Run, kind: str) -> int:
    """Return how many issues of a kind a run has, whatever became of them."""
    total = session.scalar(select(func.count(Issue.id)).where(Issue.run_id == run.id, Issue.kind == kind))
    return total or 0
