"""A FiftyOne dataset of label issues that come from arrays: no workspace, no catalog."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from review.errors import DatasetNameTaken
from review.fiftyone.connect import import_plain_fiftyone
from review.fiftyone.dataset.samples import field_of


def make_dataset(name: str, paths: Sequence[str | None], issues: Iterable[Mapping[str, Any]]) -> Any:
    """Make a dataset of images, each label with its issue in fields beside it.

    An attribute ``style`` has the fields ``style`` (the label, and ``suggested`` and ``reason`` on it) and
    ``style_wrong`` (the probability that it is wrong); ``row`` is the artwork's place in the arrays. A saved
    view for each attribute shows the likeliest wrong first.

    Args:
        name: The dataset's name.
        paths: The images' files, shape ``(N,)``; an artwork without one is left out.
        issues: A mapping for each label: row, attribute, label, suggested, probability_wrong, reason.

    Raises:
        NoMongod: There is no MongoDB that works.
        DatasetNameTaken: There is a dataset of that name.
    """
    fiftyone = import_plain_fiftyone("find_issues")
    if fiftyone.dataset_exists(name):
        raise DatasetNameTaken(name)
    fields: dict[int, dict[str, Any]] = {row: {} for row, path in enumerate(paths) if path is not None}
    attributes: dict[str, None] = {}
    for issue in issues:
        if issue["row"] not in fields:
            continue
        field = _field(issue["attribute"])
        attributes[field] = None
        fields[issue["row"]] |= {
            field: fiftyone.Classification(
                label=issue["label"], suggested=issue["suggested"], reason=issue["reason"]
            ),
            f"{field}_wrong": float(issue["probability_wrong"]),
        }
    dataset = fiftyone.Dataset(name)
    dataset.add_samples(
        [
            fiftyone.Sample(filepath=str(Path(str(paths[row])).absolute()), row=row, **of_row)
            for row, of_row in fields.items()
        ],
        progress=False,
    )
    for field in attributes:
        dataset.save_view(f"{field}: likeliest wrong", dataset.sort_by(f"{field}_wrong", reverse=True))
    return dataset


def _field(attribute: str) -> str:
    return field_of(re.sub(r"\W+", "_", attribute))
