from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from db.workspace.progress import Silent
from model.errors import NothingToLearn, RunDirectoryTaken
from model.training.train import RunResult, cross_validate
from tests.model.gallery import draw, folds_of, small

pytestmark = pytest.mark.slow


def run(folder: Path, name: str, count: int = 60, **changes: object) -> RunResult:
    examples, targets = draw(folder / "images", count)
    return cross_validate(
        examples,
        targets,
        folds_of(count, 3),
        small(**changes),
        cache_dir=folder / "cache",
        run_dir=folder / name,
        progress=Silent(),
    )


def test_colours_and_shapes_are_learned_out_of_fold(tmp_path: Path) -> None:
    result = run(tmp_path, "run", 90, epochs=12, lr=1e-2)

    assert result.metrics["style"]["accuracy"] > 0.9
    assert result.metrics["style"]["n"] == 90
    assert set(result.provenance) == {"fold"}
    for probabilities in result.pred_probs.values():
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(result.embedding, axis=1), 1, rtol=1e-5)


def test_same_seed_gives_the_same_numbers_and_another_seed_others(tmp_path: Path) -> None:
    first = run(tmp_path, "first")
    again = run(tmp_path, "again")
    other = run(tmp_path, "other", seed=1)

    for attribute in ("style", "genre"):
        np.testing.assert_array_equal(first.pred_probs[attribute], again.pred_probs[attribute])
        assert (first.pred_probs[attribute] != other.pred_probs[attribute]).any()
    np.testing.assert_array_equal(first.margins, again.margins)


def test_no_model_predicts_what_it_or_a_duplicate_taught_it(tmp_path: Path) -> None:
    """Change the labels of one fold: its predictions must stay bit for bit, the other folds' must change."""
    examples, targets = draw(tmp_path / "images", 60)
    folds = folds_of(60, 3)
    changed = [
        dataclasses.replace(target, labels=np.where(folds == 1, (target.labels + 1) % 3, target.labels))
        for target in targets
    ]
    results = [
        cross_validate(
            examples,
            labels,
            folds,
            small(),
            cache_dir=tmp_path / "cache",
            run_dir=tmp_path / name,
            progress=Silent(),
        )
        for name, labels in (("given", targets), ("changed", changed))
    ]

    before, after = (result.pred_probs["style"] for result in results)
    np.testing.assert_array_equal(before[folds == 1], after[folds == 1])
    assert (before[folds != 1] != after[folds != 1]).any(axis=1).all()


def test_what_is_in_no_fold_gets_the_mean_of_all_models(tmp_path: Path) -> None:
    examples, targets = draw(tmp_path / "images", 60)
    unlabelled = np.arange(60) >= 54
    targets = [
        dataclasses.replace(target, labels=np.where(unlabelled, -1, target.labels)) for target in targets
    ]
    folds = np.where(unlabelled, -1, folds_of(60, 3))

    result = cross_validate(
        examples,
        targets,
        folds,
        small(),
        cache_dir=tmp_path / "cache",
        run_dir=tmp_path / "run",
        progress=Silent(),
    )

    assert set(result.provenance[unlabelled]) == {"ensemble"}
    np.testing.assert_allclose(result.pred_probs["genre"][unlabelled].sum(axis=1), 1, rtol=1e-5)
    assert np.isnan(result.margins[:, unlabelled].astype(float)).all()
    assert not np.isnan(result.margins[:, ~unlabelled].astype(float)).any()


def test_a_fold_has_the_mean_of_its_networks(tmp_path: Path) -> None:
    one = run(tmp_path, "one", epochs=1)
    two = run(tmp_path, "two", epochs=1, ensemble=2)

    names = {line["model"] for line in two.history}
    assert names == {"fold-0", "fold-0-2", "fold-1", "fold-1-2", "fold-2", "fold-2-2", "refit"}
    second = 2 * two.pred_probs["style"] - one.pred_probs["style"]  # the first network is the same in both
    np.testing.assert_allclose(second.sum(axis=1), 1, rtol=1e-4)
    assert (second >= -1e-5).all()
    assert (np.abs(second - one.pred_probs["style"]) > 1e-6).any()


def test_unreadable_images_are_listed_and_the_rest_trained(tmp_path: Path) -> None:
    examples, targets = draw(tmp_path / "images", 60)
    examples[7].path.write_bytes(examples[7].path.read_bytes()[:200])
    examples[9].path.write_text("a letter, no image")
    examples[11].path.unlink()

    result = cross_validate(
        examples,
        targets,
        folds_of(60, 3),
        small(),
        cache_dir=tmp_path / "cache",
        run_dir=tmp_path / "run",
        progress=Silent(),
    )

    reasons = dict(result.unreadable)
    assert sorted(reasons) == [8, 10, 12]
    assert reasons[8].startswith("cannot be decoded: ")
    assert reasons[10] == "not an image"
    assert reasons[12] == "the file is missing"
    assert np.isnan(result.pred_probs["style"][[7, 9, 11]]).all()
    assert result.provenance[7] == "none"
    assert result.metrics["style"]["n"] == 57


def test_a_second_run_reads_no_image(tmp_path: Path) -> None:
    examples, targets = draw(tmp_path / "images", 60)
    run(tmp_path, "first")
    for example in examples:
        example.path.unlink()

    result = cross_validate(
        examples,
        targets,
        folds_of(60, 3),
        small(lstm_hidden=8),
        cache_dir=tmp_path / "cache",
        run_dir=tmp_path / "second",
        progress=Silent(),
    )

    assert result.unreadable == []
    assert result.metrics["style"]["n"] == 60


def test_renaming_every_file_changes_nothing(tmp_path: Path) -> None:
    examples, targets = draw(tmp_path / "images", 60)
    renamed = []
    for example in examples:
        path = example.path.rename(example.path.with_name(f"red_disc_{60 - example.artwork_id:03d}.png"))
        renamed.append(dataclasses.replace(example, path=path))
    given = run(tmp_path / "given", "run")

    result = cross_validate(
        renamed,
        targets,
        folds_of(60, 3),
        small(),
        cache_dir=tmp_path / "cache",
        run_dir=tmp_path / "run",
        progress=Silent(),
    )

    np.testing.assert_array_equal(result.pred_probs["style"], given.pred_probs["style"])
    np.testing.assert_array_equal(result.embedding, given.embedding)


def test_patience_stops_early(tmp_path: Path) -> None:
    result = run(tmp_path, "run", 90, epochs=60, patience=2, lr=2e-2, scheduler="none")

    epochs = [line["epoch"] for line in result.history if line["model"] == "fold-0"]
    assert len(epochs) < 60
    assert all("validation" in line for line in result.history if line["model"] == "fold-0")


KILLED = """
import sys
from pathlib import Path
from tests.model.test_train import run
folder = Path(sys.argv[1])
result = run(folder, "run", 60, epochs=int(sys.argv[2]))
"""


@pytest.mark.parametrize("lines", [1, 9])
def test_killed_and_run_again_ends_with_the_same_numbers(tmp_path: Path, lines: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), "8"], cwd=Path.cwd())
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if metrics.exists() and len(metrics.read_bytes().splitlines()) >= lines:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    resumed = run(tmp_path, "run", 60, epochs=8)
    unbroken = run(tmp_path / "elsewhere", "run", 60, epochs=8)

    for attribute in ("style", "genre"):
        np.testing.assert_array_equal(resumed.pred_probs[attribute], unbroken.pred_probs[attribute])
    assert resumed.metrics == unbroken.metrics
    np.testing.assert_array_equal(resumed.margins, unbroken.margins)
    assert not list((tmp_path / "run").rglob("epoch-*"))


def test_a_folder_with_another_runs_state_is_refused(tmp_path: Path) -> None:
    run(tmp_path, "run")

    with pytest.raises(RunDirectoryTaken) as caught:
        run(tmp_path, "run", epochs=4)

    assert str(caught.value) == (
        f"{tmp_path / 'run'} holds an unfinished run that differs in settings, "
        f"so it cannot go on as this one. "
        f"Start a new run with `curate train`."
    )


def test_labels_of_one_class_are_nothing_to_train_on(tmp_path: Path) -> None:
    examples, targets = draw(tmp_path / "images", 12)
    targets = [dataclasses.replace(target, labels=np.zeros(12, np.int64)) for target in targets]

    with pytest.raises(NothingToLearn) as caught:
        cross_validate(
            examples,
            targets,
            folds_of(12, 3),
            small(),
            cache_dir=tmp_path / "cache",
            run_dir=tmp_path / "run",
            progress=Silent(),
        )

    assert str(caught.value) == (
        "There is nothing to train on: no attribute has labels of two classes "
        "(classes found: style 1, genre 1). See what the catalog holds with `curate stats`; "
        "`--min-class-count` says how often a class must occur."
    )


def test_each_epoch_of_each_model_is_a_line_of_metrics(tmp_path: Path) -> None:
    result = run(tmp_path, "run")

    lines = [json.loads(text) for text in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]

    key = ("fold-0", "fold-1", "fold-2", "refit")
    assert sorted((line["model"], line["epoch"]) for line in lines) == [
        (m, e) for m in key for e in (1, 2, 3)
    ]
    assert sorted(lines, key=str) == sorted(result.history, key=str)
