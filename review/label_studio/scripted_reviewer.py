"""A reviewer who is a script: answers open tasks through Label Studio's own API, from the known truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from db.workspace.settings import LabelStudioSettings
from review.errors import NothingPushed
from review.label_studio.client import ONCE, Server, connect
from review.page.labeling_config import class_name, verdict_name

Labels = Mapping[str, Mapping[str, str]]
"""Class keys by artwork uuid and attribute."""


def answer_tasks(settings: LabelStudioSettings, truth: Labels, shown: Labels) -> int:
    """Answer every task of the project that has no answer, as a person who knows the truth would.

    Args:
        settings: The server and the project.
        truth: The true class of each artwork and attribute; an attribute left out can't be told.
        shown: The labels as they are, which a task's page shows unless it says otherwise.

    Returns:
        How many tasks were answered.
    """
    if settings.project is None:
        raise NothingPushed(settings.url)
    with connect(settings.url) as server:
        tasks = list(server.tasks(settings.project, ("total_annotations", "equal", "Number", 0)))
        for task in tasks:
            uuid = str(task.data["artwork"])
            labels = shown.get(uuid, {})
            on_page = {name: str(task.data.get(f"label_{name}", label)) for name, label in labels.items()}
            answer(server, task.id, review_of(on_page, truth.get(uuid, {})))
    return len(tasks)


def review_of(shown: Mapping[str, str], truth: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the results of an answer that looks at every attribute of one artwork.

    Args:
        shown: The label of each attribute, as the page shows it.
        truth: The true classes; an attribute without one is answered with "can't tell".
    """
    results = []
    for attribute, label in shown.items():
        true = truth.get(attribute)
        if true is None:
            results.append(choice(verdict_name(attribute), "unsure"))
        elif true == label:
            results.append(choice(verdict_name(attribute), "right"))
        else:
            results.append(choice(verdict_name(attribute), "wrong"))
            results.append(choice(class_name(attribute), true))
    return results


def choice(control: str, key: str) -> dict[str, Any]:
    """Return one result: a control and what was chosen."""
    return {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": [key]}}


def answer(
    server: Server,
    task_id: int,
    results: Sequence[Mapping[str, Any]],
    *,
    seconds: float = 5.0,
    skipped: bool = False,
) -> int:
    """Post one annotation; return its id."""
    with server.asked("to take an answer"):
        made = server.client.annotations.create(
            id=task_id,
            result=[dict(result) for result in results],
            lead_time=seconds,
            was_cancelled=skipped,
            request_options=ONCE,
        )
    assert made.id is not None
    return int(made.id)
