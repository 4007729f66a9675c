"""Killed ingests, and two at once: the catalog stays whole, and the next one completes it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select, text

from db.engine.catalog import Catalog
from db.labels.effective import derive
from db.models import Artwork, Attribute, Class, EffectiveLabel, Label
from db.workspace.workspace import Workspace
from tests.ingest.conftest import Take, draw

pytestmark = pytest.mark.slow

MAIN = "import sys; from curate.cli import main; main(sys.argv[1:])"


def start(workspace: Path, source: Path) -> subprocess.Popen[str]:
    """Begin ``curate ingest`` as a process of its own."""
    command = [sys.executable, "-c", MAIN, "-w", str(workspace), "ingest", str(source), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def large_gallery(folder: Path, artworks: int = 600) -> Path:
    rows = ["filepath,style,genre,artist"]
    for at in range(artworks):
        draw(folder / f"images/{at}.jpg", at % (artworks - 5), (160, 120))
        rows.append(f"images/{at}.jpg,style-{at % 7},genre-{at % 3},artist-{at % 50}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder / "labels.csv"


def content(catalog: Catalog) -> tuple[object, ...]:
    """Return what a catalog says, without its ids and times."""
    with catalog.read() as session:
        artworks = session.execute(
            select(Artwork.path, Artwork.sha256, Artwork.status, Artwork.revision).order_by(Artwork.path)
        ).all()
        groups = session.execute(select(Artwork.path, Artwork.duplicate_group_id)).all()
        labels = session.execute(
            select(Artwork.path, Attribute.name, Class.key)
            .join(Label, Label.artwork_id == Artwork.id)
            .join(Attribute, Attribute.id == Label.attribute_id)
            .join(Class, Class.id == Label.class_id)
            .order_by(Artwork.path, Attribute.name, Class.key)
        ).all()
    by_group: dict[int, list[str]] = {}
    for path, group in groups:
        if group is not None:
            by_group.setdefault(group, []).append(path)
    return artworks, labels, sorted(sorted(paths) for paths in by_group.values())


def assert_whole(catalog: Catalog) -> None:
    """Check the file, its references, and that effective labels are what the labels say."""
    with catalog.write() as session:
        assert session.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
        ids = session.scalars(select(Artwork.id)).all()
        before = session.execute(select(EffectiveLabel.artwork_id, EffectiveLabel.label_id)).all()
        assert derive(session, ids) == 0
        after = session.execute(select(EffectiveLabel.artwork_id, EffectiveLabel.label_id)).all()
        assert sorted(map(tuple, before)) == sorted(map(tuple, after))


def test_an_ingest_killed_at_20_moments_leaves_a_whole_catalog_that_the_next_completes(
    workspace: Workspace, take: Take, catalog: Catalog, tmp_path: Path, empty_workspace: Path
) -> None:
    source = large_gallery(tmp_path / "gallery")
    rng = random.Random(0)
    left_behind: list[psutil.Process] = []
    for _ in range(20):
        process = start(workspace.folder, source)
        time.sleep(rng.uniform(0.3, 1.5))
        left_behind += psutil.Process(process.pid).children() if process.poll() is None else []
        process.kill()
        process.communicate()
        assert_whole(catalog)

    summary = take(source)
    again = take(source)

    assert summary.read == again.written.unchanged == 600
    assert_whole(catalog)
    assert not psutil.wait_procs(left_behind, timeout=20)[1]
    killed = content(catalog)
    with catalog.write() as session:
        assert session.execute(text("SELECT count(*) FROM refusal")).scalar() == 0
    assert killed == content_of_a_quiet_ingest(tmp_path, empty_workspace, source)


def content_of_a_quiet_ingest(tmp_path: Path, empty_workspace: Path, source: Path) -> tuple[object, ...]:
    import shutil

    from curate.ingest import ingest
    from db.workspace.workspace import open_workspace

    shutil.copytree(empty_workspace, tmp_path / "quiet")
    quiet = open_workspace(tmp_path / "quiet")
    ingest(quiet, source)
    with quiet.open_catalog() as catalog:
        return content(catalog)


def test_two_ingests_at_once_end_in_the_same_catalog_as_one(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, empty_workspace: Path
) -> None:
    source = large_gallery(tmp_path / "gallery", 300)

    processes = [start(workspace.folder, source) for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in processes]

    assert [process.returncode for process in processes] == [0, 0], outputs
    assert_whole(catalog)
    assert content(catalog) == content_of_a_quiet_ingest(tmp_path, empty_workspace, source)


def test_two_sources_at_once_get_two_roots(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> None:
    sources = [large_gallery(tmp_path / name / "gallery", 40) for name in ("one", "two")]

    processes = [start(workspace.folder, source) for source in sources]
    outputs = [process.communicate(timeout=300) for process in processes]

    assert [process.returncode for process in processes] == [0, 0], outputs
    assert_whole(catalog)
    with catalog.read() as session:
        roots = session.execute(select(Artwork.root, Artwork.path)).all()
    assert len(roots) == 80
    assert {root for root, _ in roots} == {"gallery", "gallery-2"}
