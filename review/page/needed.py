"""What holds up a page on which something is wrong, and no class was chosen, and leaves its drafts whole."""

from __future__ import annotations

from xml.etree import ElementTree

MESSAGE = "Choose the right class of what you marked as wrong, or take the mark away."


def class_needed(
    parent: ElementTree.Element, name: str, *, marked: tuple[str, str], chosen: str, to: str
) -> None:
    """Add a control that is required while something is marked as wrong and its list of classes is empty.

    The list itself cannot be required: what Label Studio shows only where something is marked it leaves out
    of drafts, and the suggestions of all that was not marked yet would be gone when a page is opened again.
    So the list is hidden by style alone; this control, which nobody sees and nothing answers, is required.

    Args:
        parent: Where it is added.
        name: Its name.
        marked: The control that marks, and its choice that means wrong.
        chosen: The list of classes.
        to: The tag that all controls of the page belong to.
    """
    wrong = {"visibleWhen": "choice-selected", "whenTagName": marked[0], "whenChoiceValue": marked[1]}
    outer = ElementTree.SubElement(parent, "View", {"style": "display: none"} | wrong)
    inner = ElementTree.SubElement(outer, "View", visibleWhen="choice-unselected", whenTagName=chosen)
    told = {"required": "true", "requiredMessage": MESSAGE}
    needed = ElementTree.SubElement(inner, "Choices", {"name": name, "toName": to, "choice": "single"} | told)
    ElementTree.SubElement(needed, "Choice", alias="none", value="none")
