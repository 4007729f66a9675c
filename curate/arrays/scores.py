"""The one place where arrays meet the ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curate.issues import LabelColumn, LabelScores, score_labels
from curate.issues.columns import Ints


def score(
    columns: Sequence[LabelColumn],
    groups: Ints,
    embedding: NDArray[np.float32] | None,
    folds: Ints | None,
    seed: int,
) -> dict[str, LabelScores]:
    """Score every label; the order of the attributes makes no difference."""
    in_order = sorted(columns, key=lambda column: column.attribute)
    return score_labels(in_order, groups=groups, embedding=embedding, folds=folds, seed=seed)
