"""What is sent for one artwork: the words on its page, the prefilled answers, and our own key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

from db.models import Task
from db.reviews.asking.cards import Card
from review.errors import BadPrediction
from review.label_studio.push.markup import Url, picture_html, question_html
from review.page.card import Asked, ReviewCard
from review.page.labeling_config import class_name


def model_version(run_id: int) -> str:
    """Return what the predictions of a run are called at the server."""
    return f"run-{run_id}"


def task_data(
    card: ReviewCard, asked: Asked, batch: UUID | str, url: Url, attributes: Iterable[str]
) -> dict[str, Any]:
    """Return a task's ``data``: everything that its page shows, and what it is sorted and found by.

    Args:
        card: What is shown.
        asked: What is asked.
        batch: The batch that it is of.
        url: Where a browser finds the image of an artwork.
        attributes: All of them, in the order of the page.
    """
    data: dict[str, Any] = {
        "image": url(card.artwork),
        "artwork": str(card.artwork.uuid),
        "batch": str(batch),
        "score": round(asked.score, 6),
    }
    blocks = {}
    for place, question in enumerate(card.questions):
        data[f"label_{question.attribute}"] = question.label
        data[f"suggested_{question.attribute}"] = question.suggested
        data[f"why_{question.attribute}"] = question.reason
        blocks[question.attribute] = question_html(question, place, url)
    return data | {"shown": [picture_html(card, url), *(blocks[name] for name in attributes)]}


def prediction(card: Card, asked: Asked, version: str, page: Page) -> dict[str, Any]:
    """Return a task's prediction: the suggested classes prefilled, and its place in the queue.

    A blind task prefills nothing, but has a score like any other: a task without one would stand apart.
    """
    issues = [] if asked.blind else [card.issues[a] for a in card.issues if card.issues[a].suggested]
    return {
        "model_version": version,
        "score": round(asked.score, 6),
        "result": [page.result(class_name(issue.attribute), str(issue.suggested)) for issue in issues],
    }


class Page:
    """The controls of a labelling page and what each may answer; Label Studio itself checks neither."""

    def __init__(self, config: str) -> None:
        controls = [c for c in ElementTree.fromstring(config).iter() if c.tag in ("Choices", "Taxonomy")]
        self.kinds: dict[str, str] = {c.attrib["name"]: c.tag.lower() for c in controls}
        self.choices: dict[str, set[str]] = {
            c.attrib["name"]: {choice.attrib["alias"] for choice in c.iter("Choice")} for c in controls
        }

    def result(self, control: str, key: str) -> dict[str, Any]:
        """Return one choice as Label Studio keeps it: in a taxonomy a choice is a path of one step."""
        kind = self.kinds.get(control, "choices")
        value = [[key]] if kind == "taxonomy" else [key]
        return {"from_name": control, "to_name": "image", "type": kind, "value": {kind: value}}

    def check(self, artwork: UUID, prediction: Mapping[str, Any]) -> None:
        """Check a prediction against the page.

        Raises:
            BadPrediction: A control or a class is not on the page, or the score is outside [0, 1].
        """
        if not 0 <= prediction["score"] <= 1:
            raise BadPrediction(str(artwork), f"its score {prediction['score']} is outside 0 to 1")
        for result in prediction["result"]:
            control = result["from_name"]
            if control not in self.choices:
                raise BadPrediction(str(artwork), f"the page has no control {control!r}")
            key = chosen_key(result)
            if key not in self.choices[control]:
                raise BadPrediction(str(artwork), f"{control} has no class {key!r}")


def chosen_key(result: Mapping[str, Any], prefilled: str = "") -> str | None:
    """Return the one key that a result holds, of a list or of a taxonomy; None if it holds another number.

    Args:
        result: As Label Studio keeps it.
        prefilled: A key that stood there before; beside another one it does not count.
    """
    value = result.get("value")
    if not isinstance(value, Mapping):
        return None
    chosen = value.get("choices")
    if chosen is None:
        paths = value.get("taxonomy")
        paths = paths if isinstance(paths, list) else []
        chosen = [path[-1] for path in paths if isinstance(path, list) and path]
        chosen = [key for key in chosen if key != prefilled] or chosen
    if not isinstance(chosen, list) or len(chosen) != 1 or not isinstance(chosen[0], str):
        return None
    return chosen[0]


def sort_out(
    arrived: Sequence[Any], rows: Sequence[Task], by_uuid: Mapping[str, int]
) -> tuple[dict[int, int], list[int]]:
    """Return which tasks at the server to take up, by artwork id, and which are doubles to delete.

    The task that somebody has begun is kept, else the oldest; a begun double is never deleted.
    """
    have = {task.artwork_id: task.task_id for task in rows}
    keep: dict[int, int] = {}
    doubles: list[int] = []
    for task in sorted(arrived, key=lambda task: (not begun(task), task.id)):
        artwork = by_uuid.get(str((task.data or {}).get("artwork")))
        if artwork is None or have.get(artwork) == task.id:
            continue
        if artwork not in have and artwork not in keep:
            keep[artwork] = task.id
        elif not begun(task):
            doubles.append(task.id)
    return keep, doubles


def begun(task: Any) -> bool:
    """Return whether somebody has answered, skipped or begun a task."""
    return bool(task.total_annotations or task.cancelled_annotations or task.drafts)
