"""The App in a notebook or a shell: FiftyOne's own session, shown once its server answers."""

from __future__ import annotations

import time
from typing import Any

from db.workspace.workspace import Workspace
from review.errors import AppNotStarted
from review.fiftyone.app.launch import START_SECONDS, app_address, choose_port
from review.fiftyone.connect import import_fiftyone


def open_session(workspace: Workspace) -> Any:
    """Open the App on the workspace's dataset, which must be there, and return FiftyOne's session.

    In a notebook ``launch_app`` shows the App before its server answers, and fails where that takes more than
    a moment ("Client is not connected"): so it is shown here, when it does.

    Raises:
        AppNotStarted: The server did not answer in time.
    """
    fiftyone = import_fiftyone(workspace)
    from fiftyone.core.context import is_notebook_context

    port, address = choose_port(None), app_address()
    dataset = fiftyone.load_dataset(workspace.settings.fiftyone.dataset)
    if not is_notebook_context():
        return fiftyone.launch_app(dataset, port=port, address=address)
    session = fiftyone.launch_app(dataset, port=port, address=address, auto=False)
    began = time.monotonic()
    while not _shown(session):
        if time.monotonic() - began > START_SECONDS:
            raise AppNotStarted(session.server_port, f"no answer in {START_SECONDS} s")
        time.sleep(0.5)
    session.auto = True
    return session


def _shown(session: Any) -> bool:
    """Show a session under the cell; return whether its server was there for it."""
    try:
        session.show()
    except RuntimeError as error:
        if "not connected" not in str(error):
            raise
        return False
    return True
