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
from pathlib import Path

import numpy as np

from benchmarks.label_errors_bench import BUDGETS, TESTED, Bench
from benchmarks.label_errors_rivals import CLEANLAB
from benchmarks.painting_data import load_paintings
from benchmarks.review_loop import audit, loop
from curate.issues.planting import KINDS


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
