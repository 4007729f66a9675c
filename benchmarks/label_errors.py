"""How many reviews an error costs: our ranking against cleanlab, Datalab, FiftyOne and single evidence.

Run it as ``python -m benchmarks.label_errors --data ../shared/data/wikiart224``. Label errors are planted
into real paintings; every method gets the same out-of-fold probabilities, ours reads embedding and layers of
the images too, as in a run (``--no-layers`` leaves those out). It prints tables and, last,
one JSON line:

* ``auprc``, ``auprc_cleanlab_best``: means over style and genre and the kinds of error at 10 %; the best
  cleanlab score (Datalab's among them) is the one with the highest mean
* ``headroom_closed``: (ours - best) / (1 - best)
* ``precision_at_n``: ours, among as many labels as there are errors, by attribute and kind
* ``reviews_over_cleanlab``: reviews an error found costs us over what it costs cleanlab's best, by budget
* ``difference``: ours less each single piece of evidence and the log-odds sum: mean and 90 % interval
* ``filters``: precision and recall of cleanlab's filters at their own cut, and our precision in as many

Further parts, each by its flag and under its name in the JSON line: ``--rates 0.05 0.20``, ``--alone`` (that
attribute is all there is), ``--artists``,
``--duplicates`` (one of two copies of a picture has another class), ``--all-attributes`` (every kind in every
attribute at once), ``--misplaced`` (some artworks bear all the labels of another), ``--without all`` (each
kind left out of what the fusion learns from, and tested on), and of the simulated reviews
(``review_loop.py``):

* ``--audits N``: ``coverage``, how often the 90 % interval for the errors left holds the truth, by true error
  rate; ``width_over_binomial``: its width over the plain binomial's
* ``--loop SEEDS``: ``reviews_to_half``: reviews until half the errors are gone, over cleanlab's;
  ``forecast_within_25``: share of rounds from the second on whose yield was within 25 % of the forecast
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.label_errors_bench import TESTED, TESTED_ARTISTS, Bench
from benchmarks.label_errors_rivals import SINGLE
from benchmarks.label_errors_tables import Figures, Key, Table, show_filters, summary
from benchmarks.painting_data import load_paintings
from benchmarks.review_loop import audit, loop

MAIN_RATE = 0.10


def compare(bench: Bench, keys: Sequence[Key], seeds: Sequence[int]) -> dict[str, object]:
    """Rank and filter in some scenarios, print the tables and return the figures."""
    rankings, filtered = Table(), Table()
    for key in keys:
        for seed in seeds:
            ranks, flags = bench.one(*key, seed)
            rankings.add(key, ranks)
            filtered.add(key, flags)
        rankings.show(key)
    rivals = [name for name in (*SINGLE, "log-odds sum") if name in rankings.runs[keys[0]]]
    rankings.show_over(keys, rivals)
    return {
        **summary(rankings, keys),
        "difference": {rival: rankings.over(keys, rival) for rival in rivals},
        "filters": show_filters(filtered, keys),
    }


def everywhere(
    scenario: Callable[[float, int], dict[str, Figures]], name: str, seeds: Sequence[int]
) -> dict[str, object]:
    """Rank where every attribute has errors at once."""
    table = Table()
    for seed in seeds:
        for attribute, figures in scenario(MAIN_RATE, seed).items():
            table.add(Key(attribute, name, MAIN_RATE), figures)
    for key in table.runs:
        table.show(key)
    return summary(table, list(table.runs))


def left_out(bench: Bench, kinds: Sequence[str], seeds: Sequence[int]) -> dict[str, object]:
    """Rank errors of a kind that the fusion has never seen, beside a fusion that has."""
    table = Table()
    for key in _keys(("style", "genre"), kinds, MAIN_RATE):
        for seed in seeds:
            table.add(key, bench.without(*key, seed))
        table.show(key)
    figures: dict[str, object] = {}
    for key in table.runs:
        methods = ("ours", "ours, without this kind", table.best_cleanlab([key]))
        figures[str(key)] = {method: round(table.mean([key], method, "auprc"), 3) for method in methods}
    return figures


def _keys(attributes: Sequence[str], kinds: Sequence[str], rate: float) -> list[Key]:
    return [Key(attribute, kind, rate) for attribute in attributes for kind in kinds]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder with labels.csv and images")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "curate-benchmark")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rates", type=float, nargs="+", default=[], help="further error rates")
    parser.add_argument("--attributes", nargs="+", default=["style", "genre"])
    parser.add_argument("--alone", action="store_true", help="also with that attribute alone, no artist")
    parser.add_argument("--no-layers", action="store_true", help="without statistics of the layers")
    parser.add_argument("--artists", action="store_true")
    parser.add_argument("--duplicates", action="store_true")
    parser.add_argument("--all-attributes", action="store_true")
    parser.add_argument("--misplaced", action="store_true")
    parser.add_argument("--without", choices=(*TESTED, "all"), help="leave a kind out, and test on it")
    parser.add_argument("--audits", type=int, default=0, help="audit verdicts in the simulated estimates")
    parser.add_argument("--loop", type=int, default=0, help="seeds of the simulated loop")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    data = load_paintings(args.data, args.cache)
    if args.no_layers:
        data = replace(data, layers=None)
    bench, seeds = Bench(data), range(args.first_seed, args.first_seed + args.seeds)
    figures: dict[str, object] = {}
    if seeds:
        figures |= compare(bench, _keys(args.attributes, TESTED, MAIN_RATE), seeds)
    parts: dict[str, Callable[[], dict[str, object]]] = {}
    for rate in args.rates:
        keys = _keys(args.attributes, TESTED, rate)
        parts[f"{rate:.0%}"] = partial(compare, bench, keys, seeds)
    if args.alone:
        keys = _keys(args.attributes, TESTED, MAIN_RATE)
        parts["alone"] = partial(compare, Bench(data, alone=True), keys, seeds)
    if args.artists:
        keys = _keys(["artist"], TESTED_ARTISTS, MAIN_RATE)
        parts["artists"] = partial(compare, bench, keys, seeds)
    if args.duplicates:
        twice = Bench(data.with_twins(2 * MAIN_RATE))
        keys = _keys(("style", "genre"), ["duplicate-conflict"], MAIN_RATE)
        parts["duplicates"] = partial(compare, twice, keys, seeds)
    if args.all_attributes:
        parts["all_attributes"] = partial(everywhere, bench.all_at_once, "all at once", seeds)
    if args.misplaced:
        parts["misplaced"] = partial(everywhere, bench.misplaced, "misplaced", seeds)
    if args.without:
        kinds = TESTED if args.without == "all" else (args.without,)
        parts["without"] = partial(left_out, bench, kinds, seeds)
    for name, part in parts.items():
        print(f"\n== {name}", flush=True)
        figures[name] = part()
    if args.audits:
        figures |= audit(bench, args.audits, 100)
    if args.loop:
        figures |= loop(bench, args.loop, args.batch, args.rounds)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
