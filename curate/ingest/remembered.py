"""What the user has said of a list is kept in ``curate.toml``, for its next ingest and for its export."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from curate.ingest.errors import BadOption
from curate.ingest.places.roots import locked_settings
from db.workspace.settings import SourceSettings
from db.workspace.workspace import Workspace, add_attributes, change_settings

HOW = {
    "map": "It leads from columns to attributes, as {'Künstler': 'artist'}",
    "keep": "It is 'all', 'none' or a list of columns",
    "missing": "It is a list of spellings, as ['o. J.', 'n/a']",
    "keep_values": "It is True or False",
    "values": "It is 'missing', 'first' or 'whole'",
}
"""How an option is given that is not text."""


def source_name(workspace: Workspace, source: Path) -> str:
    """Return the name of a list in ``[sources]``: its path, relative where it lies in the workspace."""
    path, folder = source.absolute().resolve(), workspace.folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def location_of(source: Path) -> Path:
    """Return what the catalog calls the place of a source: one path, however it was typed.

    A link to a list keeps its own name; links to folders are followed.
    """
    typed = Path(os.path.abspath(source))
    return typed.parent.resolve() / typed.name


def checked(stated: Mapping[str, Any]) -> SourceSettings:
    """Return the settings stated for a list; None is not stated.

    Raises:
        BadOption: A value is not valid.
    """
    try:
        return SourceSettings.model_validate({k: v for k, v in stated.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise BadOption(name, f"{stated.get(name)!r} cannot be", f"{HOW.get(name, 'A text')}.") from error


def said_of(workspace: Workspace, source: Path, stated: Mapping[str, Any]) -> SourceSettings:
    """Return the settings of a list: those stated now override those remembered; the maps are joined."""
    remembered = workspace.settings.sources.get(source_name(workspace, source), SourceSettings())
    said = checked(stated)
    values = {**remembered.model_dump(), **said.model_dump(include=said.model_fields_set)}
    values["map"] = {**remembered.map, **said.map}
    return SourceSettings.model_validate(values)


def remember(workspace: Workspace, source: Path, said: SourceSettings) -> Workspace:
    """Add the attributes that a list brings, and keep what was said of it."""
    name = source_name(workspace, source)
    new = [attribute for attribute in said.map.values() if attribute]
    if not new and said == workspace.settings.sources.get(name, SourceSettings()):
        return workspace
    with locked_settings(workspace) as fresh:
        fresh = add_attributes(fresh, new)
        kept = said.model_dump(mode="json", exclude_defaults=True)
        if said == fresh.settings.sources.get(name, SourceSettings()):
            return fresh
        return change_settings(fresh, "sources", name, kept)
