"""How good a run is: its out-of-sample predictions against the labels, in scikit-learn's numbers."""

from curate.evaluation.comparison import AttributeComparison, Comparison, compare_runs
from curate.evaluation.metrics import Interval, LabelMetrics, evaluate_labels
from curate.evaluation.predictions import AttributePredictions, RunPredictions, read_predictions
from curate.evaluation.run import AttributeEvaluation, Confusion, RunEvaluation, evaluate_run

__all__ = [
    "AttributeComparison",
    "AttributeEvaluation",
    "AttributePredictions",
    "Comparison",
    "Confusion",
    "Interval",
    "LabelMetrics",
    "RunEvaluation",
    "RunPredictions",
    "compare_runs",
    "evaluate_labels",
    "evaluate_run",
    "read_predictions",
]
