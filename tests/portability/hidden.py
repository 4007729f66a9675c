"""Take away from this process what macOS or Windows lacks, for the project's own code.

The standard library and other people's packages keep what they need to work on the system that this is. What
goes is asked for by our code, or decides what our code does: see ``GONE`` and ``MODULES``.
"""

from __future__ import annotations

import builtins
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

PROJECT = Path(__file__).resolve().parents[2]
OURS = tuple(str(PROJECT / name) + os.sep for name in ("curate", "db", "model", "review"))

GONE = (
    "sched_getaffinity",
    "killpg",
    "fork",
    "forkpty",
    "setsid",
    "getuid",
    "geteuid",
    "chown",
    "mkfifo",
    "nice",
)
"""Functions of ``os`` that Windows, or macOS, does not have."""

CONSOLE = "cp1252"
"""The encoding of a console, and of what a process writes into a pipe."""

FAILING = ("symlink", "link")
"""Functions that are there, and that most users of Windows, or an exFAT disk, may not use."""

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "pty")
"""Modules that Windows does not have."""


def asked_by_us(frame: FrameType | None) -> bool:
    """Return whether the nearest caller outside the standard library is the project's own code, no test."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(OURS):
            return True
        if not name.startswith((sys.base_prefix, "<frozen")) or "site-packages" in name:
            return False
        frame = frame.f_back
    return False


def hide() -> None:
    """Do it; processes that this one starts do it by the ``sitecustomize`` beside this file."""
    multiprocessing.set_start_method("spawn", force=True)
    _hide_functions()
    _hide_modules()
    site = str(Path(__file__).parent / "site")
    inherited = os.environ.get("PYTHONPATH", "")
    if site not in inherited.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (site, inherited)))
    os.environ["PYTHONIOENCODING"] = CONSOLE
    os.environ.setdefault("USERNAME", "ada")  # as Windows always has it
    _read_as_windows()


def _hide_functions() -> None:
    for name in FAILING:
        setattr(os, name, _refusing(getattr(os, name)))
    os.__class__ = _ModuleWithout


class _ModuleWithout(type(os)):  # type: ignore[misc]
    """The module ``os``, which has less for our code than for others'."""

    def __getattribute__(self, name: str) -> Any:
        if name in GONE and asked_by_us(sys._getframe(1)):
            raise AttributeError(f"module 'os' has no attribute {name!r} (hidden by the portability run)")
        return super().__getattribute__(name)


def _refusing(real: Any) -> Any:
    def refuse(*arguments: Any, **options: Any) -> Any:
        if asked_by_us(sys._getframe(1)):
            _not_held()
        return real(*arguments, **options)

    return refuse


def _not_held() -> NoReturn:
    raise OSError(22, "A required privilege is not held by the client (hidden by the portability run)")


def _read_as_windows() -> None:
    """Decode what a process printed as Windows would, where nothing else is said."""
    real = subprocess.Popen.__init__

    def begin(self: Any, *arguments: Any, **options: Any) -> None:
        if (options.get("text") or options.get("universal_newlines")) and not options.get("encoding"):
            options["encoding"] = CONSOLE
        real(self, *arguments, **options)

    subprocess.Popen.__init__ = begin  # type: ignore[method-assign]


def _hide_modules() -> None:
    real = builtins.__import__

    def importing(name: str, *arguments: Any, **options: Any) -> Any:
        if name.partition(".")[0] in MODULES and sys._getframe(1).f_code.co_filename.startswith(OURS):
            raise ModuleNotFoundError(f"No module named {name!r} (hidden by the portability run)", name=name)
        return real(name, *arguments, **options)

    builtins.__import__ = importing
