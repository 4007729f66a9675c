"""What a workspace has found: issues, evaluations, comparisons, reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from curate.errors import InvalidInput
from curate.workspace.arguments import require_number, require_one_of
from curate.workspace.opened import AnyPath, OpenedFolder, path_or_none

if TYPE_CHECKING:
    import pandas as pd

    from curate.evaluation import Comparison, RunEvaluation
    from curate.report.write import Format as ReportFormat
    from curate.rounds.issue_list import IssueList


class FindingVerbs(OpenedFolder):
    """The commands that tell what runs found, and how good they are."""

    def issues(
        self,
        kind: str = "label",
        *,
        attribute: str | None = None,
        limit: int | None = None,
        run: int | None = None,
        every: bool = False,
        where: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:
        """Return what a run flags, worst first; columns as in ``curate issues --json``.

        Args:
            kind: ``label``, ``label_conflict``, ``outlier``, ``unusable``, ``duplicate``, ``property`` or
                ``unreadable``.
            attribute: Only this attribute.
            limit: At most this many.
            run: The run's number; the newest complete one if left out.
            every: Every scored label of the run, flagged or not.
            where: Only artworks whose list says so: a text, or a pattern with ``*``, by kept column.
        """
        import pandas as pd

        from curate.rounds.issue_list import COLUMNS

        listed = self.issue_list(kind, attribute=attribute, limit=limit, run=run, every=every, where=where)
        return pd.DataFrame(listed.table(), columns=COLUMNS)

    def issue_list(
        self,
        kind: str = "label",
        *,
        attribute: str | None = None,
        limit: int | None = None,
        run: int | None = None,
        every: bool = False,
        by_artwork: bool = False,
        below: float | None = None,
        where: Mapping[str, str] | None = None,
    ) -> IssueList:
        """Return the same with what is told of them all: how many there are, and how many should be wrong.

        Args:
            kind: As in :meth:`issues`, and so all but the next two.
            attribute: Only this attribute.
            limit: At most this many lines.
            run: The run's number; the newest complete one if left out.
            every: Every scored label of the run, flagged or not.
            where: Only artworks whose list says so.
            by_artwork: A line is an artwork with all its issues.
            below: Every label whose probability is below this, instead of the ranked ones.

        Raises:
            InvalidInput: There is no such kind, or a number is out of its range.
        """
        from curate.rounds.issue_list import IssueQuery, list_issues
        from db.models import ISSUE_KINDS

        require_one_of("kind", kind, ISSUE_KINDS)
        if limit is not None:
            require_number("limit", limit, 1)
        if below is not None:
            require_number("below", below, 0, 1)
        if not isinstance(where, Mapping | None):
            raise InvalidInput(f"where is {where!r}. Give a dict: {{'Material': 'oil*'}}.")
        query = IssueQuery(
            kind=kind,
            attribute=attribute,
            run=run,
            by_artwork=by_artwork,
            limit=None if limit is None else index(limit),
            every=every,
            below=below,
            where=where or {},
        )
        with self._catalog() as catalog:
            return list_issues(catalog, query)

    def save_images(self, issues: IssueList, folder: AnyPath) -> int:
        """Write the images of listed issues, their list and a picture of the ten worst; return how many.

        Args:
            issues: What :meth:`issue_list` returns.
            folder: Made if it is not there.
        """
        from curate.export.flagged_images import save_flagged

        return save_flagged(self._folder, issues.flagged, Path(folder))

    def evaluate(self, run: int | None = None) -> pd.DataFrame:
        """Measure a run's out-of-sample predictions against the labels, as imported and as corrected.

        Columns: ``attribute``, ``labels``, ``n``, ``accuracy`` with its 95 % interval (``low``, ``high``),
        ``macro_f1``, ``majority``, ``ece``.
        """
        from curate.evaluation.tables import evaluation_table

        return evaluation_table(self.evaluation(run))

    def evaluation(self, run: int | None = None, attribute: str | None = None) -> RunEvaluation:
        """Return all numbers of a run, or those of one attribute, with each class and the commonest mistakes.

        Args:
            run: The run's number; the newest complete one if left out.
            attribute: Only this attribute.
        """
        from curate.evaluation.read import read_evaluation

        with self._catalog() as catalog:
            return read_evaluation(self._folder, catalog, run, attribute)

    def compare(self, *runs: int) -> pd.DataFrame:
        """Set runs side by side on the artworks that all of them judged; the first is the baseline.

        Columns: ``attribute``, ``run``, ``n``, ``accuracy``, ``macro_f1``; against the first run
        ``difference`` with its 95 % interval (``low``, ``high``), ``gained`` and ``lost`` artworks, and
        ``p_value`` of McNemar's exact test.
        """
        from curate.evaluation.tables import comparison_table

        return comparison_table(self.comparison(*runs))

    def comparison(self, *runs: int, budget: int = 100) -> Comparison:
        """Return all numbers of several runs side by side.

        Args:
            runs: Their numbers.
            budget: How many artworks a review could look at: how far the runs flag the same ones.

        Raises:
            InvalidInput: They are not two different runs, or more.
            NothingInCommon: No artwork was judged by all of them.
        """
        from curate.evaluation.read import read_comparison

        _require_two(runs)
        with self._catalog() as catalog:
            return read_comparison(self._folder, catalog, runs, budget)

    def report(
        self,
        run: int | None = None,
        out: AnyPath | None = None,
        *,
        format: ReportFormat = "html",
        figures: AnyPath | None = None,
    ) -> Path:
        """Write a run's report, one file, and return where it is.

        Args:
            run: The run's number; the newest complete one if left out.
            out: The file; ``reports/`` in the workspace if left out.
            format: ``html``, ``pdf`` (needs Chromium) or ``json``.
            figures: A folder to write each figure to as well, with its numbers.
        """
        from curate.report.write import Format, write_run_report

        require_one_of("format", format, get_args(Format))
        file, folder = path_or_none(out), path_or_none(figures)
        with self._catalog() as catalog:
            return write_run_report(
                self._folder, catalog=catalog, run_id=run, out=file, format=format, figures=folder
            )

    def report_comparison(
        self,
        *runs: int,
        out: AnyPath | None = None,
        format: ReportFormat = "html",
        figures: AnyPath | None = None,
        budget: int = 100,
    ) -> Path:
        """Write the report that sets runs side by side, and return where it is; see :meth:`report`."""
        from curate.report.write import Format, write_comparison

        _require_two(runs)
        require_one_of("format", format, get_args(Format))
        file, folder = path_or_none(out), path_or_none(figures)
        with self._catalog() as catalog:
            return write_comparison(
                self._folder,
                catalog=catalog,
                run_ids=runs,
                out=file,
                format=format,
                figures=folder,
                budget=budget,
            )


def _require_two(runs: Sequence[int]) -> None:
    if len(set(runs)) < 2:
        named = ", ".join(map(str, runs)) or "none"
        raise InvalidInput(f"Name two different runs, or more, to compare; these were named: {named}.")
