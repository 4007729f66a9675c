"""Each invariant: whole in a filled catalog, broken by one planted fault, and repaired where it can be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from db.maintenance.archive import digest_of
from db.maintenance.check import Finding, check_catalog, repair
from db.models import Artwork
from db.workspace.workspace import Workspace, change_settings, init_workspace
from tests.conftest import Curate
from tests.db.filled import fill
from tests.postgres import Postgres


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def workspace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A filled workspace, on SQLite and on PostgreSQL, for this module: faults are rolled back."""
    url = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.database(template=request.getfixturevalue("migrated"))
    workspace = init_workspace(tmp_path_factory.mktemp("check") / "ws", ("style", "genre"), url)
    fill(workspace)
    return workspace


@contextmanager
def planted(workspace: Workspace, *statements: str) -> Iterator[Session]:
    """Write past every rule, as a stray program would; afterwards nothing has happened."""
    with workspace.open_catalog() as catalog, catalog.engine.connect() as connection:
        foreign_keys(connection, on=False)
        with connection.begin() as transaction:
            for statement in statements:
                connection.execute(text(statement))
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                yield session
            transaction.rollback()


def foreign_keys(connection: Connection, on: bool) -> None:
    driver = connection.connection.driver_connection
    if connection.dialect.name == "sqlite" and driver is not None:
        driver.execute(f"PRAGMA foreign_keys = {int(on)}")


def broken(session: Session, workspace: Workspace) -> list[Finding]:
    return [finding for finding in check_catalog(session, workspace) if finding.broken]


FAULTS = {
    "every artwork that counts as read has the digest of its image": (
        "UPDATE artwork SET sha256 = NULL WHERE id = 2",
        "ärtwork 1's.jpg",
    ),
    "every duplicate group has the size that it says": ("UPDATE duplicate_group SET size = 9", "1"),
    "every label's class is one of its attribute": (
        "UPDATE class SET attribute_id = 2 WHERE id = (SELECT class_id FROM label WHERE id = 1)",
        "1",
    ),
    "a merged class leads to a standing one of the same attribute": (
        "UPDATE class SET merged_into_id = id WHERE id = 1",
        "1",
    ),
    "what takes a label back names a label of the same artwork, attribute and class": (
        "INSERT INTO label (id, artwork_id, attribute_id, class_id, source_id, retracts_id, created_at) "
        "VALUES (90, 8, 1, (SELECT class_id FROM label WHERE id = 7), 1, 7, '2026-01-01 00:00:00.000000')",
        "90",
    ),
    "every label of a reviewer has its verdict, of the same class": (
        "UPDATE label SET verdict_id = NULL WHERE verdict_id = 1",
        "13",
    ),
    "every verdict that counts has its label, and no other has one": (
        "UPDATE verdict SET superseded_at = '2026-01-01 00:00:00.000000' WHERE id = 2",
        "2",
    ),
    "every verdict has the answer that it was read from": (
        "DELETE FROM annotation WHERE annotation_id = '901'",
        "2",
    ),
    "every verdict of a batch has its task": ("UPDATE verdict SET artwork_id = 9 WHERE id = 3", "3"),
    "every task is of its batch's items": ("UPDATE task SET purpose = 'audit' WHERE id = 2", "2"),
    "every batch that was sent has a task for each of its items": (
        "INSERT INTO batch_item (batch_id, artwork_id, purpose, attributes, known, score) "
        "VALUES (1, 9, 'review', '[]', '{}', 0)",
        "5",
    ),
    "every pushed issue has a task that asks about it": (
        "UPDATE issue SET state = 'pushed' WHERE artwork_id = 10",
        "10",
    ),
    "an answer to a control is never a verdict": (
        "UPDATE control_answer SET annotation_id = '901'",
        "1",
    ),
    "every prediction belongs to a complete run that has its attribute": ("DELETE FROM run_attribute", "1"),
    "the label that counts follows from the labels": (
        "UPDATE effective_label SET class_id = (SELECT class_id FROM effective_label WHERE artwork_id = 3) "
        "WHERE artwork_id = 4",
        "4",
    ),
}
"""By the invariant's name: a statement that breaks it, and the first example that is named."""


def test_a_filled_catalog_is_whole(workspace: Workspace) -> None:
    with planted(workspace) as session:
        assert broken(session, workspace) == []


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_and_named(workspace: Workspace, name: str) -> None:
    statement, example = FAULTS[name]

    with planted(workspace, statement) as session:
        found = {finding.name: finding for finding in broken(session, workspace)}

    assert name in found
    assert found[name].examples[0] == example
    assert found[name].repair


@pytest.mark.parametrize(
    "name",
    [
        "every duplicate group has the size that it says",
        "every pushed issue has a task that asks about it",
        "the label that counts follows from the labels",
    ],
)
def test_what_follows_from_the_rows_is_repaired(workspace: Workspace, name: str) -> None:
    with planted(workspace, FAULTS[name][0]) as session:
        assert sum(repair(session).values()) > 0
        assert broken(session, workspace) == []
        assert sum(repair(session).values()) == 0


def test_labels_that_count_without_a_row_and_rows_without_one(workspace: Workspace) -> None:
    """None counts for 1, a label counts for 6 that nobody gave, 8 has no tie, and 3's is another."""
    with planted(
        workspace,
        "DELETE FROM effective_label WHERE artwork_id = 1",
        "UPDATE effective_label SET conflict = true WHERE artwork_id = 8",
        "UPDATE effective_label SET label_id = 3 WHERE artwork_id = 3",
        "INSERT INTO effective_label VALUES (6, 2, 1, 6, 'import', false)",
    ) as session:
        (found,) = broken(session, workspace)
        repaired = repair(session)["labels"]

        assert (found.broken, found.name) == (4, "the label that counts follows from the labels")
        assert repaired == 2
        assert broken(session, workspace) == []


def test_lost_arrays_and_damaged_checkpoints_are_named(workspace: Workspace) -> None:
    (run,) = (workspace.folder / "runs").iterdir()
    folds = (run / "folds.npy").read_bytes()
    (run / "folds.npy").write_bytes(b"")
    (run / "model.safetensors").write_bytes(b"tensors")
    (run / "model.json").write_text('{"sha256": "00"}')

    with planted(workspace) as session:
        found = broken(session, workspace)
    (run / "folds.npy").write_bytes(folds)
    for name in ("model.safetensors", "model.json"):
        (run / name).unlink()

    assert [(f.name, f.examples) for f in found] == [
        ("the arrays of every run are as they were written", ("run 1",)),
        ("the checkpoints of every run are as they were written", ("run 1: model.safetensors",)),
    ]
    assert {f.repair for f in found} == {"put the run's folder back from a backup, or run `curate train`"}


def test_a_reference_to_nothing_is_found_in_the_file(tmp_path: Path) -> None:
    workspace = init_workspace(tmp_path / "ws", ("style", "genre"))
    fill(workspace)

    with planted(workspace, "DELETE FROM artwork WHERE id = 12") as session:
        found = broken(session, workspace)

    assert found[0].name == "the database file is sound"
    assert "label row 12 names a row of artwork that is not there" in found[0].examples


def test_images_are_read_only_when_asked(curate: Curate, tmp_path: Path) -> None:
    """Of eleven usable artworks one image is as it was read, one is another, and nine are gone."""
    workspace = init_workspace(tmp_path / "ws", ("style", "genre"))
    fill(workspace)
    (tmp_path / "images").mkdir()
    for i in range(2):
        Image.new("RGB", (8, 8), (i, i, i)).save(tmp_path / "images" / f"ärtwork {i}'s.jpg")
    change_settings(workspace, "roots", "r", str(tmp_path / "images"))
    with workspace.open_catalog() as catalog, catalog.write() as session:
        session.get_one(Artwork, 1).sha256 = digest_of(tmp_path / "images" / "ärtwork 0's.jpg")

    default = curate("-w", workspace.folder, "check")
    images = curate("-w", workspace.folder, "check", "--images", "--json")

    assert (default.status, images.status) == (0, 1)
    assert images.lines()[-1] == {
        "name": "every image is the one that was read",
        "broken": 10,
        "repair": "put the file back, or run `curate ingest` on its source again",
        "examples": ["ärtwork 1's.jpg", "ärtwork 2's.jpg", "ärtwork 3's.jpg"],
    }


def test_the_command_says_ok_or_how_to_repair(curate: Curate, tmp_path: Path) -> None:
    workspace = init_workspace(tmp_path / "ws", ("style", "genre"))
    fill(workspace)
    whole = curate("-w", workspace.folder, "check")
    with workspace.open_catalog() as catalog, catalog.write() as session:
        session.execute(text("UPDATE duplicate_group SET size = 9"))

    faulty = curate("-w", workspace.folder, "check")
    repaired = curate("-w", workspace.folder, "check", "--repair")
    by_its_old_name = curate("-w", workspace.folder, "check", "--mend")

    assert whole.status == 0 and all(line.startswith("ok      ") for line in whole.stdout.splitlines())
    assert faulty.status == 1
    assert (
        "BROKEN  every duplicate group has the size that it says: 1 not (1); run `curate check --repair`\n"
        in faulty.stdout
    )
    assert (repaired.status, repaired.stderr) == (
        0,
        "repaired 0 labels\nrepaired 0 issues\nrepaired 1 duplicate groups\n",
    )
    assert (by_its_old_name.status, by_its_old_name.stderr) == (
        0,
        "repaired 0 labels\nrepaired 0 issues\nrepaired 0 duplicate groups\n",
    )
