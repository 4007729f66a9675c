"""Bring answers back: by watermark, with an overlap, each annotation once however often it is read.

The watermark is the newest change seen, by the server's own clock, and no later than when reading began.
Answers are written in the order of their times, since the row that is added last counts. A watermark that is
later than the server's clock is of a clock that was set back: everything is read again.

Only tasks with answers are asked for, so that a sync costs what is new, however many tasks are open or
done. A full sync reads all of them, and so notices what was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from db.classes.classes import ClassList, read_class_lists
from db.engine.bulk import chunks
from db.engine.catalog import Catalog
from db.engine.catalog_settings import read_setting, write_setting
from db.labels.conflicts import record_ties
from db.labels.effective import derive
from db.labels.table import find_artworks
from db.models import CatalogSetting, Task
from db.reviews.answering.annotations import kept_annotations
from db.reviews.answering.answers import Answer
from db.reviews.answering.recording import forget_annotation, record
from db.reviews.asking.sheets import open_sheets
from db.reviews.asking.tasks import (
    adopt_task,
    change_tasks,
    find_tasks,
    mark_issues,
    misplaced_tasks,
    open_tasks,
    retire_task,
)
from db.workspace.progress import Progress
from db.workspace.workspace import Workspace
from review.errors import NothingPushed
from review.label_studio.client import Filter, Server, connect, user_names
from review.label_studio.project import find_contact_project, find_project, require_ours
from review.label_studio.sync.answers import (
    NotUnderstood,
    comment_of,
    decisions_of,
    moment,
    shown_labels,
    user_id,
    who_made,
)
from review.label_studio.sync.sheet_answers import write_sheets
from review.label_studio.sync.summary import Synced

OVERLAP = timedelta(seconds=60)
"""Changes this much older than the watermark are read again: the server may commit out of order."""

CHUNK = 200
"""Tasks in one transaction: a sync of thousands doesn't hold the catalog's one writer for long."""


@dataclass(frozen=True)
class Fetcher:
    """A workspace's project at a server, ready to be read; ``contact`` where its tasks are contact sheets."""

    catalog: Catalog
    server: Server
    project: int
    class_lists: Mapping[str, ClassList]
    names: Mapping[int, str]
    contact: bool = False

    @property
    def setting(self) -> str:
        """The key under which the catalog keeps the watermark."""
        return f"watermark:{self.server.url}:{self.project}"

    def sync(self, progress: Progress, *, full: bool = False) -> Synced:
        """Read what is new, write it, and move the watermark."""
        synced = Synced()
        with self.catalog.read() as session:
            before = read_setting(session, self.setting)
        began = self.server.now()
        watermark = None if full or before is None or moment(before) > began else moment(before)
        tasks = self._changed(watermark)
        progress.start(len(tasks), "reading answers")
        for chunk in chunks(tasks, CHUNK):
            self._write(chunk, synced)
            progress.advance(len(chunk))
        if full:
            self._reconcile(synced)
        if synced.verdicts or synced.taken_back:
            with self.catalog.write() as session:
                record_ties(session)
        newest = max((moment(task.updated_at) for task in tasks), default=None)
        if newest is not None and (watermark is None or newest > watermark):
            with self.catalog.write() as session:
                write_setting(session, self.setting, min(newest, began).isoformat())
        return synced

    def _changed(self, watermark: datetime | None) -> list[Any]:
        """Return the tasks whose answers changed, the latest last: those with answers, or that lost theirs.

        Whoever takes an answer away is named as the one who changed the task last, which a task that waits
        since it was pushed has nobody for.
        """
        annotations: dict[int, Any] = {}
        recent: list[Filter] = []
        if watermark is not None:
            recent = [("updated_at", "greater", "Datetime", _stamp(watermark - OVERLAP))]
        for counter in ("total_annotations", "cancelled_annotations"):
            answered: Filter = (counter, "greater", "Number", 0)
            for task in self.server.tasks(self.project, answered, *recent, fields="all"):
                annotations[task.id] = task
        empty: Filter = ("total_annotations", "equal", "Number", 0)
        touched: Filter = ("updated_by", "empty", "List", "false")
        for task in self.server.tasks(self.project, empty, touched, *recent):
            annotations.setdefault(task.id, task)
        return sorted(annotations.values(), key=lambda task: (moment(task.updated_at), task.id))

    def _write(self, tasks: Sequence[Any], synced: Synced) -> None:
        """Write the answers of some tasks, and take back those that are gone, in one transaction."""
        if self.contact:
            write_sheets(self, tasks, synced)
            return
        with self.catalog.write() as session:
            rows = find_tasks(session, self.server.url, self.project, [task.id for task in tasks])
            said = {
                task.id: (
                    str((task.data or {}).get("artwork") or ""),
                    str((task.data or {}).get("batch") or ""),
                )
                for task in tasks
            }
            for row in misplaced_tasks(session, rows.values(), said):
                del rows[row.task_id]
                retire_task(session, row)
            session.flush()
            for task in tasks:
                data = task.data or {}
                if task.id not in rows and task.annotations:
                    adopted = adopt_task(
                        session,
                        server=self.server.url,
                        project_id=self.project,
                        task_id=task.id,
                        artwork_uuid=str(data.get("artwork")),
                        batch_uuid=str(data.get("batch")),
                    )
                    if adopted is not None:
                        rows[task.id] = adopted
            artworks = find_artworks(session, [str((task.data or {}).get("artwork")) for task in tasks])
            answers = [
                self._answer(task, annotation, person, rows.get(task.id), artworks)
                for task in tasks
                for annotation, person in zip(
                    task.annotations or (), who_made(task.annotations or ()), strict=True
                )
            ]
            synced.add(record(session, sorted(answers, key=lambda answer: answer.updated_at)))
            present = {
                rows[task.id].id: {str(a["id"]) for a in task.annotations or ()}
                for task in tasks
                if task.id in rows
            }
            earlier = kept_annotations(session, list(rows.values()))
            gone = {i for row, ids in earlier.items() for i in ids - present[row]}
            touched: set[int] = set()
            for annotation_id in sorted(gone):
                touched |= forget_annotation(session, self.server.url, annotation_id)
            synced.taken_back += len(gone)
            synced.labels_changed += derive(session, touched)

    def _answer(
        self,
        task: Any,
        annotation: Mapping[str, Any],
        person: str,
        row: Task | None,
        artworks: Mapping[str, int],
    ) -> Answer:
        """Return one annotation as the catalog takes it."""
        data = task.data or {}
        results = annotation.get("result") or []
        artwork = artworks.get(str(data.get("artwork")))
        refused = None if artwork is not None else f"the catalog has no artwork {data.get('artwork')}"
        decisions: Sequence[Any] = ()
        skipped = bool(annotation.get("was_cancelled"))
        if refused is None and not skipped:
            try:
                suggested = {a: str(data.get(f"suggested_{a}") or "") for a in self.class_lists}
                decisions = decisions_of(
                    results, shown_labels(data, self.class_lists), self.class_lists, suggested
                )
            except NotUnderstood as problem:
                refused = str(problem)
        return Answer(
            server=self.server.url,
            annotation_id=str(annotation["id"]),
            artwork_id=artwork,
            reviewer=(person, self.names.get(user_id(annotation), person)),
            updated_at=moment(annotation["updated_at"]),
            decisions=decisions,
            task_id=row.id if row else None,
            comment=comment_of(results),
            seconds=annotation.get("lead_time"),
            skipped=skipped,
            refused=refused,
            raw=dict(annotation),
        )

    def _reconcile(self, synced: Synced) -> None:
        """Withdraw the open tasks that are no longer at the server; their issues are open again."""
        present = {task.id for task in self.server.tasks(self.project, page_size=1000)}
        with self.catalog.read() as session:
            open_now = open_tasks(session, self.server.url, self.project)
            sheets = open_sheets(session, self.server.url, self.project) if self.contact else {}
        lost = {row for number, rows in sheets.items() if number not in present for row in rows}
        gone = [t for t in open_now if (t.id in lost if self.contact else t.task_id not in present)]
        with self.catalog.write() as session:
            change_tasks(session, [task.id for task in gone], state="withdrawn")
            mark_issues(session, [t.artwork_id for t in gone if t.purpose == "review"], "pushed", "open")
        synced.vanished = len(gone)


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def open_fetchers(workspace: Workspace, catalog: Catalog) -> Iterator[list[Fetcher]]:
    """Connect to the projects that the workspace's tasks are in: single cards, and contact sheets.

    Raises:
        NothingPushed: There is no such project yet.
        ProjectForeign: The project that curate.toml names is not this catalog's.
    """
    with catalog.read() as session:
        class_lists = read_class_lists(session)
        uuid = session.get_one(CatalogSetting, "uuid").value
    with connect(workspace.settings.label_studio.url) as server:
        sheets = find_contact_project(server, uuid)
        project = workspace.settings.label_studio.project
        if project is None:
            project = find_project(server, uuid)
        else:
            require_ours(server, project, uuid)
        if project is None and sheets is None:
            raise NothingPushed(server.url)
        names = user_names(server)
        projects = [(project, False), (sheets, True)]
        yield [
            Fetcher(catalog, server=server, project=n, class_lists=class_lists, names=names, contact=contact)
            for n, contact in projects
            if n is not None
        ]


@contextmanager
def open_fetcher(workspace: Workspace, catalog: Catalog) -> Iterator[Fetcher]:
    """Connect to the project of single cards only.

    Raises:
        NothingPushed: There is no such project yet.
    """
    with open_fetchers(workspace, catalog) as fetchers:
        if fetchers[0].contact:
            raise NothingPushed(fetchers[0].server.url)
        yield fetchers[0]
