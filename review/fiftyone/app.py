"""Serve the App for the workspace's dataset, on this machine only unless FiftyOne is told otherwise."""

from __future__ import annotations

import os
import socket
import webbrowser
from collections.abc import Callable
from urllib.parse import quote

from db.workspace.workspace import Workspace
from review.errors import PortForbidden, PortTaken
from review.fiftyone.connect import import_fiftyone

APP_WORKSPACE = "CURATE_APP_WORKSPACE"
"""The variable that tells an App's operators for which workspace it was opened."""

FIRST_PORT = 5151
ADDRESS = "127.0.0.1"
"""In a container FiftyOne would listen on every interface: for that, set FIFTYONE_DEFAULT_APP_ADDRESS."""


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
    """Return whether a server may listen at a port: nobody answers there, and the system lets this user."""
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((ADDRESS, port)) == 0:
            return False
    with socket.socket() as probe:
        if os.name == "posix":  # else a port that was left a moment ago counts as taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except PermissionError:
            raise
        except OSError:
            return False
    return True


def app_url(port: int, dataset: str) -> str:
    """Return where the App shows a dataset."""
    return f"http://localhost:{port}/datasets/{quote(dataset)}"


def serve_app(workspace: Workspace, port: int, open_browser: bool, say: Callable[[str], None]) -> None:
    """Serve the App until Ctrl-C.

    The server runs without a session of FiftyOne's: a session shows every browser window the same view,
    and here each has its own, which its address names.

    Args:
        workspace: Names the dataset, which must be there.
        port: As ``choose_port`` gives it.
        open_browser: Open a browser window here.
        say: Told once the App answers.
    """
    import_fiftyone(workspace)
    from fiftyone.core.service import ServerService

    os.environ[APP_WORKSPACE] = str(workspace.folder)  # what the App's operators may write into
    address = os.environ.get("FIFTYONE_DEFAULT_APP_ADDRESS", ADDRESS)
    server = ServerService(port, address=address, do_not_track=True)
    try:
        url = app_url(port, workspace.settings.fiftyone.dataset)
        say(url)
        if open_browser:
            webbrowser.open(url)
        server.wait()
    except KeyboardInterrupt:
        server.stop()
