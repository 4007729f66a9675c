"""The Label Studio page of contact sheets: a grid of artworks, one question, a key or a click for each.

What is marked is wrong; its list of classes shows with the suggestion chosen. Submitting says that all others
are right. ``alone`` leaves an artwork undecided: it is asked about on a card of its own. Names are ours and
stable: ``cell_07`` and ``class_07`` belong to the seventh cell of the sheet, and the task's data says which
artwork that is.
"""

from __future__ import annotations

from xml.etree import ElementTree

from review.page.contact_sheets import PER_SHEET
from review.page.narrow import NARROW
from review.page.needed import class_needed

CELL_KEYS = "1234567890qwertyuiopasdf"
"""Hotkeys of the cells, in their order."""

WRONG, ALONE = "wrong", "alone"

STYLE = """
.curate-sheet p, .curate-sheet h3, .curate-sheet figure { margin: 0 }
.curate-sheet h3 { font-size: 20px; line-height: 24px }
.lsf-sidepanels:has(.curate-sheet) { padding: 0 !important }
.lsf-sidepanels:has(.curate-sheet) .lsf-sidepanels__wrapper { display: none }
.curate-ask { display: flex; gap: 4px 20px; align-items: center; flex-wrap: wrap; padding-bottom: 6px }
.curate-ask div:first-child { flex: 1 1 300px; min-width: 0 }
.curate-ask p { font-size: 13px; line-height: 15px }
.curate-ask figure { border-left: 3px solid #0072b2; padding-left: 5px; font-size: 12px; line-height: 14px }
.curate-ask .curate-suggested { border-left: 3px dashed #d55e00 }
.curate-ask figure div { display: flex; gap: 3px; flex: none }
.curate-ask img { height: 50px; width: 62px; object-fit: contain; background: rgba(128, 128, 128, .15) }
.curate-grid { display: grid; gap: 5px; grid-template-columns: repeat(8, minmax(0, 1fr));
  --cell: max(84px, calc((100vh - 400px) / 3)) }
.curate-grid:not(:has(.curate-cell:nth-child(13) img)) { grid-template-columns: repeat(6, minmax(0, 1fr));
  --cell: max(84px, calc((100vh - 350px) / 2)) }
.curate-grid:not(:has(.curate-cell:nth-child(9) img)) { grid-template-columns: repeat(4, minmax(0, 1fr)) }
.curate-cell { position: relative; background: rgba(128, 128, 128, .1); border: 3px solid transparent }
.curate-cell:not(:has(img)) { display: none }
.curate-cell img { display: block; width: 100%; height: var(--cell); object-fit: contain }
.curate-cell p { font-size: 12px; line-height: 15px; text-align: center; height: 15px; overflow: hidden }
.curate-cell .lsf-choice:last-child .lsf-hint { display: none }
.curate-cell:has(input[name=wrong]:checked) { border: 3px dashed #d55e00 }
.curate-cell:has(input[name=alone]:checked) { border: 3px dotted #0072b2 }
.curate-cell .lsf-choices { margin: 0; padding: 0 }
.curate-cell .lsf-choices_layout_inline { display: flex; gap: 0 6px; flex-wrap: nowrap }
.curate-cell .lsf-choice, .curate-cell .lsf-choice__item { margin: 0; padding: 0; min-height: 0 }
.curate-cell .lsf-choice__checkbox { margin: 0; padding: 0; height: 24px; align-items: center }
.curate-cell .ant-checkbox { top: 0; padding: 0 }
.curate-cell .ant-checkbox + span { line-height: 24px; padding: 0 0 0 3px; font-size: 12px }
.curate-cell .lsf-choice:first-child .lsf-choice__checkbox::before { content: ""; position: absolute;
  left: 0; right: 0; bottom: 26px; height: var(--cell); cursor: pointer }
.curate-cell:has(input[name=wrong]:checked) p { visibility: hidden }
.curate-cell .curate-classes { position: absolute; left: 0; right: 0; bottom: 24px }
.curate-cell:not(:has(input[name=wrong]:checked)) .curate-classes { display: none }
.curate-cell .curate-classes button { height: 22px; width: 100%; font-size: 12px; padding: 0 4px }
@media (max-width: 1250px) {
.lsf-editor:has(.curate-sheet) { width: 100% !important; min-width: 0 !important; margin: 0 !important }
.curate-grid { grid-template-columns: repeat(auto-fill, minmax(155px, 1fr)) !important;
  --cell: 120px !important }
}
"""
"""Fewer artworks are drawn larger, in fewer columns; on a screen as narrow as one at 200 % zoom it scrolls.

The picture itself is the place to click: it is laid over by the label of its first choice.
"""


def cell_name(position: int) -> str:
    """Return the name of a cell's control; positions count from 1."""
    return f"cell_{position:02}"


def cell_class_name(position: int) -> str:
    """Return the name of a cell's list of classes."""
    return f"class_{position:02}"


def contact_config() -> str:
    """Return the page's XML; it is the same for every attribute, since the classes come with each task."""
    page = ElementTree.Element("View", className="curate-sheet")
    ElementTree.SubElement(page, "Style").text = STYLE + NARROW
    ElementTree.SubElement(page, "HyperText", name="sheet", value="$sheet", inline="true")
    grid = ElementTree.SubElement(page, "View", className="curate-grid")
    for position in range(1, PER_SHEET + 1):
        _cell(grid, position)
    ElementTree.indent(page)
    return ElementTree.tostring(page, encoding="unicode")


def _cell(grid: ElementTree.Element, position: int) -> None:
    cell = ElementTree.SubElement(grid, "View", className="curate-cell")
    picture = f"picture_{position:02}"
    ElementTree.SubElement(cell, "HyperText", name=picture, value=f"${picture}", inline="true")
    name = cell_name(position)
    marks = ElementTree.SubElement(
        cell, "Choices", name=name, toName="sheet", choice="single", showInline="true"
    )
    key = CELL_KEYS[position - 1]
    ElementTree.SubElement(marks, "Choice", alias=WRONG, value="wrong", hint="The label is wrong", hotkey=key)
    ElementTree.SubElement(
        marks,
        "Choice",
        alias=ALONE,
        value="alone",
        hint="Ask about this one on a card of its own",
        hotkey=f"shift+{key}",
    )
    classes = ElementTree.SubElement(cell, "View", className="curate-classes")
    chosen = cell_class_name(position)
    named = {"name": chosen, "toName": "sheet", "choice": "single", "layout": "select"}
    ElementTree.SubElement(classes, "Choices", named | {"value": "$classes"})
    class_needed(cell, f"needed_{position:02}", marked=(name, WRONG), chosen=chosen, to="sheet")
