"""What is printed on consoles that know few characters: Windows' code pages, latin-1, ``LC_ALL=C``."""

from __future__ import annotations

import codecs
import io
import sys

PLAIN = {"→": "->", "…": "...", "–": "-", "—": "-", "×": "x", "≥": ">=", "≤": "<=", "≈": "about "}
"""How our own signs are written where a console lacks them; any other character as its number."""

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
            stream.reconfigure(errors=HANDLER)


def knows_all_characters() -> bool:
    """Return whether stdout takes every character as it is."""
    return "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
