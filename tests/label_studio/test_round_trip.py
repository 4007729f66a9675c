"""Answers of every kind by two reviewers: the catalog says exactly what was said, and no more."""

from __future__ import annotations

import csv
import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from db.models import Artwork, Class, ControlAnswer, EffectiveLabel, Reviewer, Verdict
from db.workspace.workspace import open_workspace
from review.label_studio.client import Server, connect
from review.label_studio.local_server import LocalServer
from review.label_studio.scripted_reviewer import answer, choice
from tests.conftest import Curate
from tests.label_studio.conftest import CLASSES, Gallery, Make
from tests.label_studio.people import sign_up

pytestmark = pytest.mark.services

ARTWORKS = int(os.environ.get("CURATE_TEST_ANSWERS", "200")) // 2
"""Each is answered by two reviewers."""

LABELLING = {"right", "wrong", "atypical"}
NAMES = {"right": "confirmed", "wrong": "corrected"}

Said = dict[str, tuple[str, str | None]]
"""By attribute (empty: the image): the verdict, and the class that it leaves as the label."""


@dataclass
class Expected:
    """What the catalog should say once all is synced, by artwork number."""

    verdicts: Counter[tuple[int, str, str, str | None]] = field(default_factory=Counter)
    controls: Counter[tuple[int, str, bool]] = field(default_factory=Counter)
    labels: dict[tuple[int, str], str] = field(default_factory=dict)
    unusable: set[int] = field(default_factory=set)


def imagine(rng: random.Random, gallery: Gallery, number: int) -> tuple[list[dict[str, Any]], Said]:
    """Return the results of one answer, and what it says."""
    results: list[dict[str, Any]] = []
    said: Said = {}
    for attribute, keys in CLASSES.items():
        label = gallery.label(number, attribute)
        verdict = rng.choice(["right", "wrong", "atypical", "none_of_these", "unsure", "", ""])
        picked = rng.choice([key for key in keys if key != label])
        if verdict == "wrong" or (not verdict and rng.random() < 0.3):
            results.append(choice(f"class_{attribute}", picked))
        if verdict:
            results.append(choice(f"verdict_{attribute}", verdict))
            stands = {"right": label, "atypical": label, "wrong": picked}.get(verdict)
            said[attribute] = (NAMES.get(verdict, verdict), stands)
    if rng.random() < 0.03:
        results.append(choice("picture", "unusable"))
        said[""] = ("unusable", None)
    if rng.random() < 0.2:
        note = {"from_name": "comment", "to_name": "image", "type": "textarea", "value": {"text": ["hm"]}}
        results.append(note)
    return results, said


@dataclass(frozen=True)
class Given:
    """One answer: how it was given, what counts of it, its annotation while it can still change.

    ``changed`` names the attributes that an edit judged anew; it says nothing new of the others.
    """

    way: str
    said: Said
    annotation: int | None = None
    changed: frozenset[str] = frozenset()


def act(rng: random.Random, gallery: Gallery, server: Server, task: int, number: int) -> Given:
    """Answer one task in one of the many ways."""
    results, said = imagine(rng, gallery, number)
    way = rng.choices(
        ["plain", "skipped", "unknown", "contradiction", "deleted", "edited"], [66, 7, 5, 3, 7, 12]
    )[0]
    if way == "skipped":
        answer(server, task, results, skipped=True)
        return Given(way, {})
    if way == "unknown":
        answer(server, task, [choice("verdict_style", "wrong"), choice("class_style", "Cubism")])
        return Given(way, {})
    if way == "contradiction":
        same = gallery.label(number, "genre")
        answer(server, task, [choice("verdict_genre", "wrong"), choice("class_genre", same)])
        return Given(way, {})
    annotation = answer(server, task, results)
    if way == "deleted":
        server.client.annotations.delete(id=annotation)
        return Given(way, {})
    if way == "edited":
        results, said = imagine(rng, gallery, number)
        server.client.annotations.update(id=annotation, result=results)
    return Given(way, said, annotation)


def think_again(rng: random.Random, gallery: Gallery, server: Server, given: Given, number: int) -> Given:
    """Edit or delete some of the answers that have been synced already."""
    way = rng.choices(["same", "edited", "deleted"], [70, 20, 10])[0]
    if given.annotation is None or way == "same":
        return given
    if way == "deleted":
        server.client.annotations.delete(id=given.annotation)
        return Given("taken back", {})
    results, said = imagine(rng, gallery, number)
    server.client.annotations.update(id=given.annotation, result=results)
    changed = frozenset(name for name in said if said[name] != given.said.get(name))
    return Given("edited again", said, given.annotation, changed)


@pytest.fixture
def reviewers(label_studio: LocalServer, server: Server) -> Iterator[list[Server]]:
    """Two people at the server."""
    token = sign_up(label_studio, f"second-{uuid4().hex[:8]}@example.org")
    with connect(label_studio.url, token) as second:
        yield [server, second]


def write_answers(path: Path, gallery: Gallery, numbers: list[int]) -> None:
    """List the genre of some artworks as known: right for even numbers, another for odd ones."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["artwork", "genre"])
        writer.writerows(
            [str(gallery.uuids[n]), CLASSES["genre"][(n + n % 2) % 3 if n % 2 else n % 3]] for n in numbers
        )


def known_genre(number: int) -> str:
    """Return the genre that the list gives for an artwork."""
    return CLASSES["genre"][(number + number % 2) % 3 if number % 2 else number % 3]


def test_answers_of_every_kind_end_in_the_expected_catalog(
    curate: Curate, make: Make, reviewers: list[Server], tmp_path: Path
) -> None:
    gallery = make(count=ARTWORKS, flagged=ARTWORKS)
    folder = gallery.workspace.folder
    write_answers(tmp_path / "known.csv", gallery, list(range(0, ARTWORKS, 5)))
    push = ["push", "--limit", ARTWORKS, "--controls", tmp_path / "known.csv", "--annotators", "2"]
    assert curate("-w", folder, *push).status == 0
    purposes = purposes_of(gallery)
    assert {"review", "audit", "control"} == set(purposes.values())
    numbers = {str(uuid): number for number, uuid in enumerate(gallery.uuids)}
    project = open_workspace(folder).settings.label_studio.project
    assert project is not None
    tasks = {numbers[task.data["artwork"]]: task.id for task in reviewers[0].tasks(project)}

    def both(number: int) -> tuple[int, list[Given]]:
        rng = random.Random(number)
        return number, [act(rng, gallery, server, tasks[number], number) for server in reviewers]

    def both_again(number: int, given: list[Given]) -> tuple[int, list[Given]]:
        rng = random.Random(f"again {number}")
        pairs = zip(reviewers, given, strict=True)
        return number, [think_again(rng, gallery, server, one, number) for server, one in pairs]

    with ThreadPoolExecutor(4) as pool:
        first = dict(pool.map(both, tasks))
    synced = check(curate, gallery, purposes, first)
    given = [one for both in first.values() for one in both]
    assert synced["annotations"] == sum(one.way != "deleted" for one in given)
    assert synced["refused"] == sum(one.way in ("unknown", "contradiction") for one in given)

    with ThreadPoolExecutor(4) as pool:
        second = dict(pool.map(both_again, first, first.values()))
    synced = check(curate, gallery, purposes, second)
    edited = [one for both in second.values() for one in both if one.way == "edited again"]
    assert (synced["annotations"], synced["refused"]) == (len(edited), 0)


def check(
    curate: Curate, gallery: Gallery, purposes: dict[int, str], given: dict[int, list[Given]]
) -> dict[str, Any]:
    """Sync, and compare the catalog with the answers as they stand; return what the sync said."""
    sync = ["-w", gallery.workspace.folder, "sync-corrections", "--json"]
    synced: dict[str, Any] = curate(*sync).json()
    full = curate(*sync, "--full").json()
    again = curate(*sync, "--full").json()
    nothing = {"annotations": 0, "verdicts": {}, "labels_changed": 0, "refused": 0, "control_answers": 0}
    assert again == {**full, **nothing}
    assert full["annotations"] == 0
    expected = Expected()
    for number, answers in given.items():
        expect(expected, gallery, number, purposes[number], answers)
    compare(gallery, expected)
    return synced


def expect(expected: Expected, gallery: Gallery, number: int, purpose: str, answers: list[Given]) -> None:
    """Add what one artwork's two answers should leave behind; the one that was given last comes last."""
    if purpose == "control":
        for given in answers:
            decision, stands = given.said.get("genre", ("unsure", None))
            if decision != "unsure":
                expected.controls[number, "genre", stands == known_genre(number)] += 1
        return
    said = [
        (name in given.changed, name, verdict) for given in answers for name, verdict in given.said.items()
    ]
    for _, attribute, (decision, stands) in sorted(said, key=lambda one: one[0]):
        expected.verdicts[number, attribute, decision, stands] += 1
        if attribute == "":
            expected.unusable.add(number)
        elif stands is not None:
            expected.labels[number, attribute] = stands


def purposes_of(gallery: Gallery) -> dict[int, str]:
    """Return why each artwork is in the batch."""
    from db.models import BatchItem

    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        rows = session.execute(select(BatchItem.artwork_id, BatchItem.purpose)).all()
    return {row.artwork_id - 1: row.purpose for row in rows}


def compare(gallery: Gallery, expected: Expected) -> None:
    """Compare the catalog with what it should say; the newer of two who disagree counts."""
    names = dict(enumerate(CLASSES, 1)) | {None: ""}
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        keys = {row.id: row.key for row in session.execute(select(Class.id, Class.key))} | {None: None}
        verdicts = Counter(
            (v.artwork_id - 1, names[v.attribute_id], v.decision, keys[v.class_id])
            for v in session.scalars(select(Verdict).where(Verdict.superseded_at.is_(None)))
        )
        controls = Counter(
            (c.artwork_id - 1, names[c.attribute_id], c.correct)
            for c in session.scalars(select(ControlAnswer))
        )
        labels = {
            (row.artwork_id - 1, names[row.attribute_id]): keys[row.class_id]
            for row in session.execute(
                select(EffectiveLabel.artwork_id, EffectiveLabel.attribute_id, EffectiveLabel.class_id)
            )
        }
        unusable = set(session.scalars(select(Artwork.id).where(Artwork.status == "unusable")))
        people = session.scalars(select(Reviewer)).all()
    assert verdicts == expected.verdicts
    assert controls == expected.controls
    begun = {(n, a): gallery.label(n, a) for n in range(ARTWORKS) for a in CLASSES}
    assert labels == begun | expected.labels
    assert {n - 1 for n in unusable} == expected.unusable
    assert len(people) == 2
