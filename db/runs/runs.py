"""Training runs: a row in the catalog, and arrays beside it that are written first and named by digest."""

from __future__ import annotations

import hashlib
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes.classes import attributes
from db.engine.bulk import insert_rows
from db.errors import NoRunYet, RunDamaged, RunNotFound
from db.models import Attribute, CatalogSetting, Prediction, Run, RunAttribute, now
from db.workspace.secrets import redact_values
from db.workspace.workspace import Workspace

CHUNK = 5000


def run_folder(session: Session, workspace: Workspace, uuid: UUID) -> Path:
    """Return the folder of a run's arrays and checkpoint: ``<runs_url>/<uuid>``."""
    return runs_folder(workspace, session.get_one(CatalogSetting, "runs_url").value) / str(uuid)


def runs_folder(workspace: Workspace, runs_url: str) -> Path:
    """Return the folder that a catalog's ``runs_url`` means: a file URL, or a path in the workspace."""
    if runs_url.startswith("file://"):
        return Path(url2pathname(urlparse(runs_url).path))
    return workspace.folder / runs_url


def start_run(
    session: Session,
    *,
    backbone: str,
    protocol: str,
    seed: int,
    settings: Mapping[str, Any],
    digest: str,
    labels_seen: int = 0,
    uuid: UUID | None = None,
) -> Run:
    """Add a run in state ``running``; ``uuid`` where its folder was made before it."""
    run = Run(
        uuid=uuid or uuid4(),
        backbone=backbone,
        protocol=protocol,
        seed=seed,
        settings=redact_values(settings),
        label_digest=digest,
        labels_seen=labels_seen,
    )
    session.add(run)
    session.flush()
    return run


@dataclass(frozen=True)
class RunArrays:
    """What a run says of N artworks; probabilities are float16 on disk.

    Attributes:
        artwork_ids: Shape ``(N,)``, ascending.
        pred_probs: By attribute, shape ``(N, K)``, columns as ``classes``; NaN rows where no image was read.
        embedding: Shape ``(N, D)``, L2-normalised rows; None where the run's model gave none.
        folds: The fold whose model predicted the row, -1 for the mean of all, shape ``(N,)``.
    """

    artwork_ids: NDArray[np.int64]
    pred_probs: dict[str, NDArray[np.float32]]
    embedding: NDArray[np.float32] | None
    folds: NDArray[np.int64]


def write_arrays(folder: Path, arrays: RunArrays) -> str:
    """Write a run's arrays and return their digest."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, NDArray[Any]] = {
        "artworks.npy": arrays.artwork_ids,
        "folds.npy": arrays.folds.astype(np.int16),
    }
    if arrays.embedding is not None:
        files["embedding.npy"] = arrays.embedding.astype(np.float16)
    for attribute, probs in arrays.pred_probs.items():
        files[f"pred_probs.{attribute}.npy"] = probs.astype(np.float16)
    for name, array in files.items():
        with (folder / f".{name}").open("wb") as file:
            np.save(file, array)
        (folder / f".{name}").replace(folder / name)
    return arrays_digest(folder)


def arrays_digest(folder: Path) -> str:
    """Return the digest over all arrays of a run."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("[!.]*.npy")):
        digest.update(path.name.encode())
        if path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def require_arrays(folder: Path, digest: str | None) -> None:
    """Compare a run's arrays with their digest: a byte that turned would be another probability.

    Raises:
        RunDamaged: They are others, or are not there.
    """
    if not folder.is_dir():
        raise RunDamaged(folder, "is not there")
    if arrays_digest(folder) != digest:
        raise RunDamaged(folder, "has other arrays than were written into it")


def load_array(path: Path, mapped: bool = False) -> NDArray[Any]:
    """Read one array of a run; ``mapped`` leaves it on disk until it is looked at.

    Raises:
        RunDamaged: The file is lost, cut off, or no array.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None)
    except FileNotFoundError as error:
        raise RunDamaged(path, "is not there") from error
    except (ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:
        raise RunDamaged(path, "is cut off, or no array") from error
    if not isinstance(array, np.ndarray):
        raise RunDamaged(path, "is no array")
    return array


def read_arrays(folder: Path) -> RunArrays:
    """Read a run's arrays back; probabilities as float32."""
    pred_probs = {
        path.name.removeprefix("pred_probs.").removesuffix(".npy"): load_array(path).astype(np.float32)
        for path in sorted(folder.glob("pred_probs.*.npy"))
    }
    embedding = folder / "embedding.npy"
    return RunArrays(
        load_array(folder / "artworks.npy"),
        pred_probs,
        load_array(embedding).astype(np.float32) if embedding.is_file() else None,
        load_array(folder / "folds.npy").astype(np.int64),
    )


def read_pred_probs(
    session: Session, workspace: Workspace, run: Run, attribute: Attribute
) -> tuple[NDArray[np.int64], list[str], NDArray[np.float16]] | None:
    """Return a run's artwork ids ``(N,)``, class keys and probabilities ``(N, K)`` of one attribute.

    The probabilities stay on disk until they are looked at. None where the run has none, or where its arrays
    do not lie here.
    """
    row, folder = session.get(RunAttribute, (run.id, attribute.id)), run_folder(session, workspace, run.uuid)
    path = folder / f"pred_probs.{attribute.name}.npy"
    if row is None or not path.is_file():
        return None
    return load_array(folder / "artworks.npy"), list(row.classes), load_array(path, mapped=True)


def complete_run(
    session: Session,
    run: Run,
    *,
    digest: str,
    classes: Mapping[str, Sequence[str]],
    metrics: Mapping[str, Mapping[str, Any]],
    seconds: Mapping[str, float],
    predictions: Iterable[Mapping[str, Any]],
) -> None:
    """Write what a run found, and mark it complete, in the caller's one transaction."""
    by_name = {attribute.name: attribute.id for attribute in attributes(session)}
    for name, keys in classes.items():
        session.add(
            RunAttribute(
                run_id=run.id, attribute_id=by_name[name], classes=list(keys), metrics=dict(metrics[name])
            )
        )
    rows = iter(predictions)
    while chunk := list(islice(rows, CHUNK)):
        columns = ("run_id", *chunk[0])
        insert_rows(session, Prediction, columns, [(run.id, *row.values()) for row in chunk])
    run.arrays_digest, run.seconds = digest, dict(seconds)
    run.state, run.completed_at = "complete", now()
    session.add(run)


def fail_run(session: Session, run: Run) -> None:
    """Mark a run as failed: the process that trained it is gone, and no other continues it."""
    run.state, run.completed_at = "failed", now()
    session.add(run)


def runs(session: Session) -> list[Run]:
    """Return all runs, oldest first."""
    return list(session.scalars(select(Run).order_by(Run.id)))


def find_run(session: Session, run_id: int | None, command: str) -> Run:
    """Return a complete run: by its number, or the newest.

    Raises:
        RunNotFound: No complete run has that number.
        NoRunYet: None is complete yet; ``command`` is what needs one.
    """
    there = runs(session)
    complete = [run for run in there if run.state == "complete"]
    if not complete:
        raise NoRunYet(command)
    if run_id is None:
        return complete[-1]
    for run in complete:
        if run.id == run_id:
            return run
    unfinished = run_id in [run.id for run in there]
    raise RunNotFound(run_id, [run.id for run in complete], unfinished)


def provenances(session: Session, run: Run) -> dict[int, str]:
    """Return whose probability each artwork got (``fold``, ``ensemble``, ``test`` …), by artwork id."""
    rows = session.execute(
        select(Prediction.artwork_id, Prediction.provenance).where(Prediction.run_id == run.id).distinct()
    )
    return {row[0]: row[1] for row in rows}


def run_attributes(session: Session, run: Run) -> dict[str, RunAttribute]:
    """Return the classes and metrics of a run by attribute name, in the workspace's order."""
    rows = {
        row.attribute_id: row
        for row in session.scalars(select(RunAttribute).where(RunAttribute.run_id == run.id))
    }
    return {a.name: rows[a.id] for a in attributes(session) if a.id in rows}
