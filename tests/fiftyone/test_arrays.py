"""Label issues from arrays as a FiftyOne dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import curate
from review.errors import DatasetNameTaken
from tests.issues.gallery import make_gallery

pytestmark = pytest.mark.services


def test_label_issues_become_a_dataset_whose_views_show_the_worst_first(tmp_path: Path) -> None:
    gallery = make_gallery(count=80)
    paths: list[str | None] = [str(tmp_path / f"{row}.jpg") for row in range(80)]
    for row, path in enumerate(paths):
        Image.new("RGB", (40, 40), (row, 0, 0)).save(str(path))
    paths[7] = None
    labels = {"style": gallery.columns[0].labels, "tags": gallery.columns[1].labels}
    probs = {"style": gallery.columns[0].pred_probs, "tags": gallery.columns[1].pred_probs}
    issues = curate.find_issues(labels, probs, paths=paths)

    dataset = issues.to_fiftyone("curate-arrays")

    try:
        assert len(dataset) == 79
        assert dataset.list_saved_views() == ["style: likeliest wrong", "tags_label: likeliest wrong"]
        worst = dataset.load_saved_view("style: likeliest wrong").first()
        top = issues.top(1, "style").iloc[0]
        assert (worst.row, worst.filepath) == (top["row"], paths[top["row"]])
        assert worst.style.label == top["label"]
        assert worst.style.suggested == top["suggested"]
        assert worst.style_wrong == pytest.approx(top["probability_wrong"])
        given = dict(zip(dataset.values("row"), dataset.values("tags_label.label"), strict=True))
        assert all(given[row] == str(gallery.columns[1].labels[row]) for row in given)
        with pytest.raises(DatasetNameTaken) as caught:
            issues.to_fiftyone("curate-arrays")
        assert str(caught.value) == (
            "There is a FiftyOne dataset 'curate-arrays' already, and it is left alone. Give another "
            "name, or "
            "delete it first: fiftyone.delete_dataset('curate-arrays')."
        )
    finally:
        dataset.delete()


def test_nothing_is_lost_between_frame_and_dataset() -> None:
    gallery = make_gallery(count=80)
    issues = curate.find_issues(gallery.columns[0].labels, gallery.columns[0].pred_probs)

    frame = issues.to_frame()

    assert sorted(frame["row"]) == list(range(80))
    np.testing.assert_allclose(
        frame.sort_values("row")["probability_wrong"], issues.probability_wrong(), rtol=0
    )
