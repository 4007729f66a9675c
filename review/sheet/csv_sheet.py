"""A batch as a sheet, where there is no server: a CSV for any spreadsheet, or a page that makes one.

A row is an artwork. The reviewer fills ``<attribute>_verdict`` (right, wrong, atypical, none_of_these,
unsure) and, where it is wrong, ``<attribute>_class``; ``picture`` may say unusable. A sheet may be read
again at any time: rows that did not change do nothing, a changed row supersedes what it said before, and one
that is blank now says nothing: what it said before stands until ``curate undo``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from db.classes.classes import ClassList, read_class_lists
from db.engine.catalog import Catalog, Session
from db.errors import FileMissing
from db.images.copies import shown_files
from db.labels.conflicts import record_ties
from db.models import Batch, now
from db.reviews.answering.annotations import raw_annotation
from db.reviews.answering.answers import Answer, Decision
from db.reviews.answering.recording import record
from db.reviews.asking.batches import Plan, drop_items, find_batch, items_of, save_batch, tasks_of
from db.reviews.asking.tasks import add_tasks
from db.spelling import fold
from db.workspace.outputs import whole_file
from db.workspace.workspace import Workspace, write_atomically
from review.errors import ImagesGone, NotASheet, SheetExists, SheetUnreadable, SheetWithoutRows
from review.label_studio.push.tasks import model_version
from review.label_studio.scripted_reviewer import choice
from review.label_studio.sync.answers import NotUnderstood, comment_of, decisions_of
from review.label_studio.sync.summary import Synced
from review.page.card import ReviewCard, review_cards
from review.page.contact_sheets import contact_sheets
from review.page.labeling_config import VERDICTS, class_name, verdict_name
from review.sheet.cells import guarded
from review.sheet.filled_rows import SERVER, SHOWN, Cells, FilledRow, place_rows, plain, says
from review.sheet.html_page import page
from review.sheet.reading import read_cells
from review.sheet.spellings import allowed, read_class, read_picture, read_verdict
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
        per_sheet: A page asks about so many artworks at once; one after the other if None.

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
    """Write the sheet of a batch again, for one that was lost: what has no answer yet, as it stands today.

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
        columns = [*_columns(class_lists), FORM]
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
        columns = [c for c in _columns(class_lists) if c != WORDS]
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


def _columns(class_lists: Mapping[str, ClassList]) -> list[str]:
    parts = ("label", "suggested", "why", "verdict", "class")
    return [*FIXED, *(f"{attribute}_{part}" for attribute in class_lists for part in parts), *LAST, WORDS]


def _as_csv(rows: Sequence[dict[str, str]], class_lists: Mapping[str, ClassList]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _columns(class_lists), restval="")
    writer.writeheader()
    words = [allowed(verdict) for verdict in VERDICTS]
    lines = [row | {WORDS: words[n] if n < len(words) else ""} for n, row in enumerate(rows)]
    writer.writerows({name: guarded(cell) for name, cell in line.items()} for line in lines)
    return text.getvalue()


def read_sheet(catalog: Catalog, path: Path) -> Synced:
    """Read the filled rows of a sheet as answers.

    Raises:
        FileMissing: There is no such file.
        SheetUnreadable: It is no table.
        NotASheet: It lacks the columns of one.
        SheetWithoutRows: It is empty.
        ForeignSheet: It is of another workspace.
        SheetShuffled: Its columns no longer belong together.
    """
    if not path.is_file():
        raise FileMissing(path, "sheet")
    synced = Synced()
    with catalog.read() as session:
        known = [*_columns(read_class_lists(session)), FORM]
    columns, cells = read_cells(path, known)
    with catalog.write() as session:
        class_lists = read_class_lists(session)
        require_columns(path, columns, class_lists)
        if not cells:
            raise SheetWithoutRows(path)
        rows = place_rows(session, path, cells, class_lists)
        answers = []
        for row in _once(rows, class_lists, synced):
            results = _results(row.cells, class_lists, row.shown)
            before = raw_annotation(session, SERVER, row.annotation_id)
            if not results:
                synced.blank += before is not None
                continue
            answer, problems = _answer(row, results, class_lists)
            if before != answer.raw:
                answers.append(answer)
            if before == answer.raw or answer.refused is None:
                synced.refused += [(row.annotation_id, problem) for problem in problems]
        synced.add(record(session, answers))
        if answers:
            record_ties(session)
    return synced


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


def _contradiction(row: FilledRow, attribute: str, classes: ClassList) -> str | None:
    """Return what a row says that cannot both be: that a label is right, and another class."""
    verdict = read_verdict(row.cells[verdict_column(attribute)])
    picked = row.cells[f"{attribute}_class"].strip()
    shown = row.shown.get(attribute, "")
    if verdict in ("right", "atypical") and picked and fold(read_class(picked, classes)) != fold(shown):
        return f"{attribute} is said to be {verdict}, beside the class {plain(picked)!r}: clear one of them"
    return None


def _results(
    cells: Cells, class_lists: Mapping[str, ClassList], shown: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return what a row says, as Label Studio would; a class alone means that the label is wrong."""
    results = []
    for attribute, classes in class_lists.items():
        said = cells[verdict_column(attribute)].strip()
        picked = cells[f"{attribute}_class"].strip()
        verdict = (read_verdict(said) or said) if said else ""
        picked = read_class(picked, classes) if picked else ""
        if picked and not verdict:
            verdict = "right" if fold(picked) == fold(shown.get(attribute, "")) else "wrong"
        if verdict:
            results.append(choice(verdict_name(attribute), verdict))
        if verdict and picked:
            results.append(choice(class_name(attribute), picked))
    if cells["picture"].strip():
        results.append(choice("picture", read_picture(cells["picture"])))
    if cells["comment"].strip():
        results.append({"from_name": "comment", "value": {"text": [cells["comment"].strip()]}})
    return results


def _answer(
    row: FilledRow, results: Sequence[Mapping[str, Any]], class_lists: Mapping[str, ClassList]
) -> tuple[Answer, list[str]]:
    """Return what a row answers, and what of it cannot be understood: a wrong cell costs that cell."""
    decisions: list[Decision] = []
    problems: list[str] = []
    together = row.cells[FORM].split()
    for attribute, classes in [*class_lists.items(), ("picture", None)]:
        controls = (verdict_name(attribute), class_name(attribute)) if classes else ("picture",)
        mine = [result for result in results if result["from_name"] in controls]
        problem = _contradiction(row, attribute, classes) if classes else None
        try:
            found = decisions_of(mine, row.shown, class_lists) if problem is None else []
        except NotUnderstood as misunderstood:
            problem = _advised(str(misunderstood), row.cells, attribute)
            found = []
        if problem is not None:
            problems.append(problem)
        form = "contact_sheet" if attribute in together else "card"
        decisions += [replace(decision, form=form) for decision in found]
    name = plain(row.cells["reviewer"]) or "reviewer"
    answer = Answer(
        server=SERVER,
        annotation_id=row.annotation_id,
        artwork_id=row.artwork_id,
        reviewer=(name, name),
        updated_at=now(),
        decisions=decisions,
        task_id=row.task.id if row.task else None,
        comment=comment_of(results),
        refused="; ".join(problems) if problems and not decisions else None,
        raw={"result": list(results)},
        timed=False,
    )
    return answer, problems


def _advised(problem: str, cells: Cells, attribute: str) -> str:
    """Add what a verdict's cell takes, where it holds another word."""
    said = cells[verdict_column(attribute)].strip()
    if said and read_verdict(said) is None:
        words = ", ".join(VERDICTS)
        return f"{verdict_column(attribute)} says {plain(said)!r}, and takes {words} (in any case)"
    return problem
