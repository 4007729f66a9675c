"""Label Studio's own export as a source of answers: JSON and JSON-MIN, from our server or from another one.

What an answer is about is told by our ids in the task's data, so that an export of a copied or restored
server is taken too. Answers of a task that the catalog knows are the same as those that a sync would bring;
others are kept under the name of the export.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.classes.classes import ClassList, read_class_lists
from db.engine.catalog import Catalog
from db.errors import FileMissing
from db.labels.conflicts import record_ties
from db.labels.table import find_artworks
from db.models import Task
from db.reviews.answering.answers import Answer
from db.reviews.answering.recording import record
from db.reviews.asking.batches import batches_by_uuid
from db.reviews.asking.tasks import find_tasks
from review.errors import NotAnExport
from review.label_studio.sync.answers import (
    COMMENT,
    PICTURE,
    NotUnderstood,
    comment_of,
    decisions_of,
    moment,
    shown_labels,
    who_made,
)
from review.label_studio.sync.summary import Synced
from review.page.labeling_config import class_name, verdict_name

ELSEWHERE = "export"
"""What the catalog calls a server that it knows only by its exports."""


@dataclass(frozen=True)
class Exported:
    """One annotation of an export, in either format."""

    task_id: int
    data: Mapping[str, Any]
    annotation: Mapping[str, Any]
    person: str


def read_export(catalog: Catalog, path: Path) -> Synced:
    """Record the answers of an export; those that are known and unchanged do nothing.

    Raises:
        FileMissing: There is no such file.
        NotAnExport: It is no JSON, no export, or is about no artwork of this catalog.
    """
    with catalog.read() as session:
        class_lists = read_class_lists(session)
    exported = parse_export(path, class_lists)
    synced = Synced()
    with catalog.write() as session:
        artworks = find_artworks(session, [str(one.data.get("artwork")) for one in exported])
        if not artworks:
            raise NotAnExport(path, "none of its tasks is about an artwork of this catalog")
        batches = batches_by_uuid(session, [str(one.data.get("batch")) for one in exported])
        tasks: dict[tuple[str, int], Task] = {}
        for server, project in {(b.server, b.project_id) for b in batches.values()}:
            numbers = [one.task_id for one in exported]
            for number, task in find_tasks(session, server, project or 0, numbers).items():
                tasks[server, number] = task
        answers = [_answer(one, artworks, batches, tasks, class_lists) for one in exported]
        synced.add(record(session, sorted(answers, key=lambda answer: answer.updated_at)))
        if answers:
            record_ties(session)
    return synced


def parse_export(path: Path, class_lists: Mapping[str, ClassList]) -> list[Exported]:
    """Return the annotations of an export, JSON or JSON-MIN.

    Raises:
        FileMissing: There is no such file.
        NotAnExport: It is neither.
    """
    if not path.is_file():
        raise FileMissing(path, "export")
    try:
        tasks = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise NotAnExport(path, f"it is no JSON ({error})") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise NotAnExport(path, "it is no list of tasks")
    exported: list[Exported] = []
    for task in tasks:
        data = task.get("data")
        if isinstance(data, dict) and isinstance(task.get("annotations"), list):
            made = [a for a in task["annotations"] if isinstance(a, dict) and "id" in a and "updated_at" in a]
            for annotation, person in zip(made, who_made(made), strict=True):
                exported.append(Exported(_number(task.get("id")), data, annotation, person))
        elif task.get("annotation_id") is not None:
            exported.append(_flat(task, class_lists))
        elif not isinstance(data, dict) and "annotation_id" not in task:  # one that is null has no answer yet
            raise NotAnExport(path, "a task has neither annotations nor an annotation_id")
    for one in exported:
        try:
            moment(str(one.annotation["updated_at"]))
        except ValueError as error:
            raise NotAnExport(path, f"an answer of the task {one.task_id} has no time ({error})") from error
    return exported


def _flat(task: Mapping[str, Any], class_lists: Mapping[str, ClassList]) -> Exported:
    """Return a row of JSON-MIN as the annotation that it was."""
    results = []
    controls = [PICTURE, *map(verdict_name, class_lists), *map(class_name, class_lists)]
    for control in controls:
        if control in task:
            results.append({"from_name": control, "value": _value(task[control])})
    if task.get(COMMENT):
        results.append({"from_name": COMMENT, "value": {"text": task[COMMENT]}})
    annotation = {
        "id": task["annotation_id"],
        "completed_by": task.get("annotator"),
        "updated_at": task.get("updated_at"),
        "lead_time": task.get("lead_time"),
        "was_cancelled": not results,
        "result": results,
    }
    person = who_made([annotation])[0]
    if task.get("annotator") is None:
        person = f"deleted {task['annotation_id']}"
    return Exported(_number(task.get("id")), task, annotation, person)


def _value(value: object) -> dict[str, Any]:
    """Return a choice as JSON has it: JSON-MIN spells one as its word, several as an object."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list) and value and isinstance(value[0], list):
        return {"taxonomy": value}
    return {"choices": value if isinstance(value, list) else [value]}


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _email(annotation: Mapping[str, Any]) -> str:
    """Return the address of who made an annotation; ``""`` where the export has only a number."""
    who = annotation.get("completed_by")
    return str(who.get("email") or "") if isinstance(who, Mapping) else ""


def _answer(
    one: Exported,
    artworks: Mapping[str, int],
    batches: Mapping[str, Any],
    tasks: Mapping[tuple[str, int], Task],
    class_lists: Mapping[str, ClassList],
) -> Answer:
    uuid = str(one.data.get("artwork"))
    artwork, batch = artworks.get(uuid), batches.get(str(one.data.get("batch")))
    task = tasks.get((batch.server, one.task_id)) if batch else None
    if task is not None and (task.artwork_id != artwork or batch is None or task.batch_id != batch.id):
        task = None
    refused = None if artwork is not None else f"the catalog has no artwork {uuid}"
    skipped = bool(one.annotation.get("was_cancelled"))
    decisions: Sequence[Any] = ()
    results = one.annotation.get("result") or []
    if "cells" in one.data:
        refused = "it is a contact sheet: bring it from its server, `curate sync-corrections`"
    elif refused is None and not skipped:
        try:
            suggested = {a: str(one.data.get(f"suggested_{a}") or "") for a in class_lists}
            decisions = decisions_of(results, shown_labels(one.data, class_lists), class_lists, suggested)
        except NotUnderstood as problem:
            refused = str(problem)
    said = str(one.annotation["id"])
    return Answer(
        server=batch.server if task is not None and batch is not None else ELSEWHERE,
        annotation_id=said if task is not None else f"{uuid[:8]}:{said}"[:64],
        artwork_id=artwork,
        reviewer=(one.person, _email(one.annotation)),
        updated_at=moment(str(one.annotation["updated_at"])),
        decisions=decisions,
        task_id=task.id if task else None,
        comment=comment_of(results),
        seconds=one.annotation.get("lead_time"),
        skipped=skipped,
        refused=refused,
        raw=dict(one.annotation),
    )
