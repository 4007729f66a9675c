"""One push: finish what was cut short, refresh the open tasks, plan a batch, and send it or write a sheet."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from curate.errors import OnlySheetsWait
from curate.rounds.plan import BatchSettings, plan_batch
from curate.rounds.push_summary import PushSummary
from curate.wrong_labels import estimate_wrong_labels
from db.engine.catalog import Catalog
from db.models import Run
from db.reviews.asking.sheets import ON_PAPER, has_open_sheets, was_sent
from db.reviews.asking.tasks import waiting_tasks
from db.runs.runs import find_run
from db.workspace.workspace import Workspace

if TYPE_CHECKING:
    from curate.issues import Estimate
    from db.workspace.progress import Progress
    from review.label_studio.push.send import Pushed

SHEETS = ("csv", "xlsx", "html")
"""What a sheet may be."""


def push(
    workspace: Workspace,
    catalog: Catalog,
    settings: BatchSettings,
    run_id: int | None,
    progress: Progress,
    *,
    sheet: str | PathLike[str] | None = None,
    batch: int | None = None,
    dry_run: bool = False,
) -> PushSummary:
    """Push a batch to Label Studio, or write it as a sheet.

    Args:
        workspace: Names the server and the project.
        catalog: The workspace's open catalog.
        settings: What to plan.
        run_id: The run whose issues are asked about; the newest if None.
        progress: Is told how far sending is.
        sheet: The file to write instead, or one of ``SHEETS`` for the first free name in the workspace.
        batch: Write the sheet of this batch again.
        dry_run: Only plan.

    Raises:
        NoRunYet: There are no issues before the first run.
        SheetExists: The sheet's place is taken.
        BatchNotFound: No sheet has that number.
        LabelStudioError: One of its kinds, with what to do.
    """
    place = workspace.settings.label_studio.url
    if dry_run:
        with catalog.read() as session:
            run = find_run(session, run_id, "push")
            expected = estimate_wrong_labels(session, run)
        plan = plan_batch(catalog, run, settings)
        project = workspace.settings.label_studio.project
        return PushSummary(project, plan.expected_yield, expected, place, plan=plan)
    if sheet is None:
        pushed = push_batch(workspace, catalog, settings, run_id, progress)
    else:
        path = _sheet_path(workspace, sheet)
        place = str(path)
        if batch is None:
            pushed = push_sheet(workspace, catalog, settings, run_id, path)
        else:
            pushed = push_sheet_again(workspace, catalog, batch, path)
    waiting = waiting_sheets(catalog) if sheet is not None and not pushed.created else {}
    with catalog.read() as session:
        expected = estimate_wrong_labels(session, find_run(session, run_id, "push"))
    return _summary(pushed, expected, place, waiting)


def _sheet_path(workspace: Workspace, sheet: str | PathLike[str]) -> Path:
    """Return the file of a sheet, with the suffix of its kind."""
    if isinstance(sheet, str) and sheet in SHEETS:
        return free_name(workspace.folder, f".{sheet}")
    return Path(sheet)


def _summary(pushed: Pushed, expected: Estimate, place: str, waiting: Mapping[int, int]) -> PushSummary:
    return PushSummary(
        pushed.project,
        pushed.expected_yield,
        expected,
        place,
        batch=pushed.batch,
        created=pushed.created,
        sheets=pushed.sheets,
        refreshed=pushed.refreshed,
        withdrawn=pushed.withdrawn,
        skipped=pushed.skipped,
        left_out=pushed.left_out,
        resumed=pushed.resumed,
        waiting=waiting,
    )


def push_batch(
    workspace: Workspace, catalog: Catalog, settings: BatchSettings, run_id: int | None, progress: Progress
) -> Pushed:
    """Push one batch to the workspace's Label Studio.

    Args:
        workspace: Names the server and the project.
        catalog: The workspace's open catalog.
        settings: What to plan.
        run_id: The run whose issues are asked about; the newest if None.
        progress: Is told how far sending is.

    Raises:
        NoRunYet: There are no issues before the first run.
        LabelStudioError: One of its kinds, with what to do.
    """
    from review.label_studio.push.refresh import refresh
    from review.label_studio.push.send import Pushed, open_project

    with catalog.read() as session:
        run = find_run(session, run_id, "push")
        sheets = settings.per_sheet is not None or has_open_sheets(session)
    if sheets:
        pushed_sheets = _push_sheets(workspace, catalog, settings, run, progress)
        if pushed_sheets is not None:
            return pushed_sheets
    with open_project(workspace, catalog, progress, settings.annotators) as pusher:
        resumed = pusher.resume()
        if resumed is not None:
            return resumed
        done = Pushed(pusher.project)
        refresh(pusher, run.id, done)
        pushed = pusher.send(plan_batch(catalog, run, settings))
    pushed.refreshed, pushed.withdrawn = done.refreshed, done.withdrawn
    return pushed


def _push_sheets(
    workspace: Workspace, catalog: Catalog, settings: BatchSettings, run: Run, progress: Progress
) -> Pushed | None:
    """Push a batch as contact sheets, if that is wanted; old sheets, and what was cut short, are seen to."""
    from review.label_studio.push.contact_sheets import open_contact_project
    from review.label_studio.push.send import Pushed

    with open_contact_project(workspace, catalog, progress, settings.annotators) as pusher:
        resumed = pusher.resume()
        if resumed is not None:
            return resumed
        done = Pushed(pusher.project)
        pusher.withdraw_old(run.id, done)
        if settings.per_sheet is None:
            return None
        pushed = pusher.send(plan_batch(catalog, run, settings), settings.per_sheet)
    pushed.withdrawn = done.withdrawn
    return pushed


def push_sheet(
    workspace: Workspace, catalog: Catalog, settings: BatchSettings, run_id: int | None, path: Path
) -> Pushed:
    """Write one batch as a sheet: a CSV, or a page by its suffix.

    Raises:
        NoRunYet: There are no issues before the first run.
        SheetExists: There is a file of that name.
    """
    from review.label_studio.push.send import Pushed
    from review.sheet.csv_sheet import require_free, write_sheet

    require_free(path)
    with catalog.read() as session:
        run = find_run(session, run_id, "push")
    plan = plan_batch(catalog, run, settings)
    created, left_out = write_sheet(workspace, catalog, plan, path, settings.per_sheet)
    return Pushed(None, created=created, expected_yield=plan.expected_yield, left_out=left_out)


def push_sheet_again(workspace: Workspace, catalog: Catalog, batch_id: int, path: Path) -> Pushed:
    """Write the sheet of an earlier batch again.

    Raises:
        BatchNotFound: No sheet has that number.
        SheetExists: There is a file of that name.
    """
    from review.label_studio.push.send import Pushed
    from review.sheet.csv_sheet import write_again

    return Pushed(None, batch=batch_id, created=write_again(workspace, catalog, batch_id, path))


def waiting_sheets(catalog: Catalog) -> dict[int, int]:
    """Return how many artworks of each batch that went out as a sheet have no answer yet, by batch."""
    with catalog.read() as session:
        return waiting_tasks(session, ON_PAPER)


def require_server(catalog: Catalog) -> None:
    """Refuse to ask a server for answers where only sheets wait for some, and nothing was ever sent to one.

    Raises:
        OnlySheetsWait: There are only sheets to wait for.
    """
    with catalog.read() as session:
        waiting, sent = waiting_tasks(session, ON_PAPER), was_sent(session)
    if waiting and not sent:
        raise OnlySheetsWait(waiting)


def free_name(folder: Path, suffix: str) -> Path:
    """Return the first of ``review``, ``review-2``, ``review-3`` … that no file has."""
    names = (folder / f"review{number}{suffix}" for number in ("", *(f"-{n}" for n in range(2, 100_000))))
    return next(name for name in names if not name.exists() and not name.is_symlink())
