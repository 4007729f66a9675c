"""Images that may be of no use whatever they show; what paintings are like is no fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curate.ingest.images.decoding import check_file
from db.models import Artwork
from db.runs.issues import replace_issues, worst_issues
from db.runs.runs import complete_run, start_run
from db.workspace.workspace import open_workspace

Pixels = NDArray[np.uint8]


def painting(width: int = 300, height: int = 240) -> Pixels:
    """Patches of colour, as a reviewer might see them."""
    patches = np.random.default_rng(0).integers(0, 256, size=(20, 25, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST))


def blurred(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels).resize((30, 24)).resize((300, 240), Image.Resampling.BICUBIC)


IMAGES = {
    "painting": Image.fromarray(painting()),
    "dark": Image.fromarray(painting() // 5),
    "pale": Image.fromarray(220 + painting() // 8),
    "engraving": Image.fromarray(painting()).convert("L").point(lambda v: 255 * (v > 127)),
    "soft": blurred(painting()),
    "scroll": Image.fromarray(painting(900, 160)),
    "thumbnail": Image.fromarray(painting(80, 60)),
    "strip": Image.fromarray(painting(1200, 100)),
    "black": Image.new("RGB", (300, 240), (4, 3, 2)),
    "blank": Image.new("L", (300, 240), 250),
}
FOUND = {
    "thumbnail": (0.8, {"tiny": 0.8}, "only 80×60 pixels"),
    "strip": (0.5, {"long": 0.5}, "12 times as long as it is wide"),
    "black": (0.0, {"plain": 0.0}, "hardly anything on it: one plain ground"),
    "blank": (0.0, {"plain": 0.0}, "hardly anything on it: one plain ground"),
}


def test_only_what_no_reviewer_can_judge_is_found(folder: Path, tmp_path: Path) -> None:
    workspace = open_workspace(folder)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        for name, image in IMAGES.items():
            file = tmp_path / f"{name}.png"
            image.save(file)
            state = check_file(str(file), file.stat().st_size, 0)
            session.add(
                Artwork(
                    collection="c",
                    root="r",
                    path=name,
                    status=state.status,
                    width=state.width,
                    height=state.height,
                    phash_detail=state.phash_detail,
                )
            )
        run = start_run(session, backbone="b", protocol="p", seed=0, settings={}, digest="")
        complete_run(session, run, digest="", classes={}, metrics={}, seconds={}, predictions=[])
        replace_issues(session, run, [])

        rows = worst_issues(session, kind="property")

    assert {row.path: (round(row.score, 2), dict(row.evidence), row.reason) for row in rows} == FOUND
