"""What ``curate.find_issues`` found: tables, estimates, an order of review, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from curate.arrays.labels import Ints, LabelTable
from curate.errors import InvalidInput
from curate.issues import Estimate, LabelColumn, LabelScores, artwork_order, expected_wrong
from curate.issues.columns import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 10
"""Labels that a notebook shows."""


class Issues:
    """The labels of N artworks, each with the estimated probability that it is wrong.

    Attributes:
        notes: What was presumed about the arrays, in sentences; also shown in a notebook.
        paths: The images' files, one an artwork, if they were given.
    """

    def __init__(
        self,
        columns: Mapping[str, LabelColumn],
        scores: Mapping[str, LabelScores],
        table: LabelTable,
        groups: Ints,
        paths: list[str | None] | None,
    ) -> None:
        self._columns, self._scores, self._table = columns, scores, table
        self._groups = groups
        self.notes = tuple(table.notes)
        self.paths = paths

    def __len__(self) -> int:
        """Return the number of artworks, N."""
        return self._table.count

    def __repr__(self) -> str:
        return f"<Issues: {self.summary()}>"

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes whose labels were judged."""
        return tuple(name for name in self._columns if np.isfinite(self._scores[name].score).any())

    def summary(self) -> str:
        """Return what was found, in one sentence."""
        parts = []
        for name in self.attributes:
            wrong, judged = self.expected(name), int(np.isfinite(self._scores[name].score).sum())
            parts.append(
                f"{name} about {wrong.value:.0f} wrong of {judged} ({wrong.low:.0f} to {wrong.high:.0f})"
            )
        return f"{len(self)} artworks; " + "; ".join(parts)

    def probability_wrong(self, attribute: str | None = None) -> Floats:
        """Return the estimated probability that each label is wrong, shape ``(N,)``; NaN where not judged.

        Args:
            attribute: Which; may be left out where only one was judged.
        """
        wrong: Floats = 1.0 - self._scores[self._one(attribute)].score
        return wrong

    def expected(self, attribute: str | None = None) -> Estimate:
        """Estimate how many labels are wrong.

        Args:
            attribute: Of this attribute only; of all together if left out.

        Returns:
            The estimate with its 90 % interval. It is ``assumed``: it rests on the scores, which nobody has
            checked; a review of labels drawn at random would measure it.
        """
        names = self.attributes if attribute is None else (self._one(attribute),)
        return expected_wrong([self._scores[name] for name in names])

    def to_frame(self, attribute: str | None = None, *, reasons: bool = True) -> pd.DataFrame:
        """Return every judged label, the likeliest wrong first.

        Columns: ``row`` (place in the arrays, from 0), ``attribute``, ``label``, ``suggested`` (the likeliest
        other class), ``probability_wrong``, ``p_label`` and ``p_suggested`` (the model's uncalibrated
        probabilities), ``reason``; ``index`` and ``path`` where labels had an index or paths were given.

        Args:
            attribute: Only this one.
            reasons: False leaves the reasons out, which makes a large table faster.
        """
        names = self.attributes if attribute is None else (self._one(attribute),)
        frame = pd.concat([self._scored(name) for name in names], ignore_index=True)
        frame = frame.sort_values("probability_wrong", ascending=False, kind="stable", ignore_index=True)
        return self._told(frame, reasons)

    def top(self, k: int = 20, attribute: str | None = None) -> pd.DataFrame:
        """Return the ``k`` labels that are likeliest wrong; columns as in ``to_frame``."""
        _check_count(k)
        return self._told(self.to_frame(attribute, reasons=False).head(k), reasons=True)

    def queue(self, k: int | None = None) -> pd.DataFrame:
        """Return the artworks in the order in which to review them, the most expected errors first.

        A review settles all labels of an artwork, and one kind of issue does not fill the list; duplicates of
        an artwork that comes earlier go last. Columns: ``row``, ``expected_errors`` (how many of its labels
        are wrong), ``issues`` (attribute, label and suggestion of each likely error), ``index``, ``path``.

        Args:
            k: How many; all if left out.
        """
        if k is not None:
            _check_count(k)
        names = self.attributes
        columns = [self._columns[name] for name in names]
        rows = artwork_order(columns, self._scores, groups=self._groups, limit=k)
        wrong = np.stack([self.probability_wrong(name) for name in names], axis=1)[rows]
        issues = [
            "; ".join(
                f"{name}: {self._label(name, row)} → {self._suggested(name, row)}"
                for name, chance in sorted(zip(names, chances, strict=True), key=lambda pair: -pair[1])
                if chance >= 0.5
            )
            for row, chances in zip(rows.tolist(), np.nan_to_num(wrong), strict=True)
        ]
        frame = pd.DataFrame({"row": rows, "expected_errors": np.nansum(wrong, axis=1), "issues": issues})
        return self._placed(frame)

    def plot(self) -> Figure:
        """Draw the errors expected in the first n reviews, and the commonest label issues."""
        from curate.arrays.display import draw

        return draw(self)

    def to_fiftyone(self, name: str) -> Any:
        """Make a FiftyOne dataset of the images, each label with its issue beside it.

        Args:
            name: The dataset's name; one that is there already is not touched.

        Returns:
            The dataset; ``fiftyone.launch_app(dataset)`` shows it.

        Raises:
            InvalidInput: No paths were given.
            CurateError: FiftyOne or its MongoDB is missing, or the name is taken.
        """
        from review.fiftyone.dataset.from_arrays import make_dataset

        if self.paths is None:
            raise InvalidInput("The images' files are not known. Give find_issues their paths=[…].")
        frame = self.to_frame()
        return make_dataset(name, self.paths, [dict(issue) for _, issue in frame.iterrows()])

    def _repr_html_(self) -> str:
        from curate.arrays.display import as_html

        return as_html(self, SHOWN)

    def _one(self, attribute: str | None) -> str:
        """Return an attribute that was judged, by its name or because it is the only one."""
        names = self.attributes
        if attribute is None and len(names) == 1:
            return names[0]
        if attribute not in names:
            raise InvalidInput(f"{attribute!r} was not judged. These were: {', '.join(names)}.")
        return attribute

    def _scored(self, name: str) -> pd.DataFrame:
        scores = self._scores[name]
        rows = np.flatnonzero(np.isfinite(scores.score))
        return pd.DataFrame(
            {
                "row": rows,
                "attribute": name,
                "label": [self._label(name, row) for row in rows.tolist()],
                "suggested": [self._suggested(name, row) for row in rows.tolist()],
                "probability_wrong": 1.0 - scores.score[rows],
                "p_label": scores.p_label[rows],
                "p_suggested": scores.p_suggested[rows],
            }
        )

    def _label(self, name: str, row: int) -> str:
        return self._columns[name].classes[int(self._columns[name].labels[row])]

    def _suggested(self, name: str, row: int) -> str | None:
        at = int(self._scores[name].suggested[row])
        return self._columns[name].classes[at] if at >= 0 else None

    def _told(self, frame: pd.DataFrame, reasons: bool) -> pd.DataFrame:
        """Add the reasons, and where each artwork is."""
        if reasons:
            told = [
                self._scores[name].reason(row)
                for name, row in zip(frame["attribute"], frame["row"], strict=True)
            ]
            frame = frame.assign(reason=pd.Series(told, index=frame.index, dtype=object))
        return self._placed(frame)

    def _placed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the caller's names of the rows, and the paths."""
        if self._table.index is not None and "index" not in frame:
            frame = frame.assign(index=self._table.index[frame["row"]])
        if self.paths is not None and "path" not in frame:
            frame = frame.assign(path=[self.paths[row] for row in frame["row"]])
        return frame


def _check_count(k: int) -> None:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InvalidInput(f"k is {k!r}. Give a whole number of at least 1.")
