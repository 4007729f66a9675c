"""Why a label is doubted: the numbers, and the same in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from curate.issues.columns import Evidence, Floats, Ints
from curate.issues.evidence import Testimony, Witnesses
from curate.issues.members import Members

SHOWN_NEIGHBOURS = 10
MENTIONED = 0.2  # probability from which on a misplaced artwork is spoken of


@dataclass(frozen=True)
class Reasons:
    """The evidence of one attribute, worked out for the rows that someone looks at."""

    witnesses: Witnesses
    standing: Testimony
    suggested: Ints
    p_label: Floats
    p_suggested: Floats
    misplaced: Floats  # probability that all labels are another artwork's, shape (N,)

    @cached_property
    def _groups(self) -> Members:
        return Members(self.witnesses.groups)

    @cached_property
    def _related(self) -> list[Members]:
        return [Members(related.values) for related in self.witnesses.related]

    def evidence(self, row: int) -> Evidence:
        """Return the numbers behind one score, ready for JSON."""
        if np.isnan(self.p_label[row]):
            return {}
        evidence: Evidence = {"model": self._model(row)}
        margins = self.witnesses.column.margins
        if margins is not None and np.isfinite(margins[row]):
            evidence["training_margin"] = _round(margins[row])
        for name, count in (("neighbours", self._neighbours(row)), ("duplicates", self._duplicates(row))):
            if count:
                evidence[name] = count
        if self.misplaced[row] > MENTIONED:
            evidence["misplaced"] = _round(self.misplaced[row])
        records = [self._record(row, place) for place in range(len(self.standing.records))]
        if any(records):
            evidence["records"] = [record for record in records if record]
        return evidence

    def reason(self, row: int) -> str:
        """Say why in words; empty where the label was not judged or nothing else was possible."""
        if np.isnan(self.p_label[row]) or self.suggested[row] < 0:
            return ""
        parts = [f"model: {self._name(self.suggested[row])} {self.p_suggested[row]:.2f}, {self._label(row)}"]
        near, twins = self._neighbours(row), self._duplicates(row)
        if near:
            parts.append(f"{near['suggested']} of {near['of']} nearest are {self._name(self.suggested[row])}")
        record = self._record(row, 0) if self.standing.records else {}
        if record:
            parts.append(
                f"this {record['by']} has {record['label']} {self._name(self.witnesses.column.labels[row])} "
                f"in {record['of']}"
            )
        if twins and twins["other"]:
            parts.append(f"the same picture is also listed as {self._name(twins['class'])}")
        if self.misplaced[row] > MENTIONED:
            parts.append("none of its labels fits the picture: they may be another artwork's")
        return "; ".join(parts)

    def _model(self, row: int) -> dict[str, float | None]:
        other = self.p_suggested[row]
        return {"label": _round(self.p_label[row]), "suggested": None if np.isnan(other) else _round(other)}

    def _label(self, row: int) -> str:
        return f"{self._name(self.witnesses.column.labels[row])} {self.p_label[row]:.2f}"

    def _name(self, index: int) -> str:
        return self.witnesses.column.classes[index]

    def _neighbours(self, row: int) -> dict[str, int]:
        if self.witnesses.neighbours is None:
            return {}
        near = self.witnesses.neighbours.rows[row]
        given = self.standing.labels[near[near >= 0]]
        given = given[given >= 0][:SHOWN_NEIGHBOURS]
        return self._count(row, given) if len(given) else {}

    def _duplicates(self, row: int) -> dict[str, int]:
        members = self._groups.of(int(self.witnesses.groups[row]))
        given = self.standing.labels[members[members != row]]
        given = given[given >= 0]
        if len(given) == 0:
            return {}
        other = given[given != self.standing.labels[row]]
        first = {"class": int(np.bincount(other).argmax())} if len(other) else {}
        return {"of": len(given), "other": len(other), **first}

    def _record(self, row: int, place: int) -> dict[str, int | str]:
        related = self.witnesses.related[place]
        if related.values[row] < 0:
            return {}
        members = self._related[place].of(int(related.values[row]))
        outside = members[self.witnesses.groups[members] != self.witnesses.groups[row]]
        given = self.standing.labels[outside]
        given = given[given >= 0]
        return {"by": related.name, **self._count(row, given)} if len(given) else {}

    def _count(self, row: int, given: Ints) -> dict[str, int]:
        label, suggested = self.standing.labels[row], self.suggested[row]
        return {
            "of": len(given),
            "label": int((given == label).sum()),
            "suggested": int((given == suggested).sum()) if suggested >= 0 else 0,
        }


def _round(value: float) -> float:
    return round(float(value), 4)
