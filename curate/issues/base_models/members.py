"""Who shares a value: asked for many artworks, each answered without looking at all of them."""

from __future__ import annotations

import numpy as np

from curate.issues.columns import Ints


class Members:
    """The rows of each value, sorted once.

    Args:
        values: Any integers, shape ``(N,)``.
    """

    def __init__(self, values: Ints) -> None:
        self._order = np.argsort(values, kind="stable")
        self._sorted = values[self._order]

    def of(self, value: int) -> Ints:
        """Return the rows that have a value, ascending."""
        start, end = np.searchsorted(self._sorted, [value, value + 1])
        rows: Ints = self._order[start:end]
        return rows
