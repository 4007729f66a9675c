"""A batch as a sheet, where there is no server: a CSV for any spreadsheet, or a page that makes one.

A row is an artwork. The reviewer fills ``<attribute>_verdict`` (right, wrong, atypical, none_of_these,
unsure) and, where it is wrong, ``<attribute>_class``; ``picture`` may say unusable. A sheet may be read
again at any time: rows that did not change do nothing, a changed row supersedes what it said before.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from db.engine.catalog import Catalog
from db.errors import FileMissing
from db.labels.conflicts import record_ties
from db.models import now
from db.reviews.tasks import (
    Plan,
    Vocabulary,
    add_tasks,
    find_artworks,
    find_tasks,
    items_of,
    raw_annotation,
    save_batch,
    vocabularies,
)
from db.reviews.verdicts import Answer, record
from db.workspace.workspace import Workspace
from review.errors import NotASheet, SheetUnreadable
from review.label_studio.answers import NotUnderstood, comment_of, decisions_of
from review.label_studio.scripted_reviewer import choice
from review.label_studio.synced import Synced
from review.label_studio.tasks import model_version
from review.page.card import ReviewCard, review_cards
from review.page.contact_sheets import contact_sheets
from review.page.labeling_config import class_name, verdict_name
from review.sheet.html_page import page

SERVER = "sheet"
"""What the catalog calls the place that sheets are answered at; a batch's number is its project."""

LONGEST = 64
"""Characters of an annotation's id that the catalog has room for."""

FIXED = ("task", "artwork", "image")
LAST = ("picture", "comment", "reviewer")
FORM = "form"
"""The column that names the attributes which a page asked about many artworks at once."""


def write_sheet(
    workspace: Workspace, catalog: Catalog, plan: Plan, path: Path, per_sheet: int | None = None
) -> int:
    """Write a batch as a sheet, and count its artworks as being reviewed; return how many there are.

    A path that ends in ``.html`` becomes a page, any other a CSV. Blind items (audits and controls) show
    their label, and no suggestion.

    Args:
        workspace: Knows where the images are.
        catalog: Takes the batch.
        plan: What is asked.
        path: Where the sheet goes.
        per_sheet: A page asks about so many artworks at once; one after the other if None.
    """
    shown = review_cards(catalog, workspace, plan.run_id, plan.items)
    with catalog.write() as session:
        batch = save_batch(session, plan, SERVER, 0)
        batch.project_id, batch.per_sheet = batch.id, per_sheet
        session.flush()
        words = vocabularies(session)
        tasks = {item.artwork_id: number for number, item in enumerate(items_of(session, batch.id), 1)}
        faces = [shown[artwork_id] for artwork_id in tasks]
        rows = [_row(workspace, f"{batch.id}-{tasks[card.artwork.artwork_id]}", card) for card in faces]
        if path.suffix == ".html":
            grids = contact_sheets(faces, per_sheet) if per_sheet else []
            text = page(
                f"review-{batch.uuid}", rows, [*_columns(words), FORM], words, faces, grids, workspace
            )
            path.write_text(text, encoding="utf-8")
        else:
            _write(path, rows, words)
        add_tasks(session, batch, tasks, model_version(batch.run_id))
        batch.sent = True
    return len(rows)


def _row(workspace: Workspace, task: str, card: ReviewCard) -> dict[str, str]:
    row = {
        "task": task,
        "artwork": str(card.artwork.uuid),
        "image": str(workspace.image_path(card.artwork.root, card.artwork.path)),
    }
    for question in card.questions:
        row[f"{question.attribute}_label"] = question.label
        row[f"{question.attribute}_suggested"] = question.suggested
        row[f"{question.attribute}_why"] = question.reason
    return row


def _columns(words: Mapping[str, Vocabulary]) -> list[str]:
    parts = ("label", "suggested", "why", "verdict", "class")
    return [*FIXED, *(f"{attribute}_{part}" for attribute in words for part in parts), *LAST]


def _write(path: Path, rows: Sequence[Mapping[str, str]], words: Mapping[str, Vocabulary]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _columns(words), restval="")
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
        words = vocabularies(session)
        if missing := [column for column in _columns(words) if rows and column not in rows[0]]:
            raise NotASheet(path, missing)
        artworks = find_artworks(session, [row["artwork"] for row in rows])
        answers = []
        for row in rows:
            results = _results(row, words)
            annotation_id = _annotation_id(row)
            known = raw_annotation(session, SERVER, annotation_id)
            raw = {"result": results}
            if (results or known) and (known is None or known != raw):
                batch, number = _numbers(row["task"])
                task = find_tasks(session, SERVER, batch, [number]).get(number)
                answers.append(
                    _answer(row, results, words, annotation_id, artworks, task.id if task else None)
                )
        synced.add(record(session, answers))
        if answers:
            record_ties(session)
    return synced


def _numbers(task: str) -> tuple[int, int]:
    """Return the batch and the row that a task's name is made of; 0 and 0 for another one."""
    found = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", task)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _annotation_id(row: Mapping[str, str]) -> str:
    """Return what a row's answer is known by: its task and who answered, as far as the catalog has room."""
    said = f"{row['task']}:{row['reviewer'] or 'reviewer'}"
    return said if len(said) <= LONGEST and said.isprintable() else sha256(said.encode()).hexdigest()


def _plain(cell: str) -> str:
    """Return a cell as one short line that every database takes."""
    return "".join(character for character in cell if character.isprintable()).strip()[:100]


def _results(row: Mapping[str, str], words: Mapping[str, Vocabulary]) -> list[dict[str, Any]]:
    """Return what a row says, as Label Studio would."""
    results = []
    for attribute in words:
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
    words: Mapping[str, Vocabulary],
    annotation_id: str,
    artworks: Mapping[str, int],
    task_id: int | None,
) -> Answer:
    artwork = artworks.get(row["artwork"])
    refused = None if artwork is not None else f"the catalog has no artwork {_plain(row['artwork'])}"
    decisions: Sequence[Any] = ()
    if refused is None:
        try:
            decisions = decisions_of(results, {a: row[f"{a}_label"] for a in words}, words)
            together = {words[name].attribute_id for name in row.get(FORM, "").split() if name in words}
            decisions = [
                replace(d, form="contact_sheet") if d.attribute_id in together else d for d in decisions
            ]
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
