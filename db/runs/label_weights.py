"""How much each label counts in training, by how likely an earlier run says that it is right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes.classes import attributes, class_list
from db.labels.table import IMPORTED, LabelTable
from db.models import Prediction, Run
from db.runs.runs import find_run
from db.workspace.train_settings import TrainSettings

WRONG_BELOW = 0.5
"""A label with a smaller chance of being right is rather wrong; ``drop_doubtful`` leaves it out."""


def label_weights(
    session: Session, settings: TrainSettings, table: LabelTable
) -> tuple[TrainSettings, dict[str, NDArray[np.float32]]]:
    """Return how much each label counts, by attribute ``(N,)``, and settings that name whose word it is.

    Without ``drop_doubtful`` and ``weight_by_score`` nothing: all labels count the same. A label without a
    score counts fully.

    Raises:
        NoRunYet, RunNotFound: There is no complete run, or not that one.
    """
    if not (settings.drop_doubtful or settings.weight_by_score):
        return settings, {}
    run = find_run(session, settings.trust_run or None, "train --drop-doubtful or --weight-by-score")
    weights = {}
    for name, scores in label_scores(session, run, table).items():
        p_right = np.nan_to_num(scores, nan=1.0)
        counts = p_right if settings.weight_by_score else np.ones_like(p_right)
        dropped = settings.drop_doubtful & (p_right < WRONG_BELOW)
        weights[name] = np.where(dropped, 0.0, counts).astype(np.float32)
    return settings.model_copy(update={"trust_run": run.id}), weights


def label_scores(session: Session, run: Run, table: LabelTable) -> dict[str, NDArray[np.float64]]:
    """Return a run's scores of the labels that stand, by attribute, shape ``(N,)``, in [0, 1].

    NaN where the run didn't score the label, where another label stands since, and where a reviewer has
    spoken, whose word counts more than a score.
    """
    scores: dict[str, NDArray[np.float64]] = {}
    for attribute in attributes(session):
        current = class_list(session, attribute).current
        predictions = session.execute(
            select(Prediction.artwork_id, Prediction.class_id, Prediction.score).where(
                Prediction.run_id == run.id,
                Prediction.attribute_id == attribute.id,
                Prediction.class_id.is_not(None),
                Prediction.score.is_not(None),
            )
        ).all()
        rows = table.rows_of(np.array([row.artwork_id for row in predictions], dtype=np.int64))
        given = np.array([current[row.class_id] for row in predictions], dtype=np.int64)
        score = np.array([row.score for row in predictions], dtype=np.float64)
        labels, state = table.labels[attribute.name], table.review_state[attribute.name]
        stands = (rows >= 0) & (labels[rows] == given) & (state[rows] == IMPORTED)
        scores[attribute.name] = np.full(len(table), np.nan)
        scores[attribute.name][rows[stands]] = score[stands]
    return scores
