"""One judgement of each label: the posterior, what was learnt from planted errors, and how many are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curate.issues.base_models.evidence import BaseModels
from curate.issues.base_models.records import Related
from curate.issues.columns import IMPORTED, Findings, Floats, Ints
from curate.issues.planted.learning import Judged, PlantedErrors
from curate.issues.probability.error_rate import ErrorRate, estimate_error_rate, shift_to
from curate.issues.probability.posterior import Posterior, against_in_training, pool_images, spread_of

FULL_GAIN = 0.25
"""Nats that another attribute must tell of a label for the detector of planted errors to decide alone. It
earns its place by comparing attributes; of the image alone it says no more than the posterior does."""
DETECTOR_SLOPE = 0.7  # of its log-odds: errors that people make resemble the planted ones only in part
DETECTOR_COUNTS = 0.9  # how far its count of errors, where it decides alone, replaces the posterior's


@dataclass(frozen=True)
class Judgement:
    """What was found of one attribute's labels.

    Attributes:
        judged: At the scorable rows.
        posterior: What the base models say of the classes there.
        rate: Share of wrong labels among those that no reviewer has judged.
    """

    judged: Judged
    posterior: Posterior
    rate: ErrorRate


def judge_labels(
    models: BaseModels,
    parts: Ints,
    rng: np.random.Generator,
    *,
    kinds: tuple[str, ...],
    findings: Findings | None,
) -> Judgement:
    """Judge the labels of one attribute.

    Args:
        models: The base models, fitted to the labels as they are.
        parts: Parts for cross-fitting, shape ``(N,)``.
        rng: Where planted errors come from.
        kinds: The kinds of error to plant.
        findings: What reviewers found.
    """
    column = models.column
    posterior = pool_images(models.refit(column.labels))
    rows = posterior.rows
    places, labels = np.arange(len(rows)), column.labels[rows]
    open_ = column.reviewed[rows] == IMPORTED
    share = _detector_share(models.related)
    detected = PlantedErrors(models, parts, kinds, findings).detect(rng) if share > 0 else None
    share = 0.0 if detected is None else share
    unjudged = posterior.log_probs if open_.all() else posterior.log_probs[open_]
    rate = estimate_error_rate(unjudged, labels[open_])
    if detected is not None and open_.any():
        rate = _between(rate, float(detected.wrong[open_].mean()), DETECTOR_COUNTS * share)
    alone = posterior.log_odds(places, labels)
    own_shift = shift_to(alone, rate.value * len(rows)) if len(rows) else 0.0
    odds = alone + own_shift
    if detected is not None:
        odds = (1 - share) * odds + share * DETECTOR_SLOPE * _log_odds(detected.wrong)
    odds = odds + against_in_training(models, rows, spread_of(odds))
    shift = shift_to(odds[open_], rate.value * open_.sum()) if open_.any() else 0.0
    place_of = np.full(len(column.labels), -1, dtype=np.int64)
    place_of[rows] = places

    def judge(asked: Ints, given: Ints) -> Floats:
        odds = posterior.log_odds(place_of[asked], given) + own_shift
        if detected is not None and detected.judge is not None:
            odds = (1 - share) * odds + share * DETECTOR_SLOPE * _log_odds(detected.judge(asked, given))
        return _probability(odds + shift)

    suggested = posterior.suggested() if detected is None or share < 0.5 else detected.suggested
    shares = {} if detected is None else detected.shares
    return Judgement(Judged(rows, _probability(odds + shift), suggested, shares, judge), posterior, rate)


def _detector_share(related: tuple[Related, ...]) -> float:
    gain = max((one.gain for one in related), default=0.0)
    return float(np.clip(gain / FULL_GAIN, 0.0, 1.0))


def _between(rate: ErrorRate, other: float, weight: float) -> ErrorRate:
    """Draw a rate to another estimate of it, in proportion; the interval reaches to both."""
    value = rate.value ** (1 - weight) * max(other, 1e-4) ** weight
    scale = value / rate.value
    return ErrorRate(value, min(rate.low * scale, value), min(max(rate.high * scale, value), 1.0))


def _log_odds(wrong: Floats) -> Floats:
    bounded = np.clip(wrong, 1e-5, 1 - 1e-5)
    odds: Floats = np.log(bounded) - np.log(1.0 - bounded)
    return odds


def _probability(log_odds: Floats) -> Floats:
    wrong: Floats = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0)))
    return wrong
