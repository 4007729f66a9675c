"""A catalog with artworks, labels and a run, and a real MongoDB that holds nothing of the user's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from db.classes.classes import attributes, resolve_classes
from db.engine.catalog import Catalog
from db.labels.effective import derive, find_source
from db.models import Artwork, Label
from db.runs.issues import replace_issues
from db.runs.runs import RunArrays, complete_run, run_folder, start_run, write_arrays
from db.workspace.workspace import Workspace, change_settings, init_workspace
from review.fiftyone.connect import import_fiftyone

CLASSES = {
    "style": ["Realism", "Impressionism", "Cubism"],
    "genre": ["portrait", "landscape"],
    "artist": ["Claude Monet", "Pablo Picasso", "Ilya Repin", "Edgar Degas"],
}


@pytest.fixture(scope="session", autouse=True)
def _own_database() -> Iterator[None]:
    """Drop what the tests wrote, at the end; where none asked for the server, it is not started for that."""
    yield
    odm = sys.modules.get("fiftyone.core.odm")
    if odm is not None and odm.database._client is not None:
        odm.get_db_client().drop_database(os.environ["FIFTYONE_DATABASE_NAME"])
        odm.database._disconnect()


@dataclass
class Gallery:
    """A workspace with N artworks labelled in three attributes; every fifth style is wrong."""

    workspace: Workspace
    catalog: Catalog
    ids: list[int] = field(default_factory=list)
    uuids: list[UUID] = field(default_factory=list)
    class_ids: dict[str, list[int]] = field(default_factory=dict)
    attribute_ids: dict[str, int] = field(default_factory=dict)

    def add_run(self, seed: int = 0) -> int:
        """Add a complete run: it knows the true style, which is the artwork's number modulo the classes."""
        rng = np.random.default_rng(seed)
        pred_probs, predictions, issues = {}, [], []
        for name, ids in self.class_ids.items():
            probs = rng.dirichlet(np.ones(len(ids)), len(self.ids)) * 0.2
            probs[np.arange(len(self.ids)), np.arange(len(self.ids)) % len(ids)] += 0.8
            pred_probs[name] = probs.astype(np.float32)
            for row, artwork_id in enumerate(self.ids):
                label, best = self.given(name, row), int(probs[row].argmax())
                p_label = float(probs[row, label])
                common = {
                    "artwork_id": artwork_id,
                    "attribute_id": self.attribute_ids[name],
                    "class_id": ids[label],
                    "p_label": p_label,
                    "score": p_label,
                    "suggested_id": ids[best] if best != label else None,
                    "p_suggested": float(probs[row, best]) if best != label else None,
                }
                predictions.append(
                    common
                    | {
                        "fold": row % 5,
                        "provenance": "fold",
                        "predicted_id": ids[best],
                        "p_predicted": float(probs[row, best]),
                    }
                )
                if best != label:
                    reason = f"model: {CLASSES[name][best]}"
                    issues.append(common | {"kind": "label", "reason": reason, "evidence": {}})
        embedding = rng.normal(size=(len(self.ids), 16)).astype(np.float32)
        embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
        folds = np.arange(len(self.ids)) % 5
        arrays = RunArrays(np.array(self.ids), pred_probs, embedding, folds)
        with self.catalog.write() as session:
            run = start_run(
                session, backbone="none", protocol="cross-validation", seed=seed, settings={}, digest="0"
            )
            digest = write_arrays(run_folder(session, self.workspace, run.uuid), arrays)
            complete_run(
                session,
                run,
                digest=digest,
                classes={name: CLASSES[name] for name in self.class_ids},
                metrics={name: {} for name in self.class_ids},
                seconds={},
                predictions=predictions,
            )
            replace_issues(session, run, issues)
            return run.id

    @staticmethod
    def given(attribute: str, row: int) -> int:
        """Return the index of the label that an artwork came with."""
        wrong = 1 if attribute == "style" and row % 5 == 0 else 0
        return (row + wrong) % len(CLASSES[attribute])


def fill(folder: Path, artworks: int) -> tuple[Workspace, list[Artwork]]:
    """Make a workspace with drawn images and their labels."""
    images = folder / "images"
    images.mkdir(parents=True)
    workspace = change_settings(
        init_workspace(folder / "ws", ("style", "genre", "artist")), "roots", "images", str(images)
    )
    for number in range(artworks):
        color = (37 * number % 256, 91 * number % 256, 53 * number % 256)
        Image.new("RGB", (32 + number % 3, 24), color).save(images / f"{number:05d}.png")
    with workspace.open_catalog() as catalog, catalog.write() as session:
        source = find_source(session, "import:csv")
        rows = []
        for number in range(artworks):
            path = images / f"{number:05d}.png"
            rows.append(
                Artwork(
                    collection="gallery",
                    root="images",
                    path=path.name,
                    status="ok",
                    bytes=path.stat().st_size,
                    width=32 + number % 3,
                    height=24,
                    image_format="PNG",
                )
            )
        session.add_all(rows)
        session.flush()
        for attribute in attributes(session):
            classes = resolve_classes(session, attribute, CLASSES[attribute.name], "test")
            for number, row in enumerate(rows):
                given = CLASSES[attribute.name][Gallery.given(attribute.name, number)]
                session.add(
                    Label(
                        artwork_id=row.id,
                        attribute_id=attribute.id,
                        class_id=classes[given],
                        source_id=source.id,
                    )
                )
        derive(session, [row.id for row in rows])
    return workspace, rows


@contextmanager
def filled_gallery(folder: Path) -> Iterator[Gallery]:
    """Thirty artworks in a new workspace, no run yet; their dataset is deleted at the end."""
    workspace, rows = fill(folder, 30)
    with workspace.open_catalog() as catalog:
        made = Gallery(workspace, catalog, [row.id for row in rows], [row.uuid for row in rows])
        with catalog.read() as session:
            for attribute in attributes(session):
                made.attribute_ids[attribute.name] = attribute.id
                ids = resolve_classes(session, attribute, CLASSES[attribute.name], "test")
                made.class_ids[attribute.name] = [ids[name] for name in CLASSES[attribute.name]]
        yield made
        fo = import_fiftyone(workspace)
        if fo.dataset_exists(workspace.settings.fiftyone.dataset):
            fo.delete_dataset(workspace.settings.fiftyone.dataset)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """Thirty artworks, no run yet."""
    with filled_gallery(tmp_path) as made:
        yield made


def dump(dataset: Any) -> list[dict[str, Any]]:
    """Return all samples as they lie in MongoDB, but for times, and ids that a new dataset makes again."""
    import fiftyone.core.odm as odm

    rows = odm.get_db_conn()[dataset._sample_collection_name].find().sort("_id")
    return [
        {
            key: {k: v for k, v in value.items() if k != "_id"} if isinstance(value, dict) else value
            for key, value in row.items()
            if key not in ("_dataset_id", "created_at", "last_modified_at")
        }
        for row in rows
    ]


def artwork(catalog: Catalog, artwork_id: int) -> Artwork:
    """Return one artwork's row."""
    with catalog.read() as session:
        return session.scalars(select(Artwork).where(Artwork.id == artwork_id)).one()
