"""What several reviewers together say, where one of them is often wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from curate.rounds.consensus import ModelOpinion, consensus


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


def crowd(seed: int, artworks: int = 400, width: int = 6) -> tuple[Any, Any, Any]:
    """Return true classes, the answers of two of four people on each, and a model's probabilities."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, width, artworks)
    answers = np.full((artworks, 4), np.nan)
    for row in range(artworks):
        for person in rng.permutation(4)[:2]:
            right = rng.random() < (0.95, 0.9, 0.8, 0.5)[person]
            answers[row, person] = true[row] if right else rng.integers(0, width)
    probs = rng.dirichlet(np.ones(width), artworks)
    probs[np.arange(artworks), true] += 0.8
    return true, answers, probs / probs.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_model_has_a_voice_as_in_cleanlab(seed: int) -> None:
    from cleanlab.multiannotator import get_label_quality_multiannotator

    true, answers, probs = crowd(seed)
    said = [(row, who, int(answers[row, who])) for row, who in np.argwhere(np.isfinite(answers)).tolist()]

    found = consensus(said, ModelOpinion(np.arange(400), list(range(6)), probs))
    theirs = get_label_quality_multiannotator(pd.DataFrame(answers), probs, verbose=False)["label_quality"]

    ours = np.array([found[row].class_id for row in range(400)])
    assert (ours == theirs["consensus_label"]).mean() > 0.98
    alone = consensus(said)
    assert (ours == true).mean() > np.mean([alone[row].class_id == true[row] for row in range(400)]) + 0.03


def test_artworks_that_the_model_does_not_know_are_judged_by_the_reviewers() -> None:
    _, answers, probs = crowd(0)
    said = [(row, who, int(answers[row, who])) for row, who in np.argwhere(np.isfinite(answers)).tolist()]
    probs[:200] = np.nan
    known = ModelOpinion(np.arange(100, 400), list(range(6)), probs[100:])

    found = consensus(said, known)

    assert len(found) == 400
    assert all(0 < one.probability <= 1 for one in found.values())


def test_nobody_said_anything() -> None:
    assert consensus([]) == {}
