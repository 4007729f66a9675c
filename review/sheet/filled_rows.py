"""Filled rows held against the catalog: which task each answers, and whether its cells are still together.

People sort one column and not the others, delete some, copy rows, and let a spreadsheet turn the task ``1-2``
into the second of January. What a sheet showed is in the catalog; so a row whose cells belong to two artworks
is noticed before any of the sheet becomes a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from db.classes.classes import ClassList
from db.engine.catalog import Session
from db.labels.table import find_artworks
from db.models import BatchItem, Task
from db.reviews.asking.batches import find_items
from db.reviews.asking.tasks import find_tasks, labels_ever, tasks_of_artworks
from db.reviews.status import SHEET
from db.spelling import fold
from review.errors import ForeignSheet, SheetShuffled

SERVER = SHEET
"""What the catalog calls the place that sheets are answered at; a batch's number is its project."""

LONGEST = 64
"""Characters of an annotation's id that the catalog has room for."""

SHOWN = "sheet"
"""The key of a batch item's ``known`` under which its sheets' labels are, by attribute: each one shown."""

Cells = Mapping[str, str]


@dataclass(frozen=True)
class FilledRow:
    """A row of a sheet and what it answers.

    Attributes:
        line: Where it stands in the file; the header is line 1.
        cells: By column, ``""`` where the column is not there.
        task: The task of the sheet that it answers, None where nobody was asked about the artwork.
        artwork_id: None where the catalog has none such.
        shown: The class key that it showed as the label, by attribute; ``""`` where there was none.
        problem: Why its answer cannot be taken.
    """

    line: int
    cells: Cells
    task: Task | None
    artwork_id: int | None
    shown: Mapping[str, str]
    problem: str | None = None

    @property
    def annotation_id(self) -> str:
        """What its answer is known by: the task, however the sheet now spells it, and who answered."""
        if self.task is None and self.artwork_id is None:
            return f"line {self.line}"
        task = f"{self.task.batch_id}-{self.task.task_id}" if self.task else self.cells["artwork"].strip()
        said = f"{task}:{self.cells['reviewer'] or 'reviewer'}"
        return said if len(said) <= LONGEST and said.isprintable() else sha256(said.encode()).hexdigest()


def place_rows(
    session: Session, path: Path, rows: Sequence[tuple[int, Cells]], class_lists: Mapping[str, ClassList]
) -> list[FilledRow]:
    """Find the task of each row, and what it showed.

    Raises:
        ForeignSheet: None of its artworks is in this catalog.
        SheetShuffled: Cells of one row belong to different artworks: no row can be believed.
    """
    artworks = find_artworks(session, [cells["artwork"].strip() for _, cells in rows])
    if rows and not artworks and any(cells["artwork"].strip() for _, cells in rows):
        raise ForeignSheet(path, len(rows))
    tasks = _Tasks(session, rows, artworks.values())
    placed = [_place(path, line, cells, artworks, tasks) for line, cells in rows]
    items = find_items(session, [row.task for row in placed if row.task])
    ever = labels_ever(session, [row.artwork_id for row in placed if row.artwork_id is not None])
    return _with_labels(path, placed, items, ever, class_lists)


class _Tasks:
    """The tasks that rows may answer: by the number in the sheet, and by artwork."""

    def __init__(
        self, session: Session, rows: Sequence[tuple[int, Cells]], artwork_ids: Iterable[int]
    ) -> None:
        wanted: dict[int, list[int]] = {}
        for _, cells in rows:
            batch, number = numbers(cells["task"])
            wanted.setdefault(batch, []).append(number)
        self.by_number = {
            (batch, number): task
            for batch, some in wanted.items()
            for number, task in find_tasks(session, SERVER, batch, some).items()
        }
        self.by_artwork: dict[int, list[Task]] = {}
        for task in tasks_of_artworks(session, SERVER, sorted(set(artwork_ids))):
            self.by_artwork.setdefault(task.artwork_id, []).append(task)

    def only_one(self, artwork_id: int) -> Task | None:
        """Return the one task of an artwork that waits for an answer, else its only one."""
        mine = self.by_artwork.get(artwork_id, [])
        waiting = [task for task in mine if task.state == "open"] or mine
        return waiting[0] if len(waiting) == 1 else None


def numbers(task: str) -> tuple[int, int]:
    """Return the batch and the row that a task's name is made of; 0 and 0 for another one."""
    match = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", task.strip(), re.ASCII)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _place(path: Path, line: int, cells: Cells, artworks: Mapping[str, int], tasks: _Tasks) -> FilledRow:
    """Find the task that a row answers, by its number, else by its artwork."""
    task = tasks.by_number.get(numbers(cells["task"]))
    said = cells["artwork"].strip()
    artwork = artworks.get(said)
    if task is not None and not said:
        return FilledRow(line, cells, task, task.artwork_id, {})
    if artwork is None:
        return FilledRow(
            line=line,
            cells=cells,
            task=task,
            artwork_id=None,
            shown={},
            problem=f"the catalog has no artwork {plain(said)}".rstrip(),
        )
    if task is not None and task.artwork_id != artwork:
        about = f"the task {plain(cells['task'])} is not about the artwork {plain(said)}"
        raise SheetShuffled(path, line, about, task.batch_id)
    if task is not None:
        return FilledRow(line, cells, task, artwork, {})
    task = tasks.only_one(artwork)
    several = [f"{t.batch_id}-{t.task_id}" for t in tasks.by_artwork.get(artwork, ())]
    problem = None
    if task is None and several:
        problem = (
            f"its task says {plain(cells['task'])!r}, and the artwork was asked about as "
            f"{', '.join(several)}: write which of these it answers"
        )
    return FilledRow(line=line, cells=cells, task=task, artwork_id=artwork, shown={}, problem=problem)


def _with_labels(
    path: Path,
    placed: Sequence[FilledRow],
    items: Mapping[tuple[int, int], BatchItem],
    ever: Mapping[tuple[int, int], set[int]],
    class_lists: Mapping[str, ClassList],
) -> list[FilledRow]:
    """Compare the labels in a sheet with those that it showed.

    One that differs was written over: its row is refused. Several that are other classes were moved.
    """
    done, moved = [], []
    for row in placed:
        shown, problem = {}, row.problem
        for attribute, vocabulary in class_lists.items() if row.artwork_id is not None else ():
            expected = _expected(row, vocabulary, items, ever)
            cell = row.cells.get(f"{attribute}_label")
            same = [label for label in expected if cell is None or fold(label) == fold(cell)]
            shown[attribute] = (same or expected or [""])[-1]
            if cell is None or same:
                continue
            if not cell.strip() or cell.strip() in vocabulary.id_of:
                moved.append((row, attribute, cell, shown[attribute]))
            if problem is None and says(row.cells, attribute):
                problem = (
                    f"{attribute}_label says {plain(cell)!r}, and the sheet showed {shown[attribute]!r}: "
                    f"put that back, and write the right class into {attribute}_class"
                )
        done.append(
            FilledRow(
                line=row.line,
                cells=row.cells,
                task=row.task,
                artwork_id=row.artwork_id,
                shown=shown,
                problem=problem,
            )
        )
    if len(moved) > 1:
        row, attribute, cell, label = moved[0]
        said = f"{attribute}_label says {plain(cell)!r}, and the sheet showed {label!r} there"
        raise SheetShuffled(path, row.line, said, row.task.batch_id if row.task else None, len(moved) - 1)
    return done


def _expected(
    row: FilledRow,
    vocabulary: ClassList,
    items: Mapping[tuple[int, int], BatchItem],
    ever: Mapping[tuple[int, int], set[int]],
) -> list[str]:
    """Return the labels that a row may show, the newest last: as sheets showed it, else any it ever had."""
    assert row.artwork_id is not None
    details = items[row.task.batch_id, row.artwork_id].known if row.task else {}
    if SHOWN in details:
        return [str(label) for label in details[SHOWN].get(vocabulary.attribute, [""])]
    had = {vocabulary.key_of[i] for i in ever.get((row.artwork_id, vocabulary.attribute_id), ())}
    control = details.get("shown", {}).get(str(vocabulary.attribute_id))
    return ["", *sorted(had), *([vocabulary.key_of[control]] if control is not None else [])]


def says(cells: Cells, attribute: str) -> bool:
    """Return whether a row has an answer on an attribute."""
    return bool(cells.get(f"{attribute}_verdict", "").strip() or cells.get(f"{attribute}_class", "").strip())


def plain(cell: str) -> str:
    """Return a cell as one short line that every database takes."""
    return "".join(character for character in cell if character.isprintable()).strip()[:100]
