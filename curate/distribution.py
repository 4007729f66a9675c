"""Under which name this is installed, and who else's package would lie in the same folder."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from curate.errors import StrangersPackage

DISTRIBUTION = "curate-labels"
"""What ``pip`` knows us by. ``curate`` on the package index is another project's: utilities for CKAN."""

OURS = "Find and fix the wrong labels in a collection of artwork images."
"""The summary of our metadata: an install of ours from before the name was changed has it too."""


def refuse_stranger() -> None:
    """Stop where the other project's ``curate`` is installed: its files and ours lie in one folder.

    Raises:
        StrangersPackage: It is.
    """
    try:
        other = distribution("curate")
    except PackageNotFoundError:
        return
    summary = other.metadata["Summary"]
    if summary != OURS:
        raise StrangersPackage(other.version, summary or "no summary", DISTRIBUTION)
