"""A batch as a sheet, where there is no server: a CSV for any spreadsheet, or a page that makes one.

A row is an artwork. The reviewer fills ``<attribute>_verdict`` (right, wrong, atypical, none_of_these,
unsure) and, where it is wrong, ``<attribute>_class``; ``picture`` may say unusable. A sheet may be read
again at any time: rows that did not change do nothing, a changed row supersedes what it said before.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from db.engine.catalog import Catalog
from db.errors import FileMissing
from db.labels.classes import ClassList, read_class_lists
from db.labels.conflicts import record_ties
from db.models import Batch, BatchItem, now
from db.reviews.tasks import (
    Card,
    Plan,
    add_tasks,
    find_artworks,
    find_tasks,
    items_of,
    raw_annotation,
    read_cards,
    save_batch,
)
from db.reviews.verdicts import Answer, record
from db.workspace.workspace import Workspace
from review.errors import NotASheet, SheetUnreadable
from review.label_studio.answers import NotUnderstood, comment_of, decisions_of
from review.label_studio.fetch import Synced
from review.label_studio.scripted_reviewer import choice
from review.label_studio.tasks import Asked, model_version, task_data
from review.page.labeling_config import class_name, verdict_name
from review.sheet.html_page import page

SERVER = "sheet"
"""What the catalog calls the place that sheets are answered at; a batch's number is its project."""

LONGEST = 64
"""Characters of an annotation's id that the catalog has room for."""

FIXED = ("task", "artwork", "image")
LAST = ("picture", "comment", "reviewer")


def write_sheet(workspace: Workspace, catalog: Catalog, plan: Plan, path: Path) -> int:
    """Write a batch as a sheet, and count its artworks as being reviewed; return how many there are.

    A path that ends in ``.html`` becomes a page, any other a CSV. Blind items (audits and controls) show
    their label, and no suggestion.
    """
    with catalog.write() as session:
        batch = save_batch(session, plan, SERVER, 0)
        batch.project_id = batch.id
        session.flush()
        class_lists = read_class_lists(session)
        items = items_of(session, batch.id)
        cards = read_cards(session, (item.artwork_id for item in items))
        tasks = {item.artwork_id: number for number, item in enumerate(items, 1)}
        rows = [_row(workspace, batch, item, cards[item.artwork_id], class_lists, tasks) for item in items]
        if path.suffix == ".html":
            name = f"review-{batch.uuid}"
            path.write_text(page(name, rows, _columns(class_lists), class_lists), encoding="utf-8")
        else:
            _write(path, rows, class_lists)
        add_tasks(session, batch, tasks, model_version(batch.run_id))
        batch.sent = True
    return len(rows)


def _row(
    workspace: Workspace,
    batch: Batch,
    item: BatchItem,
    card: Card,
    class_lists: Mapping[str, ClassList],
    tasks: Mapping[int, int],
) -> dict[str, str]:
    names = {v.attribute_id: v for v in class_lists.values()}
    shown = {names[int(a)].attribute: names[int(a)].key_of[c] for a, c in item.known.get("shown", {}).items()}
    asked = Asked(item.attributes, item.purpose != "review", item.score, shown)
    data = task_data(card, asked, class_lists, batch.uuid, "")
    row = {
        "task": f"{batch.id}-{tasks[item.artwork_id]}",
        "artwork": str(card.uuid),
        "image": str(workspace.image_path(card.root, card.path)),
    }
    for attribute in class_lists:
        for part in ("label", "suggested", "why"):
            row[f"{attribute}_{part}"] = data[f"{part}_{attribute}"]
    return row


def _columns(class_lists: Mapping[str, ClassList]) -> list[str]:
    parts = ("label", "suggested", "why", "verdict", "class")
    return [*FIXED, *(f"{attribute}_{part}" for attribute in class_lists for part in parts), *LAST]


def _write(path: Path, rows: Sequence[Mapping[str, str]], class_lists: Mapping[str, ClassList]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _columns(class_lists), restval="")
        writer.writeheader()
        writer.writerows(rows)


def read_sheet(catalog: Catalog, path: Path) -> Synced:
    """Read the filled rows of a sheet as answers.

    Raises:
        FileMissing: There is no such file.
        SheetUnreadable: It is no CSV in UTF-8.
        NotASheet: It lacks the columns of one.
    """
    if not path.is_file():
        raise FileMissing(path, "sheet")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SheetUnreadable(path, str(error)) from error
    synced = Synced()
    with catalog.write() as session:
        class_lists = read_class_lists(session)
        if missing := [column for column in _columns(class_lists) if rows and column not in rows[0]]:
            raise NotASheet(path, missing)
        artworks = find_artworks(session, [row["artwork"] for row in rows])
        answers = []
        for row in rows:
            results = _results(row, class_lists)
            annotation_id = _annotation_id(row)
            earlier = raw_annotation(session, SERVER, annotation_id)
            raw = {"result": results}
            if (results or earlier) and (earlier is None or earlier != raw):
                batch, number = _numbers(row["task"])
                task = find_tasks(session, SERVER, batch, [number]).get(number)
                answers.append(
                    _answer(row, results, class_lists, annotation_id, artworks, task.id if task else None)
                )
        synced.add(record(session, answers))
        if answers:
            record_ties(session)
    return synced


def _numbers(task: str) -> tuple[int, int]:
    """Return the batch and the row that a task's name is made of; 0 and 0 for another one."""
    match = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", task)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _annotation_id(row: Mapping[str, str]) -> str:
    """Return what a row's answer is known by: its task and who answered, as far as the catalog has room."""
    said = f"{row['task']}:{row['reviewer'] or 'reviewer'}"
    return said if len(said) <= LONGEST and said.isprintable() else sha256(said.encode()).hexdigest()


def _plain(cell: str) -> str:
    """Return a cell as one short line that every database takes."""
    return "".join(character for character in cell if character.isprintable()).strip()[:100]


def _results(row: Mapping[str, str], class_lists: Mapping[str, ClassList]) -> list[dict[str, Any]]:
    """Return what a row says, as Label Studio would."""
    results = []
    for attribute in class_lists:
        verdict, picked = row[f"{attribute}_verdict"].strip(), row[f"{attribute}_class"].strip()
        if verdict:
            results.append(choice(verdict_name(attribute), verdict))
        if verdict and picked:
            results.append(choice(class_name(attribute), picked))
    if row["picture"].strip():
        results.append(choice("picture", row["picture"].strip()))
    if row["comment"].strip():
        results.append({"from_name": "comment", "value": {"text": [row["comment"].strip()]}})
    return results


def _answer(
    row: Mapping[str, str],
    results: Sequence[Mapping[str, Any]],
    class_lists: Mapping[str, ClassList],
    annotation_id: str,
    artworks: Mapping[str, int],
    task_id: int | None,
) -> Answer:
    artwork = artworks.get(row["artwork"])
    refused = None if artwork is not None else f"the catalog has no artwork {_plain(row['artwork'])}"
    decisions: Sequence[Any] = ()
    if refused is None:
        try:
            decisions = decisions_of(results, {a: row[f"{a}_label"] for a in class_lists}, class_lists)
        except NotUnderstood as problem:
            refused = str(problem)
    name = _plain(row["reviewer"]) or "reviewer"
    return Answer(
        server=SERVER,
        annotation_id=annotation_id,
        artwork_id=artwork,
        reviewer=(name, name),
        updated_at=now(),
        decisions=decisions,
        task_id=task_id,
        comment=comment_of(results),
        refused=refused,
        raw={"result": list(results)},
    )
