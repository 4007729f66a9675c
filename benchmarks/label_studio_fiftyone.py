"""FiftyOne's own Label Studio backend beside ours, as far as it gets.

``dataset.annotate(backend="labelstudio")`` sends the same labels of the same images, all of them at once,
which is all that it can do; where the server refuses that, half as many are tried, and so on. Nobody answers,
and ``load_annotations`` brings back what came of it: labels that are gone then are lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from review.fiftyone.connect import import_fiftyone
from review.label_studio.local_server import LocalServer
from tests.label_studio.conftest import CLASSES, Gallery

FIELDS = ("style", "genre")


def fiftyone_backend(
    folder: Path, server: LocalServer, gallery: Gallery, seconds: Callable[..., float]
) -> dict[str, object]:
    """Return how many tasks the backend could send, how fast, and how many labels it lost.

    Args:
        folder: The server serves local files below it.
        server: A server that takes legacy tokens, the only kind that the backend knows.
        gallery: The workspace whose labels are sent.
        seconds: Times a step.
    """
    os.environ |= {
        "FIFTYONE_DATABASE_NAME": f"curate_benchmark_{os.getpid()}",
        "FIFTYONE_DATABASE_DIR": str(folder / "mongo"),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(folder),
    }
    fo = import_fiftyone(gallery.workspace)
    try:
        return _as_far_as_it_gets(
            _dataset(fo, Path(gallery.workspace.settings.roots["pictures"])), server, seconds
        )
    finally:
        fo.core.odm.get_db_client().drop_database(os.environ["FIFTYONE_DATABASE_NAME"])


def _as_far_as_it_gets(
    dataset: Any, server: LocalServer, seconds: Callable[[Callable[[], object]], float]
) -> dict[str, object]:
    refused: list[str] = []
    count = len(dataset)
    while count:
        sent = dataset.limit(count).clone()
        try:
            rate = count / seconds(partial(_annotate, sent, server))
        except Exception as error:  # whatever stops it is what is to be told
            refused.append(f"{count}: {type(error).__name__} {str(error).strip().splitlines()[-1][:200]}")
            count //= 2
            continue
        labels = count * len(FIELDS)
        return {
            "tasks": count,
            "tasks_per_second": round(rate),
            "labels": labels,
            "labels_lost": _lost(sent),
            "refused": refused,
        }
    return {"tasks": 0, "refused": refused}


def _dataset(fo: Any, pictures: Path) -> Any:
    dataset = fo.Dataset()
    dataset.add_samples(
        [
            fo.Sample(
                filepath=str(path),
                metadata=fo.ImageMetadata(width=320, height=240, mime_type="image/png"),
                **{name: fo.Classification(label=CLASSES[name][n % 3]) for name in FIELDS},
            )
            for n, path in enumerate(sorted(pictures.glob("*.png")))
        ]
    )
    return dataset


def _annotate(dataset: Any, server: LocalServer) -> None:
    schema = {name: {"type": "classification", "classes": list(CLASSES[name])} for name in FIELDS}
    dataset.annotate(
        "benchmark", backend="labelstudio", label_schema=schema, url=server.url, api_key=server.token
    )


def _lost(dataset: Any) -> int:
    """Return how many labels are gone after the answers, none, were loaded."""
    dataset.load_annotations("benchmark")
    return sum(label is None for name in FIELDS for label in dataset.values(f"{name}.label"))
