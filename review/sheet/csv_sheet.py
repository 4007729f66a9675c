"""A batch as a sheet, where there is no server: a CSV for any spreadsheet, or a page that makes one.

A row is an artwork. The reviewer fills ``<attribute>_verdict`` (right, wrong, atypical, none_of_these,
unsure) and, where it is wrong, ``<attribute>_class``; ``picture`` may say unusable. A sheet may be read
again at any time: rows that did not change do nothing, a changed row supersedes what it said before, and one
that is blank now says nothing: what it said before stands until ``curate undo``.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from db.engine.catalog import Catalog, Session
from db.errors import FileMissing
from db.images.copies import shown_files
from db.labels.classes import ClassList, read_class_lists
from db.labels.conflicts import record_ties
from db.labels.spelling import fold
from db.models import Batch, BatchItem, now
from db.reviews.tasks import (
    Card,
    Plan,
    add_tasks,
    find_batch,
    items_of,
    raw_annotation,
    read_cards,
    save_batch,
    tasks_of,
)
from db.reviews.verdicts import Answer, record
from db.workspace.workspace import Workspace, write_atomically
from review.errors import ImagesGone, NotASheet, SheetExists, SheetUnreadable, SheetWithoutRows
from review.label_studio.answers import NotUnderstood, comment_of, decisions_of
from review.label_studio.fetch import Synced
from review.label_studio.scripted_reviewer import choice
from review.label_studio.tasks import Asked, model_version, task_data
from review.page.labeling_config import class_name, verdict_name
from review.sheet.cells import guarded, unguarded
from review.sheet.filled_rows import SERVER, SHOWN, Cells, FilledRow, place_rows, plain, says
from review.sheet.html_page import page

LARGEST_CELL = 10_000_000
"""Characters of one cell; more is no comment any more."""

FIXED = ("task", "artwork", "image")
LAST = ("picture", "comment", "reviewer")


def write_sheet(workspace: Workspace, catalog: Catalog, plan: Plan, path: Path) -> tuple[int, list[str]]:
    """Write a batch as a sheet, and count its artworks as being reviewed.

    A path that ends in ``.html`` becomes a page, any other a CSV. Blind items (audits and controls) show
    their label, and no suggestion. A plan without items leaves no trace.

    Returns:
        How many artworks it asks about, and the paths of those left out because their image cannot be shown.

    Raises:
        SheetExists: There is a file of that name, which somebody may have filled in.
        ImagesGone: No image of the batch can be shown.
    """
    require_free(path)
    if not plan.items:
        return 0, []
    files, left_out = _files(workspace, catalog, (item.artwork_id for item in plan.items))
    if not files:
        raise ImagesGone(len(left_out), left_out[0])
    plan = replace(plan, items=[item for item in plan.items if item.artwork_id in files])
    with catalog.write() as session:
        batch = save_batch(session, plan, SERVER, 0)
        batch.project_id = batch.id
        session.flush()
        tasks = {item.artwork_id: number for number, item in enumerate(items_of(session, batch.id), 1)}
        add_tasks(session, batch, tasks, model_version(batch.run_id))
        batch.sent = True
        _write_items(session, batch, tasks, files, path)
    return len(tasks), left_out


def _files(
    workspace: Workspace, catalog: Catalog, artwork_ids: Iterable[int]
) -> tuple[dict[int, Path], list[str]]:
    """Return the file that a browser can show of each artwork, and the paths of those that have none."""
    with catalog.read() as session:
        cards = read_cards(session, artwork_ids)
    files = shown_files(workspace, {artwork_id: card.place for artwork_id, card in cards.items()})
    return files, [card.path for artwork_id, card in cards.items() if artwork_id not in files]


def write_again(workspace: Workspace, catalog: Catalog, batch_id: int, path: Path) -> int:
    """Write the sheet of a batch again, for one that was lost: what has no answer yet, as it stands today.

    Raises:
        BatchNotFound: No sheet has that number.
        SheetExists: There is a file of that name, which somebody may have filled in.
    """
    require_free(path)
    with catalog.read() as session:
        batch = find_batch(session, SERVER, batch_id)
        artwork_ids = [task.artwork_id for task in tasks_of(session, batch.id) if task.state == "open"]
    files, _ = _files(workspace, catalog, artwork_ids)
    with catalog.write() as session:
        batch = find_batch(session, SERVER, batch_id)
        tasks = {
            task.artwork_id: task.task_id for task in tasks_of(session, batch.id) if task.state == "open"
        }
        if tasks:
            _write_items(session, batch, tasks, files, path)
    return len(tasks)


def require_free(path: Path) -> None:
    """Refuse a name that is taken: the sheet there may hold hours of somebody's work."""
    if path.exists() or path.is_symlink():
        raise SheetExists(path)


def _write_items(
    session: Session, batch: Batch, tasks: Mapping[int, int], files: Mapping[int, Path], path: Path
) -> None:
    """Write the sheet of some of a batch's items, and remember the labels that it shows.

    Where an image cannot be shown any more, its cell is empty.
    """
    class_lists = read_class_lists(session)
    items = [item for item in items_of(session, batch.id) if item.artwork_id in tasks]
    cards = read_cards(session, (item.artwork_id for item in items))
    items = [item for item in items if item.artwork_id in files]
    rows = [
        _row(batch, item, cards[item.artwork_id], class_lists, tasks, files[item.artwork_id])
        for item in items
    ]
    for item, row in zip(items, rows, strict=True):
        before = item.known.get(SHOWN, {})
        shown = {a: [*before.get(a, ()), row[f"{a}_label"]] for a in class_lists}
        item.known = {**item.known, SHOWN: shown}
    if path.suffix == ".html":
        text = page(f"review-{batch.uuid}", rows, _columns(class_lists), class_lists)
    else:
        text = _as_csv(rows, class_lists)
    session.flush()
    write_atomically(path, text)


def _row(
    batch: Batch,
    item: BatchItem,
    card: Card,
    class_lists: Mapping[str, ClassList],
    tasks: Mapping[int, int],
    image: Path | None,
) -> dict[str, str]:
    names = {v.attribute_id: v for v in class_lists.values()}
    shown = {names[int(a)].attribute: names[int(a)].key_of[c] for a, c in item.known.get("shown", {}).items()}
    asked = Asked(item.attributes, item.purpose != "review", item.score, shown)
    data = task_data(card, asked, class_lists, batch.uuid, "")
    row = {
        "task": f"{batch.id}-{tasks[item.artwork_id]}",
        "artwork": str(card.uuid),
        "image": "" if image is None else str(image),
    }
    for attribute in class_lists:
        for part in ("label", "suggested", "why"):
            row[f"{attribute}_{part}"] = data[f"{part}_{attribute}"]
    return row


def _columns(class_lists: Mapping[str, ClassList]) -> list[str]:
    parts = ("label", "suggested", "why", "verdict", "class")
    return [*FIXED, *(f"{attribute}_{part}" for attribute in class_lists for part in parts), *LAST]


def _as_csv(rows: Sequence[Mapping[str, str]], class_lists: Mapping[str, ClassList]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _columns(class_lists), restval="")
    writer.writeheader()
    writer.writerows({name: guarded(cell) for name, cell in row.items()} for row in rows)
    return text.getvalue()


def read_sheet(catalog: Catalog, path: Path) -> Synced:
    """Read the filled rows of a sheet as answers.

    Raises:
        FileMissing: There is no such file.
        SheetUnreadable: It is no CSV in UTF-8.
        NotASheet: It lacks the columns of one.
        SheetWithoutRows: It is empty.
        ForeignSheet: It is of another workspace.
        SheetShuffled: Its columns no longer belong together.
    """
    columns, cells = read_cells(path)
    synced = Synced()
    with catalog.write() as session:
        class_lists = read_class_lists(session)
        require_columns(path, columns, class_lists)
        if not cells:
            raise SheetWithoutRows(path)
        rows = place_rows(session, path, cells, class_lists)
        answers = []
        for row in _once(rows, class_lists, synced):
            results = _results(row.cells, class_lists, row.shown)
            known = raw_annotation(session, SERVER, row.annotation_id)
            if not results:
                synced.blank += known is not None
                continue
            answer = _answer(row, results, class_lists)
            if known != answer.raw:
                answers.append(answer)
            elif answer.refused is not None:
                synced.refused.append((row.annotation_id, answer.refused))
        synced.add(record(session, answers))
        if answers:
            record_ties(session)
    return synced


def read_cells(path: Path) -> tuple[list[str], list[tuple[int, Cells]]]:
    """Return a sheet's columns, and its rows as (line, cells by column); blank lines are left out.

    Raises:
        FileMissing: There is no such file.
        SheetUnreadable: It is no CSV in UTF-8, or a row has cells beyond the header.
    """
    if not path.is_file():
        raise FileMissing(path, "sheet")
    csv.field_size_limit(LARGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            columns = [name.strip() for name in next(reader, [])]
            rows: list[tuple[int, Cells]] = []
            for row in reader:
                if any(row[len(columns) :]):
                    raise SheetUnreadable(
                        path, f"line {reader.line_num} has more cells than there are columns"
                    )
                if any(cell.strip() for cell in row):
                    cells = defaultdict(str, zip(columns, map(unguarded, row), strict=False))
                    rows.append((reader.line_num, cells))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SheetUnreadable(path, str(error)) from error
    return columns, rows


def require_columns(path: Path, columns: Sequence[str], class_lists: Mapping[str, ClassList]) -> None:
    """Refuse what is no sheet: it must say whom it is about and what was decided; the rest is known."""
    needed = ["task", "artwork", *map(verdict_column, class_lists)]
    missing = [column for column in needed if column not in columns]
    if missing in (["task"], ["artwork"]):
        missing = []
    if missing:
        raise NotASheet(path, missing)
    if twice := sorted({column for column in columns if column and columns.count(column) > 1}):
        raise SheetUnreadable(path, f"it has the column {twice[0]} twice")


def verdict_column(attribute: str) -> str:
    """Return the column in which an attribute's verdict stands."""
    return f"{attribute}_verdict"


def _once(rows: Iterable[FilledRow], class_lists: Mapping[str, ClassList], synced: Synced) -> list[FilledRow]:
    """Return the rows that can be taken, each answer once; name the others among the refused."""
    said: dict[str, list[FilledRow]] = {}
    for row in rows:
        said.setdefault(row.annotation_id, []).append(row)
    taken = []
    for annotation_id, same in said.items():
        filled = [row for row in same if _filled(row.cells, class_lists)]
        contents = {repr(_results(row.cells, class_lists, row.shown)) for row in filled}
        problem = next((row.problem for row in filled if row.problem), None)
        if len(contents) > 1 and problem is None:
            lines = " and ".join(str(row.line) for row in filled)
            problem = f"lines {lines} answer it differently: leave one of them"
        problem = problem or next((p for row in filled if (p := _contradiction(row, class_lists))), None)
        if problem is not None:
            synced.refused.append((annotation_id, problem))
        else:
            taken.append((filled or same)[0])
    return taken


def _filled(cells: Cells, attributes: Iterable[str]) -> bool:
    """Return whether a row says anything."""
    return any(says(cells, a) for a in attributes) or any(
        cells[name].strip() for name in ("picture", "comment")
    )


def _contradiction(row: FilledRow, attributes: Iterable[str]) -> str | None:
    """Return what a row says that cannot both be: that a label is right, and another class."""
    for attribute in attributes:
        verdict = row.cells[verdict_column(attribute)].strip()
        picked = row.cells[f"{attribute}_class"].strip()
        if verdict in ("right", "atypical") and picked and fold(picked) != fold(row.shown.get(attribute, "")):
            return (
                f"{attribute} is said to be {verdict}, beside the class {plain(picked)!r}: clear one of them"
            )
    return None


def _results(cells: Cells, attributes: Iterable[str], shown: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what a row says, as Label Studio would; a class alone means that the label is wrong."""
    results = []
    for attribute in attributes:
        verdict, picked = cells[verdict_column(attribute)].strip(), cells[f"{attribute}_class"].strip()
        if picked and not verdict:
            verdict = "right" if fold(picked) == fold(shown.get(attribute, "")) else "wrong"
        if verdict:
            results.append(choice(verdict_name(attribute), verdict))
        if verdict and picked:
            results.append(choice(class_name(attribute), picked))
    if cells["picture"].strip():
        results.append(choice("picture", cells["picture"].strip()))
    if cells["comment"].strip():
        results.append({"from_name": "comment", "value": {"text": [cells["comment"].strip()]}})
    return results


def _answer(
    row: FilledRow, results: Sequence[Mapping[str, Any]], class_lists: Mapping[str, ClassList]
) -> Answer:
    refused, decisions = None, list[Any]()
    try:
        decisions = decisions_of(results, row.shown, class_lists)
    except NotUnderstood as problem:
        refused = str(problem)
    name = plain(row.cells["reviewer"]) or "reviewer"
    return Answer(
        server=SERVER,
        annotation_id=row.annotation_id,
        artwork_id=row.artwork_id,
        reviewer=(name, name),
        updated_at=now(),
        decisions=decisions,
        task_id=row.task.id if row.task else None,
        comment=comment_of(results),
        refused=refused,
        raw={"result": list(results)},
        timed=False,
    )
