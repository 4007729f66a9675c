"""Evaluations, the map and similarity: what the App's panels read."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from review.fiftyone.dataset.sync import VERSION, sync_dataset
from review.fiftyone.map import map_points

pytestmark = [pytest.mark.services, pytest.mark.filterwarnings("ignore::DeprecationWarning:fiftyone.*")]


def load(gallery: Any) -> Any:
    import fiftyone

    dataset = fiftyone.load_dataset(gallery.workspace.settings.fiftyone.dataset)
    dataset.reload()
    dataset.clear_cache()
    return dataset


def test_the_evaluation_is_what_fiftyone_computes_itself(gallery: Any) -> None:
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    dataset = load(gallery)

    ours = dataset.load_evaluation_results("style_eval")
    theirs = dataset.clone().evaluate_classifications("style_pred", gt_field="style", eval_key="theirs")

    assert ours.classes.tolist() == theirs.classes.tolist() == ["Cubism", "Impressionism", "Realism"]
    assert (ours.confusion_matrix() == theirs.confusion_matrix()).all()
    assert ours.metrics() == theirs.metrics()
    assert ours.metrics()["accuracy"] == pytest.approx(0.8)


def test_the_evaluation_follows_a_correction(gallery: Any) -> None:
    from db.reviews.answering.answers import Decision
    from db.reviews.answering.recording import decide

    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    right = gallery.class_ids["style"][0]
    with gallery.catalog.write() as session:
        decision = Decision(gallery.attribute_ids["style"], "corrected", right)
        decide(session, gallery.ids[0], [decision], user="ada", annotation_id="1")

    sync_dataset(gallery.workspace, gallery.catalog)

    results = load(gallery).load_evaluation_results("style_eval")
    assert results.metrics()["accuracy"] == pytest.approx(25 / 30)


def test_more_like_this_one_sorts_by_the_runs_embedding(gallery: Any) -> None:
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    dataset = load(gallery)
    ids = dataset.values("id")

    nearest = dataset.sort_by_similarity(ids[3], k=4, brain_key="similar").values("id")

    index = dataset.load_brain_results("similar")
    vectors = {i: v for i, v in zip(index.sample_ids.tolist(), index.embeddings, strict=True)}
    cosines = {i: float(vectors[i] @ vectors[ids[3]]) for i in ids}
    assert nearest == sorted(ids, key=lambda i: -cosines[i])[:4]
    assert nearest[0] == ids[3]


def test_the_map_has_a_point_for_each_sample_and_stays_when_one_is_added(gallery: Any) -> None:
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    results = load(gallery).load_brain_results("map")
    before = dict(zip(results.sample_ids, results.points.tolist(), strict=True))
    assert len(before) == 30

    last = gallery.ids[-1]
    with gallery.catalog.write() as session:
        from db.models import Artwork, now

        row = session.get_one(Artwork, last)
        row.status, row.updated_at = "missing", now()
    sync_dataset(gallery.workspace, gallery.catalog)

    results = load(gallery).load_brain_results("map")
    after = dict(zip(results.sample_ids, results.points.tolist(), strict=True))
    assert len(after) == 29
    assert all(after[key] == pytest.approx(before[key]) for key in after)


def test_neighbours_lie_together_on_the_map(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 24))
    which = np.arange(1600) % 4
    embedding = (centres[which] + 0.2 * rng.normal(size=(1600, 24))).astype(np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)

    points = map_points(embedding, np.arange(1600), tmp_path / "map.npz")

    middles = np.stack([points[which == c].mean(axis=0) for c in range(4)])
    nearest = np.linalg.norm(points[:, None] - middles[None], axis=2).argmin(axis=1)
    assert (nearest == which).mean() > 0.99
    again = map_points(embedding[:-5], np.arange(1595), tmp_path / "map.npz")
    np.testing.assert_allclose(again, points[:-5], atol=1e-6)


MOVED = "review.fiftyone.similarity.EmbeddingSimilarityConfig"
BEFORE = "review.fiftyone_similarity.EmbeddingSimilarityConfig"
"""Where layout 1 had the class that FiftyOne builds the similarity index by."""


def test_a_dataset_of_layout_1_whose_class_has_moved_opens_and_is_renewed(gallery: Any) -> None:
    """FiftyOne keeps loaded datasets, so the commands that meet the old one run in processes of their own."""
    import fiftyone.core.odm as odm

    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    dataset = load(gallery)
    dataset.tags, dataset.info["curate"]["version"] = ["mine"], 1
    dataset.save()
    runs = odm.get_db_conn().runs
    similar = {"_dataset_id": dataset._doc.id, "key": "similar"}
    assert runs.update_one(similar, {"$set": {"config.cls": BEFORE}}).modified_count == 1
    browse = [sys.executable, "-m", "curate.cli", "-w", gallery.workspace.folder, "browse", "--no-launch"]

    again, settled = (subprocess.run(browse, capture_output=True, text=True, check=False) for _ in range(2))

    assert again.returncode == 0, again.stderr
    assert (
        f"it was made by another version of curate (layout 1, now {VERSION})" in again.stdout + again.stderr
    )
    assert "cleanup" not in again.stderr
    assert "0 added, 0 updated, 0 removed" in settled.stdout and "layout" not in settled.stderr
    assert runs.find_one(similar)["config"]["cls"] == MOVED
    assert load(gallery).tags == ["mine"]
