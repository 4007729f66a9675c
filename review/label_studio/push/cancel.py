"""Take a batch back: what nobody has begun is deleted at the server, and may be asked again."""

from __future__ import annotations

from dataclasses import dataclass

from db.engine.catalog import Catalog
from db.models import Batch
from db.reviews.asking.second_opinions import open_batch, take_back
from db.reviews.asking.sheets import ON_PAPER, cells_of
from review.label_studio.client import Server, connect
from review.label_studio.push.tasks import begun


@dataclass(frozen=True)
class Cancelled:
    """What came of taking a batch back: artworks withdrawn, and those left since somebody has begun them."""

    batch: int
    withdrawn: int
    begun: int


def cancel_batch(catalog: Catalog, batch_id: int) -> Cancelled:
    """Withdraw the open tasks of a batch. It may be cut anywhere and repeated.

    Raises:
        BatchNotFound: There is no such batch.
        LabelStudioError: One of its kinds, with what to do.
    """
    with catalog.read() as session:
        batch, tasks = open_batch(session, batch_id)
        cells = cells_of(session, batch_id)
    left: set[int] = set()
    if batch.server != ON_PAPER:
        with connect(batch.server) as server:
            on_sheets = {cell.artwork_id: set[int]() for cell in cells}
            for cell in cells:
                on_sheets[cell.artwork_id].add(cell.sheet_id)
            numbers = {t.id: on_sheets.get(t.artwork_id, {t.task_id}) for t in tasks}
            kept = _delete_idle(server, batch, set().union(*numbers.values()) if numbers else set())
        left = {row for row, mine in numbers.items() if mine & kept}
    rows = [task.id for task in tasks if task.id not in left]
    with catalog.write() as session:
        take_back(session, rows)
        session.get_one(Batch, batch_id).sent = True  # what was never sent is not sent any more
    return Cancelled(batch_id, len(rows), len(left))


def open_artworks(catalog: Catalog, batch_id: int) -> Cancelled:
    """Return what ``cancel_batch`` would withdraw if nobody had begun anything; nothing is written.

    Raises:
        BatchNotFound: There is no such batch.
    """
    with catalog.read() as session:
        return Cancelled(batch_id, len(open_batch(session, batch_id)[1]), 0)


def _delete_idle(server: Server, batch: Batch, task_ids: set[int]) -> set[int]:
    """Delete a batch's tasks that nobody has begun; return the numbers of the others."""
    assert batch.project_id is not None
    kept = set()
    for task in server.tasks_of_batch(batch.project_id, batch.uuid):
        if not begun(task):
            server.delete_task(task.id)
        elif task.id in task_ids:
            kept.add(task.id)
    return kept
