"""What museums write where they do not know: one list for every attribute, shown wherever it is applied."""

from __future__ import annotations

from collections.abc import Iterable

from db.spelling import fold

PLACEHOLDERS = (
    # signs
    "-", "--", "---", "–", "—", "?", "??", "???", "(?)", ".", "..", "...", "…", "/", "*", "x x x",
    # what programs write
    "nan", "none", "null", "nil", "n/a", "n.a.", "na", "#n/a", "<na>", "undefined", "#null!",
    "(null)", "\\n",
    # English
    "unknown", "unknown artist", "unknown maker", "unknown genre", "unknown style", "artist unknown",
    "maker unknown", "unidentified", "unidentified artist", "unidentified maker", "anonymous",
    "anonymous artist",
    "anon.", "not known", "not available", "not recorded", "unrecorded", "undated", "n.d.",
    "date unknown",
    "untraced", "unattributed",
    # German
    "unbekannt", "unbekannter Künstler", "unbekannte Künstlerin", "Künstler unbekannt",
    "unbekannter Meister",
    "unbekannter Maler", "anonym", "anonymer Künstler", "o.J.", "ohne Jahr", "o.D.", "ohne Datum",
    "k.A.",
    "keine Angabe", "keine Angaben", "o.A.", "ohne Angabe", "nicht bekannt", "undatiert",
    "unsigniert unbekannt", "N.N.",
    # French
    "inconnu", "inconnue", "artiste inconnu", "auteur inconnu", "anonyme", "s.d.", "sans date",
    "non daté",
    "non renseigné", "n.c.", "non connu", "non identifié",
    # Italian
    "sconosciuto", "sconosciuta", "ignoto", "autore ignoto", "artista sconosciuto",
    "artista ignoto", "anonimo",
    "senza data", "non datato",
    # Spanish and Portuguese
    "desconocido", "desconocida", "autor desconocido", "artista desconocido", "anónimo",
    "sin fecha", "s.f.",
    "sin datos", "s/d", "s/f",
    "desconhecido", "autor desconhecido", "artista desconhecido", "anônimo", "sem data",
    # Dutch and the Scandinavian languages
    "onbekend", "onbekende kunstenaar", "kunstenaar onbekend", "anoniem", "z.j.", "zonder jaar",
    "ongedateerd",
    "ukendt", "ukendt kunstner", "ukjent", "ukjent kunstner", "okänd", "okänd konstnär", "tuntematon",
    # the Baltic languages, Croatian, Ukrainian, Vietnamese
    "nežinomas", "nežinomas autorius", "nezināms", "nezināms autors", "tundmatu", "nepoznat", "neznan",
    "невідомий", "không rõ",
    # Polish, Czech, Hungarian, Russian, Greek, Turkish
    "nieznany", "nieznany autor", "autor nieznany", "anonim", "b.d.", "neznámý", "neznámý autor",
    "ismeretlen",
    "ismeretlen művész", "неизвестен", "неизвестно", "неизвестный", "неизвестный художник",
    "аноним", "б.г.",
    "άγνωστος", "bilinmiyor",
    # Chinese, Japanese, Korean
    "佚名", "未知", "不明", "作者不明", "作者不詳", "不詳", "미상", "작자 미상",
)  # fmt: skip
"""Spellings that say there is no label, in the common languages of museums."""


def placeholder(spelling: str) -> str:
    """Return what placeholders are compared by: the fold without blanks, so that ``k. A.`` is ``k.A.``."""
    return fold(spelling).replace(" ", "")


def placeholders(words: Iterable[str]) -> frozenset[str]:
    """Return a set of placeholders, to be asked with ``placeholder``."""
    return frozenset(placeholder(word) for word in words)


USUAL = placeholders(PLACEHOLDERS)


def is_missing(spelling: str, words: frozenset[str] = USUAL) -> bool:
    """Return whether a spelling stands for no label: blank, or one of the placeholders.

    Example:
        >>> is_missing("Unbekannter Künstler"), is_missing("o. J."), is_missing("Unknown Pleasures")
        (True, True, False)
    """
    text = placeholder(spelling)
    return not text or text in words
