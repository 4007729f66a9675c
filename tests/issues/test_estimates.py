from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from curate.issues import errors_left, estimates, forecast_yield


def population(seed: int, rate: float, off: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """3,000 labels with scores that separate well, and are off by ``off`` in log-odds."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(3000) < rate
    seen = rng.normal(2.5 * wrong, 1.0)
    odds = np.log(rate / (1 - rate)) + 2.5 * seen - 2.5**2 / 2 + off
    return 1 / (1 + np.exp(odds)), wrong


@pytest.mark.parametrize(("rate", "off"), [(0.02, 0.0), (0.1, 1.0), (0.2, -1.0)])
def test_interval_covers_the_truth_and_is_narrower_than_the_plain_binomial(rate: float, off: float) -> None:
    covered, ratio = [], []
    for seed in range(25):
        scores, wrong = population(seed, rate, off)
        audited = np.random.default_rng(seed).permutation(3000)[:200]
        rest = np.setdiff1d(np.arange(3000), audited)

        found = errors_left(scores[rest], scores[audited], wrong[audited].astype(float))

        covered.append(found.low <= wrong[rest].sum() <= found.high)
        ratio.append((found.high - found.low) / (2 * 1.645 * np.sqrt(rate * (1 - rate) / 200) * len(rest)))
    assert sum(covered) >= 20
    assert np.median(ratio) < 0.9


def test_estimate_is_marked_assumed_before_fifty_audits() -> None:
    scores, wrong = population(0, 0.1, 0.0)

    before = errors_left(scores, scores[:49], wrong[:49].astype(float))
    after = errors_left(scores, scores[:50], wrong[:50].astype(float))

    assert (before.assumed, before.audits) == (True, 49)
    assert (after.assumed, after.audits) == (False, 50)
    assert errors_left(scores, np.empty(0), np.empty(0)).assumed


def test_labels_without_a_score_are_judged_by_the_audits_among_them() -> None:
    """A third of the labels has no score; a fifth of these is wrong, and none of the others."""
    rng = np.random.default_rng(0)
    wrong = rng.random(1000) < 0.2
    scores = np.concatenate([np.full(2000, 0.9999), np.full(1000, np.nan)])
    audited = np.concatenate([np.full(200, 0.9999), np.full(100, np.nan)])

    found = errors_left(scores, audited, np.concatenate([np.zeros(200), wrong[:100]]))
    unheard = errors_left(scores, audited[:200], np.zeros(200))

    assert found.low <= wrong.sum() <= found.high
    assert found.audits == 300
    assert unheard.high - unheard.low > found.high - found.low


def test_scores_of_a_tenth_stand_for_all() -> None:
    scores, wrong = population(3, 0.1, 0.0)
    audited, found = scores[:200], wrong[:200].astype(float)

    whole = errors_left(scores, audited, found)
    tenth = errors_left(scores[::10], audited, found, each=10.0)

    assert abs(whole.value - tenth.value) < 0.1 * whole.value
    assert abs(whole.high - tenth.high) < 0.15 * whole.high


def test_forecast_learns_from_reviews_that_the_scores_were_too_dark() -> None:
    scores, wrong = population(1, 0.1, 2.0)
    worst = np.argsort(scores)

    told = forecast_yield(scores[worst[200:400]], scores[worst[:200]], wrong[worst[:200]].astype(float))
    untaught = forecast_yield(scores[worst[200:400]], np.empty(0), np.empty(0))

    truth = wrong[worst[200:400]].sum()
    assert abs(told.expected - truth) < abs(untaught.expected - truth)
    assert (told.verdicts, told.assumed) == (200, False)
    assert (untaught.verdicts, untaught.assumed) == (0, True)


def test_verdicts_that_earlier_runs_asked_for_make_a_forecast_checked() -> None:
    scores, _ = population(1, 0.1, 0.0)
    none = np.empty(0)

    before, after = forecast_yield(scores, none, none), forecast_yield(scores, none, none, earlier=50)

    assert (before.assumed, after.assumed) == (True, False)
    assert before.expected == after.expected


def test_many_verdicts_weigh_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond 200 verdicts those of nearly equal score are weighed as one; nothing may be seen of it."""
    rng = np.random.default_rng(0)
    scores = rng.beta(2.0, 1.0, 3000)
    wrong = (rng.random(3000) < (1.0 - scores) * 0.6).astype(float)
    asked: NDArray[np.float64] = np.linspace(0.01, 0.99, 50, dtype=np.float64)

    together = estimates.calibrate(scores, wrong).mean_wrong(asked)
    monkeypatch.setattr(estimates, "VERDICT_STRATA", 3000)
    alone = estimates.calibrate(scores, wrong).mean_wrong(asked)

    assert np.abs(together - alone).max() < 0.003
