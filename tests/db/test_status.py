"""Whether labels changed since the newest run: found from the rows that came since, not from all labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from db.classes.classes import find_attribute, resolve_classes
from db.engine.catalog import Catalog
from db.labels.effective import derive, find_source, retract
from db.labels.table import label_digest, label_table
from db.models import Artwork, ClassChange, Label, Run
from db.reviews.status import labels_changed
from db.runs.runs import start_run


@pytest.fixture
def session(catalog: Catalog, tmp_path: Path) -> Iterator[Session]:
    """A writing transaction; artworks 1 and 2 have an imported style, 3 has none."""
    with catalog.write() as session:
        for artwork_id, name in ((1, "A"), (2, "B")):
            say(session, artwork_id, name, "import:list")
        yield session


def say(session: Session, artwork_id: int, name: str, source: str) -> int:
    style = find_attribute(session, "style")
    label = Label(
        artwork_id=artwork_id,
        attribute_id=style.id,
        class_id=resolve_classes(session, style, [name], "test")[name],
        source_id=find_source(session, source, source.partition(":")[0]).id,
    )
    session.add(label)
    session.flush()
    derive(session, [artwork_id])
    return label.id


def run_now(session: Session) -> Run:
    table = label_table(session)
    return start_run(
        session,
        backbone="none",
        protocol="none",
        seed=0,
        settings={},
        digest=label_digest(table),
        labels_seen=table.newest_label,
    )


def test_nothing_said_since(session: Session) -> None:
    assert not labels_changed(session, run_now(session))


def test_confirming_a_label_changes_nothing(session: Session) -> None:
    run = run_now(session)
    say(session, 1, "A", "reviewer:x")

    assert label_digest(label_table(session)) == run.label_digest
    assert not labels_changed(session, run)


@pytest.mark.parametrize(("artwork_id", "name"), [(1, "B"), (3, "A")])
def test_another_class_or_a_first_one_is_a_change(session: Session, artwork_id: int, name: str) -> None:
    run = run_now(session)
    say(session, artwork_id, name, "reviewer:x")

    assert label_digest(label_table(session)) != run.label_digest
    assert labels_changed(session, run)


def test_a_change_taken_back_is_none(session: Session) -> None:
    run = run_now(session)
    derive(session, retract(session, [say(session, 1, "B", "reviewer:x")]))

    assert not labels_changed(session, run)


def test_taking_back_what_the_run_saw_is_a_change(session: Session) -> None:
    label = say(session, 1, "B", "reviewer:x")
    run = run_now(session)
    derive(session, retract(session, [label]))

    assert labels_changed(session, run)


def test_an_artwork_that_no_run_would_see_does_not_count(session: Session) -> None:
    run = run_now(session)
    session.get_one(Artwork, 3).status = "missing"
    say(session, 3, "A", "import:list")

    assert not labels_changed(session, run)


def test_merging_classes_is_a_change(session: Session) -> None:
    run = run_now(session)
    session.flush()
    session.add(ClassChange(class_id=1, kind="merged", detail={}, made_by="test"))

    assert labels_changed(session, run)


def test_very_many_new_labels_are_a_change(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.reviews.status.MANY", 1)
    run = run_now(session)
    say(session, 1, "A", "reviewer:x")
    say(session, 2, "B", "reviewer:x")

    assert labels_changed(session, run)
