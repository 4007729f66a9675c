"""``Workspace.browse()`` in a notebook: the App under the cell, and its session to go on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fiftyone.conftest import Gallery

pytestmark = [pytest.mark.services, pytest.mark.slow]

EXECUTE = """
import sys, nbclient, nbformat
book = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(book, timeout=500, iopub_timeout=120, kernel_name="python3").execute()
nbformat.write(book, sys.argv[2])
"""


def test_browse_returns_the_session_which_a_notebook_shows(gallery: Gallery, tmp_path: Path) -> None:
    from nbformat.v4 import new_code_cell, new_notebook

    gallery.add_run()
    cells = [
        f"import curate\nworkspace = curate.open({str(gallery.workspace.folder)!r}, progress=False)\n"
        "session = workspace.browse()",
        "import fiftyone\nassert isinstance(session, fiftyone.Session)\n"
        "print(session.dataset.name, len(session.dataset), session.url)",
        "session.view = session.dataset[:3]\nprint(len(session.view))\nsession.close()",
    ]
    book = new_notebook(cells=[new_code_cell(source) for source in cells])  # type: ignore[no-untyped-call]
    (tmp_path / "in.ipynb").write_text(json.dumps(book), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, tmp_path / "in.ipynb", tmp_path / "out.ipynb"],
        # FiftyOne leaves its children word that this process, with earlier tests in it, is no notebook.
        env={name: value for name, value in os.environ.items() if name != "FIFTYONE_CONTEXT"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    shown, told, viewed = json.loads((tmp_path / "out.ipynb").read_text(encoding="utf-8"))["cells"]
    name, count, url = printed(told).split()
    assert name.startswith("curate-") and int(count) == len(gallery.ids)
    assert url.startswith("http://127.0.0.1:"), "on this machine only"
    assert printed(viewed) == "3\n"
    assert any("iframe" in "".join(one.get("data", {}).get("text/html", "")) for one in shown["outputs"]), (
        shown
    )


def printed(cell: dict[str, list[dict[str, str]]]) -> str:
    """Return what a cell printed."""
    return "".join("".join(one["text"]) for one in cell["outputs"] if one.get("name") == "stdout")
