"""The errors left, estimated from a random slice: right on average, and inside the interval."""

from __future__ import annotations

import numpy as np

from curate.audit import errors_left
from db.audit import AuditSlice


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """1,000 collections of 3,000 labels, 240 of them wrong, 100 found since; a slice of 150 labels each."""
    rng = np.random.default_rng(0)
    estimates, inside = [], 0
    for _ in range(1000):
        wrong = int(rng.hypergeometric(240, 2760, 150))
        found = errors_left([AuditSlice(1, 3000, 150, wrong, corrected_since=100)])
        assert found is not None
        estimates.append(found.estimate)
        inside += found.low <= 140 <= found.high

    assert abs(np.mean(estimates) - 140) < 5
    assert inside >= 950


def test_two_slices_are_pooled() -> None:
    both = errors_left([AuditSlice(1, 1000, 50, 5, 10), AuditSlice(2, 1000, 50, 3, 0)])

    assert both is not None
    assert (both.judged, both.wrong, both.estimate) == (100, 8, 75.0)


def test_nothing_is_estimated_without_an_audit() -> None:
    assert errors_left([]) is None
