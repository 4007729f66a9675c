"""Find artworks that have all the labels of another, as where the rows of a list slipped against the images.

One attribute alone can't tell: where the artist is wrong too, the record of that artist speaks for the wrong
style. Looked at together, none of the labels fits the image. What that looks like here is
learnt from rows that are moved on purpose, beside artworks that have a single label replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from curate.issues.base_models.closed_form import Matrix
from curate.issues.base_models.evidence import chunks, given_margin, log_of
from curate.issues.base_models.quality import best_other
from curate.issues.columns import IMPORTED, Floats, Ints, LabelColumn
from curate.issues.planted.detector import Detector, adapt, cross_fit, detect
from curate.issues.planted.learning import Judged
from curate.issues.planted.planting import MISPLACED

ROUNDS = 8
PLANTED_SHARE = 0.12
EXAMPLES = 9_000
FEWEST = 60  # artworks with two labels; below, nothing can be learnt
RIGHT, MOVED = 0, 1  # kinds of artworks; from 2 on: one attribute's label is wrong


@dataclass(frozen=True)
class Misplaced:
    """How likely each artwork has the labels of another.

    Attributes:
        probability: Shape ``(N,)``; 0 where fewer than two labels can be compared or a reviewer saw one.
        share: Estimated share among the artworks that could be compared.
        fits: How well the current labels fit.
        parts: The part of each artwork, shape ``(N,)``.
        compared: Where there are two labels to compare, shape ``(N,)``.
        detectors: What was learnt, by the part that it has not learnt from.
        ratio: Estimated over planted share of each kind, shape ``(C,)``.
    """

    probability: Floats
    share: float
    fits: Fits
    parts: Ints
    compared: NDArray[np.bool_]
    detectors: dict[int, Detector]
    ratio: Floats

    def with_label(self, attribute: str, rows: Ints, given: Ints) -> Floats:
        """Return the probability for artworks as if this attribute had these labels, ``(len(rows),)``."""
        if attribute not in self.fits.names:
            return self.probability[rows]
        place = self.fits.names.index(attribute)
        margins, present = self.fits.margins[rows].copy(), self.fits.present[rows].copy()
        margins[:, place], present[:, place] = _margins(self.fits.columns[place], rows, given)
        numbers = _features(margins, present)
        odds = detect(self.detectors, numbers, self.parts[rows], len(self.ratio)) * self.ratio
        moved: Floats = odds[:, MOVED] / odds.sum(axis=1)
        return np.where(self.compared[rows], moved, 0.0)

    def joined_with(self, judged: Judged, column: LabelColumn) -> Judged:
        """Return what was found of one attribute, with this taken into account.

        A misplaced artwork's label is wrong unless the other one happens to have the same.
        """
        labelled = column.labels[column.labels >= 0]
        shares = np.bincount(labelled, minlength=len(column.classes)) / max(len(labelled), 1)

        def either(wrong: Floats, misplaced: Floats, given: Ints) -> Floats:
            chance: Floats = 1.0 - (1.0 - wrong) * (1.0 - misplaced * (1.0 - shares[given]))
            return chance

        def judge(asked: Ints, given: Ints) -> Floats:
            assert judged.judge is not None
            return either(judged.judge(asked, given), self.with_label(column.attribute, asked, given), given)

        given, likely = column.labels[judged.rows], self.probability[judged.rows]
        suggested, misled = judged.suggested.copy(), likely > judged.wrong
        suggested[misled], _ = best_other(given[misled], column.pred_probs[judged.rows[misled]])
        return replace(
            judged,
            wrong=either(judged.wrong, likely, given),
            suggested=suggested,
            shares={**judged.shares, MISPLACED: self.share},
            judge=None if judged.judge is None else judge,
        )


def find_misplaced(columns: Sequence[LabelColumn], parts: Ints, seed: int) -> Misplaced | None:
    """Judge every artwork; None where too few have two labels to compare.

    Args:
        columns: The attributes, over the same N artworks.
        parts: Which of several parts an artwork belongs to, shape ``(N,)``; the detector that judges a part
            has not learnt from it.
        seed: Where the planted errors come from.
    """
    fits = Fits.of(columns)
    reviewed = np.any([column.reviewed != IMPORTED for column in columns], axis=0)
    compared = fits.present.sum(axis=1) >= 2
    rows = np.flatnonzero(compared)
    if len(rows) < FEWEST:
        return None
    rng = np.random.default_rng([seed, 1])
    width, numbers = 2 + len(fits.names), _features(fits.margins[rows], fits.present[rows])
    probability = np.zeros(len(parts))
    misplaced: Misplaced | None = None
    for _ in range(ROUNDS):
        features, kinds, at = fits.planted(rows, rng)
        weights = np.where(kinds == RIGHT, np.maximum(1.0 - probability[at], 1e-3), 1.0)
        detectors = cross_fit(
            features=features,
            kinds=kinds,
            weights=weights,
            parts=parts[at],
            wanted=np.unique(parts[rows]),
            width=width,
        )
        planted = np.bincount(kinds, weights=weights, minlength=width) / weights.sum()
        probs = detect(detectors, numbers, parts[rows], width)
        moved, shares = adapt(probs, planted, np.where(reviewed[rows], 0.0, 1.0))
        probability[rows] = np.where(reviewed[rows], 0.0, moved[:, MOVED])
        ratio = shares / np.maximum(planted, 1e-9)
        misplaced = Misplaced(
            probability=probability,
            share=float(shares[MOVED]),
            fits=fits,
            parts=parts,
            compared=compared,
            detectors=detectors,
            ratio=ratio,
        )
    return misplaced


@dataclass(frozen=True)
class Fits:
    """How well each label of an artwork fits its image: the margin over the best other class.

    Attributes:
        columns: The attributes, by name.
        margins: Difference of log-probabilities, shape ``(N, A)``; 0 where unknown.
        present: Shape ``(N, A)``.
    """

    columns: tuple[LabelColumn, ...]
    margins: Matrix
    present: NDArray[np.bool_]

    @classmethod
    def of(cls, columns: Sequence[LabelColumn]) -> Fits:
        """Judge all labels as they are now; attributes without any that could be judged are left out."""
        count = len(columns[0].labels)
        judged = {c.attribute: _margins(c, np.arange(count), c.labels) for c in columns}
        kept = sorted((c for c in columns if judged[c.attribute][1].any()), key=lambda c: c.attribute)
        margins, present = np.zeros((count, len(kept)), np.float32), np.zeros((count, len(kept)), bool)
        for place, column in enumerate(kept):
            margins[:, place], present[:, place] = judged[column.attribute]
        return cls(tuple(kept), margins, present)

    @property
    def names(self) -> list[str]:
        """The attributes, in the order of the columns of ``margins``."""
        return [column.attribute for column in self.columns]

    def planted(self, rows: Ints, rng: np.random.Generator) -> tuple[Matrix, Ints, Ints]:
        """Return the features, kinds and rows of artworks, some with planted errors."""
        wanted = max(1, round(EXAMPLES / len(rows)))
        parts = [self._planted(rows, rng) for _ in range(min(wanted, 6))]
        features, kinds, at = (np.concatenate(part) for part in zip(*parts, strict=True))
        return features, kinds, at

    def _planted(self, rows: Ints, rng: np.random.Generator) -> tuple[Matrix, Ints, Ints]:
        rows = rows if len(rows) <= EXAMPLES else np.sort(rng.choice(rows, EXAMPLES, replace=False))
        margins, present = self.margins[rows].copy(), self.present[rows].copy()
        kinds = np.zeros(len(rows), dtype=np.int64)
        chosen = np.flatnonzero(rng.random(len(rows)) < 2 * PLANTED_SHARE)
        kinds[chosen] = MOVED
        single = chosen[rng.random(len(chosen)) < 0.5]
        kinds[single] = 2 + rng.integers(len(self.columns), size=len(single))
        bearers = rng.choice(rows, size=len(rows))
        for place, column in enumerate(self.columns):
            at = np.flatnonzero((kinds == MOVED) | (kinds == 2 + place))
            margins[at, place], present[at, place] = _margins(column, rows[at], column.labels[bearers[at]])
        return _features(margins, present), kinds, rows


def _margins(column: LabelColumn, rows: Ints, given: Ints) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return the margins of some labels at some artworks, and where there is one, ``(len(rows),)``."""
    margins, present = np.zeros(len(rows), dtype=np.float32), np.zeros(len(rows), dtype=bool)
    if len(column.classes) < 2:
        return margins, present
    for some in chunks(len(rows), len(column.classes)):
        probs = column.pred_probs[rows[some]]
        present[some] = (given[some] >= 0) & np.isfinite(probs).all(axis=1)
        at = np.flatnonzero(present[some])
        margins[some.start + at] = given_margin(log_of(probs[at]), given[some][at])[1]
    return margins, present


def _features(margins: Matrix, present: NDArray[np.bool_]) -> Matrix:
    """Return what tells misplaced rows, shape ``(n, F)``: each margin, and how well the best label fits."""
    best = np.where(present, margins, -np.inf).max(axis=1)
    best = np.where(np.isfinite(best), best, 0.0).astype(np.float32)
    columns = [margins, np.minimum(margins, 0.0), present, best[:, None], np.minimum(best, 0.0)[:, None]]
    features: Matrix = np.concatenate(columns, axis=1).astype(np.float32)
    return features
