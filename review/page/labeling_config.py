"""The Label Studio page of a review: one configuration for all attributes of a workspace.

What a reviewer does some hundred times a day decides its shape. The picture fills the left; on the right
each attribute has one block: the label as it is, in words why it is flagged, and one row of verdicts
under one row of the keyboard (1 2 3 4 5, then q w e r t, …). "Wrong" opens the list of classes with the
suggestion already chosen, so that both common answers cost one key and the submit key:

====================  ==========================================
right                 ``1``, then Ctrl+Enter
wrong, as suggested   ``2``, then Ctrl+Enter
====================  ==========================================

The list stays hidden until it is needed; a prefilled class beside another verdict, or none, says nothing.

Names are ours and stable: ``verdict_<attribute>``, ``class_<attribute>``, ``picture``, ``comment``; class
keys are the aliases, so that renaming a class changes no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from review.page.narrow import NARROW
from review.page.needed import class_needed

KEY_ROWS = ("12345", "qwert", "asdfg", "zxcvb")
"""Hotkeys of the verdicts of the first four attributes, as they lie on the keyboard; later ones have none."""

UNUSABLE_KEY = "0"

PLACES = 12
"""Blocks that the style puts in order; an artwork has a dozen attributes at most."""

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
.curate { display: flex; gap: 16px; align-items: flex-start }
.curate-picture { flex: 1 1 0; min-width: 0; position: sticky; top: 0 }
.curate-panel { flex: 0 0 640px; max-width: 56%; display: flex; flex-direction: column }
.lsf-sidepanels:has(.curate) { padding: 0 !important }
.lsf-sidepanels:has(.curate) .lsf-sidepanels__wrapper { display: none }
.curate .lsf-choices { margin: 4px 0 0; padding: 0 }
.curate .lsf-choices_layout_inline { display: flex; flex-wrap: wrap; gap: 0 12px }
.curate .lsf-choice, .curate .lsf-choice__item { margin: 0; padding: 0; min-height: 0 }
.curate .lsf-choice__checkbox { margin: 0; padding: 0; height: 26px; align-items: center }
.curate .ant-checkbox { top: 0; padding: 0 }
.curate .ant-checkbox + span { line-height: 26px; padding: 0 0 0 6px }
.curate p, .curate h4, .curate figure { margin: 0 }
.curate h4, .curate h4 b { font-size: 16px; line-height: 20px; font-weight: 400 }
.curate h4 b { font-weight: 600 }
.curate-zoom { display: block; cursor: zoom-in; overflow: auto }
.curate-zoom input, .curate-also input { position: absolute; opacity: 0 }
.curate-zoom img { display: block; width: 100%; height: calc(100vh - 170px); object-fit: contain }
.curate-zoom:has(:checked) { cursor: zoom-out; max-height: calc(100vh - 170px) }
.curate-zoom:has(:checked) img { width: 250%; height: auto }
.curate-name { padding-top: 4px; font-size: 13px; overflow-wrap: anywhere }
.curate-attribute { order: 20; position: relative; padding: 0 0 4px; margin: 0 0 6px }
.curate-classes { position: absolute; right: 0; top: -6px; width: 300px }
.curate-attribute:not(:has(input[name^=Wrong]:checked)) .curate-classes { display: none }
.curate-asked h4 { margin-right: 310px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.curate-classes .lsf-choices { margin: 0 }
.curate-classes button { height: 25px; width: 100% }
.curate-attribute:has(.curate-asked) { border-bottom: 1px solid rgba(128, 128, 128, .35) }
.curate-asked p { font-size: 13px; line-height: 17px; max-height: 51px; overflow: auto }
.curate-strips { display: flex; gap: 12px; flex-wrap: wrap; margin-top: 3px }
.curate-strips figure { flex: 0 1 auto; border-left: 3px solid #0072b2; padding-left: 5px }
.curate-strips .curate-suggested { border-left: 3px dashed #d55e00 }
.curate-strips figure div { display: flex; gap: 3px }
.curate-strips img { height: 62px; width: 74px; object-fit: contain; background: rgba(128, 128, 128, .15) }
.curate-strips figcaption { font-size: 12px; line-height: 15px }
.curate-also { cursor: pointer; font-size: 14px }
.curate-also::before { content: "\\25B8  " }
.curate-also:has(:checked)::before { content: "\\25BE  " }
.curate-attribute:has(.curate-also):not(:has(input:checked)) .lsf-choices { display: none }
.curate-last { order: 30; display: flex; gap: 12px; align-items: center }
.curate-last .lsf-text-area { flex: 1 1 auto; margin: 0 !important }
.curate-last .ant-form-item { margin: 0 }
.curate-last .ant-input { padding: 3px 8px; height: 30px }
@media (max-width: 1000px) {
.lsf-editor:has(.curate) { width: 100% !important; min-width: 0 !important; margin: 0 !important }
.curate { flex-direction: column }
.curate-picture { position: static; width: 100%; flex: 0 0 auto }
.curate-zoom img { height: auto; max-height: 60vh }
.curate-zoom:has(:checked) img { max-height: none }
.curate-panel { flex: 0 0 auto; max-width: none; width: 100% }
.curate-classes { position: static; width: 100%; margin-top: 4px }
.curate-asked h4 { margin-right: 0; white-space: normal }
.curate-asked p { max-height: none }
}
"""
"""No rule has a ">": the page's XML would carry it in another spelling.

Blocks that are asked about come first, worst first, and open; the others are folded into a line. On a screen
as narrow as one at 200 % zoom the picture stands above them, and the page scrolls.

Colours are told apart by the colour-blind too (blue and vermilion of Okabe and Ito), and by a broken line.
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


def _html(parent: ElementTree.Element, name: str, place: int) -> None:
    """Add a tag that shows a part of the HTML that a task brings.

    All of it is one list, ``shown``, in the task's data: Label Studio takes uploaded images only where its
    page names one key of data. The space makes it look for that key by its name.
    """
    ElementTree.SubElement(parent, "HyperText", name=name, value=f" $shown[{place}]", inline="true")


def labeling_config(classes: Mapping[str, Sequence[ClassChoice]]) -> str:
    """Return the page's XML.

    Args:
        classes: The classes that each attribute offers, attributes in the workspace's order.
    """
    page = ElementTree.Element("View", className="curate")
    places = "".join(
        f".curate-attribute:has(.curate-place-{place}) {{ order: {place} }}\n" for place in range(PLACES + 1)
    )
    ElementTree.SubElement(page, "Style").text = STYLE + NARROW + places
    picture = ElementTree.SubElement(page, "View", className="curate-picture")
    _html(picture, "image", 0)
    panel = ElementTree.SubElement(page, "View", className="curate-panel")
    for number, (attribute, choices) in enumerate(classes.items()):
        keys = KEY_ROWS[number] if number < len(KEY_ROWS) else ""
        _attribute(panel, attribute, choices, number + 1, keys)
    last = ElementTree.SubElement(panel, "View", className="curate-last")
    unusable = ElementTree.SubElement(last, "Choices", name="picture", toName="image", choice="single")
    _choice(
        unusable, "unusable", "The image is unusable", "Broken, not an artwork, or too small", UNUSABLE_KEY
    )
    ElementTree.SubElement(
        last,
        "TextArea",
        name="comment",
        toName="image",
        rows="1",
        maxSubmissions="1",
        editable="true",
        placeholder="A comment, then Enter",
    )
    # the last tag with a key decides which values of it are taken: a text may be a list, HTML may not
    unseen = ElementTree.SubElement(page, "View", style="display: none")
    ElementTree.SubElement(unseen, "Text", name="shown", value=" $shown[0]")
    ElementTree.indent(page)
    return ElementTree.tostring(page, encoding="unicode")


def _attribute(
    panel: ElementTree.Element, attribute: str, choices: Sequence[ClassChoice], place: int, keys: str
) -> None:
    """Add one attribute's block: what the card says of it, the verdicts, and the hidden class list."""
    block = ElementTree.SubElement(panel, "View", className="curate-attribute")
    _html(block, f"about_{attribute}", place)
    verdicts = ElementTree.SubElement(
        block, "Choices", name=verdict_name(attribute), toName="image", choice="single", showInline="true"
    )
    for position, (alias, (text, hint)) in enumerate(VERDICTS.items()):
        _choice(verdicts, alias, text, hint, keys[position] if keys else None)
    hidden = ElementTree.SubElement(block, "View", className="curate-classes")
    if len(choices) > LONG:
        tag, kind = "Taxonomy", {"placeholder": "Type to search"} | WIDTHS
    else:
        tag, kind = "Choices", {"choice": "single", "layout": "select"}
    named = {"name": class_name(attribute), "toName": "image"}
    tree = ElementTree.SubElement(hidden, tag, named | kind)
    for choice in choices:
        ElementTree.SubElement(tree, "Choice", alias=choice.key, value=choice.name)
    class_needed(
        block,
        f"needed_{attribute}",
        marked=(verdict_name(attribute), "wrong"),
        chosen=class_name(attribute),
        to="image",
    )


def _choice(parent: ElementTree.Element, alias: str, text: str, hint: str, key: str | None) -> None:
    choice = ElementTree.SubElement(parent, "Choice", alias=alias, value=text, hint=hint)
    if key:
        choice.set("hotkey", key)
