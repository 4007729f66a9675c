"""Serve the App for the workspace's dataset, on this machine only unless FiftyOne is told otherwise."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import quote

from db.workspace.system import apart, end_tree
from db.workspace.workspace import Workspace
from review.errors import AppNotStarted, PortForbidden, PortTaken
from review.fiftyone.app.guard import KEY
from review.fiftyone.app.keys import VARIABLE, doorstep, fresh_keys
from review.fiftyone.connect import import_fiftyone
from review.fiftyone.service import watcher
from review.mongod import keeping_mongod

APP_WORKSPACE = "CURATE_APP_WORKSPACE"
"""The variable that tells an App's operators for which workspace it was opened."""

FIRST_PORT = 5151
ADDRESS = "127.0.0.1"
"""In a container FiftyOne would listen on every interface: for that, set FIFTYONE_DEFAULT_APP_ADDRESS."""

WATCH_SECONDS = 2.0
"""Between two looks at MongoDB while the App runs."""

START_SECONDS = 180
"""How long the server may take to answer; it imports FiftyOne first."""


def choose_port(wanted: int | None) -> int:
    """Return the port for the App: the one asked for, or the first free one from 5151 on.

    Raises:
        PortTaken: Something listens at the port that was asked for.
        PortForbidden: The system keeps it from this user.
    """
    if wanted is not None:
        try:
            if not _is_free(wanted):
                raise PortTaken(wanted)
        except PermissionError as error:
            raise PortForbidden(wanted) from error
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        if _is_free(port):
            return port
    raise PortTaken(FIRST_PORT)


def _is_free(port: int) -> bool:
    if _answers(port):
        return False
    with socket.socket() as probe:
        if sys.platform != "win32":  # there it would take a port that others hold
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except PermissionError:
            raise
        except OSError:
            return False
    return True


def _answers(port: int, address: str = ADDRESS) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, port)) == 0


def app_address() -> str:
    """Return the interface that the App listens on: this machine's own, unless FiftyOne is told otherwise."""
    return os.environ.get("FIFTYONE_DEFAULT_APP_ADDRESS", ADDRESS)


def app_url(port: int, dataset: str, key: str, view: str = "") -> str:
    """Return where the App shows a dataset, or a saved view of it, to the browser that has the key."""
    path, _, shown = shown_at(dataset, view).partition("?")
    return f"http://localhost:{port}{path}?{KEY}={key}" + (f"&{shown}" if shown else "")


def shown_at(dataset: str, view: str = "") -> str:
    """Return the path at which the App shows a dataset, or a saved view of it."""
    return f"/datasets/{quote(dataset)}" + (f"?view={view.replace(' ', '-')}" if view else "")


def serve_app(
    workspace: Workspace, port: int, open_browser: bool, say: Callable[[str], None], view: str = ""
) -> None:
    """Serve the App until Ctrl-C.

    The server runs without a session of FiftyOne's: a session shows every browser window the same view,
    and here each has its own, which its address names.

    Args:
        workspace: Names the dataset, which must be there.
        port: As ``choose_port`` gives it.
        open_browser: Open a browser window here.
        say: Told the address once the App answers.
        view: The saved view to open on; all samples where it is empty.

    Raises:
        AppNotStarted: The server ended, or did not answer in time.
        MongodLost: MongoDB died; the App could only answer with errors from then on.
    """
    fiftyone = import_fiftyone(workspace)
    address = app_address()
    command = [sys.executable, "-m", "review.fiftyone.app.server", "--port", str(port), "--address", address]
    command += ["--home", shown_at(workspace.settings.fiftyone.dataset, view)]
    with ExitStack() as stack:
        path, keys = stack.enter_context(fresh_keys(workspace, port))
        environment = {**os.environ, VARIABLE: str(path), "FIFTYONE_DO_NOT_TRACK": "1"}
        environment[APP_WORKSPACE] = str(workspace.folder)  # what the App's operators may write into
        server = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, **apart())
        stack.callback(end_tree, server.pid)
        try:
            _wait_until_up(server, port)
            url = app_url(port, workspace.settings.fiftyone.dataset, keys.browser, view)
            say(url)
            if open_browser:
                webbrowser.open(stack.enter_context(doorstep(workspace, port, url)))
            _wait_for_end(server, port, watcher(fiftyone))
        except KeyboardInterrupt:
            return


def _wait_until_up(server: subprocess.Popen[bytes], port: int) -> None:
    began = time.monotonic()
    while not _answers(port):
        if server.poll() is not None:
            raise AppNotStarted(port, f"its server ended with status {server.returncode}")
        if time.monotonic() - began > START_SECONDS:
            raise AppNotStarted(port, f"no answer in {START_SECONDS} s")
        time.sleep(0.2)


def _wait_for_end(server: subprocess.Popen[bytes], port: int, ask: Callable[[], None]) -> None:
    """Wait until the App's server ends, as long as its MongoDB is there."""
    while server.poll() is None:
        with keeping_mongod("browse"):
            ask()
        time.sleep(WATCH_SECONDS)
    if server.returncode != 0:
        raise AppNotStarted(port, f"its server ended with status {server.returncode}")
