"""One source while it is read: batches are looked up, checked on all cores, and written in order.

Every batch is one short transaction, so a killed ingest leaves whole batches, and the same command goes on
from there: what is in the catalog with the same size and time of change is not read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from curate.ingest.encoding import Encoder
from curate.ingest.images.checking import Checker, Checks
from curate.ingest.listed_rows import ListedRows
from curate.ingest.places.files import FoundFile, ImageFolder, NotFound, nfc, own_key
from curate.ingest.places.web import WebImages, is_web_url, told_rate, web_root
from curate.ingest.records import Reader, Record, Refused, Spelling, shown, storable
from curate.ingest.summary import IngestSummary
from db.engine.bulk import chunks
from db.engine.catalog import Catalog
from db.images.state import ImageState
from db.ingest.broken_images import known_paths, mark_missing
from db.ingest.contested import contested_paths
from db.ingest.writer import CatalogArtwork, Entry, Listed, Writer, add_refusals
from db.workspace.progress import Progress
from db.workspace.remote.mirror import LISTED
from db.workspace.workspace import Workspace

BATCH = 512
"""Records in one transaction where images are read: well under a second of other writers' waiting."""
WEB_BATCH = 64
"""The same where images are fetched by URL, some a second."""
LIST_BATCH = 4000
"""The same where only lists are read."""
AHEAD = 6
"""Batches that may wait for their images to be checked."""


@dataclass
class _Plan:
    """A batch on its way: its records under their keys, what is known of them, and images being checked."""

    records: list[tuple[str, Record, FoundFile | NotFound | None]] = field(default_factory=list)
    states: dict[str, ImageState] = field(default_factory=dict)
    in_catalog: dict[str, CatalogArtwork] = field(default_factory=dict)
    checking: list[FoundFile] = field(default_factory=list)
    checks: Checks | None = None
    refused: list[Refused] = field(default_factory=list)


class SourceReading:
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
        self.workspace = workspace
        self.catalog, self.reader, self.summary, self.progress = catalog, reader, summary, progress
        self.check_images, self.verify = check_images, verify
        self.roots = workspace.settings.roots
        self.linked = workspace.settings.follow_links
        self.folder = ImageFolder(self.roots[root], root in self.linked)
        self.folders = {root: self.folder}
        self.web: WebImages | None = None
        self.waiting: list[Record] = []
        self.by_url: list[Record] = []
        self.waited = False
        self.matched: dict[str, str] = {}
        self.encoder = Encoder(catalog, reader, summary)
        self.writer = Writer(
            workspace.settings.collection,
            root,
            self.encoder.columns,
            self._gone,
            tuple(name for name in self.roots if name != root),
            ingest_id=summary.ingest_id,
        )
        self.rows = ListedRows()
        self.held: list[tuple[str, Record, FoundFile | NotFound | None]] = []
        with catalog.read() as session:
            self.contested = contested_paths(session, workspace.settings.collection, root)
        self.refused: list[Refused] = []

    def read_all(self) -> None:
        """Read every record, and write it: those of files first, then those of URLs."""
        self.progress.start(self.reader.total, f"Reading {Path(self.summary.source).name}")
        size = BATCH if self.check_images else LIST_BATCH
        with Checker() as checker:
            self._read(chain(_batches(self.reader, size), self._held_back(size)), checker)
            if self.by_url:
                self._turn_to_the_web()
                self._read(self._from_the_web(), checker)

    def _read(self, batches: Iterable[list[Record | Refused]], checker: Checker) -> None:
        """Read and write all records of one root."""
        waiting: deque[_Plan] = deque()
        for records in batches:
            plan = self._plan(records)
            plan.checks = checker.submit(plan.checking)
            waiting.append(plan)
            while len(waiting) > AHEAD or (waiting and waiting[0].checks and waiting[0].checks.done()):
                self._finish(waiting.popleft())
        while waiting:
            self._finish(waiting.popleft())
        held = _Plan([(path, self.rows.merged(path, record), file) for path, record, file in self.held])
        self._look_up(held)
        held.checks = checker.submit(held.checking)
        self._finish(held)
        self._write([])
        self._write_contradictions()
        self.encoder.name_by_commonest()

    def _held_back(self, size: int) -> Iterator[list[Record | Refused]]:
        """Yield the records whose file was found in a loose way, once all others have theirs.

        Where two of them would have the same file, neither does: it can't be told which of them is meant.
        """
        self.waited = True
        wanted: dict[str, set[str]] = {}
        for record in self.waiting:
            file = self.folder.find(record.path)
            wanted.setdefault(file.path or "", set()).add(record.path)
        for path, listed in wanted.items():
            if len(listed) == 1 and path not in self.rows:
                self.matched[listed.pop()] = path
        yield from _batches(self.waiting, size)

    def _turn_to_the_web(self) -> None:
        """Go over to the root of listed URLs: from here on its artworks are found, compared and written."""
        self.workspace, root = web_root(self.workspace)
        mirror = self.workspace.mirror(root)
        assert mirror is not None
        self.roots = self.workspace.settings.roots
        self.web = WebImages(mirror)
        self.writer = replace(self.writer, root=root, other_roots=())
        self.rows, self.held = ListedRows(), []
        with self.catalog.read() as session:
            self.contested = contested_paths(session, self.writer.collection, root)

    def _from_the_web(self) -> Iterator[list[Record | Refused]]:
        """Yield the records whose image is a URL, each batch fetched."""
        assert self.web is not None
        urls = [record.path for record in self.by_url]
        if self.check_images and (wanted := self.web.missing(urls)):
            self.progress.message(told_rate(wanted, self.workspace.settings.fetch_per_second))
        for records in _batches(self.by_url, WEB_BATCH):
            if self.check_images:
                self.web.fetch([record.path for record in records if isinstance(record, Record)])
            yield records

    def remarks(self) -> list[str]:
        """Return what a person should know of how files were found, and of what was refused."""
        said = []
        if self.matched:
            listed, path = next(iter(self.matched.items()))
            said.append(
                f"{len(self.matched)} listed files were found by the name without its suffix, or by the end "
                f"of the path: {shown(listed)} is {shown(path)}."
            )
        if pointers := self.summary.refused["lfs_pointer"]:
            said.append(
                f"{pointers} files are Git LFS pointers, not images: run `git lfs pull` in "
                f"{self.folder.root}, then this command again."
            )
        if self.web is not None and self.web.silent:
            silent = ", ".join(sorted(self.web.silent))
            said.append(
                f"{self.summary.refused['unreachable']} images could not be fetched, and what the catalog "
                f"has of them was left as it is: {silent} does not answer. Run the command again later."
            )
        if unread := self.summary.refused["needs_plugin"]:
            said.append(
                f"{unread} images are HEIC or JPEG XL: type `pip install pillow-heif pillow-jxl-plugin`, "
                f"then this command again."
            )
        return said

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
            plan.in_catalog = self.writer.find_artworks(session, paths)
        for path, _, file in plan.records:
            if isinstance(file, NotFound):
                status = "missing" if file.reason == "missing" else "refused"
                plan.states[path] = ImageState(status, file.reason)
            elif file is None:
                plan.states[path] = ImageState("unverified")
            elif self.verify or not _needs_no_reading(plan.in_catalog.get(path), file):
                plan.checking.append(file)

    def _place(self, plan: _Plan, record: Record) -> None:
        """Give a record its key, and refuse it where it has none or had it before."""
        file: FoundFile | NotFound | None = None
        if self.web is None and is_web_url(record.path):
            self.by_url.append(record)
            return
        folder = self.folder if self.web is None else self.web
        if self.check_images:
            file = folder.find(record.path)
            if isinstance(file, FoundFile) and file.how:
                if not self.waited:
                    self.waiting.append(record)
                    return
                if record.path not in self.matched:
                    file = NotFound("missing", "", own_key(self.folder, record.path))
            path = file.path
        else:
            key = folder.key(record.path)
            file, path = (key, None) if isinstance(key, NotFound) else (None, nfc(key))
        if path is None:
            assert isinstance(file, NotFound)
            plan.refused.append(Refused(record.where, file.reason, file.detail))
        elif path in self.rows:
            plan.refused.append(Refused(record.where, "listed_twice", self._listed_again(path, record)))
        elif (reason := self.encoder.refusal(record)) is not None:
            plan.refused.append(Refused(record.where, *reason))
        else:
            self.rows.add_first(path, record)
            if path in self.contested:  # what its other rows say has to be known before any is written
                self.held.append((path, record, file))
                return
            if isinstance(file, FoundFile) and file.renamed:
                self.summary.notes["found_under_another_spelling"] += 1
            plan.records.append((path, record, file))

    def _listed_again(self, path: str, record: Record) -> str:
        """Remember what another row says of an artwork; return how it is told among the refused."""
        if self.rows.says_the_same(path, record) or self.encoder.refusal(record) is not None:
            return shown(path)
        self.rows.add_further(path, record)
        said = ", ".join(_words(label) for label in record.labels if label)
        return f"{shown(path)}; {shown(said)} of it is kept beside what was said first"

    def _write_contradictions(self) -> None:
        """Write what further rows say of artworks that were written by their first: their labels tie then."""
        held = {path for path, _, _ in self.held}
        records = [(path, self.rows.merged(path)) for path in self.rows.contradicted() if path not in held]
        self.encoder.learn(record for _, record in records)
        entries = [
            Entry(path, None, *self.encoder.encode(record), only_labels=True) for path, record in records
        ]
        for some in chunks(entries, LIST_BATCH):
            with self.catalog.write() as session:
                self.writer.write(session, some)  # counted with the first row

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
            artwork = plan.in_catalog.get(entry.path)
            if artwork is not None and _settled(artwork, entry.image):
                settled.append((artwork, entry))
        with self.catalog.read() as session:
            same = self.writer.unchanged(session, settled)
        unchanged = {entry.path for (_, entry), is_same in zip(settled, same, strict=True) if is_same}
        usable = {
            artwork.path for artwork, _ in settled if artwork.status in ("ok", "unverified", "unusable")
        }
        self.summary.written.unchanged += len(unchanged & usable)
        return [entry for entry in entries if entry.path not in unchanged]

    def _bad_images(self, plan: _Plan) -> list[Refused]:
        """Return a refusal for each record whose image is missing or cannot be used."""
        refused = []
        for path, record, file in plan.records:
            state = plan.states.get(path)
            artwork = plan.in_catalog.get(path)
            if state is None and artwork is not None and artwork.status in ("refused", "missing"):
                refused.append(Refused(record.where, artwork.reason or artwork.status, shown(path)))
            elif state is not None and state.status in ("refused", "missing"):
                detail = file.detail if isinstance(file, NotFound) and file.detail else path
                refused.append(Refused(record.where, state.reason or state.status, shown(detail)))
        return refused

    def set_aside_vanished(self, most_too: bool) -> None:
        """Set artworks aside that a folder no longer holds; a list that leaves one out says nothing of it.

        Where that would be most of them they are left as they are, unless ``most_too``: a disk that is not
        mounted looks like this.
        """
        if self.reader.format != "folders":
            return
        collection, root = self.writer.collection, self.writer.root
        with self.catalog.read() as session:
            catalogued = list(known_paths(session, collection, root))
            unseen = [(artwork_id, path) for artwork_id, path in catalogued if path not in self.rows]
        vanished = [artwork_id for artwork_id, path in unseen if self._gone(root, path)]
        if 2 * len(vanished) > len(catalogued) and not most_too:
            self.summary.remarks.append(
                f"{len(vanished)} of the {len(catalogued)} images that this folder had are gone. Is its disk "
                f"mounted? Their artworks are left as they are. If they are really gone, add "
                f"`--allow-missing`."
            )
            return
        with self.catalog.write() as session:
            mark_missing(session, vanished)
        self.summary.vanished = len(vanished)

    def _gone(self, root: str, path: str) -> bool:
        """Return whether an artwork's image is no longer where the catalog has it.

        Where this workspace knows no folder of the root (a colleague's, or one that an ingest beside this
        one has just added) nobody can look, and nothing is gone.
        """
        if root not in self.roots or self.workspace.settings.root_urls.get(root) == LISTED:
            return False
        folder = self.folders.setdefault(root, ImageFolder(self.roots[root], root in self.linked))
        file = folder.find(path)
        if isinstance(file, FoundFile):
            return bool(file.how)
        return isinstance(file, NotFound) and file.reason == "missing"


def _needs_no_reading(artwork: CatalogArtwork | None, file: FoundFile) -> bool:
    """Return whether an image needs no reading.

    What was refused is read again: its rights, a library, or this program may have changed since. But not
    what killed its decoder's process.
    """
    if artwork is None or (artwork.bytes, artwork.mtime_ns) != (file.bytes, file.mtime_ns):
        return False
    return artwork.status in ("ok", "unusable") or artwork.reason == "kills_decoder"


def _settled(artwork: CatalogArtwork, image: ImageState | None) -> bool:
    """Return whether an image is as the catalog has it."""
    if image is None:
        return True
    if image.bytes is None:
        as_before = (image.status, image.reason) == (artwork.status, artwork.reason)
        return as_before or image.status == "unverified"
    return False


def _words(label: Spelling) -> str:
    return label if isinstance(label, str) else " | ".join(label)


def _batches(records: Iterable[Record | Refused], size: int) -> Iterator[list[Record | Refused]]:
    records = iter(records)
    while batch := list(islice(records, size)):
        yield batch
