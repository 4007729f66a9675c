"""Let what reviewers found correct the judgement, as far as it is enough to tell."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from curate.issues.columns import Findings, Floats, Ints, LabelColumn
from curate.issues.planted.learning import Judged

FEWEST = 30  # findings; fewer move nothing
FLAGGED = -3.0  # log-odds from which on a label counts as flagged; findings about flagged labels
# say nothing about the others, so the correction fades out below
STIFFNESS = np.array([0.5, 4.0, 4.0])  # how strongly shift, stretch and weight of the model are drawn to 0


def learn_from(findings: Findings, column: LabelColumn, judged: Judged) -> Floats:
    """Return the estimated probabilities that labels are wrong, corrected by findings.

    A logistic regression of the findings with the estimated log-odds as they are, to which it may add a
    shift, a stretch and a part of the model's log-probability of the label, each drawn to nothing: fifty
    findings shift the odds, two hundred can also stretch them. A corrected label is judged as it stood when
    the reviewer was asked: what the base models say of an artwork does not depend on its own label.
    """
    findings = findings.among(judged.rows)
    rows, given = findings.rows, findings.given
    if len(rows) < FEWEST or judged.judge is None:
        return judged.wrong
    odds, inputs = _inputs(column, rows, given, judged.judge(rows, given))
    truth = findings.wrong.astype(np.float64)

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = odds + inputs @ weights
        value = np.logaddexp(0.0, logits).sum() - truth @ logits + 0.5 * STIFFNESS @ weights**2
        slope = inputs.T @ (1.0 / (1.0 + np.exp(-logits)) - truth) + STIFFNESS * weights
        return float(value), slope

    bounds = [(-6.0, 6.0), (-0.95, 3.0), (-3.0, 3.0)]  # a stretch below -1 would turn the order round
    weights = minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B", bounds=bounds).x
    odds, inputs = _inputs(column, judged.rows, column.labels[judged.rows], judged.wrong)
    corrected: Floats = 1.0 / (1.0 + np.exp(-(odds + inputs @ weights)))
    return corrected


def _inputs(column: LabelColumn, rows: Ints, given: Ints, wrong: Floats) -> tuple[Floats, Floats]:
    """Return the estimated log-odds, shape ``(n,)``, and what may be added to them, shape ``(n, 3)``."""
    bounded = np.clip(wrong, 1e-5, 1 - 1e-5)
    odds: Floats = np.log(bounded) - np.log(1.0 - bounded)
    confidence = np.log(np.clip(column.pred_probs[rows, given], 1e-4, 1.0)).astype(np.float64)
    flagged = 1.0 / (1.0 + np.exp(-2.0 * (odds - FLAGGED)))
    stretched = np.maximum(odds - FLAGGED, 0.0)
    return odds, np.stack([flagged, stretched, flagged * (confidence + 2.0) / 2.0], axis=1)
