"""A catalog of any size as a few rounds leave it: labels, a run, its issues, batches and their answers.

Rows are drawn, not trained, and written past every check, so that a million artworks take minutes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Session

from db.engine.bulk import insert_rows, new_uuids, stored_time, table_of
from db.engine.catalog import Catalog
from db.models import (
    Annotation,
    Artwork,
    Attribute,
    Batch,
    BatchItem,
    Class,
    ClassAlias,
    EffectiveLabel,
    Issue,
    Label,
    Prediction,
    Reviewer,
    Run,
    RunAttribute,
    Source,
    SplitFact,
    Task,
    Verdict,
)

CLASSES = {"style": 27, "genre": 10, "artist": 1119}
CHUNK = 20_000
ANSWERED, OPEN = 20, 3
"""Batches that were answered, and batches that wait."""
BATCH = 500
SERVER = "http://127.0.0.1:8080"
START = datetime(2026, 1, 1, tzinfo=UTC)
FLAGGED = 0.1
"""The share of labels that the run flags."""

Row = tuple[Any, ...]


def fill(catalog: Catalog, artworks: int, seed: int = 0) -> None:
    """Fill an empty catalog."""
    rng = np.random.default_rng(seed)
    with catalog.write() as session:
        classes = _lists(session)
    for start in range(1, artworks + 1, CHUNK):
        with catalog.write() as session:
            _artworks(session, range(start, min(start + CHUNK, artworks + 1)), classes, rng)
    with catalog.write() as session:
        _mend_sequences(session)
        _reviews(session, artworks, classes, rng)
        _mend_sequences(session)


def load(session: Session, model: type[DeclarativeBase], columns: Sequence[str], rows: list[Row]) -> None:
    """Write rows by the fastest way of each database."""
    if session.connection().dialect.name == "sqlite":
        insert_rows(session, model, columns, rows)
        return
    names = ", ".join(f'"{name}"' for name in columns)
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor().copy(f'COPY "{table_of(model).name}" ({names}) FROM STDIN') as into:
        for row in rows:
            into.write_row(row)


def _lists(session: Session) -> dict[int, np.ndarray[Any, Any]]:
    """Write sources, attributes, classes and the run; return the class ids of each attribute."""
    session.add(Source(id=1, name="import:csv", authority="import", priority=0))
    session.add(Source(id=2, name=f"reviewer:{SERVER}:1", authority="reviewer", priority=0))
    session.add(Reviewer(id=1, server=SERVER, user_id="1", name="Anna"))
    session.add_all(Attribute(id=i, name=name, position=i) for i, name in enumerate(CLASSES, start=1))
    session.flush()
    classes = {}
    first = 1
    for attribute_id, (name, count) in enumerate(CLASSES.items(), start=1):
        ids = np.arange(first, first + count)
        classes[attribute_id] = ids
        first += count
        session.add_all(
            Class(id=int(i), attribute_id=attribute_id, key=f"{name}_{i}", name=f"{name} {i}") for i in ids
        )
        session.flush()
        session.add_all(
            ClassAlias(attribute_id=attribute_id, class_id=int(i), folded=f"{name} {i}", alias=f"{name}_{i}")
            for i in ids
        )
    session.add(
        Run(
            id=1,
            state="complete",
            backbone="drawn",
            protocol="cross-validation",
            seed=0,
            settings={},
            label_digest="0" * 64,
            arrays_digest="0" * 64,
            completed_at=START,
        )
    )
    session.flush()
    for attribute_id, ids in classes.items():
        keys = [f"{list(CLASSES)[attribute_id - 1]}_{i}" for i in ids]
        session.add(
            RunAttribute(run_id=1, attribute_id=attribute_id, classes=keys, metrics={"accuracy": 0.7})
        )
    return classes


def _artworks(
    session: Session, ids: range, classes: dict[int, np.ndarray[Any, Any]], rng: np.random.Generator
) -> None:
    """Write a chunk of artworks with labels, splits, predictions and issues."""
    when = stored_time(START)
    load(
        session,
        Artwork,
        (
            "id",
            "uuid",
            "collection",
            "root",
            "path",
            "revision",
            "status",
            "sha256",
            "added_at",
            "updated_at",
        ),
        [
            (i, u, "c", "images", f"{i % 1000:03}/{i:09}.jpg", 1, "ok", f"{i:064x}", when, when)
            for i, u in zip(ids, new_uuids(len(ids)), strict=True)
        ],
    )
    load(
        session,
        SplitFact,
        ("id", "artwork_id", "source_id", "split"),
        [(i, i, 1, ("train", "train", "train", "val", "test")[i % 5]) for i in ids],
    )
    labels, effective, predictions, issues = [], [], [], []
    for attribute_id, class_ids in classes.items():
        weights = 1 / np.arange(1, len(class_ids) + 1)
        given = rng.choice(class_ids, len(ids), p=weights / weights.sum()).tolist()
        instead = rng.choice(class_ids, len(ids)).tolist()
        score = rng.beta(4, 1, len(ids)).round(6).tolist()
        flagged = (rng.random(len(ids)) < FLAGGED).tolist()
        for i, class_id, other, s, is_flagged in zip(ids, given, instead, score, flagged, strict=True):
            label_id = 3 * (i - 1) + attribute_id
            labels.append((label_id, i, attribute_id, class_id, 1, when))
            effective.append((i, attribute_id, class_id, label_id, "import", False))
            s = s * 0.8 if is_flagged else s
            predictions.append((1, i, attribute_id, i % 5, "fold", other, 0.5, class_id, s, s, other, 0.5))
            if is_flagged:
                issues.append((1, i, attribute_id, "label", "open", s, class_id, other, s, 0.5, "", "{}"))
    load(session, Label, ("id", "artwork_id", "attribute_id", "class_id", "source_id", "created_at"), labels)
    columns = ("artwork_id", "attribute_id", "class_id", "label_id", "authority", "conflict")
    load(session, EffectiveLabel, columns, effective)
    load(
        session,
        Prediction,
        (
            *("run_id", "artwork_id", "attribute_id", "fold", "provenance", "predicted_id", "p_predicted"),
            *("class_id", "p_label", "score", "suggested_id", "p_suggested"),
        ),
        predictions,
    )
    load(
        session,
        Issue,
        (
            *("run_id", "artwork_id", "attribute_id", "kind", "state", "score", "class_id", "suggested_id"),
            *("p_label", "p_suggested", "reason", "evidence", "created_at", "updated_at"),
        ),
        [(*row, when, when) for row in issues],
    )


def _reviews(
    session: Session, artworks: int, classes: dict[int, np.ndarray[Any, Any]], rng: np.random.Generator
) -> None:
    """Write batches and their tasks; all but the last few are answered, a third of the labels changed."""
    size = min(BATCH, artworks // (2 * (ANSWERED + OPEN)))
    chosen = rng.choice(np.arange(1, artworks + 1), size * (ANSWERED + OPEN), replace=False).tolist()
    task_id = 0
    for batch_id in range(1, ANSWERED + OPEN + 1):
        session.add(
            Batch(
                id=batch_id, run_id=1, server=SERVER, project_id=1, budget=size, expected_yield=9, sent=True
            )
        )
        session.flush()
        for artwork_id in chosen[(batch_id - 1) * size : batch_id * size]:
            task_id += 1
            _task(session, batch_id, task_id, artwork_id, batch_id <= ANSWERED, classes, rng)
        session.flush()


def _task(
    session: Session,
    batch_id: int,
    task_id: int,
    artwork_id: int,
    answered: bool,
    classes: dict[int, np.ndarray[Any, Any]],
    rng: np.random.Generator,
) -> None:
    """Write one task, with its answer on the style if it has one."""
    session.add(
        BatchItem(batch_id=batch_id, artwork_id=artwork_id, purpose="review", attributes=["style"], score=0.1)
    )
    session.add(
        Task(
            id=task_id,
            server=SERVER,
            project_id=1,
            task_id=task_id,
            artwork_id=artwork_id,
            batch_id=batch_id,
            purpose="review",
            state="done" if answered else "open",
        )
    )
    state = "resolved" if answered else "pushed"
    session.execute(
        text("UPDATE issue SET state = :state WHERE artwork_id = :artwork_id"),
        {"state": state, "artwork_id": artwork_id},
    )
    if not answered:
        return
    when = START + timedelta(minutes=task_id)
    class_id = int(rng.choice(classes[1]))
    raw = {"id": task_id, "result": [{"value": {"choices": ["style_1"]}}]}
    session.add(
        Annotation(
            server=SERVER,
            annotation_id=str(task_id),
            artwork_id=artwork_id,
            task_id=task_id,
            reviewer_id=1,
            state="accepted",
            updated_at=when,
            raw=json.loads(json.dumps(raw)),
        )
    )
    verdict = Verdict(
        server=SERVER,
        annotation_id=str(task_id),
        artwork_id=artwork_id,
        attribute_id=1,
        reviewer_id=1,
        batch_id=batch_id,
        purpose="review",
        decision="corrected",
        class_id=class_id,
        decided_at=when,
    )
    session.add(verdict)
    session.flush()
    label = Label(
        artwork_id=artwork_id,
        attribute_id=1,
        class_id=class_id,
        source_id=2,
        verdict_id=verdict.id,
        created_at=when,
    )
    session.add(label)
    session.flush()
    effective = session.get_one(EffectiveLabel, (artwork_id, 1))
    effective.class_id, effective.label_id, effective.authority = class_id, label.id, "reviewer"


def _mend_sequences(session: Session) -> None:
    """Let PostgreSQL go on from the ids that were written."""
    if session.connection().dialect.name != "postgresql":
        return
    for model in (Artwork, SplitFact, Label, Task, Class, Attribute, Source, Reviewer, Run, Batch):
        name = table_of(model).name
        session.execute(
            text(f"SELECT setval(pg_get_serial_sequence('\"{name}\"', 'id'), max(id)) FROM \"{name}\"")
        )
