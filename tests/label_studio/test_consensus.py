"""What several reviewers together say, where one of them is often wrong."""

from __future__ import annotations

import numpy as np

from curate.consensus import consensus


def test_two_careful_reviewers_outweigh_three_careless_ones() -> None:
    """300 artworks of 4 classes; two people are right 95 % of the time, three only 40 %."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, size=300)
    said = []
    for person, skill in enumerate((0.95, 0.95, 0.4, 0.4, 0.4)):
        right = rng.random(300) < skill
        wrong = (true + rng.integers(1, 4, size=300)) % 4
        said += [(i, person, int(c)) for i, c in enumerate(np.where(right, true, wrong))]

    found = consensus(said)

    votes = np.zeros((300, 4))
    for artwork, _, class_id in said:
        votes[artwork, class_id] += 1
    majority = (votes.argmax(axis=1) == true).mean()
    learned = np.mean([found[i].class_id == true[i] for i in range(300)])
    assert learned > 0.95 > majority


def test_nobody_said_anything() -> None:
    assert consensus([]) == {}
