"""``python -m review.fiftyone.app.server``: FiftyOne's server behind the guard, for one workspace.

Started by ``curate browse``, whose end it shares: it stops when its standard input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from db.errors import CurateError
from db.workspace.remote.mirror import fetched
from db.workspace.workspace import open_workspace
from review.fiftyone.app.guard import Guard
from review.fiftyone.app.keys import VARIABLE, read_keys

HOSTS = "CURATE_APP_HOSTS"
"""Further names of this machine, by which a browser elsewhere may ask."""


class Media:
    """The files that the App may show: those under the catalog's roots, and in its cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_at = -1
        self._places: tuple[Path, ...] = ()

    def may_show(self, asked: str) -> bool:
        """Return whether a path leads to one of these files, which is fetched where it is only a blank."""
        try:
            path = Path(asked)
            if not path.is_absolute() or not any(path.resolve().is_relative_to(p) for p in self._roots()):
                return False
            return fetched(path).is_file()
        except (OSError, ValueError, RuntimeError, CurateError):
            return False

    def _roots(self) -> tuple[Path, ...]:
        """Return the folders, as ``curate.toml`` has them now."""
        changed = (self._folder / "curate.toml").stat().st_mtime_ns
        if changed != self._read_at:
            workspace = open_workspace(self._folder)
            places = (*workspace.settings.roots.values(), workspace.cache_folder)
            self._places, self._read_at = tuple(place.resolve() for place in places), changed
        return self._places


def guarded(app: Any, keys_file: Path, port: int, hosts: list[str], home: str = "/") -> Guard:
    """Return FiftyOne's application with the guard before it."""
    import anyio.to_thread

    keys, media = read_keys(keys_file), Media(keys_file.parent)

    async def may_show(path: str) -> bool:
        return await anyio.to_thread.run_sync(media.may_show, path)

    return Guard(
        app=app,
        port=port,
        key=keys.browser,
        secret=keys.operators,
        hosts=hosts,
        media=may_show,
        home=home,
    )


def follow_parent() -> None:
    """End this process when the one that started it does."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Serve until the parent ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--home", default="/", help="where the bare address leads")
    arguments = parser.parse_args()
    follow_parent()
    os.environ["FIFTYONE_SERVER"] = "1"  # as FiftyOne's own entry point has it, before the import
    from fiftyone.server.app import app
    from fiftyone.server.events import set_port
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"{arguments.address}:{arguments.port}"]
    config.loglevel = "WARNING"
    set_port(arguments.port)
    hosts = [name.strip() for name in os.environ.get(HOSTS, "").split(",") if name.strip()]
    named = [arguments.address, *hosts]
    wrapped: Any = guarded(app, Path(os.environ[VARIABLE]), arguments.port, named, arguments.home)
    try:
        asyncio.run(serve(wrapped, config, shutdown_trigger=partial(asyncio.Event().wait)))
    except OSError as error:
        print(f"error: {error.strerror or error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
