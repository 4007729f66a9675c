"""How fast the FiftyOne dataset follows the catalog, beside FiftyOne's own ways of writing it.

Run it as ``python benchmarks/fiftyone_sync.py --artworks 80000``; it prints one JSON object:

- ``first_over_bulk``: our first sync over ``add_samples`` and ``set_values`` of the same fields
- ``per_sample_over_first``: ``sample.save()`` one by one over our first sync
- ``one_percent_over_first``: a sync after 1 % of the artworks were relabelled over the first
- ``one_field_over_sync``: saving one changed field of a tenth of the artworks sample by sample over our sync
  of such a change
- ``peak_gib``: the process's largest memory while it synced

Saving one by one is timed on ``--per-sample`` artworks and scaled to all. Nothing of the user's FiftyOne is
touched: the catalog and the database lie in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

WIDTHS = {"style": 27, "genre": 10, "artist": 1119}
CHUNK = 5000


def fill(folder: Path, artworks: int) -> Any:
    """Make a workspace whose catalog has labels in three attributes and a run; images are only named."""
    from db.classes.classes import add_class, attributes
    from db.labels.effective import derive, find_source
    from db.models import Artwork, Label, now
    from db.workspace.workspace import change_settings, init_workspace

    (folder / "images").mkdir()
    workspace = change_settings(
        init_workspace(folder / "ws", tuple(WIDTHS)), "roots", "images", str(folder / "images")
    )
    rng = np.random.default_rng(0)
    with workspace.open_catalog() as catalog:
        classes: dict[str, list[int]] = {}
        with catalog.write() as session:
            source = find_source(session, "import:benchmark").id
            names = {attribute.name: attribute.id for attribute in attributes(session)}
            for attribute in attributes(session):
                width = WIDTHS[attribute.name]
                classes[attribute.name] = [
                    add_class(session, attribute, f"{attribute.name} {k}", "benchmark").id
                    for k in range(width)
                ]
        given = {name: rng.integers(0, width, artworks) for name, width in WIDTHS.items()}
        for start in range(0, artworks, CHUNK):
            ids = range(start + 1, min(start + CHUNK, artworks) + 1)
            with catalog.write() as session:
                session.bulk_insert_mappings(
                    Artwork.__mapper__,
                    [
                        {
                            "id": i,
                            "uuid": uuid4(),
                            "collection": "benchmark",
                            "root": "images",
                            "path": f"{i:06d}.jpg",
                            "status": "ok",
                            "bytes": 40000,
                            "width": 224,
                            "height": 180,
                            "image_format": "JPEG",
                            "updated_at": now(),
                        }
                        for i in ids
                    ],
                )
                session.bulk_insert_mappings(
                    Label.__mapper__,
                    [
                        {
                            "artwork_id": i,
                            "attribute_id": names[name],
                            "class_id": classes[name][given[name][i - 1]],
                            "source_id": source,
                        }
                        for name in WIDTHS
                        for i in ids
                    ],
                )
                derive(session, ids)
        _add_run(workspace, catalog, classes, names, given, rng)
    return workspace


def _add_run(
    workspace: Any,
    catalog: Any,
    classes: dict[str, list[int]],
    names: dict[str, int],
    given: dict[str, Any],
    rng: np.random.Generator,
) -> None:
    from db.models import Prediction
    from db.runs.runs import RunArrays, complete_run, run_folder, start_run, write_arrays

    count = len(next(iter(given.values())))
    pred_probs = {}
    for name, width in WIDTHS.items():
        probs = rng.random((count, width), dtype=np.float32) ** 4
        probs[np.arange(count), given[name]] += 0.5 * (rng.random(count, dtype=np.float32) < 0.8)
        probs /= probs.sum(axis=1, keepdims=True)
        pred_probs[name] = probs
    embedding = rng.standard_normal((count, 256), dtype=np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    arrays = RunArrays(np.arange(1, count + 1), pred_probs, embedding, np.arange(count) % 5)
    with catalog.write() as session:
        run = start_run(
            session, backbone="none", protocol="cross-validation", seed=0, settings={}, digest="benchmark"
        )
        digest = write_arrays(run_folder(session, workspace, run.uuid), arrays)
        for name, probs in pred_probs.items():
            best = probs.argmax(axis=1)
            p_label = probs[np.arange(count), given[name]]
            for start in range(0, count, CHUNK):
                session.bulk_insert_mappings(
                    Prediction.__mapper__,
                    [
                        {
                            "run_id": run.id,
                            "artwork_id": row + 1,
                            "attribute_id": names[name],
                            "fold": row % 5,
                            "provenance": "fold",
                            "predicted_id": classes[name][best[row]],
                            "p_predicted": float(probs[row, best[row]]),
                            "class_id": classes[name][given[name][row]],
                            "p_label": float(p_label[row]),
                            "score": float(p_label[row]),
                            "suggested_id": classes[name][best[row]],
                            "p_suggested": float(probs[row, best[row]]),
                        }
                        for row in range(start, min(start + CHUNK, count))
                    ],
                )
        keys = {name: [f"{name}_{k}" for k in range(width)] for name, width in WIDTHS.items()}
        complete_run(
            session,
            run,
            digest=digest,
            classes=keys,
            metrics={name: {} for name in WIDTHS},
            seconds={},
            predictions=[],
        )


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def relabel(workspace: Any, share: float) -> None:
    """Correct the style of a share of the artworks, as reviewers would."""
    from db.classes.classes import class_list, find_attribute
    from db.labels.table import label_table
    from db.models import now
    from db.reviews.answering.answers import Answer, Decision
    from db.reviews.answering.recording import LOCAL, record

    with workspace.open_catalog() as catalog, catalog.write() as session:
        style = find_attribute(session, "style")
        ids = class_list(session, style).live()
        table = label_table(session)
        step = int(1 / share)
        answers = [
            Answer(
                server=LOCAL,
                annotation_id=uuid4().hex,
                artwork_id=int(artwork),
                reviewer=("benchmark", "benchmark"),
                updated_at=now(),
                decisions=[Decision(style.id, "corrected", ids[int(artwork) % len(ids)])],
            )
            for artwork in table.artwork_ids[::step]
        ]
        record(session, answers)


def bare_bulk(fo: Any, made: list[dict[str, Any]]) -> Any:
    """Write the same fields with ``add_samples`` and ``set_values``, as FiftyOne's guide says."""
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=row["filepath"], metadata=_metadata(fo, row)) for row in made])
    fields = sorted({name for row in made for name in row} - {"filepath", "metadata"})
    for name in fields:
        values = [_value(fo, row.get(name)) for row in made]
        dataset.set_values(name, values, dynamic=True)
    return dataset


def _metadata(fo: Any, row: dict[str, Any]) -> Any:
    fields = {key: value for key, value in row["metadata"].items() if key != "_cls"}
    return fo.ImageMetadata(**fields)


def _value(fo: Any, value: Any) -> Any:
    """Return a value of a document as FiftyOne's own object."""
    if not isinstance(value, dict):
        return value
    fields = {key: inner for key, inner in value.items() if key not in ("_cls", "_id", "tags")}
    if "logits" in fields:
        from fiftyone.core.utils import deserialize_numpy_array

        fields["logits"] = deserialize_numpy_array(fields["logits"])
    return fo.Classification(**fields)


def per_sample(fo: Any, made: list[dict[str, Any]]) -> float:
    """Write the same fields with ``sample.save()``, one by one; return the seconds."""
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=row["filepath"], metadata=_metadata(fo, row)) for row in made])

    def save_all() -> None:
        for sample, row in zip(dataset, made, strict=True):
            for name, value in row.items():
                if name not in ("filepath", "metadata"):
                    sample[name] = _value(fo, value)
            sample.save()

    return seconds(save_all)


def one_field(fo: Any, dataset: Any, count: int) -> float:
    """Change one label of some samples with ``sample.save()``; return the seconds."""

    def save_all() -> None:
        for sample in dataset.limit(count):
            sample["style"] = fo.Classification(label="style 0")
            sample.save()

    return seconds(save_all)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--artworks", type=int, default=80_000)
    parser.add_argument("--per-sample", type=int, default=1000)
    options = parser.parse_args()
    # mongod, which FiftyOne stops when this process ends, may still write while the folder is removed
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        os.environ["FIFTYONE_DATABASE_NAME"] = f"curate_benchmark_{os.getpid()}"
        os.environ["FIFTYONE_DATABASE_DIR"] = f"{temporary}/mongo"
        print(json.dumps(measure(Path(temporary), options.artworks, options.per_sample)))


def measure(folder: Path, artworks: int, few: int) -> dict[str, float]:
    """Time everything once, in a folder that is thrown away."""
    from review.fiftyone.connect import import_fiftyone
    from review.fiftyone.dataset.sync import sync_dataset

    workspace = fill(folder, artworks)
    fo = import_fiftyone(workspace)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with workspace.open_catalog() as catalog:
        first = seconds(lambda: sync_dataset(workspace, catalog))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        relabel(workspace, 0.01)
        one_percent = seconds(lambda: sync_dataset(workspace, catalog))
        unchanged = seconds(lambda: sync_dataset(workspace, catalog))
        relabel(workspace, 0.1)
        tenth = seconds(lambda: sync_dataset(workspace, catalog))
    dataset = fo.load_dataset(workspace.settings.fiftyone.dataset)
    made = _documents(fo, dataset)
    bulk = seconds(lambda: bare_bulk(fo, made))
    few = min(few, artworks)
    alone = per_sample(fo, made[:few]) * artworks / few
    changed = one_field(fo, dataset, few) / few * (artworks / 10)
    fo.core.odm.get_db_client().drop_database(os.environ["FIFTYONE_DATABASE_NAME"])
    return {
        "artworks": artworks,
        "first_seconds": round(first, 1),
        "bulk_seconds": round(bulk, 1),
        "per_sample_seconds": round(alone, 1),
        "one_percent_seconds": round(one_percent, 2),
        "unchanged_seconds": round(unchanged, 2),
        "tenth_seconds": round(tenth, 2),
        "tenth_per_sample_seconds": round(changed, 1),
        "first_over_bulk": round(first / bulk, 3),
        "per_sample_over_first": round(alone / first, 2),
        "one_percent_over_first": round(one_percent / first, 4),
        "one_field_over_sync": round(changed / tenth, 2),
        "peak_gib": round(peak / 2**20, 2),
        "before_gib": round(base / 2**20, 2),
    }


def _documents(fo: Any, dataset: Any) -> list[dict[str, Any]]:
    """Return the documents that our sync wrote, without what FiftyOne adds itself."""
    rows = fo.core.odm.get_db_conn()[dataset._sample_collection_name].find()
    hidden = ("_id", "_dataset_id", "_media_type", "_rand", "created_at", "last_modified_at", "tags")
    return [{key: value for key, value in row.items() if key not in hidden} for row in rows]


if __name__ == "__main__":
    main()
