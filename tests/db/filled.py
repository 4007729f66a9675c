"""A small catalog in which every table that a round writes has rows; for tests of copies and checks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from db.classes.classes import find_attribute, resolve_classes
from db.labels.effective import derive, find_source
from db.labels.table import label_digest, label_table
from db.models import (
    Artwork,
    Attribute,
    Batch,
    BatchItem,
    Class,
    ControlAnswer,
    DuplicateGroup,
    Ingest,
    Label,
    Listing,
    Refusal,
    Run,
    SheetCell,
    SplitFact,
    Task,
    Withheld,
)
from db.reviews.answering.answers import Answer, Decision, find_reviewer
from db.reviews.answering.recording import record
from db.runs.issues import replace_issues
from db.runs.runs import RunArrays, complete_run, run_folder, start_run, write_arrays
from db.workspace.workspace import Workspace

START = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
NAMES = ("Baroque", "Cubism", "Pop Art", "Färgfältsmåleri")


def fill(workspace: Workspace, n: int = 12) -> None:
    """Fill an empty catalog: n artworks, labels, one complete run, a batch, tasks and verdicts."""
    with workspace.open_catalog() as catalog, catalog.write() as session:
        _label(session, n)
        run = _run(session, workspace)
        _review(session, run)


def _label(session: Session, n: int) -> None:
    style = find_attribute(session, "style")
    classes = resolve_classes(session, style, NAMES, "test")
    merged = session.get_one(Class, classes["Baroque"])
    group = DuplicateGroup(kind="exact", size=2)
    session.add_all([group, Ingest(location="list.csv", format="csv", counts={"read": n, "ö": [1, None]})])
    session.flush()
    session.add(Refusal(ingest_id=1, record="row 7", reason="no_such_file"))
    source = find_source(session, "import:csv")
    for i in range(n):
        artwork = Artwork(
            collection="c",
            root="r",
            path=f"ärtwork {i}'s.jpg",
            status="ok",
            sha256=f"{i:064x}",
            bytes=2**40 + i,
            duplicate_group_id=group.id if i < 2 else None,
        )
        session.add(artwork)
        session.flush()
        session.add(SplitFact(artwork_id=artwork.id, source_id=source.id, split="train"))
        class_id = classes[NAMES[i % len(NAMES)]]
        session.add(
            Label(
                artwork_id=artwork.id,
                attribute_id=style.id,
                class_id=class_id,
                source_id=source.id,
                created_at=START,
            )
        )
    session.add(Listing(artwork_id=1, source_id=source.id, path="a.jpg", known_as="4", cells={"Titel": "Öl"}))
    several = {"reason": "several_values", "spelling": "a; b", "detail": {"values": ["a", "b"]}}
    session.add(Withheld(artwork_id=1, attribute_id=style.id, source_id=source.id, **several))
    derive(session, range(1, n + 1))
    merged.merged_into_id = classes["Pop Art"]
    session.flush()


def _run(session: Session, workspace: Workspace) -> Run:
    table = label_table(session)
    run = start_run(
        session,
        backbone="none",
        protocol="cross-validation",
        seed=0,
        settings={"lr": 1e-3},
        digest=label_digest(table),
    )
    style = find_attribute(session, "style").id
    probs = np.random.default_rng(0).dirichlet(np.ones(3), len(table)).astype(np.float32)
    arrays = RunArrays(
        table.artwork_ids, {"style": probs}, np.eye(len(table), 4, dtype=np.float32), table.artwork_ids % 3
    )
    digest = write_arrays(run_folder(session, workspace, run.uuid), arrays)
    ids = sorted(set(table.labels["style"].tolist()))
    rows = [
        {
            "artwork_id": int(artwork_id),
            "attribute_id": style,
            "fold": int(artwork_id) % 3,
            "provenance": "fold",
            "predicted_id": ids[0],
            "p_predicted": 0.5,
            "class_id": int(class_id),
            "p_label": 0.25,
            "score": 0.125,
            "suggested_id": ids[0],
            "p_suggested": 1 / 3,
        }
        for artwork_id, class_id in zip(table.artwork_ids, table.labels["style"], strict=True)
    ]
    complete_run(
        session,
        run,
        digest=digest,
        classes={"style": ["Cubism", "Färgfältsmåleri", "Pop_Art"]},
        metrics={"style": {"accuracy": 0.5}},
        seconds={"total": 1.5},
        predictions=rows,
    )
    kept = ("artwork_id", "attribute_id", "score", "class_id", "suggested_id", "p_label", "p_suggested")
    replace_issues(
        session,
        run,
        [{key: row[key] for key in kept} | {"kind": "label", "reason": "r", "evidence": {}} for row in rows],
    )
    return run


def _review(session: Session, run: Run) -> None:
    """Push four artworks; three are answered: corrected, confirmed and unusable."""
    style = find_attribute(session, "style").id
    batch = Batch(run_id=run.id, server="http://ls", project_id=1, budget=4, expected_yield=1.5, sent=True)
    session.add(batch)
    session.flush()
    for artwork_id in range(3, 7):
        session.add(
            BatchItem(batch_id=batch.id, artwork_id=artwork_id, purpose="review", attributes=["style"])
        )
        session.add(
            Task(
                server="http://ls",
                project_id=1,
                task_id=100 + artwork_id,
                artwork_id=artwork_id,
                batch_id=batch.id,
                purpose="review",
            )
        )
    session.flush()
    on_sheet = {"server": "http://ls", "project_id": 2, "sheet_id": 500, "position": 0}
    session.add(SheetCell(batch_id=batch.id, artwork_id=1, attribute_id=1, **on_sheet))
    session.add(
        ControlAnswer(
            server="http://ls",
            annotation_id="800",
            artwork_id=1,
            attribute_id=style,
            reviewer_id=find_reviewer(session, "http://ls", "5", "Zoë").id,
            known_id=1,
            class_id=None,
            correct=False,
            answered_at=START,
        )
    )
    said = (
        Decision(style, "corrected", resolve_classes(session, _style(session), ["Cubism"], "test")["Cubism"]),
        Decision(style, "confirmed"),
        Decision(None, "unusable"),
    )
    record(
        session,
        [
            Answer(
                server="http://ls",
                annotation_id=str(900 + i),
                artwork_id=3 + i,
                reviewer=("5", "Zoë"),
                updated_at=START + timedelta(minutes=i),
                decisions=[decision],
                task_id=1 + i,
                comment="naïve “quotes”\n",
                raw={"result": [], "id": 900 + i},
            )
            for i, decision in enumerate(said)
        ],
    )


def _style(session: Session) -> Attribute:
    return find_attribute(session, "style")
