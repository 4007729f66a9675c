"""Errors that a reader of reports can fix.

::

    CurateError
    ├── NoChromium    a PDF was asked for, and no Chromium is on this machine
    └── PdfFailed     Chromium is there, and wrote no PDF
"""

from __future__ import annotations

from collections.abc import Sequence

from db.errors import CurateError


class NoChromium(CurateError):
    """A PDF needs Chromium."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"A PDF needs Chromium or Chrome, and none of {', '.join(names)} is on the PATH. Install one, "
            f"name it in CURATE_CHROMIUM, or write the page with `--format html` and print it yourself."
        )


class PdfFailed(CurateError):
    """Chromium wrote no PDF."""

    def __init__(self, program: str, said: str) -> None:
        super().__init__(
            f"{program} wrote no PDF: {said}. Write the page with `--format html` and print it yourself."
        )
