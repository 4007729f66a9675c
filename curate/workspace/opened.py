"""An opened workspace's folder, catalog and progress: what its verbs share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from curate.progress import silent_progress
from db.workspace.workspace import Workspace as Folder

if TYPE_CHECKING:
    from db.engine.catalog import Catalog
    from db.workspace.progress import Progress

AnyPath = str | PathLike[str]
Shown = Callable[[], AbstractContextManager["Progress"]]


class OpenedFolder:
    """A workspace's folder, and how progress in it is shown."""

    def __init__(self, folder: Folder, progress: Shown = silent_progress) -> None:
        if not isinstance(folder, Folder):
            raise TypeError(f"A workspace is opened by curate.open({str(folder)!r}), or made by curate.init.")
        self._folder, self._progress = folder, progress

    def __repr__(self) -> str:
        return f"<Workspace {self.folder}>"

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder.folder

    @property
    def attributes(self) -> tuple[str, ...]:
        """What each artwork is labelled with."""
        return tuple(self._folder.settings.attributes)

    def _catalog(self) -> AbstractContextManager[Catalog]:
        return self._folder.open_catalog()


def path_or_none(path: AnyPath | None) -> Path | None:
    """Return a path that may be left out."""
    return None if path is None else Path(path)
