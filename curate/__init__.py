"""Find and fix the wrong labels in a collection of artwork images.

From arrays: :func:`find_issues`. From a workspace on disk: :func:`open` and :func:`init`. What is imported
here costs nothing until it is used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.arrays.find import find_issues
    from curate.arrays.found import Issues
    from curate.workspace import Workspace, init, open

__version__ = "0.1.0"

__all__ = ["Issues", "Workspace", "__version__", "find_issues", "init", "open"]

_HOMES = {
    "find_issues": "curate.arrays.find",
    "Issues": "curate.arrays.found",
    "Workspace": "curate.workspace",
    "init": "curate.workspace",
    "open": "curate.workspace",
}
"""Where each name lives; it is imported when it is first asked for."""

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait by spinning starve a shared machine


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'curate' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
