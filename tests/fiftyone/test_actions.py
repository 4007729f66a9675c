"""What the App's operators do to the catalog, without the App."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from db.models import EffectiveLabel, Task, Verdict
from db.workspace.progress import Silent
from db.workspace.workspace import change_settings
from review.errors import NothingToSend
from review.fiftyone.actions import class_names, history, judge, judge_many, plan_chosen, relabel, send
from review.fiftyone.app.plugins import install_plugin


def verdicts(gallery: Any) -> list[tuple[int, str, int | None]]:
    with gallery.catalog.read() as session:
        rows = session.query(Verdict).order_by(Verdict.id)
        return [(row.artwork_id, row.decision, row.class_id) for row in rows]


def label_of(gallery: Any, row: int, attribute: str) -> int:
    with gallery.catalog.read() as session:
        key = (gallery.ids[row], gallery.attribute_ids[attribute])
        return int(session.get_one(EffectiveLabel, key).class_id)


def test_relabelling_is_a_correction_or_a_confirmation_by_what_each_artwork_has(gallery: Any) -> None:
    realism = gallery.class_ids["style"][0]

    done = relabel(gallery.catalog, gallery.uuids[0:4:3], "style", "Realism", "ada", "looked closely")

    assert done.sentence() == "2 artworks decided, 1 labels changed"
    assert verdicts(gallery) == [
        (gallery.ids[0], "corrected", realism),
        (gallery.ids[3], "confirmed", realism),
    ]
    assert label_of(gallery, 0, "style") == realism


def test_judging_an_image_or_a_label(gallery: Any) -> None:
    judge(gallery.catalog, gallery.uuids[:1], "style", "atypical", "ada", None)
    judge(gallery.catalog, gallery.uuids[1:2], None, "unusable", "ada", None)

    assert verdicts(gallery) == [
        (gallery.ids[0], "atypical", label_of(gallery, 0, "style")),
        (gallery.ids[1], "unusable", None),
    ]


def test_a_label_that_is_not_there_cannot_be_confirmed(gallery: Any) -> None:
    with gallery.catalog.write() as session:
        key = (gallery.ids[0], gallery.attribute_ids["genre"])
        session.delete(session.get_one(EffectiveLabel, key))

    done = judge(gallery.catalog, gallery.uuids[:2], "genre", "confirmed", "ada", None)

    assert done.sentence() == "1 artworks decided, 0 labels changed; 1 had no label"


def test_classes_are_offered_by_name(gallery: Any) -> None:
    assert class_names(gallery.catalog, "artist") == {
        "Claude Monet": "Claude Monet",
        "Edgar Degas": "Edgar Degas",
        "Ilya Repin": "Ilya Repin",
        "Pablo Picasso": "Pablo Picasso",
    }


def test_a_chosen_batch_asks_about_flagged_labels_worst_first(gallery: Any) -> None:
    run = gallery.add_run()

    plan = plan_chosen(gallery.workspace, gallery.catalog, [gallery.uuids[1], gallery.uuids[0]])

    assert (plan.run_id, plan.budget) == (run, 2)
    flagged, sure = plan.items
    assert (flagged.artwork_id, flagged.attributes) == (gallery.ids[0], ("style",))
    assert 2 / 3 < flagged.score < 0.75 and sure.score == 1.0  # the mean over its three labels
    assert sure.artwork_id == gallery.ids[1]
    assert set(sure.attributes) == {"style", "genre", "artist"}


def test_many_at_once_are_verdicts_on_each(gallery: Any) -> None:
    gallery.add_run()
    before = [label_of(gallery, row, "style") for row in range(6)]

    done = judge_many(gallery.catalog, gallery.uuids[:6], gallery.uuids[:6:5], "style", None, "ada")

    assert (done.artworks, done.labels_changed, done.without_label) == (6, 2, 0)
    after = [label_of(gallery, row, "style") for row in range(6)]
    assert [row for row in range(6) if before[row] != after[row]] == [0, 5]
    assert after[0] == gallery.class_ids["style"][0]
    with gallery.catalog.read() as session:
        said = [(row.decision, row.form) for row in session.query(Verdict).order_by(Verdict.artwork_id)]
    assert said == [("corrected", "contact_sheet"), *[("confirmed", "contact_sheet")] * 4, said[0]]


def test_unusable_artworks_are_not_sent(gallery: Any) -> None:
    gallery.add_run()
    judge(gallery.catalog, gallery.uuids[:1], None, "unusable", "ada", None)

    with pytest.raises(NothingToSend) as refused:
        plan_chosen(gallery.workspace, gallery.catalog, gallery.uuids[:1])

    assert str(refused.value) == (
        "None of the 1 chosen artworks can be sent: each is unusable, unread, or has an open task. "
        "Choose others, or answer the open tasks and run `curate sync-corrections`."
    )


def test_history_says_who_decided_and_why_a_label_is_flagged(gallery: Any) -> None:
    gallery.add_run()
    relabel(gallery.catalog, gallery.uuids[:1], "style", "Realism", "ada", "looked closely")

    told = history(gallery.catalog, gallery.workspace, gallery.uuids[0])

    assert "**00000\\.png**" in told
    assert "style is flagged (score 0." in told
    assert "| says style **Realism** (counts now)" in told
    assert "looked closely" in told


def test_a_comment_is_shown_and_never_fetches_anything(gallery: Any) -> None:
    comment = "![x](http://evil.example/a.png) <img src='http://evil.example/b.png'> | [a](javascript:b)"
    gallery.add_run()
    relabel(gallery.catalog, gallery.uuids[:1], "style", "Realism", "ada", comment)

    told = history(gallery.catalog, gallery.workspace, gallery.uuids[0])

    said = next(line for line in told.splitlines() if "evil" in line)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", said).count(comment) == 1
    for sign in "![]()<>":
        assert f"\\{sign}" in said and re.search(rf"(?<!\\)\{sign}", said) is None


@pytest.mark.services
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_sending_makes_one_task_an_artwork_and_keeps_those_that_are_open(
    gallery: Any, label_studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.add_run()
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    workspace = change_settings(gallery.workspace, "label_studio", "url", label_studio.url)

    first = send(workspace, gallery.catalog, gallery.uuids[:2], Silent())
    second = send(workspace, gallery.catalog, gallery.uuids[1:3], Silent())

    assert (first.created, second.created) == (2, 1)
    with gallery.catalog.read() as session:
        tasks = session.query(Task).order_by(Task.artwork_id).all()
    assert [task.artwork_id for task in tasks] == gallery.ids[:3]


def test_the_plugin_is_installed_beside_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "brain").mkdir(parents=True)
    monkeypatch.setenv("FIFTYONE_PLUGINS_DIR", str(theirs))

    install_plugin(tmp_path / "ours")
    install_plugin(tmp_path / "ours")

    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == ["curate", "yours"]
    assert (tmp_path / "ours" / "yours" / "brain").is_dir()
    assert "review.plugin.operators" in (tmp_path / "ours" / "curate" / "__init__.py").read_text()
    assert os.path.getsize(tmp_path / "ours" / "curate" / "fiftyone.yml") > 100
