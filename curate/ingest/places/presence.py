"""Are the listed images where they are looked for? Asked before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from curate.ingest.places.files import FoundFile, ImageFolder
from curate.ingest.places.tails import images_below, stem_of
from curate.ingest.records import Record, Refused
from db.errors import CurateError, typed

SAMPLE = 1000
"""Records that are looked for; where most of them are missing, all are."""

NEAR = 200_000
"""Files around the list that are looked through for the folder that was meant."""

NOT_THERE = ("missing", "outside_root")


class MostImagesMissing(CurateError):
    """Most of the images of a list, or of a table in memory, are not in the folder that was looked in."""

    def __init__(
        self,
        source: Path | str,
        folder: Path,
        missing: int,
        looked_for: int,
        example: str,
        better: Path | None,
    ) -> None:
        there = f" The images are in {better}:" if better else " Name the folder that its paths start from:"
        images = typed(better) if better else "DIR"
        if isinstance(source, Path):
            line, go_on = f"type `curate ingest {typed(source)} --images {images}`", "`--allow-missing`"
        else:
            line, go_on = f"images={str(better or 'DIR')!r}", "allow_missing=True"
        super().__init__(
            f"{missing} of the {looked_for} images that {source} lists are not in {folder}, {example} among "
            f"them; nothing was written.{there} {line}. If most are really not here, add {go_on}."
        )


class FolderEmpty(CurateError):
    """A folder without images, of which the catalog has some."""

    def __init__(self, folder: Path, count: int) -> None:
        super().__init__(
            f"There is no image in {folder}, and the catalog has {count} of it. Is its disk mounted? "
            f"Nothing was changed. Run the command again when they are back; if they have moved, type "
            f"`curate relocate`; if they are really gone, add `--allow-missing`."
        )


def require_presence(records: Iterable[Record | Refused], folder: ImageFolder, source: Path | str) -> None:
    """Look for the images of a list.

    Args:
        records: The list's; they may be read twice.
        folder: Where they are looked for.
        source: The list, or what a table in memory is called; for the message.

    Raises:
        MostImagesMissing: More than half of them are not there.
    """
    missing, looked_for = _missing(islice(records, SAMPLE), folder)
    if 2 * len(missing) <= looked_for:
        return
    if looked_for + 1 >= SAMPLE:
        missing, looked_for = _missing(records, folder)
        if 2 * len(missing) <= looked_for:
            return
    around = (source.parent, source.parent.parent) if isinstance(source, Path) else (folder.root,)
    better = _better_folder(missing, around)
    raise MostImagesMissing(
        source=source,
        folder=folder.root,
        missing=len(missing),
        looked_for=looked_for,
        example=missing[0],
        better=better,
    )


def _missing(records: Iterable[Record | Refused], folder: ImageFolder) -> tuple[list[str], int]:
    """Return the paths that lead to no file of the folder, and how many were looked for."""
    missing, looked_for = [], 0
    for record in records:
        if isinstance(record, Refused):
            continue
        file = folder.find(record.path)
        if isinstance(file, FoundFile):
            looked_for += 1
        elif file.reason in NOT_THERE:
            looked_for += 1
            missing.append(record.path)
    return missing, looked_for


def _better_folder(missing: Iterable[str], around: Iterable[Path]) -> Path | None:
    """Return the folder near the list that most of some missing paths lead to."""
    wanted = {path.replace("\\", "/").strip("/") for path in islice(missing, SAMPLE)}
    by_stem: dict[str, list[list[str]]] = {}
    for path in wanted:
        parts = path.split("/")
        by_stem.setdefault(stem_of(parts[-1]), []).append(parts[:-1])
    for place in around:
        votes: Counter[str] = Counter()
        for image in images_below(place, NEAR):
            *folders, name = image.split("/")
            for above in by_stem.get(stem_of(name), ()):
                if not above or folders[-len(above) :] == above:
                    votes["/".join(folders[: len(folders) - len(above)])] += 1
        if votes:
            best, count = votes.most_common(1)[0]
            if 2 * count > len(wanted):
                return place / best
    return None
