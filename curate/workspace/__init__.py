"""A workspace from Python: what the commands do, with tables in and out; see docs/python.md.

The commands call this, too: there is one way in. Where a command prints more than a table, a noun gives all
of it (``issue_list``, ``run_list``, ``evaluation``, ``comparison``), and the verb the table alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from curate.errors import InvalidInput
from curate.workspace.care import CareVerbs
from curate.workspace.catalog import CatalogVerbs
from curate.workspace.findings import FindingVerbs
from curate.workspace.opened import AnyPath
from curate.workspace.review import ReviewVerbs
from curate.workspace.runs import RunVerbs
from db.errors import BadSettings, WorkspaceExists
from db.workspace.workspace import init_workspace, open_workspace

__all__ = ["Workspace", "init", "open"]


class Workspace(CatalogVerbs, RunVerbs, FindingVerbs, ReviewVerbs, CareVerbs):
    """An opened workspace; each method does what the command of its name does.

    Every method may be interrupted and called again. What the user can fix is raised as a ``CurateError``,
    whose text is the sentence that the command prints.
    """


def open(folder: AnyPath = ".", *, progress: bool = True) -> Workspace:
    """Open the workspace in a folder.

    Args:
        folder: A folder that ``curate init`` or :func:`init` made.
        progress: Show how long work goes on, in a notebook or on a terminal.

    Raises:
        CurateError: It is not a workspace, or its catalog cannot be read by this version.
    """
    from curate.progress import chosen_progress, silent_progress

    return Workspace(open_workspace(Path(folder)), chosen_progress if progress else silent_progress)


def init(
    folder: AnyPath, attributes: Sequence[str] = ("style", "genre", "artist"), *, progress: bool = True
) -> Workspace:
    """Make a workspace in a folder, or open the one that is there.

    Args:
        folder: Made if it is not there.
        attributes: What each artwork is labelled with: names in lower case.
        progress: Show how long work goes on, in a notebook or on a terminal.

    Raises:
        CurateError: The workspace that is there has other attributes, or a name cannot be one.
        InvalidInput: The attributes are one text.
    """
    if isinstance(attributes, str):
        raise InvalidInput(f"attributes is the text {attributes!r}. Give a list: [{attributes!r}].")
    try:
        init_workspace(Path(folder), tuple(attributes))
    except WorkspaceExists:
        existing = open_workspace(Path(folder)).settings.attributes
        if tuple(existing) != tuple(attributes):
            raise BadSettings(
                Path(folder) / "curate.toml", "attributes", f"it has {', '.join(existing)}, not {attributes}"
            ) from None
    return open(folder, progress=progress)
