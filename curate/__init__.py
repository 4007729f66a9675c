"""Find and fix the wrong labels in a collection of artwork images.

From arrays: :func:`find_issues`. From a workspace on disk: :func:`open` and :func:`init`. What is imported
here costs nothing until it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from curate.lazy import lazy_names

if TYPE_CHECKING:
    from curate.arrays.find import find_issues
    from curate.arrays.found import Issues
    from curate.workspace import Workspace, init, open

__version__ = "0.1.0"

__all__ = ["Issues", "Workspace", "__version__", "find_issues", "init", "open"]

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait by spinning starve a shared machine

__getattr__ = lazy_names(
    __name__,
    {
        "arrays.find": ("find_issues",),
        "arrays.found": ("Issues",),
        "workspace": ("Workspace", "init", "open"),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
