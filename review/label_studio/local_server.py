"""Run a Label Studio server of our own on this machine: for the demo and for tests.

The first start in a folder sets up the server's own database, which takes from half a minute to several;
later starts in the same folder take seconds.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.workspace.system import apart, end_tree
from review.errors import ServerNotStarted

START_SECONDS = 600
USER = "curate@example.org"
SECRETS = "secrets"
"""The file in the server's folder that keeps its user's password and token from one start to the next."""


@dataclass(frozen=True)
class LocalServer:
    """A server that is up; ``url`` has no slash at its end."""

    url: str
    token: str
    user: str
    password: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.folder / "server.log"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def label_studio_server(
    folder: Path,
    document_root: Path,
    port: int | None = None,
    say: Callable[[str], None] = lambda _text: None,
    keep: bool = False,
) -> Iterator[LocalServer]:
    """Start a server in a folder, wait until it answers, and stop it at the end.

    Args:
        folder: Where its data and its log go; a folder it ran in before is used again.
        document_root: It serves local files below this folder.
        port: Where it listens on the loopback; a free one if left out.
        say: Is told, now and then, that it is still starting.
        keep: Leaves it running at the end.

    Raises:
        ServerNotStarted: It isn't installed, ended early, or did not answer in ten minutes.
    """
    server = start_server(folder, document_root, port or free_port())
    try:
        wait_until_up(server, say)
        yield server
    finally:
        if not keep:
            stop_server(server)


def start_server(folder: Path, document_root: Path, port: int) -> LocalServer:
    """Start the process; it does not answer yet."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # its database holds every token, and is written as readable by all
    password, token = _secrets(folder)
    arguments = ["start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    arguments += ["--data-dir", str(folder)]
    account = {"USERNAME": USER, "PASSWORD": password, "USER_TOKEN": token}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [_program(folder), *arguments],
            cwd=folder,
            env={
                **_environment(document_root),
                **{f"LABEL_STUDIO_{name}": value for name, value in account.items()},  # `ps` shows arguments
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **apart(),
        )
    return LocalServer(
        url=f"http://127.0.0.1:{port}",
        token=token,
        user=USER,
        password=password,
        folder=folder,
        process=process,
    )


def _program(folder: Path) -> str:
    """Return the server's command, from this environment before any other."""
    beside = Path(sys.executable).parent / "label-studio"
    program = str(beside) if beside.exists() else shutil.which("label-studio")
    if program is None:
        raise ServerNotStarted(
            folder / "server.log", "it is not installed here: `pip install 'curate-labels[label-studio]'`"
        )
    return program


def _environment(document_root: Path) -> Mapping[str, str]:
    """Return the server's environment: local files served, nothing reported to anybody."""
    ours = {
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(document_root.absolute()),
        "COLLECT_ANALYTICS": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LATEST_VERSION_CHECK": "false",
        "OMP_NUM_THREADS": "1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO_")}
    return {**kept, **ours}


def _secrets(folder: Path) -> tuple[str, str]:
    """Return the password and the token of the server's user, made at the first start."""
    path = folder / SECRETS
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(f"{secrets.token_hex(12)}\n{secrets.token_hex(20)}\n")
    password, token = path.read_text().split()
    return password, token


def wait_until_up(server: LocalServer, say: Callable[[str], None]) -> None:
    """Wait until the server answers."""
    import httpx

    began = told = time.monotonic()
    while time.monotonic() - began < START_SECONDS:
        if server.process.poll() is not None:
            raise ServerNotStarted(server.log, f"it ended with status {server.process.returncode}")
        try:
            if httpx.get(f"{server.url}/health", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() - told > 15:
            told = time.monotonic()
            say(f"Label Studio is starting, {told - began:.0f} s so far …")
        time.sleep(0.5)
    raise ServerNotStarted(server.log, f"no answer in {START_SECONDS} s")


def stop_server(server: LocalServer) -> None:
    """Stop the server and all it started; the data folder stays."""
    end_tree(server.process.pid)
    server.process.wait(timeout=10)
