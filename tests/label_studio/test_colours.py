"""Colours that carry meaning are told apart by the colour-blind, and never stand alone."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pytest
from numpy.typing import NDArray

from review.fiftyone.dataset.views import LABEL_COLOUR, SUGGESTED_COLOUR
from review.page.contact_config import STYLE as SHEET_STYLE
from review.page.labeling_config import STYLE as CARD_STYLE

Colour = NDArray[np.float64]

PAGE = files("review.sheet").joinpath("sheet.html").read_text(encoding="utf-8").partition("</style>")[0]

SEEN_AS = {
    "by most people": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""What a colour is seen as, in linear RGB (Machado, Oliveira and Fernandes 2009, severity 1)."""

APART = 40.0
"""The distance in CIE L*a*b* of two colours that nobody takes for one; 2.3 is just noticeable."""

LIGHT, DARK = "#ffffff", "#121212"


def linear(colour: str) -> Colour:
    """Return a colour as linear RGB in [0, 1]."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: Colour) -> Colour:
    """Return linear RGB as CIE L*a*b* under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = (to_xyz @ rgb) / np.array([0.9505, 1.0, 1.089])
    f = [np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2)."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(weights @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def pairs() -> dict[str, tuple[str, str]]:
    """Return the colours of label and suggestion, or of judged and marked, in each place."""
    variables = dict(re.findall(r"--(label|other): (#[0-9a-f]{6})", PAGE))
    found = {"App": (LABEL_COLOUR, SUGGESTED_COLOUR), "page": (variables["label"], variables["other"])}
    for name, style, label in (
        ("card", CARD_STYLE, r"figure \{ flex: 0 1 auto; border-left: 3px solid (#\w{6})"),
        ("contact sheet", SHEET_STYLE, r"figure \{ border-left: 3px solid (#\w{6})"),
    ):
        solid = re.search(label, style)
        dashed = re.search(r"\.curate-suggested \{ border-left: 3px dashed (#\w{6})", style)
        assert solid and dashed
        found[name] = (solid[1], dashed[1])
    marked = re.search(r"name=wrong\]:checked\) \{ border: 3px dashed (#\w{6})", SHEET_STYLE)
    alone = re.search(r"name=alone\]:checked\) \{ border: 3px dotted (#\w{6})", SHEET_STYLE)
    assert marked and alone
    return found | {"marks": (alone[1], marked[1])}


@pytest.mark.parametrize("sight", SEEN_AS)
def test_label_and_suggestion_are_told_apart(sight: str) -> None:
    for place, (one, other) in pairs().items():
        seen = [np.clip(SEEN_AS[sight] @ linear(colour), 0, 1) for colour in (one, other)]

        assert np.linalg.norm(lab(seen[0]) - lab(seen[1])) > APART, place


def test_lines_stand_out_from_either_page_and_what_is_said_in_colour_can_be_read() -> None:
    for place, colours in pairs().items():
        for colour in colours:
            assert min(contrast(colour, LIGHT), contrast(colour, DARK)) > 3, place
    said = re.findall(r"--said: (#[0-9a-f]{6})", PAGE)

    assert [contrast(said[0], LIGHT) > 4.5, contrast(said[1], DARK) > 4.5] == [True, True]


def test_red_and_green_would_be_noticed() -> None:
    seen = [SEEN_AS["deuteranopia"] @ linear(colour) for colour in ("#c04000", "#5f7f00")]

    assert np.linalg.norm(lab(seen[0]) - lab(seen[1])) < APART


def test_no_colour_stands_alone() -> None:
    """A line's kind, an arrow or a word says the same."""
    assert (
        ".strips .suggested { border-left: 3px dashed" in PAGE and ".cell.marked { border: 3px dashed" in PAGE
    )
    assert ".cell.judged { border: 3px solid" in PAGE
