"""A chart's lines and bars are told apart however their reader sees colours, in both themes."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

from curate.report.drawing.theme import MARKERS, SERIES, VARIABLES
from tests.label_studio.test_colours import SEEN_AS, Colour, contrast, lab, linear

APART = 25.0
"""The least distance in CIE L*a*b* of two lines of a chart; 2.3 is just noticeable."""

STYLE = files("curate.report").joinpath("templates/style.css").read_text(encoding="utf-8")


def palettes() -> dict[str, dict[str, str]]:
    """The page's colours by name, as its two themes have them."""
    light, _, dark = STYLE.partition("prefers-color-scheme: dark")
    return {
        name: dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part.partition("}")[0]))
        for name, part in (("light", light), ("dark", dark))
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", SEEN_AS)
def test_no_two_series_look_the_same(theme: str, sight: str) -> None:
    colours = [palettes()[theme][VARIABLES[colour]] for colour in SERIES]

    def seen(colour: str) -> Colour:
        return lab(np.clip(SEEN_AS[sight] @ linear(colour), 0, 1))

    near = {
        (one, other): float(np.linalg.norm(seen(one) - seen(other)))
        for one, other in combinations(colours, 2)
    }

    assert {pair: apart for pair, apart in near.items() if apart < APART} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_stand_out_from_the_page(theme: str) -> None:
    colours = palettes()[theme]

    assert min(contrast(colours[VARIABLES[c]], colours["paper"]) for c in SERIES) >= 3


def test_the_figures_are_drawn_in_the_light_theme_and_each_series_has_a_shape() -> None:
    light = palettes()["light"]

    assert {name: light[name] for name in VARIABLES.values()} == {n: c for c, n in VARIABLES.items()}
    assert len(set(MARKERS)) == len(SERIES)
