"""What ``curate.toml`` may say, validated once when the workspace is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from tomlkit.exceptions import TOMLKitError

from db.errors import BadSettings
from db.train_settings import TrainSettings

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


class Strict(BaseModel):
    """A table of the file: unknown keys are errors, values cannot change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelStudioSettings(Strict):
    """Where tasks go. The token is never here: it comes from ``LABEL_STUDIO_API_KEY``."""

    url: str = "http://127.0.0.1:8080"
    project: int | None = Field(default=None, description="The project's id; written by the first push.")
    images: str = Field(
        default="local",
        description="How the server reaches images: `local` (files of the same machine), or a URL template "
        "with {path} and {root}.",
    )

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not re.match(r"^https?://[^/\s]+", url):
            raise ValueError(f"{url!r} is not an http(s) URL")
        return url.rstrip("/")

    @field_validator("images")
    @classmethod
    def _template(cls, images: str) -> str:
        if images != "local" and "{path}" not in images:
            raise ValueError(f"{images!r} is neither `local` nor a URL template with {{path}}")
        return images


class FiftyOneSettings(Strict):
    """The dataset that `curate browse` keeps up to date."""

    dataset: str = "curate"


class Settings(Strict):
    """The whole of ``curate.toml``."""

    collection: str = "collection"
    attributes: tuple[Name, ...] = Field(default=("style", "genre", "artist"), min_length=1, max_length=12)
    database_url: str | None = None
    roots: dict[str, Path] = Field(default_factory=dict)
    train: TrainSettings = Field(default_factory=TrainSettings)
    label_studio: LabelStudioSettings = Field(default_factory=LabelStudioSettings)
    fiftyone: FiftyOneSettings = Field(default_factory=FiftyOneSettings)

    @field_validator("attributes")
    @classmethod
    def _distinct(cls, attributes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(attributes)) != len(attributes):
            raise ValueError("an attribute is named twice")
        return attributes


def read_settings(path: Path) -> Settings:
    """Read and validate ``curate.toml``.

    Raises:
        BadSettings: It is not TOML, or a value is out of its range; the message names the key.
    """
    try:
        values = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise BadSettings(path, "not TOML", str(error)) from error
    return validate_settings(path, values)


def validate_settings(path: Path, values: Mapping[str, Any]) -> Settings:
    """Return the settings with these values; ``path`` is where they stand, for the message.

    Raises:
        BadSettings: A value is out of its range; the message names the key.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadSettings(path, where, first["msg"].removeprefix("Value error, ")) from error
