"""What keeps a workspace right: its classes, what is taken back, checks, backups, moved images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING

from curate.workspace.opened import AnyPath, OpenedFolder
from db.workspace.workspace import open_workspace

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from curate.ingest.places.relocation import RootState
    from curate.ingest.undo import UndoneIngest
    from curate.rounds.undo import UndoneVerdict
    from db.labels.class_changes import ChangeRow, ClassRow
    from db.maintenance.backup import BackupSummary
    from db.maintenance.check import Finding
    from db.maintenance.upgrade import UpgradeSummary


class CareVerbs(OpenedFolder):
    """The commands that look after a workspace."""

    def undo(
        self,
        what: int | str | None = None,
        attribute: str | None = None,
        *,
        ingest: int | None = None,
        dry_run: bool = False,
    ) -> UndoneVerdict | UndoneIngest:
        """Take a verdict back, so that the label before it counts again; or all that an ingest brought.

        Args:
            what: A verdict's number; or an artwork's path, uuid or id in a list, with ``attribute``.
            attribute: The artwork's newest verdict on this attribute is meant.
            ingest: An ingest's number, instead.
            dry_run: Only say what would be done: ``print`` what is returned.

        Returns:
            What was done, and how many labels changed by it.

        Raises:
            InvalidInput: Neither, or both, were given.
        """
        from curate.errors import InvalidInput
        from curate.ingest.undo import take_back
        from curate.rounds.undo import undo_verdict

        if (what is None) == (ingest is None):
            raise InvalidInput("Give a verdict's number, an artwork and an attribute, or ingest=N.")
        with self._catalog() as catalog:
            if ingest is not None:
                with self._progress() as progress:
                    return take_back(catalog, index(ingest), progress, dry_run=dry_run)
            assert what is not None
            if attribute is None and not str(what).isdecimal():
                raise InvalidInput(
                    f"{what!r} is not the number of a verdict. With an artwork, name the attribute too."
                )
            return undo_verdict(catalog, what, attribute, dry_run=dry_run)

    def classes(self, attribute: str | None = None) -> pd.DataFrame:
        """Return the classes in use, with how many artworks have each.

        Columns: ``attribute``, ``key`` (what :meth:`labels` and :meth:`issues` say), ``name`` (what people
        see), ``aliases`` (every spelling met), ``labelled``.

        Args:
            attribute: Only this one.
        """
        import pandas as pd

        columns = ["attribute", "key", "name", "aliases", "labelled"]
        rows = [vars(row) for row in self.class_rows(attribute) if row.merged_into is None]
        return pd.DataFrame(rows, columns=columns)

    def class_rows(self, attribute: str | None = None) -> list[ClassRow]:
        """Return all classes ever, those that were merged into others too."""
        from db.classes.classes import attributes, find_attribute
        from db.labels.class_changes import class_rows

        with self._catalog() as catalog, catalog.read() as session:
            chosen = [find_attribute(session, attribute)] if attribute else attributes(session)
            return [row for one in chosen for row in class_rows(session, one)]

    def class_changes(self, attribute: str | None = None) -> list[ChangeRow]:
        """Return who changed the classes, and how, oldest first."""
        from db.classes.classes import attributes, find_attribute
        from db.labels.class_changes import change_rows

        with self._catalog() as catalog, catalog.read() as session:
            chosen = [find_attribute(session, attribute)] if attribute else attributes(session)
            names = {one.name for one in chosen}
            return [change for change in change_rows(session) if change.attribute in names]

    def add_class(self, attribute: str, name: str, *, user: str | None = None) -> str:
        """Add a class; return its key.

        Args:
            attribute: Of which attribute.
            name: What it is called.
            user: Who says so; whoever is at this machine if left out. So in the next three.
        """
        from db.labels.class_changes import new_class

        with self._changing(user) as (session, who):
            return new_class(session, attribute, name, who)

    def rename_class(self, attribute: str, class_: str, name: str, *, user: str | None = None) -> str:
        """Show a class by another name; return its key, which stays; every spelling still means it."""
        from db.labels.class_changes import rename_class

        with self._changing(user) as (session, who):
            return rename_class(session, attribute, class_, name, who)

    def merge_classes(self, attribute: str, from_: str, into: str, *, user: str | None = None) -> int:
        """Make one class part of another; return how many labels count as that now."""
        from db.labels.class_changes import merge_classes

        with self._changing(user) as (session, who):
            return merge_classes(session, attribute, from_, into, who)

    def take_as_missing(self, attribute: str, spelling: str, *, user: str | None = None) -> int:
        """Take a class as no label; return how many labels are missing now."""
        from db.labels.class_changes import take_as_missing

        with self._changing(user) as (session, who):
            return take_as_missing(session, attribute, spelling, who)

    @contextmanager
    def _changing(self, user: str | None) -> Iterator[tuple[Session, str]]:
        from db.workspace.system import user_name

        with self._catalog() as catalog, catalog.write() as session:
            yield session, user or user_name()

    def check(self, *, images: bool = False) -> Iterator[Finding]:
        """Yield each thing that must hold of catalog and runs; ``broken`` counts what does not.

        Args:
            images: Read every image too, and compare its digest.
        """
        from db.maintenance.check import check_catalog

        with self._catalog() as catalog, self._progress() as progress:
            if images:
                progress.start(None, "Reading images")
            with catalog.read() as session:
                yield from check_catalog(session, self._folder, progress.advance if images else None)

    def repair(self) -> dict[str, int]:
        """Derive again all that follows from other rows; return how many rows of each kind changed."""
        from db.maintenance.check import repair

        with self._catalog() as catalog, catalog.write() as session:
            return repair(session)

    def backup(self, file: AnyPath) -> BackupSummary:
        """Write catalog, finished runs and settings to one file, and verify it; images are not in it.

        Args:
            file: A new file; ``curate restore`` puts it back.
        """
        from db.maintenance.backup import back_up

        return back_up(self._folder, Path(file))

    def upgrade(self) -> UpgradeSummary:
        """Bring the catalog's schema to this version of curate; a backup of the catalog is made first."""
        from db.maintenance.upgrade import upgrade_workspace

        return upgrade_workspace(self._folder)

    def roots(self) -> Sequence[RootState]:
        """Return where the images are, and how many of those looked for are there."""
        from curate.ingest.places.relocation import root_states

        return root_states(self._folder)

    def relocate(self, root: str, place: AnyPath, *, dry_run: bool = False) -> RootState:
        """Tell the workspace where the images of a root are now.

        Args:
            root: Its name, as :meth:`roots` gives it.
            place: A folder or a URL.
            dry_run: Only look.
        """
        from curate.ingest.places.relocation import relocate

        state = relocate(self._folder, root, str(place), dry_run=dry_run)
        self._folder = open_workspace(self.folder)
        return state
