"""The whole loop, twice round, on a gallery whose label errors are known.

Everything is real (the catalog, the training, FiftyOne, a Label Studio server that is started here and
stopped at the end) except the reviewer, who is a script that answers through Label Studio's API from
the truth kept aside.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curate.demo.gallery import GalleryImage, copy_gallery, draw_gallery, plant_errors, write_listing
from db.classes.classes import attributes, class_list
from db.engine.catalog import Catalog
from db.labels.table import label_table
from db.runs.runs import find_run, read_arrays, run_attributes, run_folder
from db.spelling import display_name
from db.workspace.workspace import Workspace, change_settings, open_workspace

Say = Callable[[str], None]
Command = Callable[[Sequence[str]], None]
Truth = Mapping[str, Mapping[str, str]]
"""The true class key of each attribute, by the image's path; an unknown one is left out."""


@dataclass(frozen=True)
class DemoSettings:
    """What the demo is run with.

    Attributes:
        folder: Where everything goes; only what the demo made there before is replaced.
        gallery: A CSV list of real images; None draws a gallery.
        count: How many images; None takes all of the list.
        error_rate: The share of each attribute's labels that is made wrong.
        reviews: Artworks reviewed a round.
        seed: Seed of the drawing, the planting and the training.
        backbone, image_size: As in ``curate train``.
    """

    folder: Path
    gallery: Path | None = None
    count: int | None = 300
    error_rate: float = 0.1
    reviews: int = 60
    seed: int = 0
    backbone: str = "efficientnet_lite0"
    image_size: int = 96


@dataclass(frozen=True)
class RoundResult:
    """One turn of the loop against the truth; accuracies are of the run that the round began with."""

    round: int
    errors_before: int
    reviewed: int
    fixed: int
    wrongly_changed: int
    errors_after: int
    accuracy: dict[str, float]


Finish = Callable[[list[RoundResult], str], None]

MARKER = ".curate-demo"
"""A folder with this file in it was made by the demo, and may be made again."""


def make_gallery(settings: DemoSettings) -> tuple[Truth, list[str]]:
    """Make ``gallery/labels.csv`` with planted errors, and keep ``truth.csv`` out of the loop's sight.

    Returns:
        The truth, and the attributes in the list's order.
    """
    folder = settings.folder / "gallery"
    if settings.gallery is None:
        records = draw_gallery(folder, settings.count or 300, settings.seed)
    else:
        records = copy_gallery(settings.gallery, folder, settings.count, settings.seed)
    write_listing(records, settings.folder / "truth.csv")
    write_listing(plant_errors(records, settings.error_rate, settings.seed), folder / "labels.csv")
    return truth_of(records), list(records[0].labels)


def truth_of(records: Sequence[GalleryImage]) -> Truth:
    """Return the true classes by path, as class keys."""
    return {
        record.filepath: {name: display_name(value) for name, value in record.labels.items() if value}
        for record in records
    }


def clear_folder(folder: Path) -> None:
    """Remove what an earlier demo left, but for the Label Studio data, whose set-up is slow.

    Raises:
        DemoFolderTaken: The folder holds something that no demo made.
    """
    from curate.errors import DemoFolderTaken

    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise DemoFolderTaken(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    for name in ("gallery", "workspace"):
        shutil.rmtree(folder / name, ignore_errors=True)


def count_errors(catalog: Catalog, truth: Truth) -> set[tuple[str, str]]:
    """Return the (path, attribute) of every label that is not the true one."""
    with catalog.read() as session:
        table = label_table(session)
        lists = {a.name: class_list(session, a) for a in attributes(session)}
    return {
        (path, name)
        for name, classes in lists.items()
        for path, class_id in zip(table.paths, table.labels[name].tolist(), strict=True)
        if class_id >= 0 and name in truth[path] and classes.key[class_id] != truth[path][name]
    }


def true_accuracy(workspace: Workspace, catalog: Catalog, truth: Truth) -> dict[str, float]:
    """Return the newest run's out-of-sample accuracy against the truth, by attribute."""
    with catalog.read() as session:
        run = find_run(session, None, "demo")
        arrays = read_arrays(run_folder(session, workspace, run.uuid))
        classes = {name: row.classes for name, row in run_attributes(session, run).items()}
        table = label_table(session)
    paths = [table.paths[row] for row in table.rows_of(arrays.artwork_ids)]
    accuracy = {}
    for name, keys in classes.items():
        best = np.nan_to_num(arrays.pred_probs[name]).argmax(axis=1)
        right = [keys[k] == truth[p][name] for k, p in zip(best, paths, strict=True) if name in truth[p]]
        accuracy[name] = round(float(np.mean(right)), 4)
    return accuracy


def run_demo(settings: DemoSettings, command: Command, say: Say, finish: Finish) -> None:
    """Run the loop twice round.

    Args:
        settings: Where, on what, how much.
        command: Runs one command line of curate's, in this process.
        say: Prints a line.
        finish: Is given the rounds and the server's address while the server still runs.
    """
    from review.label_studio.local_server import label_studio_server

    clear_folder(settings.folder)
    say("Making the gallery …")
    truth, names = make_gallery(settings)
    folder = settings.folder / "workspace"
    command(["init", str(folder), "--attributes", ",".join(names)])
    say("Starting Label Studio (its first start takes a minute or two) …")
    with label_studio_server(settings.folder / "label-studio", document_root=settings.folder) as server:
        workspace = change_settings(open_workspace(folder), "label_studio", "url", server.url)
        with environment({"LABEL_STUDIO_API_KEY": server.token}):
            at = ["--workspace", str(folder)]
            command([*at, "ingest", str(settings.folder / "gallery" / "labels.csv")])
            results = [
                _round(
                    number=number,
                    settings=settings,
                    workspace=workspace,
                    truth=truth,
                    command=command,
                    say=say,
                )
                for number in (1, 2)
            ]
            command([*at, "status"])
            finish(results, server.url)


def _round(
    number: int, settings: DemoSettings, workspace: Workspace, truth: Truth, command: Command, say: Say
) -> RoundResult:
    """Go round once: train, see, push, review, sync."""
    at = ["--workspace", str(workspace.folder)]
    say(f"\nRound {number}")
    with workspace.open_catalog() as catalog:
        before = count_errors(catalog, truth)
    options = {"backbone": settings.backbone, "image-size": settings.image_size, "seed": settings.seed}
    command([*at, "train", *(word for name, value in options.items() for word in (f"--{name}", str(value)))])
    command([*at, "issues", "--limit", "5"])
    command([*at, "browse", "--no-launch"])
    command([*at, "push", "--limit", str(settings.reviews)])
    reviewed = _review(open_workspace(workspace.folder), truth, say)
    command([*at, "sync-corrections"])
    with workspace.open_catalog() as catalog:
        after = count_errors(catalog, truth)
        accuracy = true_accuracy(workspace, catalog, truth)
    return RoundResult(
        round=number,
        errors_before=len(before),
        reviewed=reviewed,
        fixed=len(before - after),
        wrongly_changed=len(after - before),
        errors_after=len(after),
        accuracy=accuracy,
    )


def _review(workspace: Workspace, truth: Truth, say: Say) -> int:
    """Answer every open task from the truth, through Label Studio's API; return how many artworks."""
    from review.label_studio.scripted_reviewer import answer_tasks

    with workspace.open_catalog() as catalog, catalog.read() as session:
        table = label_table(session)
        lists = {a.name: class_list(session, a) for a in attributes(session)}
    true_labels = {str(uuid): truth[path] for uuid, path in zip(table.uuids, table.paths, strict=True)}
    shown = {
        str(uuid): {
            name: classes.key[table.labels[name][row]]
            for name, classes in lists.items()
            if table.labels[name][row] >= 0
        }
        for row, uuid in enumerate(table.uuids)
    }
    say("A scripted reviewer answers the tasks from the truth …")
    return answer_tasks(workspace.settings.label_studio, true_labels, shown)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def summary(results: Sequence[RoundResult]) -> str:
    """Return the demo's result in one sentence."""
    planted, left = results[0].errors_before, results[-1].errors_after
    fixed, reviewed = sum(r.fixed for r in results), sum(r.reviewed for r in results)
    spoilt = sum(r.wrongly_changed for r in results)
    return (
        f"{planted} label errors planted; {fixed} found and fixed in {reviewed} reviews "
        f"({reviewed / max(fixed, 1):.1f} reviews an error); {left} left; {spoilt} right labels made wrong."
    )


def result_table(results: Sequence[RoundResult]) -> list[str]:
    """Return the table that the demo ends with: errors and accuracies by round."""
    names = list(results[0].accuracy)
    header = ["round", "errors before", "reviewed", "fixed", "wrongly changed", "errors after"]
    header += [f"{name} accuracy" for name in names]
    rows = [
        [
            str(r.round),
            str(r.errors_before),
            str(r.reviewed),
            str(r.fixed),
            str(r.wrongly_changed),
            str(r.errors_after),
            *(f"{r.accuracy[name]:.3f}" for name in names),
        ]
        for r in results
    ]
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in (header, *rows)
    ]
