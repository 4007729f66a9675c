"""How many wrong labels are left, by a random audit guided by the scores; and what a batch will yield."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from curate.issues.columns import Estimate, Floats, Ints, LabelScores

FEWEST_AUDITS = 50
DRAWS = 4000
ENDS = (0.04, 0.96)
"""Quantiles that the ends of a 90 % interval are taken from. The grid below doesn't hold every way in which
scores may be off: between 0.05 and 0.95 the truth lay in 84 to 92 of 100 simulated audits."""
STRATA = 400
VERDICT_STRATA = 200  # verdicts of nearly equal score are weighed as one: more of them cost nothing
UNSCORED_WRONG, UNSCORED_RIGHT = 0.5, 9.5  # a share of errors to start from where there are no scores

# The grid of ways in which scores may be off: true odds = exp(SHIFT) * odds ** STRETCH, and a FLOOR of
# errors that no score sees.
SHIFTS = np.linspace(-3.0, 3.0, 31)
STRETCHES = np.linspace(0.0, 2.0, 17)
FLOORS = np.array([0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.11, 0.15, 0.2, 0.27])


@dataclass(frozen=True)
class Prior:
    """How far scores are expected to be off, before anything was found.

    Attributes:
        shift, stretch: How far the log-odds may be shifted and stretched, as standard deviations.
        floor, spread: The share that is found wrong whatever the score says, and how sure that is.
    """

    shift: float
    stretch: float
    floor: float
    spread: float


UNCHECKED = Prior(0.7, 0.25, 0.0, 0.03)
"""Of the errors left: the count is off by a factor of two, more seldom, as on real errors (docs/ranking.md);
there are few errors that no score sees."""

LEARNT = Prior(0.5, 0.25, 0.04, 0.02)
"""Of a yield: scores have learnt from the verdicts before; and reviewers call some right labels wrong."""


def expected_wrong(scores: Iterable[LabelScores]) -> Estimate:
    """Return how many labels of several attributes are wrong, among those that no reviewer has judged.

    The attributes were scored by the same models, so that they are off together: the ends of their intervals
    add up.
    """
    each = [one.expected for one in scores]
    return Estimate(
        sum(one.value for one in each), sum(one.low for one in each), sum(one.high for one in each), 0, True
    )


@dataclass(frozen=True)
class Forecast:
    """How many wrong labels a batch will bring to light.

    Attributes:
        expected: Labels that reviewers will find wrong.
        verdicts: How many earlier verdicts it rests on.
        assumed: Fewer than fifty: it rests on the scores, which nobody has checked.
    """

    expected: float
    verdicts: int
    assumed: bool


@dataclass(frozen=True)
class Calibration:
    """How the scores relate to what reviewers found: a weight for each way in which they may be off."""

    shift: Floats  # (G,)
    stretch: Floats  # (G,)
    floor: Floats  # (G,)
    weight: Floats  # (G,) summing to 1

    def wrong(self, odds: Floats) -> Floats:
        """Return the probability of being wrong under each way, shape ``(G, len(odds))``."""
        return _wrong(odds, self.shift[:, None], self.stretch[:, None], self.floor[:, None])

    def take(self, ways: Ints) -> Calibration:
        """Return some of the ways."""
        return Calibration(self.shift[ways], self.stretch[ways], self.floor[ways], self.weight[ways])

    def mean_wrong(self, scores: Floats) -> Floats:
        """Return the probability that each label is wrong, all ways weighed, shape of ``scores``."""
        kept = self.take(np.flatnonzero(self.weight > 1e-5))
        knots: Floats = np.linspace(-12.0, 12.0, 241, dtype=np.float64)
        curve: Floats = (kept.weight[:, None] * kept.wrong(knots)).sum(axis=0) / kept.weight.sum()
        chance: Floats = np.interp(_odds(scores), knots, curve)
        return chance


def calibrate(scores: Floats, wrong: Floats, prior: Prior = UNCHECKED) -> Calibration:
    """Weigh every way in which the scores may be off by what reviewers found (Bayes, on a grid).

    Args:
        scores: Score of each reviewed label when it was asked about, shape ``(V,)``.
        wrong: 1 where it was found wrong, 0 where right, shape ``(V,)``.
        prior: What is expected before.
    """
    grid = np.array(list(product(SHIFTS, STRETCHES, FLOORS)))
    shift, stretch, floor = grid.T
    log_weight = -0.5 * (shift / prior.shift) ** 2 - 0.5 * ((stretch - 1.0) / prior.stretch) ** 2
    log_weight = log_weight - np.abs(floor - prior.floor) / prior.spread
    order = np.argsort(scores, kind="stable")
    strata = np.array_split(order, min(VERDICT_STRATA, len(order))) if len(order) else []
    count = np.array([len(stratum) for stratum in strata], dtype=np.float64)
    errors = np.array([wrong[stratum].sum() for stratum in strata], dtype=np.float64)
    odds = np.array([_odds(scores[stratum]).mean() for stratum in strata], dtype=np.float64)
    for start in range(0, len(strata), 200):
        some = slice(start, start + 200)
        chance = np.clip(_wrong(odds[some], shift[:, None], stretch[:, None], floor[:, None]), 1e-9, 1 - 1e-9)
        log_weight = log_weight + np.log(chance) @ errors[some] + np.log1p(-chance) @ (count - errors)[some]
    weight = np.exp(log_weight - log_weight.max())
    return Calibration(shift, stretch, floor, weight / weight.sum())


def errors_left(
    scores: Floats, audited: Floats, wrong: Floats, *, each: float = 1.0, seed: int = 0
) -> Estimate:
    """Estimate how many labels are wrong among those that nobody has reviewed.

    The audit is a uniform sample, so it cannot be fooled; the scores tell how alike the rest is to it,
    which narrows the interval. Where the scores say nothing it comes to the plain binomial; labels without a
    score are judged by the plain share of the audited ones among them.

    Args:
        scores: Scores of the labels not yet reviewed, shape ``(N,)``; NaN where there is none.
        audited: Scores of the audited labels when they were drawn, shape ``(V,)``, NaN where there was none.
        wrong: 1 where the audit found the label wrong, 0 where right, shape ``(V,)``.
        each: How many labels each of ``scores`` stands for.
        seed: Makes the interval repeatable.

    Returns:
        The estimate with its 90 % interval; ``assumed`` below fifty audits.
    """
    scored = np.isfinite(audited)
    rng = np.random.default_rng(seed)
    odds = np.sort(_odds(scores[np.isfinite(scores)]))
    totals = _draw_totals(calibrate(audited[scored], wrong[scored]), odds, each, rng)
    totals += _draw_unscored(each * (len(scores) - len(odds)), wrong[~scored], rng)
    low, value, high = np.quantile(totals, [ENDS[0], 0.5, ENDS[1]])
    return Estimate(float(value), float(low), float(high), len(audited), len(audited) < FEWEST_AUDITS)


def _draw_totals(calibration: Calibration, odds: Floats, each: float, rng: np.random.Generator) -> Floats:
    """Draw how many of the scored labels are wrong, ``DRAWS`` times; the odds are sorted."""
    ways = rng.choice(len(calibration.weight), size=DRAWS, p=calibration.weight)
    drawn, counts = np.unique(ways, return_counts=True)
    strata = np.array_split(odds, min(STRATA, max(len(odds), 1)))
    size = each * np.array([len(stratum) for stratum in strata], dtype=np.float64)
    middle = np.array([stratum.mean() if len(stratum) else 0.0 for stratum in strata])
    chance = calibration.take(drawn).wrong(middle)
    mean = np.repeat(chance @ size, counts)
    spread = np.sqrt(np.repeat((chance * (1 - chance)) @ size, counts))
    totals: Floats = np.clip(mean + spread * rng.standard_normal(len(mean)), 0.0, each * len(odds))
    return totals


def _draw_unscored(count: float, wrong: Floats, rng: np.random.Generator) -> Floats:
    """Draw how many labels without a score are wrong, given those that were audited."""
    share = rng.beta(UNSCORED_WRONG + wrong.sum(), UNSCORED_RIGHT + len(wrong) - wrong.sum(), size=DRAWS)
    return rng.binomial(round(count), share).astype(np.float64)


def forecast_yield(scores: ArrayLike, reviewed: Floats, wrong: Floats, *, earlier: int = 0) -> Forecast:
    """Forecast how many of these labels a reviewer will find wrong.

    Unlike the errors left, this may learn from ranked reviews: a batch is ranked too. Only what this run's
    scores asked about tells how far they are off: they have learnt from the verdicts before them.

    Args:
        scores: Scores of the labels about to be asked about, shape ``(B,)``; NaN is left out.
        reviewed: The same run's scores of labels reviewed since, shape ``(V,)``; NaN is left out.
        wrong: 1 where found wrong, 0 where right, shape ``(V,)``.
        earlier: How many verdicts earlier runs asked for.
    """
    scored = np.isfinite(reviewed)
    asked = np.asarray(scores, dtype=np.float64)
    asked = asked[np.isfinite(asked)]
    if scored.any():
        chance = calibrate(reviewed[scored], wrong[scored], LEARNT).mean_wrong(asked)
    else:
        chance = LEARNT.floor + (1.0 - LEARNT.floor) * (1.0 - asked)
    verdicts = earlier + int(scored.sum())
    return Forecast(float(chance.sum()), verdicts, verdicts < FEWEST_AUDITS)


def _odds(scores: Floats) -> Floats:
    """Return the log-odds of being wrong."""
    wrong = np.clip(1.0 - scores, 1e-5, 1.0 - 1e-5)
    odds: Floats = np.log(wrong) - np.log(1.0 - wrong)
    return odds


def _wrong(odds: Floats, shift: Floats, stretch: Floats, floor: Floats) -> Floats:
    """Return the chance of being wrong; the stretch turns about even odds of one in twenty."""
    pivot = -3.0
    chance: Floats = floor + (1.0 - floor) / (1.0 + np.exp(-(shift + pivot + stretch * (odds - pivot))))
    return chance
