"""Import FiftyOne for a workspace: quiet, sending nothing, with a MongoDB that was tried first.

What is set here lives in this process and its children only. The user's own FiftyOne (its configuration
and its other datasets) stays as it is; anything that the user's environment sets wins.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from pathlib import Path
from types import ModuleType
from typing import Any

from db.workspace.workspace import Workspace
from review.errors import MongodFailed
from review.fiftyone.app.plugins import install_plugin
from review.fiftyone.service import of_folder, port_of_left_over
from review.mongod import find_mongod

QUIET = {
    "FIFTYONE_DO_NOT_TRACK": "true",
    "FIFTYONE_DATABASE_VALIDATION": "false",  # else mongod 6.0 is warned about at every start
    "FIFTYONE_SHOW_PROGRESS_BARS": "false",
    "FIFTYONE_LOGGING_LEVEL": "ERROR",
    "FIFTYONE_LOGGING_DESTINATION": "stderr",
}
"""Stdout is for data: FiftyOne would draw bars and log there."""


def plugins_folder(workspace: Workspace) -> Path:
    """Return the workspace's own folder of App plugins."""
    return workspace.cache_folder / "fiftyone-plugins"


def import_fiftyone(workspace: Workspace, command: str = "browse") -> ModuleType:
    """Import fiftyone, connect it to its MongoDB, and return it.

    Raises:
        FiftyOneMissing: It is not installed.
        NoMongod: There is no MongoDB that works.
        MongodFailed: mongod runs, and would not serve FiftyOne's data.
    """
    folder = plugins_folder(workspace)
    install_plugin(folder)
    os.environ["FIFTYONE_PLUGINS_DIR"] = str(folder)
    module = import_plain_fiftyone(command)
    module.config.plugins_dir = str(folder)  # for one that is imported already
    return module


def import_plain_fiftyone(command: str) -> ModuleType:
    """Import fiftyone without a workspace and its operators; otherwise as ``import_fiftyone``."""
    find_mongod(command)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings(), _lenient_metadata():
        warnings.simplefilter("ignore", DeprecationWarning)  # FiftyOne's own, of its own parts
        import fiftyone

        logging.getLogger("fiftyone").setLevel(logging.ERROR)
        _connect(fiftyone, command)
    module: ModuleType = fiftyone
    return module


@contextmanager
def _lenient_metadata() -> Iterator[None]:
    """Let FiftyOne read its package's metadata where another package has changed how that is done.

    ``eta`` asks for a field that its metadata does not have. The standard library answers None;
    ``importlib_metadata``, once anything has imported it, takes over for all and raises KeyError.
    """
    strict = importlib.metadata.metadata

    def lenient(name: str) -> Any:
        return message_from_string(importlib.metadata.distribution(name).read_text("METADATA") or "")

    importlib.metadata.metadata = lenient  # type: ignore[assignment]
    try:
        yield
    finally:
        importlib.metadata.metadata = strict


def _connect(fiftyone: Any, command: str) -> None:
    from fiftyone.core.config import FiftyOneConfigError
    from fiftyone.core.odm import get_db_conn
    from fiftyone.core.service import ServiceException
    from pymongo.errors import PyMongoError

    folder = Path(fiftyone.config.database_dir)
    if fiftyone.config.database_uri is None and (port := port_of_left_over(folder)) is not None:
        os.environ["FIFTYONE_PRIVATE_DATABASE_PORT"] = str(port)  # where FiftyOne looks first
    try:
        with of_folder(folder):
            get_db_conn()
    except (ServiceException, FiftyOneConfigError, OSError, RuntimeError, PyMongoError) as error:
        log = folder / "log" / "mongo.log"
        raise MongodFailed(command, str(error).splitlines()[0], log) from error
