"""Which labels to doubt, how far, and why: numpy in, numpy out."""

from curate.issues.columns import ATYPICAL, IMPORTED, REVIEWED, Findings, LabelColumn, LabelScores
from curate.issues.estimates import Estimate, errors_left, expected_yield
from curate.issues.neighbours import Neighbours, find_neighbours
from curate.issues.order import artwork_order, expected_errors, soft_min
from curate.issues.outliers import atypical_scores, below_threshold, outlier_scores
from curate.issues.quality import self_confidence
from curate.issues.scoring import score_labels

__all__ = [
    "ATYPICAL",
    "IMPORTED",
    "REVIEWED",
    "Estimate",
    "Findings",
    "LabelColumn",
    "LabelScores",
    "Neighbours",
    "artwork_order",
    "atypical_scores",
    "below_threshold",
    "errors_left",
    "expected_errors",
    "expected_yield",
    "find_neighbours",
    "outlier_scores",
    "score_labels",
    "self_confidence",
    "soft_min",
]
