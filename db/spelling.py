"""When two spellings are one class: as seldom as possible, since nobody can separate them again."""

from __future__ import annotations

import re
import unicodedata

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+\.0")
JOINT = re.compile(r"[_-]")
INSIDE = re.compile(r"(?<=[;\t])(?=[=@+-])")
"""Where a formula begins for a spreadsheet that parts cells at ``;``, as in half of Europe, or at tabs."""

NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no workbook can hold; FileMaker puts one of them (``\x0b``) between the lines of a cell."""

FORMULA = re.compile(r"\s*(?:[=@\t\r]|[+-].*[(|!=@&*/<>^+-])", re.DOTALL)


def fold(spelling: str) -> str:
    """Return what the spellings of one class have in common; other classes never share it.

    Dropped are differences of Unicode's canonical normal form (NFC), of case, of white space, and of ``_`` or
    ``-`` standing for a space between letters; ``3.0`` is ``3``, as tables write whole numbers. NFC and not
    NFKC: canonical forms are the same text by Unicode's own definition, compatible ones (``x²``, ``x2``) not.

    Example:
        >>> fold("Art_Nouveau") == fold("art  nouveau"), fold("A+") == fold("A-"), fold("é") == fold("e")
        (True, False, False)
    """
    if spelling.isascii():
        text = spelling.casefold()
    else:
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFD", spelling).casefold())
    text = " ".join(text.split())
    if "_" in text or "-" in text:
        text = JOINT.sub(lambda match: " " if _between_letters(text, match.start()) else match[0], text)
    return text[:-2] if WHOLE_NUMBER.fullmatch(text) else text


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet would run a cell: a sign before a word or a number is no formula.

    Example:
        >>> is_formula("=A1"), is_formula("-2+3+cmd|' /C calc'!A0"), is_formula("-1"), is_formula("A+")
        (True, True, False, False)
    """
    return FORMULA.match(cell) is not None


def guarded_inside(cell: str) -> str:
    """Return a cell of a CSV in which no part is a formula either, however a spreadsheet parts it.

    Example:
        >>> guarded_inside("a;=HYPERLINK(A1)"), guarded_inside("a; b")
        ("a;'=HYPERLINK(A1)", 'a; b')
    """
    return INSIDE.sub("'", cell)


def storable(text: str) -> str:
    r"""Return a text as every database takes it: without NUL, half characters replaced.

    Example:
        >>> storable("a\0b\ud83d")
        'ab?'
    """
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def in_workbook(text: str) -> str:
    """Return a text that a workbook can hold: what it cannot is replaced by the sign for that."""
    return NOT_IN_XML.sub("\ufffd", text)


def _between_letters(text: str, at: int) -> bool:
    """Return whether a character stands between two letters, vowel signs and accents counted with theirs."""
    return 0 < at < len(text) - 1 and all(
        unicodedata.category(text[beside])[0] in "LM" for beside in (at - 1, at + 1)
    )


def loose_fold(text: str) -> str:
    """Return what two texts that look alike have in common: accents and punctuation go too.

    It finds the columns of a header, and tells look-alikes; classes are never one because of it.

    Example:
        >>> loose_fold("Künstler (Name)") == loose_fold("kunstler name")
        True
    """
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return re.sub(r"[\W_]+", " ", plain).strip()


def display_name(spelling: str) -> str:
    """Return a class's spelling as it can be shown: NFC, runs of white space as one blank.

    It folds to the same text as the spelling does, so no two classes of an attribute have it in common.
    """
    return " ".join(unicodedata.normalize("NFC", spelling).split())


def attribute_key(title: str) -> str:
    """Return the key of an attribute by what people call it: lower-case ASCII letters, digits and ``_``.

    A character that no accent leads to an ASCII letter is spelled by its code point.

    Example:
        >>> attribute_key("Künstler"), attribute_key("Object Name"), attribute_key("画家")
        ('kunstler', 'object_name', 'u753bu5bb6')
    """
    plain = unicodedata.normalize("NFKD", title.casefold())
    spelled = "".join(
        c if c.isascii() else f"u{ord(c):x}" if c.isalnum() else "" if unicodedata.combining(c) else "_"
        for c in plain
    )
    key = re.sub(r"[^a-z0-9]+", "_", spelled).strip("_")
    return (key if key[:1].isalpha() else f"a_{key}")[:40].strip("_")
