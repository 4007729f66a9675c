"""Processes that check images, each fed by a thread of this one.

``multiprocessing`` would import the user's main module again in each process: a script without
``if __name__ == "__main__":`` would run again, and standard input cannot be. These processes begin at this
module instead, and end when their standard input does: with their parent, however it ends.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curate.ingest.places.files import FoundFile
    from db.images.state import ImageState

START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from curate.ingest.images.workers import serve; serve()"
)


class WorkerDied(Exception):
    """The process ended before it answered."""


class Workers:
    """Some processes; what is submitted is checked by whichever is free."""

    def __init__(self, processes: int) -> None:
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="check-images")
        self._own = threading.local()
        self._started: list[subprocess.Popen[bytes]] = []

    def submit(self, files: Sequence[FoundFile]) -> Future[list[ImageState]]:
        """Begin to check some files; the future raises ``WorkerDied`` where that killed its process."""
        return self._threads.submit(self._check, files)

    def stop(self) -> None:
        """Forget what has not begun, wait for what has, and end the processes."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._started:
            _end(process)

    def _check(self, files: Sequence[FoundFile]) -> list[ImageState]:
        process = self._process()
        assert process.stdin is not None and process.stdout is not None
        try:
            pickle.dump(files, process.stdin)
            process.stdin.flush()
            answer = pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self._own.process = None
            self._started.remove(process)
            _end(process)
            raise WorkerDied from error
        if isinstance(answer, BaseException):
            raise answer
        states: list[ImageState] = answer
        return states

    def _process(self) -> subprocess.Popen[bytes]:
        """Return this thread's process, started at its first use."""
        process: subprocess.Popen[bytes] | None = getattr(self._own, "process", None)
        if process is None:
            process = subprocess.Popen(
                [sys.executable, "-c", START], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert process.stdin is not None
            self._own.process = process
            self._started.append(process)
            try:
                pickle.dump([os.path.abspath(place) for place in sys.path], process.stdin)
            except OSError:  # it is gone already: the first question finds out
                pass
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:  # what it was still to be told
            continue
    process.wait()


def serve() -> None:
    """Answer in a process of its own until there are no more questions; Ctrl-C is for the parent."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from curate.ingest.images.checking import check_files

    questions = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints does not garble an answer
    while True:
        try:
            files = pickle.load(questions)
        except EOFError:
            return
        try:
            answer: object = check_files(files)
        except Exception as error:
            answer = error
        try:
            pickle.dump(answer, answers)
            answers.flush()
        except OSError:  # the parent is gone
            os._exit(1)
