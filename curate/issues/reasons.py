"""Why a label is flagged: the numbers, and the same in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from curate.issues.base_models.evidence import Refit
from curate.issues.base_models.members import Members
from curate.issues.columns import Evidence, Floats, Ints

SHOWN_NEIGHBOURS = 10
MENTIONED = 0.2  # probability from which on a misplaced artwork is spoken of


@dataclass(frozen=True)
class Reasons:
    """The evidence of one attribute, worked out for the rows that someone looks at."""

    refit: Refit
    suggested: Ints
    p_label: Floats
    p_suggested: Floats
    misplaced: Floats  # probability that all labels are another artwork's, shape (N,)

    @cached_property
    def _groups(self) -> Members:
        return Members(self.refit.models.groups)

    @cached_property
    def _related(self) -> list[Members]:
        return [Members(related.values) for related in self.refit.models.related]

    def evidence(self, row: int) -> Evidence:
        """Return the numbers behind one score, ready for JSON."""
        if np.isnan(self.p_label[row]):
            return {}
        evidence: Evidence = {"model": self._model(row)}
        margins = self.refit.models.column.margins
        if margins is not None and np.isfinite(margins[row]):
            evidence["training_margin"] = _round(margins[row])
        for name, count in (("neighbours", self._neighbours(row)), ("duplicates", self._duplicates(row))):
            if count:
                evidence[name] = count
        if self.misplaced[row] > MENTIONED:
            evidence["misplaced"] = _round(self.misplaced[row])
        records = [self._record(row, place) for place in range(len(self.refit.records))]
        if any(records):
            evidence["records"] = [record for record in records if record]
        return evidence

    def reason(self, row: int) -> str:
        """Say why in words; empty where the label was not judged or nothing else was possible.

        Only what speaks for the suggestion is said; where nothing does, that no class is clear. Reviewers
        read it on the card, after "Looks like …:".
        """
        if np.isnan(self.p_label[row]) or self.suggested[row] < 0:
            return ""
        label, other = self._name(self.refit.labels[row]), self._name(self.suggested[row])
        near, duplicates = self._neighbours(row), self._duplicates(row)
        record = self._record(row, 0) if self.refit.records else {}
        parts = []
        if self.p_suggested[row] > self.p_label[row]:
            said = f"{other} {self.p_suggested[row]:.2f}, {label} {self.p_label[row]:.2f}"
            parts.append(f"the model says {said}")
        if near and near["suggested"] > near["label"]:
            parts.append(f"{near['suggested']} of the {near['of']} nearest in looks are {other}")
        if record and int(record["label"]) <= int(record["suggested"]):
            count = int(record["label"])
            counted = f"{count or 'none'} {'are' if count > 1 else 'is'} {label}"
            parts.append(f"of {record['of']} others of this {record['by']} {counted}")
        if duplicates and duplicates["other"]:
            parts.append(f"the same picture is also listed as {self._name(duplicates['class'])}")
        if not parts:
            parts.append(self._unlike(row, near))
        if self.misplaced[row] > MENTIONED:
            parts.append("none of its labels fits the picture: they may be another artwork's")
        return "; ".join(parts)

    def _unlike(self, row: int, near: dict[str, int]) -> str:
        """Say what little the model and the nearest tell, where neither speaks for the suggestion."""
        label = self._name(self.refit.labels[row])
        counted = f", {near['label']} of the {near['of']} nearest in looks are it" if near else ""
        return f"no class is clear (the model gives {label} {self.p_label[row]:.2f}{counted})"

    def _model(self, row: int) -> dict[str, float | None]:
        other = self.p_suggested[row]
        return {"label": _round(self.p_label[row]), "suggested": None if np.isnan(other) else _round(other)}

    def _label(self, row: int) -> str:
        return f"{self._name(self.refit.models.column.labels[row])} {self.p_label[row]:.2f}"

    def _name(self, index: int) -> str:
        return self.refit.models.column.classes[index]

    def _neighbours(self, row: int) -> dict[str, int]:
        if self.refit.models.neighbours is None:
            return {}
        near = self.refit.models.neighbours.rows[row]
        given = self.refit.labels[near[near >= 0]]
        given = given[given >= 0][:SHOWN_NEIGHBOURS]
        return self._count(row, given) if len(given) else {}

    def _duplicates(self, row: int) -> dict[str, int]:
        members = self._groups.of(int(self.refit.models.groups[row]))
        given = self.refit.labels[members[members != row]]
        given = given[given >= 0]
        if len(given) == 0:
            return {}
        other = given[given != self.refit.labels[row]]
        first = {"class": int(np.bincount(other).argmax())} if len(other) else {}
        return {"of": len(given), "other": len(other), **first}

    def _record(self, row: int, place: int) -> dict[str, int | str]:
        related = self.refit.models.related[place]
        if related.values[row] < 0:
            return {}
        members = self._related[place].of(int(related.values[row]))
        outside = members[self.refit.models.groups[members] != self.refit.models.groups[row]]
        given = self.refit.labels[outside]
        given = given[given >= 0]
        return {"by": related.name, **self._count(row, given)} if len(given) else {}

    def _count(self, row: int, given: Ints) -> dict[str, int]:
        label, suggested = self.refit.labels[row], self.suggested[row]
        return {
            "of": len(given),
            "label": int((given == label).sum()),
            "suggested": int((given == suggested).sum()) if suggested >= 0 else 0,
        }


def _round(value: float) -> float:
    return round(float(value), 4)
