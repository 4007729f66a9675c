"""The Label Studio page of a review: one configuration for all attributes of a workspace.

What a reviewer does some hundred times a day decides its shape. The picture fills the left; on the right
each attribute has one block: the label as it stands, in words why it is doubted, and one row of verdicts
under one row of the keyboard (1 2 3 4 5, then q w e r t, …). "Wrong" opens the list of classes with the
suggestion already chosen, so that both common answers cost one key and the submit key:

====================  ==========================================
right                 ``1``, then Ctrl+Enter
wrong, as suggested   ``2``, then Ctrl+Enter
====================  ==========================================

The list stays hidden until it is needed, and what is hidden is not submitted: a prefilled class that
nobody looked at says nothing.

Names are ours and stable: ``verdict_<attribute>``, ``class_<attribute>``, ``picture``, ``comment``; class
keys are the aliases, so that renaming a class changes no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

KEY_ROWS = ("12345", "qwert", "asdfg", "zxcvb")
"""Hotkeys of the verdicts of the first four attributes, as they lie on the keyboard; later ones have none."""

UNUSABLE_KEY = "0"

LONG = 25
"""A list of more classes is a taxonomy: Label Studio's drop-down list can't be searched, its tree can.

A tree takes several choices, so that another class can be ticked beside the suggestion, which then doesn't
count: with a limit of one the suggestion would first have to be removed."""

WIDTHS = {"minWidth": "400px", "dropdownWidth": "400px"}
"""Of a tree, so that names of artists stay on one line."""

VERDICTS: Mapping[str, tuple[str, str]] = {
    "right": ("Right", "The label is right"),
    "wrong": ("Wrong: it is …", "The label is wrong; the class below is right"),
    "atypical": ("Right, but atypical", "The label is right, though the work is unlike its class"),
    "none_of_these": ("None of these", "No class of the list is right"),
    "unsure": ("Can't tell", "I can't tell from this picture"),
}
"""Alias, text and hint of each verdict, in the order of the keys."""

STYLE = """
.curate { display: flex; gap: 20px; align-items: flex-start }
.curate-picture { flex: 1 1 auto; min-width: 0; position: sticky; top: 0 }
.curate-panel { flex: 0 0 430px; max-width: 45% }
.curate-attribute { border-bottom: 1px solid rgba(128, 128, 128, .35); padding: 0 0 10px; margin: 0 0 10px }
.curate-attribute h4, .curate-attribute h5 { margin: 0 }
.curate-why { opacity: .8 }
"""


@dataclass(frozen=True)
class ClassChoice:
    """One class as the page offers it: the stable key, and the name that people read."""

    key: str
    name: str


def verdict_name(attribute: str) -> str:
    """Return the name of an attribute's verdict control."""
    return f"verdict_{attribute}"


def class_name(attribute: str) -> str:
    """Return the name of an attribute's class control."""
    return f"class_{attribute}"


def labeling_config(classes: Mapping[str, Sequence[ClassChoice]]) -> str:
    """Return the page's XML.

    Args:
        classes: The classes that each attribute offers, attributes in the workspace's order.
    """
    page = ElementTree.Element("View", className="curate")
    ElementTree.SubElement(page, "Style").text = STYLE
    picture = ElementTree.SubElement(page, "View", className="curate-picture")
    ElementTree.SubElement(
        picture,
        "Image",
        name="image",
        value="$image",
        zoom="true",
        zoomControl="true",
        defaultZoom="fit",
        maxWidth="100%",
    )
    panel = ElementTree.SubElement(page, "View", className="curate-panel")
    for number, (attribute, choices) in enumerate(classes.items()):
        _attribute(panel, attribute, choices, KEY_ROWS[number] if number < len(KEY_ROWS) else "")
    unusable = ElementTree.SubElement(panel, "Choices", name="picture", toName="image", choice="single")
    _choice(
        unusable, "unusable", "The image is unusable", "Broken, not an artwork, or too small", UNUSABLE_KEY
    )
    ElementTree.SubElement(
        panel,
        "TextArea",
        name="comment",
        toName="image",
        rows="1",
        maxSubmissions="1",
        editable="true",
        placeholder="A comment, then Enter",
    )
    ElementTree.indent(page)
    return ElementTree.tostring(page, encoding="unicode")


def _attribute(panel: ElementTree.Element, attribute: str, choices: Sequence[ClassChoice], keys: str) -> None:
    """Add one attribute's block: its label and why it is doubted, the verdicts, and the hidden class list."""
    block = ElementTree.SubElement(panel, "View", className="curate-attribute")
    ElementTree.SubElement(block, "Header", value=f"$title_{attribute}", size="4")
    ElementTree.SubElement(block, "Header", value=f"$why_{attribute}", size="5", className="curate-why")
    verdicts = ElementTree.SubElement(
        block, "Choices", name=verdict_name(attribute), toName="image", choice="single", showInline="true"
    )
    for position, (alias, (text, hint)) in enumerate(VERDICTS.items()):
        _choice(verdicts, alias, text, hint, keys[position] if keys else None)
    hidden = ElementTree.SubElement(
        block,
        "View",
        visibleWhen="choice-selected",
        whenTagName=verdict_name(attribute),
        whenChoiceValue="wrong",
    )
    shown = {
        "visibleWhen": "choice-selected",
        "whenTagName": verdict_name(attribute),
        "whenChoiceValue": "wrong",
        "required": "true",
        "requiredMessage": f"Choose the {attribute} that is right, or another verdict.",
    }
    if len(choices) > LONG:
        tag, kind = "Taxonomy", {"placeholder": "Type to search"} | WIDTHS
    else:
        tag, kind = "Choices", {"choice": "single", "layout": "select"}
    named = {"name": class_name(attribute), "toName": "image"}
    tree = ElementTree.SubElement(hidden, tag, named | kind | shown)
    for choice in choices:
        ElementTree.SubElement(tree, "Choice", alias=choice.key, value=choice.name)


def _choice(parent: ElementTree.Element, alias: str, text: str, hint: str, key: str | None) -> None:
    choice = ElementTree.SubElement(parent, "Choice", alias=alias, value=text, hint=hint)
    if key:
        choice.set("hotkey", key)
