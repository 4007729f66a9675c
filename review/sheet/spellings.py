"""The words that a sheet takes for a verdict: in any case, with synonyms, in the languages of its readers.

A spreadsheet may turn a word into a truth value and write that in its own language ("wahr", "FAUX"), or as 1
and 0, as LibreOffice does in cells of text: those are taken too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from db.classes.classes import ClassList
from review.page.labeling_config import VERDICTS

SPELLINGS: Mapping[str, Sequence[str]] = {
    "right": (
        "right ok okay yes y correct true 1 agree ✓ ✔ · richtig ja korrekt stimmt wahr · "
        "juste correct oui vrai · correcto sí si verdadero · giusto corretto sì vero · "
        "goed juist correct waar"
    ).split(),
    "wrong": (
        "wrong no n incorrect false 0 disagree ✗ ✘ · falsch nein · faux fausse non · incorrecto falso · "
        "sbagliato errato · fout onjuist nee onwaar"
    ).split(),
    "atypical": ["atypical", "untypisch", "atypisch", "atypique", "atípico", "atipico", "right but atypical"],
    "none_of_these": [
        *("none of these", "none", "keine davon", "keine", "aucun", "aucune", "aucun de ceux ci"),
        *("ninguno", "ninguna", "nessuno", "nessuna", "geen", "geen van deze"),
    ],
    "unsure": [
        *(
            "unsure",
            "can't tell",
            "cannot tell",
            "don't know",
            "unknown",
            "?",
            "unsicher",
            "unklar",
            "weiß nicht",
        ),
        *("incertain", "je ne sais pas", "no sé", "inseguro", "incerto", "non so", "onzeker", "weet niet"),
    ],
}
"""Each verdict's spellings, English first; a ``·`` only parts the languages."""

UNUSABLE = (
    *("unusable", "broken", "unbrauchbar", "kaputt", "inutilisable", "inutilizable"),
    *("inutilizzabile", "onbruikbaar"),
)


def folded(cell: str) -> str:
    """Return what two spellings of a word have in common: case, spaces, ``_``, quotes, a full stop.

    Example:
        >>> folded(" None_of  these. ")
        'none of these'
    """
    plain = unicodedata.normalize("NFC", cell).casefold().replace("’", "'")
    return re.sub(r"[\s_,:…]+", " ", plain).strip(" .!\"'")


_VERDICTS = {folded(word): verdict for verdict, words in SPELLINGS.items() for word in words if word != "·"}
_VERDICTS |= {folded(verdict): verdict for verdict in VERDICTS}
_VERDICTS |= {folded(text): verdict for verdict, (text, _hint) in VERDICTS.items()}
_VERDICTS["?"] = "unsure"
_UNUSABLE = {folded(word) for word in UNUSABLE}


def read_verdict(cell: str) -> str | None:
    """Return the verdict that a cell means, None where it means none."""
    return _VERDICTS.get(folded(cell) or cell.strip())


def read_picture(cell: str) -> str:
    """Return what a cell says of the picture, ``unusable`` by one word."""
    return "unusable" if folded(cell) in _UNUSABLE else cell.strip()


def read_class(cell: str, classes: ClassList) -> str:
    """Return the key of the class that a cell means by key or name; the cell itself where it is no class."""
    said = cell.strip()
    if said in classes.id_of:
        return said
    keys = {folded(name): key for key, name in classes.names.items()}
    keys |= {folded(key): key for key in classes.names}
    return keys.get(folded(said), said)


def allowed(verdict: str) -> str:
    """Return a verdict's word and its other spellings, as the sheet lists them."""
    others = [word for word in SPELLINGS[verdict] if word not in ("·", verdict)]
    return f"{verdict}: {', '.join(dict.fromkeys(others))}"
