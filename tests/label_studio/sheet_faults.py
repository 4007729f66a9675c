"""One round of contact sheets with a fault on the way: recover, and count what is lost or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curate.rounds.plan import BatchSettings
from curate.rounds.push import push_batch
from db.models import CatalogSetting
from db.workspace.progress import Silent
from db.workspace.workspace import open_workspace
from review.label_studio.client import Server, connect
from review.label_studio.project import find_contact_project
from review.label_studio.scripted_reviewer import answer, choice
from review.label_studio.sync.fetch import open_fetchers
from review.page.contact_config import cell_class_name, cell_name
from tests.label_studio.conftest import Gallery, add_run, make_gallery
from tests.label_studio.faults import Disturb, Outcome, current_verdicts

ARTWORKS, PER_SHEET = 14, 4
SETTINGS = BatchSettings(limit=ARTWORKS, audit=0, controls=0, per_sheet=PER_SHEET)
PUSH = ["push", "--audit", "0", "--limit", str(ARTWORKS), "--contact-sheets", "--per-sheet", str(PER_SHEET)]


def push_sheets(gallery: Gallery) -> None:
    """Push in this process, as the command does."""
    workspace = open_workspace(gallery.workspace.folder)
    with workspace.open_catalog() as catalog:
        push_batch(workspace, catalog, SETTINGS, None, Silent())


def sync_sheets(gallery: Gallery) -> None:
    """Sync in this process, as the command does."""
    workspace = open_workspace(gallery.workspace.folder)
    with workspace.open_catalog() as catalog, open_fetchers(workspace, catalog) as fetchers:
        for fetcher in fetchers:
            fetcher.sync(Silent())


def contact_project(gallery: Gallery, server: Server) -> int:
    """Return the number of a gallery's project of contact sheets."""
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        found = find_contact_project(server, session.get_one(CatalogSetting, "uuid").value)
    assert found is not None
    return found


def mark(server: Server, task: Any, wrong: Callable[[int], str | None], times: int = 1) -> int:
    """Answer a sheet: ``wrong`` gives the right class of a cell by its position, None where it is right."""
    results = []
    for position, _ in enumerate(task.data["cells"], 1):
        key = wrong(position)
        if key is not None:
            results += [choice(cell_name(position), "wrong"), choice(cell_class_name(position), key)]
    for _ in range(times):
        made = answer(server, task.id, [{**result, "to_name": "sheet"} for result in results])
    return made


def sheets_round(
    folder: Path, url: str, disturb_push: Disturb, disturb_sync: Disturb, clicks: int = 1
) -> Outcome:
    """Push sheets with a fault, push again, answer all, sync with a fault, sync again, and count.

    ``clicks`` is how often each sheet is submitted.
    """
    gallery = make_gallery(folder, url, ARTWORKS)
    issues = {i: {"style": 0.1, "genre": 0.2} if i % 2 else {"style": 0.1} for i in range(ARTWORKS)}
    add_run(gallery.workspace, issues)
    at = ["-w", str(gallery.workspace.folder)]
    outcome = Outcome()

    outcome.hit = disturb_push(lambda: push_sheets(gallery), [*at, *PUSH])
    push_sheets(gallery)
    push_sheets(gallery)
    wanted = {(str(gallery.uuids[i]), name) for i, names in issues.items() for name in names}
    with connect(url) as server:
        tasks = list(server.tasks(contact_project(gallery, server)))
        held = Counter((c["artwork"], t.data["attribute"]) for t in tasks for c in t.data["cells"])
        for task in tasks:
            mark(server, task, lambda _position: None, clicks)
    outcome.missing_tasks = len(wanted - held.keys())
    outcome.doubled_tasks = sum(count > 1 for count in held.values())
    outcome.hit |= disturb_sync(lambda: sync_sheets(gallery), [*at, "sync-corrections"])
    sync_sheets(gallery)
    sync_sheets(gallery)
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        verdicts = Counter(name for name, _ in current_verdicts(session, url))
    outcome.lost = max(0, len(wanted) - len(verdicts))
    outcome.doubled = max(0, sum(verdicts.values()) - len(wanted))
    return outcome
