"""Each format in every variant that is about, turned into the same stream of records."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.ingest.errors import (
    BadOption,
    ClassFileMissing,
    NoLabelColumn,
    NoPathColumn,
    SourceUnreadable,
    UnknownSource,
)
from curate.ingest.readers.artgan import open_artgan
from curate.ingest.readers.folders import open_folders
from curate.ingest.readers.formats import recognise
from curate.ingest.readers.huggingface import open_parquet
from curate.ingest.readers.kaggle import open_kaggle
from curate.ingest.readers.table import TableReader, open_list
from curate.ingest.records import Reader, Record, Refused
from curate.ingest.tables.table import open_table
from db.workspace.settings import SourceSettings
from tests.ingest.conftest import Take, draw, drawing

ATTRIBUTES = ("style", "genre", "artist")
CALLED = {name: name for name in ATTRIBUTES}


def open_csv(path: Path, stated: SourceSettings | None = None) -> TableReader:
    return open_list(open_table(path), path.parent, CALLED, stated or SourceSettings())


def records(reader: Reader) -> list[Record]:
    return [record for record in reader if isinstance(record, Record)]


def refusals(reader: Reader) -> list[tuple[str, str]]:
    return [(record.where, record.reason) for record in reader if isinstance(record, Refused)]


def said(reader: Reader) -> dict[str, dict[str, object]]:
    """Return what a reader says of each path, by source and attribute; empty cells left out."""
    found: dict[str, dict[str, object]] = {}
    for record in records(reader):
        cells = zip(reader.columns, record.labels, strict=True)
        found[record.path] = {f"{c.source} {c.attribute}": label for c, label in cells if label}
    return found


# CSV ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"filepath,style\na.jpg,Cubism\n",
        b"\xef\xbb\xbffilepath,style\r\na.jpg,Cubism\r\n",
        "filepath,style\na.jpg,Cubism\n".encode("utf-16"),
        b"style;File Path\nCubism;a.jpg\n",
        b"Image\tStyle\na.jpg\tCubism",
        b'"filepath","style"\n"a.jpg","Cubism"\n\n',
        b"id|Filename|Style|note\n1|a.jpg|Cubism|x\n",
    ],
)
def test_a_csv_list_is_read_by_the_names_of_its_columns(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.csv").write_bytes(content)

    assert said(open_csv(tmp_path / "labels.csv")) == {"a.jpg": {"import:csv:labels.csv style": "Cubism"}}


def test_a_bad_line_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(
        "filepath,style\n"
        "a.jpg\n"
        'b.jpg,"Cubism\n'
        "c.jpg,Cubism\n"
        '"d, e.jpg","Art ""Nouveau"""\n'
        "f.jpg,Cubism,extra\n" + "x" * 10_000_000 + "\n"
        "g.jpg,Cubism,,\n"
    )
    reader = open_csv(tmp_path / "labels.csv")

    assert [record.path for record in records(reader)] == ["c.jpg", "d, e.jpg", "g.jpg"]
    assert refusals(reader) == [
        ("labels.csv: line 2", "wrong_columns"),
        ("labels.csv: line 3", "bad_quoting"),
        ("labels.csv: line 6", "wrong_columns"),
        ("labels.csv: line 7", "line_too_long"),
    ]


def test_a_quoted_cell_may_run_over_lines(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text('filepath,style,note\na.jpg,Cubism,"two\nlines"\nb.jpg,Cubism,\n')

    assert [record.path for record in records(open_csv(tmp_path / "labels.csv"))] == [
        "a.jpg",
        "b.jpg",
    ]


def test_a_list_without_paths_or_labels_says_which_columns_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("title,style\nx,Cubism\n")
    (tmp_path / "b.csv").write_text("filepath,period\nx.jpg,1900\n")

    with pytest.raises(NoPathColumn) as no_path:
        open_csv(tmp_path / "a.csv")
    with pytest.raises(NoLabelColumn) as no_label:
        open_csv(tmp_path / "b.csv")

    assert str(no_path.value) == (
        f"{tmp_path}/a.csv has the columns title, style; none of them is a path. "
        f"Name the column of the image files: `curate ingest {tmp_path}/a.csv --file COLUMN`."
    )
    assert str(no_label.value) == (
        f"{tmp_path}/b.csv has the columns filepath, period; none is an attribute of this workspace "
        f"(style, genre, artist); period looks like labels. Say which is what: "
        f"`curate ingest {tmp_path}/b.csv --map period=period`."
    )


# Folders --------------------------------------------------------------------------------------------


def test_plain_class_folders_label_the_first_attribute(tmp_path: Path) -> None:
    draw(tmp_path / "cats/1.jpg", 1)
    draw(tmp_path / "dogs/small/2_x.PNG", 2)
    draw(tmp_path / "3.jpg", 3)
    (tmp_path / "cats/notes.txt").write_text("not an image")

    reader = open_folders(tmp_path, ("kind", "artist"), None, None)

    assert said(reader) == {
        "3.jpg": {},
        "cats/1.jpg": {"import:folders kind": "cats"},
        "dogs/small/2_x.PNG": {"import:folders kind": "dogs"},
    }


def test_wikiarts_folders_tell_style_and_artist(tmp_path: Path) -> None:
    draw(tmp_path / "Art_Nouveau_Modern/arnold-bã¶cklin_island-1.jpg", 1)

    assert said(open_folders(tmp_path, ATTRIBUTES, None, None)) == {
        "Art_Nouveau_Modern/arnold-bã¶cklin_island-1.jpg": {
            "import:folders style": "Art_Nouveau_Modern",
            "import:artgan-path artist": "arnold-böcklin",
        }
    }
    assert list(said(open_folders(tmp_path, ATTRIBUTES, "genre", "list")).values()) == [
        {"import:folders genre": "Art_Nouveau_Modern"}
    ]


def test_linked_folders_are_not_entered(tmp_path: Path) -> None:
    draw(tmp_path / "root/cats/1.jpg", 1)
    (tmp_path / "root/round").symlink_to(tmp_path / "root")

    reader = open_folders(tmp_path / "root", ATTRIBUTES, None, None)

    assert [record.path for record in records(reader)] == ["cats/1.jpg"]
    assert refusals(reader) == [("round", "linked_folder")]


def test_artists_need_an_attribute_to_go_to(tmp_path: Path) -> None:
    with pytest.raises(BadOption) as error:
        open_folders(tmp_path, ("kind",), None, "path")

    assert str(error.value) == (
        "--artist-from path: this workspace has no attribute `artist` (kind). "
        "Leave the option out, or make a workspace that has it."
    )


# ArtGAN ---------------------------------------------------------------------------------------------


def artgan(folder: Path) -> Path:
    """Write lists with every quirk of the real ones, five paintings in all."""
    folder.mkdir()
    (folder / "style_class.txt").write_text("3 Art_Nouveau\n21 Realism\n")
    (folder / "genre_class").write_text("1 cityscape\n4 landscape\n")
    (folder / "artist_class").write_text("22 Vincent_van_Gogh\n0 Albrecht_Durer\n")
    (folder / "style_train.csv").write_bytes(
        b"Realism/vincent-van-gogh_field.jpg,21\r\nArt_Nouveau_Modern/a-b_tree.jpg,3\r\n"
    )
    (folder / "style_val.csv").write_bytes(b"Realism/c-d_x.jpg,21\r\n")
    (folder / "genre_train.csv").write_text("path,label\nRealism/c-d_x.jpg,4\n")
    (folder / "genre_val.csv").write_text("Realism/e_f.jpg,1\nRealism/e_f.jpg,4\n")
    (folder / "artist_train").write_text(
        "(Path to image),, (Groundtruth class) \n\nRealism/vincent-van-gogh_field.jpg,,22\n"
    )
    (folder / "artist_val").write_text("nonsense\nRealism/no-comma.jpg\nRealism/c-d_x.jpg,,99\n")
    return folder


def test_artgans_lists_are_joined_by_path_in_all_their_variants(tmp_path: Path) -> None:
    reader = open_artgan(artgan(tmp_path / "lists"), ATTRIBUTES, None)

    assert said(reader) == {
        "Realism/vincent-van-gogh_field.jpg": {
            "import:artgan style": "Realism",
            "import:artgan artist": "Vincent_van_Gogh",
            "import:artgan-path artist": "vincent-van-gogh",
        },
        "Art_Nouveau_Modern/a-b_tree.jpg": {
            "import:artgan style": "Art_Nouveau",
            "import:artgan-path artist": "a-b",
        },
        "Realism/c-d_x.jpg": {
            "import:artgan style": "Realism",
            "import:artgan genre": "landscape",
            "import:artgan-path artist": "c-d",
        },
        "Realism/e_f.jpg": {
            "import:artgan genre": ("cityscape", "landscape"),
            "import:artgan-path artist": "e",
        },
    }
    assert refusals(reader) == [
        ("artist_val: line 2", "bad_list_line"),
        ("artist_val: line 3", "unknown_code"),
    ]
    splits = {record.path: record.splits for record in records(reader)}
    assert splits["Realism/c-d_x.jpg"] == ("val", "train", "")


def test_artists_may_come_from_the_list_alone(tmp_path: Path) -> None:
    reader = open_artgan(artgan(tmp_path / "lists"), ATTRIBUTES, "list")

    assert {column.source for column in reader.columns} == {"import:artgan"}


def test_lists_without_the_names_of_their_classes_are_an_error(tmp_path: Path) -> None:
    (artgan(tmp_path / "lists") / "genre_class").unlink()

    with pytest.raises(ClassFileMissing) as error:
        open_artgan(tmp_path / "lists", ATTRIBUTES, None)

    assert str(error.value) == (
        f"{tmp_path}/lists has genre lists but no genre_class or genre_class.txt to name their classes. "
        f"Put ArtGAN's class file beside them."
    )


def test_both_names_of_art_nouveau_are_one_class(take: Take, tmp_path: Path) -> None:
    summary = take(artgan(tmp_path / "lists"), check_images=False)
    (tmp_path / "more.csv").write_text("filepath,style\nx.jpg,art nouveau\ny.jpg,Art_Nouveau_Modern\n")

    again = take(tmp_path / "more.csv", check_images=False)

    assert summary.new_classes["style"] == 2
    assert again.new_classes == {}


# Kaggle ---------------------------------------------------------------------------------------------


def kaggle(folder: Path) -> Path:
    folder.mkdir()
    (folder / "classes.csv").write_text(
        "filename,artist,genre,description,phash,width,height,genre_count,subset\n"
        "Baroque/a_x.jpg,albrecht durer,\"['Baroque']\",x,f0,1,1,1,train\n"
        "Cubism/b_y.jpg,someone,\"['Cubism', 'Art Nouveau Modern']\",y,f0,1,1,2,test\n"
        "Cubism/c_z.jpg,perhaps,\"['Cubism']\",z,f0,1,1,1,uncertain artist\n"
        'Cubism/bad.jpg,x,"[\'Cubism",z,f0,1,1,1,train\n'
        "Cubism/call.jpg,x,\"[__import__('os')]\",z,f0,1,1,1,train\n"
    )
    (folder / "wclasses.csv").write_text(
        "file,artist,genre,style\n"
        "Baroque/a_x.jpg,25,135,144\n"
        "Cubism/b_y.jpg,0,139,147\n"
        "Pop_Art/only_here.jpg,22,129,159\n"
        "Pop_Art/broken.jpg,22,12,159\n"
    )
    return folder


def test_kaggles_lists_are_joined_and_its_codes_are_its_own(tmp_path: Path) -> None:
    reader = open_kaggle(kaggle(tmp_path / "k"), ATTRIBUTES)

    assert said(reader) == {
        "Baroque/a_x.jpg": {
            "import:kaggle-classes style": "Baroque",
            "import:kaggle-classes artist": "albrecht durer",
            "import:kaggle-wclasses style": "Baroque",
            "import:kaggle-wclasses genre": "portrait",
            "import:kaggle-wclasses artist": "albrecht-durer",
        },
        "Cubism/b_y.jpg": {
            "import:kaggle-classes style": ("Art Nouveau Modern", "Cubism"),
            "import:kaggle-classes artist": "someone",
            "import:kaggle-wclasses style": "Cubism",
        },
        "Cubism/c_z.jpg": {"import:kaggle-classes style": "Cubism"},
        "Pop_Art/only_here.jpg": {
            "import:kaggle-wclasses style": "Pop_Art",
            "import:kaggle-wclasses genre": "abstract_painting",
            "import:kaggle-wclasses artist": "vincent-van-gogh",
        },
    }
    assert refusals(reader) == [
        ("wclasses.csv: line 5", "unknown_code"),
        ("classes.csv: line 5", "bad_style_list"),
        ("classes.csv: line 6", "bad_style_list"),
    ]
    assert [record.splits for record in records(reader)] == [("train",), ("test",), ("",), ("",)]


# Hugging Face ---------------------------------------------------------------------------------------


def png(seed: int) -> bytes:
    buffer = BytesIO()
    drawing(seed).save(buffer, "PNG")
    return buffer.getvalue()


def parquet(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows the way ``datasets`` does, with the class names in the schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    features = {
        "artist": {"names": ["Unknown Artist", "claude-monet"], "_type": "ClassLabel"},
        "genre": {"names": ["landscape", "Unknown Genre"], "_type": "ClassLabel"},
        "style": {"names": ["Art_Nouveau", "Baroque"], "_type": "ClassLabel"},
    }
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = [("image", image), ("artist", pa.int64()), ("genre", pa.int64()), ("style", pa.int64())]
    schema = pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)  # type: ignore[no-untyped-call]
    return path


def test_parquet_gives_images_names_and_unknowns(take: Take, tmp_path: Path) -> None:
    def row(data: bytes | None, artist: int, genre: int, style: int) -> dict[str, object]:
        return {"image": {"bytes": data, "path": None}, "artist": artist, "genre": genre, "style": style}

    source = tmp_path / "hf"
    parquet(
        source / "data" / "train-00000-of-00001.parquet",
        [
            row(png(1), 1, 0, 0),
            row(png(2), 0, 1, 1),
            row(png(1), 1, 0, 1),
            row(png(1), 1, 0, 0),
            row(None, 1, 0, 0),
            row(png(3), 7, 0, 0),
            row(b"no image", 1, 0, 0),
        ],
    )

    summary = take(source)
    again = take(source)

    assert (summary.read, summary.written.added) == (7, 3)
    assert dict(summary.refused) == {"listed_twice": 1, "no_image": 1, "unknown_code": 1, "not_an_image": 1}
    assert summary.new_classes == {"style": 2, "genre": 1, "artist": 1}
    assert (summary.exact_groups, summary.conflicts) == (1, 2)
    assert (again.written.added, again.written.unchanged) == (0, 3)
    written = sorted((tmp_path / "ws" / "images").iterdir())
    assert len(written) == 4


def test_parquet_numbers_without_names_are_an_error(tmp_path: Path) -> None:
    table = pa.table({"image": [b"x"], "style": [1]})
    pq.write_table(table, tmp_path / "a.parquet")  # type: ignore[no-untyped-call]

    with pytest.raises(SourceUnreadable, match="its column 'style' holds numbers"):
        open_parquet(tmp_path / "a.parquet", ATTRIBUTES, tmp_path, True)


# Recognised -----------------------------------------------------------------------------------------


def test_each_source_is_recognised_by_what_it_holds(tmp_path: Path) -> None:
    draw(tmp_path / "folders/cats/1.jpg", 1)
    (tmp_path / "one").mkdir()
    (tmp_path / "one/labels.csv").write_text("filepath,style\n")
    (tmp_path / "one/other.csv").write_text("a,b\n")
    parquet(tmp_path / "hf/data/train.parquet", [])

    assert recognise(artgan(tmp_path / "a"), CALLED)[0] == "artgan"
    assert recognise(kaggle(tmp_path / "k"), CALLED)[0] == "kaggle"
    assert recognise(tmp_path / "k/wclasses.csv", CALLED)[0] == "kaggle"
    assert recognise(tmp_path / "folders", CALLED)[0] == "folders"
    assert recognise(tmp_path / "one", CALLED) == ("csv", tmp_path / "one/labels.csv")
    assert recognise(tmp_path / "hf", CALLED)[0] == "huggingface"


def test_what_nothing_recognises_is_an_error_that_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(UnknownSource) as error:
        recognise(tmp_path / "empty", CALLED)

    assert str(error.value) == (
        f"{tmp_path}/empty cannot be read as a source: a folder without lists, and without images "
        f"in it or in its folders. Expected a list (CSV, xlsx), a folder of images, ArtGAN's lists, "
        f"Kaggle's classes.csv or wclasses.csv, or parquet files; say which with `--format`."
    )
