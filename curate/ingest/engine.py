"""Take a source into the catalog: batches are read, looked up, checked on all cores, and written in order.

Every batch is one short transaction, so a killed ingest leaves whole batches, and the same command goes on
from there: what is in the catalog with the same size and time of change is not read again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from curate.ingest.encoding import Encoder
from curate.ingest.errors import BadOption
from curate.ingest.images.checking import Checker, Checks
from curate.ingest.images.duplicates import group_duplicates
from curate.ingest.places.files import FoundFile, ImageFolder, NotFound, nfc
from curate.ingest.places.roots import locked_root, locked_settings
from curate.ingest.readers.formats import SourceOptions, open_source
from curate.ingest.readers.table import open_list
from curate.ingest.records import Reader, Record, Refused, Spelling, shown, storable
from curate.ingest.remembered import remember, said_of
from curate.ingest.summary import IngestSummary
from curate.ingest.tables.frame import frame_table
from db.engine.catalog import Catalog
from db.errors import FileMissing
from db.ingest.broken_images import known_paths, mark_missing, record_unreadable
from db.ingest.contested import contested_paths
from db.ingest.writer import (
    CatalogArtwork,
    Entry,
    ImageState,
    Listed,
    Writer,
    add_refusals,
    finish_ingest,
    start_ingest,
)
from db.labels.conflicts import record_conflicts
from db.workspace.progress import Progress, Silent
from db.workspace.settings import SourceSettings
from db.workspace.workspace import Workspace, add_attributes, with_attributes

if TYPE_CHECKING:
    import pandas as pd

BATCH = 512
"""Records in one transaction where images are read: well under a second of other writers' waiting."""
LIST_BATCH = 4000
"""The same where only lists are read."""
AHEAD = 6
"""Batches that may wait for their images to be checked."""


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
    stated: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
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
        stated: What a list's columns are: fields of ``db.workspace.settings.SourceSettings``. It is
            remembered for the next ingest of the same list; attributes that the workspace has not are added.
        progress: Told how far it is.

    Returns:
        Counts; every refused record is in the catalog's ``refusal`` table with its reason.

    Raises:
        FileMissing: The source or the folder of images does not exist.
        UnknownSource: No reader knows what the source is.
    """
    reader, said = open_reader(
        workspace,
        source,
        format=format,
        images=images,
        check_images=check_images,
        artist_from=artist_from,
        attribute=attribute,
        stated=stated,
    )
    workspace = remember(workspace, source, said)
    return take(workspace, reader, source.absolute(), images, check_images, verify, progress)


def ingest_records(
    workspace: Workspace,
    records: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    name: str = "records",
    images: Path | None = None,
    check_images: bool = True,
    verify: bool = False,
    stated: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> IngestSummary:
    """Read records that are in memory already, as ``ingest`` reads a list.

    Args:
        workspace: Where to.
        records: A DataFrame, or mappings from column to cell, one an artwork.
        name: What the source is called; the same name again is the same source, whose labels are replaced.
        images: The folder that paths are relative to; the current one if None.
        check_images: As in ``ingest``.
        verify: As in ``ingest``.
        stated: What the columns are, as in ``ingest``; nothing of it is remembered but new attributes.
        progress: Told how far it is.

    Raises:
        NoPathColumn: No column is named like a path, or holds any.
        NoSourceAttribute: No column has the name of an attribute.
    """
    said = SourceSettings.model_validate({k: v for k, v in (stated or {}).items() if v is not None})
    new = [attribute for attribute in said.map.values() if attribute]
    settings = with_attributes(workspace, new)
    folder = images or Path.cwd()
    called = {key: settings.attribute_titles.get(key, key) for key in settings.attributes}
    exists = _there(folder) if check_images else None
    reader = open_list(frame_table(records, name), folder, called, said, exists)
    with locked_settings(workspace) as fresh:
        workspace = add_attributes(fresh, new)
    return take(workspace, reader, name, folder, check_images, verify, progress)


def open_reader(
    workspace: Workspace,
    source: Path,
    *,
    format: str = "auto",
    images: Path | None = None,
    check_images: bool = True,
    artist_from: str | None = None,
    attribute: str | None = None,
    stated: Mapping[str, Any] | None = None,
) -> tuple[Reader, SourceSettings]:
    """Open a source as ``ingest`` does, nothing written; also return all that was said of it."""
    if images is not None and not images.is_dir():
        raise FileMissing(images, "folder of images")
    said = said_of(workspace, source, stated or {})
    settings = with_attributes(workspace, [name for name in said.map.values() if name])
    options = SourceOptions(
        settings.attributes,
        images or workspace.folder,
        check_images,
        attribute,
        artist_from,
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


def _there(folder: Path) -> Callable[[str], bool]:
    """Return whether a cell names a file of a folder."""
    found = ImageFolder(folder)
    return lambda cell: isinstance(found.find(cell), FoundFile)


def take(
    workspace: Workspace,
    reader: Reader,
    source: Path | str,
    images: Path | None = None,
    check_images: bool = True,
    verify: bool = False,
    progress: Progress | None = None,
) -> IngestSummary:
    """Read what an opened source has into the catalog; see ``ingest``."""
    began = time.monotonic()
    progress = progress or Silent()
    workspace, root = locked_root(workspace, images or reader.images)
    summary = IngestSummary(str(source), reader.format, remarks=list(reader.remarks))
    mapping = None if reader.mapping is None else {**reader.mapping, "root": root}
    with workspace.open_catalog() as catalog:
        with catalog.write() as session:
            summary.ingest_id = start_ingest(session, str(source), reader.format, mapping)
        run = _Run(workspace, catalog, reader, root, summary, progress, check_images, verify)
        run.read_all()
        run.set_aside_vanished()
        group_duplicates(catalog, summary, progress)
        with catalog.write() as session:
            summary.conflicts = record_conflicts(session)
            summary.unreadable = record_unreadable(session)
        summary.seconds = time.monotonic() - began
        with catalog.write() as session:
            finish_ingest(session, summary.ingest_id, summary.as_json())
    progress.finish()
    return summary


class Said(NamedTuple):
    """What the first row of an artwork says; few combinations are shared by all artworks."""

    labels: tuple[Spelling, ...]
    splits: tuple[str, ...]


@dataclass
class _Plan:
    """A batch on its way: its records under their keys, what is known of them, and images being checked."""

    records: list[tuple[str, Record, FoundFile | NotFound | None]] = field(default_factory=list)
    states: dict[str, ImageState] = field(default_factory=dict)
    known: dict[str, CatalogArtwork] = field(default_factory=dict)
    checking: list[FoundFile] = field(default_factory=list)
    checks: Checks | None = None
    refused: list[Refused] = field(default_factory=list)


class _Run:
    """One ingest while it reads."""

    def __init__(
        self,
        workspace: Workspace,
        catalog: Catalog,
        reader: Reader,
        root: str,
        summary: IngestSummary,
        progress: Progress,
        check_images: bool,
        verify: bool,
    ) -> None:
        self.catalog, self.reader, self.summary, self.progress = catalog, reader, summary, progress
        self.check_images, self.verify = check_images, verify
        self.roots = workspace.settings.roots
        self.folder = ImageFolder(self.roots[root])
        self.folders = {root: self.folder}
        self.encoder = Encoder(catalog, reader, summary)
        self.writer = Writer(
            workspace.settings.collection,
            root,
            self.encoder.columns,
            self._gone,
            tuple(name for name in self.roots if name != root),
            ingest_id=summary.ingest_id,
        )
        self.seen: dict[int, Said] = {}
        self.combinations: dict[Said, Said] = {}
        self.again: dict[str, list[Record]] = {}
        self.held: list[tuple[str, Record, FoundFile | NotFound | None]] = []
        with catalog.read() as session:
            self.contested = contested_paths(session, workspace.settings.collection, root)
        self.refused: list[Refused] = []

    def read_all(self) -> None:
        """Read every record, and write it."""
        self.progress.start(self.reader.total, f"Reading {Path(self.summary.source).name}")
        waiting: deque[_Plan] = deque()
        with Checker() as checker:
            for records in _batches(iter(self.reader), BATCH if self.check_images else LIST_BATCH):
                plan = self._plan(records)
                plan.checks = checker.submit(plan.checking)
                waiting.append(plan)
                while len(waiting) > AHEAD or (waiting and waiting[0].checks and waiting[0].checks.done()):
                    self._finish(waiting.popleft())
            while waiting:
                self._finish(waiting.popleft())
            held = _Plan([(path, self._merged(path), found) for path, _, found in self.held])
            self._look_up(held)
            held.checks = checker.submit(held.checking)
            self._finish(held)
        self._write([])
        self._write_contradictions()
        self.encoder.name_by_commonest()

    def _plan(self, records: Sequence[Record | Refused]) -> _Plan:
        """Find the files of a batch, and decide which of them to check."""
        plan = _Plan()
        for record in records:
            if isinstance(record, Refused):
                plan.refused.append(record)
            else:
                self._place(plan, record)
        self._look_up(plan)
        return plan

    def _look_up(self, plan: _Plan) -> None:
        """Find what is known of a batch's artworks, and decide which images to check."""
        paths = [path for path, _, _ in plan.records]
        with self.catalog.read() as session:
            plan.known = self.writer.known(session, paths)
        for path, _, found in plan.records:
            if isinstance(found, NotFound):
                status = "missing" if found.reason == "missing" else "refused"
                plan.states[path] = ImageState(status, found.reason)
            elif found is None:
                plan.states[path] = ImageState("unverified")
            elif self.verify or not _as_known(plan.known.get(path), found):
                plan.checking.append(found)

    def _place(self, plan: _Plan, record: Record) -> None:
        """Give a record its key, and refuse it where it has none or had it before."""
        found: FoundFile | NotFound | None = None
        if self.check_images:
            found = self.folder.find(record.path)
            path = found.path
        else:
            key = self.folder.key(record.path)
            found, path = (key, None) if isinstance(key, NotFound) else (None, nfc(key))
        if path is None:
            assert isinstance(found, NotFound)
            plan.refused.append(Refused(record.where, found.reason, found.detail))
        elif hash(path) in self.seen:
            plan.refused.append(Refused(record.where, "listed_twice", self._listed_again(path, record)))
        elif (reason := self.encoder.refusal(record)) is not None:
            plan.refused.append(Refused(record.where, *reason))
        else:
            said = Said(record.labels, record.splits)
            self.seen[hash(path)] = self.combinations.setdefault(said, said)
            if path in self.contested:  # what its other rows say has to be known before any is written
                self.held.append((path, record, found))
                return
            if isinstance(found, FoundFile) and found.renamed:
                self.summary.notes["found_under_another_spelling"] += 1
            plan.records.append((path, record, found))

    def _listed_again(self, path: str, record: Record) -> str:
        """Remember what another row says of an artwork; return how it is told among the refused."""
        first = self.seen[hash(path)]
        if record.labels == first.labels or self.encoder.refusal(record) is not None:
            return shown(path)
        self.again.setdefault(path, []).append(record)
        said = ", ".join(_words(label) for label in record.labels if label)
        return f"{shown(path)}; {shown(said)} of it is kept beside what was said first"

    def _merged(self, path: str) -> Record:
        """Return an artwork's record with all the labels that its rows give."""
        first = self.seen[hash(path)]
        rows = [first.labels, *(record.labels for record in self.again.get(path, ()))]
        labels = tuple(_union(column) for column in zip(*rows, strict=True))
        return Record(path, labels, "", first.splits)

    def _write_contradictions(self) -> None:
        """Write what further rows say of artworks that were written by their first: their labels tie then."""
        held = {path for path, _, _ in self.held}
        records = [(path, self._merged(path)) for path in self.again if path not in held]
        self.encoder.learn(record for _, record in records)
        entries = [Entry(path, None, *self.encoder.encode(record)) for path, record in records]
        for start in range(0, len(entries), LIST_BATCH):
            with self.catalog.write() as session:
                self.writer.write(session, entries[start : start + LIST_BATCH])  # counted with the first row

    def _finish(self, plan: _Plan) -> None:
        """Wait for a batch's images, write what changed, and count."""
        assert plan.checks is not None
        for file, state in zip(plan.checking, plan.checks.result(), strict=True):
            plan.states[file.path] = state
            self.summary.notes.update(state.notes)
        self.encoder.learn(record for _, record, _ in plan.records)
        entries = [
            Entry(path, plan.states.get(path), *self.encoder.encode(record), self._listed(path, record))
            for path, record, _ in plan.records
        ]
        outdated = self._outdated(plan, entries)
        refused = plan.refused + self._bad_images(plan)
        self.refused += [row._replace(where=shown(row.where, 300)) for row in refused]
        if outdated or len(self.refused) >= LIST_BATCH:
            self._write(outdated)
        self.summary.refused.update(row.reason for row in refused)
        self.progress.advance(len(plan.records) + len(plan.refused))

    def _listed(self, path: str, record: Record) -> Listed | None:
        """Return what a list says of an artwork beside its labels, where that is more than its path."""
        if self.reader.mapping is None or not (record.kept or record.known_as or record.path != path):
            return None
        cells = {name: storable(cell) for name, cell in zip(self.reader.kept, record.kept, strict=True)}
        return Listed(storable(record.path), storable(record.known_as) or None, cells)

    def _write(self, outdated: Sequence[Entry]) -> None:
        """Write entries, and the refusals that wait, in one transaction."""
        with self.catalog.write() as session:
            self.summary.written.add(self.writer.write(session, outdated))
            add_refusals(session, self.summary.ingest_id, self.refused)
        self.refused = []

    def _outdated(self, plan: _Plan, entries: Sequence[Entry]) -> list[Entry]:
        """Return the entries that must be written; the others are counted as unchanged."""
        settled = []
        for entry in entries:
            known = plan.known.get(entry.path)
            if known is not None and _settled(known, entry.image):
                settled.append((known, entry))
        with self.catalog.read() as session:
            same = self.writer.unchanged(session, settled)
        unchanged = {entry.path for (_, entry), is_same in zip(settled, same, strict=True) if is_same}
        usable = {known.path for known, _ in settled if known.status in ("ok", "unverified", "unusable")}
        self.summary.written.unchanged += len(unchanged & usable)
        return [entry for entry in entries if entry.path not in unchanged]

    def _bad_images(self, plan: _Plan) -> list[Refused]:
        """Return a refusal for each record whose image is missing or cannot be used."""
        refused = []
        for path, record, found in plan.records:
            state = plan.states.get(path)
            known = plan.known.get(path)
            if state is None and known is not None and known.status in ("refused", "missing"):
                refused.append(Refused(record.where, known.reason or known.status, shown(path)))
            elif state is not None and state.status in ("refused", "missing"):
                detail = found.detail if isinstance(found, NotFound) and found.detail else path
                refused.append(Refused(record.where, state.reason or state.status, shown(detail)))
        return refused

    def set_aside_vanished(self) -> None:
        """Set artworks aside that a folder no longer holds; a list that leaves one out says nothing of it."""
        if self.reader.format != "folders":
            return
        collection, root = self.writer.collection, self.writer.root
        with self.catalog.read() as session:
            standing = known_paths(session, collection, root)
            unseen = [(artwork_id, path) for artwork_id, path in standing if hash(path) not in self.seen]
        vanished = [artwork_id for artwork_id, path in unseen if self._gone(root, path)]
        with self.catalog.write() as session:
            mark_missing(session, vanished)
        self.summary.vanished = len(vanished)

    def _gone(self, root: str, path: str) -> bool:
        """Return whether an artwork's image is no longer where the catalog has it.

        Where this workspace knows no folder of the root (a colleague's, or one that an ingest beside this
        one has just added) nobody can look, and nothing is gone.
        """
        if root not in self.roots:
            return False
        found = self.folders.setdefault(root, ImageFolder(self.roots[root])).find(path)
        return isinstance(found, NotFound) and found.reason == "missing"


def _as_known(known: CatalogArtwork | None, found: FoundFile) -> bool:
    return (
        known is not None
        and (known.bytes, known.mtime_ns) == (found.bytes, found.mtime_ns)
        and (known.status not in ("unverified", "missing"))
    )


def _settled(known: CatalogArtwork, image: ImageState | None) -> bool:
    """Return whether an image is as the catalog has it."""
    if image is None:
        return True
    if image.bytes is None:
        return (image.status, image.reason) == (known.status, known.reason) or (image.status == "unverified")
    return False


def _union(column: Sequence[Spelling]) -> Spelling:
    """Return all that several rows say in one column: one spelling, several, or an empty string."""
    several = dict.fromkeys(
        one for cell in column for one in ((cell,) if isinstance(cell, str) else cell) if one
    )
    return tuple(several) if len(several) > 1 else next(iter(several), "")


def _words(label: Spelling) -> str:
    return label if isinstance(label, str) else " | ".join(label)


def _batches(records: Iterator[Record | Refused], size: int) -> Iterator[list[Record | Refused]]:
    while batch := list(islice(records, size)):
        yield batch
