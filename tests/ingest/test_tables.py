"""What a list says is read as it is meant: dialects, columns, placeholders, several values, other hands."""

from __future__ import annotations

import shutil
import sqlite3
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select

from curate.ingest import ingest_records
from curate.ingest.encoding import near_matches
from curate.ingest.errors import BadOption
from curate.ingest.tables.cells import CellRule, attribution, several_values
from curate.ingest.tables.columns import guess_attributes, label_like
from curate.ingest.tables.dialect import guess_delimiter
from curate.ingest.tables.encoding import guess_encoding
from curate.ingest.tables.table import TableOptions, open_text_table
from curate.ingest.tables.text import Row, rows
from db.classes.classes import class_list, find_attribute
from db.classes.missing import is_missing
from db.labels.table import find_artwork, label_table
from db.models import Listing, Withheld
from db.spelling import attribute_key, display_name, fold
from db.workspace.workspace import Workspace, open_workspace
from tests.conftest import Curate
from tests.ingest.conftest import Take, draw

# Spellings --------------------------------------------------------------------------------------------

ONE = [
    ("Art Nouveau", "art_nouveau", "ART-NOUVEAU", " Art  Nouveau "),
    ("Café", "Cafe\u0301", "CAFÉ"),
    ("Straße", "STRASSE"),
    ("3", "3.0"),
    ("कि-ला", "कि ला"),
]
TWO = [
    ("A+", "A-", "A"),
    ("<1500", ">1500", "1500"),
    ("C#", "C++", "C"),
    ("काला", "कीला"),
    ("パン", "バン", "ハン"),
    ("กา", "กี"),
    ("й", "и"),
    ("Café", "Cafe"),
    ("Cézanne, Paul", "Paul Cézanne"),
    ("x²", "x2"),
    ("1-2", "1 2", "1_2"),
    ("3", "3.00", "3.5"),
]


@pytest.mark.parametrize("spellings", ONE)
def test_spellings_of_one_class(spellings: tuple[str, ...]) -> None:
    assert len({fold(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize("spellings", TWO)
def test_spellings_of_different_classes(spellings: tuple[str, ...]) -> None:
    assert len({fold(spelling) for spelling in spellings}) == len(spellings)
    assert len({display_name(spelling) for spelling in spellings}) == len(spellings)


def test_look_alikes_are_told_within_one_list_too() -> None:
    assert near_matches(["A", "A+", "Cézanne, Paul", "Paul Cezanne"], []) == [
        ("A+", "A"),
        ("Paul Cezanne", "Cézanne, Paul"),
    ]


def test_keys_of_attributes() -> None:
    assert [attribute_key(t) for t in ("Künstler", "Object Name", "画家", "2nd maker")] == [
        "kunstler",
        "object_name",
        "u753bu5bb6",
        "a_2nd_maker",
    ]


# Dialects ---------------------------------------------------------------------------------------------

LETTERS = {
    "cp1252": "Künstler;Gattung\nErnst Ludwig Kirchner;Gemälde\nGabriele Münter;Bildnis\n",
    "cp1250": "Autor;Gatunek\nJózef Chełmoński;Pejzaż\nOlga Boznańska;Portret dziecięcy\n",
    "cp1251": "Художник;Жанр\nКазимир Малевич;Пейзаж\nИлья Репин;Портрет\n",
    "cp1253": "Καλλιτέχνης;Είδος\nΓιάννης Τσαρούχης;Προσωπογραφία\n",
    "cp1254": "Sanatçı;Tür\nŞeker Ahmet Paşa;Natürmort\nİbrahim Çallı;Portre\n",
    "cp932": "作者;分野\n葛飾北斎;浮世絵\nくろだ;リアリズム\n",
    "gb18030": "作者;体裁\n齐白石;花鸟画\n徐悲鸿;马\n",
    "cp949": "작가;장르\n이중섭;풍경\n박수근;인물\n",
    "utf-16-le": "Künstler;Gattung\nKirchner;Gemälde\n",
    "utf-8": "Künstler;Gattung\nKirchner;Gemälde\n",
}


@pytest.mark.parametrize("encoding", LETTERS)
def test_encodings_are_told_by_their_letters(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "list.csv").write_bytes(LETTERS[encoding].encode(encoding))

    assert guess_encoding(tmp_path / "list.csv").name == encoding


ARTISTS: dict[str, dict[str, tuple[str, ...]]] = {
    "cp1250": {
        "Slovene": ("Ivana Kobilca", "Rihard Jakopič", "Anton Ažbe", "Jožef Petkovšek", "tihožitje"),
        "Croatian": ("Josip Račić", "Slava Raškaj", "Miroslav Kraljević", "Đuro Pulitika", "Krsto Hegedušić"),
        "Polish": ("Jan Matejko", "Józef Chełmoński", "Olga Boznańska", "pejzaż", "Leon Wyczółkowski"),
        "Czech": (
            "František Kupka",
            "Jan Zrzavý",
            "Mikoláš Aleš",
            "zátiší",
            "Václav Špála",
            "Bohumil Kubišta",
        ),
        "Hungarian": ("Rippl-Rónai József", "Szinyei Merse Pál", "csendélet", "Munkácsy Mihály", "hegedűs"),
    },
    "cp1252": {
        "French": ("Édouard Manet", "Eugène Delacroix", "scène de genre", "Théodore Géricault", "forêt"),
        "Italian": ("Mosè Bianchi", "Niccolò dell'Abate", "città", "Giosuè Sala", "natura morta con caffè"),
        "Danish": ("Vilhelm Hammershøi", "P.S. Krøyer", "portræt", "Christen Købke", "Svend Hammershøi"),
        "of all countries": ("Joan Miró", "Max Pechstein", "Édouard Manet", "Paul Klee", "Emil Sørensen"),
    },
    "cp1254": {
        "Turkish": ("Osman Hamdi Bey", "İbrahim Çallı", "Şeker Ahmed Paşa", "natürmort", "Bedri Eyüboğlu")
    },
    "cp1257": {
        "Latvian": ("Janis Rozentāls", "Vilhelms Purvītis", "Jāzeps Grosvalds", "klusā daba", "zīmējums"),
        "Lithuanian": ("Mikalojus Čiurlionis", "Kazys Šimonis", "Domicelė Tarabildienė", "Kaimo gatvė"),
        "Estonian": ("Konrad Mägi", "Eduard Wiiralt", "Õnne Köster", "natüürmort", "maastik järvega", "Jõgi"),
    },
}


@pytest.mark.parametrize(
    ("encoding", "language"), [(page, language) for page in ARTISTS for language in ARTISTS[page]]
)
def test_code_pages_with_the_same_letters_are_told_by_languages(
    tmp_path: Path, encoding: str, language: str
) -> None:
    names = ARTISTS[encoding][language]
    text = "File,Artist\n" + "".join(f"{at}.jpg,{names[at % len(names)]}\n" for at in range(40))
    (tmp_path / "list.csv").write_bytes(text.encode(encoding))

    guessed = guess_encoding(tmp_path / "list.csv").name

    assert (tmp_path / "list.csv").read_bytes().decode(guessed) == text


def test_a_stated_separator_or_encoding_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("\ufeffDatei;Künstler\na.jpg;x\n".encode())

    with pytest.raises(BadOption) as separator:
        open_text_table(tmp_path / "list.csv", TableOptions(separator=","))
    with pytest.raises(BadOption) as encoding:
        open_text_table(tmp_path / "list.csv", TableOptions(encoding="utf-16"))

    assert str(separator.value) == (
        "--separator ,: list.csv would have one column, 'Datei;Künstler'. "
        "Its cells look parted by ';': leave the option out."
    )
    assert str(encoding.value) == (
        "--encoding utf-16: list.csv begins with the byte-order mark of utf-8. Leave the option out."
    )


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ('"Title; original; old",File\nx,a.jpg\ny,b.jpg\n', ","),
        ("a,b,c;d\n1,5;x\n2,5;y\n", ";"),
        ("Name;Ort\nNolde, Emil;Berlin, West\nMünter, G.;Murnau, Bayern\n", ";"),
        ("one\ntwo\n", ","),
        ("a\tb,c\n1\t2,5\n", "\t"),
        ("id|x\n1|a,b,c\n2|d,e,f\n", "|"),
    ],
)
def test_delimiters_are_told_by_equally_wide_rows(text: str, delimiter: str) -> None:
    assert guess_delimiter(text) == delimiter


def test_sep_names_the_delimiter_and_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"sep=|\r\nfilepath|style\r\na.jpg|Cubism\r\n")

    table = open_text_table(tmp_path / "list.csv", TableOptions())

    assert (table.columns, [row.cells for row in table.rows() if isinstance(row, Row)]) == (
        ["filepath", "style"],
        [["a.jpg", "Cubism"]],
    )


def test_a_provenance_of_four_hundred_lines_is_one_cell() -> None:
    provenance = "\n".join(f"{1500 + at}: sold, see \u201cDeeds\u201d" for at in range(400))

    found = list(rows(StringIO(f'a.jpg,"{provenance}",x\nb.jpg,,y\n'), ","))

    assert found == [Row(1, ["a.jpg", provenance, "x"]), Row(401, ["b.jpg", "", "y"])]


def test_old_macintosh_line_ends(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"filepath,style\ra.jpg,Cubism\rb.jpg,Fauvism\r")

    table = open_text_table(tmp_path / "list.csv")

    assert [row.cells[0] for row in table.rows() if isinstance(row, Row)] == ["a.jpg", "b.jpg"]


# Columns ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["Künstler", "Gattung", "Stil"], {"Künstler": "artist", "Gattung": "genre", "Stil": "style"}),
        (["artiste", "genre", "mouvement"], {"artiste": "artist", "genre": "genre", "mouvement": "style"}),
        (["autor", "género", "estilo"], {"autor": "artist", "género": "genre", "estilo": "style"}),
        (["Pittore", "Genere", "Stile"], {"Pittore": "artist", "Genere": "genre", "Stile": "style"}),
        (["Artist", "Künstler"], {"Artist": "artist"}),
        (["Title", "Date"], {}),
    ],
)
def test_attributes_are_known_in_several_languages(columns: list[str], found: dict[str, str]) -> None:
    assert guess_attributes(columns, {name: name for name in ("style", "genre", "artist")}) == found


def test_columns_that_look_like_labels() -> None:
    sample = [
        ["T" + str(at), ("oil", "tempera")[at % 2], str(at), "a long sentence " * 5] for at in range(20)
    ]

    assert label_like(["Title", "Medium", "Year", "Text"], sample) == ["Medium"]


def test_a_new_attribute_by_the_name_of_its_column(curate: Curate, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("filepath,Material\na.jpg,Öl\nb.jpg,Tempera\n", encoding="utf-8")

    refused = curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none")
    taken = curate(
        "-w", folder, "ingest", tmp_path / "list.csv", "--images", "none", "--map", "Material=Werkstoff"
    )
    again = curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none", "--json")
    listed = curate("-w", folder, "classes", "list", "Werkstoff")

    assert (refused.status, taken.status) == (1, 0)
    assert refused.stderr.endswith(
        f"Say which is what: `curate ingest {tmp_path}/list.csv --map Material=material`.\n"
    )
    assert again.json()["unchanged"] == 2
    assert [line.split() for line in listed.stdout.splitlines()] == [
        ["werkstoff", "1", "Tempera"],
        ["werkstoff", "1", "Öl"],
    ]
    assert open_workspace(folder).settings.attributes == ("style", "genre", "artist", "werkstoff")


def test_what_is_said_of_a_list_is_remembered(curate: Curate, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Nr;Ding;Art\na.jpg;1;Cubism\nb.jpg;2;Fauvism;\n")
    options = (
        "--file",
        "Nr",
        "--map",
        "Art=style",
        "--missing",
        "Fauvism",
        "--separator",
        ";",
        "--keep",
        "none",
    )

    first = curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none", *options, "--json")
    again = curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none", "--json")

    assert first.json()["missing_spellings"] == again.json()["missing_spellings"] == {"style": {"Fauvism": 1}}
    assert (first.json()["added"], again.json()["unchanged"]) == (2, 2)
    said = open_workspace(folder).settings.sources[str(tmp_path / "list.csv")]
    assert (said.file, said.map, said.missing, said.keep) == ("Nr", {"Art": "style"}, ("Fauvism",), "none")


def test_a_dry_run_tells_and_writes_nothing(curate: Curate, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("filepath,style\na.jpg,Cubism;Fauvism\nb.jpg,n/a\nc.jpg,Cubism\n")
    draw(tmp_path / "c.jpg", 1)
    before = (folder / "curate.toml").read_bytes()

    done = curate(
        "-w", folder, "ingest", tmp_path / "list.csv", "--map", "style=manner", "--dry-run", "--json"
    )

    found = done.json()
    assert (found["read"], found["files"], found["refused"]) == (3, 1, {})
    assert found["attributes"]["manner"] == {
        "labelled": 1,
        "classes": 1,
        "missing_spellings": {"n/a": 1},
        "withheld": {"several_values": 1},
    }
    assert (folder / "curate.toml").read_bytes() == before
    assert curate("-w", folder, "status").stdout.startswith("artworks: none yet")


def test_frames_and_records_are_lists_too(workspace: Workspace) -> None:
    frame = pd.DataFrame(
        {
            "File name": ["a.jpg", "b.jpg"],
            "Künstler": ["Nolde", None],
            "Jahr": [1923.0, float("nan")],
            "Nr": [1, 2],
        }
    )
    records = [{"filepath": "c.jpg", "style": "Cubism"}, {"filepath": "d.jpg", "genre": "Bildnis"}]

    first = ingest_records(workspace, frame, check_images=False, stated={"id": "Nr"})
    second = ingest_records(open_workspace(workspace.folder), records, name="more", check_images=False)

    assert (first.written.added, second.written.added) == (2, 2)
    with open_workspace(workspace.folder).open_catalog() as catalog, catalog.read() as session:
        assert find_artwork(session, "1").path == "a.jpg"
        kept = session.scalars(select(Listing.cells).order_by(Listing.id)).all()
        labels = label_table(session, ("unverified",)).labels
    assert kept[0] == {"Jahr": "1923", "Nr": "1"} and kept[1] == {"Jahr": "", "Nr": "2"}
    assert [(labels[name] >= 0).sum() for name in ("style", "genre", "artist")] == [1, 1, 1]


def test_parquet_that_lists_files_is_a_list(
    workspace: Workspace, gallery: Path, curate: Curate, tmp_path: Path
) -> None:
    """As ``export`` writes it, or pandas; with images inside it is Hugging Face's."""
    assert curate("-w", workspace.folder, "ingest", gallery / "labels.csv").status == 0
    assert curate("-w", workspace.folder, "export", gallery / "labels.parquet").status == 0
    curate("init", tmp_path / "again")
    frame = pd.read_parquet(gallery / "labels.parquet")
    several = pd.Series([["Öl", "Holz"] for _ in frame.index])
    frame.assign(Jahr=1923.0, Material=several, thumb=b"x").to_parquet(gallery / "more.parquet")

    read = curate("-w", tmp_path / "again", "ingest", gallery / "labels.parquet", "--json")
    more = curate("-w", tmp_path / "again", "ingest", gallery / "more.parquet", "--json")
    like = curate("-w", tmp_path / "again", "export", "x.parquet", "--like", gallery / "more.parquet")

    assert (read.status, read.json()["added"], more.json()["read"]) == (0, len(frame), len(frame))
    for folder in (workspace.folder, tmp_path / "again"):
        assert curate("-w", folder, "export", folder / "out.csv").status == 0
    assert (tmp_path / "again/out.csv").read_bytes() == (workspace.folder / "out.csv").read_bytes()
    kept = curate("-w", tmp_path / "again", "history", frame["filepath"][0]).stdout
    assert "Jahr: 1923; Material: Öl; Holz" in kept and "thumb" not in kept
    assert like.stderr.endswith(
        "Parquet is not written again byte for byte. Type `curate export OUT.parquet`.\n"
    )


# Cells ------------------------------------------------------------------------------------------------

PLACEHOLDERS = [
    "", " ", "?", "-", "–", "n/a", "NaN", "None", "null", "unknown", "Unknown artist", "o.J.", "o. J.",
    "k. A.",
    "Anonym", "Unbekannter Künstler", "inconnu", "s.d.", "anónimo", "ignoto",
    "onbekend", "неизвестен", "佚名", "不明",
]  # fmt: skip


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_placeholders(text: str) -> None:
    assert is_missing(text)


@pytest.mark.parametrize(
    "text", ["Unknown Pleasures", "A-", "o.Jahrmarkt", "Anonymus Bosch", "0", "-1", "Nullpunkt"]
)
def test_what_is_no_placeholder(text: str) -> None:
    assert not is_missing(text)


def test_placeholders_may_be_classes_or_more_words(tmp_path: Path, take: Take) -> None:
    (tmp_path / "list.csv").write_text("filepath,style\na.jpg,none\nb.jpg,tba\nc.jpg,\n")

    usual = take(tmp_path / "list.csv", check_images=False)
    more = take(tmp_path / "list.csv", check_images=False, stated={"missing": ("TBA",)})
    all_ = take(tmp_path / "list.csv", check_images=False, stated={"missing": (), "keep_values": True})

    assert usual.missing_spellings["style"] == {"none": 1}
    assert more.missing_spellings["style"] == {"none": 1, "tba": 1}
    assert all_.missing_spellings == {}


def test_a_spelling_is_made_missing_afterwards(curate: Curate, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("filepath,artist\na.jpg,Meister\nb.jpg,Nolde\nc.jpg,meister\n")
    curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none")

    done = curate("-w", folder, "classes", "missing", "artist", "Meister")
    again = curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none", "--json")
    stats = curate("-w", folder, "stats", "--json").json()["attributes"]["artist"]
    by_hand = curate("-w", folder, "label", "b.jpg", "artist", "Meister")

    assert done.stdout == "artist Meister stands for no label; 2 labels are missing now.\n"
    assert again.json()["unchanged"] == 3
    assert again.json()["missing_spellings"] == {"artist": {"Meister": 1, "meister": 1}}
    assert (stats["labelled"], stats["counts"]) == (1, {"Nolde": 1})
    assert by_hand.status == 1
    assert curate("-w", folder, "check").status == 0


def test_several_values_are_never_a_class_by_accident(
    tmp_path: Path, take: Take, workspace: Workspace
) -> None:
    (tmp_path / "list.csv").write_text(
        "filepath,style\na.jpg,Cubism|Fauvism\nb.jpg,Cubism / Fauvism\nc.jpg,Cubism;\nd.jpg,and/or\n"
    )

    none = take(tmp_path / "list.csv", check_images=False)
    with workspace.open_catalog() as catalog, catalog.read() as session:
        details = [(row.spelling, row.detail) for row in session.scalars(select(Withheld))]
        classes = sorted(class_list(session, find_attribute(session, "style")).key.values())
    first = take(tmp_path / "list.csv", check_images=False, stated={"values": "first"})

    assert none.withheld == {"style": {"several_values": 2}}
    assert details == [
        ("Cubism|Fauvism", {"values": ["Cubism", "Fauvism"]}),
        ("Cubism / Fauvism", {"values": ["Cubism", "Fauvism"]}),
    ]
    assert classes == ["Cubism;", "and/or"]
    assert (first.withheld, first.written.updated) == ({}, 2)


def test_values_in_a_cell() -> None:
    assert several_values("a; b ;c") == ["a", "b", "c"]
    assert several_values("a;") == several_values("a/b") == several_values("n/a; b") == []


HANDS = {
    "Werkstatt Cranach": ("workshop", "Cranach"),
    "Workshop of Rubens": ("workshop", "Rubens"),
    "atelier de Rubens": ("workshop", "Rubens"),
    "Bottega di Tintoretto": ("workshop", "Tintoretto"),
    "after Raphael": ("after", "Raphael"),
    "nach Dürer": ("after", "Dürer"),
    "d'après Rubens": ("after", "Rubens"),
    "Copia de Velázquez": ("after", "Velázquez"),
    "Umkreis Bosch": ("circle", "Bosch"),
    "Circle of Bosch": ("circle", "Bosch"),
    "Seguidor de Goya": ("follower", "Goya"),
    "Follower of Cimabue": ("follower", "Cimabue"),
    "attributed to Titian": ("attributed", "Titian"),
    "attribué à Poussin": ("attributed", "Poussin"),
    "Rembrandt (?)": ("attributed", "Rembrandt"),
    "Rubens?": ("attributed", "Rubens"),
    "Aachen Hans von (Kopie nach)": ("after", "Aachen Hans von"),
    "Cranach, Werkstatt": ("workshop", "Cranach"),
    "Titian and Workshop": ("workshop", "Titian"),
    "Lucas Cranach d. Ä. und Werkstatt": ("workshop", "Lucas Cranach d. Ä."),
    "Rubens (atelier de)": ("workshop", "Rubens"),
    "Watteau (attribué à)": ("attributed", "Watteau"),
    "Rembrandt (navolger van)": ("follower", "Rembrandt"),
    "Rembrandt (kopie naar)": ("after", "Rembrandt"),
    "Circolo di Guido Reni": ("circle", "Guido Reni"),
    "?Holbein": ("attributed", "Holbein"),
}


@pytest.mark.parametrize("cell", HANDS)
def test_other_hands(cell: str) -> None:
    assert attribution(cell) == HANDS[cell]


@pytest.mark.parametrize(
    "cell",
    [
        "Nachtmann, Ada",
        "Brand Workshop",
        "Gilbert and George",
        "Schulenburg, Ada",
        "Naarden, Jan",
        "Kreisler, Fritz",
        "Woh Li",
        "Studio Drift",
        "Afterman, Joe",
    ],
)
def test_names_that_only_look_like_other_hands(cell: str) -> None:
    assert attribution(cell) is None


def test_another_hand_never_counts_as_the_artist(tmp_path: Path, curate: Curate, folder: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "filepath,Künstler,genre\na.jpg,Rubens,x\nb.jpg,Workshop of Rubens,x\n"
    )

    curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none")
    stats = curate("-w", folder, "stats", "--json").json()["attributes"]["artist"]
    history = curate("-w", folder, "history", "b.jpg").stdout

    assert stats["counts"] == {"Rubens": 1}
    assert "artist: no label, qualified: 'Workshop of Rubens' (import:csv:list.csv)" in history
    assert CellRule().read("Workshop of Rubens").labels == ("Workshop of Rubens",)


# Names and old catalogs -------------------------------------------------------------------------------


def test_a_class_is_shown_by_its_commonest_spelling(tmp_path: Path, take: Take, workspace: Workspace) -> None:
    spellings = ["cubism", "Cubism", "Cubism", "CUBISM"]
    text = "filepath,style\n" + "".join(f"{at}.jpg,{one}\n" for at, one in enumerate(spellings))
    (tmp_path / "list.csv").write_text(text)

    take(tmp_path / "list.csv", check_images=False)

    with workspace.open_catalog() as catalog, catalog.read() as session:
        classes = class_list(session, find_attribute(session, "style"))
    assert list(classes.name.values()) == ["Cubism"]


def test_a_list_that_respells_a_class_gives_its_new_spelling(
    tmp_path: Path, curate: Curate, folder: Path
) -> None:
    for style in ("Cubism", "cubism"):
        (tmp_path / "list.csv").write_text(f"filepath,style\na.jpg,{style}\nb.jpg,Cubism\n")
        curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none")
        curate("-w", folder, "export", tmp_path / "out.csv")

        assert (
            tmp_path / "out.csv"
        ).read_text() == f"filepath,style,genre,artist\na.jpg,{style},,\nb.jpg,Cubism,,\n"


def test_classes_that_were_merged_before_part_when_their_list_is_read(
    tmp_path: Path, curate: Curate, folder: Path
) -> None:
    """Until revision 0001 ``A+`` and ``A`` were one class; upgrading keeps that, reading again fixes it."""
    asset = Path(__file__).parents[1] / "assets" / "catalog-0001.db"
    for leftover in folder.glob("catalog.db*"):
        leftover.unlink()
    shutil.copy(asset, folder / "catalog.db")
    with sqlite3.connect(folder / "catalog.db") as old:
        attribute = old.execute("SELECT id FROM attribute WHERE name = 'style'").fetchone()[0]
        class_id = old.execute("SELECT id FROM class WHERE attribute_id = ?", (attribute,)).fetchone()[0]
        old.execute("UPDATE class SET key = 'A+', name = 'A+' WHERE id = ?", (class_id,))
        old.execute("DELETE FROM class_alias WHERE class_id = ?", (class_id,))
        old.execute(
            "INSERT INTO class_alias (attribute_id, class_id, folded, alias, created_at) "
            "VALUES (?, ?, 'a', 'A+', '2026-01-01')",
            (attribute, class_id),
        )
    old.close()

    upgraded = curate("-w", folder, "upgrade")
    (tmp_path / "list.csv").write_text("filepath,style\nnew-a.jpg,A\nnew-b.jpg,A+\n")
    curate("-w", folder, "ingest", tmp_path / "list.csv", "--images", "none")
    keys = {row["key"] for row in curate("-w", folder, "classes", "list", "style", "--json").lines()}

    assert upgraded.status == 0
    assert "They part when their lists are ingested again" in upgraded.stderr
    assert {"A", "A+"} <= keys


# What is proposed and asked ---------------------------------------------------------------------------


class _Terminal(StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def ambiguous(tmp_path: Path) -> Path:
    """A list with two columns of painters, one of files by what stands in it, labels in two more."""
    rows = [
        f"{at}.jpg;Anna;Bruno;{['Öl', 'Tempera'][at % 2]};{['Saal', 'Depot'][at % 2]};{['a', 'b'][at % 2]}"
        for at in range(8)
    ]
    for at in range(8):
        draw(tmp_path / f"{at}.jpg", at)
    text = "Scan;Artist;Maler;Technik;Standort;style\n" + "\n".join(rows) + "\n"
    (tmp_path / "list.csv").write_bytes(text.encode("cp1252"))
    return tmp_path / "list.csv"


def test_columns_like_labels_are_proposed_once_nobody_mapped_any(
    ambiguous: Path, folder: Path, curate: Curate
) -> None:
    told = curate("-w", folder, "ingest", ambiguous).stderr
    again = curate("-w", folder, "ingest", ambiguous, "--map", "Technik=technik").stderr

    assert (
        "Technik, Standort look like labels, too, and are kept as listed; to learn them as attributes: "
        "--map Technik=technik --map Standort=standort\n"
    ) in told
    assert "look like labels" not in again


@pytest.mark.parametrize(("typed", "status"), [("n\n", 1), ("y\n", 0), ("\n", 0), ("", 1)])
def test_a_terminal_is_asked_where_a_guess_has_a_second_choice(
    ambiguous: Path, folder: Path, curate: Curate, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    monkeypatch.setattr("sys.stdin", _Terminal(typed))

    done = curate("-w", folder, "ingest", ambiguous)

    assert done.status == status
    for said in (
        "The encoding cp1252 was told by the list's letters.\n",
        "Scan was taken for the column of image files, by what stands in it.\n",
        "Artist was taken for artist, not Maler.\n",
    ):
        assert said in done.stderr
    taken = curate("-w", folder, "status").stdout.startswith("artworks: 8 ok")
    assert taken == (status == 0)


@pytest.mark.parametrize("option", ["--yes", "--json"])
def test_scripts_are_never_asked(
    ambiguous: Path, folder: Path, curate: Curate, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr("sys.stdin", _Terminal(""))

    assert curate("-w", folder, "ingest", ambiguous, option).status == 0


def test_what_is_clear_is_not_asked(
    tmp_path: Path, folder: Path, curate: Curate, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "a.jpg", 1)
    (tmp_path / "list.csv").write_text("Dateiname;Künstler\na.jpg;Anna\n", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", _Terminal(""))

    assert curate("-w", folder, "ingest", tmp_path / "list.csv").status == 0


def test_what_looks_like_labels_is_named_by_its_own_column(
    tmp_path: Path, folder: Path, curate: Curate
) -> None:
    """The column of files stands first, so that every other one is a place further."""
    rows = "".join(f"{at}.jpg;{1900 + at};{['Öl', 'Tempera'][at % 2]}\n" for at in range(8))
    (tmp_path / "list.csv").write_text(f"Dateiname;Jahr;Technik\n{rows}", encoding="utf-8")

    done = curate("-w", folder, "ingest", tmp_path / "list.csv")

    assert "; Technik looks like labels. Say which is what: " in done.stderr
    assert done.stderr.endswith("list.csv --map Technik=technik`.\n")


def test_the_only_other_column_is_proposed_for_the_only_attribute(tmp_path: Path, curate: Curate) -> None:
    """Numerals are no words, so nothing but their place tells what they are."""
    assert curate("init", tmp_path / "ws", "--attributes", "numeral").status == 0
    (tmp_path / "list.csv").write_text("filepath,label\n1.png,i\n2.png,v\n")

    done = curate("-w", tmp_path / "ws", "ingest", tmp_path / "list.csv", "--images", "none")

    assert done.status == 1
    assert "; label looks like labels. Say which is what: `curate " in done.stderr
    assert done.stderr.endswith(" --map label=numeral`.\n")
