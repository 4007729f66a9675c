"""What to look at first: the issues that were asked for, how many there are, and what they should yield."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from curate.issues import forecast_yield
from curate.wrong_labels import estimate_wrong_labels
from db.engine.catalog import Catalog
from db.labels.kept import KeptCells, artworks_where, kept_cells
from db.reviews.audit import YieldEvidence, yield_evidence
from db.runs.issues import IssueRow, below_threshold, by_artwork, issue_total, scored_labels, worst_issues
from db.runs.runs import find_run

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from curate.issues import Estimate
    from curate.issues.estimates import Forecast
    from db.models import Run

COLUMNS = (
    "artwork path kind attribute label suggested score p_label p_suggested "
    "state reason evidence known_as kept"
).split()
"""What is told of each issue; for scripts also ``expected_wrong``, which is one for all of them."""


@dataclass(frozen=True)
class IssueQuery:
    """Which issues are asked for.

    Attributes:
        kind: One of ``db.models.ISSUE_KINDS``.
        attribute: Only of this attribute.
        run: The run's number; the newest complete one if None.
        by_artwork: A line is an artwork with all its issues, not a label.
        limit: At most this many lines; None is all.
        every: Every scored label of the run, flagged or not.
        below: Every label whose probability is below this.
        where: Only artworks whose list says so: a pattern by kept column.
    """

    kind: str = "label"
    attribute: str | None = None
    run: int | None = None
    by_artwork: bool = False
    limit: int | None = 20
    every: bool = False
    below: float | None = None
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class IssueList:
    """The issues that were asked for, worst first.

    Attributes:
        lines: What is listed: the issues of each line.
        flagged: What ``--save`` writes: as listed, but that a fixed threshold flags all that are below it.
        total: How many there are in all.
        kept: What lists say of the artworks, by their number in the catalog.
        answered: What reviewers found so far; None where no run's labels are listed.
        expected_wrong: About how many labels of the run are wrong; None as above.
    """

    kind: str
    lines: Sequence[Sequence[IssueRow]]
    flagged: Sequence[IssueRow]
    total: int
    kept: Mapping[int, KeptCells]
    answered: YieldEvidence | None
    expected_wrong: Estimate | None

    @property
    def rows(self) -> list[IssueRow]:
        """The issues listed."""
        return [row for line in self.lines for row in line]

    def forecast(self) -> Forecast | None:
        """Return how many of the listed labels should be wrong; None of anything else."""
        rows = self.rows
        if self.answered is None or not rows:
            return None
        return forecast_yield([row.score for row in rows], **self.answered)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the issues as scripts read them; ``expected_wrong`` is the same in each."""
        expected = asdict(self.expected_wrong) if self.expected_wrong is not None else None
        for row in self.rows:
            yield self._record(row) | {"expected_wrong": expected}

    def table(self) -> list[dict[str, Any]]:
        """Return the issues as the rows of a table, with ``COLUMNS``."""
        return [self._record(row) for row in self.rows]

    def _record(self, row: IssueRow) -> dict[str, Any]:
        kept = self.kept.get(row.artwork_id)
        known_as, cells = (kept.known_as, kept.cells) if kept else (None, {})
        return row.as_record() | {"known_as": known_as, "kept": cells}


def list_issues(catalog: Catalog, query: IssueQuery) -> IssueList:
    """List issues.

    Raises:
        RunNotFound, NoRunYet: There is no such run.
        UnknownAttribute, UnknownColumn: There is no such attribute, or no list keeps such a column.
    """
    with catalog.read() as session:
        run = find_run(session, query.run, "issues") if query.kind == "label" else None
        rows = _rows(session, query, run)
        total = None if query.limit is None or len(rows) < query.limit else _count(session, query, run)
        if query.where:
            wanted = artworks_where(session, query.where)
            rows = [row for row in rows if row.artwork_id in wanted]
        kept = kept_cells(session, sorted({row.artwork_id for row in rows}))
        answered = None if run is None else yield_evidence(session, run)
        expected = None if run is None else estimate_wrong_labels(session, run)
    groups = by_artwork(rows) if query.by_artwork else [[row] for row in rows]
    lines = groups[: query.limit]
    return IssueList(
        kind=query.kind,
        lines=lines,
        flagged=[row for line in (lines if query.below is None else groups) for row in line],
        total=len(rows) if total is None else total,
        kept=kept,
        answered=answered,
        expected_wrong=expected,
    )


def _count(session: Session, query: IssueQuery, run: Run | None) -> int | None:
    """Return how many issues there are where only some were read; None where all of them were."""
    if query.by_artwork or query.where or (run is not None and (query.every or query.below is not None)):
        return None
    return issue_total(session, kind=query.kind, attribute=query.attribute, run=run)


def _rows(session: Session, query: IssueQuery, run: Run | None) -> Sequence[IssueRow]:
    if run is not None and query.below is not None:
        return below_threshold(session, run, query.below, query.attribute)
    if run is not None and query.every:
        return scored_labels(session, run, query.attribute)
    most = None if query.by_artwork or query.where else query.limit
    return worst_issues(session, kind=query.kind, attribute=query.attribute, limit=most, run=run)
