"""The options of ``curate train``, one for every field of :class:`~db.train_settings.TrainSettings`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from curate.training.settings import changed_settings
from db.workspace.train_settings import TrainSettings

LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def takes_train_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take every setting of training as an option: ``**options``, None where not given."""
    whole = signature(command, eval_str=True)
    own = [one for one in whole.parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
    options = [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=_option(name, option))
        for name, option in TrainSettings.model_fields.items()
    ]
    takes = whole.replace(parameters=[own[0], *options, *own[1:]])
    command.__dict__["__signature__"] = takes  # where inspect, and so Typer, looks first
    command.__annotations__ |= {option.name: option.annotation for option in options}
    return command


def _option(name: str, option: FieldInfo) -> Any:
    """Return the type of a setting's option, with its help: what it does and what it takes."""
    kinds = {kind for kind in (get_args(option.annotation) or (option.annotation,)) if kind is not type(None)}
    if get_origin(option.annotation) is Literal:
        kinds = {str}
    single = next(iter(kinds)) if len(kinds) == 1 and kinds <= {bool, int, float} else str
    flag = f"--{name.replace('_', '-')}"
    flags = f"{flag}/--no-{flag[2:]}" if single is bool else flag
    text = f"{option.description} {_range(option)}".rstrip()
    return Annotated[single | None, typer.Option(flags, help=text, show_default=False)]


def _range(option: FieldInfo) -> str:
    """Return in words which values a setting takes; nothing where any will do."""
    if get_origin(option.annotation) is Literal:
        return "(" + ", ".join(map(str, get_args(option.annotation))) + ")"
    bounds = [
        f"{words} {getattr(limit, name)}"
        for limit in option.metadata
        for name, words in LIMITS.items()
        if getattr(limit, name, None) is not None
    ]
    return "(" + ", ".join(bounds) + ")" if bounds else ""


def overridden(settings: TrainSettings, options: Mapping[str, Any], pairs: list[str]) -> TrainSettings:
    """Return the settings with what the command line gives in place of what the file says.

    Raises:
        BadSettings: A value is out of its range, or there is no such setting.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    values = {name: value for name, value in options.items() if value is not None}
    for pair in pairs:
        key, _, text = pair.partition("=")
        try:
            values[key.strip()] = tomlkit.value(text.strip()).unwrap()
        except TOMLKitError:
            values[key.strip()] = text.strip()
    if str(values.get("batch_size", "")).isdigit():
        values["batch_size"] = int(values["batch_size"])
    return changed_settings(settings, values, "curate train", lambda name: f"--{name.replace('_', '-')}")
