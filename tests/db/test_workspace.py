"""A workspace and its catalog: made, joined by a second one, refused where something is wrong."""

from __future__ import annotations

import stat
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from db.engine.catalog import make_engine
from db.errors import BadSettings, CatalogOutdated, RootUnknown
from db.models import Attribute, CatalogSetting
from db.runs.runs import run_folder
from db.workspace.secrets import redact, redact_values
from db.workspace.workspace import change_settings, init_workspace, open_workspace
from tests.conftest import Curate
from tests.postgres import Postgres


@pytest.mark.services
def test_two_workspaces_on_one_catalog_agree(postgres: Postgres, tmp_path: Path) -> None:
    """The second one takes over attributes and the place of the runs; its folders of images are its own."""
    url = postgres.database()
    first = init_workspace(tmp_path / "anna" / "ws", ("style", "period"), url)
    second = init_workspace(tmp_path / "ben" / "ws", ("style", "genre", "artist"), url)
    first = change_settings(first, "roots", "scans", "/data/anna")
    second = change_settings(second, "roots", "scans", "/mnt/ben")

    assert first.settings.attributes == second.settings.attributes == ("style", "period")
    assert first.image_path("scans", "a.jpg") == Path("/data/anna/a.jpg")
    assert second.image_path("scans", "a.jpg") == Path("/mnt/ben/a.jpg")
    run = uuid4()
    with second.open_catalog() as catalog, catalog.read() as session:
        assert run_folder(session, second, run) == tmp_path / "anna" / "ws" / "runs" / str(run)
        assert [a.name for a in session.query(Attribute).order_by(Attribute.position)] == ["style", "period"]


@pytest.mark.services
def test_runs_lie_where_all_users_reach_them(curate: Curate, postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()

    made = curate("init", tmp_path / "ws", "--database-url", url, "--runs-url", tmp_path / "all runs")

    assert made.status == 0
    workspace = open_workspace(tmp_path / "ws")
    with workspace.open_catalog() as catalog, catalog.read() as session:
        assert session.get_one(CatalogSetting, "runs_url").value == (tmp_path / "all runs").as_uri()
        assert run_folder(session, workspace, uuid4()).parent == tmp_path / "all runs"


@pytest.mark.services
def test_joining_never_changes_a_schema(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    init_workspace(tmp_path / "first", ("style",), url)
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()

    with pytest.raises(CatalogOutdated):
        init_workspace(tmp_path / "second", ("style",), url)
    assert not (tmp_path / "second" / "curate.toml").exists()


def test_a_settings_file_with_a_password_is_its_owners_alone(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database().replace("postgres@", "postgres:hunter2@")

    workspace = init_workspace(tmp_path / "ws", ("style",), url)
    changed = change_settings(workspace, "label_studio", "project", 7)

    assert stat.S_IMODE(changed.settings_path.stat().st_mode) == 0o600
    assert changed.settings.database_url == url


ODD_NAME = (
    "attributes.1: 'a\\x1bb' cannot name an attribute: it has no letters, or characters that cannot be shown"
)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("style,style", "attributes: an attribute is named twice"),
        ("style,Style", "attributes: an attribute is named twice"),
        ("style,a\x1bb", ODD_NAME),
    ],
)
def test_an_attribute_that_cannot_be_named_so(curate: Curate, tmp_path: Path, given: str, said: str) -> None:
    shown = curate("init", tmp_path / "ws", "--attributes", given)

    assert (shown.status, shown.stdout) == (1, "")
    assert shown.stderr == f"error: curate init: {said}. Fix that line and run the command again.\n"
    assert not (tmp_path / "ws").exists()


def test_runs_at_an_unknown_kind_of_place(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as error:
        init_workspace(tmp_path / "ws", ("style",), None, "s3://bucket/runs")

    assert str(error.value) == (
        "curate init: --runs-url: 's3://bucket/runs' is neither a folder nor file:///…. "
        "Fix that line and run the command again."
    )


def test_a_root_that_only_the_colleague_knows(tmp_path: Path) -> None:
    workspace = init_workspace(tmp_path / "ws", ("style",))

    with pytest.raises(RootUnknown) as error:
        workspace.image_path("scans", "a.jpg")

    assert str(error.value) == (
        f"The catalog has artworks of the root 'scans', and {tmp_path / 'ws' / 'curate.toml'} does not say "
        f"where it is on this machine. "
        f"Type `curate relocate scans DIR` with the folder that holds these images."
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("postgresql://me:p@ss:w@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("no secret at http://host:8080/path", "no secret at http://host:8080/path"),
        ("GET /api?token=abcdef&page=2", "GET /api?token=***&page=2"),
        ("Authorization: Token 0123456789abcdef", "Authorization: Token ***"),
        ("key sk-live-42424242 was refused", "key *** was refused"),
    ],
)
def test_secrets_are_not_shown(given: str, shown: str) -> None:
    assert redact(given, {"LABEL_STUDIO_API_KEY": "sk-live-42424242", "MY_TOKEN": "GET"}) == shown


def test_settings_are_stored_without_secrets() -> None:
    assert redact_values(
        {"url": "https://u:p@h/", "api_key": "abc", "token_limit": 3, "roots": {"a": "/b"}, "password": ""}
    ) == {"url": "https://u:***@h/", "api_key": "***", "token_limit": 3, "roots": {"a": "/b"}, "password": ""}
