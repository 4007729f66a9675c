"""Bring the workspace's FiftyOne dataset up to date with the catalog, writing only what changed.

The dataset is a view of the catalog and can be made again from it at any time; what is only in the
dataset (tags, a person's own fields and saved views) is never touched. ``info["curate"]`` says how far the
catalog was read: it is written first as unfinished and last as done, so that a sync that was
killed is known and gone over again. Samples that somebody changed since it began are found by FiftyOne's
own ``last_modified_at`` and set right.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from db.browse.picture import Marks, Picture, look
from db.classes.columns import require_own_fields
from db.engine.catalog import Catalog
from db.errors import CurateError
from db.models import CatalogSetting
from db.workspace.progress import Progress, Silent
from db.workspace.workspace import Workspace, open_workspace
from review.errors import DatasetEdited, DatasetOfOriginal, DatasetTaken, DatasetUnreadable
from review.fiftyone.brain import embed, evaluate
from review.fiftyone.connect import import_fiftyone
from review.fiftyone.dataset.samples import field_of, field_types
from review.fiftyone.dataset.views import (
    Confusions,
    arrange,
    count_confusions,
    lay_out_sidebar,
    save_workspace,
)
from review.fiftyone.dataset.writer import SampleWriter
from review.fiftyone.fields import declare_fields
from review.fiftyone.service import recount
from review.mongod import keeping_mongod

VERSION = 4
"""Of the dataset's layout and of the paths of classes that FiftyOne keeps with it (those of
``review/fiftyone/similarity.py``); a dataset of another version is gone over as a whole."""


@dataclass
class SyncSummary:
    """What a sync did to the dataset; ``rebuilt`` says why all of it was gone over, if it was."""

    dataset: str
    samples: int = 0
    added: int = 0
    updated: int = 0
    removed: int = 0
    saved_views: int = 0
    run: int | None = None
    rebuilt: str | None = None


@dataclass
class State:
    """What ``info["curate"]`` keeps between syncs."""

    catalog: str
    workspace: str
    attributes: list[str] = field(default_factory=list)
    version: int = VERSION
    fiftyone: str = ""
    run: int | None = None
    earlier: list[int] = field(default_factory=list)
    marks: Marks = field(default_factory=dict)
    samples: int = 0
    synced_at: str | None = None
    done: bool = False
    fields: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)
    confusions: Confusions = field(default_factory=dict)


def sync_dataset(
    workspace: Workspace,
    catalog: Catalog,
    run_id: int | None = None,
    progress: Progress | None = None,
    full: bool = False,
) -> SyncSummary:
    """Bring the dataset up to date with the catalog; safe to stop and to repeat.

    Args:
        workspace: Names the dataset and where the images lie.
        catalog: The workspace's open catalog.
        run_id: The run whose predictions are shown; the newest complete one if left out.
        progress: Told how far it is.
        full: Compare every sample with the catalog, not only what changed.

    Raises:
        NoMongod: There is no MongoDB that works.
        MongodLost: It died meanwhile.
        DatasetTaken: The dataset's name belongs to something else.
        DatasetUnreadable: A newer FiftyOne made it.
        RootUnknown: Artworks lie under a root that has no folder here.
        RunNotFound: No complete run has that number.
        AttributesClash: What is made of one attribute would stand in a field of another.
    """
    with catalog.read() as session:
        require_own_fields(session)
    with keeping_mongod("browse"), look(catalog, workspace, run_id) as picture:
        fo = import_fiftyone(workspace)
        return _sync(fo, workspace, picture, progress or Silent(), full)


def _sync(fo: Any, workspace: Workspace, picture: Picture, progress: Progress, full: bool) -> SyncSummary:
    dataset, before = open_dataset(fo, workspace, picture)
    types = field_types(picture.names, [run.id for run in picture.earlier])
    state = State(
        picture.catalog_uuid,
        str(workspace.folder),
        list(picture.names),
        fiftyone=fo.__version__,
        run=None if picture.run is None else picture.run.id,
        earlier=[run.id for run in picture.earlier],
        marks=picture.marks,
        fields=list(types),
        views=list(before.views) if before else [],
    )
    writer = SampleWriter(
        fo=fo, dataset=dataset, workspace=workspace, picture=picture, types=types, progress=progress
    )
    why = "it was asked for" if full and before else _why_all(before, state, writer)
    summary = SyncSummary(dataset.name, run=state.run, rebuilt=why if before else None)
    _save_state(dataset, state)
    declare_fields(fo, dataset, types, before.fields if before else [], writer.misdeclared())
    touched = None
    if before is None or why is not None:
        writer.write(picture.artwork_ids())
        writer.remove_others()
    else:
        touched = writer.touched_since(datetime.fromisoformat(str(before.synced_at)))
        writer.write(sorted(picture.changed_since(before.marks) | touched), exact=touched)
    summary.added, summary.updated, summary.removed = writer.added, writer.updated, writer.removed
    moved = bool(writer.added or writer.removed)
    stale = {
        name
        for name in picture.names
        if moved or {field_of(name), f"{field_of(name)}_pred"} & writer.changed_fields
    }
    progress.start(2, "evaluation and map")
    evaluate(dataset, picture, stale, writer.written() if touched == set() and not moved else None)
    progress.advance()
    other_layout = before is not None and before.version != VERSION
    embed(dataset, picture.arrays_folder, workspace.cache_folder / "fiftyone-map.npz", moved, other_layout)
    progress.advance()
    dataset.classes = {name: names.live for name, names in picture.names.items()}
    first_run = before is not None and before.run is None and state.run is not None
    if before is None or first_run or before.fields != state.fields or not dataset.app_config.sidebar_groups:
        lay_out_sidebar(fo, dataset, picture)
    save_workspace(fo, dataset, picture)
    counted = before.confusions if before and why is None else {}
    state.confusions = count_confusions(picture, counted, stale)
    state.views = arrange(fo, dataset, picture, state.views, state.confusions)
    summary.saved_views = len(state.views)
    summary.samples = state.samples = writer.count()
    state.done, state.synced_at = True, writer.started.isoformat()
    _save_state(dataset, state)
    return summary


def open_dataset(fo: Any, workspace: Workspace, picture: Picture) -> tuple[Any, State | None]:
    """Return the workspace's dataset, and its state if it has one: made again, it has none.

    Raises:
        DatasetTaken: The name belongs to another catalog's dataset, or to one that curate did not make.
        DatasetEdited: It no longer says whose it is.
        DatasetOfOriginal: It shows a workspace of which this one is a copy.
        DatasetUnreadable: A newer FiftyOne made it.
    """
    name = workspace.settings.fiftyone.dataset
    if not fo.dataset_exists(name):
        dataset = fo.Dataset(name, persistent=True)
        dataset.media_type = "image"
        return dataset, None
    try:
        dataset = fo.load_dataset(name)
        dataset.reload()  # what another process changed since this one loaded it
    except OSError as error:  # what FiftyOne raises when its own version is too old
        raise DatasetUnreadable(name, str(error)) from error
    recount(fo, dataset)
    kept = dataset.info.get("curate") if isinstance(dataset.info, Mapping) else None
    if kept is None:
        if dataset.count():
            raise DatasetTaken(name, "something other than curate")
        dataset.persistent, dataset.media_type = True, "image"
        return dataset, None
    if not isinstance(kept, Mapping) or not isinstance(kept.get("catalog"), str):
        raise DatasetEdited(name, "its info no longer says which catalog it shows")
    if kept["catalog"] != picture.catalog_uuid:
        raise DatasetTaken(name, f"the workspace {kept.get('workspace')}")
    if dataset.media_type not in ("image", None):
        raise DatasetEdited(name, f"it holds {dataset.media_type}, where images are expected")
    _require_original(name, workspace, picture.catalog_uuid, kept.get("workspace"))
    return dataset, _read_state(kept, State(picture.catalog_uuid, str(workspace.folder), done=False))


def _read_state(kept: Mapping[str, Any], otherwise: State) -> State:
    """Return what a dataset's info says, or, where somebody has changed it, that nothing is known."""
    try:
        fields = {key: kept[key] for key in kept if key in State.__dataclass_fields__}
        state = TypeAdapter(State).validate_json(
            json.dumps(fields)
        )  # FiftyOne's own lists and dicts are none
        if state.done:
            datetime.fromisoformat(str(state.synced_at))
    except (ValidationError, TypeError, ValueError, RecursionError):
        return otherwise
    return state


def _require_original(name: str, workspace: Workspace, catalog: str, owner: object) -> None:
    """Refuse to take over the dataset of a workspace that is still there: this one is a copy of it.

    Raises:
        DatasetOfOriginal: It is; each App would write its verdicts into the other's catalog.
    """
    if not isinstance(owner, str) or not owner or Path(owner).resolve() == workspace.folder.resolve():
        return
    try:
        other = open_workspace(Path(owner))
        if other.database_url == workspace.database_url or os.path.samefile(owner, workspace.folder):
            return
        with other.open_catalog() as theirs, theirs.read() as session:
            row = session.get(CatalogSetting, "uuid")
    except (CurateError, OSError):
        return  # it was moved away: this is the workspace that the dataset shows
    if row is not None and row.value == catalog and other.settings.fiftyone.dataset == name:
        proposed = f"{name}-{uuid4().hex[:6]}"
        raise DatasetOfOriginal(name, owner, str(workspace.folder), proposed)


def _why_all(before: State | None, state: State, writer: SampleWriter) -> str | None:
    """Return why every sample has to be gone over; None where it is enough to write what changed."""
    if before is None:
        return "it is new"
    if before.version != VERSION:
        return f"it was made by another version of curate (layout {before.version}, now {VERSION})"
    if before.fiftyone != state.fiftyone:
        return f"it was made by FiftyOne {before.fiftyone}, and this is {state.fiftyone}"
    if not before.done:
        return "the last sync was stopped before its end"
    if (before.run, before.earlier) != (state.run, state.earlier):
        return f"run {state.run} is shown now"
    if before.fields != state.fields:
        return "its fields changed"
    if before.marks.keys() != state.marks.keys():
        return "its info was changed"
    if before.marks["class_change"] != state.marks["class_change"]:
        return "classes were added, renamed or merged"
    if writer.count() != before.samples:
        return f"it has {writer.count()} samples where the last sync left {before.samples}"
    if odd := writer.misdeclared():
        return f"its field {odd[0]!r} was declared again, as something else"
    if missing := [name for name in state.fields if not writer.has_field(name)]:
        return f"its field {missing[0]!r} is gone"
    return None


def _save_state(dataset: Any, state: State) -> None:
    # a copy: FiftyOne saves what differs from the object that it was given before
    dataset.info["curate"] = asdict(state)
    dataset.save()


def dataset_folder(dataset: Any) -> Path:
    """Return the workspace that a dataset belongs to, as its info says.

    Raises:
        DatasetEdited: It does not say so any more.
    """
    kept = dataset.info.get("curate") if isinstance(dataset.info, Mapping) else None
    if not isinstance(kept, Mapping) or not isinstance(kept.get("workspace"), str):
        raise DatasetEdited(dataset.name, "its info no longer says which workspace it shows")
    return Path(kept["workspace"])
