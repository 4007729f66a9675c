"""A workspace from Python: what the commands do, with tables in and out; see docs/python.md.

The commands call this module, too: there is one way in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd

from db.errors import BadSettings
from db.workspace.workspace import Workspace as Folder
from db.workspace.workspace import init_workspace, open_workspace

if TYPE_CHECKING:
    from curate.ingest import IngestSummary
    from curate.predictions.run import ImportSummary, OutOfSample
    from curate.rounds.status import RoundStatus
    from curate.training.run import TrainSummary
    from db.engine.catalog import Catalog
    from db.workspace.progress import Progress
    from db.workspace.train_settings import TrainSettings
    from review.label_studio.push.send import Pushed
    from review.label_studio.sync.summary import Synced

AnyPath = str | PathLike[str]
Shown = Callable[[], AbstractContextManager["Progress"]]


def open(folder: AnyPath = ".", *, progress: bool = True) -> Workspace:
    """Open the workspace in a folder.

    Args:
        folder: A folder that ``curate init`` or :func:`init` made.
        progress: Show how long work goes on, in a notebook or on a terminal.

    Raises:
        CurateError: It is no workspace, or its catalog cannot be read by this version.
    """
    from curate.progress import chosen_progress, silent_progress

    return Workspace(open_workspace(Path(folder)), chosen_progress if progress else silent_progress)


def init(
    folder: AnyPath, attributes: Sequence[str] = ("style", "genre", "artist"), *, progress: bool = True
) -> Workspace:
    """Make a workspace in a folder, or open the one that is there.

    Args:
        folder: Made if it is not there.
        attributes: What each artwork is labelled with: names in lower case.
        progress: Show how long work goes on, in a notebook or on a terminal.

    Raises:
        CurateError: The workspace that is there has other attributes, or a name cannot be one.
    """
    from db.errors import WorkspaceExists

    try:
        init_workspace(Path(folder), tuple(attributes))
    except WorkspaceExists:
        known = open_workspace(Path(folder)).settings.attributes
        if tuple(known) != tuple(attributes):
            raise BadSettings(
                Path(folder) / "curate.toml", "attributes", f"it has {', '.join(known)}, not {attributes}"
            ) from None
    return open(folder, progress=progress)


class Workspace:
    """An opened workspace; each method does what the command of its name does.

    Every method may be interrupted and called again. What the user can mend is raised as a ``CurateError``,
    whose text is the sentence that the command prints.
    """

    def __init__(self, folder: Folder, progress: Shown) -> None:
        self._folder, self._progress = folder, progress

    def __repr__(self) -> str:
        return f"<Workspace {self.folder}>"

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder.folder

    @property
    def attributes(self) -> tuple[str, ...]:
        """What each artwork is labelled with."""
        return tuple(self._folder.settings.attributes)

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
            source: A table with a column ``filepath`` and one for each attribute; or the path of a list, or
                of a folder of images.
            images: The folder that paths are relative to; of a table, the current folder if left out.
            check_images: False takes the labels without looking at any image.
            options: What ``curate.ingest.ingest`` takes beside (``stated``, ``format``, ``verify``,
                ``artist_from``, ``attribute``), of a table ``stated``, ``verify`` and ``name``.

        Returns:
            Counts; what was refused is in the catalog with its reason.
        """
        from curate.ingest import ingest, ingest_records

        folder = None if images is None else Path(images)
        with self._progress() as progress:
            if isinstance(source, pd.DataFrame):
                summary = ingest_records(
                    self._folder,
                    source,
                    images=folder,
                    check_images=check_images,
                    progress=progress,
                    **options,
                )
            else:
                summary = ingest(
                    self._folder,
                    Path(source),
                    images=folder,
                    check_images=check_images,
                    progress=progress,
                    **options,
                )
        self._folder = open_workspace(self.folder)  # it may have a new root
        return summary

    def labels(self) -> pd.DataFrame:
        """Return the labels as they stand: ``filepath`` and the attributes, None where there is none."""
        from curate.export.curated_list import labels_frame

        with self._catalog() as catalog:
            frame = labels_frame(catalog)
        for name in self.attributes:
            frame[name] = frame[name].astype(object).where(frame[name] != "", None)
        return frame

    def train(self, settings: TrainSettings | None = None, **options: Any) -> TrainSummary | None:
        """Train one run on the labels as they stand, and list the labels that it doubts.

        Args:
            settings: All settings; those of ``curate.toml`` if left out.
            options: What differs from them, by the names that ``curate train --help`` lists, with ``_`` for
                ``-``: ``backbone="resnet50", folds=3``.

        Returns:
            The run's number, metrics and more; None in all but the first of several processes that train
            together.

        Raises:
            BadSettings: There is no such setting, or a value is out of its range.
        """
        from curate.training.run import train
        from curate.training.settings import changed_settings

        chosen = settings or self._folder.settings.train
        if options:
            chosen = changed_settings(chosen, options, "Workspace.train", str)
        with self._catalog() as catalog, self._progress() as progress:
            return train(self._folder, catalog, chosen, progress)

    def import_predictions(
        self,
        predictions: Any,
        pred_probs: Any = None,
        *,
        classes: Sequence[str] | None = None,
        embeddings: Any = None,
        name: str | None = None,
        out_of_sample: OutOfSample | None = None,
        attribute: str | None = None,
    ) -> ImportSummary:
        """Make a run of another model's probabilities.

        Args:
            predictions: A file, several files, or a table, as ``curate import-predictions`` reads them; or
                the artworks' paths or ids, shape ``(N,)``, with ``pred_probs``.
            pred_probs: Probabilities, shape ``(N, K)``, or a dict of them by attribute.
            classes: The classes in the order of the columns, where these have no names.
            embeddings: A file of features, or an array ``(N, D)`` over the same artworks.
            name: What to call the model.
            out_of_sample: ``fold``, ``holdout`` or ``unknown``: whether the model had seen the artworks.
            attribute: Which attribute columns are of that don't say it.
        """
        from curate.predictions.given import as_files, as_vectors
        from curate.predictions.run import import_predictions

        files = as_files(predictions, pred_probs, classes, attribute, self.attributes)
        vectors = as_vectors(embeddings, files)
        with self._catalog() as catalog, self._progress() as progress:
            return import_predictions(
                self._folder,
                catalog,
                files,
                embeddings=vectors,
                name=name,
                out_of_sample=out_of_sample,
                attribute=attribute,
                progress=progress,
            )

    def runs(self) -> pd.DataFrame:
        """Return the runs, oldest first: number, state, backbone, protocol, accuracy of each attribute."""
        from db.runs.runs import run_attributes, runs

        rows = []
        with self._catalog() as catalog, catalog.read() as session:
            for run in runs(session):
                metrics = {name: row.metrics for name, row in run_attributes(session, run).items()}
                accuracies = {f"{name}_accuracy": one["accuracy"] for name, one in metrics.items()}
                row = {"run": run.id, "state": run.state, "backbone": run.backbone}
                rows.append(row | {"protocol": run.protocol, "created_at": run.created_at} | accuracies)
        return pd.DataFrame(rows, columns=None if rows else ["run", "state", "backbone", "protocol"])

    def pred_probs(self, run: int | None = None) -> dict[str, pd.DataFrame]:
        """Return a run's probabilities by attribute, a row an artwork (by its path), a column a class.

        Args:
            run: Its number; the newest complete one if left out.
        """
        from curate.export.curated_list import predictions_frame

        with self._catalog() as catalog:
            frame = predictions_frame(self._folder, catalog, run).set_index("filepath")
        found = {}
        for name in self.attributes:
            start = f"{name}."
            own = {
                column: column.removeprefix(start) for column in map(str, frame) if column.startswith(start)
            }
            if own:
                found[name] = frame[list(own)].rename(columns=own)
        return found

    def issues(
        self,
        kind: str = "label",
        *,
        attribute: str | None = None,
        limit: int | None = None,
        run: int | None = None,
        every: bool = False,
    ) -> pd.DataFrame:
        """Return what a run doubts, worst first; columns as in ``curate issues --json``.

        Args:
            kind: ``label``, ``label_conflict``, ``outlier``, ``duplicate``, ``property`` or ``unreadable``.
            attribute: Only this attribute.
            limit: At most so many.
            run: The run's number; the newest complete one if left out.
            every: Every scored label of the run, doubted or not.
        """
        from db.runs.issues import scored_labels, worst_issues
        from db.runs.runs import find_run

        with self._catalog() as catalog, catalog.read() as session:
            found = find_run(session, run, "issues") if kind == "label" else None
            if every and found is not None:
                rows = scored_labels(session, found, attribute)[:limit]
            else:
                rows = worst_issues(session, kind=kind, attribute=attribute, limit=limit, run=found)
        frame = pd.DataFrame([row.as_record() for row in rows])
        return (
            frame if len(frame) else pd.DataFrame(columns=["artwork", "path", "kind", "attribute", "score"])
        )

    def evaluate(self, run: int | None = None) -> pd.DataFrame:
        """Measure a run's out-of-sample predictions against the labels, as imported and as corrected.

        Columns: ``attribute``, ``labels``, ``n``, ``accuracy`` with its 95 % interval (``low``, ``high``),
        ``macro_f1``, ``majority``, ``ece``.
        """
        from curate.evaluation import evaluate_run, read_predictions

        with self._catalog() as catalog:
            found = evaluate_run(read_predictions(self._folder, catalog, run, "evaluate"))
        rows = []
        for name, one in found.attributes.items():
            for labels, metrics in (("imported", one.imported), ("corrected", one.corrected)):
                if metrics is not None and (labels == "corrected" or one.changed):
                    low, high = metrics.accuracy_interval
                    row = {"attribute": name, "labels": labels, "n": metrics.n, "accuracy": metrics.accuracy}
                    row |= {"low": low, "high": high, "macro_f1": metrics.macro_f1}
                    rows.append(row | {"majority": metrics.majority, "ece": metrics.ece})
        return pd.DataFrame(rows)

    def compare(self, *runs: int) -> pd.DataFrame:
        """Set runs side by side on the artworks that all of them judged; the first is the baseline.

        Columns: ``attribute``, ``run``, ``n``, ``accuracy``, ``macro_f1``; against the first run
        ``difference`` with its 95 % interval (``low``, ``high``), ``gained`` and ``lost`` artworks, and
        ``p_value`` of McNemar's exact test.
        """
        from curate.evaluation import compare_runs, read_predictions

        with self._catalog() as catalog:
            read = [read_predictions(self._folder, catalog, run, "compare") for run in runs]
        rows = []
        for name, one in compare_runs(read).attributes.items():
            for at, number in enumerate(runs):
                row = {"attribute": name, "run": number, "n": one.n, "accuracy": one.accuracy[at]}
                row["macro_f1"] = one.macro_f1[at]
                if at:
                    pair = one.pairs[at - 1]
                    low, high = pair.difference_interval
                    row |= {"difference": pair.difference, "low": low, "high": high}
                    row |= {"gained": pair.gained, "lost": pair.lost, "p_value": pair.p_value}
                rows.append(row)
        return pd.DataFrame(rows)

    def report(
        self, run: int | None = None, out: AnyPath | None = None, *, figures: AnyPath | None = None
    ) -> Path:
        """Write a run's report, one HTML file, and return where it is.

        Args:
            run: The run's number; the newest complete one if left out.
            out: The file; ``reports/`` in the workspace if left out.
            figures: A folder to write each figure to as well, with its numbers.
        """
        from curate.report.write import write_run_report

        file, folder = (None if path is None else Path(path) for path in (out, figures))
        with self._catalog() as catalog:
            return write_run_report(self._folder, catalog, run, file, "html", folder)

    def label(
        self,
        artwork: str,
        attribute: str,
        class_: str,
        *,
        atypical: bool = False,
        comment: str | None = None,
        user: str | None = None,
        final: bool = False,
    ) -> tuple[str, int]:
        """Say which class an artwork has, as a reviewer would.

        Args:
            artwork: Its path or id.
            attribute: Of which attribute.
            class_: The right class: key, name or alias.
            atypical: It is right, but unlike its class: do not ask again.
            comment: Why; kept with the verdict.
            user: Who says so; whoever is at this machine if left out.
            final: It is the last word where reviewers disagree: it outweighs all of them.

        Returns:
            What that is (``confirmed``, ``corrected`` …), and how many labels changed by it.
        """
        from db.classes.classes import find_attribute, find_class
        from db.decisions import of_choice
        from db.labels.table import find_artwork
        from db.reviews.answering.answers import Decision
        from db.reviews.answering.recording import decide
        from db.reviews.answering.verdicts import current_class
        from db.workspace.system import user_name

        with self._catalog() as catalog, catalog.write() as session:
            row = find_artwork(session, artwork)
            of = find_attribute(session, attribute)
            chosen = find_class(session, of, class_)
            said = of_choice(current_class(session, row.id, of.id), chosen)
            word = "atypical" if atypical and said == "confirmed" else said
            recorded = decide(
                session,
                row.id,
                [Decision(of.id, word, chosen)],
                user=user or user_name(),
                annotation_id=uuid4().hex,
                comment=comment,
                final=final,
            )
            return word, recorded.labels_changed

    def browse(self, run: int | None = None, *, launch: bool = True, full: bool = False) -> Any:
        """Bring the FiftyOne dataset up to date, and show it.

        Args:
            run: The run to show; the newest complete one if left out.
            launch: False only brings the dataset up to date.
            full: Compare every sample with the catalog, not only what changed.

        Returns:
            FiftyOne's session, which a notebook shows; what was synced, where ``launch`` is False.
        """
        from review.fiftyone.connect import import_fiftyone
        from review.fiftyone.dataset.sync import sync_dataset

        with self._progress() as progress, self._catalog() as catalog:
            summary = sync_dataset(self._folder, catalog, run, progress, full)
        if not launch:
            return summary
        fiftyone = import_fiftyone(self._folder)
        return fiftyone.launch_app(fiftyone.load_dataset(summary.dataset))

    def push(
        self,
        limit: int = 100,
        *,
        attribute: str | None = None,
        run: int | None = None,
        sheet: AnyPath | None = None,
    ) -> Pushed:
        """Send a batch of artworks to Label Studio, those whose review should fix most first.

        Args:
            limit: Artworks in the batch.
            attribute: Rank by the doubts in this attribute only.
            run: The run whose doubts are asked about; the newest complete one if left out.
            sheet: Write a sheet to fill in instead, ``.csv`` or ``.html``; no server is needed.
        """
        from curate.rounds.plan import BatchSettings
        from curate.rounds.push import push_batch, push_sheet

        settings = BatchSettings(limit, attribute)
        with self._progress() as progress, self._catalog() as catalog:
            if sheet is not None:
                return push_sheet(self._folder, catalog, settings, run, Path(sheet))
            return push_batch(self._folder, catalog, settings, run, progress)

    def sync(self, source: AnyPath | None = None, *, full: bool = False) -> Synced:
        """Bring reviewers' answers into the catalog.

        Args:
            source: A filled sheet, or an export of Label Studio (``.json``); the workspace's Label Studio
                if left out.
            full: Read everything again, and notice what was deleted.
        """
        if source is not None:
            from review.label_studio.sync.export_file import read_export
            from review.sheet.csv_sheet import read_sheet

            read = read_export if Path(source).suffix.lower() == ".json" else read_sheet
            with self._catalog() as catalog:
                return read(catalog, Path(source))
        from review.label_studio.sync.fetch import open_fetchers
        from review.label_studio.sync.summary import Synced

        synced = Synced()
        with self._catalog() as catalog, open_fetchers(self._folder, catalog) as fetchers:
            for fetcher in fetchers:
                with self._progress() as progress:
                    synced.join(fetcher.sync(progress, full=full))
        return synced

    def status(self) -> RoundStatus:
        """Return where the round stands, the errors left, and what another round should bring."""
        from curate.rounds.status import read_round_status

        with self._catalog() as catalog:
            return read_round_status(catalog)

    def export(self, out: AnyPath, *, predictions: int | None = None) -> Path:
        """Write the labels as they stand as CSV, or a run's probabilities as Parquet.

        Args:
            out: The file to write; an old one is replaced.
            predictions: The run whose probabilities to write, instead of labels.
        """
        from curate.export.curated_list import export_labels, export_predictions

        with self._catalog() as catalog:
            if predictions is None:
                export_labels(catalog, Path(out))
            else:
                export_predictions(self._folder, catalog, predictions, Path(out))
        return Path(out)

    @contextmanager
    def _catalog(self) -> Iterator[Catalog]:
        with self._folder.open_catalog() as catalog:
            yield catalog
