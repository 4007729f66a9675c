"""How far the reference artworks beside a label issue can be believed, on real paintings.

    python benchmarks/reference_strips.py --data ../shared/data/wikiart224 --cards 400

A tenth of the labels of three attributes is made wrong, in a third each uniformly, confusably and to another
class of the artist. A run is trained on frozen features, the worst labels are put on cards, and each picture
of their strips is held against what was planted, against published second opinions on the collection's own
labels (``disputes.csv``), and against looks measured apart from the run: a cosine above 0.95 is the same
picture. Beside it as many artworks drawn from all that are labelled with the class.

Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import model  # noqa: F401  # isort: skip  (first: it tells OpenMP how to wait, before torch is loaded)

import numpy as np
import pandas as pd
from sqlalchemy import select

from benchmarks.label_errors_bench import TESTED, TESTED_ARTISTS, Bench
from benchmarks.painting_data import IMAGE_SIZE, SAME_PICTURE, Paintings, _features, load_paintings
from curate.cli import main as curate
from curate.rounds.plan import BatchSettings, plan_batch
from db.models import ASKED_KINDS, OPEN_STATES, Artwork, Attribute, Issue
from db.runs.runs import find_run
from db.workspace.workspace import Workspace, open_workspace
from review.page.card import ReviewCard, review_cards

RATE = 0.10
ATTRIBUTES = ("style", "genre", "artist")


@dataclass(frozen=True)
class Truth:
    """What is known of the paintings apart from the catalog; artworks by their number in the list."""

    before: Mapping[str, list[str]]
    given: Mapping[str, list[str]]
    disputed: Mapping[tuple[int, str], str]
    looks: Any

    def wrong(self, number: int, attribute: str) -> bool:
        """Return whether a label was made wrong, or others say so of the collection's own."""
        planted = self.before[attribute][number] != self.given[attribute][number]
        return planted or self.disputed.get((number, attribute)) == "wrong"


def planted(data: Paintings, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the list with wrong labels in it."""
    bench, wrong = Bench(data), table.copy()
    for name in ATTRIBUTES:
        for number, kind in enumerate(TESTED_ARTISTS if name == "artist" else TESTED):
            labels, where = bench.plant(name, kind, RATE / 3, seed + number)
            rows = np.flatnonzero(where)
            wrong.loc[rows, name] = [data.classes[name][labels[row]] for row in rows]
    return wrong


def read_truth(folder: Path, before: pd.DataFrame, given: pd.DataFrame, looks: Any) -> Truth:
    """Read what others say of the collection's labels; an attribute that was made wrong is not theirs."""
    number = {path: row for row, path in enumerate(before["filepath"])}
    disputes = pd.read_csv(folder / "disputes.csv", keep_default_na=False)
    disputed = {
        (number[str(row.filepath)], str(row.attribute)): str(row.status) for row in disputes.itertuples()
    }
    unit = looks / np.linalg.norm(looks, axis=1, keepdims=True)
    was, now = ({name: list(table[name]) for name in ATTRIBUTES} for table in (before, given))
    return Truth(was, now, disputed, unit)


def make(folder: Path, data: Path, given: pd.DataFrame, looks: Any) -> Workspace:
    """Make a workspace of the paintings, with a run on their frozen features."""
    given.to_csv(folder / "list.csv", index=False)
    paths = np.array(given["filepath"], dtype=str)
    np.savez(folder / "looks.npz", filepaths=paths, embeddings=looks.astype(np.float32))
    for command in (
        ["init", folder / "ws"],
        ["-w", folder / "ws", "ingest", folder / "list.csv", "--images", data],
        ["-w", folder / "ws", "train", "--embeddings", folder / "looks.npz"],
    ):
        try:
            curate([str(part) for part in command])
        except SystemExit as stop:
            assert not stop.code, command
    return open_workspace(folder / "ws")


@dataclass(frozen=True)
class Strip:
    """The artworks that show a class beside one artwork; ``kind`` is label or suggestion."""

    artwork_id: int
    attribute: str
    kind: str
    key: str
    shown: list[int]


def shown_on(cards: Iterable[ReviewCard]) -> Iterator[Strip]:
    """Yield the strips of some cards."""
    for card in cards:
        for asked in card.questions:
            strips = (asked.label, asked.like_label), (asked.suggested, asked.like_suggested)
            for kind, (key, shown) in zip(("label", "suggestion"), strips, strict=True):
                if asked.asked and key:
                    ids = [one.artwork_id for one in shown]
                    yield Strip(card.artwork.artwork_id, asked.attribute, kind, key, ids)


def count(workspace: Workspace, truth: Truth, most: int, paths: Iterable[str]) -> dict[str, int]:
    """Count, over the strips of the worst labels' cards, what is wrong, flagged, or the same picture."""
    place = {path: row for row, path in enumerate(paths)}
    with workspace.open_catalog() as catalog:
        with catalog.read() as session:
            run = find_run(session, None, "push")
            row_of = {id_: place[path] for id_, path in session.execute(select(Artwork.id, Artwork.path))}
            standing = select(Issue.artwork_id, Attribute.name).join(
                Attribute, Attribute.id == Issue.attribute_id
            )
            standing = standing.where(Issue.kind.in_(ASKED_KINDS), Issue.state.in_(OPEN_STATES))
            flagged = {(row_of[artwork], name) for artwork, name in session.execute(standing)}
        plan = plan_batch(catalog, run, BatchSettings(limit=most, audit=0, controls=0))
        cards = review_cards(catalog, workspace, run.id, plan.items)
    bearers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for name in ATTRIBUTES:
        for row, key in enumerate(truth.given[name]):
            bearers[name, key].append(row)
    rng, counts = random.Random(0), Counter[str]()
    for strip in shown_on(cards.values()):
        artwork, *rows = (row_of[i] for i in (strip.artwork_id, *strip.shown))
        name, of = strip.attribute, f"{strip.kind}: "
        counts[of + "strips"] += 1
        counts[of + "pictures"] += len(rows)
        counts[of + "wrong"] += sum(truth.wrong(row, name) for row in rows)
        counts[of + "two labels"] += sum(truth.disputed.get((row, name)) == "two_labels" for row in rows)
        drawn = rng.choices(bearers[name, strip.key], k=len(rows)) if rows else []
        counts[of + "wrong if drawn"] += sum(truth.wrong(row, name) for row in drawn)
        counts["flagged"] += sum((row, name) in flagged for row in rows)
        counts["of another class"] += sum(truth.given[name][row] != strip.key for row in rows)
        looks = truth.looks[[artwork, *rows]]
        counts["the same picture"] += int((np.triu(looks @ looks.T, 1) > SAME_PICTURE).sum())
    return dict(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cards", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="where features are kept")
    options = parser.parse_args()
    table = pd.read_csv(options.data / "labels.csv", keep_default_na=False)
    data = load_paintings(options.data, options.cache)
    looks = _features([options.data / path for path in table["filepath"]], options.cache)
    given = planted(data, table, options.seed)
    truth = read_truth(options.data, table, given, looks)
    with tempfile.TemporaryDirectory(prefix="curate-benchmark-") as name:
        workspace = make(Path(name), options.data, given, looks)
        counts = count(workspace, truth, options.cards, table["filepath"])
    print(json.dumps({"image_size": IMAGE_SIZE, "rate": RATE, "cards": options.cards, **counts}))


if __name__ == "__main__":
    main()
