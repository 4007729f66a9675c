"""Learn what errors look like in these very labels, without knowing any: plant some, and find them.

Further errors of several kinds are planted into the labels; the base models are refitted to them; a detector
learns to tell the planted from the rest, never judging an artwork it has learnt from; the shares of the
kinds are then estimated on the labels as they are. The labels that it flags are replaced by
the suggested ones, and it starts again, so that the detector learns from labels with fewer errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from curate.issues.base_models.closed_form import Matrix
from curate.issues.base_models.evidence import BaseModels, Pool, Refit, fit_pool
from curate.issues.columns import Findings, Floats, Ints
from curate.issues.planted.detector import adapt, as_found, cross_fit, detect
from curate.issues.planted.features import Described, features
from curate.issues.planted.planting import PLANTED, confusion, plant

ROUNDS = 3
PLANTED_SHARE = 0.12
EXAMPLES = 18_000
MOST_COPIES = 6  # times that the same labels are planted into
WIDE, WIDE_EXAMPLES, WIDE_ROUNDS = 200, 6_000, 2  # with this many classes each example costs more
FEWEST = 60  # labels; below, nothing can be learnt
FEWEST_PLANTED = 10
LEAST_WEIGHT = 1e-3
REPAIRED_ABOVE = 0.5
RELATED_TRIED = 1.6  # an artist may have one class only: errors of this kind are tried more often


@dataclass(frozen=True)
class Judged:
    """What was found at the scorable rows.

    Attributes:
        rows: The scorable rows, shape ``(n,)``.
        wrong: Probability that the label is wrong, shape ``(n,)``.
        suggested: Likeliest other class, shape ``(n,)``.
        shares: Estimated share of each kind of error, by name.
        judge: The same probability for any artworks (rows) as if each bore any label (class indices).
    """

    rows: Ints
    wrong: Floats
    suggested: Ints
    shares: dict[str, float]
    judge: Callable[[Ints, Ints], Floats] | None = None


@dataclass(frozen=True)
class Examples:
    """Labels of known kind with their features."""

    features: Matrix
    kinds: Ints
    rows: Ints
    weights: Floats


@dataclass(frozen=True)
class State:
    """The labels that errors are planted into, and what describes them.

    Attributes:
        labels: Class indices, shape ``(N,)``: as they are, or repaired.
        trusted: How far each is trusted as an example of a right label, shape ``(N,)``.
        pool: The base models, weighted by these labels.
        confusions: Which class is taken for which, shape ``(K, K)``.
    """

    labels: Ints
    trusted: Floats
    pool: Pool
    confusions: Floats


@dataclass(frozen=True)
class PlantedErrors:
    """Detection of errors like those planted, in one attribute.

    Attributes:
        models: The base models.
        parts: Which of several parts an artwork belongs to, whole duplicate groups in one, shape ``(N,)``;
            the detector that judges a part has not learnt from it.
        kinds: The kinds of error to plant.
        findings: What reviewers found; it counts in the shares of the kinds.
    """

    models: BaseModels
    parts: Ints
    kinds: tuple[str, ...] = PLANTED
    findings: Findings | None = None

    @property
    def rows(self) -> Ints:
        """The scorable rows."""
        return np.flatnonzero(self.models.column.scorable)

    @property
    def wide(self) -> bool:
        """Whether there are too many classes for all the examples."""
        return self.models.width > WIDE

    def detect(self, rng: np.random.Generator) -> Judged | None:
        """Judge every scorable label; None where there is too little to learn from."""
        column, rows = self.models.column, self.rows
        if len(rows) < FEWEST or self.models.width < 2 or not self.kinds:
            return None
        current = self.models.refit(column.labels)
        described = Described.of(len(rows), self.models.width)
        labels, trusted = column.labels.copy(), np.ones(len(column.labels))
        judged: Judged | None = None
        pool: Pool | None = None
        for _ in range(WIDE_ROUNDS if self.wide else ROUNDS):
            refit = current if judged is None else self.models.refit(labels)
            pool = self._pool(refit, pool)
            state = State(labels, trusted, pool, confusion(labels, column.pred_probs))
            examples = self._examples(state, rng)
            if examples is None:
                return judged
            judged = self._judge(current, described, state, examples)
            trusted[rows] = 1.0 - judged.wrong
            labels[rows] = np.where(judged.wrong > REPAIRED_ABOVE, judged.suggested, column.labels[rows])
        return judged

    def _pool(self, refit: Refit, before: Pool | None) -> Pool:
        most = (WIDE_EXAMPLES if self.wide else EXAMPLES) // 3
        sample = self.rows[np.unique(np.linspace(0, len(self.rows) - 1, most).astype(np.int64))]
        return fit_pool(refit.log_probs(sample), refit.labels[sample], before)

    def _examples(self, state: State, rng: np.random.Generator) -> Examples | None:
        """Plant errors several times over and return the features of what was planted and what was not."""
        wanted = WIDE_EXAMPLES if self.wide else EXAMPLES
        copies = int(np.clip(round(wanted / len(self.rows)), 1, MOST_COPIES))
        parts = []
        for _ in range(copies):
            planted, kind = self._plant(state, rng)
            refit = self.models.refit(planted)
            kept, weight = _sample(kind, self.rows, wanted // copies, rng)
            right = kind[kept] == 0
            inputs, _ = features(refit, state.pool, state.confusions, kept, planted[kept])
            weight = np.where(right, np.maximum(state.trusted[kept], LEAST_WEIGHT), 1.0) * weight
            parts.append((inputs, kind[kept], kept, weight))
        examples = Examples(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        return examples if (examples.kinds > 0).sum() >= FEWEST_PLANTED else None

    def _plant(self, state: State, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Return labels with errors planted, and the kind at each artwork, 0 for none."""
        related = self.models.related[0].values if self.models.related else None
        rows, labels = self.rows, state.labels
        chosen = rows[rng.random(len(rows)) < PLANTED_SHARE * (1.15 if related is not None else 1.0)]
        odds = np.array([RELATED_TRIED if kind == "related" else 1.0 for kind in self.kinds])
        drawn = rng.choice(len(self.kinds), size=len(chosen), p=odds / odds.sum())
        planted, kind = labels.copy(), np.zeros(len(labels), dtype=np.int64)
        for number, name in enumerate(self.kinds):
            at = chosen[drawn == number]
            wrong = plant(rng, labels, at, name, confusions=state.confusions, related=related)
            at, wrong = at[wrong >= 0], wrong[wrong >= 0]
            planted[at], kind[at] = wrong, number + 1
        return planted, kind

    def _judge(self, current: Refit, described: Described, state: State, examples: Examples) -> Judged:
        """Apply to each part of the labels as they are what was learnt from the other parts.

        The shares of the kinds are those of all labels as they came. Reviewers are asked about what looks
        wrong: among the labels that they left, few errors look like those that were planted, and by these
        labels alone there would seem to be none.
        """
        column, rows, parts = self.models.column, self.rows, self.parts
        width = len(self.kinds) + 1
        detectors = cross_fit(
            features=examples.features,
            kinds=examples.kinds,
            weights=examples.weights,
            parts=parts[examples.rows],
            wanted=np.unique(parts[rows]),
            width=width,
        )

        def kinds_of(asked: Ints, given: Ints, described: Described | None = None) -> tuple[Floats, Ints]:
            inputs, other = features(
                refit=current,
                pool=state.pool,
                confusions=state.confusions,
                rows=asked,
                given=given,
                described=described,
            )
            return detect(detectors, inputs, parts[asked], width), other

        counted = np.bincount(examples.kinds, weights=examples.weights, minlength=width)
        planted: Floats = counted / counted.sum()
        probs, suggested = kinds_of(rows, column.labels[rows], described)
        counts = (column.reviewed[rows] == 0).astype(np.float64)
        if self.findings is not None:
            findings = self.findings.among(rows)
            probs = np.concatenate(
                [probs, as_found(kinds_of(findings.rows, findings.given)[0], findings.wrong)]
            )
            counts = np.concatenate([counts, np.ones(len(findings.rows))])
        moved, shares = adapt(probs, planted, counts)
        moved = moved[: len(rows)]

        def judge(asked: Ints, given: Ints) -> Floats:
            odds = kinds_of(asked, given)[0] * shares / np.maximum(planted, 1e-9)
            wrong: Floats = 1.0 - odds[:, 0] / odds.sum(axis=1)
            return wrong

        named = {name: float(share) for name, share in zip(self.kinds, shares[1:], strict=True)}
        return Judged(rows, 1.0 - moved[:, 0], suggested, named, judge)


def _sample(kind: Ints, rows: Ints, quota: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Choose at most ``quota`` rows, up to a third of them planted; weights keep the true proportions."""
    planted, right = rows[kind[rows] > 0], rows[kind[rows] == 0]
    some = planted if len(planted) <= quota // 3 else rng.choice(planted, quota // 3, replace=False)
    rest = quota - len(some)
    others = right if len(right) <= rest else rng.choice(right, rest, replace=False)
    weight = [
        np.full(len(some), len(planted) / max(len(some), 1)),
        np.full(len(others), len(right) / max(len(others), 1)),
    ]
    return np.concatenate([some, others]), np.concatenate(weight)
