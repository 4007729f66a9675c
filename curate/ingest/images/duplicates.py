"""Group images that are the same: by their bytes, and by perceptual hashes that nearly agree.

Hashes are 256 bits of low frequencies. Measured on 300 scans of 150 paintings beside 3,000 others: all 150
pairs lie within 26 bits of each other; up to 40 bits every pair is one painting, but for one pair of
a series (Monet's cathedral, twice the same view). Above 60 bits come different works.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from db.ingest.duplicates import (
    Group,
    HashedImages,
    count_groups,
    grouped_state,
    hashed_images,
    images_state,
    write_groups,
)

if TYPE_CHECKING:
    from curate.ingest.summary import IngestSummary
    from db.engine.catalog import Catalog
    from db.workspace.progress import Progress

RADIUS = 40
"""Bits of 256 in which two hashes of one image may differ."""

MIN_DETAIL = 200.0
"""Below it a hash is noise: an empty sheet scanned twice has hashes far apart, and two sheets may agree."""

LARGEST = 50
"""A near-duplicate group above it is a chain or a template, not one painting: told, and used for nothing."""

RULE = f"dct256-{RADIUS}-{MIN_DETAIL:g}-{LARGEST}"
QUERIES = 2048


def group_duplicates(catalog: Catalog, summary: IngestSummary, progress: Progress) -> None:
    """Find a catalog's duplicate groups again where its images changed, and count them in the summary."""
    with catalog.read() as session:
        state = images_state(session, RULE)
        images = None if grouped_state(session) == state else hashed_images(session)
    if images is not None:
        progress.start(None, "Looking for duplicates")
        groups, oversize = find_groups(images)
        path_of = dict(zip(images.artwork_ids, images.paths, strict=True))
        for group in oversize:
            summary.remarks.append(
                f"{len(group.artwork_ids)} images look alike, {path_of[group.artwork_ids[0]]} among them: "
                f"too many to be one painting, so they are not grouped"
            )
        summary.oversize_groups = len(oversize)
        with catalog.write() as session:
            write_groups(session, groups, RULE, state)
    with catalog.read() as session:
        counts = count_groups(session)
    summary.exact_groups, summary.near_groups = counts.get("exact", 0), counts.get("near", 0)


def find_groups(images: HashedImages) -> tuple[list[Group], list[Group]]:
    """Return the duplicate groups of some images, and near groups that are too large to be believed."""
    by_bytes: dict[str, list[int]] = defaultdict(list)
    for at, digest in enumerate(images.sha256):
        by_bytes[digest].append(at)
    exact = list(by_bytes.values())
    telling = [members for members in exact if images.detail[members[0]] >= MIN_DETAIL]
    hashes = hash_array([images.phash[members[0]] for members in telling])
    groups, oversize, in_near = [], [], set()
    for cluster in near_clusters(hashes):
        members = sorted(at for one in cluster for at in telling[one])
        group = Group("near", tuple(images.artwork_ids[at] for at in members))
        if len(members) > LARGEST:
            oversize.append(group)
        else:
            groups.append(group)
            in_near.update(members)
    groups += [
        Group("exact", tuple(images.artwork_ids[at] for at in members))
        for members in exact
        if len(members) > 1 and members[0] not in in_near
    ]
    return sorted(groups, key=lambda group: group.artwork_ids), oversize


def hash_array(hashes: Sequence[str]) -> NDArray[np.uint8]:
    """Return hexadecimal hashes as bytes, shape ``(N, 32)``."""
    if not hashes:
        return np.empty((0, 32), dtype=np.uint8)
    return np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint8).reshape(len(hashes), -1)


def near_clusters(hashes: NDArray[np.uint8], radius: int = RADIUS) -> list[list[int]]:
    """Cluster hashes so that any two in a cluster are near: no chain joins what is far apart.

    Pairs are joined from the nearest on, and a join stands only if all across it are near (complete
    linkage). Equal hashes are always together.

    Args:
        hashes: Shape ``(N, 32)``.
        radius: Bits in which two near hashes may differ.

    Returns:
        Clusters of two and more row numbers, each sorted.
    """
    if len(hashes) < 2:
        return []
    distinct, at = np.unique(hashes, axis=0, return_inverse=True)
    rows: list[list[int]] = [[] for _ in distinct]
    for row, one in enumerate(at.ravel().tolist()):
        rows[one].append(row)
    pairs = sorted((distance, a, b) for a, b, distance in near_pairs(distinct, radius))
    near = {(a, b) for _, a, b in pairs}
    cluster_of: dict[int, list[int]] = {}
    for _, a, b in pairs:
        ours, theirs = cluster_of.setdefault(a, [a]), cluster_of.setdefault(b, [b])
        if ours is not theirs and all(((x, y) if x < y else (y, x)) in near for x in ours for y in theirs):
            ours += theirs
            for one in theirs:
                cluster_of[one] = ours
    clusters = list({id(cluster): cluster for cluster in cluster_of.values()}.values())
    joined = [sorted(row for one in cluster for row in rows[one]) for cluster in clusters]
    joined += [members for one, members in enumerate(rows) if one not in cluster_of]
    return sorted(members for members in joined if len(members) > 1)


def near_pairs(hashes: NDArray[np.uint8], radius: int = RADIUS) -> Iterator[tuple[int, int, int]]:
    """Yield (row, later row, distance) of every pair of hashes within ``radius`` bits.

    Args:
        hashes: Shape ``(N, B)`` bytes.
        radius: Hamming distance in bits.
    """
    import faiss

    index = faiss.IndexBinaryFlat(hashes.shape[1] * 8)
    index.add(np.ascontiguousarray(hashes))
    for start in range(0, len(hashes), QUERIES):
        limits, distances, others = index.range_search(
            np.ascontiguousarray(hashes[start : start + QUERIES]), radius + 1
        )
        rows = np.repeat(np.arange(start, start + len(limits) - 1), np.diff(limits).astype(np.int64))
        later = others > rows
        yield from zip(rows[later].tolist(), others[later].tolist(), distances[later].tolist(), strict=True)
