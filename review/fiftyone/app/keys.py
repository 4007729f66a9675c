"""The keys of one ``curate browse``: in a file of the workspace, its owner's alone, until it ends."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hmac import compare_digest
from html import escape
from pathlib import Path
from typing import Any

from db.workspace.workspace import Workspace, write_atomically
from review.errors import NotFromTheApp
from review.fiftyone.app.guard import SECRET

NAME = ".curate-app-"
"""What the name of the file begins with; the port follows."""

VARIABLE = "CURATE_APP"
"""Names the file, to the server's process."""


@dataclass(frozen=True)
class Keys:
    """What the browser shows, and what operators are told by the server alone."""

    browser: str
    operators: str


@contextmanager
def fresh_keys(workspace: Workspace, port: int) -> Iterator[tuple[Path, Keys]]:
    """Make the keys of the App at a port, and take them back at the end."""
    _forget_ended(workspace.folder)
    path = workspace.folder / f"{NAME}{port}"
    keys = Keys(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    write_atomically(path, json.dumps(asdict(keys)), private=True)
    try:
        yield path, keys
    finally:
        path.unlink(missing_ok=True)


def _forget_ended(folder: Path) -> None:
    """Remove the keys of Apps that were killed: nobody answers at their ports."""
    for path in folder.glob(f"{NAME}*"):
        with socket.socket() as probe:
            probe.settimeout(2)
            port = path.name.removeprefix(NAME)
            if not port.isdecimal() or probe.connect_ex(("127.0.0.1", min(int(port), 65535))) != 0:
                path.unlink(missing_ok=True)


@contextmanager
def doorstep(workspace: Workspace, port: int, url: str) -> Iterator[str]:
    """Write a page that leads to an address, and yield where it lies.

    A browser is started with this page: a command line that held the key itself could be read by every
    user of the machine.
    """
    path = workspace.cache_folder / f"open-app-{port}.html"
    page = f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(url)}">'
    write_atomically(path, page, private=True)
    try:
        yield path.as_uri()
    finally:
        path.unlink(missing_ok=True)


def read_keys(path: Path) -> Keys:
    """Read the keys back, in the server's process."""
    return Keys(**json.loads(path.read_text(encoding="utf-8")))


def require_secret(workspace: Workspace, asked: dict[str, Any]) -> None:
    """Refuse what the App that ``curate browse`` opened on this very workspace did not ask.

    Raises:
        NotFromTheApp: It comes from elsewhere, or for another workspace.
    """
    path = Path(os.environ.get(VARIABLE, ""))
    try:
        secret = read_keys(path).operators if path.parent.samefile(workspace.folder) else ""
    except (OSError, ValueError, TypeError):
        secret = ""
    if not secret or not compare_digest(str(asked.get(SECRET, "")).encode(), secret.encode()):
        raise NotFromTheApp(workspace.folder)
