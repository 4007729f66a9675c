"""Which reader a source needs: as the user says, or as the source shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from curate.ingest.errors import BadOption, ListBesideImages, SourceUnreadable, UnknownSource
from curate.ingest.readers.artgan import LIST, artgan_lists, open_artgan
from curate.ingest.readers.folders import open_folders
from curate.ingest.readers.huggingface import has_images, open_parquet, parquet_files
from curate.ingest.readers.kaggle import kaggle_lists, kind_of_list, open_kaggle
from curate.ingest.readers.table import Exists, is_list, list_columns, open_list
from curate.ingest.records import Reader
from curate.ingest.tables.table import PARQUET, SHEETS, TableOptions, open_table
from db.errors import FileMissing
from db.images.formats import IMAGE_SUFFIXES
from db.workspace.settings import SourceSettings

LIST_SUFFIXES = (".csv", ".tsv", ".txt", ".tab", *SHEETS)


@dataclass(frozen=True)
class SourceOptions:
    """What a reader may be told.

    Attributes:
        attributes: The workspace's.
        titles: What people call them, by key.
        stated: What the user says of a list's columns.
        exists: Whether a cell names a file of the images' folder, by the folder; None where nobody looks.
        extracted: Where images that come inside the source are written.
        check_images: Whether images are read at all.
        attribute: What folders are classes of.
        artist_from: ``path`` or ``list``, in WikiArt's layouts.
        follow_links: Whether linked folders are entered.
    """

    attributes: Sequence[str]
    extracted: Path
    check_images: bool = True
    attribute: str | None = None
    artist_from: str | None = None
    follow_links: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    stated: SourceSettings = field(default_factory=SourceSettings)
    exists: Callable[[Path], Exists] | None = None

    @property
    def called(self) -> dict[str, str]:
        """What people call each attribute, by key."""
        return {key: self.titles.get(key, key) for key in self.attributes}


def open_source(source: Path, format: str, options: SourceOptions) -> Reader:
    """Open a source with the reader of its format.

    Args:
        source: A list or a folder.
        format: ``auto``, ``artgan``, ``kaggle``, ``huggingface``, ``folders``, ``csv``, ``xlsx`` or
            ``parquet``.
        options: What the reader may need.

    Raises:
        FileMissing: There is nothing at that path.
        SourceUnreadable: It is neither a file nor a folder.
        UnknownSource: No reader knows what it is.
        BadOption: An option asks for what the source or the workspace does not have.
    """
    if not source.exists():
        raise FileMissing(source, "file or folder")
    if not source.is_file() and not source.is_dir():
        raise SourceUnreadable(source, "it is a pipe or a device, which can be read only once")
    _check_options(options)
    if format == "auto":
        format, source = recognise(source, options.called)
    if format == "artgan":
        return open_artgan(source, options.attributes, options.artist_from)
    if format == "kaggle":
        return open_kaggle(source, options.attributes)
    if format == "huggingface":
        return open_parquet(source, options.attributes, options.extracted, options.check_images)
    if format == "folders":
        if not source.is_dir():
            raise UnknownSource(source, "`--format folders` reads a folder, and this is a file")
        return open_folders(
            source, options.attributes, options.attribute, options.artist_from, options.follow_links
        )
    if source.is_dir():
        raise UnknownSource(source, f"`--format {format}` reads a list, and this is a folder")
    stated = options.stated
    table = open_table(source, TableOptions(stated.separator, stated.encoding, stated.sheet))
    exists = None if options.exists is None else options.exists(source.parent)
    return open_list(table, source.parent, options.called, stated, exists)


def _check_options(options: SourceOptions) -> None:
    if options.attribute is not None and options.attribute not in options.attributes:
        raise BadOption(
            f"--attribute {options.attribute}",
            f"this workspace has the attributes {', '.join(options.attributes)}",
            "Name one of these.",
        )


def recognise(source: Path, attributes: Mapping[str, str]) -> tuple[str, Path]:
    """Return the format of a source, and the list or folder to open.

    Raises:
        UnknownSource: Nothing tells.
    """
    if source.is_file():
        return _recognise_file(source), source
    if artgan_lists(source):
        return "artgan", source
    if kaggle_lists(source):
        return "kaggle", source
    if any(map(has_images, parquet_files(source)[:1])):
        return "huggingface", source
    lists = sorted(path for path in source.iterdir() if is_list(path, attributes))
    if len(lists) == 1:
        return _recognise_file(lists[0]), lists[0]
    if lists:
        names = ", ".join(path.name for path in lists)
        raise UnknownSource(source, f"a folder with {len(lists)} lists ({names}); name one of them")
    tables = [path for path in sorted(source.iterdir()) if path.suffix != ".txt" and list_columns(path)]
    if any(_has_images(folder) for folder in (source, *sorted(source.iterdir())) if folder.is_dir()):
        if tables:
            raise ListBesideImages(source, tables[0], list_columns(tables[0]))
        return "folders", source
    raise UnknownSource(source, "a folder without lists, and without images in it or in its folders")


def _recognise_file(source: Path) -> str:
    if source.suffix.lower() == PARQUET:
        return "huggingface" if has_images(source) else "parquet"
    if LIST.match(source.name):
        return "artgan"
    if source.suffix.lower() not in LIST_SUFFIXES:
        suffix = f"with the suffix {source.suffix}" if source.suffix else "without a suffix"
        raise UnknownSource(source, f"a file {suffix}")
    if source.suffix.lower() in SHEETS:
        return "xlsx"
    return "kaggle" if kind_of_list(source) else "csv"


def _has_images(folder: Path) -> bool:
    return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())
