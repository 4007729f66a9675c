"""Errors of the commands that work on the catalog, each with the sentence that mends it.

::

    db.errors.CurateError
    ├── DemoFolderTaken          `curate demo` would have to write among somebody's files
    ├── NothingToTrain           no attribute has two classes with enough labels
    ├── NotAnAnswerList          the list of `curate push --controls` lacks its columns
    ├── ListNotIngested          `curate export --like` of a list that the catalog does not know
    ├── NotInEncoding            a corrected class that the list's encoding cannot write
    ├── NotWrittenBack           an encoding that does not give back the bytes it was read from
    ├── ExportTaken              a folder to be written is there already
    └── RunLocked                another process is training the same run
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from db.errors import CurateError


class DemoFolderTaken(CurateError):
    """The demo's folder holds something that no demo made."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds files that no demo made. Name a new or an empty folder: "
            f"`curate demo --folder DIR`."
        )


class NothingToTrain(CurateError):
    """There is nothing a classifier could tell apart."""

    def __init__(self, artworks: int, min_class_count: int) -> None:
        super().__init__(
            f"Nothing to train on: among {artworks} usable artworks no attribute has two classes with "
            f"{min_class_count} labelled groups each. See `curate stats`; `--min-class-count` lowers the bar."
        )


class RunLocked(CurateError):
    """The run is being trained by another process."""

    def __init__(self, run_id: int) -> None:
        super().__init__(
            f"Run {run_id} is being trained by another process, with these settings and labels. "
            f"Wait for it, or stop it and run the command again: it goes on from there."
        )


class NotAnAnswerList(CurateError):
    """The file of known answers lacks the columns that make it one."""

    def __init__(self, path: Path, found: Sequence[str], attributes: Sequence[str]) -> None:
        super().__init__(
            f"{path} has the columns {', '.join(found) or 'none'}. A list of known answers needs `artwork` "
            f"or `filepath`, and at least one of {', '.join(attributes)}."
        )


class ListNotIngested(CurateError):
    """A list that no ingest of this catalog has read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: no list with these columns was ingested into this catalog. "
            f"Type `curate ingest {path}` first, or name the list that was."
        )


class NotInEncoding(CurateError):
    """A class that the list's encoding cannot write."""

    def __init__(self, path: Path, line: int, text: str, encoding: str) -> None:
        super().__init__(
            f"{path}, line {line}: {text!r} has characters that {encoding} cannot write, so the list "
            f"cannot stay in its encoding. Save it as UTF-8 and ingest that, "
            f"or type `curate export OUT.csv` for a new list."
        )


class NotWrittenBack(CurateError):
    """A text whose bytes do not come back from the encoding it was read in."""

    def __init__(self, path: Path, encoding: str) -> None:
        super().__init__(
            f"{path} was read as {encoding}, and would not be written back byte for byte. "
            f"Say which encoding it is with `curate ingest {path} --encoding NAME`, and export again."
        )


class ExportTaken(CurateError):
    """A folder to be written that is there already."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is there already and is not empty. Name a new folder.")
