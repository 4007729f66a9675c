"""What a push did, and what it should bring: for scripts, and in the words of the command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.wrong_labels import rests_on, tell_wrong_labels
from db.errors import typed
from db.models import PURPOSES
from db.reviews.asking.batches import Plan

if TYPE_CHECKING:
    from curate.issues import Estimate


@dataclass(frozen=True)
class PushSummary:
    """What a push did, and what it should bring.

    Attributes:
        project: The project at the server; None of a sheet.
        batch: The batch's number; None where nothing was asked, and of a dry run.
        created: Tasks sent, labels on contact sheets sent, or artworks on the sheet.
        sheets: Contact sheets sent.
        refreshed, withdrawn: Open tasks that took on the newest run's suggestion, and that were taken back.
        skipped: Artworks that have an open task elsewhere.
        left_out: Paths of artworks that nobody can be asked about: their images cannot be shown.
        resumed: It finished an earlier push instead of planning again.
        expected_yield: How many wrong labels the batch's reviews should find.
        expected_wrong: About how many labels are wrong in all.
        place: The server's address, or the sheet.
        waiting: Artworks without an answer by batch, where a sheet was wanted and there is nothing to ask.
        plan: What would be asked, of a dry run.
    """

    project: int | None
    expected_yield: float
    expected_wrong: Estimate
    place: str
    batch: int | None = None
    created: int = 0
    sheets: int = 0
    refreshed: int = 0
    withdrawn: int = 0
    skipped: int = 0
    left_out: list[str] = field(default_factory=list)
    resumed: bool = False
    waiting: Mapping[int, int] = field(default_factory=dict)
    plan: Plan | None = None

    def planned(self) -> dict[str, int]:
        """Return how many artworks a dry run would ask about, by purpose."""
        return dict(Counter(item.purpose for item in self.plan.items)) if self.plan is not None else {}

    def as_record(self) -> dict[str, Any]:
        """Return it as scripts read it."""
        names = ("project", "batch", "created", "refreshed", "withdrawn", "skipped")
        record = {name: getattr(self, name) for name in names}
        expected = asdict(self.expected_wrong)
        if self.plan is not None:
            record |= {"expected_yield": self.expected_yield, "expected_wrong": expected}
            said = {"assumed": self.plan.assumed, "verdicts": self.plan.verdicts, "planned": self.planned()}
            return record | said
        record |= {"left_out": len(self.left_out), "expected_yield": round(self.expected_yield, 2)}
        return record | {"expected_wrong": expected, "resumed": self.resumed}

    def __str__(self) -> str:
        """Say it as the command does."""
        return "\n".join(self._planned_lines() if self.plan is not None else self._done_lines())

    def _planned_lines(self) -> list[str]:
        assert self.plan is not None
        counts = self.planned()
        parts = ", ".join(f"{counts[purpose]} {purpose}" for purpose in PURPOSES if purpose in counts)
        return [
            f"Would push {parts or 'nothing'}; {self.expected_yield:g} wrong labels expected among the "
            f"reviews ({rests_on(self.plan.verdicts, self.plan.assumed)}).",
            tell_wrong_labels(self.expected_wrong),
        ]

    def _done_lines(self) -> list[str]:
        if self.project is None and not self.created:
            return ["Reviewers have been asked about all that is left; no sheet was written."] + [
                f"{count} artworks wait in the sheet of batch {batch}. If it was lost: "
                f"curate push --to {Path(self.place).suffix[1:]} --batch {batch}"
                for batch, count in self.waiting.items()
            ]
        return [
            f"{self._asked()}. Expected wrong labels: {self.expected_yield:g}.",
            tell_wrong_labels(self.expected_wrong),
            self._next(),
        ]

    def _asked(self) -> str:
        if self.project is None:
            return f"{self.created} artwork{'s' if self.created != 1 else ''} on the sheet"
        on_sheets = f"labels on {self.sheets} contact sheets" if self.sheets else "tasks"
        return (
            f"{self.created} {on_sheets} sent, {self.refreshed} refreshed, {self.withdrawn} withdrawn, "
            f"{self.skipped} skipped"
        )

    def _next(self) -> str:
        if self.project is not None:
            return f"Review them at {self.place}/projects/{self.project}/data, then: curate sync-corrections"
        if self.place.endswith(".html"):
            return (
                f"Open {self.place} in a browser, answer, download, "
                f"then: curate sync-corrections --from THE.csv"
            )
        return f"Fill in {self.place}, then: curate sync-corrections --from {typed(self.place)}"
