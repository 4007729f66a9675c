"""The most anonymous memory that this process holds while a block runs: what the kernel can't drop."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread
from types import TracebackType


class PeakMemory:
    """Watches this process's anonymous memory from a thread; ``bytes`` is the most that it saw."""

    def __init__(self) -> None:
        self.bytes = 0
        self._stop = Event()
        self._watcher = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._watcher.join()
        self._look()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self._look()

    def _look(self) -> None:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                self.bytes = max(self.bytes, int(line.split()[1]) * 1024)
