"""Features of another model for training: from a file, or from an earlier run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.predictions.errors import NotPredictions
from curate.predictions.files import EmbeddingFile, read_embeddings_file
from curate.predictions.matching import match_artworks
from db.engine.catalog import Catalog
from db.labels.table import LabelTable, label_table
from db.runs.runs import find_run, read_arrays, run_folder
from db.workspace.train_settings import TrainSettings
from db.workspace.workspace import Workspace

EARLIER_RUN = "run:"

WITHOUT_IMAGES = ("ok", "unverified")
"""Artworks that may be trained on by given features: nobody looks at their images."""


def read_given_features(
    workspace: Workspace, catalog: Catalog, settings: TrainSettings
) -> tuple[TrainSettings, EmbeddingFile]:
    """Read the features that ``settings.embeddings`` names.

    Returns:
        Settings that name the features by their content, and the file's in place of a backbone, so that an
        interrupted run is continued on the same ones only; and the features.

    Raises:
        CurateError: There is no such file or run, or it holds no features.
    """
    said = settings.embeddings or ""
    if said.startswith(EARLIER_RUN):
        read = _of_run(workspace, catalog, said)
    else:
        read = read_embeddings_file(Path(said))
    digest = hashlib.sha256(np.ascontiguousarray(read.vectors).tobytes())
    digest.update("\n".join(read.artworks.tolist()).encode())
    name = said if said.startswith(EARLIER_RUN) else read.path.stem
    changes = {"embeddings": f"{said} {digest.hexdigest()[:16]}", "backbone": name[:100]}
    return settings.model_copy(update=changes), read


def _of_run(workspace: Workspace, catalog: Catalog, said: str) -> EmbeddingFile:
    """Return the embedding of an earlier run.

    Raises:
        RunNotFound, NoRunYet: There is no such run.
        NotPredictions: It has none.
    """
    number = said.removeprefix(EARLIER_RUN)
    if not number.isdigit():
        raise NotPredictions(
            Path(said), "names no run", "Give run:N with its number; `curate runs` lists them."
        )
    with catalog.read() as session:
        run = find_run(session, int(number), "train --embeddings")
        arrays = read_arrays(run_folder(session, workspace, run.uuid))
        table = label_table(session, WITHOUT_IMAGES)
    if arrays.embedding is None:
        raise NotPredictions(Path(said), "has no embedding", "It was imported without one.")
    rows = table.rows_of(arrays.artwork_ids)
    kept = rows >= 0
    uuids = np.array([str(table.uuids[row]) for row in rows[kept]], dtype=object)
    return EmbeddingFile(Path(said), uuids, arrays.embedding[kept])


def place_features(
    read: EmbeddingFile, table: LabelTable, workspace: Workspace, catalog: Catalog
) -> NDArray[np.float32]:
    """Return features as a sequence an artwork, shape ``(N, T, D)``; one cell where they are pooled."""
    with catalog.read() as session:
        rows = match_artworks(read.path, read.artworks, table, workspace.settings.roots, session)
    cells = read.vectors if read.vectors.ndim == 3 else read.vectors[:, None]
    placed = np.full((len(table), *cells.shape[1:]), np.nan, dtype=np.float32)
    placed[rows[rows >= 0]] = cells[rows >= 0]
    return placed
