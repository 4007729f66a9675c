"""What one cell of a label column says: a class, nothing, several values, or another hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from curate.ingest.records import Spelling, bad_spelling
from db.classes.missing import USUAL, is_missing, placeholder

SEVERAL = re.compile(r"\s*[;|]\s*|\s+/\s+")
"""What stands between the values of a cell that holds several."""

HANDS_BEFORE = {
    "after": r"(?:copy|copies|engraving|etching|print|painting)?\s*after|nach|kop(?:ie|ist)\s+(?:nach|naar)"
    r"|copia\s+d[ia]|copie\s+d['’]|d['’]après|d['’]apr[eè]s|naar|copia\s+de|según|secondo|efter|podle|wg|по",
    "workshop": r"(?:work\s?shop|studio|atelier|assistant|assistants)\s+(?:of|to)"
    r"|werkstatt(?:\s+(?:von|des|der))?|atelier\s+(?:de|du|d['’]|van|von|des)|bottega\s+di|taller\s+de|oficina\s+de|værksted|мастерская",
    "circle": r"(?:circle|entourage|orbit|ambit)\s+of|(?:um)?kreis(?:\s+(?:von|des|der))?|umkreis|umfeld"
    r"|(?:cercle|entourage)\s+(?:de|du|d['’])|cerchia\s+di|circolo\s+di|ambito\s+di|círculo\s+de|kring\s+van|omgeving\s+van|круг",
    "follower": r"(?:follower|followers|pupil|imitator|imitation)\s+of|nachfolger|nachfolge|nachahmer|schüler"
    r"|(?:suiveur|élève|imitateur)\s+(?:de|du|d['’])|seguace\s+di|allievo\s+di|seguidor\s+de|discípulo\s+de"
    r"|navolger\s+van|leerling\s+van",
    "school": r"school\s+of|schule(?:\s+(?:von|des|der))?|(?:école|ecole)\s+(?:de|du|d['’])"
    r"|scuola\s+di|escuela\s+de|school\s+van",
    "manner": r"(?:in\s+the\s+)?(?:manner|style)\s+of|(?:art|manier|stil)\s+(?:von|des|der)"
    r"|à\s+la\s+manière\s+de|maniera\s+di|a\s+la\s+manera\s+de|estilo\s+de|trant\s+van",
    "attributed": r"attributed\s+to|attr\.?(?:\s+to)?|ascribed\s+to|possibly(?:\s+by)?|probably(?:\s+by)?"
    r"|perhaps|formerly\s+attributed\s+to|zugeschrieben|wohl|vermutlich|wahrscheinlich|möglicherweise|\?"
    r"|attribu[ée]e?\s+[àa]|attribuito\s+a|atribuido\s+a|atribuído\s+a|toegeschreven\s+aan|tilskrevet|приписывается",
}
"""What stands before a name where the work is not, or not surely, by that hand."""
HANDS_BEHIND = {
    "attributed": r"\?|\(\?\)|[(\[,]\s*(?:attributed(?:\s+to)?|attr\.?|attrib\.?|zugeschrieben"
    r"|zugeschr\.?|zuschreibung|attribu[ée]e?|attribuito|atribuido|toegeschreven)\s*[)\]]?",
    "after": r"[(\[,]\s*(?:after|nach|d['’]après|kopie(?:\s+nach)?|copy(?:\s+after)?|naar"
    r"|copia|copie)\s*[)\]]?",
    "workshop": r"[(\[,]\s*(?:work\s?shop(?:\s+of)?|studio(?:\s+of)?|atelier|werkstatt|bottega|taller)"
    r"\s*[)\]]?|(?<=\s)(?:and|und|et|e|y|en|og|och|&)\s+(?:(?:his|her|seine|son|sua|su)\s+)?"
    r"(?:work\s?shop|studio|assistants?|pupils?|werkstatt|atelier|bottega|taller)",
    "circle": r"[(\[,]\s*(?:circle(?:\s+of)?|umkreis|kreis|umfeld|cercle|entourage|cerchia)\s*[)\]]?",
    "follower": r"[(\[,]\s*(?:follower(?:\s+of)?|nachfolger|nachfolge|schüler|pupil(?:\s+of)?"
    r"|imitator(?:\s+of)?)\s*[)\]]?",
    "school": r"[(\[,]\s*(?:school(?:\s+of)?|schule|école|scuola|escuela)\s*[)\]]?",
    "manner": r"[(\[,]\s*(?:manner(?:\s+of)?|style\s+of|art\s+des|manier)\s*[)\]]?",
}
BEFORE = {
    hand: re.compile(rf"(?:{words})(?:\s*:\s*|\s+|(?<=['’?]))(?P<name>\S.*)", re.IGNORECASE | re.DOTALL)
    for hand, words in HANDS_BEFORE.items()
}
BEHIND = {
    hand: re.compile(
        rf"(?P<name>.*?\S)\s*(?:{words}|[(\[,]\s*(?:{HANDS_BEFORE[hand]})\s*[)\]]?)",
        re.IGNORECASE | re.DOTALL,
    )
    for hand, words in HANDS_BEHIND.items()
}


def attribution(cell: str) -> tuple[str, str] | None:
    """Return (hand, name) where a cell names a workshop, a follower or "X?"; None where it names an artist.

    Example:
        >>> attribution("Werkstatt Rembrandt van Rijn"), attribution("Rubens?"), attribution("Nachtmann, Ada")
        (('workshop', 'Rembrandt van Rijn'), ('attributed', 'Rubens'), None)
    """
    text = cell.strip()
    for patterns in (BEFORE, BEHIND):
        for hand, pattern in patterns.items():
            if match := pattern.fullmatch(text):
                return hand, match["name"].strip(" ,")
    return None


class Said(NamedTuple):
    """What a cell says: its labels; or, where it has none, why, and what was read in it."""

    labels: tuple[str, ...]
    reason: str | None = None
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class CellRule:
    """How the cells of one column are read.

    Attributes:
        missing: Placeholders that stand for no label, as ``db.classes.missing.placeholders`` gives them.
        several: What becomes of several values in a cell: no label, the first, or one class all together.
        hands: Whether "workshop of X" is kept apart from X.
    """

    missing: frozenset[str] = field(default=USUAL, repr=False)
    several: Literal["missing", "first", "whole"] = "whole"
    hands: bool = False

    def says_missing(self, cell: str) -> bool:
        """Return whether a cell stands for no label."""
        return is_missing(cell, self.missing)

    def read(self, cell: Spelling) -> Said:
        """Return what a cell says."""
        if not isinstance(cell, str):
            good = [one for one in cell if not self.says_missing(one)]
            bad = next((reason for one in good if (reason := bad_spelling(one))), None)
            return Said(()) if not good else Said((), bad, {}) if bad else Said(tuple(good))
        if self.says_missing(cell):
            return Said(())
        if self.several != "whole" and (values := several_values(cell, self.missing)):
            if self.several == "missing":
                return Said((), "several_values", {"values": values})
            cell = values[0]
        if (reason := bad_spelling(cell)) is not None:
            return Said((), reason, {})
        if self.hands and (hand := attribution(cell)):
            return Said((), "qualified", {"hand": hand[0], "name": hand[1]})
        return Said((cell,))


def several_values(cell: str, missing: frozenset[str] = USUAL) -> list[str]:
    """Return the values of a cell that has several, nothing where it has one; placeholders are none.

    Example:
        >>> several_values("portrait; landscape"), several_values("portrait;"), several_values("and/or")
        (['portrait', 'landscape'], [], [])
    """
    if not SEVERAL.search(cell):
        return []
    values = [value for value in SEVERAL.split(cell.strip()) if value and placeholder(value) not in missing]
    return values if len(values) > 1 else []
