"""Scenarios for the label-error benchmark: planted errors, probabilities, what each method says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_errors_rivals import filters, other_methods
from benchmarks.label_errors_tables import Figures, measure, measure_flags
from benchmarks.painting_data import Floats, Ints, Paintings, out_of_fold, plant_conflicts, plant_errors
from curate.issues import LabelColumn, LabelScores, score_labels
from curate.issues.planted.planting import KINDS

Flags = NDArray[np.bool_]
TESTED = ("uniform", "confusable", "same-artist")
TESTED_ARTISTS = ("uniform", "confusable", "same-style")
LEFT_OUT = {"uniform": "uniform", "confusable": "confusable", "same-artist": "related"}
"""The kind of error that the fusion plants, for each kind it is tested on."""


def columns_of(data: Paintings, labels: dict[str, Ints], probs: dict[str, Floats]) -> list[LabelColumn]:
    """Return the columns with these labels; an attribute without probabilities is a record only."""
    columns = []
    for name, classes in data.classes.items():
        missing = np.full((len(data.groups), len(classes)), np.nan)
        changed = labels[name] != data.labels[name]
        codes = np.where(changed, data.class_codes[name][labels[name]], data.codes[name])
        columns.append(
            LabelColumn(
                name,
                classes,
                labels[name],
                probs.get(name, missing),
                np.zeros(len(data.groups), dtype=np.int8),
                codes=codes,
            )
        )
    return columns


class Bench:
    """Scenarios on one set of paintings."""

    def __init__(self, data: Paintings, kinds: tuple[str, ...] = KINDS, *, alone: bool = False) -> None:
        self.data = data
        self.kinds = kinds
        self.alone = alone  # the attributes that are scored are all there are: no artist, no second attribute
        self.clean: dict[str, Floats] = {}

    def clean_probs(self, attribute: str) -> Floats:
        """Return out-of-fold probabilities from the labels as the collection gives them."""
        if attribute not in self.clean:
            self.clean[attribute] = self.probs(attribute, self.data.labels[attribute])
        return self.clean[attribute]

    def probs(self, attribute: str, labels: Ints) -> Floats:
        """Return out-of-fold probabilities from these labels."""
        return out_of_fold(self.data.inputs, labels, self.data.folds, len(self.data.classes[attribute]))

    def plant(self, attribute: str, kind: str, rate: float, seed: int) -> tuple[Ints, Flags]:
        """Return labels with errors of one kind, and where."""
        rng = np.random.default_rng([seed, len(attribute), len(kind)])
        labels = self.data.labels[attribute]
        if kind == "duplicate-conflict":
            return plant_conflicts(rng, labels, self.data.duplicates, self.clean_probs(attribute))
        peers = self.data.codes["style" if attribute == "artist" else "artist"]
        return plant_errors(rng, labels, kind, rate, peers, self.clean_probs(attribute))

    def ours(
        self,
        labels: dict[str, Ints],
        probs: dict[str, Floats],
        seed: int,
        kinds: tuple[str, ...] | None = None,
    ) -> dict[str, LabelScores]:
        """Score the attributes that have probabilities; the others serve as records, if they are there."""
        columns = columns_of(self.data, {**self.data.labels, **labels}, probs)
        return score_labels(
            [column for column in columns if column.attribute in probs or not self.alone],
            groups=self.data.groups,
            embedding=self.data.embedding,
            folds=self.data.folds,
            layers=self.data.layers,
            kinds=self.kinds if kinds is None else kinds,
            seed=seed,
        )

    def one(self, attribute: str, kind: str, rate: float, seed: int) -> tuple[Figures, Figures]:
        """Return the figures of every ranking, and of every filter, in one scenario."""
        labels, wrong = self.plant(attribute, kind, rate, seed)
        probs = self.probs(attribute, labels)
        ours = self.ours({attribute: labels}, {attribute: probs}, seed)[attribute].score
        scores = {"ours": ours, **other_methods(self.data, attribute, labels, probs)}
        flagged = filters(self.data, labels, probs)
        return (
            {name: measure(score, wrong) for name, score in scores.items()},
            {name: measure_flags(flags, ours, wrong) for name, flags in flagged.items()},
        )

    def without(self, attribute: str, kind: str, rate: float, seed: int) -> Figures:
        """Return the figures of a fusion that never saw this kind of error, beside one that did."""
        labels, wrong = self.plant(attribute, kind, rate, seed)
        probs = {attribute: self.probs(attribute, labels)}
        others = tuple(name for name in KINDS if name != LEFT_OUT[kind])
        learnt = {"ours": KINDS, "ours, without this kind": others}
        scores = {
            name: self.ours({attribute: labels}, probs, seed, kinds)[attribute].score
            for name, kinds in learnt.items()
        }
        scores |= other_methods(self.data, attribute, labels, probs[attribute])
        return {name: measure(score, wrong) for name, score in scores.items()}

    def all_at_once(self, rate: float, seed: int) -> dict[str, Figures]:
        """Return the figures by attribute where every attribute has errors of every kind, each on its own."""
        labels, wrong = {}, {}
        for place, (name, true) in enumerate(self.data.labels.items()):
            labels[name] = true.copy()
            for number, kind in enumerate(TESTED_ARTISTS if name == "artist" else TESTED):
                planted, where = self.plant(name, kind, rate / 3, 1000 + 100 * seed + 10 * place + number)
                labels[name][where] = planted[where]
            wrong[name] = labels[name] != true
        probs = {name: self.probs(name, given) for name, given in labels.items()}
        artist = np.where(
            wrong["artist"], self.data.class_codes["artist"][labels["artist"]], self.data.codes["artist"]
        )
        seen = self.data.with_codes(artist=artist)
        ours = self.ours(labels, probs, seed)
        return {
            name: {
                method: measure(score, wrong[name])
                for method, score in {
                    "ours": ours[name].score,
                    **other_methods(seen, name, labels[name], probs[name]),
                }.items()
            }
            for name in labels
        }

    def misplaced(self, rate: float, seed: int) -> dict[str, Figures]:
        """Return the figures by attribute where some artworks bear all the labels of another one."""
        rng = np.random.default_rng([seed, 77])
        count = len(self.data.groups)
        chosen = rng.choice(count, int(rate * count), replace=False)
        bearer = np.arange(count)
        bearer[chosen] = np.roll(chosen, 1)
        data = replace(
            self.data,
            labels={name: labels[bearer] for name, labels in self.data.labels.items()},
            codes={name: codes[bearer] for name, codes in self.data.codes.items()},
        )
        probs = {name: self.probs(name, given) for name, given in data.labels.items()}
        ours = Bench(data, self.kinds).ours({}, probs, seed)
        figures = {}
        for name, given in data.labels.items():
            wrong = (data.codes[name] != self.data.codes[name]) & (given >= 0)
            scores = {"ours": ours[name].score, **other_methods(data, name, given, probs[name])}
            figures[name] = {method: measure(score, wrong) for method, score in scores.items()}
        return figures
