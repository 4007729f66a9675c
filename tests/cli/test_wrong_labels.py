"""`train`, `status`, `push`, `report` and `issues` tell one number of wrong labels, and in the same words."""

from __future__ import annotations

import io
import json
import re
import shutil
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sqlalchemy import select

from curate.cli import main
from curate.wrong_labels import STORED, estimate_wrong_labels, tell_wrong_labels
from db.classes.classes import find_attribute, resolve_classes
from db.models import Batch, EffectiveLabel, Prediction, RunAttribute, Verdict
from db.reviews.answering.answers import Decision
from db.reviews.answering.recording import decide
from db.runs.runs import find_run
from db.workspace.workspace import open_workspace
from tests.conftest import Curate

pytestmark = pytest.mark.slow

COUNT, CLASSES = 120, ("Baroque", "Cubism", "Realism")
QUICK = ("--folds", "2", "--epochs", "12", "--min-class-count", "4", "--ensemble", "1", "--device", "cpu")
TOLD = re.compile(r"labels not reviewed: (about .*?(?:50 are needed|measured by \d+ audits?))", re.IGNORECASE)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, Any]]:
    """A workspace of 120 tiny images, twelve of them with a wrong style; what `train` says, also as JSON.

    The JSON is of a second run on the same labels, so that both are of one state.
    """
    rng = np.random.default_rng(0)
    styles = rng.integers(len(CLASSES), size=COUNT)
    vectors = rng.normal(size=(COUNT, 16)).astype(np.float32)
    vectors[np.arange(COUNT), styles] += 6
    tmp_path = tmp_path_factory.mktemp("gallery")
    names = [f"{number:03}.png" for number in range(COUNT)]
    for name in names:
        Image.fromarray(rng.integers(256, size=(40, 40, 3), dtype=np.uint8)).save(tmp_path / name)
    given = np.where(np.arange(COUNT) % 10 == 0, (styles + 1) % len(CLASSES), styles)
    table = pd.DataFrame({"filepath": names, "style": [CLASSES[i] for i in given]})
    table.to_csv(tmp_path / "labels.csv", index=False)
    np.savez(tmp_path / "dino.npz", filepaths=np.array(names), embeddings=vectors)
    probs = np.full((COUNT, len(CLASSES)), 0.05)
    probs[np.arange(COUNT), styles] = 0.9
    np.savez(tmp_path / "other.npz", filepaths=np.array(names), classes=np.array(CLASSES), pred_probs=probs)
    folder = tmp_path / "ws"
    run("init", folder)
    run("-w", folder, "ingest", tmp_path / "labels.csv")
    train = ("-w", folder, "train", "--embeddings", tmp_path / "dino.npz", *QUICK)
    return folder, run(*train), json.loads(run(*train, "--json"))


def run(*arguments: object) -> str:
    """Run ``curate ARGUMENTS`` where the fixture ``curate`` is not at hand; return its stdout."""
    printed = io.StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        main([str(argument) for argument in arguments])
    return printed.getvalue()


@pytest.fixture
def trained(gallery: tuple[Path, str, dict[str, Any]], tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A copy of the workspace, and what `train --json` said."""
    folder, _, summary = gallery
    return Path(shutil.copytree(folder, tmp_path / "ws")), summary


def told(curate: Curate, folder: Path, out: Path) -> dict[str, str]:
    """Return what each command tells of wrong labels, in its own words; `push` only plans."""
    texts = {
        "status": curate("-w", folder, "status").stdout,
        "push": curate("-w", folder, "push", "--dry-run").stdout,
        "issues": curate("-w", folder, "issues").stderr,
    }
    assert curate("-w", folder, "report", "--out", out / "r.html").status == 0
    texts["report"] = (out / "r.html").read_text(encoding="utf-8")
    found = {name: set(TOLD.findall(text)) for name, text in texts.items()}
    assert all(len(sentences) == 1 for sentences in found.values()), found
    return {name: sentences.pop() for name, sentences in found.items()}


def counted(curate: Curate, folder: Path, out: Path) -> dict[str, dict[str, Any]]:
    """Return the same for scripts."""
    assert curate("-w", folder, "report", "--format", "json", "--out", out / "r.json").status == 0
    status = curate("-w", folder, "status", "--json").json()
    assert status["errors_left"] == status["expected_wrong"]
    return {
        "status": status["expected_wrong"],
        "push": curate("-w", folder, "push", "--dry-run", "--json").json()["expected_wrong"],
        "report": json.loads((out / "r.json").read_text(encoding="utf-8"))["expected_wrong"],
    }


def judge(folder: Path, rows: range, purpose: str) -> None:
    """Answer a batch about some artworks as reviewers would: every tenth label is wrong."""
    with open_workspace(folder).open_catalog() as catalog, catalog.write() as session:
        batch = Batch(run_id=2, server="local", budget=len(rows), expected_yield=1.0, sent=True)
        session.add(batch)
        session.flush()
        style = find_attribute(session, "style")
        class_ids = list(resolve_classes(session, style, CLASSES, "test").values())
        for row in rows:
            given = session.get_one(EffectiveLabel, (row + 1, style.id)).class_id
            right = class_ids[class_ids.index(given) - 1]
            answer = Decision(style.id, "confirmed") if row % 10 else Decision(style.id, "corrected", right)
            decide(session, row + 1, [answer], user="ann", annotation_id=f"{purpose}-{row}")
        for verdict in session.scalars(select(Verdict).where(Verdict.batch_id.is_(None))):
            verdict.batch_id, verdict.purpose = batch.id, purpose


def test_one_number_everywhere_and_only_labels_are_flagged(
    gallery: tuple[Path, str, dict[str, Any]],
    trained: tuple[Path, dict[str, Any]],
    curate: Curate,
    tmp_path: Path,
) -> None:
    folder, summary = trained
    expected = summary["expected_wrong"]

    sentences, numbers = told(curate, folder, tmp_path), counted(curate, folder, tmp_path)

    low, value, high = (round(expected[end]) for end in ("low", "value", "high"))
    sentence = f"about {value} wrong labels ({low} to {high}), assumed: 0 audits, 50 are needed"
    assert TOLD.findall(gallery[1]) == [sentence]
    assert sentences == dict.fromkeys(sentences, sentence)
    assert numbers == dict.fromkeys(numbers, expected)
    assert 6 <= expected["value"] <= 18
    assert summary["metrics"]["style"][STORED] == {
        key: expected[key] for key in ("value", "low", "high", "assumed")
    }
    too_small = curate("-w", folder, "issues", "--kind", "property", "--limit", "500", "--json").lines()
    flagged = curate("-w", folder, "issues", "--limit", "500", "--json").lines()
    assert len(too_small) == COUNT
    assert summary["issues"] == len(flagged) < COUNT
    assert sentence in curate("-w", folder, "push", "--to", "csv", "--output", tmp_path / "s.csv").stdout


def test_what_reviewers_judged_since_the_run_is_no_longer_left(
    trained: tuple[Path, dict[str, Any]], curate: Curate, tmp_path: Path
) -> None:
    folder, summary = trained
    judge(folder, range(30), "review")

    left = counted(curate, folder, tmp_path)

    with open_workspace(folder).open_catalog() as catalog, catalog.read() as session:
        scores = session.scalars(
            select(Prediction.score).where(Prediction.run_id == 2, Prediction.artwork_id > 30)
        ).all()
    assert left == dict.fromkeys(left, left["status"])
    assert left["status"]["value"] == pytest.approx(sum(1 - score for score in scores if score is not None))
    before = summary["expected_wrong"]
    assert left["status"]["low"] / before["low"] == pytest.approx(left["status"]["value"] / before["value"])
    assert len(set(told(curate, folder, tmp_path).values())) == 1


def test_fifty_audits_measure_it_and_the_next_run_tells_so(
    gallery: tuple[Path, str, dict[str, Any]],
    trained: tuple[Path, dict[str, Any]],
    curate: Curate,
    tmp_path: Path,
) -> None:
    folder, _ = trained
    predictions = gallery[0].parent / "other.npz"
    judge(folder, range(49), "audit")
    assert all("assumed: 49 audits" in said for said in told(curate, folder, tmp_path).values())
    judge(folder, range(49, 60), "audit")

    sentences, numbers = told(curate, folder, tmp_path), counted(curate, folder, tmp_path)

    assert len(set(sentences.values())) == 1
    assert "measured by 60 audits" in sentences["status"]
    assert not numbers["status"]["assumed"]
    assert numbers["status"]["low"] <= 6 <= numbers["status"]["high"]
    other = curate("-w", folder, "import-predictions", predictions, "--out-of-sample", "fold")
    assert TOLD.findall(other.stdout) == [told(curate, folder, tmp_path)["status"]]
    assert "measured by 60 audits" in other.stdout


def test_a_run_that_was_stored_without_an_estimate_has_one_by_its_scores(
    trained: tuple[Path, dict[str, Any]], curate: Curate, tmp_path: Path
) -> None:
    folder, _ = trained
    with open_workspace(folder).open_catalog() as catalog:
        with catalog.write() as session:
            for row in session.scalars(select(RunAttribute)):
                row.metrics = {name: value for name, value in row.metrics.items() if name != STORED}
        with catalog.read() as session:
            estimate = estimate_wrong_labels(session, find_run(session, 2, "status"))

    assert estimate.assumed
    assert 0 < estimate.low < estimate.value < estimate.high
    assert tell_wrong_labels(estimate).endswith(told(curate, folder, tmp_path)["report"])
