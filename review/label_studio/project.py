"""The one project of a catalog at a server: found again, made, and kept up to date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db.classes.classes import ClassList
from review.errors import ProjectForeign
from review.label_studio.client import ONCE, Server
from review.page.labeling_config import ClassChoice, labeling_config

INSTRUCTION = """\
<p>Each attribute has one row of verdicts. Where the label is flagged, its block says why.</p>
<p><b>Keys</b>: 1 right · 2 wrong, it is … (the suggestion is chosen already; type to search for another) ·
3 right but atypical · 4 none of these · 5 can't tell; the second attribute uses q w e r t, the third
a s d f g. 0 marks an unusable image. Esc closes a list, Ctrl+Enter submits, Ctrl+Space skips.</p>
<p>What you leave untouched says nothing.</p>"""


def mark(catalog_uuid: str) -> str:
    """Return the words in a project's description by which a catalog recognises its own."""
    return f"Made by curate for the catalog {catalog_uuid}."


def find_project(server: Server, catalog_uuid: str) -> int | None:
    """Return the catalog's project at the server, if there is one: the oldest that carries its mark."""
    return _oldest(server, mark(catalog_uuid))


def require_ours(server: Server, project: int, catalog_uuid: str) -> None:
    """Make sure that a remembered id still is the catalog's project; another's page would be overwritten.

    Raises:
        ProjectGone: The server has no such project.
        ProjectForeign: It does not carry the catalog's mark.
    """
    with server.asked("for the project", project):
        theirs = server.client.projects.get(id=project)
    if mark(catalog_uuid) not in (theirs.description or ""):
        own = find_project(server, catalog_uuid)
        raise ProjectForeign(server.url, project, theirs.title or "", mark(catalog_uuid), own)


def make_project(server: Server, title: str, catalog_uuid: str, config: str) -> int:
    """Make the catalog's project, and return its id; if somebody else made one meanwhile, the older one's."""
    return _make(server, f"curate: {title}", mark(catalog_uuid), config)


CONTACT_INSTRUCTION = """\
<p>Each sheet asks one question about many artworks. Mark those whose label is wrong, by their key or by a
click on the picture, and choose the right class where it is not the one suggested. <b>alone</b>: this one is
asked about on a card of its own. Ctrl+Enter submits, and says that <b>all others are right</b>.</p>"""


def contact_mark(catalog_uuid: str) -> str:
    """Return the words by which a catalog recognises its project of contact sheets."""
    return f"Contact sheets of the catalog {catalog_uuid}."


def find_contact_project(server: Server, catalog_uuid: str) -> int | None:
    """Return the catalog's project of contact sheets at the server, if there is one."""
    return _oldest(server, contact_mark(catalog_uuid))


def make_contact_project(server: Server, title: str, catalog_uuid: str, config: str) -> int:
    """Make the catalog's project of contact sheets; return its number, or an older one's."""
    return _make(server, f"curate, contact sheets: {title}", contact_mark(catalog_uuid), config)


def _oldest(server: Server, marked: str) -> int | None:
    with server.asked("for its projects"):
        projects = server.client.projects.list(include="id,description")  # without the counts of each
        ids = [p.id for p in projects if marked in (p.description or "")]
    return min(ids, default=None)


def _make(server: Server, title: str, marked: str, config: str) -> int:
    with server.asked("to make a project"):
        server.client.projects.create(
            title=title[:50], description=marked, label_config=config, request_options=ONCE
        )
    made = _oldest(server, marked)
    assert made is not None
    return made


def page_of(class_lists: Mapping[str, ClassList], used: Mapping[str, set[str]] | None = None) -> str:
    """Return the labelling page for these classes.

    Args:
        class_lists: The classes of each attribute.
        used: Class keys that answers at the server use, by attribute: they stay on the page though the
            class may since have been merged into another one.
    """
    choices: dict[str, list[ClassChoice]] = {}
    for attribute, classes in class_lists.items():
        names = dict(classes.names)
        for key in (used or {}).get(attribute, ()):
            names.setdefault(key, f"{key} (merged)")
        choices[attribute] = [
            ClassChoice(key, name) for key, name in sorted(names.items(), key=lambda item: item[1].casefold())
        ]
    return labeling_config(choices)


def bring_up_to_date(
    server: Server, project: int, config: str, annotators: int, *, contact: bool = False
) -> None:
    """Give a project today's page and the settings that reviewing needs; ``contact`` for contact sheets.

    Raises:
        ProjectGone: The server has no such project.
    """
    with server.asked("for the project", project):
        shown = server.client.projects.get(id=project)
    wanted: dict[str, Any] = {
        "sampling": "Uncertainty sampling",
        "maximum_annotations": annotators,
        "expert_instruction": CONTACT_INSTRUCTION if contact else INSTRUCTION,
        "show_instruction": False,
        "show_skip_button": True,
        "enable_empty_annotation": True,
        "show_collab_predictions": True,
        "label_config": config,
    }
    changed = {name: value for name, value in wanted.items() if getattr(shown, name, None) != value}
    if changed:
        with server.asked("to update the project", project):
            server.client.projects.update(id=project, **changed)


def set_model_version(server: Server, project: int, version: str) -> None:
    """Make one version of the predictions the one that orders the queue; all open tasks must have it."""
    with server.asked("to update the project", project):
        if server.client.projects.get(id=project).model_version != version:
            server.client.projects.update(id=project, model_version=version)
