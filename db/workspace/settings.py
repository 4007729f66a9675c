"""What ``curate.toml`` may say, validated once when the workspace is opened."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from db.errors import BadSettings
from db.spelling import attribute_key, fold, is_formula
from db.workspace.remote.mirror import RATE, mirror_folder
from db.workspace.remote.storage import is_url
from db.workspace.train_settings import TrainSettings

KEY = r"^[a-z][a-z0-9_]{0,40}$"
Name = Annotated[str, Field(pattern=KEY)]

LONGEST_NAME = 200
"""Characters in what an attribute is called."""

MOST_ATTRIBUTES = 12

CACHE = "cache"
"""The folder of a workspace whose files can all be had again."""


class Strict(BaseModel):
    """A table of the file: unknown keys are errors, values cannot change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelStudioSettings(Strict):
    """Where tasks go. The token is never here: it comes from ``LABEL_STUDIO_API_KEY``."""

    url: str = "http://127.0.0.1:8080"
    project: int | None = Field(default=None, description="The project's id; written by the first push.")
    images: str = Field(
        default="local",
        description="How the server reaches images: `local` (files of the same machine), `upload` (it keeps "
        "copies), or a URL template with {path} and {root}.",
    )

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", url):
            raise ValueError(f"{url!r} is not an http(s) URL")
        try:
            if not urlsplit(url).hostname or urlsplit(url).port == 0:
                raise ValueError("no host, or port 0")
        except ValueError as error:
            raise ValueError(f"{url!r} is not an http(s) URL: {error}") from None
        return url.rstrip("/")

    @field_validator("images")
    @classmethod
    def _template(cls, images: str) -> str:
        if images not in ("local", "upload") and "{path}" not in images:
            raise ValueError(f"{images!r} is neither `local`, `upload` nor a URL template with {{path}}")
        return images


class FiftyOneSettings(Strict):
    """The dataset that `curate browse` keeps up to date."""

    dataset: str = "curate"


class SourceSettings(Strict):
    """What the user said of one list, so that the next ingest and the export know it.

    ``map`` leads from columns to attributes; a separator of cells is a character or ``tab``.
    """

    map: dict[str, str] = Field(default_factory=dict)
    file: str | None = None
    id: str | None = None
    keep: Literal["all", "none"] | tuple[str, ...] = "all"
    missing: tuple[str, ...] = ()
    keep_values: bool = False
    values: Literal["missing", "first", "whole"] = "missing"
    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None


class Settings(Strict):
    """The whole of ``curate.toml``."""

    collection: str = "collection"
    attributes: tuple[Name, ...] = Field(
        default=("style", "genre", "artist"), min_length=1, max_length=MOST_ATTRIBUTES
    )
    attribute_titles: dict[str, str] = Field(
        default_factory=dict, description="Read from `attributes`: what people call those whose key differs."
    )
    database_url: str | None = None
    roots: dict[str, Path] = Field(
        default_factory=dict, description="Where the images of each root are: a folder, or a URL."
    )
    root_urls: dict[str, str] = Field(
        default_factory=dict, description="Read from `roots`: those by URL, whose folder is their mirror."
    )
    follow_links: tuple[str, ...] = Field(
        default=(), description="Roots whose links may lead to files outside them; `ingest --follow-links`."
    )
    mirror_gb: float = Field(
        default=20.0, gt=0, description="How large the local copy of each root by URL may grow."
    )
    sources: dict[str, SourceSettings] = Field(
        default_factory=dict,
        description="What was said of each list, by its path; written by `curate ingest`.",
    )
    fetch_per_second: float = Field(
        default=RATE,
        gt=0,
        le=1000,
        description="Listed URLs: requests a second that one server gets.",
    )
    train: TrainSettings = Field(default_factory=TrainSettings)
    label_studio: LabelStudioSettings = Field(default_factory=LabelStudioSettings)
    fiftyone: FiftyOneSettings = Field(default_factory=FiftyOneSettings)

    @field_validator("attributes")
    @classmethod
    def _distinct(cls, attributes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(attributes)) != len(attributes):
            raise ValueError("an attribute is named twice")
        return attributes


PATH_COLUMN = "filepath"

DERIVED = (
    "pred",
    "p_label",
    "score",
    "suggested",
    "p_suggested",
    "reason",
    "issue",
    "verdict",
    "eval",
    "label",
    "why",
    "class",
)
"""What is put behind an attribute's name for the columns and fields that are made of it."""


def clash(names: Sequence[str]) -> str | None:
    """Return why these cannot all be attributes of a new catalog: a column would be overwritten by another.

    Example:
        >>> clash(["style", "genre"]), clash(["style", "style_pred"])
        (None, "'style_pred' is what the pred of 'style' is called in sheets and in FiftyOne")
    """
    if PATH_COLUMN in names:
        return f"{PATH_COLUMN!r} is the column of the images in every list and export"
    for name in names:
        for other in names:
            end = other.removeprefix(f"{name}_")
            if end != other and (end in DERIVED or re.fullmatch("run[0-9]+", end, re.ASCII)):
                return f"{other!r} is what the {end} of {name!r} is called in sheets and in FiftyOne"
    return None


def read_settings(path: Path) -> Settings:
    """Read and validate ``curate.toml``.

    Raises:
        BadSettings: It is not TOML, or a value is out of its range; the message names the key.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(path, "not TOML", str(error)) from error
    except RecursionError as error:
        raise BadSettings(path, "not TOML", "values are nested too deeply") from error
    return validate_settings(path, values)


def validate_settings(path: Path, values: Mapping[str, Any]) -> Settings:
    """Return the settings with these values; ``path`` is where they stand, for the message.

    Raises:
        BadSettings: A value is out of its range; the message names the key.
    """
    for derived, instead in (
        ("root_urls", "a URL belongs in [roots], like a folder"),
        ("attribute_titles", "attributes are named in `attributes`"),
    ):
        if derived in values:
            raise BadSettings(path, derived, instead)
    _require_names(path, values.get("attributes"))
    try:
        return Settings.model_validate(_with_mirrors(path, _with_keys(values)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadSettings(path, where, _said(first)) from error


IN_OUR_WORDS = {
    "extra_forbidden": "there is no such setting",
    "tuple_type": 'expected a list, such as ["style"]',
    "too_short": "at least one must be named",
    "path_type": "expected a folder or a URL, in quotes",
    "dict_type": "expected a table, [like.this]",
    "model_type": "expected a table, [like.this]",
    "model_attributes_type": "expected a table, [like.this]",
}
"""What pydantic says of its own types, as people say it who write TOML."""


def _said(error: ErrorDetails) -> str:
    return IN_OUR_WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, ")


def _require_names(path: Path, named: object) -> None:
    """Refuse names that no attribute can have.

    Raises:
        BadSettings: One is empty, too long, or cannot be shown.
    """
    names = named if isinstance(named, list | tuple) else ()
    if len(names) > MOST_ATTRIBUTES:
        raise BadSettings(path, "attributes", f"at most {MOST_ATTRIBUTES} can be named, not {len(names)}")
    for at, name in enumerate(names):
        if not isinstance(name, str) or re.match(KEY, name) or _is_title(" ".join(name.split())):
            continue
        if not name.strip():
            why = "an attribute has no name"
        elif is_formula(name):
            why = f"{name[:20]!r} cannot name an attribute: a spreadsheet would run it as a formula"
        elif len(name) > LONGEST_NAME:
            why = f"{name[:20]!r}… is {len(name)} characters long, and at most {LONGEST_NAME} are allowed"
        else:
            why = f"{name!r} cannot name an attribute: it has no letters, or characters that cannot be shown"
        raise BadSettings(path, f"attributes.{at}", why)


def _with_keys(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values with a key for each attribute that people call by another name."""
    named = values.get("attributes")
    if not isinstance(named, list | tuple) or not all(isinstance(one, str) for one in named):
        return values
    titles = [" ".join(one.split()) for one in named]
    keys = [attribute_key(title) if _is_title(title) else title for title in titles]
    called = {key: title for key, title in zip(keys, titles, strict=True) if key != title}
    return {**values, "attributes": keys, "attribute_titles": called}


def _is_title(title: str) -> bool:
    """Return whether a name can be shown as an attribute's, and is not a key itself."""
    return (
        bool(fold(title))
        and title.isprintable()
        and len(title) <= LONGEST_NAME
        and not is_formula(title)
        and not re.match(KEY, title)
    )


def _with_mirrors(path: Path, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values with the folder of its mirror for each root by URL."""
    roots = values.get("roots")
    if not isinstance(roots, Mapping):
        return values
    urls = {name: url for name, url in roots.items() if isinstance(url, str) and is_url(url)}
    folders = {name: mirror_folder(path.parent / CACHE, name, url) for name, url in urls.items()}
    return {**values, "roots": {**roots, **folders}, "root_urls": urls}
