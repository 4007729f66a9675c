"""Take a source into the catalog: open it with what was said of it, read it, and see to what follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.ingest.errors import BadOption
from curate.ingest.images.duplicates import group_duplicates
from curate.ingest.places.files import FoundFile, ImageFolder
from curate.ingest.places.presence import FolderEmpty, require_presence
from curate.ingest.places.roots import known_to_follow, locked_root, locked_settings
from curate.ingest.readers.formats import SourceOptions, open_source
from curate.ingest.readers.table import open_list
from curate.ingest.reading import SourceReading
from curate.ingest.records import Reader, Record
from curate.ingest.remembered import checked, location_of, remember, said_of
from curate.ingest.summary import IngestSummary
from curate.ingest.tables.frame import frame_table
from db.errors import FileMissing
from db.ingest.broken_images import known_paths, record_unreadable
from db.ingest.writer import finish_ingest, start_ingest
from db.labels.conflicts import record_conflicts
from db.workspace.progress import Progress, Silent
from db.workspace.settings import SourceSettings
from db.workspace.workspace import Workspace, add_attributes, make_attributes, with_attributes

if TYPE_CHECKING:
    import pandas as pd

LISTS = ("artgan", "kaggle", "csv", "xlsx", "parquet")
"""Formats whose images lie beside the list, or wherever ``--images`` says."""


def ingest(
    workspace: Workspace,
    source: Path,
    *,
    format: str = "auto",
    images: Path | None = None,
    check_images: bool = True,
    verify: bool = False,
    artist_from: str | None = None,
    attribute: str | None = None,
    follow_links: bool = False,
    allow_missing: bool = False,
    stated: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    agree: Callable[[Sequence[str]], None] | None = None,
) -> IngestSummary:
    """Read images and labels into the workspace's catalog.

    Args:
        workspace: Where to.
        source: A list or a folder.
        format: ``auto``, or the reader's name.
        images: The folder that listed paths are relative to; the list's own if None.
        check_images: False reads no image: artworks come in as ``unverified``.
        verify: Read every image again, also those whose size and time have not changed.
        artist_from: ``path`` or ``list``; see the reader.
        attribute: What folders are classes of; see the reader.
        follow_links: Whether links may lead to images outside the folder, now and whenever it is read.
        allow_missing: Whether most of the images may be elsewhere, or gone from a folder.
        stated: What a list's columns are: fields of ``db.workspace.settings.SourceSettings``. It is
            remembered for the next ingest of the same list; attributes that the workspace has not are added.
        progress: Told how far it is.
        agree: Told what was guessed of a list and might be meant otherwise, before anything is written; it
            raises where somebody does not agree.

    Returns:
        Counts; every refused record is in the catalog's ``refusal`` table with its reason.

    Raises:
        FileMissing: The source or the folder of images does not exist.
        UnknownSource: No reader knows what the source is.
        MostImagesMissing: The images are not in the folder that was looked in; nothing was written.
        FolderEmpty: A folder that had images has none; nothing was written.
    """
    reader, said = open_reader(
        workspace,
        source,
        format=format,
        images=images,
        check_images=check_images,
        artist_from=artist_from,
        attribute=attribute,
        follow_links=follow_links,
        stated=stated,
    )
    follow_links |= known_to_follow(workspace, images or reader.images)
    if check_images and not allow_missing and reader.format in LISTS:
        require_presence(reader, ImageFolder(images or reader.images, follow_links), source)
    if reader.format == "folders" and not allow_missing:
        _require_some(workspace, reader)
    if agree is not None and reader.guesses:
        agree([*reader.remarks, *reader.guesses])
    workspace = remember(workspace, source, said)
    return take(
        workspace,
        reader=reader,
        source=location_of(source),
        images=images,
        check_images=check_images,
        verify=verify,
        follow_links=follow_links,
        progress=progress,
        allow_missing=allow_missing,
    )


def ingest_records(
    workspace: Workspace,
    records: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    name: str = "records",
    images: Path | None = None,
    check_images: bool = True,
    verify: bool = False,
    allow_missing: bool = False,
    stated: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> IngestSummary:
    """Read records that are in memory already, as ``ingest`` reads a list.

    Args:
        workspace: Where to.
        records: A DataFrame, or mappings from column to cell, one an artwork.
        name: What the source is called; the same name again is the same source, whose labels are replaced.
        images: The folder that paths are relative to; the current one if None.
        check_images: As in ``ingest``, and so the next two.
        verify: Read every image again.
        allow_missing: Whether most of the images may be elsewhere.
        stated: What the columns are, as in ``ingest``; nothing of it is remembered but new attributes.
        progress: Told how far it is.

    Raises:
        NoPathColumn: No column is named like a path, or holds any.
        NoLabelColumn: No column has the name of an attribute.
        MostImagesMissing: The images are not in the folder that was looked in; nothing was written.
        InvalidInput: They are not records.
    """
    said = checked(stated or {})
    for option in ("separator", "encoding", "sheet"):
        if getattr(said, option) is not None:
            raise BadOption(option, "a table in memory has none", "Leave it out.")
    new = [attribute for attribute in said.map.values() if attribute]
    settings = with_attributes(workspace, new)
    folder = images or Path.cwd()
    called = {key: settings.attribute_titles.get(key, key) for key in settings.attributes}
    exists = _there(folder) if check_images else None
    reader = open_list(frame_table(records, name), folder, called, said, exists)
    if check_images and not allow_missing:
        require_presence(reader, ImageFolder(folder), name)
    with locked_settings(workspace) as fresh:
        workspace = add_attributes(fresh, new)
    return take(
        workspace,
        reader=reader,
        source=name,
        images=folder,
        check_images=check_images,
        verify=verify,
        progress=progress,
        allow_missing=allow_missing,
    )


def open_reader(
    workspace: Workspace,
    source: Path,
    *,
    format: str = "auto",
    images: Path | None = None,
    check_images: bool = True,
    artist_from: str | None = None,
    attribute: str | None = None,
    follow_links: bool = False,
    stated: Mapping[str, Any] | None = None,
) -> tuple[Reader, SourceSettings]:
    """Open a source as ``ingest`` does, nothing written; also return all that was said of it."""
    if images is not None and not images.is_dir():
        raise FileMissing(images, "folder of images")
    said = said_of(workspace, source, stated or {})
    settings = with_attributes(workspace, [name for name in said.map.values() if name])
    options = SourceOptions(
        attributes=settings.attributes,
        extracted=images or workspace.folder,
        check_images=check_images,
        attribute=attribute,
        artist_from=artist_from,
        follow_links=follow_links,
        titles=settings.attribute_titles,
        stated=said,
        exists=(lambda own: _there(images or own)) if check_images else None,
    )
    reader = open_source(source, format, options)
    if images is not None and reader.format == "folders" and images.resolve() != source.resolve():
        raise BadOption(f"--images {images}", "a folder of images is its own source", "Leave the option out.")
    if said != SourceSettings() and reader.mapping is None:
        raise BadOption("--map and the like", f"{source} is read as {reader.format}", "They are for lists.")
    return reader, said


def _require_some(workspace: Workspace, reader: Reader) -> None:
    """Refuse a folder without any image where the catalog has some of it: it may not be mounted."""
    place = reader.images.resolve()
    roots = workspace.settings.roots.items()
    root = next((name for name, folder in roots if folder.resolve() == place), None)
    if root is None or any(isinstance(record, Record) for record in reader):
        return
    with workspace.open_catalog() as catalog, catalog.read() as session:
        count = sum(1 for _ in known_paths(session, workspace.settings.collection, root))
    if count:
        raise FolderEmpty(reader.images, count)


def _there(folder: Path) -> Callable[[str], bool]:
    """Return whether a cell names a file of a folder."""
    images = ImageFolder(folder)
    return lambda cell: isinstance(images.find(cell), FoundFile)


def take(
    workspace: Workspace,
    reader: Reader,
    source: Path | str,
    images: Path | None = None,
    check_images: bool = True,
    verify: bool = False,
    follow_links: bool = False,
    progress: Progress | None = None,
    *,
    allow_missing: bool = False,
) -> IngestSummary:
    """Read what an opened source has into the catalog; see ``ingest``."""
    began = time.monotonic()
    progress = progress or Silent()
    workspace, root = locked_root(workspace, images or reader.images, follow_links)
    summary = IngestSummary(str(source), reader.format, remarks=list(reader.remarks))
    mapping = None if reader.mapping is None else {**reader.mapping, "root": root}
    with workspace.open_catalog() as catalog:
        with catalog.write() as session:
            read = [said.attribute for said in reader.columns]
            make_attributes(session, read, workspace.settings.attribute_titles)
            summary.ingest_id = start_ingest(session, str(source), reader.format, mapping)
        reading = SourceReading(
            workspace,
            catalog=catalog,
            reader=reader,
            root=root,
            summary=summary,
            progress=progress,
            check_images=check_images,
            verify=verify,
        )
        reading.read_all()
        reading.set_aside_vanished(allow_missing)
        group_duplicates(catalog, summary, progress)
        with catalog.write() as session:
            summary.conflicts = record_conflicts(session)
            summary.unreadable = record_unreadable(session)
        summary.remarks += [remark for remark in reader.remarks if remark not in summary.remarks]
        summary.remarks += reading.remarks()
        summary.seconds = time.monotonic() - began
        with catalog.write() as session:
            finish_ingest(session, summary.ingest_id, summary.as_json())
    progress.finish()
    return summary
