"""The examples of README.md, docs/python.md and docs/models.md are run as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curate.demo.gallery import draw_gallery, plant_errors, write_listing

ROOT = Path(__file__).resolve().parents[2]


def examples(page: str) -> list[str]:
    """Return the Python blocks of a page, in order."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.S | re.M)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder as the pages suppose it: pictures, their labels, a model's probabilities and embeddings."""
    true = draw_gallery(tmp_path, 90, seed=6)
    write_listing(plant_errors(true, 0.1, seed=6), tmp_path / "labels.csv")
    styles = sorted({record.labels["style"] for record in true})
    codes = np.array([styles.index(record.labels["style"]) for record in true])
    logits = np.random.default_rng(0).normal(size=(90, len(styles))) + 4 * np.eye(len(styles))[codes]
    weights = np.exp(logits)
    probs = weights / weights.sum(axis=1, keepdims=True)
    pd.DataFrame(probs, columns=styles).to_parquet(tmp_path / "probabilities.parquet")
    np.save(tmp_path / "embeddings.npy", np.hstack([logits, np.random.default_rng(1).normal(size=(90, 8))]))
    return tmp_path


def typed(code: str) -> list[str]:
    """Return the lines that are not blank."""
    return [line for line in code.splitlines() if line.strip()]


def run(code: str, place: Path) -> str:
    """Run a script in a folder, in a process of its own; return what it printed."""
    environment = os.environ | {"BROWSER": "true %s", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_readme_five_lines_from_arrays_to_a_table(place: Path) -> None:
    first, _ = examples("README.md")

    printed = run(first, place)

    assert len(typed(first)) == 5
    assert "probability_wrong" in printed


@pytest.mark.services
def test_readme_two_more_lines_to_fiftyone(place: Path) -> None:
    first, second = examples("README.md")

    run(first + second + "\nassert fiftyone.load_dataset('label-issues').count() == 90", place)

    assert len(typed(second)) == 2


@pytest.mark.slow
def test_python_page(place: Path) -> None:
    """All of it but the App, in order, as somebody would who reads it."""
    blocks = [block for block in examples("docs/python.md") if "launch_app" not in block]

    printed = run("\n".join(blocks), place)

    assert re.search(r"about \d+ wrong styles, between \d+ and \d+", printed)
    assert "have 3 classes, and pred_probs have 2 columns" in printed
    assert "Next" in printed or "curate" in printed
    assert (place / "curated.csv").is_file() and (place / "yield.png").is_file()


@pytest.mark.slow
def test_models_page(place: Path) -> None:
    """With random weights and the first twelve pictures: what is tested is that the snippets fit together."""
    code = "\n".join(examples("docs/models.md")).replace("pretrained=True", "pretrained=False")
    labels = pd.read_csv(place / "labels.csv")[:12]
    labels["style"] = ["Cubism", "Realism"] * 6
    labels[["filepath", "style"]].to_csv(place / "labels.csv", index=False)
    checks = (
        "assert siglip.shape == (12, 768) and convnext.shape == (12, 768)\n"
        "assert grids.shape == (8, 2, 2, 768)\n"
        "assert len(issues.to_frame()) == 12\n"
        "from pathlib import Path\n"
        "from curate.predictions.files import read_embeddings_file\n"
        "assert read_embeddings_file(Path('dino.npz')).vectors.shape == (12, 384)\n"
        "assert read_embeddings_file(Path('grids.npz')).vectors.shape == (8, 4, 768)\n"
    )

    run(f"{code}\n{checks}", place)
