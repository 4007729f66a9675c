"""Contact sheets at Label Studio: a project of their own, whose tasks are sheets of many artworks.

They are sent like single tasks, in steps that may be cut anywhere: the batch is written first, each chunk of
sheets as soon as the server names them. After a cut the server is asked which sheets arrived; what stands on
none of them is put on new ones. A cell is one artwork and attribute of a batch, and stands in the catalog
once: a sheet that came twice is deleted, unless somebody has begun it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from db.classes.classes import ClassList
from db.engine.bulk import chunks
from db.engine.catalog import Catalog
from db.labels.table import find_artworks
from db.models import Batch, CatalogSetting
from db.reviews.asking.batches import Plan, drop_items, items_of, save_batch
from db.reviews.asking.sheets import add_sheets, cells_of, open_sheets
from db.reviews.asking.tasks import change_tasks, reopen_issues
from db.workspace.progress import Progress
from db.workspace.workspace import Workspace
from review.errors import ImagesGone, RequestFailed, ServerDown
from review.label_studio.client import Server
from review.label_studio.project import (
    bring_up_to_date,
    find_contact_project,
    make_contact_project,
    set_model_version,
)
from review.label_studio.push.send import (
    PASSING,
    PAUSES,
    SETTLE_SECONDS,
    Pushed,
    Pusher,
    finish_unsent,
    open_project,
)
from review.label_studio.push.sheet_tasks import cells_in, seen_card, sheet_task
from review.label_studio.push.tasks import begun, model_version
from review.page.card import ReviewCard, review_cards
from review.page.contact_config import contact_config
from review.page.contact_sheets import PER_SHEET, ContactSheet, contact_sheets

CHUNK = 50
"""Sheets in one request."""


@dataclass(frozen=True)
class ContactPusher:
    """The project of contact sheets at a server, ready to take sheets.

    ``cards`` is the project of single cards: it serves the images of both.
    """

    workspace: Workspace
    catalog: Catalog
    cards: Pusher
    project: int
    class_lists: Mapping[str, ClassList]
    progress: Progress

    @property
    def server(self) -> Server:
        """Where it is."""
        return self.cards.server

    def send(self, plan: Plan, per_sheet: int) -> Pushed:
        """Write a batch and send it as sheets."""
        pushed = Pushed(self.project, expected_yield=plan.expected_yield)
        if not plan.items:
            return pushed
        with self.catalog.write() as session:
            batch = save_batch(session, plan, self.server.url, self.project)
            batch.per_sheet = per_sheet
        pushed.batch = batch.id
        self._fill(batch, pushed)
        return pushed

    def resume(self) -> Pushed | None:
        """Finish the batches whose sending was cut short; None if there are none."""
        return finish_unsent(self.catalog, self.server, self.project, self._finish)

    def _finish(self, batch: Batch, pushed: Pushed) -> None:
        self._take_up(batch)
        self._fill(batch, pushed)

    def withdraw_old(self, run_id: int, pushed: Pushed) -> None:
        """Take back the open sheets of earlier runs that nobody has begun: the new run asks again."""
        with self.catalog.read() as session:
            open_rows = open_sheets(session, self.server.url, self.project)
        if not open_rows:
            return
        for task in list(self.server.tasks(self.project, drafts=True)):
            old = (task.data or {}).get("model_version") != model_version(run_id)
            if task.id in open_rows and old and not begun(task):
                self.server.delete_task(task.id)
                rows = open_rows[task.id]
                with self.catalog.write() as session:
                    change_tasks(session, rows, state="withdrawn")
                    reopen_issues(session, rows)
                pushed.withdrawn += len(rows)

    def _fill(self, batch: Batch, pushed: Pushed) -> None:
        """Send what stands on no sheet yet, until all of it does; then mark the batch as sent."""
        with self.catalog.read() as session:
            items = items_of(session, batch.id)
        shown = review_cards(self.catalog, self.workspace, batch.run_id, items)
        cards = [shown[item.artwork_id] for item in items]
        near = [like for card in cards for q in card.questions for like in (*q.like_label, *q.like_suggested)]
        urls = self.cards.urls([*(card.artwork for card in cards), *near])
        unshown = {card.artwork.artwork_id for card in cards} & urls.left_out
        pushed.left_out += [c.artwork.path for c in cards if c.artwork.artwork_id in unshown]
        if unshown and len(unshown) == len(cards):
            raise ImagesGone(len(unshown), pushed.left_out[0])
        cards = [seen_card(card, urls.left_out) for card in cards if card.artwork.artwork_id not in unshown]
        scores = {item.artwork_id: item.score for item in items}
        for pause in (*PAUSES, None):
            sheets = contact_sheets(self._left(batch, cards), batch.per_sheet or PER_SHEET)
            try:
                self.progress.start(len(sheets), "sending contact sheets")
                for some in chunks(list(range(len(sheets))), CHUNK):
                    chosen = [sheets[number] for number in some]
                    requests = [
                        sheet_task(
                            sheet,
                            scores,
                            names=self.class_lists[sheet.attribute].names,
                            batch=str(batch.uuid),
                            version=model_version(batch.run_id),
                            url=urls.of,
                        )
                        for sheet in chosen
                    ]
                    self._record(batch, dict(zip(self._post(requests), chosen, strict=True)))
                    pushed.created += sum(len(sheet.cells) for sheet in chosen)
                    pushed.sheets += len(chosen)
                    self.progress.advance(len(chosen))
                break
            except (ServerDown, RequestFailed) as error:
                if pause is None or (isinstance(error, RequestFailed) and error.status not in PASSING):
                    raise
                time.sleep(pause)
                self._settle(batch)
        self._verify(batch)
        set_model_version(self.server, self.project, model_version(batch.run_id))
        with self.catalog.write() as session:
            drop_items(session, batch.id, unshown)
            session.get_one(Batch, batch.id).sent = True

    def _left(self, batch: Batch, cards: Sequence[ReviewCard]) -> list[ReviewCard]:
        """Return the cards with those questions only that stand on no sheet yet."""
        with self.catalog.read() as session:
            placed = {(cell.artwork_id, cell.attribute_id) for cell in cells_of(session, batch.id)}
        return [
            replace(
                card,
                questions=[
                    q
                    for q in card.questions
                    if (card.artwork.artwork_id, self.class_lists[q.attribute].attribute_id) not in placed
                ],
            )
            for card in cards
        ]

    def _post(self, requests: Sequence[dict[str, Any]]) -> list[int]:
        """Import sheets; return the server's numbers of them in order."""
        with self.server.asked(f"to import {len(requests)} contact sheets", self.project):
            path = f"/api/projects/{self.project}/import?return_task_ids=true"
            return [int(number) for number in self.server.post(path, list(requests))["task_ids"]]

    def _record(self, batch: Batch, created: Mapping[int, ContactSheet]) -> None:
        """Write sheets that stand at the server."""
        placed = {
            number: [
                (cell.card.artwork.artwork_id, self.class_lists[sheet.attribute].attribute_id)
                for cell in sheet.cells
            ]
            for number, sheet in created.items()
        }
        with self.catalog.write() as session:
            add_sheets(session, batch, placed, model_version(batch.run_id))

    def _arrived(self, batch: Batch) -> list[Any]:
        """Return the sheets of a batch at the server, those begun first, then the oldest."""
        tasks = self.server.tasks_of_batch(self.project, batch.uuid)
        return sorted(tasks, key=lambda task: (not begun(task), task.id))

    def _settle(self, batch: Batch) -> None:
        """Take up what arrived of a batch, once two look-ups in a row find the same."""
        before = -1
        while (arrived := len(self._arrived(batch))) != before:
            before = arrived
            time.sleep(SETTLE_SECONDS)
        self._take_up(batch)

    def _verify(self, batch: Batch) -> None:
        """Make sure that the server has each sheet once: a request may have been repeated."""
        with self.catalog.read() as session:
            recorded = {cell.sheet_id for cell in cells_of(session, batch.id)}
        if {task.id for task in self._arrived(batch)} != recorded:
            self._take_up(batch)

    def _take_up(self, batch: Batch) -> None:
        """Write the sheets of a batch that are at the server and not in the catalog; delete doubles."""
        arrived = self._arrived(batch)
        with self.catalog.write() as session:
            recorded = {cell.sheet_id for cell in cells_of(session, batch.id)}
            new = {task.id: task for task in arrived if task.id not in recorded}
            add_sheets(session, batch, self._placed(session, list(new.values())), model_version(batch.run_id))
            recorded = {cell.sheet_id for cell in cells_of(session, batch.id)}
        for number, task in new.items():
            if number not in recorded and not begun(task):
                self.server.delete_task(number)

    def _placed(self, session: Any, tasks: Sequence[Any]) -> dict[int, list[tuple[int, int]]]:
        """Return the (artwork, attribute) of each cell of sheets, as their data names them."""
        wanted = [str(cell.get("artwork")) for task in tasks for cell in cells_in(task.data)]
        artworks = find_artworks(session, wanted)
        placed = {}
        for task in tasks:
            named, attribute = cells_in(task.data), str((task.data or {}).get("attribute"))
            if attribute in self.class_lists and all(str(cell.get("artwork")) in artworks for cell in named):
                attribute_id = self.class_lists[attribute].attribute_id
                placed[task.id] = [(artworks[str(cell.get("artwork"))], attribute_id) for cell in named]
        return placed


@contextmanager
def open_contact_project(
    workspace: Workspace, catalog: Catalog, progress: Progress, annotators: int = 1
) -> Iterator[ContactPusher]:
    """Connect, and bring the project of contact sheets up to date; make it where there is none."""
    with catalog.read() as session:
        uuid = session.get_one(CatalogSetting, "uuid").value
    config = contact_config()
    with open_project(workspace, catalog, progress, annotators) as cards:
        project = find_contact_project(cards.server, uuid)
        if project is None:
            project = make_contact_project(cards.server, workspace.settings.collection, uuid, config)
        bring_up_to_date(cards.server, project, config, annotators, contact=True)
        yield ContactPusher(
            cards.workspace,
            catalog=catalog,
            cards=cards,
            project=project,
            class_lists=cards.class_lists,
            progress=progress,
        )
