"""Put the App's plugin where FiftyOne looks for it.

FiftyOne loads plugins from a folder of its own; ours is put into the workspace's by ``curate browse``, as two
small files that lead back to ``review/plugin``, so that upgrading curate upgrades the plugin.
"""

from __future__ import annotations

import json
import os
import shutil
from importlib.resources import files
from pathlib import Path

from db.workspace.workspace import write_atomically

LOADER = '''"""Put here by `curate browse`; the plugin itself is review.plugin.operators."""

from review.plugin.operators import register  # noqa: F401
'''


def users_plugins() -> Path:
    """Return the folder that the user's own plugins lie in, as FiftyOne would find it."""
    if folder := os.environ.get("FIFTYONE_PLUGINS_DIR"):
        return Path(folder)
    config = Path(os.environ.get("FIFTYONE_CONFIG_PATH") or Path.home() / ".fiftyone" / "config.json")
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = {}
    home = Path(settings.get("default_dataset_dir") or Path.home() / "fiftyone")
    return Path(settings.get("plugins_dir") or home / "__plugins__")


def install_plugin(folder: Path) -> None:
    """Put the plugin into a folder of plugins, the user's own ones beside it."""
    ours = folder / "curate"
    ours.mkdir(parents=True, exist_ok=True)
    manifest = files("review.plugin").joinpath("fiftyone.yml").read_text(encoding="utf-8")
    for name, text in (("__init__.py", LOADER), ("fiftyone.yml", manifest)):
        path = ours / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_atomically(path, text)
    theirs = users_plugins()
    if theirs.is_dir() and theirs.resolve() != folder.resolve():
        _show(theirs, folder / "yours")


def _show(theirs: Path, here: Path) -> None:
    """Link to a folder; where there are no links, as for most users of Windows, copy it."""
    if here.is_symlink():
        return
    shutil.rmtree(here, ignore_errors=True)
    try:
        here.symlink_to(theirs, target_is_directory=True)
    except (OSError, NotImplementedError):
        shutil.copytree(theirs, here, dirs_exist_ok=True)
