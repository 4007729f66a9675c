"""What a user can fix, each with the sentence that says how.

::

    CurateError
    ├── NotAWorkspace            the folder has no curate.toml
    ├── WorkspaceExists          `curate init` where there is one
    ├── BadSettings              curate.toml says something that cannot be
    ├── CatalogMissing           the workspace has no catalog file
    ├── CatalogOutdated          its schema is not this version's
    ├── CatalogNewer             its schema is a newer version's
    ├── CatalogDamaged           the file is not a whole SQLite database
    ├── CatalogLocked            another process has been writing for ten minutes
    ├── CatalogReadOnly          the catalog may not be written
    ├── CatalogUnreachable       PostgreSQL does not answer, or not to this user
    ├── NoSpace                  the disk is full, or refuses to write
    ├── OutputLost               standard output cannot be written
    ├── NotWritable              a file or folder that this user may not write
    ├── NumberTooLarge           a number that no database has room for
    ├── BadDatabaseUrl           a database that curate does not speak
    ├── DriverMissing            a PostgreSQL catalog without psycopg
    ├── BadBackup                a file that `curate restore` cannot trust
    ├── RestoreOccupied          `curate restore` where something is already
    ├── NotText                  bytes that are no text, where a name is needed
    ├── UnusableName             a path that the system refuses
    ├── NotAnOutput              a folder, or a file, where the other is to be written
    ├── FileExists               an output file that would be overwritten
    ├── RootUnknown              an artwork's images lie in a folder that this workspace does not know
    ├── ImageRefused             an artwork's path leads out of its root, or to no regular file
    ├── StorageUnknown           a root of images by a URL that nothing here opens
    ├── StorageUnreachable       the storage of such a root does not answer, or not to this user
    ├── ListingEmpty             a storage that lists nothing, where images are known
    ├── EmptyArgument            an empty text where a name or a path is expected
    ├── FileMissing              a path on the command line does not exist
    ├── AttributesClash          two attributes that one column would have to hold
    ├── UnknownAttribute         an attribute that the workspace does not have
    ├── UnknownClass             a class that the attribute does not have
    ├── ArtworkNotFound          no artwork by that id or path
    ├── ArtworkAmbiguous         several artworks have that id or path
    ├── RunNotFound              no run by that number
    ├── RunDamaged               files of a run are lost or not as they were written
    ├── NoRunYet                 a command that needs a finished run, before the first
    ├── BatchNotFound            no batch by that number at that place
    ├── NothingDecided           no verdict that still counts on an artwork's attribute
    └── VerdictNotFound          no verdict by that number, or one taken back already

Packages add their own beside their code: ``model.errors``, ``review.errors``, ``curate.errors``.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any


def typed(value: object) -> str:
    """Return a path or a name as it is typed on a command line: what has spaces in it stands in quotes.

    Example:
        >>> typed("my list.csv"), typed("list.csv")
        ("'my list.csv'", 'list.csv')
    """
    if os.name == "nt":  # double quotes are the ones that both of its shells know
        import subprocess

        return subprocess.list2cmdline([str(value)])
    return shlex.quote(str(value))


class CurateError(Exception):
    """An error that the user can fix; its text is one line and says what to type."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it pass from one process to another, whatever it was made from."""
        return _rebuilt, (type(self), str(self), self.__dict__)


def _rebuilt(kind: type[CurateError], text: str, fields: dict[str, Any]) -> CurateError:
    error = kind.__new__(kind)
    Exception.__init__(error, text)
    error.__dict__.update(fields)
    return error


class NotAWorkspace(CurateError):
    """The folder is not a workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} is not a curate workspace: it has no curate.toml. "
            f"Make one with `curate init {typed(folder)}`, or name another with `curate --workspace DIR`."
        )


class WorkspaceExists(CurateError):
    """``curate init`` was asked for a folder that already is a workspace."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} already is a curate workspace. Use it with `curate --workspace {typed(folder)}`."
        )


class BadSettings(CurateError):
    """``curate.toml`` does not hold what it should."""

    def __init__(self, path: Path, where: str, problem: str) -> None:
        super().__init__(f"{path}: {where}: {problem}. Fix that line and run the command again.")


class CatalogMissing(CurateError):
    """The workspace is there, its catalog is not."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The catalog {path} is missing. Put it back from a backup, "
            f"or start again with `curate init` in an empty folder."
        )


class CatalogOutdated(CurateError):
    """The catalog has another schema than this version of curate."""

    def __init__(self, name: str, revision: str, needed: str) -> None:
        super().__init__(
            f"{name} has schema revision {revision}, and this version of curate needs {needed}. "
            f"Back it up, then run `curate upgrade`."
        )


class CatalogNewer(CurateError):
    """The catalog was written by a newer version of curate."""

    def __init__(self, name: str, revision: str, newest: str) -> None:
        super().__init__(
            f"{name} has schema revision {revision}, and this version of curate knows none after {newest}. "
            f"Install the newer version: `pip install --upgrade curate-labels`."
        )


class CatalogDamaged(CurateError):
    """The catalog file is cut off, overwritten, or no database at all."""

    def __init__(self, name: str, said: str) -> None:
        self.said = said
        if "://" in name:
            fix = "Put a backup into an empty database with `curate restore FILE --database-url URL`."
        else:
            fix = (
                "Move it away together with its -wal and -shm files, and put a backup back with "
                "`curate restore FILE`."
            )
        super().__init__(f"The catalog {name} is damaged ({said}). {fix}")


class CatalogLocked(CurateError):
    """A writer waited for its turn, and gave up."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(
            f"The catalog {name} is still locked by {holder}; nothing was written. "
            f"Wait until it is done, or end it, then run the command again."
        )


class CatalogReadOnly(CurateError):
    """The database may not be written by this user."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(
            f"The catalog {name} cannot be written ({said}). Give this user the right to write "
            f"the file and its folder (or the tables), then run the command again."
        )


class CatalogUnreachable(CurateError):
    """The database server does not answer, or not to this user."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(
            f"The catalog {name} cannot be reached ({said}). Start the server or fix database_url "
            f"in curate.toml, then run the command again; nothing was left half-written."
        )


class NoSpace(CurateError):
    """A write failed because the disk is full, or because it refuses."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(
            f"{name} could not be written ({said}). Make room on that disk and run the command again; "
            f"nothing was left half-written."
        )


class OutputLost(CurateError):
    """What a command prints could not be written; what it did is done."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"Standard output could not be written ({said}). What the command did stands: `curate status` "
            f"shows it. Make room where the output goes, and ask again for what was to be read."
        )


class NotWritable(CurateError):
    """A file or folder may not be read or written by this user."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(
            f"{name} may not be used by this user ({said}). Change its rights or its place, "
            f"then run the command again."
        )


class NumberTooLarge(CurateError):
    """A number on the command line is larger than a database's integers."""

    def __init__(self) -> None:
        super().__init__(f"A number is too large: the catalog counts to {2**63 - 1}. Give a smaller one.")


class BadDatabaseUrl(CurateError):
    """The URL of the catalog names a database that curate does not speak."""

    def __init__(self, driver: str) -> None:
        super().__init__(
            f"{driver!r} is no database that curate can keep its catalog in. Give a URL such as "
            f"postgresql://USER@HOST/DATABASE, or none for a SQLite file in the workspace."
        )


class DriverMissing(CurateError):
    """The catalog is on PostgreSQL, and the driver is not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The catalog {name} is on PostgreSQL, and the package psycopg is not installed. "
            f"Type `pip install 'curate-labels[postgresql]'`."
        )


class BadBackup(CurateError):
    """A backup file that is cut off, changed, or not one."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path} cannot be restored: {problem}. Nothing was changed. Take another backup file."
        )


class RestoreOccupied(CurateError):
    """A backup was to be restored over something."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place} is there already, and a restore never overwrites. "
            f"Move it away, or restore into an empty folder: `curate -w DIR restore FILE`."
        )


class BatchNotFound(CurateError):
    """No batch by that number went to that place."""

    def __init__(self, batch_id: int, server: str, there: Sequence[int]) -> None:
        others = f"There: {', '.join(map(str, there[-10:]))}." if there else "None went there yet."
        super().__init__(f"There is no batch {batch_id} at {server}. {others} `curate status` lists all.")


class NotAnOutput(CurateError):
    """What was named for an output cannot take one."""

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(f"{path} cannot be written: {said}. Give another name.")


class UnusableName(CurateError):
    """The system has no such place: a name too long, a file where a folder is needed, a circle of links."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(
            f"{name} cannot be used ({said}). Fix that path, or give another, and run the command again."
        )


class NotText(CurateError):
    """Bytes that are no text, where a name is needed that a catalog can hold, or a system can look up."""

    def __init__(self, text: str, encoding: str) -> None:
        shown = repr(text if len(text) <= 100 else f"{text[:100]}…")
        if encoding == "ascii":
            why = "Python was told that file names are ASCII here (by LC_ALL, PYTHONUTF8 or the like)"
            fix = "Set PYTHONUTF8=1, and run the command again."
        else:
            why = "names of artworks, classes and folders are text"
            fix = "Type it again; an artwork may be named by its uuid, and a folder or file be renamed."
        super().__init__(f"{shown} cannot be written in {encoding.upper()}; {why}. {fix}")


class FileExists(CurateError):
    """An output file is there already."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} is there already. Give another name for the {what}, or remove it first.")


class RootUnknown(CurateError):
    """The catalog names a root of images that this workspace has no folder for."""

    def __init__(self, root: str, settings: Path) -> None:
        super().__init__(
            f"The catalog has artworks of the root {root!r}, and {settings} does not say where it is on this "
            f"machine. Type `curate relocate {typed(root)} DIR` with the folder that holds these images."
        )


class ImageRefused(CurateError):
    """An artwork's path leads out of its root, or to what is no regular file; it is never opened."""

    def __init__(self, root: str, path: str, problem: str, advice: str = "") -> None:
        advice = advice or (
            "Look at where this catalog comes from and type `curate check`; where your own links lead to "
            "files elsewhere, type `curate ingest SOURCE --follow-links`."
        )
        super().__init__(f"The image {path!r} of the root {root!r} {problem}; it is not opened. {advice}")


class StorageUnknown(CurateError):
    """Nothing here opens URLs of that kind."""

    def __init__(self, url: str, said: str) -> None:
        super().__init__(
            f"{url} cannot be opened ({said}). Give a URL that begins with s3://, gs:// or https://, "
            f"or install what fsspec needs for it."
        )


class StorageUnreachable(CurateError):
    """The storage of a root by URL does not answer, or not to this user."""

    def __init__(self, url: str, said: str) -> None:
        super().__init__(
            f"The images at {url} cannot be reached ({said}). Look at the network and at the storage's keys "
            f"(for S3 AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL), "
            f"then run the command again."
        )


class ListingEmpty(CurateError):
    """A storage lists nothing where it listed images before, which looks like an accident."""

    def __init__(self, url: str, images: int) -> None:
        super().__init__(
            f"{url} lists no file, and the catalog has {images} from there: that looks like an accident, and "
            f"nothing was changed. Run the command again when its listing is back; if the images have "
            f"moved, type `curate relocate`."
        )


class EmptyArgument(CurateError):
    """A command was given an empty text where it takes a name or a path."""

    def __init__(self, given: Sequence[str]) -> None:
        super().__init__(
            f"`curate {shlex.join(given)}` has an empty argument. Give it a value, for instance `.` for the "
            f"current folder; a variable that is not set looks like this, too."
        )


class FileMissing(CurateError):
    """A path that the user gave does not exist."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"There is no {what} at {path}. Check the path and run the command again.")


class AttributesClash(CurateError):
    """Two attributes of an older catalog, one of which would overwrite the other in the output."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"{problem[0].upper()}{problem[1:]}: one would overwrite the other, so nothing was written. "
            f"`curate export labels.csv --history` has every label of both, and a new workspace takes "
            f"them under other names."
        )


class UnknownAttribute(CurateError):
    """An attribute that this workspace does not have."""

    def __init__(self, name: str, attributes: Sequence[str]) -> None:
        super().__init__(
            f"There is no attribute {name!r}. Attributes of this workspace: {', '.join(attributes)}."
        )


class UnknownClass(CurateError):
    """A class that an attribute does not have."""

    def __init__(self, attribute: str, name: str, classes: Sequence[str]) -> None:
        near = get_close_matches(name, classes, n=3, cutoff=0.5)
        hint = f"Nearest: {', '.join(near)}" if near else f"It has {len(classes)} classes"
        super().__init__(
            f"{attribute} has no class {name!r}. {hint}. List them with `curate classes list {attribute}`."
        )


class ArtworkNotFound(CurateError):
    """No artwork has that id or path."""

    def __init__(self, reference: str, artworks: int) -> None:
        super().__init__(
            f"No artwork has the id or path {reference!r} among the {artworks} of this catalog. "
            f"Give the uuid or the path that `curate issues` prints."
        )


class ArtworkAmbiguous(CurateError):
    """Several artworks have that id or path."""

    def __init__(self, reference: str, uuids: Sequence[str], many: bool) -> None:
        listed = ", ".join(uuids)
        super().__init__(
            f"{'More than ' if many else ''}{len(uuids)} artworks have the id or path {reference!r}: "
            f"{listed}. Say which by its uuid; `curate history UUID` shows each."
        )


class RunNotFound(CurateError):
    """No run has that number, or it is not complete."""

    def __init__(self, run_id: int, run_ids: Sequence[int], unfinished: bool = False) -> None:
        runs = ", ".join(str(other) for other in run_ids) or "none"
        if unfinished:
            super().__init__(f"Run {run_id} is not complete. Complete runs in this catalog: {runs}.")
        else:
            super().__init__(f"There is no run {run_id}. Runs in this catalog: {runs}.")


class RunDamaged(CurateError):
    """A file that a run needs is lost, or is not as it was written."""

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(
            f"{path}, which a run needs, {said}. Put the run's folder back from a backup, or make a new run "
            f"with `curate train`; `curate check` names all damaged ones. Labels and verdicts are untouched."
        )


class NoRunYet(CurateError):
    """A command needs the probabilities of a finished run."""

    def __init__(self, command: str) -> None:
        super().__init__(
            f"`curate {command}` needs a finished run, and this catalog has none. Run `curate train` first."
        )


class NothingDecided(CurateError):
    """Nobody has decided anything about that attribute of that artwork that still counts."""

    def __init__(self, path: str, attribute: str) -> None:
        super().__init__(
            f"No verdict on the {attribute} of {path} counts, so there is none to take back. "
            f"`curate history {typed(path)}` prints what was said of it."
        )


class VerdictNotFound(CurateError):
    """No verdict that still counts has that number."""

    def __init__(self, verdict_id: int, taken_back: bool) -> None:
        state = "was taken back already" if taken_back else "does not exist"
        super().__init__(f"Verdict {verdict_id} {state}. `curate history ARTWORK` lists verdicts by number.")
