"""A workspace whose newest run flags some labels, beside a real Label Studio server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from db.classes.classes import attributes, find_attribute, resolve_classes
from db.labels.effective import derive, find_source
from db.models import Artwork, Issue, Label
from db.runs.runs import start_run
from db.workspace.workspace import Workspace, change_settings, init_workspace
from review.label_studio.client import Server, connect
from review.label_studio.local_server import LocalServer

ATTRIBUTES = ("style", "genre", "artist")
CLASSES = {
    "style": ("Baroque", "Rococo", "Art_Nouveau"),
    "genre": ("portrait", "landscape", "still_life"),
    "artist": ("rembrandt", "jan-van-goyen", "clara-peeters"),
}


@dataclass(frozen=True)
class Gallery:
    """A workspace of drawn pictures: artwork ``i`` has class ``i % 3`` in each attribute."""

    workspace: Workspace
    uuids: Sequence[UUID]

    def label(self, number: int, attribute: str) -> str:
        """Return the label that an artwork began with."""
        return CLASSES[attribute][number % 3]


def draw(folder: Path, count: int) -> list[str]:
    """Draw pictures of different colours; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [f"{number:04}.png" for number in range(count)]
    for number, path in enumerate(paths):
        colour = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
        Image.new("RGB", (320, 240), colour).save(folder / path)
    return paths


def add_run(workspace: Workspace, issues: Mapping[int, Mapping[str, float]]) -> int:
    """Add a complete run that flags some labels.

    Args:
        workspace: The gallery's workspace.
        issues: By artwork number, the score of each flagged attribute; the next class is suggested.
    """
    with workspace.open_catalog() as catalog, catalog.write() as session:
        run = start_run(session, backbone="none", protocol="none", seed=0, settings={}, digest="")
        run.state = "complete"
        session.query(Issue).filter(Issue.state.in_(("open", "pushed"))).update({"state": "stale"})
        for number, scores in issues.items():
            for name, score in scores.items():
                attribute = find_attribute(session, name)
                ids = resolve_classes(session, attribute, CLASSES[name], "test")
                session.add(
                    Issue(
                        run_id=run.id,
                        artwork_id=number + 1,
                        attribute_id=attribute.id,
                        kind="label",
                        score=score,
                        class_id=ids[CLASSES[name][number % 3]],
                        suggested_id=ids[CLASSES[name][(number + 1) % 3]],
                        p_label=score,
                        p_suggested=1 - score,
                        reason="",
                    )
                )
        return run.id


def make_gallery(folder: Path, url: str, count: int) -> Gallery:
    """Make a workspace with ``count`` labelled pictures."""
    workspace = init_workspace(folder / "ws", ATTRIBUTES)
    workspace = change_settings(workspace, "roots", "pictures", str(folder / "pictures"))
    workspace = change_settings(workspace, "label_studio", "url", url)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        source = find_source(session, "import:test")
        for number, path in enumerate(draw(folder / "pictures", count)):
            artwork = Artwork(collection="c", root="pictures", path=path, status="ok", sha256=f"{number:064}")
            session.add(artwork)
            session.flush()
            for attribute in attributes(session):
                ids = resolve_classes(session, attribute, CLASSES[attribute.name], "test")
                session.add(
                    Label(
                        artwork_id=artwork.id,
                        attribute_id=attribute.id,
                        class_id=ids[CLASSES[attribute.name][number % 3]],
                        source_id=source.id,
                    )
                )
        derive(session, range(1, count + 1))
        uuids = [session.get_one(Artwork, number + 1).uuid for number in range(count)]
    return Gallery(workspace, uuids)


Make = Callable[..., Gallery]


@pytest.fixture
def make(tmp_path: Path, label_studio: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a gallery whose first ``flagged`` artworks are flagged in style, the first one most."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)

    def build(count: int = 12, flagged: int = 6) -> Gallery:
        gallery = make_gallery(tmp_path, label_studio.url, count)
        add_run(gallery.workspace, {i: {"style": min(0.05 + 0.05 * i, 0.95)} for i in range(flagged)})
        return gallery

    return build


@pytest.fixture
def server(label_studio: LocalServer) -> Iterator[Server]:
    """A connection to the real server, as its user."""
    with connect(label_studio.url, label_studio.token) as connected:
        yield connected
