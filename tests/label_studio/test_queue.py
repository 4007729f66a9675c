"""One rule for the queue: a push, the App and a refresh give an artwork the same place."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.rounds.plan import BatchSettings, plan_batch
from db.classes.classes import read_class_lists
from db.reviews.asking.cards import read_cards
from db.reviews.asking.queue_score import queue_score
from db.runs.runs import find_run
from review.fiftyone.actions import plan_chosen
from review.label_studio.push.refresh import asked_today
from review.page.card import asked_of
from tests.label_studio.conftest import add_run, make_gallery


def test_a_push_the_app_and_a_refresh_agree(tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", 6)
    add_run(gallery.workspace, {0: {"style": 0.2, "genre": 0.4}, 1: {"artist": 0.1}, 2: {"style": 0.96}})
    settings = BatchSettings(limit=6, audit=0, controls=0)

    with gallery.workspace.open_catalog() as catalog:
        with catalog.read() as session:
            run, words = find_run(session, None, "push"), read_class_lists(session)
            cards = read_cards(session, [1, 2, 3])
        pushed = {item.artwork_id: item for item in plan_batch(catalog, run, settings).items}
        narrow = plan_batch(catalog, run, BatchSettings(6, "genre", 0, 0)).items
        sent = plan_chosen(gallery.workspace, catalog, gallery.uuids[:3]).items
    later = {i: asked_today(asked_of(item, words), cards[i], len(words)).score for i, item in pushed.items()}

    wanted = {1: 1 - (0.8 + 0.6) / 3, 2: 1 - 0.9 / 3, 3: 1 - 0.04 / 3}
    assert {i: item.score for i, item in pushed.items()} == pytest.approx(wanted)
    assert {item.artwork_id: item.score for item in sent} == pytest.approx(wanted)
    assert later == pytest.approx(wanted)
    assert {item.artwork_id: item.score for item in narrow} == pytest.approx({1: wanted[1]})


def test_an_artwork_without_issues_comes_last_and_no_score_leaves_its_range() -> None:
    assert queue_score([], 3) == 1.0
    assert queue_score([0.0, 0.0, 0.0], 2) == 0.0
