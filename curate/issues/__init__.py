"""Which labels to doubt, how far, and why: numpy in, numpy out."""

from curate.issues.columns import ATYPICAL, IMPORTED, REVIEWED, Findings, LabelColumn, LabelScores
from curate.issues.quality import self_confidence
from curate.issues.scoring import score_labels

__all__ = [
    "ATYPICAL",
    "IMPORTED",
    "REVIEWED",
    "Findings",
    "LabelColumn",
    "LabelScores",
    "score_labels",
    "self_confidence",
]
