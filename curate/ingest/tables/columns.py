"""What the columns of a list are, where the user does not say: by their names, and by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from db.classes.missing import is_missing
from db.spelling import loose_fold

FILE_WORDS = (
    "filepath", "path", "file path", "filename", "file name", "file", "image", "image path", "img",
    "image file",
    "image filename", "image name", "picture", "photo", "dateiname", "datei", "dateipfad",
    "bilddatei", "bild",
    "bildname", "abbildung", "fichier", "nom du fichier", "nom de fichier", "fichier image",
    "chemin", "archivo",
    "nombre de archivo", "nombre del archivo", "fichero", "imagen", "nome file", "nome del file",
    "file immagine",
    "immagine", "arquivo", "imagem", "bestandsnaam", "bestand", "afbeelding", "filnamn", "filnavn",
    "bilde",
    "plik", "nazwa pliku", "soubor", "файл", "имя файла", "изображение", "ファイル名",
    "画像", "文件名", "图片",
    "image url", "imageurl", "thumbnail url", "thumbnailurl", "primaryimage", "image link", "iiif",
    "iiif url",
)  # fmt: skip
SPLIT_WORDS = ("split", "subset", "set")
ATTRIBUTE_WORDS: Mapping[str, tuple[str, ...]] = {
    "artist": (
        "artist", "artists", "artist name", "artist display name", "artistdisplayname",
        "artist title", "maker",
        "maker name", "creator", "creators", "painter", "author", "attribution", "name of artist",
        "künstler", "künstlerin", "künstler/in", "künstler in", "künstlername", "urheber", "maler",
        "hersteller",
        "artiste", "auteur", "peintre", "nom de l artiste", "artista", "autor", "autore", "pintor",
        "pittore",
        "kunstenaar", "vervaardiger", "maker", "schilder", "konstnär", "kunstner", "kunstnernavn",
        "twórca",
        "umělec", "művész", "художник", "автор", "作者", "画家", "作家", "艺术家", "작가", "화가",
    ),
    "genre": (
        "genre", "genres", "gattung", "bildgattung", "género", "gênero", "genere", "gatunek",
        "žánr", "műfaj",
        "жанр", "ジャンル", "体裁", "장르",
    ),
    "style": (
        "style", "styles", "movement", "art movement", "stil", "stilrichtung", "kunststil",
        "epoche", "mouvement",
        "estilo", "movimiento", "stile", "movimento", "stijl", "stroming", "stilart", "styl",
        "stílus", "стиль",
        "様式", "流派", "风格", "양식",
    ),
}  # fmt: skip
"""What columns of the usual attributes are called in the common languages of museums."""
ID_WORDS = (
    "inventory no", "inventory number", "inventory nr", "inv no", "inv nr", "inventarnummer",
    "inventar nr",
    "inventarnr", "signatur", "accession number", "accession no", "accessionnumber", "accession",
    "object number",
    "objectnumber", "object id", "objectid", "object no", "objektnummer", "numéro d inventaire",
    "n d inventaire",
    "no inventaire", "número de inventario", "nº inventario", "inventario", "numero inventario",
    "inventarisnummer",
    "objectnummer", "museum number", "museum no", "catalogue number", "инвентарный номер",
    "登録番号", "资产编号",
    "id",
)  # fmt: skip
SUFFIX = re.compile(r"\.(?:jpe?g|png|tiff?|webp|gif|bmp|jp2|avif|heic|heif|jxl)(?:$|[?#])", re.IGNORECASE)
LOOKED_AT = 40
"""Cells of a column that are looked for in the folder of images."""


def named_like(columns: Sequence[str], words: Iterable[str]) -> list[str]:
    """Return the columns that have one of these names, in the order of the names."""
    by_fold: dict[str, str] = {}
    for column in columns:
        by_fold.setdefault(loose_fold(column), column)
    matching = dict.fromkeys(by_fold[fold] for word in words if (fold := loose_fold(word)) in by_fold)
    return list(matching)


def guess_file(
    columns: Sequence[str], sample: Sequence[Sequence[str]], exists: Callable[[str], bool] | None
) -> str | None:
    """Return the column of image files: of those that could be it, the one whose files are there.

    Args:
        columns: Their names.
        sample: Some rows.
        exists: Whether a cell names a file of the images' folder; None where nobody looks.
    """
    named = named_like(columns, FILE_WORDS)
    if len(named) == 1:
        return named[0]
    looks = [c for c in columns if c not in named and _share(_cells(columns, sample, c), SUFFIX.search) > 0.5]
    candidates = [*named, *looks, *(c for c in guess_ids(columns, sample) if c not in (*named, *looks))]
    if exists is not None:
        there = {c: sum(map(exists, _cells(columns, sample, c)[:LOOKED_AT])) for c in candidates}
        best = max(candidates, key=lambda c: there[c], default=None)
        if best is not None and there[best]:
            return best
    return next(iter([*named, *looks]), None)


def guess_ids(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> list[str]:
    """Return the columns that may be the artworks' ids: called so, and never twice the same."""
    ids = []
    for column in named_like(columns, ID_WORDS):
        cells = _cells(columns, sample, column)
        if cells and len(set(cells)) == len(cells) and len(cells) * 10 >= len(sample) * 9:
            ids.append(column)
    return ids


def guess_attributes(columns: Sequence[str], attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attribute of each column that is called like one.

    Args:
        columns: Their names.
        attributes: What people call them, by key.
    """
    guesses: dict[str, str] = {}
    for key, title in attributes.items():
        words = [key, title, *ATTRIBUTE_WORDS.get(loose_fold(key), ())]
        named = [column for column in named_like(columns, words) if column not in guesses]
        if named:
            guesses[named[0]] = key
    return guesses


def is_artist_like(*names: str) -> bool:
    """Return whether an attribute or a column names hands."""
    words = {loose_fold(word) for word in ATTRIBUTE_WORDS["artist"]}
    return any(loose_fold(name) in words for name in names)


def label_like(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> list[str]:
    """Return the columns that look like labels: words that come again and again, more than one of them."""
    like_labels = []
    for column in columns:
        cells = [cell for cell in _cells(columns, sample, column) if not is_missing(cell)]
        distinct = set(cells)
        words = _share(list(distinct), lambda cell: re.search(r"[^\W\d]{2}", cell)) > 0.8
        again = 1 < len(distinct) <= max(len(cells) * 0.6, 2) and len(cells) * 2 >= len(sample)
        if words and again and sum(map(len, distinct)) <= 40 * len(distinct):
            like_labels.append(column)
    return like_labels


def guess_split(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> str | None:
    """Return the column that says which split an artwork is in: called so, with few short words in it."""
    for column in named_like(columns, SPLIT_WORDS):
        distinct = set(_cells(columns, sample, column))
        if len(distinct) <= 10 and all(len(word) <= 32 for word in distinct):
            return column
    return None


def _cells(columns: Sequence[str], sample: Sequence[Sequence[str]], column: str) -> list[str]:
    at = columns.index(column)
    return [cell for row in sample if (cell := row[at].strip())]


def _share(cells: Sequence[str], test: Callable[[str], object]) -> float:
    return sum(bool(test(cell)) for cell in cells) / len(cells) if cells else 0.0
