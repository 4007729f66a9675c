"""Contact sheets in the catalog: which artwork and attribute stands in which cell of which sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.engine.bulk import chunks
from db.models import Annotation, Batch, BatchItem, SheetCell, Task
from db.reviews.asking.tasks import add_tasks

ON_PAPER = "sheet"
"""What the catalog calls the place that sheets to fill in are answered at, where there is no server."""

OF_SHEETS = -1_000_000_000
"""Below it lie the numbers of tasks that stand on sheets; above it, negative, those of retired tasks."""


@dataclass(frozen=True)
class PlacedCell:
    """One cell of a sheet; ``position`` counts from 1."""

    sheet_id: int
    position: int
    batch_id: int
    artwork_id: int
    attribute_id: int


def add_sheets(
    session: Session, batch: Batch, sheets: Mapping[int, Sequence[tuple[int, int]]], model_version: str
) -> None:
    """Write sheets that stand at the server, and their artworks as being reviewed.

    An artwork has one task however many sheets it is on; it is known by a number below ``OF_SHEETS``, since
    the server numbers sheets only. Cells that stand on another sheet of the batch already are left out.

    Args:
        session: A writing transaction.
        batch: The batch that they are of.
        sheets: By the server's number, the (artwork, attribute) of each cell in order.
        model_version: The predictions that they show.
    """
    placed = {(cell.artwork_id, cell.attribute_id) for cell in cells_of(session, batch.id)}
    rows = []
    for sheet_id, cells in sheets.items():
        for position, cell in enumerate(cells, 1):
            if cell not in placed:
                placed.add(cell)
                rows.append(
                    {
                        "server": batch.server,
                        "project_id": batch.project_id,
                        "sheet_id": sheet_id,
                        "position": position,
                        "batch_id": batch.id,
                        "artwork_id": cell[0],
                        "attribute_id": cell[1],
                    }
                )
    if not rows:
        return
    session.execute(insert(SheetCell), rows)
    artworks = sorted({int(row["artwork_id"] or 0) for row in rows})
    created: dict[int, int] = {}
    for some in chunks(artworks):
        items = session.execute(
            select(BatchItem.artwork_id, BatchItem.id).where(
                BatchItem.batch_id == batch.id, BatchItem.artwork_id.in_(some)
            )
        )
        created.update({row[0]: OF_SHEETS - row[1] for row in items})
    add_tasks(session, batch, created, model_version)


def cells_of(session: Session, batch_id: int) -> list[PlacedCell]:
    """Return the cells of a batch."""
    return _cells(session.scalars(select(SheetCell).where(SheetCell.batch_id == batch_id)))


def cells_of_sheets(
    session: Session, server: str, project_id: int, sheet_ids: Sequence[int]
) -> dict[int, dict[int, PlacedCell]]:
    """Return the cells of some sheets, by the sheet's number and the position.

    A server may give the number of a deleted sheet to a later one: then the newest batch's is meant.
    """
    by_sheet: dict[int, dict[int, PlacedCell]] = {}
    for some in chunks(list(sheet_ids)):
        rows = session.scalars(
            select(SheetCell).where(
                SheetCell.server == server, SheetCell.project_id == project_id, SheetCell.sheet_id.in_(some)
            )
        )
        cells = _cells(rows)
        newest: dict[int, int] = {}
        for cell in cells:
            newest[cell.sheet_id] = max(cell.batch_id, newest.get(cell.sheet_id, 0))
        for cell in cells:
            if cell.batch_id == newest[cell.sheet_id]:
                by_sheet.setdefault(cell.sheet_id, {})[cell.position] = cell
    return by_sheet


def cell_tasks(session: Session, cells: Iterable[PlacedCell]) -> dict[tuple[int, int], Task]:
    """Return the tasks that cells belong to, by batch and artwork."""
    wanted: dict[int, list[int]] = {}
    for cell in cells:
        wanted.setdefault(cell.batch_id, []).append(cell.artwork_id)
    tasks = {}
    for batch_id, artworks in wanted.items():
        for some in chunks(sorted(set(artworks))):
            for task in session.scalars(
                select(Task).where(Task.batch_id == batch_id, Task.artwork_id.in_(some))
            ):
                tasks[batch_id, task.artwork_id] = task
    return tasks


def cells_beside(
    session: Session, tasks: Mapping[tuple[int, int], Task]
) -> dict[tuple[int, int], set[tuple[int, int]]]:
    """Return all cells (sheet, position) of some artworks in their batches, by batch and artwork."""
    beside: dict[tuple[int, int], set[tuple[int, int]]] = {key: set() for key in tasks}
    for batch_id in {batch for batch, _ in tasks}:
        for cell in cells_of(session, batch_id):
            if (batch_id, cell.artwork_id) in beside:
                beside[batch_id, cell.artwork_id].add((cell.sheet_id, cell.position))
    return beside


def answered_cells(session: Session, tasks: Iterable[Task]) -> dict[int, list[str]]:
    """Return the accepted annotations of some tasks, by the task's row id."""
    ids = [task.id for task in tasks]
    annotations: dict[int, list[str]] = {}
    for some in chunks(ids):
        rows = session.execute(
            select(Annotation.task_id, Annotation.annotation_id).where(
                Annotation.task_id.in_(some), Annotation.state == "accepted"
            )
        )
        for row in rows:
            annotations.setdefault(row.task_id or 0, []).append(row.annotation_id)
    return annotations


def open_sheets(session: Session, server: str, project_id: int) -> dict[int, list[int]]:
    """Return the row ids of the open tasks on each sheet of a project, by the sheet's number."""
    rows = session.execute(
        select(SheetCell.sheet_id, Task.id)
        .join(Task, (Task.batch_id == SheetCell.batch_id) & (Task.artwork_id == SheetCell.artwork_id))
        .where(SheetCell.server == server, SheetCell.project_id == project_id, Task.state == "open")
    )
    task_ids: dict[int, list[int]] = {}
    for row in rows:
        task_ids.setdefault(row[0], []).append(row[1])
    return task_ids


def has_open_sheets(session: Session) -> bool:
    """Return whether a batch of contact sheets is unsent, or has open tasks at a server."""
    waiting = select(Task.id).where(Task.batch_id == Batch.id, Task.state == "open").exists()
    open_batches = select(Batch.id).where(
        Batch.per_sheet.is_not(None), Batch.server != ON_PAPER, Batch.sent.is_(False) | waiting
    )
    return session.scalar(open_batches.limit(1)) is not None


def _cells(rows: Iterable[SheetCell]) -> list[PlacedCell]:
    return [
        PlacedCell(row.sheet_id, row.position, row.batch_id, row.artwork_id, row.attribute_id) for row in rows
    ]


def was_sent(session: Session) -> bool:
    """Return whether a batch ever went to a server."""
    return session.scalar(select(Batch.id).where(Batch.server != ON_PAPER).limit(1)) is not None
