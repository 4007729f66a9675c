"""What the user has said of a list is kept in ``curate.toml``, for its next ingest and for its export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.ingest.places.roots import locked_settings
from db.workspace.settings import SourceSettings
from db.workspace.workspace import Workspace, add_attributes, change_settings


def source_name(workspace: Workspace, source: Path) -> str:
    """Return the name of a list in ``[sources]``: its path, relative where it lies in the workspace."""
    path, folder = source.absolute().resolve(), workspace.folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def said_of(workspace: Workspace, source: Path, stated: Mapping[str, Any]) -> SourceSettings:
    """Return what is said of a list: what is stated now, over what was remembered; its map is joined."""
    known = workspace.settings.sources.get(source_name(workspace, source), SourceSettings())
    values = {**known.model_dump(), **{key: value for key, value in stated.items() if value is not None}}
    values["map"] = {**known.map, **(stated.get("map") or {})}
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
