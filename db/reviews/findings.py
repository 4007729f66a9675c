"""What reviewers found right and wrong, as arrays: what the ranking of labels learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes.classes import attributes, class_list
from db.decision_rules import FOUND_WRONG, JUDGES_LABEL
from db.models import Verdict


@dataclass(frozen=True)
class ReviewedLabels:
    """Decisions on one attribute, V of them: the artwork, the class asked about, whether it was wrong."""

    artwork_ids: NDArray[np.int64]
    given_ids: NDArray[np.int64]
    wrong: NDArray[np.bool_]


def reviewed_labels(session: Session) -> dict[str, ReviewedLabels]:
    """Return what reviewers found, by attribute; answers to controls are not among them."""
    by_attribute = {}
    for attribute in attributes(session):
        current = class_list(session, attribute).current
        rows = session.execute(
            select(Verdict.artwork_id, Verdict.given_id, Verdict.decision)
            .where(
                Verdict.attribute_id == attribute.id,
                Verdict.superseded_at.is_(None),
                Verdict.given_id.is_not(None),
                Verdict.decision.in_(JUDGES_LABEL),
                Verdict.purpose != "control",
            )
            .order_by(Verdict.id)
        ).all()
        by_attribute[attribute.name] = ReviewedLabels(
            np.array([row.artwork_id for row in rows], dtype=np.int64),
            np.array([current[row.given_id] for row in rows], dtype=np.int64),
            np.array([row.decision in FOUND_WRONG for row in rows], dtype=np.bool_),
        )
    return by_attribute
