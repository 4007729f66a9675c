"""The workspace behind the dataset that the App shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from db.engine.catalog import Catalog
from db.workspace.workspace import Workspace, open_workspace
from review.errors import AppOutdated
from review.fiftyone.app.keys import require_secret
from review.fiftyone.app.launch import APP_WORKSPACE
from review.fiftyone.dataset.sync import dataset_folder


@contextmanager
def opened(ctx: Any) -> Iterator[tuple[Workspace, Catalog]]:
    """Open the dataset's workspace and its catalog, for what the App of its own ``curate browse`` asks.

    Raises:
        NotFromTheApp: It comes from elsewhere.
        AppOutdated: The App was opened for another workspace than the dataset now shows.
    """
    folder = dataset_folder(ctx.dataset)
    meant = os.environ.get(APP_WORKSPACE, str(folder))
    if Path(meant).resolve() != folder.resolve():
        raise AppOutdated(meant, str(folder))
    workspace = open_workspace(folder)
    require_secret(workspace, ctx.request_params)
    with workspace.open_catalog() as catalog:
        yield workspace, catalog


def is_ours(ctx: Any) -> bool:
    """Return whether the dataset in the App is one that curate made."""
    return ctx.dataset is not None and "curate" in ctx.dataset.info
