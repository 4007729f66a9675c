"""One annotation of Label Studio, understood: which verdicts it gives, or why it gives none.

Only what the reviewer said counts. A skipped task, a control left alone, a class that stood prefilled
beside another verdict than *wrong*, or none: none of these says anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from db.classes.classes import ClassList
from db.reviews.answering.answers import Decision
from db.spelling import storable
from review.label_studio.push.tasks import chosen_key
from review.page.labeling_config import VERDICTS, class_name, verdict_name

PICTURE, COMMENT = "picture", "comment"


class NotUnderstood(ValueError):
    """An annotation says what the page cannot have offered; the text is the reason that is kept with it."""


def decisions_of(
    results: object,
    shown: Mapping[str, str],
    class_lists: Mapping[str, ClassList],
    suggested: Mapping[str, str] | None = None,
) -> list[Decision]:
    """Return what an annotation decides.

    Args:
        results: The annotation's ``result``: a list of objects, unless a script wrote it.
        shown: The class key that the page showed as each attribute's label, if it showed one.
        class_lists: The classes of each attribute.
        suggested: The class keys that stood prefilled, by attribute.

    Raises:
        NotUnderstood: A control, a verdict or a class is unknown, or they contradict each other.
    """
    if not isinstance(results, list | tuple) or not all(isinstance(result, Mapping) for result in results):
        raise NotUnderstood("its result is not a list of objects")
    chosen = _chosen(results, class_lists, suggested or {})
    decisions = []
    for attribute, classes in class_lists.items():
        verdict = chosen.get(verdict_name(attribute))
        if verdict is not None:
            picked = chosen.get(class_name(attribute))
            decisions.append(_decision(classes, verdict, picked, shown.get(attribute) or None))
    if PICTURE in chosen:
        if chosen[PICTURE] != "unusable":
            raise NotUnderstood(f"{PICTURE} says {chosen[PICTURE]!r}, which the page does not offer")
        decisions.append(Decision(None, "unusable"))
    return decisions


def _chosen(
    results: Sequence[Mapping[str, Any]], class_lists: Mapping[str, ClassList], suggested: Mapping[str, str]
) -> dict[str, str]:
    """Return the one choice of each control that says something."""
    verdicts = [PICTURE, *map(verdict_name, class_lists)]
    controls = {*verdicts, *map(class_name, class_lists), COMMENT}
    for result in results:
        if str(result.get("from_name")) not in controls:
            raise NotUnderstood(f"there is no control {str(result.get('from_name'))!r} on the page")
    chosen = {control: key for control in verdicts if (key := _choice_of(results, control)) is not None}
    for attribute in class_lists:
        # a class beside another verdict stood prefilled, or the reviewer thought better of it
        if chosen.get(verdict_name(attribute)) == "wrong":
            key = _choice_of(results, class_name(attribute), suggested.get(attribute, ""))
            if key is not None:
                chosen[class_name(attribute)] = key
    return chosen


def _choice_of(results: Sequence[Mapping[str, Any]], control: str, prefilled: str = "") -> str | None:
    """Return the one choice of a control; None where it was left alone."""
    keys = [chosen_key(result, prefilled) for result in results if result.get("from_name") == control]
    if None in keys:
        raise NotUnderstood(f"{control} does not hold one choice")
    if len(set(keys)) > 1:
        raise NotUnderstood(f"{control} holds two choices")
    return keys[0] if keys else None


def _decision(classes: ClassList, verdict: str, picked: str | None, shown: str | None) -> Decision:
    """Return one attribute's decision."""
    name = classes.attribute
    if verdict not in VERDICTS:
        raise NotUnderstood(f"{verdict_name(name)} says {verdict!r}, which the page does not offer")
    seen = None if shown is None else classes.id_of.get(shown)
    if verdict in ("none_of_these", "unsure"):
        return Decision(classes.attribute_id, verdict, given_id=seen)
    key = picked if verdict == "wrong" else shown
    if key is None:
        missing = "no class was chosen" if verdict == "wrong" else "the page showed no label"
        raise NotUnderstood(f"{name} is said to be {verdict}, and {missing}")
    if key not in classes.id_of:
        raise NotUnderstood(f"{name} has no class {key!r}")
    chosen = classes.id_of[key]
    if verdict == "wrong" and seen == chosen:
        raise NotUnderstood(f"{name} is said to be wrong, and the class chosen is the same, {key!r}")
    decision = {"right": "confirmed", "wrong": "labelled" if shown is None else "corrected"}
    return Decision(classes.attribute_id, decision.get(verdict, verdict), chosen, seen)


def shown_labels(data: Mapping[str, Any], class_lists: Mapping[str, ClassList]) -> dict[str, str]:
    """Return the class keys that a task's page showed as labels."""
    return {attribute: str(data.get(f"label_{attribute}") or "") for attribute in class_lists}


def comment_of(results: object) -> str | None:
    """Return the reviewer's comment, if there is one, as every database takes it."""
    lines: list[str] = []
    for result in results if isinstance(results, list) else ():
        if isinstance(result, Mapping) and result.get("from_name") == COMMENT:
            value = result.get("value")
            text = value.get("text") if isinstance(value, Mapping) else None
            lines.extend(map(str, text) if isinstance(text, list) else [str(text)] if text else [])
    return storable("\n".join(lines)).strip() or None


def user_id(annotation: Mapping[str, Any]) -> int:
    """Return who made an annotation; the server gives an id or a user."""
    who = annotation.get("completed_by")
    if isinstance(who, Mapping):
        who = who.get("id")
    return int(who) if isinstance(who, int | str) and str(who).isdecimal() else 0


def who_made(annotations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return who made each annotation of a task: the user's number.

    A server forgets who a deleted user was. Two annotations of one task are of two people all the same.
    """
    people, unknown = [], 0
    for annotation in annotations:
        who = user_id(annotation)
        unknown += who == 0
        people.append(str(who) if who else f"deleted {unknown}")
    return people


def moment(text: str) -> datetime:
    """Return a time of the server's."""
    return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
