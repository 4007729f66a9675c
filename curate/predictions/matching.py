"""Whose rows a file's are, and which classes its columns: by what people write, never by their order."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.predictions.errors import (
    ArtworkListedTwice,
    ArtworksUnmatched,
    AttributeUnclear,
    ClassesUnmatched,
    ClassTwice,
)
from curate.predictions.files import ClassColumns
from db.labels.kept import artworks_listed_as
from db.labels.table import LabelTable

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Ints = NDArray[np.int64]

Resolve = Callable[[str, Sequence[str]], Mapping[str, int]]
"""Gives the class id of each name that is one of an attribute's, left out where it is none."""


def match_artworks(
    path: Path,
    named: NDArray[np.object_],
    table: LabelTable,
    roots: Mapping[str, Path],
    session: Session,
) -> Ints:
    """Return the catalog's row of each artwork that a file names, -1 where it has none, shape ``(N,)``.

    An artwork is named by its path: as the catalog has it, or under the folder of its root, in either Unicode
    form, with either slash; by curate's id; or by the id of its list, such as an inventory number.

    Args:
        path: The file, for messages.
        named: What it calls its artworks, shape ``(N,)``.
        table: The catalog's artworks.
        roots: The folders of the roots.
        session: The catalog, which knows what lists call artworks.

    Raises:
        ArtworksUnmatched: None of them is in the catalog.
        ArtworkListedTwice: One of them has two rows.
    """
    rows = _by_path(named, table)
    lost = np.flatnonzero(rows < 0)
    if len(lost):
        rows[lost] = _by_path(_cleaned(named[lost], roots), table)
        lost = lost[rows[lost] < 0]
    if len(lost):
        rows[lost] = _by_uuid(named[lost], table)
        lost = lost[rows[lost] < 0]
    if len(lost):
        rows[lost] = _by_listing(named[lost], table, session)
    if (rows < 0).all():
        raise ArtworksUnmatched(path, [str(name) for name in named[:3]], table.paths[:1])
    matched, counts = np.unique(rows[rows >= 0], return_counts=True)
    if (counts > 1).any():
        twice = int(matched[np.argmax(counts > 1)])
        raise ArtworkListedTwice(path, table.paths[twice], int((counts > 1).sum()))
    return rows


def _by_path(named: NDArray[np.object_], table: LabelTable) -> Ints:
    """Look paths up; one that two roots have is nobody's."""
    paths = pd.Index(table.paths, dtype=object)
    if paths.is_unique:
        return paths.get_indexer(pd.Index(named)).astype(np.int64)
    alone = np.flatnonzero(~paths.duplicated(keep=False))
    at = paths[alone].get_indexer(pd.Index(named))
    return np.where(at >= 0, alone[at], -1).astype(np.int64)


def _by_uuid(named: NDArray[np.object_], table: LabelTable) -> Ints:
    rows = {uuid: row for row, uuid in enumerate(table.uuids)}
    matched = np.full(len(named), -1, dtype=np.int64)
    for at, name in enumerate(named.tolist()):
        try:
            matched[at] = rows.get(UUID(name), -1)
        except ValueError:
            continue
    return matched


def _by_listing(named: NDArray[np.object_], table: LabelTable, session: Session) -> Ints:
    """Look up what lists call artworks, such as an inventory number."""
    ids = artworks_listed_as(session, [str(name).strip() for name in named])
    wanted = np.array([ids.get(str(name).strip(), -1) for name in named], dtype=np.int64)
    at = pd.Index(table.artwork_ids).get_indexer(pd.Index(wanted))
    return np.where(wanted >= 0, at, -1).astype(np.int64)


def _cleaned(named: NDArray[np.object_], roots: Mapping[str, Path]) -> NDArray[np.object_]:
    """Return paths as the catalog writes them: composed, forward slashes, relative to their root."""
    folders = [f"{folder.as_posix().rstrip('/')}/" for folder in roots.values()]
    cleaned = np.empty(len(named), dtype=object)
    for at, name in enumerate(named.tolist()):
        plain = unicodedata.normalize("NFC", name).replace("\\", "/").removeprefix("./")
        under = next((folder for folder in folders if plain.startswith(folder)), "")
        cleaned[at] = plain.removeprefix(under)
    return cleaned


def match_classes(
    path: Path, columns: ClassColumns, attributes: Mapping[str, Sequence[str]], resolve: Resolve
) -> tuple[str, Ints]:
    """Return the attribute that columns are of, and the class id of each, shape ``(K,)``.

    Args:
        path: The file, for messages.
        columns: Its columns; where they name no attribute, the only one that has all of their classes is
            meant.
        attributes: The attributes, each with the names of its classes.
        resolve: Finds classes by key, name or alias.

    Raises:
        ClassesUnmatched: Some columns are not classes of the attribute.
        AttributeUnclear: They are classes of several attributes, or of none.
        ClassTwice: Two columns are one class.
    """
    attribute = columns.attribute
    if attribute is None:
        attribute = _only_fit(path, columns.names, attributes, resolve)
    ids = resolve(attribute, columns.names)
    unknown = [name for name in columns.names if name not in ids]
    if unknown:
        raise ClassesUnmatched(attribute, unknown, attributes[attribute])
    seen: dict[int, str] = {}
    for name in columns.names:
        if ids[name] in seen:
            raise ClassTwice(attribute, seen[ids[name]], name)
        seen[ids[name]] = name
    return attribute, np.array([ids[name] for name in columns.names], dtype=np.int64)


def _only_fit(
    path: Path, names: Sequence[str], attributes: Mapping[str, Sequence[str]], resolve: Resolve
) -> str:
    """Return the one attribute that has all of these classes, or that is the only one to have any.

    Raises:
        ClassesUnmatched: It does not have all of them.
        AttributeUnclear: Several attributes have all of them, or several have some.
    """
    class_ids = {attribute: resolve(attribute, names) for attribute in attributes}
    fitting = [attribute for attribute, ids in class_ids.items() if len(ids) == len(names)]
    if len(fitting) == 1:
        return fitting[0]
    near = [attribute for attribute, ids in class_ids.items() if ids]
    if not fitting and len(near) == 1:
        unknown = [name for name in names if name not in class_ids[near[0]]]
        raise ClassesUnmatched(near[0], unknown, attributes[near[0]])
    raise AttributeUnclear(path, names, list(attributes), len(fitting))
