"""`make docs`: the pages and the reference become a site; a broken link or a missing name is an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    reference = (tmp_path / "reference" / "index.html").read_text(encoding="utf-8")
    for name in ("find_issues", "Issues.to_frame", "Workspace.import_predictions", "Workspace.train"):
        assert f'id="curate.{home(name)}.{name}"' in reference


def home(name: str) -> str:
    """Return the module that a name of the reference is from, without ``curate``."""
    return {"find_issues": "arrays.find", "Issues": "arrays.found"}.get(name.split(".")[0], "workspace")
