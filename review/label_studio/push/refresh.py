"""Bring open tasks up to a new run: new suggestions, new words; those that nobody need answer are withdrawn.

The queue is ordered by the predictions of one version, and a task without one drops out of it: so all open
tasks get the new run's before the project switches to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from db.engine.bulk import chunks
from db.models import BatchItem, Task
from db.reviews.asking.batches import find_items
from db.reviews.asking.cards import Card, read_cards
from db.reviews.asking.queue_score import queue_score
from db.reviews.asking.tasks import change_tasks, open_tasks
from review.label_studio.client import ONCE
from review.label_studio.project import set_model_version
from review.label_studio.push.send import CHUNK, Pushed, Pusher
from review.label_studio.push.tasks import begun, model_version, prediction, task_data
from review.page.card import Asked, review_card

SAME_SCORE = 0.05
"""A task's words are written again when its score moved further than this, or its suggestion changed."""


def refresh(pusher: Pusher, run_id: int, pushed: Pushed) -> None:
    """Give every open task the predictions of a run, withdraw those without an issue, switch the project."""
    with pusher.catalog.read() as session:
        still_open = open_tasks(session, pusher.server.url, pusher.project)
        old = [task for task in still_open if task.model_version != model_version(run_id)]
        cards = read_cards(session, (task.artwork_id for task in still_open))
        items = find_items(session, still_open)
    idle = [
        task
        for task in still_open
        if task.purpose == "review"
        and not cards[task.artwork_id].issues
        and not items[task.batch_id, task.artwork_id].known.get("again")
    ]
    withdrawn = _withdraw(pusher, idle, cards)
    pushed.withdrawn += len(withdrawn)
    left = [task for task in old if task.id not in withdrawn]
    renewed = _renew(pusher, run_id, left, cards, items) if left else 0
    if renewed:
        set_model_version(pusher.server, pusher.project, model_version(run_id))
    pushed.refreshed += renewed


def _is_about(data: Mapping[str, Any] | None, card: Card) -> bool:
    """Return whether a task at the server is an artwork's: ids begin at 1 where a server was set up again."""
    return str((data or {}).get("artwork")) == str(card.uuid)


def _withdraw(pusher: Pusher, tasks: Sequence[Task], cards: Mapping[int, Card]) -> set[int]:
    """Delete tasks from the server unless somebody has begun them; return the rows' ids.

    One that is gone there, or whose id is another artwork's now, is withdrawn here only.
    """
    withdrawn: set[int] = set()
    if not tasks:
        return withdrawn
    pusher.progress.start(len(tasks), "withdrawing tasks")
    for task in tasks:
        task_there = pusher.server.find_task(task.task_id)
        if task_there is None or not _is_about(task_there.data, cards[task.artwork_id]):
            withdrawn.add(task.id)
        elif not begun(task_there):
            pusher.server.delete_task(task.task_id)
            withdrawn.add(task.id)
        pusher.progress.advance()
    with pusher.catalog.write() as session:
        change_tasks(session, sorted(withdrawn), state="withdrawn")
    return withdrawn


def _renew(
    pusher: Pusher,
    run_id: int,
    tasks: Sequence[Task],
    cards: Mapping[int, Card],
    items: Mapping[tuple[int, int], BatchItem],
) -> int:
    """Send a run's predictions for open tasks; return how many have them now."""
    waiting: Any = ("total_annotations", "equal", "Number", 0)
    present = {task.id: task.data or {} for task in pusher.server.tasks(pusher.project, waiting)}
    renewed = [
        task
        for task in tasks
        if task.task_id in present and _is_about(present[task.task_id], cards[task.artwork_id])
    ]
    pusher.progress.start(len(renewed), "refreshing tasks")
    for chunk in chunks(renewed, CHUNK):
        width = len(pusher.class_lists)
        asked = {
            t.id: asked_today(pusher.asked(items[t.batch_id, t.artwork_id]), cards[t.artwork_id], width)
            for t in chunk
        }
        beside = pusher.beside(run_id, {t.artwork_id: asked[t.id] for t in chunk}, cards)
        urls = pusher.urls([*(cards[t.artwork_id] for t in chunk), *beside.all()])
        beside = beside.without(urls.left_out)
        guesses = []
        for task in chunk:
            card = cards[task.artwork_id]
            guess = prediction(card, asked[task.id], model_version(run_id), pusher.page)
            pusher.page.check(card.uuid, guess)
            guesses.append({**guess, "task": task.task_id})
            before = present[task.task_id]
            shown = review_card(card, asked[task.id], pusher.class_lists, beside)
            new = task_data(shown, asked[task.id], before.get("batch", ""), urls.of, pusher.class_lists)
            _reword(pusher, task, new, before)
        with pusher.server.asked(f"to import {len(guesses)} predictions", pusher.project):
            pusher.server.client.projects.import_predictions(
                id=pusher.project,
                request=guesses,
                request_options=ONCE,
            )
        with pusher.catalog.write() as session:
            change_tasks(session, [task.id for task in chunk], model_version=model_version(run_id))
        pusher.progress.advance(len(chunk))
    return len(renewed)


def asked_today(asked: Asked, card: Card, width: int) -> Asked:
    """Return what a task asks by today's issues; a blind one asks what it always asked.

    Args:
        asked: What it asked before.
        card: The artwork's issues of today.
        width: How many attributes an artwork has.
    """
    if asked.blind or not card.issues:
        return asked
    issues = sorted(card.issues.values(), key=lambda issue: issue.score)
    score = queue_score((issue.score for issue in issues), width)
    return Asked([issue.attribute for issue in issues], False, score, asked.shown)


def _reword(pusher: Pusher, task: Task, new: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Write a task's words again where they would mislead; small moves of the score change nothing."""
    telling = [f"{part}_{name}" for name in pusher.class_lists for part in ("label", "suggested")]
    moved = abs(float(data.get("score", 0)) - float(new["score"])) > SAME_SCORE
    if moved or new.keys() - data.keys() or any(new[key] != data.get(key) for key in telling):
        with pusher.server.asked("to update a task"):
            pusher.server.client.tasks.update(id=str(task.task_id), data=dict(new))
