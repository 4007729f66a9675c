"""What ``curate doctor`` wants to know of the Label Studio server."""

from __future__ import annotations

from db.errors import CurateError
from db.workspace.settings import LabelStudioSettings
from review.label_studio.client import connect


def diagnose_server(settings: LabelStudioSettings) -> tuple[bool, str]:
    """Return whether the server answers and knows the token, and which it is or what to type."""
    try:
        with connect(settings.url) as server:
            release = server.client.versions.get().release
    except CurateError as error:
        return False, str(error)
    return True, f"{release} at {settings.url}"
