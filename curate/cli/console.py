"""What is printed reaches any terminal: no text of a file, a name or a comment steers it, none breaks it."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
TURNS = {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029)}
"""Characters that turn the direction of what follows, or end a line: a label would read as another."""

ESCAPED = {**CONTROLS, **TURNS}
ESCAPED_IN_JSON = {code: f"\\u{code:04x}" for code in ESCAPED}
"""The same as JSON spells them, so that they are read back as what they were."""


def plain(text: str) -> str:
    r"""Return a text as a terminal may be given it.

    Example:
        >>> plain("red: \x1b[31m")
        'red: \\x1b[31m'
    """
    return text.translate(ESCAPED)


class PlainStream:
    """A stream that writes plain text, and is the stream it wraps in all else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, its controls escaped."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        return self._stream.write(plain(text))


@contextmanager
def plain_output(arguments: Sequence[str], groups: Sequence[str]) -> Iterator[None]:
    """Let this process print plain text only, in whatever encoding its streams have.

    What an encoding lacks is escaped. Help keeps its colours: it holds no text but ours.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        if codecs.lookup(getattr(stream, "encoding", None) or "ascii").name == "ascii":
            reconfigure(
                encoding="utf-8"
            )  # as Click does: a locale that is not set says nothing of the terminal
        reconfigure(errors="backslashreplace")
    asks_help = not arguments or arguments[-1] in groups or {"--help", "-h"} & set(arguments)
    before = sys.stdout
    if not asks_help and before is not None:
        sys.stdout = PlainStream(before)  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stdout = before


def speaks_unicode() -> bool:
    """Return whether standard output takes every character."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "") in ("utf8", "utf16", "utf32")
