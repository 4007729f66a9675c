"""Go round once with one fault on the way, recover, and count what is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from curate.rounds.plan import BatchSettings
from curate.rounds.push import push_batch
from db.errors import CurateError
from db.models import Verdict
from db.reviews.asking.tasks import open_tasks
from db.workspace.progress import Silent
from db.workspace.workspace import open_workspace
from review.label_studio.client import connect
from review.label_studio.scripted_reviewer import answer, choice
from review.label_studio.sync.fetch import open_fetcher
from tests.label_studio.conftest import Gallery, add_run, make_gallery
from tests.label_studio.proxy import Proxy

ARTWORKS = 14
SETTINGS = BatchSettings(limit=ARTWORKS, audit=0, controls=0)


@dataclass
class Outcome:
    """What a case left behind, once recovered: each should be nothing."""

    missing_tasks: int = 0
    doubled_tasks: int = 0
    lost: int = 0
    doubled: int = 0
    hit: bool = False

    @property
    def clean(self) -> bool:
        """Whether nothing is lost or doubled."""
        return not (self.missing_tasks or self.doubled_tasks or self.lost or self.doubled)


Disturb = Callable[[Callable[[], None], list[str]], bool]
"""Do a step with something going wrong; return whether it did."""


def push(gallery: Gallery) -> None:
    """Push in this process, as the command does."""
    workspace = open_workspace(gallery.workspace.folder)
    with workspace.open_catalog() as catalog:
        push_batch(workspace, catalog, SETTINGS, None, Silent())


def sync(gallery: Gallery) -> None:
    """Sync in this process, as the command does."""
    workspace = open_workspace(gallery.workspace.folder)
    with workspace.open_catalog() as catalog, open_fetcher(workspace, catalog) as fetcher:
        fetcher.sync(Silent())


def go_round(folder: Path, url: str, disturb_push: Disturb, disturb_sync: Disturb) -> Outcome:
    """Push with a fault, push again, answer all, sync with a fault, sync again, and count."""
    gallery = make_gallery(folder, url, ARTWORKS)
    add_run(gallery.workspace, {i: {"style": 0.1} for i in range(ARTWORKS)})
    at = ["-w", str(gallery.workspace.folder)]
    audits = ["--audit", "0", "--limit", str(ARTWORKS)]
    outcome = Outcome()

    outcome.hit = disturb_push(lambda: push(gallery), [*at, "push", *audits])
    push(gallery)
    push(gallery)
    answered = _answer_all(gallery, url, outcome)
    outcome.hit |= disturb_sync(lambda: sync(gallery), [*at, "sync-corrections"])
    sync(gallery)
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        verdicts = Counter(annotation for annotation, _ in current_verdicts(session, url))
    outcome.lost = sum(str(a) not in verdicts for a in answered)
    outcome.doubled = sum(count > 1 for count in verdicts.values()) + len(verdicts.keys() - set(answered))
    return outcome


def _answer_all(gallery: Gallery, url: str, outcome: Outcome) -> list[str]:
    """Answer each task of the project, after comparing them with the artworks and the catalog."""
    project = open_workspace(gallery.workspace.folder).settings.label_studio.project
    assert project is not None
    with connect(url) as server:
        tasks = list(server.tasks(project))
        held = Counter(task.data["artwork"] for task in tasks)
        with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
            known = {task.task_id for task in open_tasks(session, url, project)}
        outcome.missing_tasks = sum(str(uuid) not in held for uuid in gallery.uuids)
        outcome.missing_tasks += len({task.id for task in tasks} ^ known)
        outcome.doubled_tasks = sum(count > 1 for count in held.values())
        right = [choice("verdict_style", "right")]
        return [str(answer(server, task.id, right)) for task in tasks]


def faulty(proxy: Proxy, fault: str, number: int, where: str = "") -> Disturb:
    """Disturb by one fault at the ``number``-th request of the step whose path has ``where`` in it."""

    def disturb(step: Callable[[], None], _command: list[str]) -> bool:
        first, met = len(proxy.seen), 0

        def choose(_method: str, path: str) -> str | None:
            nonlocal met
            met += where in path
            return fault if where in path and met == number + 1 else None

        proxy.choose = choose
        try:
            step()
        except CurateError:
            pass
        finally:
            proxy.choose = lambda _method, _path: None
        return any(seen[2] for seen in proxy.seen[first:])

    return disturb


def killed(after: float) -> Disturb:
    """Disturb by ``kill -9`` of the command, this many seconds after it began to talk."""

    def disturb(_step: Callable[[], None], command: list[str]) -> bool:
        process = subprocess.Popen(
            [sys.executable, "-m", "curate.cli", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(timeout=after)
            return False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True

    return disturb


def untouched(step: Callable[[], None], _command: list[str]) -> bool:
    """Disturb nothing."""
    step()
    return False


def current_verdicts(session: Session, server: str) -> list[tuple[str, int]]:
    """Return the (annotation, artwork) of each verdict on a server that was not superseded."""
    rows = session.execute(
        select(Verdict.annotation_id, Verdict.artwork_id).where(
            Verdict.server == server, Verdict.superseded_at.is_(None)
        )
    )
    return [(row.annotation_id, row.artwork_id) for row in rows]
