"""A reviewer who knows the truth: answers open tasks through Label Studio's own API, for demo and tests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from label_studio_sdk import LabelStudio

from db.settings import LabelStudioSettings
from review.labeling_config import class_name, verdict_name

Classes = Mapping[str, str]
"""A class key for each attribute that has one."""


def answer_tasks(
    settings: LabelStudioSettings, truth: Mapping[str, Classes], standing: Mapping[str, Classes]
) -> int:
    """Answer every task that has no annotation yet.

    Args:
        settings: Which server and project; the token is ``LABEL_STUDIO_API_KEY``.
        truth: The true classes by artwork uuid.
        standing: The labels as they stand, by artwork uuid.

    Returns:
        How many tasks were answered.
    """
    client = LabelStudio(base_url=settings.url, api_key=os.environ["LABEL_STUDIO_API_KEY"])
    answered = 0
    for task in client.tasks.list(project=settings.project, page_size=500):
        if task.total_annotations or task.cancelled_annotations:
            continue
        artwork = task.data["artwork"]
        result = answer(truth[artwork], standing.get(artwork, {}))
        client.annotations.create(id=task.id, result=result, was_cancelled=False, lead_time=4.0)
        answered += 1
    return answered


def answer(truth: Classes, standing: Classes) -> list[dict[str, Any]]:
    """Return the annotation of somebody who knows the true classes and sees the standing ones."""
    result = []
    for attribute, true in truth.items():
        right = standing.get(attribute) == true
        result.append(_choice(verdict_name(attribute), "right" if right else "wrong"))
        if not right:
            result.append(_choice(class_name(attribute), true))
    return result


def _choice(name: str, value: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [value]}}
