"""A small gallery of drawn pictures with planted label errors, and runs on it whose every number is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.demo.gallery import GalleryImage, draw_gallery, plant_errors
from db.classes.classes import attributes, class_list, find_attribute, resolve_classes
from db.engine.catalog import Catalog
from db.labels.effective import derive, find_source
from db.models import Artwork, DuplicateGroup, Label
from db.reviews.answering.answers import Decision
from db.reviews.answering.recording import decide
from db.runs.issues import replace_issues
from db.runs.runs import RunArrays, complete_run, run_folder, start_run, write_arrays
from db.workspace.workspace import Workspace, init_workspace, open_workspace, root_of

Probs = NDArray[np.float32]


@dataclass
class Gallery:
    """A workspace with a drawn gallery: ``true`` labels, and ``given`` ones with errors planted."""

    workspace: Workspace
    true: list[GalleryImage]
    given: list[GalleryImage]

    @property
    def folder(self) -> Path:
        """What ``--workspace`` takes."""
        return self.workspace.folder

    def add_run(self, seed: int = 0, skill: float = 0.7, **how: Any) -> int:
        """Write a complete run that says the true class about as often as ``skill``; return its number."""
        with self.workspace.open_catalog() as catalog:
            return write_run(self.workspace, catalog, self.true, seed, skill, **how)

    def correct(self, attribute: str, rows: Sequence[int]) -> None:
        """Let a reviewer give artworks their true class."""
        with self.workspace.open_catalog() as catalog, catalog.write() as session:
            found = find_attribute(session, attribute)
            ids = class_list(session, found).id_of
            for row in rows:
                chosen = ids[self.true[row].labels[attribute]]
                decisions = [Decision(found.id, "corrected", chosen)]
                decide(session, row + 1, decisions, user="ann", annotation_id=f"{attribute}-{row}")


def add_artworks(
    workspace: Workspace,
    catalog: Catalog,
    root: str,
    records: Sequence[GalleryImage],
    groups: Sequence[Sequence[int]] = (),
) -> None:
    """Put records into the catalog as an import would; ``groups`` are duplicates, by row."""
    with catalog.write() as session:
        source = find_source(session, "import:csv")
        artworks = [
            Artwork(collection="c", root=root, path=record.filepath, status="ok", sha256=f"{i:064}")
            for i, record in enumerate(records)
        ]
        session.add_all(artworks)
        for members in groups:
            group = DuplicateGroup(kind="near", size=len(members))
            session.add(group)
            session.flush()
            for i in members:
                artworks[i].duplicate_group_id = group.id
        session.flush()
        for attribute in attributes(session):
            labels = [record.labels.get(attribute.name, "") for record in records]
            ids = resolve_classes(session, attribute, {label for label in labels if label}, "test")
            session.add_all(
                Label(artwork_id=a.id, attribute_id=attribute.id, class_id=ids[label], source_id=source.id)
                for a, label in zip(artworks, labels, strict=True)
                if label
            )
        derive(session, [artwork.id for artwork in artworks])


def predict(true: NDArray[np.int64], width: int, skill: float, rng: np.random.Generator) -> Probs:
    """Draw probabilities whose likeliest class is the true one about as often as ``skill`` says."""
    said = np.where(rng.random(len(true)) < skill, true, rng.integers(width, size=len(true)))
    logits = rng.normal(0, 0.5, (len(true), width))
    logits[np.arange(len(true)), said] += rng.uniform(2.5, 5, len(true))
    powers = np.exp(logits)
    probs: Probs = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    return probs


def write_run(
    workspace: Workspace,
    catalog: Catalog,
    true: Sequence[GalleryImage],
    seed: int,
    skill: float,
    backbone: str = "resnet50",
    provenance: Sequence[str] | None = None,
    curves: bool = True,
) -> int:
    """Write a run as ``curate train`` does: arrays, rows, curves, issues for what it says most surely."""
    rng = np.random.default_rng(seed)
    with catalog.write() as session:
        lists = {a.name: class_list(session, a) for a in attributes(session)}
        run = start_run(
            session,
            backbone=backbone,
            protocol="holdout" if provenance else "cross-validation",
            seed=seed,
            settings={"backbone": backbone, "folds": 5, "epochs": 2},
            digest="0" * 64,
        )
        keys = {
            name: [classes.key[i] for i in classes.live()] for name, classes in lists.items() if classes.key
        }
        probs, rows = {}, []
        folds = np.full(len(true), -1) if provenance else np.arange(len(true)) % 5
        for name, own in keys.items():
            ids = resolve_classes(
                session,
                find_attribute(session, name),
                {record.labels[name] for record in true if record.labels.get(name)},
                "test",
            )
            columns = [
                own.index(lists[name].key[ids[record.labels[name]]]) if record.labels.get(name) else 0
                for record in true
            ]
            probs[name] = predict(np.array(columns), len(own), skill, rng)
            rows += _rows(lists[name].attribute_id, lists[name].live(), probs[name], folds, provenance)
        folder = run_folder(session, workspace, run.uuid)
        embedding = rng.normal(size=(len(true), 8)).astype(np.float32)
        digest = write_arrays(folder, RunArrays(np.arange(1, len(true) + 1), probs, embedding, folds))
        if curves:
            write_curves(folder, list(keys))
        complete_run(
            session,
            run,
            digest=digest,
            classes=keys,
            metrics={name: {"accuracy": 0.5 + seed / 10} for name in keys},
            seconds={"total": 12.5},
            predictions=rows,
        )
        replace_issues(session, run, _issues(rows))
        return run.id


def write_curves(folder: Path, names: Sequence[str]) -> None:
    """Write two epochs of two models beside a run, as training does."""
    lines = [
        {
            "model": f"fold-{fold}",
            "epoch": epoch,
            "loss": 2.0 / epoch,
            "accuracy": dict.fromkeys(names, 0.3 * epoch),
            "validation": {"loss": 2.2 / epoch, "accuracy": dict.fromkeys(names, 0.25 * epoch)},
        }
        for fold in (0, 1)
        for epoch in (1, 2)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")


def _rows(
    attribute_id: int,
    class_ids: Sequence[int],
    probs: Probs,
    folds: NDArray[np.int64],
    provenance: Sequence[str] | None,
) -> list[dict[str, Any]]:
    return [
        {
            "artwork_id": i + 1,
            "attribute_id": attribute_id,
            "fold": int(folds[i]) if folds[i] >= 0 else None,
            "provenance": provenance[i] if provenance else "fold",
            "predicted_id": class_ids[int(row.argmax())],
            "p_predicted": float(row.max()),
            "class_id": class_ids[int(row.argmin())],
            "p_label": float(row.min()),
            "score": float(row.min()),
            "suggested_id": class_ids[int(row.argmax())],
            "p_suggested": float(row.max()),
        }
        for i, row in enumerate(probs)
    ]


def _issues(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    worst = sorted(rows, key=lambda row: -float(row["p_predicted"]))[:12]
    return [
        {
            "artwork_id": row["artwork_id"],
            "attribute_id": row["attribute_id"],
            "kind": kind,
            "score": row["score"],
            "class_id": row["class_id"],
            "suggested_id": row["suggested_id"],
            "p_label": row["p_label"],
            "p_suggested": row["p_suggested"],
            "reason": "model: another class; 9 of 10 nearest agree",
            "evidence": {},
        }
        for row in worst
        for kind in ("label", "outlier", "unusable")
    ]


def make_gallery(folder: Path, count: int = 80, rate: float = 0.1) -> Gallery:
    """Draw a gallery into a new workspace; artworks 0 and 1 are near duplicates of each other."""
    workspace = init_workspace(folder / "ws", ("style", "genre", "artist"))
    true = draw_gallery(folder / "pictures", count, seed=1)
    given = plant_errors(true, rate, seed=1)
    workspace, root = root_of(workspace, folder / "pictures")
    with workspace.open_catalog() as catalog:
        add_artworks(workspace, catalog, root, given, groups=[(0, 1)])
    return Gallery(workspace, true, given)


def copy_of(gallery: Gallery, folder: Path) -> Gallery:
    """Copy a gallery's workspace; its pictures stay where they are."""
    shutil.copytree(gallery.folder, folder)
    return Gallery(open_workspace(folder), gallery.true, gallery.given)
