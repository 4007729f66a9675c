"""Check many images on all cores, in order, in processes that end when their parent does."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType

from curate.ingest.images.decoding import check_file
from curate.ingest.images.workers import WorkerDied, Workers
from curate.ingest.places.files import FoundFile
from db.images.state import ImageState
from db.workspace.system import cores

INLINE = 48
"""Up to this many images are checked in this process: starting others takes longer."""

CHUNK = 24
"""Images in one message to a process: enough to hide its cost, few enough to share out evenly."""


class Checker:
    """Checks images in the background; give it lists of files, take the states back in the same order."""

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or cores()
        self._pool: Workers | None = None

    def __enter__(self) -> Checker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def submit(self, files: Sequence[FoundFile]) -> Checks:
        """Begin to check some files."""
        if self._pool is None and len(files) <= INLINE:
            return Checks(files, [])
        return Checks(files, [self._begin(part) for part in _parts(files)])

    def _begin(self, files: Sequence[FoundFile]) -> Future[list[ImageState]]:
        self._pool = self._pool or Workers(self._processes)
        return self._pool.submit(files)

    def _stop(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool = None


class Checks:
    """Images that are being checked."""

    def __init__(self, files: Sequence[FoundFile], futures: list[Future[list[ImageState]]]) -> None:
        self._files, self._futures = files, futures

    def done(self) -> bool:
        """Return whether ``result`` would not have to wait for other processes."""
        return all(future.done() for future in self._futures)

    def result(self) -> list[ImageState]:
        """Return the states, waiting for them."""
        if not self._futures:
            return check_files(self._files)
        states = []
        for part, future in zip(_parts(self._files), self._futures, strict=True):
            try:
                states += future.result()
            except WorkerDied:
                states += _one_by_one(part)
        return states


def _parts(files: Sequence[FoundFile]) -> list[Sequence[FoundFile]]:
    return [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]


def check_files(files: Sequence[FoundFile]) -> list[ImageState]:
    """Check some files, one after the other."""
    return [check_file(file.file, file.bytes, file.mtime_ns) for file in files]


def _one_by_one(files: Sequence[FoundFile]) -> list[ImageState]:
    """Check files that a process died of: the one that kills its process again is refused."""
    states, alone = [], Workers(1)
    try:
        for file in files:
            try:
                states += alone.submit([file]).result()
            except WorkerDied:
                states.append(
                    ImageState("refused", "kills_decoder", bytes=file.bytes, mtime_ns=file.mtime_ns)
                )
    finally:
        alone.stop()
    return states
