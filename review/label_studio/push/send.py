"""Send a planned batch, in steps that may be cut anywhere and are finished by the next push.

1. The project and its images are made sure of; nothing is in the catalog yet.
2. The batch is written (the intent), its id goes with each task.
3. Tasks are sent in chunks; each chunk's tasks are written as soon as the server names them, while the next
   is on its way.
4. The server's tasks of the batch are counted, the queue is ordered by their predictions, and the batch is
   marked as sent.

A cut between 2 and 4 leaves an unsent batch. The next push first asks the server which of its tasks
arrived, takes those up, removes doubles that nobody has begun, and sends the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from db.classes.classes import ClassList, read_class_lists
from db.engine.bulk import chunks
from db.engine.catalog import Catalog
from db.models import Batch, BatchItem, CatalogSetting
from db.reviews.answering.annotations import answered_classes
from db.reviews.asking.batches import (
    Plan,
    PlannedItem,
    count_tasks,
    drop_items,
    items_of,
    save_batch,
    tasks_of,
    unsent_batches,
)
from db.reviews.asking.cards import Card, read_cards
from db.reviews.asking.tasks import add_tasks, open_tasks
from db.workspace.progress import Progress
from db.workspace.workspace import Workspace, change_settings
from review.errors import ImagesGone, RequestFailed, ServerDown
from review.label_studio.client import Server, connect
from review.label_studio.project import (
    bring_up_to_date,
    find_project,
    make_project,
    page_of,
    require_ours,
    set_model_version,
)
from review.label_studio.push.images import ImageUrls, serve_images
from review.label_studio.push.tasks import Page, model_version, prediction, sort_out, task_data
from review.page.card import Asked, References, asked_of, read_references, review_card

CHUNK = 1000
"""Tasks in one request: some seconds' work for the server, which each request costs it a fixed time too."""

PAUSES = (0.5, 3.0)
"""Before the second and the third try of a chunk, in seconds."""

PASSING = (408, 429, 500, 502, 503, 504)
"""Answers that may be others a moment later."""

SETTLE_SECONDS = 1.0
"""Between two look-ups after a cut: the server may still be writing what it was sent."""


@dataclass
class Pushed:
    """What a push did; ``resumed`` tells that it finished an earlier one instead of planning a new one.

    ``created`` counts tasks, or the labels on contact sheets, of which there are ``sheets``.
    ``left_out`` has the paths of artworks that nobody can be asked about: their image cannot be shown.
    """

    project: int | None
    batch: int | None = None
    created: int = 0
    sheets: int = 0
    refreshed: int = 0
    withdrawn: int = 0
    skipped: int = 0
    expected_yield: float = 0.0
    resumed: bool = False
    left_out: list[str] = field(default_factory=list)


def finish_unsent(
    catalog: Catalog, server: Server, project: int, finish: Callable[[Batch, Pushed], None]
) -> Pushed | None:
    """Finish the batches of a project whose sending was cut short; None if there are none."""
    with catalog.read() as session:
        unsent = unsent_batches(session, server.url, project)
    if not unsent:
        return None
    pushed = Pushed(project, resumed=True)
    for batch in unsent:
        pushed.batch = batch.id
        pushed.expected_yield += batch.expected_yield
        finish(batch, pushed)
    return pushed


@dataclass(frozen=True)
class Pusher:
    """A workspace's project at a server, ready to take tasks."""

    workspace: Workspace
    catalog: Catalog
    server: Server
    project: int
    class_lists: Mapping[str, ClassList]
    page: Page
    progress: Progress

    def send(self, plan: Plan) -> Pushed:
        """Write a batch and send it."""
        pushed = Pushed(self.project, expected_yield=plan.expected_yield)
        if not plan.items:
            return pushed
        with self.catalog.read() as session:
            cards = read_cards(session, (item.artwork_id for item in plan.items))
        beside = self.beside(plan.run_id, {i.artwork_id: self.asked(i) for i in plan.items}, cards)
        urls = self.urls([*cards.values(), *beside.all()])
        pushed.left_out = [cards[i].path for i in sorted(urls.left_out) if i in cards]
        items = [item for item in plan.items if item.artwork_id not in urls.left_out]
        if not items:
            raise ImagesGone(len(plan.items), pushed.left_out[0])
        plan = replace(plan, items=items)
        with self.catalog.write() as session:
            batch = save_batch(session, plan, self.server.url, self.project)
        pushed.batch = batch.id
        self._send(batch, cards, beside.without(urls.left_out), urls, pushed)
        return pushed

    def resume(self) -> Pushed | None:
        """Finish the batches whose sending was cut short; None if there are none."""
        return finish_unsent(self.catalog, self.server, self.project, self._finish)

    def _finish(self, batch: Batch, pushed: Pushed) -> None:
        """Send what is left of a batch."""
        self._take_up(batch)
        with self.catalog.read() as session:
            items = items_of(session, batch.id)
            cards = read_cards(session, (item.artwork_id for item in items))
        beside = self.beside(batch.run_id, {item.artwork_id: self.asked(item) for item in items}, cards)
        urls = self.urls([*cards.values(), *beside.all()])
        self._send(batch, cards, beside.without(urls.left_out), urls, pushed)

    def beside(self, run_id: int, asked: Mapping[int, Asked], cards: Mapping[int, Card]) -> References:
        """Return the artworks to show beside others."""
        return read_references(
            self.catalog,
            workspace=self.workspace,
            run_id=run_id,
            asked=asked,
            cards=cards,
            words=self.class_lists,
        )

    def _send(
        self,
        batch: Batch,
        cards: Mapping[int, Card],
        beside: References,
        urls: ImageUrls,
        pushed: Pushed,
    ) -> None:
        """Send the items of a batch that have no task yet, then mark it as sent."""
        with self.catalog.read() as session:
            mine = {task.artwork_id for task in tasks_of(session, batch.id)}
            busy = {(t.artwork_id, t.purpose) for t in open_tasks(session, batch.server, self.project)}
            unsent = [item for item in items_of(session, batch.id) if item.artwork_id not in mine]
        left = [item for item in unsent if item.artwork_id not in urls.left_out]
        unshown = {item.artwork_id for item in unsent} & urls.left_out
        items = [item for item in left if (item.artwork_id, item.purpose) not in busy]
        pushed.skipped += len(left) - len(items)
        requests = {i.artwork_id: self._request(batch, i, cards[i.artwork_id], beside, urls) for i in items}
        self.progress.start(len(items), "sending tasks")
        with ThreadPoolExecutor(1) as recorder:  # writes down one chunk while the server works at the next
            recorded = recorder.submit(self._record, batch, {})
            for chunk in chunks(list(requests), CHUNK):
                created = self._import(batch, {i: requests[i] for i in chunk}, recorded)
                recorded.result()
                recorded = recorder.submit(self._record, batch, created)
                pushed.created += len(chunk)
                self.progress.advance(len(chunk))
            recorded.result()
        self._verify(batch)
        if items:
            set_model_version(self.server, self.project, model_version(batch.run_id))
        with self.catalog.write() as session:
            drop_items(session, batch.id, unshown)
            session.get_one(Batch, batch.id).sent = True
        pushed.left_out += [cards[artwork_id].path for artwork_id in sorted(unshown)]

    def _request(
        self, batch: Batch, item: BatchItem, card: Card, beside: References, urls: ImageUrls
    ) -> dict[str, Any]:
        """Return one task as it is imported, its prediction checked."""
        asked = self.asked(item)
        guess = prediction(card, asked, model_version(batch.run_id), self.page)
        self.page.check(card.uuid, guess)
        shown = review_card(card, asked, self.class_lists, beside)
        data = task_data(shown, asked, batch.uuid, urls.of, self.class_lists)
        return {"data": data, "predictions": [guess]}

    def asked(self, item: BatchItem | PlannedItem) -> Asked:
        """Return what an item's task asks."""
        return asked_of(item, self.class_lists)

    def _import(
        self, batch: Batch, requests: Mapping[int, dict[str, Any]], before: Future[None]
    ) -> dict[int, int]:
        """Send one chunk; after a cut or a server's fault, find out what arrived and send the rest again.

        Args:
            batch: The batch that the tasks are of.
            requests: The tasks by artwork id.
            before: The chunk before, which is being written down.

        Returns:
            The server's ids of the tasks that are not in the catalog yet, by artwork id.
        """
        left = dict(requests)
        for pause in (*PAUSES, None):
            try:
                return self._post(left) if left else {}
            except (ServerDown, RequestFailed) as error:
                if pause is None or (isinstance(error, RequestFailed) and error.status not in PASSING):
                    raise
                time.sleep(pause)
                before.result()
                self._settle(batch)
                with self.catalog.read() as session:
                    sent = {task.artwork_id for task in tasks_of(session, batch.id)}
                left = {i: request for i, request in left.items() if i not in sent}
        raise AssertionError("the last try returns or raises")

    def _post(self, requests: Mapping[int, dict[str, Any]]) -> dict[int, int]:
        """Import tasks; return the server's task ids by artwork id (it keeps the order)."""
        with self.server.asked(f"to import {len(requests)} tasks", self.project):
            path = f"/api/projects/{self.project}/import?return_task_ids=true"
            answer = self.server.post(path, list(requests.values()))
        return dict(zip(requests, answer["task_ids"], strict=True))

    def _record(self, batch: Batch, created: Mapping[int, int]) -> None:
        """Write tasks that stand at the server, and delete there what is one too many."""
        with self.catalog.write() as session:
            surplus = add_tasks(session, batch, created, model_version(batch.run_id))
        for task_id in surplus:
            self.server.delete_task(task_id)

    def _settle(self, batch: Batch) -> None:
        """Take up what arrived of a batch, once two look-ups in a row find the same."""
        before = -1
        while (count := self._count(batch.uuid)) != before:
            before = count
            time.sleep(SETTLE_SECONDS)
        self._take_up(batch)

    def _count(self, batch: UUID) -> int:
        """Return how many tasks of a batch stand at the server."""
        return self.server.count(self.project, ("data.batch", "equal", "String", str(batch)))

    def _verify(self, batch: Batch) -> None:
        """Make sure that the server has each task of a batch once: a request may have been repeated."""
        with self.catalog.read() as session:
            count = count_tasks(session, batch.id)
        if self._count(batch.uuid) != count:
            self._take_up(batch)

    def _take_up(self, batch: Batch) -> None:
        """Write the tasks of a batch that are at the server and not in the catalog; remove doubles."""
        arrived = self.server.tasks_of_batch(self.project, batch.uuid)
        with self.catalog.read() as session:
            tasks = tasks_of(session, batch.id)
            ours = read_cards(session, (item.artwork_id for item in items_of(session, batch.id)))
        by_uuid = {str(card.uuid): card.artwork_id for card in ours.values()}
        keep, doubles = sort_out(arrived, tasks, by_uuid)
        self._record(batch, keep)
        for task_id in doubles:
            self.server.delete_task(task_id)

    def urls(self, cards: Iterable[Card]) -> ImageUrls:
        """Make sure that the images of these artworks are served."""
        return serve_images(self.server, self.project, self.workspace, cards, self.progress)


@contextmanager
def open_project(
    workspace: Workspace, catalog: Catalog, progress: Progress, annotators: int = 1
) -> Iterator[Pusher]:
    """Connect, and bring the workspace's project up to date; make it where there is none."""
    with catalog.read() as session:
        class_lists = read_class_lists(session)
        uuid = session.get_one(CatalogSetting, "uuid").value
        used = answered_classes(session, workspace.settings.label_studio.url)
    config = page_of(class_lists, used)
    with connect(workspace.settings.label_studio.url) as server:
        project = workspace.settings.label_studio.project
        if project is None:
            project = find_project(server, uuid)
            if project is None:
                project = make_project(server, workspace.settings.collection, uuid, config)
            workspace = change_settings(workspace, "label_studio", "project", project)
        else:
            require_ours(server, project, uuid)
        bring_up_to_date(server, project, config, annotators)
        yield Pusher(
            workspace,
            catalog=catalog,
            server=server,
            project=project,
            class_lists=class_lists,
            page=Page(config),
            progress=progress,
        )
