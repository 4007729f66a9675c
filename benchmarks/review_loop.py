"""Simulated reviews: how many until half the errors are gone, and how honest the numbers are on the way.

Called by ``python -m benchmarks.label_errors`` with ``--loop`` and ``--audits``.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from benchmarks.label_errors_bench import TESTED, Bench, columns_of
from benchmarks.label_errors_rivals import cleanlab_score
from benchmarks.painting_data import Floats, Ints
from curate.issues import (
    Findings,
    LabelColumn,
    artwork_order,
    errors_left,
    expected_yield,
    score_labels,
    soft_min,
)


def audit(bench: Bench, audits: int, loops: int) -> dict[str, object]:
    """Return how often the interval for the errors left holds the truth, and how wide it is."""
    coverage, width = {}, {}
    for rate in (0.02, 0.05, 0.10, 0.20):
        covered, ratio = [], []
        for seed in range(4):
            kind = TESTED[seed % 3]
            attribute = ("style", "genre")[seed % 2]
            labels, wrong = bench.plant(attribute, kind, rate, seed)
            probs = bench.probs(attribute, labels)
            score = bench.ours({attribute: labels}, {attribute: probs}, seed)[attribute].score
            rows = np.flatnonzero(np.isfinite(score))
            for loop in range(loops // 4):
                drawn = np.random.default_rng([seed, loop]).permutation(len(rows))
                asked, rest = rows[drawn[:audits]], rows[drawn[audits:]]
                found = errors_left(score[rest], score[asked], wrong[asked].astype(float), seed=loop)
                covered.append(found.low <= wrong[rest].sum() <= found.high)
                share = (wrong[asked].sum() + 1.35) / (audits + 2.71)  # Wilson's centre at 90 %
                plain = 2 * 1.645 * np.sqrt(share * (1 - share) / audits) * len(rest)
                ratio.append((found.high - found.low) / plain)
        coverage[f"{rate:.0%}"], width[f"{rate:.0%}"] = float(np.mean(covered)), float(np.mean(ratio))
        print(
            f"true error rate {rate:.0%}: covered {coverage[f'{rate:.0%}']:.2f}, "
            f"width over binomial {width[f'{rate:.0%}']:.2f}",
            flush=True,
        )
    return {"coverage": coverage, "width_over_binomial": {k: round(v, 3) for k, v in width.items()}}


class Loop:
    """A reviewer who is right 95 times in 100 works through the artworks that a method puts first."""

    def __init__(self, bench: Bench, seed: int, accuracy: float = 0.95) -> None:
        self.bench = bench
        self.rng = np.random.default_rng(seed)
        self.accuracy = accuracy
        self.true = {name: bench.data.labels[name] for name in ("style", "genre")}
        self.labels = {}
        for place, name in enumerate(self.true):
            kinds = [bench.plant(name, kind, 0.05, 100 * seed + place) for kind in TESTED]
            labels = self.true[name].copy()
            for planted, wrong in kinds:
                labels[wrong] = planted[wrong]
            self.labels[name] = labels
        count = len(bench.data.groups)
        self.reviewed = np.zeros(count, dtype=bool)
        self.found: dict[str, list[tuple[int, int, bool]]] = {name: [] for name in self.true}
        self.history: list[tuple[float, bool]] = []

    def errors(self) -> int:
        """Return how many labels are wrong now."""
        return int(sum((self.labels[name] != self.true[name]).sum() for name in self.true))

    def review(self, rows: Ints) -> int:
        """Let the reviewer answer for every attribute of these artworks; return the wrong labels found."""
        found = 0
        for name, true in self.true.items():
            for row in rows[true[rows] >= 0]:
                given, answer = int(self.labels[name][row]), int(true[row])
                if self.rng.random() > self.accuracy:
                    answer = int(self.rng.integers(len(self.bench.data.classes[name])))
                self.found[name].append((int(row), given, answer != given))
                found += answer != given
                self.labels[name][row] = answer
        self.reviewed[rows] = True
        return found

    def probs(self) -> dict[str, Floats]:
        """Retrain on the labels as they are now."""
        return {name: self.bench.probs(name, labels) for name, labels in self.labels.items()}

    def ours(self, limit: int) -> tuple[Ints, float]:
        """Return the artworks to review next, and the yield expected of them."""
        data, probs = self.bench.data, self.probs()
        columns = []
        for column in columns_of(data, {**data.labels, **self.labels}, probs):
            reviewed = (self.reviewed & (column.attribute in self.true)).astype(np.int8)
            columns.append(LabelColumn(**{**column.__dict__, "reviewed": reviewed}))
        verdicts = {name: _findings(found) for name, found in self.found.items() if found}
        scores = score_labels(
            columns, groups=data.groups, embedding=data.embedding, folds=data.folds, verdicts=verdicts, seed=0
        )
        judged = [column for column in columns if column.attribute in self.true]
        order = artwork_order(judged, scores)
        chosen = order[~self.reviewed[order]][:limit]
        asked = np.concatenate([scores[name].score[chosen] for name in self.true])
        past = np.array(self.history, dtype=np.float64).reshape(-1, 2)
        expected = expected_yield(asked, past[:, 0], past[:, 1])
        self.pending = [(name, row, scores[name].score[row]) for name in self.true for row in chosen]
        return chosen, expected

    def remember(self) -> None:
        """Keep the scores of what was just reviewed beside what was found."""
        wrong = {(name, row): bad for name in self.found for row, _, bad in self.found[name]}
        self.history += [(s, wrong[(n, r)]) for n, r, s in self.pending if np.isfinite(s) and (n, r) in wrong]

    def cleanlab(self, limit: int) -> Ints:
        """Return the artworks that cleanlab's self-confidence, pooled by the same soft-min, puts first."""
        probs = self.probs()
        scores = [cleanlab_score(self.labels[n], probs[n], "cleanlab self_confidence") for n in self.true]
        pooled = soft_min(np.stack(scores, axis=1))
        order = np.argsort(np.where(np.isfinite(pooled), pooled, np.inf), kind="stable")
        chosen: Ints = order[~self.reviewed[order]][:limit]
        return chosen


def _findings(found: list[tuple[int, int, bool]]) -> Findings:
    rows, given, wrong = zip(*found, strict=True)
    return Findings(np.array(rows), np.array(given), np.array(wrong, dtype=bool))


def loop(bench: Bench, seeds: int, batch: int, rounds: int) -> dict[str, object]:
    """Return reviews to half the errors over cleanlab's, and how good the forecasts were."""
    ratios, forecasts = [], []
    for seed in range(seeds):
        halves = {}
        for name in ("ours", "cleanlab"):
            state = Loop(bench, seed)
            errors = [state.errors()]
            for number in range(rounds):
                if name == "ours":
                    rows, expected = state.ours(batch)
                    found = state.review(rows)
                    state.remember()
                    if number:
                        forecasts.append(abs(found - expected) <= 0.25 * found)
                else:
                    state.review(state.cleanlab(batch))
                errors.append(state.errors())
                if errors[-1] <= errors[0] / 2 and name == "cleanlab":
                    break
            halves[name] = _reviews_to_half(errors, batch)
            print(f"seed {seed}, {name}: errors after each {batch} reviews {errors}", flush=True)
        ratios.append(halves["ours"] / halves["cleanlab"])
    return {
        "reviews_to_half": round(float(np.mean(ratios)), 3),
        "forecast_within_25": round(float(np.mean(forecasts)), 3),
    }


def _reviews_to_half(errors: list[int], batch: int) -> float:
    """Return the reviews at which the errors fall to half, between rounds in proportion."""
    half = errors[0] / 2
    for number, (before, after) in enumerate(pairwise(errors)):
        if after <= half:
            return batch * (number + (before - half) / max(before - after, 1))
    return float(batch * (len(errors) - 1))
