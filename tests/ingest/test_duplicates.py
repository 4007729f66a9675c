"""Near duplicates: found by hash, never chained, and not believed in crowds."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from curate.ingest.images.duplicates import find_groups, near_clusters, near_pairs
from db.engine.catalog import Catalog
from db.ingest.duplicates import HashedImages
from db.models import Artwork
from tests.ingest.conftest import Take


def flipped(base: np.ndarray, bits: range) -> np.ndarray:  # type: ignore[type-arg]
    """Return a copy of a hash with some bits turned over."""
    expanded = np.unpackbits(base)
    expanded[list(bits)] ^= 1
    return np.packbits(expanded)


def test_pairs_within_the_radius_are_all_found() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, size=(300, 32), dtype=np.uint8)
    hashes[7] = flipped(hashes[3], range(40))
    hashes[9] = flipped(hashes[4], range(41))

    pairs = list(near_pairs(hashes, radius=40))

    assert pairs == [(3, 7, 40)]


def test_a_chain_is_not_one_cluster() -> None:
    """Five hashes, each 30 bits from the one before: only neighbours are near."""
    base = np.zeros(32, dtype=np.uint8)
    chain = np.stack([flipped(base, range(30 * at)) for at in range(5)])

    clusters = near_clusters(chain, radius=40)

    assert all(len(cluster) == 2 for cluster in clusters)
    assert len(clusters) == 2


def images(hashes: np.ndarray, detail: float = 1000.0) -> HashedImages:  # type: ignore[type-arg]
    n = len(hashes)
    return HashedImages(
        list(range(1, n + 1)),
        [f"{at:064x}" for at in range(n)],
        [row.tobytes().hex() for row in hashes],
        [detail] * n,
        [f"{at}.jpg" for at in range(n)],
    )


def test_images_without_detail_are_not_compared() -> None:
    same = np.zeros((5, 32), dtype=np.uint8)

    assert find_groups(images(same, detail=50.0)) == ([], [])
    assert [len(group.artwork_ids) for group in find_groups(images(same))[0]] == [5]


def test_a_crowd_that_looks_alike_is_told_and_not_grouped_but_for_equal_bytes() -> None:
    crowd = images(np.zeros((60, 32), dtype=np.uint8))
    crowd.sha256[1] = crowd.sha256[0]

    groups, oversize = find_groups(crowd)

    assert [(group.kind, group.artwork_ids) for group in groups] == [("exact", (1, 2))]
    assert [len(group.artwork_ids) for group in oversize] == [60]


def test_equal_bytes_and_near_likeness_make_one_group() -> None:
    base = np.zeros(32, dtype=np.uint8)
    three = images(np.stack([base, base, flipped(base, range(10))]))
    three.sha256[1] = three.sha256[0]

    groups, _ = find_groups(three)

    assert [(group.kind, group.artwork_ids) for group in groups] == [("near", (1, 2, 3))]


SAME_PAINTING = {
    ("01085.jpg", "054"),
    ("02953.jpg", "143"),
    ("02798.jpg", "024"),
    ("00964.jpg", "040"),
    ("00238.jpg", "097"),
}
"""Paintings of near_duplicates/ that stand in wikiart224/ too, as another scan: looked at by eye."""


@pytest.mark.slow
def test_the_150_real_pairs_are_found_beside_3000_paintings(
    take: Take, catalog: Catalog, shared_data: Path
) -> None:
    take(shared_data / "wikiart224" / "labels.csv")
    take(shared_data / "near_duplicates" / "images")
    with catalog.read() as session:
        rows = session.execute(
            select(Artwork.root, Artwork.path, Artwork.duplicate_group_id).where(
                Artwork.duplicate_group_id.is_not(None)
            )
        ).all()
    groups: dict[int, list[str]] = {}
    for root, path, group in rows:
        name = Path(path).name
        groups.setdefault(group or 0, []).append(name if root == "images" else f"wikiart/{name}")
    found = {
        frozenset((one, other))
        for members in groups.values()
        for one in members
        for other in members
        if one < other
    }
    with (shared_data / "near_duplicates" / "pairs.csv").open() as file:
        pairs = {
            frozenset((Path(row["first"]).name, Path(row["second"]).name)) for row in csv.DictReader(file)
        }
    recurring = {
        frozenset((f"wikiart/{painting}", f"{number}_{size}.jpg"))
        for painting, number in SAME_PAINTING
        for size in ("large", "small")
    }
    touching = {pair for pair in found if any(not name.startswith("wikiart/") for name in pair)}

    assert len(pairs & found) / len(pairs) >= 0.98
    assert len(touching & (pairs | recurring)) / len(touching) >= 0.98
