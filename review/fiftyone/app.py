"""Serve the App for the workspace's dataset, on this machine only unless FiftyOne is told otherwise."""

from __future__ import annotations

import os
import socket
import webbrowser
from collections.abc import Callable
from urllib.parse import quote

from db.workspace.workspace import Workspace
from review.errors import PortTaken
from review.fiftyone.connect import import_fiftyone

FIRST_PORT = 5151
ADDRESS = "127.0.0.1"
"""In a container FiftyOne would listen on every interface: for that, set FIFTYONE_DEFAULT_APP_ADDRESS."""


def choose_port(wanted: int | None) -> int:
    """Return the port for the App: the one asked for, or the first free one from 5151 on.

    Raises:
        PortTaken: Something listens at the port that was asked for.
    """
    if wanted is not None:
        if not _is_free(wanted):
            raise PortTaken(wanted)
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        if _is_free(port):
            return port
    raise PortTaken(FIRST_PORT)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((ADDRESS, port)) != 0


def app_url(port: int, dataset: str, view: str = "") -> str:
    """Return where the App shows a dataset, or one of its saved views."""
    shown = f"?view={view.replace(' ', '-')}" if view else ""
    return f"http://localhost:{port}/datasets/{quote(dataset)}{shown}"


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
    """
    import_fiftyone(workspace)
    from fiftyone.core.service import ServerService

    address = os.environ.get("FIFTYONE_DEFAULT_APP_ADDRESS", ADDRESS)
    server = ServerService(port, address=address, do_not_track=True)
    try:
        url = app_url(port, workspace.settings.fiftyone.dataset, view)
        say(url)
        if open_browser:
            webbrowser.open(url)
        server.wait()
    except KeyboardInterrupt:
        server.stop()
