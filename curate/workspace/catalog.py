"""What a workspace does with its catalog: ingest, labels, stats, export."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from curate.workspace.arguments import require_one_of
from curate.workspace.opened import AnyPath, OpenedFolder, path_or_none
from db.workspace.workspace import open_workspace

if TYPE_CHECKING:
    import pandas as pd

    from curate.export.write import Exported, Format
    from curate.ingest import IngestSummary
    from curate.ingest.dry_run import DryRun
    from db.labels.history import ArtworkHistory, IngestRow, RefusedRow
    from db.labels.stats import CatalogStats


class CatalogVerbs(OpenedFolder):
    """The commands about the catalog."""

    def ingest(
        self,
        source: pd.DataFrame | AnyPath,
        *,
        images: AnyPath | None = None,
        check_images: bool = True,
        **options: Any,
    ) -> IngestSummary:
        """Read images and labels.

        Args:
            source: A table with a column ``filepath`` and one for each attribute; or the path or URL of a
                list, or of a folder of images.
            images: The folder, or URL, that paths are relative to; of a table, the current folder if left
                out.
            check_images: False takes the labels without looking at any image.
            options: What ``curate ingest --help`` lists, with ``_`` for ``-``. Of a list and of a table:
                ``map={"Künstler": "artist"}``, ``file``, ``id``, ``keep``, ``missing=["o. J."]``,
                ``keep_values``, ``values``, ``verify``, ``allow_missing``; of a table ``name``, too: the same
                name again replaces its labels. Of a file or folder alone: ``format``, ``separator``,
                ``encoding``, ``sheet``, ``artist_from``, ``attribute``, ``follow_links``.

        Returns:
            Counts; what was refused is in the catalog with its reason.

        Raises:
            InvalidInput: The source is neither a table nor a path, or an option is not as it must be.
        """
        from curate.ingest import ingest, ingest_records

        options = _with_stated(options) | {"check_images": check_images}
        if isinstance(source, str | PathLike):
            place, options["images"] = self._local(source, images)
            with self._progress() as progress:
                summary = ingest(self._folder, place, progress=progress, **options)
        else:
            options["images"] = path_or_none(images)
            with self._progress() as progress:
                summary = ingest_records(self._folder, source, progress=progress, **options)
        self._folder = open_workspace(self.folder)  # it may have a new root
        return summary

    def dry_run(
        self, source: AnyPath, *, images: AnyPath | None = None, check_images: bool = True, **options: Any
    ) -> DryRun:
        """Return what :meth:`ingest` would make of a source; nothing is written, no image is opened.

        Args:
            source: The path or URL of a list, or of a folder of images.
            images: The folder, or URL, that paths are relative to.
            check_images: False takes the labels without looking for any image.
            options: As :meth:`ingest` takes them, but for those that only say how to go on.
        """
        from curate.ingest.dry_run import dry_run

        options = _with_stated(options)
        place, folder = self._local(source, images)
        return dry_run(self._folder, place, images=folder, check_images=check_images, **options)

    def _local(self, source: AnyPath, images: AnyPath | None) -> tuple[Path, Path | None]:
        """Return where a source and its images are on this machine; a URL becomes a root of the workspace."""
        from curate.ingest.places.urls import local_folder

        self._folder, place = local_folder(self._folder, str(source))
        if images is None:
            return place, None
        self._folder, folder = local_folder(self._folder, str(images))
        return place, folder

    def labels(self) -> pd.DataFrame:
        """Return the labels as they are now: ``filepath`` and the attributes, None where there is none.

        A class is called by its key, as in :meth:`issues` and :meth:`pred_probs`, however a list spells it.
        :meth:`export` gives each row its own spelling.
        """
        from curate.export.curated_list import classes_frame

        with self._catalog() as catalog:
            return classes_frame(catalog)

    def stats(self) -> CatalogStats:
        """Count artworks, splits and the labels of each class."""
        from db.labels.stats import catalog_stats

        with self._catalog() as catalog, catalog.read() as session:
            return catalog_stats(session)

    def history(self, artwork: str) -> pd.DataFrame:
        """Return who said what of an artwork, and when; columns as in ``curate history --json``.

        Args:
            artwork: Its path, uuid or id in a list.
        """
        import pandas as pd

        return pd.DataFrame([vars(event) for event in self.artwork_history(artwork).events])

    def artwork_history(self, artwork: str) -> ArtworkHistory:
        """Return all that is known of an artwork, with its splits and what lists say of it.

        Args:
            artwork: Its path, uuid or id in a list.
        """
        from db.labels.history import artwork_history

        with self._catalog() as catalog, catalog.read() as session:
            return artwork_history(session, artwork)

    def ingests(self) -> list[IngestRow]:
        """Return all ingests, oldest first."""
        from db.labels.history import ingest_rows

        with self._catalog() as catalog, catalog.read() as session:
            return ingest_rows(session)

    def refused(self, ingest: int) -> Iterator[RefusedRow]:
        """Yield what an ingest refused, in its order.

        Args:
            ingest: Its number.
        """
        from db.labels.history import refused_rows

        with self._catalog() as catalog, catalog.read() as session:
            yield from refused_rows(session, index(ingest))

    def export(
        self,
        out: AnyPath,
        *,
        format: Format | None = None,
        like: AnyPath | None = None,
        changes: AnyPath | None = None,
        attribute: str | None = None,
        history: bool = False,
        predictions: int | None = None,
    ) -> Exported:
        """Write the labels as they are now, or what else is asked for; an old file is replaced.

        Args:
            out: The file, or the folder of ``artgan`` and ``imagefolder``.
            format: ``csv``, ``xlsx``, ``parquet``, ``artgan`` or ``imagefolder``; by the suffix if left out.
            like: Write this list again, but for the cells that reviewers corrected.
            changes: With ``like``: a file that lists what changed.
            attribute: Of ``imagefolder``: what the folders are classes of; the first if left out.
            history: Write every label ever said, and who said it.
            predictions: Write the probabilities of this run; as Parquet, where the suffix says nothing else.

        Returns:
            What was written; it may be used as the path of it.
        """
        from curate.export.write import ExportRequest, Format, export

        if format is not None:
            require_one_of("format", format, get_args(Format))
        request = ExportRequest(
            format=format,
            like=path_or_none(like),
            changes=path_or_none(changes),
            attribute=attribute,
            history=history,
            predictions=predictions,
        )
        with self._catalog() as catalog:
            return export(self._folder, catalog, Path(out), request)


def _with_stated(options: dict[str, Any]) -> dict[str, Any]:
    """Return options with those that say what a list's columns are put together, as ``ingest`` takes them."""
    from db.workspace.settings import SourceSettings

    said = {name: options[name] for name in SourceSettings.model_fields if name in options}
    rest = {name: value for name, value in options.items() if name not in said}
    return {**rest, "stated": {**(rest.get("stated") or {}), **said}}
