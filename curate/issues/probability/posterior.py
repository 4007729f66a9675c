"""The chance that a label is wrong, from the pooled base models alone: what can be told without planting.

By Bayes, a label k is wrong with odds proportional to ``sum over c != k of q_c T_ck``, over ``q_k T_kk``: q
is the chance of each class given the image, T what each class is mislabelled as. Where any other class is as
likely to be written by mistake this is the order of self-confidence; where one class is, that of the margin;
where commoner classes are written more often, a rare one is less suspicious. Which of these holds
cannot be told from the labels alone, so the order lies between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curate.issues.base_models.closed_form import Matrix
from curate.issues.base_models.evidence import BaseModels, Refit, chunks, log_of, normalised
from curate.issues.base_models.quality import label_temperature
from curate.issues.columns import Floats, Ints

MARGIN = 0.3  # from 0, self-confidence, to 1, the margin over the likeliest other class
TO_COMMON = 0.25  # from 0, any class is written by mistake alike, to 1, each by its share of the labels
WEIGHTS = {"gaussians": 3.0, "neighbours": 1.0}  # of the models, the run's own 1
TRAINING_MARGIN = 0.4
"""What the margin in training counts, in spreads of the log-odds. A model that learns an image late, or not
at all, speaks against its label (Pleiss et al., "Identifying mislabeled data using the area under the margin
ranking", NeurIPS 2020)."""
TEMPERATURE_ON = 5_000  # labels; enough for one number
SPREAD = 1.349  # between the quartiles, in standard deviations of a normal distribution


@dataclass(frozen=True)
class Posterior:
    """The pooled chance of each class, and what speaks against labels by it.

    Attributes:
        refit: The base models.
        rows: The scorable artworks, shape ``(n,)``.
        log_probs: Pooled log-probabilities of the classes at ``rows``, shape ``(n, K)``.
        marginal: Share of each class among the labels, shape ``(K,)``.
    """

    refit: Refit
    rows: Ints
    log_probs: Matrix
    marginal: Floats

    def log_odds(self, places: Ints, given: Ints) -> Floats:
        """Return how far the evidence speaks against labels, up to a constant, shape ``(len(places),)``.

        Args:
            places: Places in ``rows``.
            given: The label to judge at each, whichever it bears.
        """
        against = np.empty(len(places))
        common = TO_COMMON * np.log(np.maximum(self.marginal, 1e-9))
        for some in chunks(len(places), self.log_probs.shape[1]):
            logs = normalised((self.log_probs[places[some]] - common).astype(np.float32))
            at = np.arange(len(logs))
            own = logs[at, given[some]].copy()
            logs[at, given[some]] = -np.inf
            best = logs.max(axis=1) if logs.shape[1] > 1 else own
            against[some] = MARGIN * best - own
        return against

    def suggested(self) -> Ints:
        """Return the likeliest class that is not the given one, shape ``(n,)``; -1 where there is none."""
        if self.log_probs.shape[1] < 2:
            return np.full(len(self.rows), -1, dtype=np.int64)
        best = np.empty(len(self.rows), dtype=np.int64)
        labels = self.refit.labels[self.rows]
        for some in chunks(len(best), self.log_probs.shape[1]):
            others = self.log_probs[some].copy()
            others[np.arange(len(others)), labels[some]] = -np.inf
            best[some] = others.argmax(axis=1)
        return best


def pool_images(refit: Refit) -> Posterior:
    """Pool the base models that read the image, each at its own temperature, and calibrate the result.

    The weights are fixed: those under which the labels are likeliest prefer the model that has learnt the
    wrong ones too.
    """
    models = refit.models
    rows = np.flatnonzero(models.column.scorable)
    logs = np.empty((len(rows), models.width), dtype=np.float32)
    for some in chunks(len(rows), models.width):
        logs[some] = _mean_logs(refit, rows[some])
    labels = models.column.labels[rows]
    sample = np.unique(np.linspace(0, max(len(rows) - 1, 0), TEMPERATURE_ON).astype(np.int64))[: len(rows)]
    temperature = label_temperature(labels[sample], np.exp(logs[sample]), highest=50.0)
    for some in chunks(len(rows), models.width):
        logs[some] = normalised(logs[some] / np.float32(temperature))
    return Posterior(refit, rows, logs, refit.marginal)


def _mean_logs(refit: Refit, rows: Ints) -> Matrix:
    models = refit.models
    own = normalised(log_of(models.column.pred_probs[rows]) / np.float32(models.temperature))
    by_model = refit.image_log_probs(rows)
    each = [(1.0, own), *((WEIGHTS[name], logs) for name, logs in by_model.items())]
    total = np.sum([np.float32(weight) * logs for weight, logs in each], axis=0)
    return normalised((total / sum(weight for weight, _ in each)).astype(np.float32))


def against_in_training(models: BaseModels, rows: Ints, spread: float) -> Floats:
    """Return what the margins in training add to the log-odds at ``rows``; 0 where none was kept."""
    margins = models.column.margins
    if margins is None:
        return np.zeros(len(rows))
    own = margins[rows]
    trained = np.isfinite(own)
    if trained.sum() < 2:
        return np.zeros(len(rows))
    low, middle, high = np.quantile(own[trained], [0.25, 0.5, 0.75])
    if high - low < 1e-6:
        return np.zeros(len(rows))
    apart = np.where(trained, (middle - own) * SPREAD / (high - low), 0.0)
    return TRAINING_MARGIN * spread * np.clip(apart, -5.0, 5.0)


def spread_of(values: Floats) -> float:
    """Return the spread of values, by their quartiles."""
    if len(values) == 0:
        return 0.0
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low) / SPREAD


def clarity(log_probs: Matrix) -> Floats:
    """Return how clearly images show some class, whichever: one less the entropy, in units of its largest."""
    width = log_probs.shape[1]
    if width < 2:
        return np.ones(len(log_probs))
    entropy = np.empty(len(log_probs))
    for some in chunks(len(entropy), width):
        logs = log_probs[some].astype(np.float64)
        entropy[some] = -(np.exp(logs) * logs).sum(axis=1)
    clear: Floats = np.clip(1.0 - entropy / np.log(width), 0.0, 1.0)
    return clear
