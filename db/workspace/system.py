"""What Linux, macOS and Windows do each in their own way, in one place.

Everything else is written for all three: files are opened as UTF-8, replaced in one step, and closed before
they are moved; processes are started by ``subprocess`` or ``spawn``; locks are ``filelock``'s.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from typing import Any


def cores() -> int:
    """Return how many cores this process may use, where the system tells, else how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def slashed(path: str) -> str:
    """Return a path of this system with ``/`` between its parts, as the catalog keeps them."""
    return path if os.sep == "/" else path.replace(os.sep, "/")


def user_name() -> str:
    """Return who is at this machine: ``CURATE_USER``, else as the system calls them."""
    try:
        return os.environ.get("CURATE_USER") or getpass.getuser()
    except (ImportError, KeyError, OSError):  # a user without a name, as in some containers
        return "unknown"


def apart() -> dict[str, Any]:
    """Return what ``subprocess.Popen`` needs, so that Ctrl-C in this terminal does not reach the child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end_tree(pid: int, seconds: float = 10) -> None:
    """End a process and all that it started: asked first, killed after this many seconds."""
    import psutil

    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in family:
            try:
                end(process)
            except psutil.NoSuchProcess:
                continue
        _, family = psutil.wait_procs(family, timeout=seconds)
        if not family:
            return


DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)


def refused_by_windows(path: str) -> str | None:
    """Return why Windows cannot have a file of this name, or takes it for a stream or a device.

    Example:
        >>> refused_by_windows("Monet/sea?.jpg"), refused_by_windows("Monet/sea.jpg")
        ("has a name that Windows cannot have ('?')", None)
    """
    for name in path.replace("\\", "/").split("/"):
        sign = next((c for c in name if c in ':?*<>"|' or c < " "), None)
        if sign is None and name not in (".", "..") and name.endswith((".", " ")):
            sign = name[-1]
        if sign is not None:
            return f"has a name that Windows cannot have ({sign!r})"
        stem = name.partition(".")[0].rstrip()
        if stem.casefold() in DEVICES:
            return f"has a name that is a device on Windows ({stem!r})"
    return None
