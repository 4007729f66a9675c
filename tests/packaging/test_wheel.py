"""The wheel of a clean clone, in an environment of its own, from ``doctor`` to ``report`` on drawn images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DRAW = """
import sys
from pathlib import Path
from curate.demo.gallery import draw_gallery, plant_errors, write_listing

folder = Path(sys.argv[1])
write_listing(plant_errors(draw_gallery(folder, 60, seed=3), 0.1, seed=3), folder / "labels.csv")
"""

pytestmark = pytest.mark.slow


def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program outside the checkout, as a user would."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))
    }
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, cwd=cwd, env=environment, timeout=600
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clean clone builds."""
    folder = tmp_path_factory.mktemp("wheel")
    cloned = run("git", "clone", "--quiet", PROJECT, folder / "clone")
    if cloned.returncode != 0:
        pytest.skip(f"no clone of this checkout: {cloned.stderr}")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    built = run(*pip, "--wheel-dir", folder / "dist", folder / "clone", cwd=folder)
    assert built.returncode == 0, built.stderr
    (found,) = (folder / "dist").glob("*.whl")
    return found


def test_it_holds_every_file_that_is_no_module(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        metadata = archive.read(next(name for name in held if name.endswith("METADATA"))).decode()

    assert wheel.name.startswith("curate_labels-")
    assert metadata.splitlines()[1] == "Name: curate-labels"
    tracked = run("git", "-C", PROJECT, "ls-files", "curate", "db", "model", "review").stdout.split()
    assert sorted(path for path in tracked if path not in held) == []


def test_it_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """Other packages are this environment's, lent by a ``.pth``: they are 7 GB."""
    made = run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env")
    assert made.returncode == 0, made.stderr
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    installed = run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    assert installed.returncode == 0, installed.stderr
    own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    (Path(own) / "lent.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    images, at = tmp_path / "images", ["-w", tmp_path / "ws"]
    images.mkdir()

    def curate(*words: object) -> str:
        done = run(scripts / "curate", *words, cwd=tmp_path)
        assert done.returncode == 0, f"curate {words}: {done.stderr}"
        return done.stdout

    assert run(python, "-c", "import curate; print(curate.__file__)", cwd=tmp_path).stdout.startswith(own)
    assert run(python, "-c", DRAW, images, cwd=tmp_path).returncode == 0
    assert curate("--version").startswith("curate ")
    looked = run(scripts / "curate", "doctor", cwd=tmp_path).stdout.splitlines()
    assert {line.split()[1] for line in looked if line.startswith("ok")} >= {
        "Python",
        "torch",
        "weights",
        "disk",
    }
    curate("init", tmp_path / "ws")
    assert json.loads(curate(*at, "ingest", images / "labels.csv", "--json"))["added"] == 60
    small = ["--backbone", "efficientnet_lite0", "--image-size", "32", "--epochs", "2", "--folds", "2"]
    trained = json.loads(curate(*at, "train", *small, "--min-class-count", "2", "--json"))
    assert trained["metrics"]["style"]["n"] == 60
    assert len(curate(*at, "issues", "--all", "--json").splitlines()) > 60
    written = json.loads(curate(*at, "report", "--json"))["report"]
    assert "<svg" in Path(written).read_text(encoding="utf-8")
