"""What several reviewers and the model together say of a label, by an established method.

CROWDLAB (Goh, Tkachenko and Mueller, arXiv 2210.06812) weighs each reviewer by how often others agree with
them, and the newest run's out-of-sample probabilities by how often reviewers agree with those. It is shown
where reviewers disagree; the label that counts stays the plain majority's until somebody adjudicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.classes.classes import attributes, class_list
from db.engine.catalog import Catalog
from db.models import Artwork
from db.reviews.reviewers import adjudicated_artworks, judgements, reviewer_names
from db.runs.runs import read_pred_probs, runs
from db.workspace.workspace import Workspace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST = 1e-4
"""The least weight: a reviewer no better than always saying the commonest class still counts a little."""

Judgement = tuple[int, int, int]
"""An artwork, a reviewer, and the class that the one gives the other."""


@dataclass(frozen=True)
class Consensus:
    """The class that the judgements make likeliest, and how likely in [0, 1]."""

    class_id: int
    probability: float


@dataclass(frozen=True)
class ModelOpinion:
    """What a run says of some artworks.

    Attributes:
        artwork_ids: Shape ``(M,)``, ascending.
        class_ids: Of the columns, K of them.
        pred_probs: Out-of-sample probabilities, shape ``(M, K)``; NaN rows where there is none.
    """

    artwork_ids: Ints
    class_ids: Sequence[int]
    pred_probs: NDArray[np.floating]


def consensus(said: Sequence[Judgement], model: ModelOpinion | None = None) -> dict[int, Consensus]:
    """Return the consensus on each artwork of one attribute.

    Args:
        said: All judgements that stand; those that nobody disputes tell who is reliable.
        model: Has a voice beside the reviewers where it knows the artwork.

    Example:
        >>> said = [(1, 1, 7), (1, 2, 7), (1, 3, 8), (2, 1, 7), (2, 2, 7), (2, 3, 7), (3, 1, 8), (3, 2, 8)]
        >>> consensus(said)[1].class_id
        7
    """
    if not said:
        return {}
    artworks, people, labels = np.array(said, dtype=np.int64).T
    class_ids = [] if model is None else list(model.class_ids)
    classes = np.unique(np.concatenate([labels, np.array(class_ids, dtype=np.int64)]))
    asked, row = np.unique(artworks, return_inverse=True)
    _, person = np.unique(people, return_inverse=True)
    label = np.searchsorted(classes, labels)
    probs = _model_probs(model, asked, classes)
    belief = _weigh(row, person, label, probs)
    best = belief.argmax(axis=1)
    return {
        int(asked[i]): Consensus(int(classes[k]), float(belief[i, k])) for i, k in enumerate(best.tolist())
    }


def _model_probs(model: ModelOpinion | None, asked: Ints, classes: Ints) -> Floats:
    """Return the model's probability of each class for each artwork; NaN rows where it has none."""
    probs: Floats = np.full((len(asked), len(classes)), np.nan)
    if model is None or not len(model.artwork_ids):
        return probs
    at = np.searchsorted(model.artwork_ids, asked).clip(max=len(model.artwork_ids) - 1)
    there = np.flatnonzero(model.artwork_ids[at] == asked)
    model_probs: Floats = np.asarray(model.pred_probs[at[there]], dtype=np.float64)
    columns = np.eye(len(classes))[np.searchsorted(classes, model.class_ids)]
    probs[there] = model_probs @ columns  # those of classes that were merged since come together
    return probs


def _weigh(row: Ints, person: Ints, label: Ints, probs: Floats) -> Floats:
    """Return the probability of each class of each artwork, shape ``(artworks, classes)``.

    Args:
        row, person, label: One entry a judgement.
        probs: The model's, shape ``(artworks, classes)``, NaN rows where it has none.
    """
    votes = np.zeros_like(probs)
    np.add.at(votes, (row, label), 1.0)
    given = votes.sum(axis=1)
    shared = np.flatnonzero(given[row] > 1)  # who is reliable shows where several have judged
    shared = shared if len(shared) else np.arange(len(row))
    at, what = row[shared], label[shared]
    chance = min((what == np.bincount(label).argmax()).mean(), 1.0 - 1e-6)
    agreement = _agreement(person[shared], votes[at, what] - 1.0, given[at] - 1.0, person.max() + 1)
    weight = np.maximum(1.0 - (1.0 - agreement) / (1.0 - chance), LEAST)
    first = (votes + 0.5 * np.nan_to_num(probs)).argmax(axis=1)
    share = np.bincount(at, weights=first[at] == what) / np.maximum(np.bincount(at), 1)
    sure = np.clip(share[np.unique(at)].mean(), 1.0 / probs.shape[1], 1.0 - 1e-6)

    spoken = (1.0 - sure) / max(probs.shape[1] - 1, 1)
    believed = np.zeros_like(probs)
    np.add.at(believed, row, weight[person][:, None] * spoken)
    np.add.at(believed, (row, label), weight[person] * (sure - spoken))
    predicted = np.flatnonzero(np.isfinite(probs[:, 0]))
    judged = np.isin(at, predicted)
    if judged.any():
        accuracy = (probs[at[judged]].argmax(axis=1) == what[judged]).mean()
        voice = max(1.0 - (1.0 - accuracy) / (1.0 - chance), LEAST) * np.sqrt(given[np.unique(at)].mean())
        believed[predicted] += voice * probs[predicted]
    total: Floats = believed / believed.sum(axis=1, keepdims=True)
    return total


def _agreement(person: Ints, agreed: Floats, compared: Floats, people: int) -> Floats:
    """Return how often others agree with each person, shape ``(people,)``; where nobody could, the mean.

    Args:
        person: One entry a judgement.
        agreed, compared: How many others said the same of that artwork, and how many said anything.
        people: How many there are.
    """
    same = np.bincount(person, weights=agreed, minlength=people)
    asked = np.bincount(person, weights=compared, minlength=people)
    overall = same.sum() / max(asked.sum(), 1.0)
    share: Floats = np.where(asked > 0, same / np.maximum(asked, 1.0), overall)
    return share


@dataclass(frozen=True)
class Conflict:
    """One label that reviewers disagree on: who says what, and what is likeliest; classes are keys."""

    artwork: str
    path: str
    attribute: str
    said: list[tuple[str, str]]
    likeliest: str
    p: float


def find_conflicts(workspace: Workspace, catalog: Catalog) -> list[Conflict]:
    """Return the labels that reviewers disagree on and nobody has adjudicated, the least settled first."""
    with catalog.read() as session:
        names = reviewer_names(session)
        complete = [run for run in runs(session) if run.state == "complete"]
        conflicts = []
        for attribute in attributes(session):
            keys = class_list(session, attribute).key
            said = judgements(session, attribute.id)
            settled = adjudicated_artworks(session, attribute.id)
            split = {i: pairs for i, pairs in disputed(said).items() if i not in settled}
            model = None
            if split and complete and (read := read_pred_probs(session, workspace, complete[-1], attribute)):
                artwork_ids, class_keys, pred_probs = read
                ids = class_list(session, attribute).id_of
                model = ModelOpinion(artwork_ids, [ids[key] for key in class_keys], pred_probs)
            together = consensus(said, model)
            for artwork_id, pairs in split.items():
                artwork = session.get_one(Artwork, artwork_id)
                likeliest = together[artwork_id]
                conflicts.append(
                    Conflict(
                        artwork=str(artwork.uuid),
                        path=artwork.path,
                        attribute=attribute.name,
                        said=[(names[person], keys[class_id]) for person, class_id in pairs],
                        likeliest=keys[likeliest.class_id],
                        p=round(likeliest.probability, 4),
                    )
                )
    return sorted(conflicts, key=lambda conflict: (conflict.p, conflict.artwork))


def disputed(said: Sequence[Judgement]) -> dict[int, list[tuple[int, int]]]:
    """Return the (reviewer, class) pairs of each artwork whose reviewers don't all say the same."""
    by_artwork: dict[int, dict[int, int]] = {}
    for artwork_id, person, class_id in said:
        by_artwork.setdefault(artwork_id, {})[person] = class_id
    return {i: sorted(pairs.items()) for i, pairs in by_artwork.items() if len(set(pairs.values())) > 1}
