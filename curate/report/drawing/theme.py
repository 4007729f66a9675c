"""How figures look: one palette, drawn in its light colours, themed by the page that shows them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.figure import Figure

PAPER = "#fdfcfa"
INK = "#24272c"
MUTED = "#6c7077"
LINE = "#dedad3"
ACCENT = "#33608c"
SECOND = "#b8652f"
THIRD = "#29a38f"
FOURTH = "#492593"
FIFTH = "#5d4732"
VARIABLES = {
    PAPER: "paper",
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    ACCENT: "accent",
    SECOND: "second",
    THIRD: "third",
    FOURTH: "fourth",
    FIFTH: "fifth",
}
"""The page's CSS variable for each colour: a figure set into a page follows its theme."""
SERIES = (ACCENT, SECOND, THIRD, FOURTH, FIFTH)
"""Found by search: apart in both themes, however their reader sees colours; a test measures it."""
MARKERS = "os^Dv"
"""The shape of each colour's points, since a line is also told by it."""

RC: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "curate",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
}

SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with the theme; a letter that the font lacks (an emoji) does not warn."""
    with matplotlib.rc_context(RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def shorten(text: str, length: int = 28) -> str:
    """Return a name that fits beside a figure, on one line and of printable characters."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain if len(plain) <= length else plain[: length - 1].rstrip() + "…"


def as_bytes(figure: Figure, format: str) -> bytes:
    """Return a figure as a ``png`` or ``svg`` file; the same figure gives the same bytes."""
    out = io.BytesIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    metadata: dict[str, Any] = nothing if format == "svg" else {"Software": None}
    with drawing():
        figure.savefig(out, format=format, dpi=200, metadata=metadata)
    return out.getvalue()


def as_inline_svg(figure: Figure, prefix: str, title: str) -> str:
    """Return a figure as an ``<svg>`` to set into a page: fluid, in the page's font and colours.

    Args:
        figure: What to draw.
        prefix: Begins every id, so that two figures of a page don't share one.
        title: What it shows, for those who do not see it.
    """
    root = ElementTree.fromstring(as_bytes(figure, "svg"))
    width = root.get("width", "").removesuffix("pt")
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", title)
    root.set("style", f"--width: {float(width) * 4 / 3:.0f}px")
    for style in root.findall(f"{{{SVG}}}defs/{{{SVG}}}style"):
        style.text = ""
    background = root.find(f"{{{SVG}}}g/{{{SVG}}}g")
    if background is not None and background.get("id") == "patch_1":
        background.clear()
    for element in root.iter():
        _theme(element, prefix)
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode")


def _theme(element: ElementTree.Element, prefix: str) -> None:
    """Give one element its own ids, and the page's colours and font."""
    if "id" in element.attrib:
        element.set("id", f"{prefix}-{element.attrib['id']}")
    reference = element.attrib.pop(XLINK, None)
    if reference is not None:
        own = f"#{prefix}-{reference[1:]}" if reference.startswith("#") else reference
        element.set("href", own)
    clip = element.get("clip-path")
    if clip is not None:
        element.set("clip-path", clip.replace("url(#", f"url(#{prefix}-"))
    style = element.get("style")
    if style is not None:
        for colour, name in VARIABLES.items():
            style = style.replace(colour, f"var(--{name})")
        kept = [part for part in style.split("; ") if not part.startswith("font-family")]
        element.set("style", "; ".join(kept))
