"""One run, evaluated: every attribute against the labels as imported and as corrected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from curate.evaluation.metrics import (
    Interval,
    LabelMetrics,
    bootstrap,
    confusion,
    evaluate_labels,
    interval,
    per_class,
    reliability,
)
from curate.evaluation.predictions import AttributePredictions, Bools, Ints, RunPredictions

ARTIST = "artist"
"""The attribute whose classes a model may recognise instead of the attribute that it was asked for."""
THRESHOLD = 0.3
"""The seed project's rule: a label is flagged when its probability is below this."""


@dataclass(frozen=True)
class Disjoint:
    """Accuracy on artworks whose artist the predicting model never saw."""

    n: int
    accuracy: float
    accuracy_interval: Interval


class Confusion(NamedTuple):
    """Artworks of one class that are taken for another: class indices, how many, share of the class."""

    label: int
    predicted: int
    n: int
    share: float


@dataclass(frozen=True)
class AttributeEvaluation:
    """One attribute of a run in numbers.

    Attributes:
        corrected: Against the labels as they are now; None where no label was evaluated.
        imported: Against the labels as they would stand had nobody reviewed any.
        changed: Evaluated labels that reviewers changed, gave or took away.
        artist_disjoint: None for the artist itself, and where no such artwork was predicted.
        flagged: Labels with a probability below ``THRESHOLD``.
        per_class: A row a class; see ``metrics.per_class``.
        reliability: A row a bin; see ``metrics.reliability``.
        confusion: Counts ``(K, K)`` in the order of ``keys``: rows are current labels.
    """

    attribute: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    corrected: LabelMetrics | None
    imported: LabelMetrics | None
    changed: int
    artist_disjoint: Disjoint | None
    flagged: int
    per_class: pd.DataFrame
    reliability: pd.DataFrame
    confusion: Ints

    def top_confusions(self, limit: int) -> list[Confusion]:
        """Return the commonest mistakes, most artworks first."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        given, said = np.nonzero(wrong)
        counts = wrong[given, said]
        order = np.lexsort((said, given, -counts))[:limit]
        share = counts / np.maximum(self.confusion.sum(axis=1)[given], 1)
        return [
            Confusion(int(given[i]), int(said[i]), int(counts[i]), float(share[i])) for i in order.tolist()
        ]

    def as_record(self) -> dict[str, Any]:
        """Return the numbers as scripts read them."""
        return {
            "corrected": asdict(self.corrected) if self.corrected else None,
            "imported": asdict(self.imported) if self.imported else None,
            "changed_labels": self.changed,
            "artist_disjoint": asdict(self.artist_disjoint) if self.artist_disjoint else None,
            "flagged": self.flagged,
            "top_confusions": [
                {"label": self.keys[one.label], "predicted": self.keys[one.predicted], "n": one.n}
                for one in self.top_confusions(10)
            ],
        }


@dataclass(frozen=True)
class RunEvaluation:
    """One run in numbers.

    Attributes:
        flagged_artworks: Artworks with a flagged label in any attribute, out of ``judged_artworks``.
    """

    run: int
    backbone: str
    protocol: str
    artworks: int
    judged_artworks: int
    flagged_artworks: int
    attributes: Mapping[str, AttributeEvaluation]

    def as_record(self) -> dict[str, Any]:
        """Return the numbers as scripts read them."""
        return {
            "run": self.run,
            "backbone": self.backbone,
            "protocol": self.protocol,
            "artworks": self.artworks,
            "threshold": {
                "below": THRESHOLD,
                "artworks": self.judged_artworks,
                "flagged": self.flagged_artworks,
            },
            "attributes": {name: one.as_record() for name, one in self.attributes.items()},
        }


def evaluate_run(predictions: RunPredictions, seed: int = 0) -> RunEvaluation:
    """Evaluate every attribute of a run; the same seed gives the same intervals."""
    judged = np.zeros(len(predictions), dtype=bool)
    flagged = np.zeros(len(predictions), dtype=bool)
    by_attribute = {}
    for name, one in predictions.attributes.items():
        rows = one.evaluated(one.corrected)
        low = rows[one.corrected.p_label[rows] < THRESHOLD]
        judged[rows], flagged[low] = True, True
        by_attribute[name] = _evaluate_attribute(predictions, one, len(low), seed)
    run = predictions.run
    return RunEvaluation(
        run=run.id,
        backbone=run.backbone,
        protocol=run.protocol,
        artworks=len(predictions),
        judged_artworks=int(judged.sum()),
        flagged_artworks=int(flagged.sum()),
        attributes=by_attribute,
    )


def _evaluate_attribute(
    predictions: RunPredictions, one: AttributePredictions, flagged: int, seed: int
) -> AttributeEvaluation:
    differ = one.usable & (one.corrected.classes != one.imported.classes)
    corrected = evaluate_labels(one, one.corrected, predictions.groups, seed)
    imported = evaluate_labels(one, one.imported, predictions.groups, seed) if differ.any() else corrected
    rows = one.evaluated(one.corrected)
    bins = pd.DataFrame(columns=["confidence", "accuracy", "n", "share"], dtype=float)
    if len(rows):
        bins = reliability(one.corrected.classes[rows], one.predicted[rows], one.confidence[rows])
    return AttributeEvaluation(
        attribute=one.attribute,
        keys=one.keys,
        names=one.names,
        corrected=corrected,
        imported=imported,
        changed=int(differ.sum()),
        artist_disjoint=artist_disjoint(predictions, one, seed),
        flagged=flagged,
        per_class=per_class(one, one.corrected),
        reliability=bins,
        confusion=confusion(one, one.corrected),
    )


def artist_disjoint(predictions: RunPredictions, one: AttributePredictions, seed: int = 0) -> Disjoint | None:
    """Return the accuracy on artworks whose artist was in no artwork that their model learnt from.

    Models recognise artists, and an artist has a style: a random split flatters them.
    """
    artists = predictions.label_ids.get(ARTIST)
    if artists is None or one.attribute == ARTIST:
        return None
    rows = one.evaluated(one.corrected)
    rows = rows[artists[rows] >= 0]
    chosen = rows[~_artist_was_seen(artists, predictions.folds, one.usable)[rows]]
    if len(chosen) == 0:
        return None
    true, said = one.corrected.classes[chosen], one.predicted[chosen]
    accuracies, _ = bootstrap(true, said, predictions.groups[chosen], seed)
    return Disjoint(len(chosen), float(accuracy_score(true, said)), interval(accuracies))


def _artist_was_seen(artists: Ints, folds: Ints, usable: Bools) -> Bools:
    """Return where the model that predicted an artwork learnt from another one by its artist, shape ``(N,)``.

    An artwork of fold f was predicted by a model that learnt from all other folds; one of no fold by models
    that learnt from all of them, or, in a holdout, from the artworks that have no out-of-sample probability.
    """
    _, index = np.unique(artists, return_inverse=True)
    lowest = np.full(index.max() + 1, np.iinfo(np.int64).max)
    highest = np.full(index.max() + 1, -1)
    folded = folds >= 0
    np.minimum.at(lowest, index[folded], folds[folded])
    np.maximum.at(highest, index[folded], folds[folded])
    elsewhere = (highest[index] >= 0) & ((lowest[index] != folds) | (highest[index] != folds))
    taught = np.bincount(index, weights=~folded & ~usable) > 0
    seen: Bools = elsewhere | taught[index]
    return seen
