"""What the label-error benchmark measures, and how it is shown: tables, means, paired differences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student
from sklearn.metrics import average_precision_score

from benchmarks.label_errors_rivals import CLEANLAB
from benchmarks.painting_data import Floats

Flags = NDArray[np.bool_]
Figures = dict[str, dict[str, float]]  # by method, then by figure
BUDGETS = (0.01, 0.05, 0.10)


class Key(NamedTuple):
    """What was tested: errors of one kind in one attribute, at one rate."""

    attribute: str
    kind: str
    rate: float

    def __str__(self) -> str:
        """Read as a person would call it."""
        return f"{self.attribute} {self.kind}"


def measure(score: Floats, wrong: Flags) -> dict[str, float]:
    """Return AUPRC, precision at n, and reviews an error costs at each budget."""
    finite = np.isfinite(score)
    score, wrong = score[finite], wrong[finite]
    worst = wrong[np.argsort(score, kind="stable")]
    figures = {"auprc": average_precision_score(wrong, -score), "at_n": worst[: wrong.sum()].mean()}
    for budget in BUDGETS:
        asked = round(budget * len(worst))
        figures[f"reviews {budget:.0%}"] = asked / max(worst[:asked].sum(), 0.5)
    return {name: float(value) for name, value in figures.items()}


def measure_flags(flags: Flags, ours: Floats, wrong: Flags) -> dict[str, float]:
    """Return a filter's precision and recall, and our precision among as many labels."""
    cut = int(flags.sum())
    worst = np.argsort(np.where(np.isfinite(ours), ours, np.inf), kind="stable")[:cut]
    return {
        "flagged": float(cut),
        "precision": float(wrong[flags].sum() / max(cut, 1)),
        "recall": float(wrong[flags].sum() / max(wrong.sum(), 1)),
        "ours": float(wrong[worst].sum() / max(cut, 1)),
    }


class Table:
    """The figures of every method in every scenario, one for each seed."""

    def __init__(self) -> None:
        self.runs: dict[Key, dict[str, list[dict[str, float]]]] = defaultdict(lambda: defaultdict(list))

    def add(self, key: Key, figures: Mapping[str, Mapping[str, float]]) -> None:
        """Keep the figures of one seed."""
        for method, values in figures.items():
            self.runs[key][method].append(dict(values))

    def of(self, key: Key, method: str, figure: str) -> Floats:
        """Return a method's figures, one a seed."""
        return np.array([run[figure] for run in self.runs[key][method]])

    def mean(self, keys: Iterable[Key], method: str, figure: str) -> float:
        """Return a method's mean over scenarios of its mean over seeds."""
        return float(np.mean([self.of(key, method, figure).mean() for key in keys]))

    def best_cleanlab(self, keys: Sequence[Key]) -> str:
        """Return the one cleanlab score with the highest mean AUPRC."""
        return max(CLEANLAB, key=lambda method: self.mean(keys, method, "auprc"))

    def over(self, keys: Sequence[Key], rival: str, method: str = "ours") -> dict[str, list[float]]:
        """Return by scenario the mean paired difference in AUPRC and its 90 % interval."""
        gains = {}
        for key in keys:
            apart = self.of(key, method, "auprc") - self.of(key, rival, "auprc")
            error = 0.0
            if len(apart) > 1:
                error = student.ppf(0.95, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
            gains[str(key)] = [round(float(apart.mean() + by), 3) for by in (0.0, -error, error)]
        return gains

    def show(self, key: Key) -> None:
        """Print every method's figures in one scenario, best first."""
        print(f"\n{key}, {key.rate:.0%}   AUPRC (sd over seeds)  at n   reviews an error at 1/5/10 %")
        for method in sorted(self.runs[key], key=lambda method: -self.mean([key], method, "auprc")):
            values = self.of(key, method, "auprc")
            costs = " ".join(
                f"{self.mean([key], method, f'reviews {budget:.0%}'):6.2f}" for budget in BUDGETS
            )
            at_n = self.mean([key], method, "at_n")
            print(
                f"  {method:38s} {values.mean():.3f} ({values.std():.3f})        {at_n:.3f}  {costs}",
                flush=True,
            )

    def show_over(self, keys: Sequence[Key], rivals: Iterable[str]) -> None:
        """Print ours less each rival, paired by seed."""
        print("\nours less a rival, AUPRC paired by seed: mean [90 % interval]")
        for rival in rivals:
            for name, (mean, low, high) in self.over(keys, rival).items():
                print(f"  {name:24s} {rival:32s} {mean:+.3f} [{low:+.3f}, {high:+.3f}]", flush=True)


def summary(table: Table, keys: Sequence[Key]) -> dict[str, object]:
    """Return what the JSON line says of some scenarios."""
    best = table.best_cleanlab(keys)
    ours, theirs = table.mean(keys, "ours", "auprc"), table.mean(keys, best, "auprc")
    reviews = {
        f"{budget:.0%}": [table.mean(keys, method, f"reviews {budget:.0%}") for method in ("ours", best)]
        for budget in BUDGETS
    }
    return {
        "auprc": round(ours, 4),
        "auprc_cleanlab_best": round(theirs, 4),
        "cleanlab_best": best,
        "headroom_closed": round((ours - theirs) / (1 - theirs), 4),
        "auprc_by_kind": {str(key): round(table.mean([key], "ours", "auprc"), 3) for key in keys},
        "cleanlab_by_kind": {str(key): round(table.mean([key], best, "auprc"), 3) for key in keys},
        "precision_at_n": {str(key): round(table.mean([key], "ours", "at_n"), 3) for key in keys},
        "reviews_an_error": {budget: round(ours, 3) for budget, (ours, _) in reviews.items()},
        "reviews_over_cleanlab": {
            budget: round(ours / rival, 3) for budget, (ours, rival) in reviews.items()
        },
    }


def show_filters(table: Table, keys: Sequence[Key]) -> dict[str, object]:
    """Print each filter at its own cut, means over the scenarios, and return the same."""
    print("\nfilters, means over the scenarios   flagged  precision  recall  our precision in as many")
    means_by_method: dict[str, object] = {}
    for method in table.runs[keys[0]]:
        means = {
            figure: table.mean(keys, method, figure) for figure in ("flagged", "precision", "recall", "ours")
        }
        flagged, precision, recall, ours = means.values()
        print(f"  {method:32s} {flagged:8.0f}  {precision:9.3f}  {recall:6.3f}  {ours:.3f}", flush=True)
        means_by_method[method] = {figure: round(value, 3) for figure, value in means.items()}
    return means_by_method
