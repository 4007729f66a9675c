"""Which labels to doubt, how far, and why: numpy in, numpy out."""

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
