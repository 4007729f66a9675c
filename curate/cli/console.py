"""What is printed reaches any console: those that know few characters (code pages, latin-1, ``LC_ALL=C``),
and those that a text of a file, a name or a comment could steer.
"""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

PLAIN = {"→": "->", "…": "...", "–": "-", "—": "-", "×": "x", "≥": ">=", "≤": "<=", "≈": "about "}
"""How our own signs are written where a console lacks them; any other character as its number."""

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
TURNS = {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029)}
"""Characters that turn the direction of what follows, or end a line: a label would read as another."""

ESCAPED = {**CONTROLS, **TURNS}
ESCAPED_IN_JSON = {code: f"\\u{code:04x}" for code in ESCAPED}
"""The same as JSON spells them, so that they are read back as what they were."""

HANDLER = "curate-plain"


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    plain = "".join(PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in lacking)
    return plain, error.end


def print_anywhere() -> None:
    """Let stdout and stderr write in plain characters what their encoding lacks, instead of failing."""
    codecs.register_error(HANDLER, _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if codecs.lookup(stream.encoding or "ascii").name == "ascii":
                stream.reconfigure(
                    encoding="utf-8"
                )  # as Click does: an unset locale says nothing of the terminal
            stream.reconfigure(errors=HANDLER)


def knows_all_characters() -> bool:
    """Return whether stdout takes every character as it is."""
    return "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()


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
    """Let this process print plain text only; help keeps its colours, since it holds no text but ours."""
    asks_help = not arguments or arguments[-1] in groups or {"--help", "-h"} & set(arguments)
    before = sys.stdout
    if not asks_help and before is not None:
        sys.stdout = PlainStream(before)
    try:
        yield
    finally:
        sys.stdout = before
