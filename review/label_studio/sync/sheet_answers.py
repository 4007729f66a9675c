"""Answers on contact sheets: one annotation of a sheet is an answer about each artwork on it.

What is marked is wrong, with the class chosen; what is not marked is right, since whoever submits a sheet
says so; what is marked ``alone`` is left open. A skipped sheet says nothing of any of them. The answers are
known by annotation, sheet and cell (``17@230.5``), so that an edited sheet supersedes what it said before
and a deleted one takes it back, artwork by artwork, exactly as with single cards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from db.classes.classes import ClassList
from db.labels.effective import derive
from db.labels.table import find_artworks
from db.models import Task
from db.reviews.answering.annotations import kept_annotations
from db.reviews.answering.answers import Answer, Decision
from db.reviews.answering.recording import forget_annotation, record
from db.reviews.asking.sheets import PlacedCell, answered_cells, cell_tasks, cells_beside, cells_of_sheets
from db.reviews.asking.tasks import reopen_issues
from review.label_studio.push.sheet_tasks import cells_in
from review.label_studio.push.tasks import chosen_key
from review.label_studio.sync.answers import NotUnderstood, comment_of, decisions_of, moment, user_id
from review.label_studio.sync.summary import Synced
from review.page.contact_config import ALONE, WRONG, cell_class_name, cell_name
from review.page.labeling_config import class_name, verdict_name

if TYPE_CHECKING:
    from review.label_studio.sync.fetch import Fetcher

NAMED = re.compile(r"@(\d+)\.(\d+)$")


def annotation_name(annotation: object, sheet_id: int, position: int) -> str:
    """Return what a cell's answer is known by."""
    return f"{annotation}@{sheet_id}.{position}"


@dataclass(frozen=True)
class Marked:
    """What a sheet says of its cells: the marked ones by position, and the class chosen for each."""

    marks: Mapping[int, str]
    classes: Mapping[int, str]


def marked(results: object, cells: int) -> Marked:
    """Read the marks of a sheet.

    Args:
        results: The annotation's ``result``.
        cells: How many cells the sheet has.

    Raises:
        NotUnderstood: Something in it is no answer that the page offers.
    """
    if not isinstance(results, list) or not all(isinstance(result, Mapping) for result in results):
        raise NotUnderstood("its result is not a list of objects")
    controls = {cell_name(n): (n, False) for n in range(1, cells + 1)}
    controls |= {cell_class_name(n): (n, True) for n in range(1, cells + 1)}
    marks: dict[int, str] = {}
    classes: dict[int, str] = {}
    for result in results:
        name = str(result.get("from_name"))
        if name == "comment":
            continue
        if name not in controls:
            raise NotUnderstood(f"there is no control {name!r} on the sheet")
        key = chosen_key(result)
        if key is None:
            raise NotUnderstood(f"{name} does not hold one choice")
        position, is_class = controls[name]
        (classes if is_class else marks)[position] = key
    if odd := set(marks.values()) - {WRONG, ALONE}:
        raise NotUnderstood(f"a cell says {sorted(odd)[0]!r}, which the sheet does not offer")
    return Marked(marks, classes)


def write_sheets(fetcher: Fetcher, tasks: Sequence[Any], synced: Synced) -> None:
    """Write the answers of some sheets, and take back those that are gone, in one transaction."""
    with fetcher.catalog.write() as session:
        placed = cells_of_sheets(session, fetcher.server.url, fetcher.project, [task.id for task in tasks])
        rows = cell_tasks(session, [cell for cells in placed.values() for cell in cells.values()])
        named = [str(cell.get("artwork")) for task in tasks for cell in cells_in(task.data)]
        artworks = find_artworks(session, named)
        answers: list[Answer] = []
        left: list[int] = []
        for task in tasks:
            for annotation in newest_by_person(task.annotations or ()):
                of_person, alone = _answers(
                    fetcher=fetcher,
                    task=task,
                    annotation=annotation,
                    placed=placed.get(task.id, {}),
                    rows=rows,
                    artworks=artworks,
                )
                answers += of_person
                left += alone
        beside, done = cells_beside(session, rows), answered_cells(session, rows.values())
        answers = _finishing(answers, rows, beside, done)
        synced.add(record(session, answers))
        reopen_issues(session, left)
        kept = kept_annotations(session, list(rows.values()))
        present = {
            annotation_name(annotation["id"], task.id, position)
            for task in tasks
            for annotation in newest_by_person(task.annotations or ())
            for position in range(1, len(cells_in(task.data)) + 1)
        }
        mine = {task.id for task in tasks}
        gone = sorted(
            name
            for names in kept.values()
            for name in names - present
            if (match := NAMED.search(name)) and int(match[1]) in mine
        )
        touched: set[int] = set()
        for name in gone:
            touched |= forget_annotation(session, fetcher.server.url, name)
        synced.taken_back += len(gone)
        synced.labels_changed += derive(session, touched)


def newest_by_person(annotations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the newest annotation of each person: one that was sent twice says nothing more."""
    newest: dict[int, Mapping[str, Any]] = {}
    for annotation in sorted(annotations, key=lambda a: (moment(a["updated_at"]), a["id"])):
        newest[user_id(annotation)] = annotation
    return list(newest.values())


def _answers(
    fetcher: Fetcher,
    task: Any,
    annotation: Mapping[str, Any],
    placed: Mapping[int, PlacedCell],
    rows: Mapping[tuple[int, int], Task],
    artworks: Mapping[str, int],
) -> tuple[list[Answer], list[int]]:
    """Return the answers that one annotation of a sheet gives, and the tasks that it leaves open."""
    cells, who = cells_in(task.data), user_id(annotation)
    refused, said = None, Marked({}, {})
    skipped = bool(annotation.get("was_cancelled"))
    if not skipped:
        try:
            said = marked(annotation.get("result") or [], len(cells))
        except NotUnderstood as problem:
            refused = str(problem)
    seconds = annotation.get("lead_time")
    answers, alone = [], []
    for position, cell in enumerate(cells, 1):
        place = placed.get(position)
        row = rows.get((place.batch_id, place.artwork_id)) if place else None
        artwork = artworks.get(str(cell.get("artwork")))
        why = refused or (None if artwork else f"the catalog has no artwork {cell.get('artwork')}")
        decisions: Sequence[Decision] = ()
        if why is None and not skipped:
            try:
                attribute = str(task.data.get("attribute"))
                decisions = _decisions(cell, attribute, position, said, fetcher.class_lists)
            except NotUnderstood as problem:
                why = str(problem)
        if row is not None and not skipped and said.marks.get(position) == ALONE:
            alone.append(row.id)
        answers.append(
            Answer(
                server=fetcher.server.url,
                annotation_id=annotation_name(annotation["id"], task.id, position),
                artwork_id=artwork,
                reviewer=(str(who), fetcher.names.get(who, str(who))),
                updated_at=moment(annotation["updated_at"]),
                decisions=decisions,
                task_id=row.id if row else None,
                comment=comment_of(annotation.get("result")),
                seconds=seconds / len(cells) if isinstance(seconds, int | float) else None,
                skipped=skipped,
                refused=why,
                raw={
                    "sheet": task.id,
                    "annotation": annotation["id"],
                    "position": position,
                    "mark": said.marks.get(position),
                    "class": said.classes.get(position),
                },
            )
        )
    return answers, alone


def _decisions(
    cell: Mapping[str, Any], attribute: str, position: int, said: Marked, words: Mapping[str, ClassList]
) -> Sequence[Decision]:
    """Return what a sheet decides on one cell: nothing where it was left for a card of its own."""
    if attribute not in words:
        raise NotUnderstood(f"the catalog has no attribute {attribute!r}")
    mark = said.marks.get(position)
    if mark == ALONE:
        return ()
    verdict = "wrong" if mark == WRONG else "right"
    results = [_result(verdict_name(attribute), verdict)]
    if mark == WRONG and position in said.classes:
        results.append(_result(class_name(attribute), said.classes[position]))
    decisions = decisions_of(results, {attribute: str(cell.get("label") or "")}, words)
    return [replace(decision, form="contact_sheet") for decision in decisions]


def _result(control: str, key: str) -> dict[str, Any]:
    return {"from_name": control, "value": {"choices": [key]}}


def _finishing(
    answers: Sequence[Answer],
    rows: Mapping[tuple[int, int], Task],
    beside: Mapping[tuple[int, int], set[tuple[int, int]]],
    done: Mapping[int, Sequence[str]],
) -> list[Answer]:
    """Return the answers, each knowing whether its artwork now has one in every cell that asks about it."""
    answered: dict[int, set[tuple[int, int]]] = {}
    for task_id, names in done.items():
        answered.setdefault(task_id, set()).update(_cell(name) for name in names)
    for answer in answers:
        if answer.task_id is not None and not answer.skipped and answer.refused is None:
            answered.setdefault(answer.task_id, set()).add(_cell(answer.annotation_id))
    wanted = {task.id: beside[key] for key, task in rows.items()}
    return [
        replace(
            answer,
            finishes=wanted.get(answer.task_id or 0, set()) <= answered.get(answer.task_id or 0, set()),
        )
        for answer in answers
    ]


def _cell(name: str) -> tuple[int, int]:
    match = NAMED.search(name)
    return (int(match[1]), int(match[2])) if match else (0, 0)
