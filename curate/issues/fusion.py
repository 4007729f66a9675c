"""Learn what errors look like in these very labels, without knowing any: plant some, and find them.

Further errors of several kinds are planted into the labels; the witnesses take note of them; a detector
learns to tell the planted from the rest, never judging an artwork it has learnt from; the shares of the
kinds are then estimated on the labels as they stand. The labels found doubtful are set right by
suggestion and it starts again, so that the detector learns from labels with fewer errors of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from curate.issues.columns import Findings, Floats, Ints
from curate.issues.detector import adapt, as_found, cross_fit, detect
from curate.issues.evidence import CHUNK, Joint, Testimony, Witnesses, features, fit_joint
from curate.issues.judges import Matrix
from curate.issues.planting import PLANTED, confusion, plant

ROUNDS = 3
PLANTED_SHARE = 0.12
EXAMPLES = 18_000
WIDE, WIDE_EXAMPLES, WIDE_ROUNDS = 200, 6_000, 2  # with so many classes each example costs more
FEWEST = 60  # labels; below, nothing can be learnt
REPAIRED_ABOVE = 0.5


@dataclass(frozen=True)
class Fused:
    """What the fusion found at the scorable rows.

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


def fuse(
    witnesses: Witnesses,
    parts: Ints,
    rng: np.random.Generator,
    *,
    findings: Findings | None = None,
    kinds: tuple[str, ...] = PLANTED,
    rounds: int = ROUNDS,
) -> Fused | None:
    """Judge every scorable label of one attribute; None where there is too little to learn from.

    Args:
        witnesses: What speaks about the labels.
        parts: Which of several parts an artwork belongs to, whole duplicate groups in one, shape ``(N,)``;
            the detector that judges a part has not learnt from it.
        rng: Where the planted errors come from.
        findings: What reviewers found; it counts in the shares of the kinds.
        kinds: The kinds of error to plant.
        rounds: How often to repair and learn again.
    """
    column = witnesses.column
    rows = np.flatnonzero(column.scorable)
    if len(rows) < FEWEST or witnesses.width < 2:
        return None
    standing = witnesses.hear(column.labels)
    cleaned = column.labels.copy()
    trusted = np.ones(len(cleaned))
    fused: Fused | None = None
    for _ in range(rounds if witnesses.width <= WIDE else min(rounds, WIDE_ROUNDS)):
        heard = standing if fused is None else witnesses.hear(cleaned)
        confusions = confusion(cleaned, column.pred_probs)
        most = EXAMPLES // 3 if witnesses.width <= WIDE else WIDE_EXAMPLES // 3
        sample = rows[np.unique(np.linspace(0, len(rows) - 1, most).astype(np.int64))]
        joint = fit_joint(heard.opinions(sample), cleaned[sample])
        examples = _plant_examples(witnesses, cleaned, trusted, joint, confusions, rows, kinds, rng)
        if examples is None:
            return fused
        fused = _judge(standing, joint, confusions, examples, rows, parts, kinds, findings)
        trusted[rows] = 1.0 - fused.wrong
        cleaned[rows] = np.where(fused.wrong > REPAIRED_ABOVE, fused.suggested, column.labels[rows])
    return fused


def _plant_examples(
    witnesses: Witnesses,
    labels: Ints,
    trusted: Floats,
    joint: Joint,
    confusions: Floats,
    rows: Ints,
    kinds: tuple[str, ...],
    rng: np.random.Generator,
) -> Examples | None:
    """Plant errors several times over and return the features of what was planted and what was not."""
    wanted = EXAMPLES if witnesses.width <= WIDE else WIDE_EXAMPLES
    copies = int(np.clip(round(wanted / len(rows)), 1, 6))
    quota = wanted // copies
    parts = []
    for _ in range(copies):
        planted, kind = plant_mixture(witnesses, labels, rows, confusions, kinds, rng)
        heard = witnesses.hear(planted)
        kept, weight = _sample(kind, rows, quota, rng)
        right = kind[kept] == 0
        parts.append(
            Examples(
                features(heard, joint, confusions, kept, planted[kept]),
                kind[kept],
                kept,
                np.where(right, np.maximum(trusted[kept], 1e-3), 1.0) * weight,
            )
        )
    found = Examples(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )
    return found if (found.kinds > 0).sum() >= 10 else None


def plant_mixture(
    witnesses: Witnesses,
    labels: Ints,
    rows: Ints,
    confusions: Floats,
    kinds: tuple[str, ...],
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """Return labels with errors planted among ``rows``, and the kind at each artwork, 0 for none.

    A kind that many artworks cannot have (the artist paints in one style only) is tried more often.
    """
    related = witnesses.related[0].values if witnesses.related else None
    chosen = rows[rng.random(len(rows)) < PLANTED_SHARE * (1.15 if related is not None else 1.0)]
    odds = np.array([1.6 if kind == "related" else 1.0 for kind in kinds])
    drawn = rng.choice(len(kinds), size=len(chosen), p=odds / odds.sum())
    planted, kind = labels.copy(), np.zeros(len(labels), dtype=np.int64)
    for number, name in enumerate(kinds):
        at = chosen[drawn == number]
        wrong = plant(rng, labels, at, name, confusions=confusions, related=related)
        at, wrong = at[wrong >= 0], wrong[wrong >= 0]
        planted[at], kind[at] = wrong, number + 1
    return planted, kind


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


def _judge(
    standing: Testimony,
    joint: Joint,
    confusions: Floats,
    examples: Examples,
    rows: Ints,
    parts: Ints,
    kinds: tuple[str, ...],
    findings: Findings | None,
) -> Fused:
    """Apply to each part of the labels as they stand what was learnt from the other parts.

    The shares of the kinds are those of all labels as they came. Reviewers are asked about what looks wrong:
    among the labels that they left, few errors look like those that were planted, and by these labels alone
    there would seem to be none.
    """
    column = standing.witnesses.column
    width = len(kinds) + 1
    detectors = cross_fit(
        examples.features,
        examples.kinds,
        examples.weights,
        parts[examples.rows],
        np.unique(parts[rows]),
        width,
    )

    def kinds_of(asked: Ints, given: Ints) -> Floats:
        return detect(detectors, features(standing, joint, confusions, asked, given), parts[asked], width)

    counted = np.bincount(examples.kinds, weights=examples.weights, minlength=width)
    planted: Floats = counted / counted.sum()
    probs, counts = kinds_of(rows, standing.labels[rows]), (column.reviewed[rows] == 0).astype(np.float64)
    if findings is not None:
        found = findings.among(rows)
        probs = np.concatenate([probs, as_found(kinds_of(found.rows, found.given), found.wrong)])
        counts = np.concatenate([counts, np.ones(len(found.rows))])
    moved, shares = adapt(probs, planted, counts)
    moved = moved[: len(rows)]

    def judge(asked: Ints, given: Ints) -> Floats:
        odds = kinds_of(asked, given) * shares / np.maximum(planted, 1e-9)
        wrong: Floats = 1.0 - odds[:, 0] / odds.sum(axis=1)
        return wrong

    suggested = _suggest(standing, joint, rows)
    named = {name: float(share) for name, share in zip(kinds, shares[1:], strict=True)}
    return Fused(rows, 1.0 - moved[:, 0], suggested, named, judge)


def _suggest(standing: Testimony, joint: Joint, rows: Ints) -> Ints:
    """Return the likeliest other class under the joint, shape ``(len(rows),)``."""
    suggested = np.empty(len(rows), dtype=np.int64)
    for start in range(0, len(rows), CHUNK):
        some = slice(start, start + CHUNK)
        opinion = joint.log_probs(standing.opinions(rows[some]))
        opinion[np.arange(len(opinion)), standing.labels[rows[some]]] = -np.inf
        suggested[some] = opinion.argmax(axis=1)
    return suggested
