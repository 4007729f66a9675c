"""The command that trains the next run as the last one was trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from db.errors import typed
from db.workspace.train_settings import TrainSettings

RECIPES = ("recipe", "mode", "protocol")
"""The settings on which the defaults of the others depend."""

PLACES = ("device", "workers", "trust_run")
"""What belongs to a machine or to one run; the next one finds its own."""


def next_training(settings: TrainSettings, last: Mapping[str, Any]) -> str:
    """Return ``curate train`` with the options that make its run like the last one.

    Args:
        settings: The workspace's; what they say already needs no option.
        last: The resolved settings that a run was stored with.

    Example:
        >>> next_training(TrainSettings(), {"backbone": "efficientnet_lite0", "image_size": 96})
        'curate train --backbone efficientnet_lite0 --image-size 96'
    """
    stored = {name: last[name] for name in TrainSettings.model_fields if last.get(name) is not None}
    given = {name: stored[name] for name in RECIPES if name in stored}
    try:
        like = TrainSettings.model_validate(settings.model_dump(exclude_unset=True) | given).resolved()
    except ValidationError:
        return "curate train"
    default, own = like.model_dump(mode="json"), settings.resolved().model_dump(mode="json")
    options = [name for name in given if given[name] != own[name]]
    options += [n for n in stored if n not in (*RECIPES, *PLACES) and stored[n] != default[n]]
    return " ".join(["curate train", *(_option(name, stored[name]) for name in options)])


def _option(name: str, value: Any) -> str:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    if isinstance(value, Mapping):
        value = ",".join(f"{key}={weight}" for key, weight in value.items())
    return f"--{flag} {typed(value)}"
