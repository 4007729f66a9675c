"""Scenarios for the label-error benchmark: paintings, planted errors, probabilities, our scores, measures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks.label_errors_rivals import other_methods
from benchmarks.painting_data import Floats, Ints, Paintings, out_of_fold, plant_errors
from curate.issues import LabelColumn, LabelScores, score_labels

TESTED = ("uniform", "confusable", "same-artist")
BUDGETS = (0.01, 0.05, 0.10)


def columns_of(data: Paintings, labels: dict[str, Ints], probs: dict[str, Floats]) -> list[LabelColumn]:
    """Return the columns with these labels; an attribute without probabilities is a record only."""
    columns = []
    for name, classes in data.classes.items():
        missing = np.full((len(data.groups), len(classes)), np.nan)
        codes = data.codes[name] if labels[name] is data.labels[name] else labels[name]
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


def measure(score: Floats, wrong: NDArray[np.bool_]) -> dict[str, float]:
    """Return AUPRC, precision at n, and reviews an error costs at each budget."""
    known = np.isfinite(score)
    score, wrong = score[known], wrong[known]
    worst = wrong[np.argsort(score, kind="stable")]
    figures = {"auprc": average_precision_score(wrong, -score), "at_n": worst[: wrong.sum()].mean()}
    for budget in BUDGETS:
        asked = round(budget * len(worst))
        figures[f"reviews {budget:.0%}"] = asked / max(worst[:asked].sum(), 0.5)
    return {name: float(value) for name, value in figures.items()}


class Bench:
    """Scenarios on one set of paintings, each worked out once."""

    def __init__(self, data: Paintings, kinds: tuple[str, ...]) -> None:
        self.data = data
        self.kinds = kinds
        self.clean: dict[str, Floats] = {}

    def clean_probs(self, attribute: str) -> Floats:
        """Return out-of-fold probabilities from the labels as the collection gives them."""
        if attribute not in self.clean:
            self.clean[attribute] = self.probs(attribute, self.data.labels[attribute])
        return self.clean[attribute]

    def probs(self, attribute: str, labels: Ints) -> Floats:
        """Return out-of-fold probabilities from these labels."""
        return out_of_fold(self.data.inputs, labels, self.data.folds, len(self.data.classes[attribute]))

    def plant(self, attribute: str, kind: str, rate: float, seed: int) -> tuple[Ints, NDArray[np.bool_]]:
        """Return labels with errors of one kind, and where."""
        rng = np.random.default_rng([seed, len(attribute), len(kind)])
        peers = self.data.codes["style" if attribute == "artist" else "artist"]
        labels = self.data.labels[attribute]
        return plant_errors(rng, labels, kind, rate, peers, self.clean_probs(attribute))

    def ours(self, labels: dict[str, Ints], probs: dict[str, Floats], seed: int) -> dict[str, LabelScores]:
        """Score the attributes that have probabilities; the others serve as records."""
        return score_labels(
            columns_of(self.data, {**self.data.labels, **labels}, probs),
            groups=self.data.groups,
            embedding=self.data.embedding,
            folds=self.data.folds,
            kinds=self.kinds,
            seed=seed,
        )

    def one(self, attribute: str, kind: str, rate: float, seed: int) -> dict[str, dict[str, float]]:
        """Return every method's figures in one scenario."""
        labels, wrong = self.plant(attribute, kind, rate, seed)
        probs = self.probs(attribute, labels)
        scores = other_methods(self.data, labels, probs)
        scores["ours"] = self.ours({attribute: labels}, {attribute: probs}, seed)[attribute].score
        return {name: measure(score, wrong) for name, score in scores.items()}
