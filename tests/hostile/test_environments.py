"""What the surroundings put into a message: nothing of a folder is taken for a secret."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import curate.errors
import curate.ingest.errors
import curate.report.errors
import db.errors
import model.errors
import review.errors
from db.errors import CurateError
from db.workspace.secrets import HIDDEN, is_secret_name, redact
from tests.conftest import Curate

pytestmark = pytest.mark.slow

HERE = "/home/ada/paintings"

ENVIRONMENTS: dict[str, dict[str, str]] = {
    "a shell": {"PWD": HERE, "OLDPWD": "/home/ada", "HOME": "/home/ada", "SHELL": "/bin/bash"},
    "a desktop": {
        "PWD": HERE,
        "SSH_AUTH_SOCK": "/run/user/1000/keyring/ssh",
        "XAUTHORITY": "/home/ada/.Xauthority",
    },
    "a build server": {
        "PWD": HERE,
        "GITHUB_WORKSPACE": HERE,
        "GITHUB_TOKEN_PATH": HERE,
        "TOKENIZERS_PARALLELISM": "curate-false",
    },
    "a container": {"PWD": HERE, "DB_PASSWORD_FILE": f"{HERE}/password", "POSTGRES_PASSWORD": "postgres"},
    "Kubernetes": {"AWS_WEB_IDENTITY_TOKEN_FILE": HERE, "VAULT_TOKEN_HELPER_PATH": HERE},
    "Google": {"GOOGLE_APPLICATION_CREDENTIALS": "/usr/lib/key.json", "PWD": "/usr/lib", "OLDPWD": "/usr"},
    "passwords in a folder": {
        "PASSWORD_STORE_DIR": HERE,
        "SECRETS_HOME": HERE,
        "PGPASSFILE": f"{HERE}/.pgpass",
    },
    "Windows": {"PWD": "C:\\Users\\ada", "OLDPWD": "C:\\Users", "USERPROFILE": "C:\\Users\\ada"},
    "words": {"CURATE_PASSWORD": "curate", "API_TOKEN": "true", "SECRET": "secret"},
}

MESSAGES = (
    f"{HERE} is ready. Next: curate -w {HERE} ingest SOURCE",
    f"error: {HERE}/a.csv does not exist",
    "Copy it into /usr/lib/python3, or /usr/lib/key.json, and type `curate restore /usr/lib/b.zip`",
    "C:\\Users\\ada\\paintings holds no curate.toml",
    "postgres: password authentication failed; the secret is in PGPASSWORD",
    "style has the classes Basic instruction, Bearer following",
)

ERRORS = (db.errors, model.errors, review.errors, curate.errors, curate.ingest.errors, curate.report.errors)


def kinds() -> Iterator[type[CurateError]]:
    """Yield every error that a user may read."""
    found = {
        kind
        for module in ERRORS
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, CurateError) and kind is not CurateError
    }
    yield from sorted(found, key=lambda kind: kind.__name__)


def sample(annotation: Any, name: str) -> Any:
    """Return a value of a parameter's type, a path in the user's folder where it takes one."""
    origin = typing.get_origin(annotation) or annotation
    if annotation is Path or "Path" in str(annotation):
        return Path(HERE) / name
    if origin is bool:
        return True
    if annotation is datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)
    if origin in (int, float):
        return 7
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"style": 7}
    if origin is str or ("str" in str(annotation) and origin not in (list, tuple)):
        return f"{HERE}/{name}" if "Sequence" not in str(annotation) else [f"{HERE}/{name}"]
    return None


def message(kind: type[CurateError]) -> str | None:
    """Return an error's text for arguments of the right types, None where it takes others."""
    if kind.__init__ is Exception.__init__:  # the head of a family
        return None
    hints = typing.get_type_hints(kind.__init__)
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    try:
        arguments = {p.name: sample(hints.get(p.name), p.name) for p in parameters if p.default is p.empty}
        return str(kind(**arguments))
    except (TypeError, AttributeError, ValueError):
        return None


@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize("text", MESSAGES)
def test_paths_and_words_are_shown(name: str, text: str) -> None:
    assert redact(text, ENVIRONMENTS[name]) == text


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_error_is_shown_as_it_is(name: str) -> None:
    texts = [text for kind in kinds() if (text := message(kind)) is not None]

    assert len(texts) > 60
    assert [text for text in texts if redact(text, ENVIRONMENTS[name]) != text] == []


@pytest.mark.parametrize(
    "name",
    [
        "PGPASSWORD", "MYSQL_PWD", "LABEL_STUDIO_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN",
        "GITHUB_TOKEN", "CURATE_WEBHOOK_SECRET", "api_key", "apiKey", "Authorization", "OPENAI_API_KEY",
        "DB_PASSWD", "SSHPASS", "GPG_PASSPHRASE", "AZURE_CREDENTIALS",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["hunter22-and-more", "/ab+cd/efGHi", "//xy9ZZZ==", "p@ss word"])
def test_secrets_are_hidden(name: str, value: str) -> None:
    assert is_secret_name(name)
    assert redact(f"server said {value}.", {name: value}) == f"server said {HIDDEN}."


@pytest.mark.parametrize("header", ["Token 0123456789abcdef", "Bearer eyJhbGciOiJ", "Basic dXNlcjpwYXNz"])
def test_headers_are_hidden(header: str) -> None:
    assert redact(f"sent {header} there", {}) == f"sent {header.split()[0]} {HIDDEN} there"


@pytest.mark.parametrize("token", ["tökén", "a b", "a\nb", "a\x00b", "“quoted”", "\u200babc"])
def test_a_token_that_none_can_be_is_named(token: str) -> None:
    from review.errors import TokenMalformed
    from review.label_studio.client import connect

    with pytest.raises(TokenMalformed) as refused, connect("http://127.0.0.1:9", token):
        pass

    assert token not in str(refused.value)


def test_the_folder_that_a_user_works_in_is_shown(
    curate: Curate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very command that is to be typed next was unreadable."""
    monkeypatch.setenv("PWD", str(folder))
    monkeypatch.setenv("OLDPWD", str(folder.parent))

    made = curate("init", folder / "second")
    refused = curate("-w", folder, "ingest", folder / "nothing.csv")

    assert made.stdout == f"{folder}/second is ready. Next: curate -w {folder}/second ingest SOURCE\n"
    assert f"{folder}/nothing.csv" in refused.stderr
    assert HIDDEN not in refused.stderr
