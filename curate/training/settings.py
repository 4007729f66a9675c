"""The settings of a run, with some of them changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from curate.errors import UnknownSetting
from db.errors import BadSettings
from db.workspace.train_settings import TrainSettings


def changed_settings(
    settings: TrainSettings, changes: Mapping[str, Any], where: str, spelled: Callable[[str], str]
) -> TrainSettings:
    """Return settings with other values in places.

    Args:
        settings: What stays where nothing is changed.
        changes: Values by name.
        where: Who asks, for the message.
        spelled: How a setting is called there.

    Raises:
        UnknownSetting: There is no such setting.
        BadSettings: A value is out of its range.
    """
    try:
        return TrainSettings.model_validate(settings.model_dump(exclude_unset=True) | dict(changes))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "train"
        if first["type"] == "extra_forbidden":
            raise UnknownSetting(
                where, spelled(name), [spelled(one) for one in TrainSettings.model_fields]
            ) from error
        raise BadSettings(Path(where), spelled(name), f"{first['msg']}, not {first['input']!r}") from error
