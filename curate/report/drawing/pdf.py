"""A page as PDF, printed by a headless Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from curate.report.errors import NoChromium, PdfFailed
from db.workspace.outputs import whole_file

PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
PLACES = (
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
SECONDS = 180


def find_chromium() -> str:
    """Return the browser that prints.

    Raises:
        NoChromium: There is none.
    """
    named = os.environ.get("CURATE_CHROMIUM")
    programs = [path for name in ([named] if named else PROGRAMS) if (path := shutil.which(name))]
    programs += [str(place) for place in PLACES if not named and place.exists()]
    if not programs:
        raise NoChromium([named] if named else PROGRAMS)
    return programs[0]


def print_pdf(html: str, out: Path) -> None:
    """Print a page as PDF in one step: the file is there whole, or not at all.

    Raises:
        NoChromium: No browser is there to print it.
        PdfFailed: The browser wrote nothing; the message ends with its last words.
    """
    program = find_chromium()
    with tempfile.TemporaryDirectory(prefix="curate-pdf-") as folder:
        page, printed = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_text(html, encoding="utf-8")
        command = [
            program,
            "--headless=new",
            "--disable-gpu",
            "--disable-background-networking",
            f"--user-data-dir={folder}/profile",
            "--no-pdf-header-footer",
            f"--print-to-pdf={printed}",
            page.as_uri(),
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PdfFailed(program, f"it took over {SECONDS} s") from error
        if not printed.is_file():
            words = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
            raise PdfFailed(program, words[-1])
        with whole_file(out) as file:
            shutil.copyfile(printed, file)
