"""Which encoding a list is in: stated, or found by looking."""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from curate.ingest.errors import BadOption

SAMPLE = 1 << 18
"""Bytes that are looked at."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LETTERS = {
    "cp1252": "äöüßéèêëàâáãåæçîïíìñôóòõøœúûùÿÄÖÜÉÈÊËÀÂÁÃÅÆÇÎÏÍÌÑÔÓÒÕØŒÚÛÙŸšžŠŽ",
    "cp1254": "ğışçöüâîûĞİŞÇÖÜÂÎÛéàäß",
    "cp1250": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻčďěňřšťůýžČĎĚŇŘŠŤŮÝŽőűŐŰĺľŕĹĽŔăâîşţĂÂÎŞŢđĐáéíóúäöüëßçÁÉÍÓÚÄÖÜËÇ",
    "cp1251": "".join(map(chr, range(0x410, 0x450))) + "ЁёІіЇїЄєҐґЎў№",
    "cp1253": "".join(map(chr, range(0x386, 0x3CF))),
    "cp1257": "āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽąęėįųĄĘĖĮŲõäöüßÕÄÖÜéó",
}
"""What spreadsheets wrote before Unicode, a byte a character, with the letters of its languages; the first
where nothing speaks for another."""
WIDE = {"cp932": "shift_jis", "cp949": "euc_kr", "gb18030": "gb2312", "big5": "big5"}
"""The same with two bytes a character, each with the encoding of its common characters alone."""
SIGNS = "„“”‘’‚–—…«»‹›°·•€§©®†×½¼¾²ºª№\u00a0\u00ad"
HUMP = re.compile(r"[a-zß-öø-ÿα-ώа-џğışćčďěłńřśšťůźżž][À-ÖØ-ÞΆ-Ϋ\u0400-\u042fİŞĞ]")
"""A capital inside a word, as one code page makes of another's letters."""
WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
"""A word, in whatever code page of Latin letters."""
INVERTED = re.compile(r"(?<!\w)[¿¡](?=\w)")
ALPHABETS = {
    "cp1252": (
        "éèêàçôîâûëùïœüöä", "äüößé", "éíóáñúü", "ãçéáíõóâúêôàü", "èàùòéì", "øåæéöä", "äåöé", "äöåšž",
        "íáéóðöþúýæ", "ëéïöüè", "àóéèíçòúïü",
    ),
    "cp1250": (
        "łóęążśćńź", "íáéěýčžřšůúóťňďö", "áíéčýžôľšúťňäóďĺŕ", "áéíöóőüúű", "čšžćđ", "čžšć", "ăţâşî",
    ),
    "cp1254": ("ıüöçşğâî",),
    "cp1257": ("ėžšųįąčūę", "āēīūšļņžķčģ", "äõüöšž"),
}  # fmt: skip
"""Letters outside ASCII of the languages of each Latin code page, the commonest first: French, German,
Spanish, Portuguese, Italian, Danish and Norwegian, Swedish, Finnish, Icelandic, Dutch, Catalan; Polish,
Czech, Slovak, Hungarian, Croatian, Slovene, Romanian; Turkish; Lithuanian, Latvian, Estonian."""
FOREIGN = 0.004
"""The chance of a letter that a language does not have: a name from elsewhere."""
FITS = 15
"""Steps in which the shares of languages are fitted."""
CLEARLY_BETTER = 3.0
"""Nats by which another page must explain the letters better than Windows' western one."""


class TextEncoding(NamedTuple):
    """How bytes are text: Python's name of the encoding, the byte-order mark before it, the line end."""

    name: str
    mark: bytes = b""
    newline: str = "\n"

    @property
    def errors(self) -> str:
        """What becomes of bytes that the encoding does not have; they can be written back."""
        return "surrogatepass" if self.name.startswith(("utf-16", "utf-32")) else "surrogateescape"


def guess_encoding(path: Path, stated: str | None = None) -> TextEncoding:
    """Return a list's encoding.

    A byte-order mark counts first, then what the user states, then whether it is UTF-8, then zero bytes at
    every second place (UTF-16), then what the letters look like.

    Raises:
        BadOption: There is no such encoding.
    """
    with path.open("rb") as file:
        start = file.read(SAMPLE)
    name, mark = next(((name, mark) for mark, name in MARKS if start.startswith(mark)), (None, b""))
    if stated is not None:
        wanted = _codec(stated)
        if name is not None and not wanted.startswith(name[:6]):
            raise BadOption(
                f"--encoding {stated}",
                f"{path.name} begins with the byte-order mark of {name}",
                "Leave the option out.",
            )
        name, mark = (wanted, b"") if name is None else (name, mark)
    name = name or _without_mark(path, start)
    sample = start[len(mark) :].decode(name, "replace")
    return TextEncoding(name, mark, "" if "\r" in sample and "\n" not in sample else "\n")


def _codec(stated: str) -> str:
    try:
        name = codecs.lookup(stated).name
    except LookupError as error:
        raise BadOption(
            f"--encoding {stated}", "there is no such encoding", "Usual ones: utf-8, cp1252, utf-16, cp1251."
        ) from error
    return {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(name, name)


def _without_mark(path: Path, start: bytes) -> str:
    if len(start) > 3 and start.count(0):
        at_odd, at_even = start[1::2].count(0), start[::2].count(0)
        if max(at_odd, at_even) > len(start) / 8 and min(at_odd, at_even) < max(at_odd, at_even) / 8:
            return "utf-16-le" if at_odd > at_even else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _legacy(path)
    return "utf-8"


def _legacy(path: Path) -> str:
    """Return which of the older encodings the lines outside ASCII look like.

    Where most of these lines are UTF-8, the list is, and the others are slips of single lines.
    """
    lines = []
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                lines.append(line[:1000])
                if len(lines) == 500:
                    break
    if sum(map(_is_utf8, lines)) * 2 > len(lines):
        return "utf-8"
    return _likeliest(b"".join(lines))


def _is_utf8(line: bytes) -> bool:
    return "�" not in line.decode("utf-8", "replace").rstrip("�")


def _likeliest(data: bytes) -> str:
    """Return the encoding whose letters the text has; Windows' western one where it is as good as others.

    Latin code pages have most of their letters' places in common: which of them it is, the language tells
    whose letters, by how common they are there, explain those of the text best. Each word counts once: an
    artist with two hundred works is no more evidence than one with a single work.
    """
    scores = {name: _plausible(data, name) for name in (*LETTERS, *WIDE)}
    best = max(scores, key=lambda name: scores[name])
    if best not in ALPHABETS:
        return best
    near = [name for name in ALPHABETS if scores[name] >= scores[best] - 0.1]
    words = b" ".join(sorted({word for word in WORD.findall(data) if not word.isascii()}))
    explained = {name: _explained(words, name) - CLEARLY_BETTER * (name != "cp1252") for name in near}
    return max(explained, key=lambda name: explained[name])


def _explained(data: bytes, name: str) -> float:
    """Return the log-likelihood of a text's letters outside ASCII in the languages of a code page.

    The chance of a language's letters falls with their rank. How much of the text is in which language is
    fitted (expectation maximisation), since lists name artists of many countries.
    """
    met = Counter(c.lower() for c in data.decode(name, "replace") if c.isalpha() and not c.isascii())
    chances = [_chances(letters) for letters in ALPHABETS[name]]
    shares = [1 / len(chances)] * len(chances)
    for _ in range(FITS):
        parts = [0.0] * len(chances)
        for letter, n in met.items():
            said = [
                share * chance.get(letter, FOREIGN) for share, chance in zip(shares, chances, strict=True)
            ]
            parts = [part + n * one / sum(said) for part, one in zip(parts, said, strict=True)]
        shares = [part / max(met.total(), 1) for part in parts]
    likelihood = 0.0
    for letter, n in met.items():
        chance = sum(s * one.get(letter, FOREIGN) for s, one in zip(shares, chances, strict=True))
        likelihood += n * math.log(chance)
    return likelihood


def _chances(letters: str) -> dict[str, float]:
    whole = sum(1 / rank for rank in range(1, len(letters) + 1))
    return {letter: 1 / (rank * whole) for rank, letter in enumerate(letters, 1)}


def _plausible(data: bytes, name: str) -> float:
    """Return the share of the characters outside ASCII that texts in an encoding usually have."""
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        return 0.0
    others = [c for c in text if not c.isascii()]
    if name in LETTERS:
        usual = sum(c in LETTERS[name] or c in SIGNS for c in others) + len(INVERTED.findall(text))
        return (usual - len(HUMP.findall(text))) / max(len(others), 1)
    high = sum(byte > 127 for byte in data)
    runs = sum(b > 127 and a < 128 for a, b in zip(b" " + data, data, strict=False))
    if high < 3 * runs:  # single letters among ASCII: a Latin text, whatever characters their pairs give
        return 0.0
    common = WIDE[name]
    usual = sum("가" <= c <= "힣" if name == "cp949" else _has(common, c) for c in others)
    return usual / max(len(others), 1)


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
