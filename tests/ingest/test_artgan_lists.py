"""The real ArtGAN lists of all 81,446 paintings, over small images with the names that archives leave."""

from __future__ import annotations

import random
import shutil
import struct
import unicodedata
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from sqlalchemy import func, select

from curate.ingest import IngestSummary, ingest
from curate.ingest.places.files import is_awkward, repaired
from db.classes.classes import find_attribute
from db.engine.catalog import Catalog
from db.labels.class_changes import class_rows
from db.labels.stats import catalog_stats, split_lists
from db.models import Artwork, DuplicateGroup, EffectiveLabel, Issue, Label, Refusal, Source
from db.spelling import fold
from db.workspace.workspace import Workspace, open_workspace

MISSING, CORRUPT = 200, 40

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


class Tree(NamedTuple):
    """A folder of small images for the lists' paths, and what was left out or broken in it."""

    folder: Path
    listed: list[str]
    missing: set[str]
    corrupt: set[str]


class Taken(NamedTuple):
    """A workspace after the ingest of all lists."""

    workspace: Workspace
    tree: Tree
    first: IngestSummary
    again: IngestSummary


def respelt(name: str, rng: random.Random) -> str:
    """Return an awkward name as some archive or system may leave it on disk."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", repaired(name)) if c.isascii())
    return rng.choice(
        [
            name,
            repaired(name),
            unicodedata.normalize("NFD", name),
            "".join(c if c.isascii() and c != "'" else f"#U{ord(c):04x}" for c in name),
            plain.replace("'", "-"),
            "".join(c for c in name if c.isascii()).replace("'", ""),
            "".join(c if c.isascii() else "_" for c in name).replace("'", "_"),
        ]
    )


@pytest.fixture(scope="module")
def tree(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """A tiny image for every path of the lists; both listings of a painting get the same bytes."""
    folder = tmp_path_factory.mktemp("wikiart") / "images"
    buffer = BytesIO()
    Image.new("RGB", (8, 8), (90, 80, 70)).save(buffer, "JPEG", quality=50)
    jpeg = buffer.getvalue()
    listed = [
        line.rpartition(",")[0]
        for name in ("style_train.csv", "style_val.csv")
        for line in (shared_data / "artgan" / name).read_text(encoding="utf-8").split("\n")
        if line
    ]
    names = Counter(path.partition("/")[2] for path in listed)
    rng = random.Random(0)
    single = [path for path in listed if names[path.partition("/")[2]] == 1]
    left_out = rng.sample(single, MISSING + CORRUPT)
    tree = Tree(folder, listed, set(left_out[:MISSING]), set(left_out[MISSING:]))
    for path in listed:
        style, _, name = path.partition("/")
        (folder / style).mkdir(parents=True, exist_ok=True)
        comment = name.encode()
        data = jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]
        if path not in tree.missing:
            on_disk = respelt(name, rng) if is_awkward(name) else name
            (folder / style / on_disk).write_bytes(data[: len(data) // 2] if path in tree.corrupt else data)
    yield tree
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def taken(
    tree: Tree, shared_data: Path, tmp_path_factory: pytest.TempPathFactory, empty_workspace: Path
) -> Taken:
    folder = tmp_path_factory.mktemp("taken") / "ws"
    shutil.copytree(empty_workspace, folder)
    first = ingest(open_workspace(folder), shared_data / "artgan", images=tree.folder)
    again = ingest(open_workspace(folder), shared_data / "artgan", images=tree.folder)
    return Taken(open_workspace(folder), tree, first, again)


@pytest.fixture
def filled(taken: Taken) -> Iterator[Catalog]:
    with taken.workspace.open_catalog() as catalog:
        yield catalog


def test_every_row_is_taken_or_refused_and_none_vanishes(taken: Taken, filled: Catalog) -> None:
    first = taken.first
    assert first.read == len(taken.tree.listed) == 81_446
    assert first.written.added == 81_446 - MISSING - CORRUPT
    assert dict(first.refused) == {"missing": MISSING, "corrupt": CORRUPT}
    assert first.written.updated == first.written.unchanged == 0
    with filled.read() as session:
        rows = session.execute(
            select(Refusal.reason, Refusal.detail).where(Refusal.ingest_id == first.ingest_id)
        ).all()
        statuses = dict(session.execute(select(Artwork.status, func.count()).group_by(Artwork.status)).all())
    assert len(rows) == MISSING + CORRUPT
    plain = {path for path in taken.tree.missing if path.isprintable() and len(path) < 110}
    assert plain <= {row.detail for row in rows if row.reason == "missing"}
    assert statuses == {"ok": 81_446 - MISSING - CORRUPT, "missing": MISSING, "refused": CORRUPT}


def test_again_everything_is_unchanged(taken: Taken) -> None:
    assert taken.again.written.unchanged == taken.first.written.added
    assert (taken.again.written.added, taken.again.written.updated) == (0, 0)
    assert taken.again.refused == taken.first.refused


def test_the_counts_of_the_lists_come_out(filled: Catalog) -> None:
    with filled.read() as session:
        stats = catalog_stats(session)
    attributes = {name: (one.labelled, len(one.counts)) for name, one in stats.attributes.items()}
    assert attributes == {"style": (81_446, 27), "genre": (64_994, 10), "artist": (81_446, 1_119)}
    style, genre = stats.attributes["style"].counts, stats.attributes["genre"].counts
    assert (style["Impressionism"], style["Action_painting"]) == (13_060, 98)
    assert (max(genre, key=lambda key: genre[key]), max(genre.values())) == ("portrait", 14_113)
    assert stats.split_lists["style"] == {"train": 57_025, "val": 24_421}
    assert stats.split_lists["artist"] == {"train": 13_346, "val": 5_706}
    assert stats.split_lists["genre"] == {"train": 45_503, "val": 19_491}
    assert stats.splits["conflicting"] == 566
    assert sum(stats.splits.values()) == 81_446


def test_the_artist_list_has_23_artists_each_of_whom_is_one_of_the_1119(filled: Catalog) -> None:
    with filled.read() as session:
        source = session.scalars(select(Source.id).where(Source.name == "import:artgan")).one()
        artist = find_attribute(session, "artist")
        listed = select(Label.class_id, func.count(), func.count(func.distinct(Label.artwork_id))).where(
            Label.source_id == source, Label.attribute_id == artist.id
        )
        counts = session.execute(listed.group_by(Label.class_id)).all()
        conflicts = session.scalar(
            select(func.count()).where(EffectiveLabel.attribute_id == artist.id, EffectiveLabel.conflict)
        )
        keys = [row.key for row in class_rows(session, artist)]
    assert len(counts) == 23
    assert sum(row[1] for row in counts) == 19_052
    assert conflicts == 0
    assert len(keys) == len({fold(key) for key in keys}) == 1_119


def test_16250_paintings_have_all_three_labels_of_the_lists(filled: Catalog) -> None:
    with filled.read() as session:
        source = session.scalars(select(Source.id).where(Source.name == "import:artgan")).one()
        every = (
            select(Label.artwork_id)
            .where(Label.source_id == source)
            .group_by(Label.artwork_id)
            .having(func.count(func.distinct(Label.attribute_id)) == 3)
            .subquery()
        )
        assert session.scalar(select(func.count()).select_from(every)) == 16_250


def test_the_1349_double_listings_are_groups_with_a_conflict_and_9_straddle_the_split(
    taken: Taken, filled: Catalog
) -> None:
    assert taken.first.exact_groups == 1_349
    with filled.read() as session:
        assert set(session.scalars(select(DuplicateGroup.size))) == {2}
        style = find_attribute(session, "style")
        flagged = session.scalar(
            select(func.count()).where(Issue.kind == "duplicate", Issue.attribute_id == style.id)
        )
        tied = session.scalars(
            select(Artwork.path)
            .join(Issue, Issue.artwork_id == Artwork.id)
            .where(Issue.kind == "label_conflict")
        ).all()
    assert flagged == 2 * 1_349
    assert tied == ["Post_Impressionism/maurice-de-vlaminck_the-village.jpg"]


def test_all_769_awkward_names_are_found(taken: Taken, filled: Catalog) -> None:
    awkward = {path for path in taken.tree.listed if is_awkward(path)}
    assert len(awkward) == 769
    with filled.read() as session:
        lost = session.scalars(select(Artwork.path).where(Artwork.status == "missing")).all()
    assert set(lost) == {unicodedata.normalize("NFC", path) for path in taken.tree.missing}
    assert taken.first.notes["found_under_another_spelling"] > 500


def test_the_split_of_the_style_list_is_told(filled: Catalog) -> None:
    with filled.read() as session:
        lists = split_lists(session)
    assert lists["style"] == {"train": 57_025, "val": 24_421}
