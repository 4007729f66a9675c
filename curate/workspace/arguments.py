"""What the arguments of a workspace's verbs may be: Typer's part, for users of Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

from curate.errors import InvalidInput


def require_one_of(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Refuse a word that is not one of those allowed.

    Raises:
        InvalidInput: It is not.

    Example:
        >>> require_one_of("format", "doc", ("html", "pdf"))
        Traceback (most recent call last):
        curate.errors.InvalidInput: format is 'doc', expected one of html, pdf.
    """
    if value not in allowed:
        raise InvalidInput(f"{name} is {value!r}, expected one of {', '.join(allowed)}.")


def require_number(name: str, value: Any, low: float, high: float | None = None) -> None:
    """Refuse what is not a number, or out of its range.

    Raises:
        InvalidInput: It is.

    Example:
        >>> require_number("audit", 2, 0, 1)
        Traceback (most recent call last):
        curate.errors.InvalidInput: audit is 2, expected 0 to 1.
    """
    if isinstance(value, bool | str) or not isinstance(value, SupportsFloat) or not _within(value, low, high):
        wanted = f"at least {low}" if high is None else f"{low} to {high}"
        raise InvalidInput(f"{name} is {value!r}, expected {wanted}.")


def _within(value: SupportsFloat, low: float, high: float | None) -> bool:
    number = float(value)
    return low <= number and (high is None or number <= high)
