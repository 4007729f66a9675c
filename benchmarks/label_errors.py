"""How many reviews an error costs: our ranking against cleanlab, FiftyOne and single pieces of evidence.

Run it as ``python -m benchmarks.label_errors --data ../shared/data/wikiart224``. Label errors are planted
into real paintings; every method gets the same out-of-fold probabilities. It prints a table and, last,
one JSON line:

* ``auprc``, ``auprc_cleanlab_best``: means over style and genre and the kinds of error; the best cleanlab
  score is the one with the highest mean
* ``headroom_closed``: (ours - best) / (1 - best)
* ``precision_at_n``: ours, among as many labels as there are errors, by attribute and kind
* ``reviews_over_cleanlab``: reviews an error found costs us over what it costs cleanlab's best, by budget
* ``coverage``: how often the 90 % interval for the errors left holds the truth, by true error rate;
  ``width_over_binomial``: its width over the plain binomial's (``--audits``)
* ``reviews_to_half``: reviews until half the errors are gone, over cleanlab's; ``forecast_within_25``: share
  of rounds from the second on whose yield was within 25 % of the forecast (``--loop``)

``--without KIND`` leaves a kind out of what the fusion trains on, not out of what it is tested on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks.painting_data import Paintings, load_paintings, out_of_fold, plant_errors
from curate.issues import (
    Findings,
    LabelColumn,
    LabelScores,
    artwork_order,
    errors_left,
    expected_yield,
    find_neighbours,
    score_labels,
    soft_min,
)
from curate.issues.planting import KINDS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
TESTED = ("uniform", "confusable", "same-artist")
BUDGETS = (0.01, 0.05, 0.10)
CLEANLAB = {
    "cleanlab self_confidence": ("self_confidence", False),
    "cleanlab normalized_margin": ("normalized_margin", False),
    "cleanlab confidence_weighted_entropy": ("confidence_weighted_entropy", False),
    "cleanlab self_confidence, adjusted": ("self_confidence", True),
    "cleanlab normalized_margin, adjusted": ("normalized_margin", True),
}


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


def margin(log_probs: Floats, labels: Ints) -> Floats:
    """Return the given class's log-probability over the best other's."""
    at = np.arange(len(labels))
    others = log_probs.copy()
    others[at, labels] = -np.inf
    apart: Floats = log_probs[at, labels] - others.max(axis=1)
    return apart


def artist_record(labels: Ints, artist: Ints, width: int) -> Floats:
    """Return the smoothed leave-one-out shares of the classes among the artist's other works."""
    known = np.flatnonzero(labels >= 0)
    counts = np.zeros((artist.max() + 1, width))
    np.add.at(counts, (artist[known], labels[known]), 1.0)
    own = counts[artist]
    own[known, labels[known]] -= 1.0
    share = np.bincount(labels[known], minlength=width) / len(known)
    smoothed = own + share
    record: Floats = smoothed / smoothed.sum(axis=1, keepdims=True)
    return record


def neighbour_vote(data: Paintings, labels: Ints, width: int, count: int = 10) -> Floats:
    """Return the given label's share among the ten nearest, shape ``(N,)``."""
    near = find_neighbours(data.embedding, data.groups, count).rows
    agree = (labels[near] == labels[:, None]) & (near >= 0)
    jitter = np.random.default_rng(0).random(len(labels)) * 1e-3
    votes: Floats = agree.sum(axis=1) / count + jitter
    return votes


def other_methods(data: Paintings, labels: Ints, probs: Floats) -> dict[str, Floats]:
    """Return what every other method says of each label, lower is worse; NaN where there is none."""
    known = np.flatnonzero(labels >= 0)
    given, p = labels[known], probs[known]
    found: dict[str, Floats] = {}
    for name, (method, adjusted) in CLEANLAB.items():
        found[name] = get_label_quality_scores(given, p, method=method, adjust_pred_probs=adjusted)
    best = p.max(axis=1)
    found["FiftyOne mistakenness"] = -np.where(p.argmax(axis=1) == given, 1.0 - best, 1.0 + best) / 2.0
    record = np.log(artist_record(labels, data.codes["artist"], probs.shape[1])[known])
    found["kNN vote"] = neighbour_vote(data, labels, probs.shape[1])[known]
    found["artist record, margin"] = margin(record, given)
    found["log-odds sum"] = margin(record + np.log(p), given)
    found["random"] = np.random.default_rng(0).random(len(known))
    return {name: _spread(values, known, len(labels)) for name, values in found.items()}


def _spread(values: Floats, rows: Ints, count: int) -> Floats:
    full = np.full(count, np.nan)
    full[rows] = values
    return full


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


def compare(bench: Bench, rates: list[float], seeds: int, attributes: list[str]) -> dict[str, object]:
    """Print the table of methods and return the figures for the JSON line."""
    table: dict[str, dict[tuple[str, str, float], list[dict[str, float]]]] = defaultdict(dict)
    for attribute in attributes:
        for kind in TESTED:
            for rate in rates:
                for seed in range(seeds):
                    for name, figures in bench.one(attribute, kind, rate, seed).items():
                        table[name].setdefault((attribute, kind, rate), []).append(figures)
                _print_scenario(table, (attribute, kind, rate))
    main = [(a, k, r) for a in attributes for k in TESTED for r in rates if a != "artist" and r == 0.10]
    return _summary(table, main or list(table["ours"]))


def _print_scenario(
    table: dict[str, dict[tuple[str, str, float], list[dict[str, float]]]], key: tuple[str, str, float]
) -> None:
    print(f"\n{key[0]}, {key[1]}, {key[2]:.0%}   AUPRC (sd over seeds)  at n   reviews an error at 1/5/10 %")
    for name, scenarios in sorted(table.items(), key=lambda item: -_mean(item[1][key], "auprc")):
        runs = scenarios[key]
        spread = np.std([run["auprc"] for run in runs])
        costs = " ".join(f"{_mean(runs, f'reviews {budget:.0%}'):6.2f}" for budget in BUDGETS)
        figure = f"{_mean(runs, 'auprc'):.3f} ({spread:.3f})"
        print(f"  {name:38s} {figure}        {_mean(runs, 'at_n'):.3f}  {costs}", flush=True)


def _mean(runs: list[dict[str, float]], name: str) -> float:
    return float(np.mean([run[name] for run in runs]))


def _summary(
    table: dict[str, dict[tuple[str, str, float], list[dict[str, float]]]], main: list[tuple[str, str, float]]
) -> dict[str, object]:
    means = {name: float(np.mean([_mean(table[name][key], "auprc") for key in main])) for name in table}
    best = max(CLEANLAB, key=lambda name: means[name])
    paired = {}
    for rival in ("cleanlab self_confidence", "kNN vote", "artist record, margin", "log-odds sum"):
        for key in main:
            ours, theirs = ([run["auprc"] for run in table[name][key]] for name in ("ours", rival))
            apart = np.array(ours) - np.array(theirs)
            error = 1.645 * apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else 0.0
            paired[f"{key[0]} {key[1]} over {rival}"] = [
                round(apart.mean(), 3),
                round(apart.mean() - error, 3),
            ]
    costs = {
        f"{budget:.0%}": round(
            float(
                np.mean([_mean(table["ours"][key], f"reviews {budget:.0%}") for key in main])
                / np.mean([_mean(table[best][key], f"reviews {budget:.0%}") for key in main])
            ),
            3,
        )
        for budget in BUDGETS
    }
    return {
        "auprc": round(means["ours"], 4),
        "auprc_cleanlab_best": round(means[best], 4),
        "cleanlab_best": best,
        "headroom_closed": round((means["ours"] - means[best]) / (1 - means[best]), 4),
        "auprc_by_kind": {
            f"{k[0]} {k[1]}": round(_mean(table["ours"][k], "auprc"), 3) for k in table["ours"]
        },
        "precision_at_n": {
            f"{k[0]} {k[1]}": round(_mean(table["ours"][k], "at_n"), 3) for k in table["ours"]
        },
        "reviews_over_cleanlab": costs,
        "difference_and_lower_90": paired,
    }


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
        scores = [
            other_methods(self.bench.data, self.labels[n], probs[n])["cleanlab self_confidence"]
            for n in self.true
        ]
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder with labels.csv and images")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "curate-benchmark")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.10])
    parser.add_argument("--attributes", nargs="+", default=["style", "genre"])
    parser.add_argument("--without", choices=KINDS, action="append", default=[])
    parser.add_argument("--audits", type=int, default=0, help="audit verdicts in the simulated estimates")
    parser.add_argument("--loop", type=int, default=0, help="seeds of the simulated loop")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    bench = Bench(
        load_paintings(args.data, args.cache), tuple(kind for kind in KINDS if kind not in args.without)
    )
    parts: list[Callable[[], dict[str, object]]] = []
    if args.seeds:
        parts.append(lambda: compare(bench, args.rates, args.seeds, args.attributes))
    if args.audits:
        parts.append(lambda: audit(bench, args.audits, 100))
    if args.loop:
        parts.append(lambda: loop(bench, args.loop, args.batch, args.rounds))
    print(json.dumps({name: value for part in parts for name, value in part().items()}))


if __name__ == "__main__":
    main()
