"""What a backup says of places outside it: addresses and folders that a stranger may have written.

A backup is a file that somebody may have been sent. Its settings can name a server and any folder of this
machine; together they would send out whatever lies in that folder. So they are shown, and taken over only
where the user says that they may be; else the restored workspace knows local places alone.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import tomlkit

from db.errors import BadBackup
from db.workspace.remote.storage import URL
from db.workspace.secrets import redact
from db.workspace.settings import LabelStudioSettings

LOCAL = LabelStudioSettings()
ABSOLUTE = re.compile(r"^(?:[/\\~]|[A-Za-z]:[\\/])")


@dataclass(frozen=True)
class Place:
    """One setting of a backup that leads outside the workspace."""

    keys: tuple[str, ...]
    value: str

    def __str__(self) -> str:
        text = f"{'.'.join(self.keys)} = {redact(self.value)}"
        return "".join(sign if sign.isprintable() else " " for sign in text)


def places_in(settings: str) -> list[Place]:
    """Return every address and every folder that settings name; defaults of this machine are left out."""
    return [
        Place(keys, str(value))
        for keys, value in _leaves(tomlkit.parse(settings).unwrap())
        if _leads_outside(keys, value)
    ]


def without_places(settings: str) -> str:
    """Return settings without places outside the workspace; what was taken out follows as comments."""
    document, gone = tomlkit.parse(settings), places_in(settings)
    for place in gone:
        table: Any = document
        for key in place.keys[:-1]:
            table = table[key]
        table.pop(place.keys[-1])
    if not gone:
        return settings
    document.get("label_studio", {}).pop("project", None)
    lines = "".join(f"# {place}\n" for place in gone)
    kept = tomlkit.dumps(document).rstrip()
    return f"{kept}\n\n# As the backup had it, and nobody said to take it over:\n{lines}"


def refuse_strays(file: Path, catalog: Path) -> None:
    """Refuse an archive whose catalog leads an image out of its root, or brings code of its own.

    Raises:
        BadBackup: A path is absolute or climbs out of its root, or the tables have triggers or views.
    """
    try:
        with closing(sqlite3.connect(catalog)) as connection:
            code = connection.execute(
                "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')"
            ).fetchone()
            paths = [path for (path,) in connection.execute("SELECT path FROM artwork") if strays(path)]
    except sqlite3.DatabaseError as error:
        raise BadBackup(file, f"its catalog is not one: {error}") from error
    if code is not None:
        raise BadBackup(file, f"its catalog has a {code[0]} of its own, {str(code[1])[:100]!r}")
    if paths:
        raise BadBackup(
            file,
            f"{len(paths)} of its artworks lie outside their root, such as {str(paths[0])[:100]!r}",
        )


def strays(path: object) -> bool:
    """Return whether a catalog's path is empty or leaves its root: no ingest writes such a path."""
    if not isinstance(path, str) or not path:
        return True
    text = path.replace("\\", "/")
    return "\0" in text or text.startswith("/") or ".." in PurePosixPath(text).parts


def _leaves(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, str(key)))
        else:
            yield (*above, str(key)), value


def _leads_outside(keys: tuple[str, ...], value: Any) -> bool:
    if keys[0] in ("roots", "database_url"):
        return True
    if (
        keys[0] == "follow_links"
    ):  # their links may lead anywhere, also from the folder that a user names later
        return bool(value)
    if keys == ("train", "backbone"):  # timm takes models from a hub, and from folders
        return ":" in str(value)
    if keys == ("label_studio", "url"):
        return bool(str(value).rstrip("/") != LOCAL.url)
    if keys == ("label_studio", "images"):
        return bool(value != LOCAL.images)
    return isinstance(value, str) and (URL.match(value) is not None or ABSOLUTE.match(value) is not None)
