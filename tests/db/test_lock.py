"""The versions that we pin are none of those known to be bad."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def audit(lock: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "audit.py"), str(lock)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_bad_versions_are_named_and_others_are_not(tmp_path: Path) -> None:
    lock = tmp_path / "constraints.txt"
    lock.write_text("torch==2.5.1\nlightning==2.6.3\npillow==12.0.0  # fine\n-e .\nnot a line\n")

    done = audit(lock)

    assert done.returncode == 1
    assert "error: lightning 2.6.3: malicious release\n" in done.stderr
    assert "error: torch 2.5.1: CVE-2025-32434: weights_only runs code\n" in done.stderr
    assert "pillow" not in done.stderr
    assert done.stdout.startswith("3 pinned packages looked at with ")


def test_what_we_pin_is_not_among_them() -> None:
    done = audit(ROOT / "constraints.txt")

    assert done.returncode == 0, done.stderr
