"""A batch as a sheet, where there is no server: a CSV for any spreadsheet, or a page that makes one.

A row is an artwork. The reviewer fills ``<attribute>_verdict`` (right, wrong, atypical, none_of_these,
unsure) and, where it is wrong, ``<attribute>_class``; ``picture`` may say unusable.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from db.classes.classes import ClassList, read_class_lists
from db.engine.catalog import Catalog, Session
from db.images.copies import shown_files
from db.models import Batch
from db.reviews.asking.batches import Plan, drop_items, find_batch, items_of, save_batch, tasks_of
from db.reviews.asking.tasks import add_tasks
from db.workspace.outputs import whole_file
from db.workspace.workspace import Workspace, write_atomically
from review.errors import ImagesGone, SheetExists
from review.label_studio.push.tasks import model_version
from review.page.card import ReviewCard, review_cards
from review.page.contact_sheets import contact_sheets
from review.page.labeling_config import VERDICTS
from review.sheet.cells import guarded
from review.sheet.filled_rows import SERVER, SHOWN
from review.sheet.html_page import page
from review.sheet.spellings import allowed
from review.sheet.workbook import workbook

FIXED = ("task", "artwork", "image", "about")
LAST = ("picture", "comment", "reviewer")
WORDS = "words"
"""The column that lists the words which a verdict may be, in a CSV, which has no drop-down lists."""

FORM = "form"
"""The column that names the attributes which a page asked about many artworks at once."""


def write_sheet(
    workspace: Workspace, catalog: Catalog, plan: Plan, path: Path, per_sheet: int | None = None
) -> tuple[int, list[str]]:
    """Write a batch as a sheet, and count its artworks as being reviewed.

    A path that ends in ``.html`` becomes a page, any other a CSV. Blind items (audits and controls) show
    their label, and no suggestion. A plan without items leaves no trace, nor does an artwork that another
    push has asked about since the plan was made.

    Args:
        workspace: Knows where the images are.
        catalog: Takes the batch.
        plan: What is asked.
        path: Where the sheet goes.
        per_sheet: A page asks about this many artworks at once; one after the other if None.

    Returns:
        How many artworks it asks about, and the paths of those left out because their image cannot be shown.

    Raises:
        ImagesGone: No image of the batch can be shown.
        SheetExists: There is a file of that name, which somebody may have filled in.
    """
    require_free(path)
    if not plan.items:
        return 0, []
    cards = review_cards(catalog, workspace, plan.run_id, plan.items)
    files = shown_files(workspace, {i: card.artwork.place for i, card in cards.items()})
    left_out = [card.artwork.path for i, card in cards.items() if i not in files]
    if not files:
        raise ImagesGone(len(left_out), left_out[0])
    plan = replace(plan, items=[item for item in plan.items if item.artwork_id in files])
    with catalog.write() as session:
        batch = save_batch(session, plan, SERVER, 0)
        batch.project_id, batch.per_sheet = batch.id, per_sheet
        session.flush()
        tasks = {item.artwork_id: number for number, item in enumerate(items_of(session, batch.id), 1)}
        surplus = set(add_tasks(session, batch, tasks, model_version(batch.run_id)))
        drop_items(session, batch.id, [i for i, number in tasks.items() if number in surplus])
        tasks = {i: number for i, number in tasks.items() if number not in surplus}
        if not tasks:
            session.delete(batch)
            return 0, left_out
        batch.sent = True
        _write_items(
            workspace, session=session, batch=batch, tasks=tasks, cards=cards, files=files, path=path
        )
    return len(tasks), left_out


def write_again(workspace: Workspace, catalog: Catalog, batch_id: int, path: Path) -> int:
    """Write the sheet of a batch again, for one that was lost: what has no answer yet, as it is today.

    Raises:
        BatchNotFound: No sheet has that number.
        SheetExists: There is a file of that name, which somebody may have filled in.
    """
    require_free(path)
    with catalog.read() as session:
        batch = find_batch(session, SERVER, batch_id)
        waiting = {task.artwork_id for task in tasks_of(session, batch.id) if task.state == "open"}
        items = [item for item in items_of(session, batch.id) if item.artwork_id in waiting]
    cards = review_cards(catalog, workspace, batch.run_id, items)
    files = shown_files(workspace, {i: card.artwork.place for i, card in cards.items()})
    with catalog.write() as session:
        batch = find_batch(session, SERVER, batch_id)
        tasks = {
            task.artwork_id: task.task_id
            for task in tasks_of(session, batch.id)
            if task.state == "open" and task.artwork_id in cards
        }
        if tasks:
            _write_items(
                workspace, session=session, batch=batch, tasks=tasks, cards=cards, files=files, path=path
            )
    return len(tasks)


def require_free(path: Path) -> None:
    """Refuse a name that is taken: the sheet there may hold hours of somebody's work."""
    if path.exists() or path.is_symlink():
        raise SheetExists(path)


def _write_items(
    workspace: Workspace,
    session: Session,
    batch: Batch,
    tasks: Mapping[int, int],
    cards: Mapping[int, ReviewCard],
    files: Mapping[int, Path],
    path: Path,
) -> None:
    """Write the sheet of some of a batch's items, and remember the labels that it shows.

    Where an image cannot be shown any more, its cell is empty.
    """
    require_free(path)  # once more: writers take turns, and the one before may have been here
    class_lists = read_class_lists(session)
    items = [item for item in items_of(session, batch.id) if item.artwork_id in tasks]
    shown = [cards[item.artwork_id] for item in items]
    rows = [
        _row(f"{batch.id}-{tasks[item.artwork_id]}", cards[item.artwork_id], files.get(item.artwork_id))
        for item in items
    ]
    for item, row in zip(items, rows, strict=True):
        before = item.known.get(SHOWN, {})
        labels = {a: [*before.get(a, ()), row[f"{a}_label"]] for a in class_lists}
        item.known = {**item.known, SHOWN: labels}
    if path.suffix == ".html":
        grids = contact_sheets(shown, batch.per_sheet) if batch.per_sheet else []
        columns = [*sheet_columns(class_lists), FORM]
        text = page(
            name=f"review-{batch.uuid}",
            rows=rows,
            columns=columns,
            class_lists=class_lists,
            cards=shown,
            sheets=grids,
            workspace=workspace,
        )
    else:
        text = "" if path.suffix == ".xlsx" else _as_csv(rows, class_lists)
    session.flush()
    if path.suffix == ".xlsx":
        columns = [c for c in sheet_columns(class_lists) if c != WORDS]
        with whole_file(path) as temporary:
            temporary.write_bytes(workbook(rows, columns, class_lists, shown, workspace))
    else:
        write_atomically(path, text)


def _row(task: str, card: ReviewCard, image: Path | None) -> dict[str, str]:
    row = {
        "task": task,
        "artwork": str(card.artwork.uuid),
        "image": "" if image is None else str(image),
        "about": card.about,
    }
    for question in card.questions:
        row[f"{question.attribute}_label"] = question.label
        row[f"{question.attribute}_suggested"] = question.suggested
        row[f"{question.attribute}_why"] = question.reason
    return row


def sheet_columns(class_lists: Mapping[str, ClassList]) -> list[str]:
    """Return the columns of a sheet, in their order."""
    parts = ("label", "suggested", "why", "verdict", "class")
    return [*FIXED, *(f"{attribute}_{part}" for attribute in class_lists for part in parts), *LAST, WORDS]


def _as_csv(rows: Sequence[dict[str, str]], class_lists: Mapping[str, ClassList]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, sheet_columns(class_lists), restval="")
    writer.writeheader()
    words = [allowed(verdict) for verdict in VERDICTS]
    lines = [row | {WORDS: words[n] if n < len(words) else ""} for n, row in enumerate(rows)]
    writer.writerows({name: guarded(cell) for name, cell in line.items()} for line in lines)
    return text.getvalue()
