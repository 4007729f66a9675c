"""Which labels are probably wrong, how probably, and why: numpy in, numpy out.

A name is imported from its module when it is first asked for: most commands want an estimate, not scipy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.lazy import lazy_names

if TYPE_CHECKING:
    from curate.issues.base_models.neighbours import Neighbours, find_neighbours
    from curate.issues.base_models.quality import self_confidence
    from curate.issues.columns import (
        ATYPICAL,
        IMPORTED,
        REVIEWED,
        Estimate,
        Findings,
        LabelColumn,
        LabelScores,
        evidence_only,
    )
    from curate.issues.estimates import Forecast, errors_left, expected_wrong, forecast_yield
    from curate.issues.order import artwork_order, expected_errors, review_order
    from curate.issues.outliers import atypical_scores, below_threshold, outlier_scores, unusable_scores
    from curate.issues.scoring import score_labels

__all__ = [
    "ATYPICAL",
    "IMPORTED",
    "REVIEWED",
    "Estimate",
    "Findings",
    "Forecast",
    "LabelColumn",
    "LabelScores",
    "Neighbours",
    "artwork_order",
    "atypical_scores",
    "below_threshold",
    "errors_left",
    "evidence_only",
    "expected_errors",
    "expected_wrong",
    "find_neighbours",
    "forecast_yield",
    "outlier_scores",
    "review_order",
    "score_labels",
    "self_confidence",
    "unusable_scores",
]

__getattr__ = lazy_names(
    __name__,
    {
        "columns": (
            "ATYPICAL",
            "IMPORTED",
            "REVIEWED",
            "Estimate",
            "Findings",
            "LabelColumn",
            "LabelScores",
            "evidence_only",
        ),
        "estimates": ("Forecast", "errors_left", "expected_wrong", "forecast_yield"),
        "order": ("artwork_order", "expected_errors", "review_order"),
        "outliers": ("atypical_scores", "below_threshold", "outlier_scores", "unusable_scores"),
        "scoring": ("score_labels",),
        "base_models.neighbours": ("Neighbours", "find_neighbours"),
        "base_models.quality": ("self_confidence",),
    },
)
