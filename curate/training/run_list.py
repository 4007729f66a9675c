"""The runs of a catalog: how each stands, and where the model lies that it handed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import NoImageModel
from db.engine.catalog import Catalog
from db.runs.runs import find_run, run_attributes, run_folder, runs
from db.workspace.workspace import Workspace

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.models import Run

STOPPED = "stopped"
"""The state of a run that is not complete, and that no process trains."""


@dataclass(frozen=True)
class RunRow:
    """One run: its state is ``running``, ``complete`` or ``stopped``; metrics by attribute."""

    run: int
    state: str
    backbone: str
    protocol: str
    created_at: datetime
    metrics: Mapping[str, Mapping[str, Any]]

    def as_record(self) -> dict[str, Any]:
        """Return it as scripts read it."""
        return asdict(self)

    def as_row(self) -> dict[str, Any]:
        """Return it as the row of a table, with a column of accuracies an attribute."""
        record = self.as_record()
        accuracies = {f"{name}_accuracy": one["accuracy"] for name, one in record.pop("metrics").items()}
        return record | accuracies


def run_list(workspace: Workspace, catalog: Catalog) -> list[RunRow]:
    """Return the runs, oldest first."""
    rows = []
    with catalog.read() as session:
        for run in runs(session):
            state = run.state
            if state == "running" and not _is_trained(run_folder(session, workspace, run.uuid)):
                state = STOPPED
            metrics = {name: row.metrics for name, row in run_attributes(session, run).items()}
            rows.append(
                RunRow(
                    run=run.id,
                    state=state,
                    backbone=run.backbone,
                    protocol=run.protocol,
                    created_at=run.created_at,
                    metrics=metrics,
                )
            )
    return rows


def _is_trained(folder: Path) -> bool:
    """Return whether some process trains a run now."""
    from curate.training.run import is_locked

    return folder.is_dir() and is_locked(folder)


def run_with_model(session: Session, run_id: int | None, command: str) -> Run:
    """Return a complete run whose model takes images: by its number, or the newest there is.

    Raises:
        RunNotFound: There is no such run.
        NoRunYet: No run is complete.
        NoImageModel: Its probabilities come from elsewhere, or those of every run do.
    """
    run = find_run(session, run_id, command)
    candidates = [run] if run_id is not None else [one for one in runs(session) if one.state == "complete"]
    for one in reversed(candidates):
        if not one.settings.get("embeddings") and not one.protocol.startswith("imported"):
            return one
    raise NoImageModel(run.id, run.backbone)


def model_path(workspace: Workspace, catalog: Catalog, run_id: int | None, command: str) -> Path:
    """Return where the model of ``run_with_model`` lies, without suffix."""
    with catalog.read() as session:
        return run_folder(session, workspace, run_with_model(session, run_id, command).uuid) / "model"
