"""What goes into label scoring, and what comes out: plain arrays, one column an attribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Evidence = dict[str, object]

IMPORTED, REVIEWED, ATYPICAL = 0, 1, 2  # values of LabelColumn.reviewed


@dataclass(frozen=True)
class LabelColumn:
    """The labels of one attribute and what a run predicted for it, over N artworks and K classes.

    Attributes:
        attribute: The attribute's name, for instance ``style``.
        classes: The display key of each class, in the order of the columns of ``pred_probs``.
        labels: Given class indices, shape ``(N,)``; -1 where the label is missing or its class too rare.
        pred_probs: Out-of-sample class probabilities, shape ``(N, K)``; a row of NaN where there are none.
        reviewed: Shape ``(N,)``: 0 imported only, 1 confirmed or corrected by a reviewer, 2 found to be
            right although atypical of its class.
        margins: Training dynamics, shape ``(N,)``: the mean over the first epochs of the given label's logit
            minus the largest other logit, in models that trained on it, if the run kept them; NaN where none.
        codes: The label of every artwork, rare classes too, as any integers, shape ``(N,)``; negative where
            missing. An artist with two works is not a class of the run, but still has a record.
    """

    attribute: str
    classes: tuple[str, ...]
    labels: Ints
    pred_probs: NDArray[np.floating]
    reviewed: NDArray[np.int8]
    margins: Floats | None = None
    codes: Ints | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that disagree; scoring them would blame the wrong artworks."""
        count, width = len(self.labels), len(self.classes)
        if self.pred_probs.shape != (count, width):
            raise ValueError(
                f"pred_probs of {self.attribute} have shape {self.pred_probs.shape}, "
                f"expected ({count}, {width}): one row a label and one column a class."
            )
        if self.reviewed.shape != (count,):
            raise ValueError(
                f"reviewed of {self.attribute} has shape {self.reviewed.shape}, expected ({count},)."
            )
        check_labels(self.labels, width)

    @property
    def values(self) -> Ints:
        """What to pool records by, shape ``(N,)``: ``codes``, or the labels where there are none."""
        return self.labels if self.codes is None else self.codes

    @cached_property
    def scorable(self) -> NDArray[np.bool_]:
        """Where a label meets a prediction, shape ``(N,)``; everything else stays unscored."""
        finite: NDArray[np.bool_] = np.isfinite(self.pred_probs).all(axis=1)
        return (self.labels >= 0) & finite


def evidence_only(attribute: str, codes: Ints) -> LabelColumn:
    """Return an attribute that nothing predicts: none of its labels is scored, and all speak of the others.

    Args:
        attribute: Its name.
        codes: Its labels as any integers, shape ``(N,)``; negative where missing.
    """
    count = len(codes)
    nothing = np.full((count, 1), np.nan)
    labels = np.full(count, -1, dtype=np.int64)
    return LabelColumn(attribute, ("",), labels, nothing, np.zeros(count, dtype=np.int8), codes=codes)


def check_labels(labels: Ints, width: int) -> None:
    """Raise ValueError when a label is neither a class index nor -1."""
    outside = (labels < -1) | (labels >= width)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(
            f"Label {labels[row]} at row {row} is outside 0..{width - 1} ({outside.sum()} such rows)."
        )


def _no_evidence(_row: int) -> Evidence:
    return {}


def _no_reason(_row: int) -> str:
    return ""


@dataclass(frozen=True)
class Findings:
    """What reviewers found about labels of one attribute, right ones and wrong ones.

    Attributes:
        rows: The artworks, shape ``(V,)``.
        given: The label that was asked about, shape ``(V,)``; a corrected label has since changed.
        wrong: Whether it was found wrong, shape ``(V,)``.
    """

    rows: Ints
    given: Ints
    wrong: NDArray[np.bool_]

    def among(self, rows: Ints) -> Findings:
        """Return what was found about these artworks, of labels whose class the run knows."""
        kept = np.isin(self.rows, rows) & (self.given >= 0)
        return Findings(self.rows[kept], self.given[kept], self.wrong[kept])


@dataclass(frozen=True)
class Estimate:
    """A number with its 90 % interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.
        audits: How many audit verdicts it rests on.
        assumed: Fewer than fifty: it rests on the scores, which nobody has checked.
    """

    value: float
    low: float
    high: float
    audits: int
    assumed: bool


NOTHING_EXPECTED = Estimate(0.0, 0.0, 0.0, 0, True)


@dataclass(frozen=True)
class LabelScores:
    """How far each label of one attribute can be trusted, and which class it should be instead.

    Attributes:
        attribute: The attribute's name.
        score: The estimated probability that the label is right, shape ``(N,)``, in [0, 1]; lower is
            worse; NaN where unscored (no label, a rare class, no prediction).
        suggested: The likeliest other class, shape ``(N,)``; -1 where unscored or where there is none.
        p_label: Uncalibrated out-of-sample probability of the given label, shape ``(N,)``.
        p_suggested: The same of the suggested class; NaN where there is none.
        kinds: Estimated share of the labels that are errors of each kind; empty where too little is known.
        expected: How many of the labels that no reviewer has judged are wrong, with its 90 % interval; the
            value is the sum of ``1 - score`` over them.
        clarity: How clearly the image shows some class, whichever, shape ``(N,)``: from 0, all are as likely,
            to 1, one is certain; NaN where there is no prediction for a label.
        before_review: The score as if no reviewer had judged the label, shape ``(N,)``, if it differs.
    """

    attribute: str
    score: Floats
    suggested: Ints
    p_label: Floats
    p_suggested: Floats
    kinds: dict[str, float] = field(default_factory=dict)
    before_review: Floats | None = None
    expected: Estimate = NOTHING_EXPECTED
    clarity: Floats | None = None
    _evidence: Callable[[int], Evidence] = field(default=_no_evidence, repr=False)
    _reason: Callable[[int], str] = field(default=_no_reason, repr=False)

    def evidence(self, row: int) -> Evidence:
        """Return the numbers behind the score of one label, ready for JSON; worked out when asked for."""
        return self._evidence(int(row))

    def reason(self, row: int) -> str:
        """Say in words why the label of one artwork is flagged."""
        return self._reason(int(row))
