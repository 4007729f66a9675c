"""Simulated reviews: how many until half the errors are gone, and how honest the numbers are on the way.

Part of ``python -m benchmarks.label_errors`` (``--loop``, ``--audits``); alone, with other error rates,
attributes and batches, ``python -m benchmarks.review_loop --data ../shared/data/wikiart224``.

The standard mix: a third each of uniform, confusable and same-artist errors, 10 % in all, in style and genre
at once. A reviewer judges ``batch`` artworks a round and is right about 95 labels in 100, else names any
other class; labels are changed accordingly and the model is retrained. Ours chooses by the rule of
``curate push`` (``curate.batches.rank``), and the reviewer is asked, as there, about flagged labels only.
cleanlab's self-confidence is pooled over an artwork's attributes by the minimum and by a soft one, whichever
takes fewer reviews, and one review settles all attributes.

Printed last, as JSON: ``reviews_to_half`` (ours over cleanlab's), ``forecast_within_25`` (share of rounds
from the second on), ``forecast_reachable`` (the same if every label's true chance were known, and but its
own luck left), ``trace`` (errors left and test accuracy after each round: of out-of-fold predictions against
the true labels).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.stats import norm

from benchmarks.label_errors_bench import TESTED, Bench, columns_of
from benchmarks.label_errors_rivals import cleanlab_score
from benchmarks.painting_data import Floats, Ints, load_paintings
from curate.issues import Findings, LabelScores, errors_left, forecast_yield, score_labels
from curate.rounds.plan import rank
from curate.training.label_issues import issue_rows_of
from db.reviews.asking.planning import OpenIssue

RATE, ACCURACY = 0.10, 0.95
MOST_ROUNDS = 40
SHARPNESS = 0.1  # of cleanlab's soft minimum, its own default for pooling (arXiv 2211.13895)


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
                estimate = errors_left(score[rest], score[asked], wrong[asked].astype(float), seed=loop)
                covered.append(estimate.low <= wrong[rest].sum() <= estimate.high)
                share = (wrong[asked].sum() + 1.35) / (audits + 2.71)  # Wilson's centre at 90 %
                plain = 2 * 1.645 * np.sqrt(share * (1 - share) / audits) * len(rest)
                ratio.append((estimate.high - estimate.low) / plain)
        coverage[f"{rate:.0%}"], width[f"{rate:.0%}"] = float(np.mean(covered)), float(np.mean(ratio))
        print(
            f"true error rate {rate:.0%}: covered {coverage[f'{rate:.0%}']:.2f}, "
            f"width over binomial {width[f'{rate:.0%}']:.2f}",
            flush=True,
        )
    return {"coverage": coverage, "width_over_binomial": {k: round(v, 3) for k, v in width.items()}}


@dataclass(frozen=True)
class Choice:
    """What a ranking asks about next.

    Attributes:
        rows: Artworks, worst first.
        asked: For each attribute whether its label is asked about, shape ``(N,)``.
        scores: Our score of each label by attribute; empty for others.
    """

    rows: Ints
    asked: dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]
    scores: dict[str, Floats]


class Loop:
    """A reviewer who is right 95 times in 100 works through the artworks that a ranking puts first."""

    def __init__(self, bench: Bench, attributes: Sequence[str], rate: float, seed: int) -> None:
        self.bench = bench
        self.rng = np.random.default_rng(seed)
        self.true = {name: bench.data.labels[name] for name in attributes}
        self.labels = {}
        for place, (name, true) in enumerate(self.true.items()):
            self.labels[name] = true.copy()
            for kind in TESTED:
                planted, wrong = bench.plant(name, kind, rate / len(TESTED), 100 * seed + place)
                self.labels[name][wrong] = planted[wrong]
        self.reviewed = np.zeros(len(bench.data.groups), dtype=bool)
        self.settled = {name: self.reviewed.copy() for name in self.true}
        self.answers: dict[str, list[tuple[int, int, bool]]] = {name: [] for name in self.true}
        self.probs: dict[str, Floats] = {}
        self.trace: list[tuple[int, float]] = []
        self.retrain()

    def retrain(self) -> None:
        """Train on the labels as they are now; note the errors left and the test accuracy."""
        self.probs = {name: self.bench.probs(name, labels) for name, labels in self.labels.items()}
        errors = sum(int((self.labels[name] != true).sum()) for name, true in self.true.items())
        right = [
            (self.probs[name].argmax(axis=1) == true)[true >= 0].mean() for name, true in self.true.items()
        ]
        self.trace.append((errors, round(float(np.mean(right)), 4)))

    def review(self, choice: Choice) -> int:
        """Let the reviewer answer; return how many labels were found wrong."""
        errors = 0
        for name, true in self.true.items():
            for row in choice.rows[(true[choice.rows] >= 0) & choice.asked[name][choice.rows]].tolist():
                given, answer = int(self.labels[name][row]), int(true[row])
                if self.rng.random() > ACCURACY:
                    other = int(self.rng.integers(len(self.bench.data.classes[name]) - 1))
                    answer = other + (other >= answer)
                wrong = answer != given
                errors += wrong
                self.answers[name].append((row, given, wrong))
                self.labels[name][row] = answer
                self.settled[name][row] = True
        self.reviewed[choice.rows] = True
        self.retrain()
        return errors

    def ours(self, limit: int) -> Choice:
        """Choose as ``curate push`` does."""
        scores = self.score()
        issues = []
        for name, scored in scores.items():
            for row in issue_rows_of(scored, self.settled[name].astype(np.int8)).tolist():
                pair = (int(self.labels[name][row]), int(scored.suggested[row]))
                issues.append(OpenIssue(row, name, float(scored.score[row]), str(row), pair))
        issues.sort(key=lambda issue: issue.score)
        items = rank(issues, len(self.true), None, set(np.flatnonzero(self.reviewed).tolist()))[:limit]
        asked = {name: np.zeros(len(self.reviewed), dtype=bool) for name in self.true}
        for item in items:
            for name in item.attributes:
                asked[name][item.artwork_id] = True
        rows = np.array([item.artwork_id for item in items], dtype=np.int64)
        return Choice(rows, asked, {name: scored.score for name, scored in scores.items()})

    def score(self) -> dict[str, LabelScores]:
        """Score the labels as they are now, with what was found so far."""
        data = self.bench.data
        columns = [
            replace(column, reviewed=self.settled[column.attribute].astype(np.int8))
            if column.attribute in self.true
            else column
            for column in columns_of(data, {**data.labels, **self.labels}, self.probs)
        ]
        verdicts = {name: _findings(answers) for name, answers in self.answers.items() if answers}
        scores = score_labels(
            columns,
            groups=data.groups,
            embedding=data.embedding,
            folds=data.folds,
            layers=data.layers,
            verdicts=verdicts,
            seed=0,
        )
        return {name: scores[name] for name in self.true}

    def cleanlab(self, limit: int, pool: Callable[[Floats], Floats]) -> Choice:
        """Choose by cleanlab's self-confidence, pooled over the attributes."""
        scores = [
            cleanlab_score(self.labels[name], self.probs[name], "cleanlab self_confidence")
            for name in self.true
        ]
        order = np.argsort(pool(np.nan_to_num(np.stack(scores, axis=1), nan=np.inf)), kind="stable")
        everything = np.ones(len(order), dtype=bool)
        return Choice(order[~self.reviewed[order]][:limit], dict.fromkeys(self.true, everything), {})

    def forecast(self, choice: Choice) -> tuple[float, float]:
        """Return the yield to be expected of a choice, and how sure one may be to come within 25 %."""
        asked = np.concatenate(
            [s[choice.rows][choice.asked[n][choice.rows]] for n, s in choice.scores.items()]
        )
        none = np.empty(0)  # the model is retrained each round: no verdict is on these scores
        expected = forecast_yield(asked, none, none).expected
        chance = 1.0 - asked[np.isfinite(asked)]
        middle, spread = chance.sum(), max(float(np.sqrt((chance * (1.0 - chance)).sum())), 1e-6)
        return expected, float(np.diff(norm.cdf(np.array([middle / 1.25, middle / 0.75]), middle, spread))[0])


def _findings(answers: Sequence[tuple[int, int, bool]]) -> Findings:
    rows, given, wrong = zip(*answers, strict=True)
    return Findings(np.array(rows), np.array(given), np.array(wrong, dtype=bool))


def _soft_min(scores: Floats) -> Floats:
    """Pool as cleanlab does for several scores of one image; infinite where there is no label."""
    lowest = scores.min(axis=1, keepdims=True)
    weights = np.exp(-(scores - lowest) / SHARPNESS, where=np.isfinite(scores), out=np.zeros_like(scores))
    pooled: Floats = (weights * np.where(np.isfinite(scores), scores, 0.0)).sum(axis=1)
    return np.where(weights.any(axis=1), pooled / np.maximum(weights.sum(axis=1), 1e-9), np.inf)


POOLS: dict[str, Callable[[Floats], Floats]] = {
    "minimum": lambda scores: scores.min(axis=1),
    "soft minimum": _soft_min,
}


def loop(
    bench: Bench,
    seeds: int,
    batch: int,
    rounds: int,
    *,
    rate: float = RATE,
    attributes: Sequence[str] = ("style", "genre"),
) -> dict[str, object]:
    """Return reviews to half the errors over cleanlab's, and how good the forecasts were.

    Every ranking goes on until half the errors are gone; ours at least ``rounds`` rounds.
    """
    ratios, within, reachable = [], [], []
    traces: dict[str, list[list[tuple[int, float]]]] = {}
    for seed in range(seeds):
        state = Loop(bench, attributes, rate, seed)
        while len(state.trace) <= rounds or not _halved(state.trace):
            choice = state.ours(batch)
            expected, reach = state.forecast(choice)
            errors = state.review(choice)
            if len(state.trace) > 2 and len(choice.rows) == batch:
                within.append(abs(errors - expected) <= 0.25 * errors)
                reachable.append(reach)
            print(f"  expected {expected:.0f}, found {errors}", flush=True)
        traces.setdefault("ours", []).append(state.trace)
        for name, pool in POOLS.items():
            state = Loop(bench, attributes, rate, seed)
            while not _halved(state.trace) and len(state.trace) <= MOST_ROUNDS:
                state.review(state.cleanlab(batch, pool))
            traces.setdefault(f"cleanlab, {name}", []).append(state.trace)
        reviews = {name: reviews_to_half(runs[-1], batch) for name, runs in traces.items()}
        ratios.append(reviews["ours"] / min(reviews[f"cleanlab, {name}"] for name in POOLS))
        for name, runs in traces.items():
            print(f"seed {seed}, {name}: half after {reviews[name]:.0f} reviews; {runs[-1]}", flush=True)
    return {
        "reviews_to_half": round(float(np.mean(ratios)), 3),
        "reviews_to_half_by_seed": [round(ratio, 3) for ratio in ratios],
        "forecast_within_25": round(float(np.mean(within)), 3),
        "forecast_reachable": round(float(np.mean(reachable)), 3),
        "forecast_rounds": len(within),
        "trace": traces,
    }


def _halved(trace: Sequence[tuple[int, float]]) -> bool:
    return trace[-1][0] <= trace[0][0] / 2


def reviews_to_half(trace: Sequence[tuple[int, float]], batch: int) -> float:
    """Return the reviews at which the errors fall to half, between rounds in proportion."""
    errors = [left for left, _ in trace]
    for number, (before, after) in enumerate(pairwise(errors)):
        if after <= errors[0] / 2:
            return batch * (number + (before - errors[0] / 2) / max(before - after, 1))
    return float(batch * (len(errors) - 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder with labels.csv and images")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "curate-benchmark")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="at least this many of ours, for the forecasts")
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--attributes", nargs="+", default=["style", "genre"])
    parser.add_argument("--audits", type=int, default=0, help="instead: audit verdicts of the errors left")
    args = parser.parse_args()
    bench = Bench(load_paintings(args.data, args.cache))
    if args.audits:
        figures = audit(bench, args.audits, 100)
    else:
        figures = loop(bench, args.seeds, args.batch, args.rounds, rate=args.rate, attributes=args.attributes)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
