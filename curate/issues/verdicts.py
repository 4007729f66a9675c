"""Let what reviewers found correct the fusion, as far as it is enough to tell."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from curate.issues.columns import Findings, Floats, Ints
from curate.issues.evidence import Witnesses
from curate.issues.fusion import Fused

FEWEST = 30  # findings; fewer move nothing
CENTRE = np.array([0.0, 1.0, 0.0])  # leave the fusion's log-odds as they are
STIFFNESS = np.array([1.0, 4.0, 4.0])  # how strongly each coefficient is drawn to that


def learn_from(findings: Findings, witnesses: Witnesses, fused: Fused) -> Floats:
    """Return the fusion's probabilities that labels are wrong, corrected by findings.

    A logistic regression of the findings on the fusion's log-odds and on the model's log-probability of
    the label, drawn to leaving the log-odds as they are: fifty findings shift them, two hundred can also
    stretch them. A corrected label is judged as it stood when the reviewer was asked: what the witnesses
    say of an artwork does not depend on its own label.
    """
    usable = np.isin(findings.rows, fused.rows) & (findings.given >= 0)
    rows, given = findings.rows[usable], findings.given[usable]
    if len(rows) < FEWEST or fused.judge is None:
        return fused.wrong
    then = _inputs(witnesses, rows, given, fused.judge(rows, given))
    truth = findings.wrong[usable].astype(np.float64)

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = then @ weights
        away = weights - CENTRE
        value = np.logaddexp(0.0, logits).sum() - truth @ logits + 0.5 * STIFFNESS @ away**2
        slope = then.T @ (1.0 / (1.0 + np.exp(-logits)) - truth) + STIFFNESS * away
        return float(value), slope

    found = minimize(loss, CENTRE, jac=True, method="L-BFGS-B").x
    now = _inputs(witnesses, fused.rows, witnesses.column.labels[fused.rows], fused.wrong)
    corrected: Floats = 1.0 / (1.0 + np.exp(-(now @ found)))
    return corrected


def _inputs(witnesses: Witnesses, rows: Ints, given: Ints, wrong: Floats) -> Floats:
    """Return a constant, the fusion's log-odds and the centred log-probability of the label, ``(n, 3)``."""
    bounded = np.clip(wrong, 1e-5, 1 - 1e-5)
    confidence = np.log(np.clip(witnesses.column.pred_probs[rows, given], 1e-4, 1.0)).astype(np.float64)
    odds = np.log(bounded) - np.log(1.0 - bounded)
    return np.stack([np.ones(len(rows)), odds, (confidence + 2.0) / 2.0], axis=1)
