"""What several reviewers together say of a label, by an established method.

Dawid and Skene's model (Applied Statistics, 1979) learns from agreement alone
how reliable each reviewer is in each class, and weighs their judgements by that. It is shown where
reviewers disagree; the label that counts stays the plain majority's until somebody adjudicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.catalog import Catalog
from db.classes import attributes, class_list
from db.models import Artwork
from db.reviewers import judgements, reviewer_names

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SMOOTHING = 1e-2
"""What each error counts for before anybody made it: nobody is infallible after three answers."""

Judgement = tuple[int, int, int]
"""An artwork, a reviewer, and the class that the one gives the other."""


@dataclass(frozen=True)
class Consensus:
    """The class that the reviewers' judgements make likeliest, and how likely in [0, 1]."""

    class_id: int
    probability: float


def consensus(
    said: Sequence[Judgement], iterations: int = 100, tolerance: float = 1e-6
) -> dict[int, Consensus]:
    """Return the consensus on each artwork of one attribute.

    Args:
        said: All judgements that stand; those that nobody disputes teach the model who is reliable.
        iterations: At most so many steps of expectation and maximisation.
        tolerance: It ends when no probability moves further than this.

    Example:
        >>> said = [(1, 1, 7), (1, 2, 7), (1, 3, 8), (2, 1, 7), (2, 2, 7), (2, 3, 7), (3, 1, 8), (3, 2, 8)]
        >>> consensus(said)[1].class_id
        7
    """
    if not said:
        return {}
    columns = np.array(said, dtype=np.int64).T
    (artworks, row), (people, person), (classes, label) = (
        np.unique(column, return_inverse=True) for column in columns
    )
    votes = np.zeros((len(artworks), len(classes)))
    np.add.at(votes, (row, label), 1.0)
    belief = votes / votes.sum(axis=1, keepdims=True)
    for _ in range(iterations):
        before, belief = belief, _step(belief, row, person, label, len(people))
        if np.abs(belief - before).max() < tolerance:
            break
    best = belief.argmax(axis=1)
    return {
        int(artworks[i]): Consensus(int(classes[k]), float(belief[i, k])) for i, k in enumerate(best.tolist())
    }


def _step(belief: Floats, row: Ints, person: Ints, label: Ints, people: int) -> Floats:
    """Learn each person's errors from the classes believed in, and believe anew by those errors.

    Args:
        belief: Probability of each class, shape ``(artworks, classes)``.
        row, person, label: One entry a judgement.
        people: How many reviewers there are.
    """
    width = belief.shape[1]
    errors = np.full((people, width, width), SMOOTHING)
    np.add.at(errors, person, belief[row][:, :, None] * np.eye(width)[label][:, None, :])
    errors /= errors.sum(axis=2, keepdims=True)
    logs = np.tile(np.log(belief.mean(axis=0) + SMOOTHING), (len(belief), 1))
    np.add.at(logs, row, np.log(errors[person, :, label]))
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Conflict:
    """One label that reviewers disagree on: who says what, and what is likeliest; classes are keys."""

    artwork: str
    path: str
    attribute: str
    said: list[tuple[str, str]]
    likeliest: str
    p: float


def find_conflicts(catalog: Catalog) -> list[Conflict]:
    """Return the labels that reviewers disagree on, the least settled first."""
    with catalog.read() as session:
        names = reviewer_names(session)
        found = []
        for attribute in attributes(session):
            keys = class_list(session, attribute).key
            said = judgements(session, attribute.id)
            together = consensus(said)
            for artwork_id, pairs in disputed(said).items():
                artwork = session.get_one(Artwork, artwork_id)
                likeliest = together[artwork_id]
                found.append(
                    Conflict(
                        str(artwork.uuid),
                        artwork.path,
                        attribute.name,
                        [(names[person], keys[class_id]) for person, class_id in pairs],
                        keys[likeliest.class_id],
                        round(likeliest.probability, 4),
                    )
                )
    return sorted(found, key=lambda conflict: (conflict.p, conflict.artwork))


def disputed(said: Sequence[Judgement]) -> dict[int, list[tuple[int, int]]]:
    """Return the (reviewer, class) pairs of each artwork whose reviewers don't all say the same."""
    by_artwork: dict[int, dict[int, int]] = {}
    for artwork_id, person, class_id in said:
        by_artwork.setdefault(artwork_id, {})[person] = class_id
    return {i: sorted(pairs.items()) for i, pairs in by_artwork.items() if len(set(pairs.values())) > 1}
