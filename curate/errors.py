"""Errors of the commands that work on the catalog, each with a sentence that says what to do.

::

    db.errors.CurateError
    ├── AnswersUnreadable        a row of the list of `curate push --controls` is none
    ├── DemoFolderTaken          `curate demo` would have to write among somebody's files
    ├── GalleryUnusable          the list of `curate demo --gallery` is none
    ├── InvalidInput             arrays or tables that cannot be scored; a ValueError, too
    │   ├── IncompatibleOptions  what was asked for excludes each other
    │   └── UnknownSetting       a setting of training that there is not
    ├── NoImageModel             a run whose features or probabilities another model gave
    ├── NothingInCommon          runs that share no judged artwork cannot be compared
    ├── NothingToTrain           no attribute has two classes with enough labels
    ├── NotConfirmed             a command that asks, where nobody can answer
    ├── NotAnAnswerList          the list of `curate push --controls` lacks its columns
    ├── ListNotIngested          `curate export --like` of a list that the catalog does not know
    ├── NotInEncoding            a corrected class that the list's encoding cannot write
    ├── NotWrittenBack           an encoding that does not give back the bytes it was read from
    ├── ExportTaken              a folder to be written is there already
    ├── NoTableFormat            the name of a file to be written is no table's
    ├── OnlySheetsWait           a sync with a server that was never asked, while sheets wait
    ├── RunLocked                another process is training the same run
    ├── PartMissing              a package that a command needs is not installed
    └── StrangersPackage         another project's `curate` is installed in the same folder
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from db.errors import CurateError, typed

EXTRAS = {"label_studio": "label-studio", "psycopg": "postgresql"}
"""What an extra brings; everything else comes with the package itself."""


class DemoFolderTaken(CurateError):
    """The demo's folder holds something that no demo made."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds files that no demo made. Name a new or an empty folder: "
            f"`curate demo --folder DIR`."
        )


class NotConfirmed(CurateError):
    """A command asks before it acts, and nobody is at a terminal to answer."""

    def __init__(self, command: str) -> None:
        super().__init__(
            f"`curate {command}` asks first, and nobody is there to answer. Add `--yes` to do it."
        )


class InvalidInput(CurateError, ValueError):
    """Labels, probabilities or embeddings that cannot be what they were given as.

    It is a ``ValueError``, too, as scikit-learn's users expect of a wrong array.
    """


class IncompatibleOptions(InvalidInput):
    """What was asked for excludes each other; the command line takes it for a wrong option."""


class UnknownSetting(InvalidInput):
    """A setting of training that there is not."""

    def __init__(self, where: str, name: str, settings: Sequence[str]) -> None:
        near = get_close_matches(name, settings, n=1, cutoff=0.5)
        meant = f"Did you mean {near[0]}? " if near else ""
        super().__init__(f"{where} has no setting {name}. {meant}`curate train --help` lists all.")


class NothingInCommon(CurateError):
    """Runs without a common judged artwork cannot be compared."""

    def __init__(self, runs: Sequence[int]) -> None:
        listed = ", ".join(str(run) for run in runs)
        super().__init__(
            f"Runs {listed} have no artwork that all of them judged out of sample. "
            f"List others with `curate runs`."
        )


class NothingToTrain(CurateError):
    """There is nothing a classifier could tell apart."""

    def __init__(self, artworks: int, min_class_count: int) -> None:
        if not artworks:
            super().__init__(
                "Nothing to train on: this catalog has no usable artworks yet. "
                "`curate ingest SOURCE` brings some; `curate status` says what there is."
            )
            return
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


class NoImageModel(CurateError):
    """A run has no network that takes an image: its features or probabilities came from another model."""

    def __init__(self, run_id: int, name: str) -> None:
        super().__init__(
            f"Run {run_id} ({name}) has no network that takes images: it was made from another "
            f"model's features or probabilities. Train one with `curate train`, or name another run: "
            f"`curate runs` lists them."
        )


class GalleryUnusable(CurateError):
    """The list of a demo's gallery is none."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path} cannot be a gallery: {problem}. It needs the column `filepath`, one column an "
            f"attribute, and a row an image."
        )


class AnswersUnreadable(CurateError):
    """A row of a list of known answers cannot be read."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} cannot be read ({problem}). Fix that line, then push again.")


class NotAnAnswerList(CurateError):
    """The file of known answers lacks the columns that make it one."""

    def __init__(self, path: Path, columns: Sequence[str], attributes: Sequence[str]) -> None:
        super().__init__(
            f"{path} has the columns {', '.join(columns) or 'none'}. A list of known answers needs `artwork` "
            f"or `filepath`, and at least one of {', '.join(attributes)}."
        )


class ListNotIngested(CurateError):
    """A list that no ingest of this catalog has read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: no list with these columns was ingested into this catalog. "
            f"Type `curate ingest {typed(path)}` first, or name the list that was."
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
            f"Say which encoding it is with `curate ingest {typed(path)} --encoding NAME`, and export again."
        )


class ExportTaken(CurateError):
    """A folder to be written that is there already."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is there already and is not empty. Name a new folder.")


class OnlySheetsWait(CurateError):
    """A server should be asked for answers, but everything so far went out as sheets."""

    def __init__(self, waiting: Mapping[int, int]) -> None:
        asked = ", ".join(f"{count} artworks of batch {batch}" for batch, count in waiting.items())
        super().__init__(
            f"Nothing was sent to a server from here; {asked} wait in sheets. Name the one that was "
            f"filled in: `curate sync-corrections --from SHEET`."
        )


class NoTableFormat(CurateError):
    """A file to be written whose name ends like none of the tables."""

    def __init__(self, out: Path, suffixes: Sequence[str]) -> None:
        super().__init__(
            f"{out} does not end like a table that curate writes ({', '.join(suffixes)}). "
            f"Call it {out.stem}.{suffixes[0]}, or add `--format`."
        )


class PartMissing(CurateError):
    """A package that a command needs is not installed."""

    def __init__(self, module: str) -> None:
        package = module.partition(".")[0]
        extra = EXTRAS.get(package)
        what = f"curate-labels[{extra}]" if extra else "curate-labels"
        super().__init__(
            f"The package `{package}` is not installed here, and this needs it. Type `pip install '{what}'`."
        )


class StrangersPackage(CurateError):
    """Another project's distribution is named ``curate``, and brings a package of that name."""

    def __init__(self, version: str, summary: str, ours: str) -> None:
        super().__init__(
            f"Another project's package is installed here as `curate` {version} ({summary}); it writes into "
            f"the same folder as {ours}. Type `pip uninstall curate`, then "
            f"`pip install --force-reinstall --no-deps {ours}`."
        )
