"""Probabilities of another model become a run like any other."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from curate.arrays.probabilities import check_rows
from curate.issues import Estimate
from curate.predictions.errors import ArtworkListedTwice, InSample, NotPredictions, NotSaidOutOfSample, some
from curate.predictions.files import (
    ClassColumns,
    EmbeddingFile,
    PredictionFile,
    read_embeddings_file,
    read_predictions_file,
)
from curate.predictions.matching import Ints, match_artworks, match_classes
from curate.training.label_issues import RunScores, issue_rows, prediction_rows, score_run
from curate.wrong_labels import estimate_wrong_labels, with_estimates
from db.classes.classes import ClassList, find_attribute, read_class_lists
from db.classes.names import match_class_names
from db.engine.catalog import Catalog
from db.labels.attribute_labels import AttributeLabels
from db.labels.table import LabelTable, label_digest, label_table
from db.provenance import NO_IMAGE, OUT_OF_SAMPLE, Provenance
from db.reviews.findings import reviewed_labels
from db.runs.issues import replace_issues
from db.runs.runs import RunArrays, complete_run, run_folder, start_run, write_arrays
from db.workspace.workspace import Workspace

if TYPE_CHECKING:
    from db.workspace.progress import Progress

OutOfSample = Literal["fold", "holdout", "unknown"]

IMPORTED_STATUSES = ("ok", "unverified")
"""Artworks that may have probabilities; nobody needs their images for it."""

SUSPICIOUS = 0.99
"""A model that agrees with this share of the labels has probably been trained on them."""

FEWEST_SUSPECTED = 100


@dataclass(frozen=True)
class ImportSummary:
    """What an import of probabilities tells.

    Attributes:
        run: The run's number.
        name: What the model is called.
        protocol: ``imported``, and whose word says that the probabilities are out of sample.
        metrics: By attribute, as a trained run's.
        issues: How many labels the run flags.
        artworks: Artworks of the catalog that have probabilities, and those that have none.
        unmatched: Rows of the files whose artworks the catalog does not have.
        seconds: How long reading, scoring and writing took.
        notes: What a person should look at, in sentences.
        expected_wrong: About how many labels are wrong.
    """

    run: int
    name: str
    protocol: str
    metrics: Mapping[str, Mapping[str, Any]]
    issues: int
    artworks: int
    without: int
    unmatched: int
    seconds: Mapping[str, float]
    notes: Sequence[str]
    expected_wrong: Estimate


@dataclass
class ImportedPredictions:
    """Predictions of N artworks of the catalog, N rows as its table has; see ``Predicted``."""

    pred_probs: dict[str, NDArray[np.float32]]
    provenance: NDArray[np.str_]
    embedding: NDArray[np.float32] | None
    margins: NDArray[np.float16]
    folds: Ints
    labels: dict[str, AttributeLabels]
    unmatched: int = 0
    notes: list[str] = field(default_factory=list)
    layers: NDArray[np.float32] | None = None


def import_predictions(
    workspace: Workspace,
    catalog: Catalog,
    files: Sequence[Path | PredictionFile],
    *,
    embeddings: Path | EmbeddingFile | None = None,
    name: str | None = None,
    out_of_sample: OutOfSample | None = None,
    attribute: str | None = None,
    progress: Progress,
) -> ImportSummary:
    """Make a run of another model's probabilities: score the labels, and write issues as training does.

    Args:
        workspace: Where the run lies.
        catalog: The workspace's open catalog.
        files: Files of probabilities, or what was read of them; each of other artworks or other attributes.
        embeddings: Features of the images, for neighbours, outliers and the map.
        name: What to call the model; the first file's name if left out.
        out_of_sample: Whether the model had seen the artworks: ``fold`` (each was predicted by a model that
            had not), ``holdout`` (it was trained on others), ``unknown``; where the files say so themselves
            it may be left out. It cannot be read off probabilities; what looks as if seen is told.
        attribute: Which attribute columns are of that don't say it.
        progress: Told how far it is.

    Raises:
        NotSaidOutOfSample: Neither the files nor the caller say so.
        CurateError: One of the errors in ``curate.predictions.errors``.
    """
    began = time.monotonic()
    progress.message("Reading probabilities")
    with catalog.read() as session:
        table = label_table(session, IMPORTED_STATUSES)
        lists = read_class_lists(session)
        findings = reviewed_labels(session)
        read = [_read(file, list(lists)) for file in files]
        imported = _Gatherer(
            workspace,
            session=session,
            table=table,
            lists=lists,
            out_of_sample=out_of_sample,
            attribute=attribute,
        ).gather(read)
    if embeddings is not None:
        imported.embedding = _place_embeddings(embeddings, table, workspace, catalog, imported.notes)
    measured = _measure(imported)
    seconds = {"reading": time.monotonic() - began}
    progress.message("Scoring labels")
    scored = score_run(
        table=table, columns=imported.labels, result=imported, folds=imported.folds, findings=findings, seed=0
    )
    metrics = with_estimates(measured, scored.scores)
    seconds["evidence"] = time.monotonic() - began - seconds["reading"]
    progress.message("Writing the run")
    said = {"files": [file.path.name for file in read], "out_of_sample": out_of_sample}
    called = (name or read[0].path.stem)[:100]
    run, issues, expected = _store(
        workspace,
        catalog=catalog,
        table=table,
        imported=imported,
        scored=scored,
        metrics=metrics,
        called=called,
        said=said,
        seconds=seconds,
    )
    seconds["total"] = time.monotonic() - began
    with_probs = int((imported.provenance != NO_IMAGE).sum())
    counts = (with_probs, len(table) - with_probs, imported.unmatched)
    return ImportSummary(
        run, called, _protocol(imported), metrics, issues, *counts, seconds, imported.notes, expected
    )


def _store(
    workspace: Workspace,
    catalog: Catalog,
    table: LabelTable,
    imported: ImportedPredictions,
    scored: RunScores,
    metrics: Mapping[str, Any],
    called: str,
    said: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> tuple[int, int, Estimate]:
    """Write the arrays, then the run as a whole in one transaction.

    Returns:
        The run's number, how many labels it flags, and about how many are wrong.
    """
    uuid = uuid4()
    with catalog.read() as session:
        folder = run_folder(session, workspace, uuid)
    arrays = RunArrays(table.artwork_ids, imported.pred_probs, imported.embedding, imported.folds)
    digest = write_arrays(folder, arrays)
    with catalog.write() as session:
        run = start_run(
            session,
            backbone=called,
            protocol=_protocol(imported),
            seed=0,
            settings=said,
            digest=label_digest(table),
            labels_seen=table.newest_label,
            uuid=uuid,
        )
        complete_run(
            session,
            run,
            digest=digest,
            classes={name: labels.classes for name, labels in imported.labels.items()},
            metrics=metrics,
            seconds={**seconds, "total": sum(seconds.values())},
            predictions=prediction_rows(table, imported.labels, imported, imported.folds, scored),
        )
        issues = replace_issues(session, run, issue_rows(table, imported.labels, scored))
        return run.id, issues, estimate_wrong_labels(session, run)


def _read(file: Path | PredictionFile, attributes: Sequence[str]) -> PredictionFile:
    return file if isinstance(file, PredictionFile) else read_predictions_file(file, attributes)


class _Gatherer:
    """Brings the rows and columns of several files to the catalog's artworks and classes."""

    def __init__(
        self,
        workspace: Workspace,
        session: Any,
        table: LabelTable,
        lists: Mapping[str, ClassList],
        out_of_sample: OutOfSample | None,
        attribute: str | None,
    ) -> None:
        self.roots, self.session, self.table = workspace.settings.roots, session, table
        self.lists, self.out_of_sample, self.attribute = lists, out_of_sample, attribute
        self.class_ids: dict[str, Ints] = {}
        self.probs: dict[str, NDArray[np.float32]] = {}
        self.folds: Ints = np.full(len(table), -1, dtype=np.int64)
        self.provenance = np.full(len(table), NO_IMAGE, dtype="U16")
        self.unmatched, self.notes = 0, list[str]()

    def gather(self, files: Sequence[PredictionFile]) -> ImportedPredictions:
        """Return what all files say together."""
        if self.attribute is not None:
            find_attribute(self.session, self.attribute)
        for file in files:
            self._add(file)
        labels = {name: self._labels(name) for name in self.lists if name in self.probs}
        margins = np.full((1, len(self.table), len(labels)), np.nan, dtype=np.float16)
        probs = {name: self.probs[name] for name in labels}
        return ImportedPredictions(
            pred_probs=probs,
            provenance=self.provenance,
            embedding=None,
            margins=margins,
            folds=self.folds,
            labels=labels,
            unmatched=self.unmatched,
            notes=self.notes,
        )

    def _add(self, file: PredictionFile) -> None:
        rows = match_artworks(file.path, file.artworks, self.table, self.roots, self.session)
        kept, lost = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
        self.unmatched += len(lost)
        self.notes += file.notes
        if len(lost):
            named = file.artworks[lost[0]]
            self.notes.append(f"{file.path}: {len(lost)} rows name no artwork of this catalog ({named!r} …).")
        said = _provenance(file, self.out_of_sample)
        at, predicted = rows[kept], np.zeros(len(kept), dtype=bool)
        for columns in file.columns:
            predicted |= self._add_columns(file, columns, at, kept)
        self.provenance[at[predicted]] = said[kept[predicted]]
        if file.folds is not None:
            self.folds[at] = file.folds[kept]

    def _add_columns(
        self, file: PredictionFile, columns: ClassColumns, at: Ints, kept: Ints
    ) -> NDArray[np.bool_]:
        """Take the probabilities of one attribute; return which rows have any."""
        called = columns.attribute or self.attribute
        if called is not None:
            columns = replace(columns, attribute=find_attribute(self.session, called).name)
        keys = {name: [one.key[i] for i in one.live()] for name, one in self.lists.items()}
        attribute, ids = match_classes(
            file.path, columns, keys, lambda of, names: match_class_names(self.session, of, names)
        )
        check_rows(attribute, columns.values.astype(np.float64), f"{file.path}: pred_probs")
        order = np.argsort([self.lists[attribute].key[int(i)] for i in ids], kind="stable")
        values = columns.values[kept][:, order].astype(np.float32)
        predicted = np.asarray(~np.isnan(values).any(axis=1))
        if attribute not in self.probs:
            self.class_ids[attribute] = ids[order]
            self.probs[attribute] = np.full((len(self.table), len(ids)), np.nan, dtype=np.float32)
        elif not np.array_equal(self.class_ids[attribute], ids[order]):
            raise NotPredictions(
                file.path,
                f"has other classes of {attribute} than the file before it",
                "Files of one attribute need the same columns.",
            )
        twice = at[predicted][~np.isnan(self.probs[attribute][at[predicted], 0])]
        if len(twice):
            raise ArtworkListedTwice(file.path, self.table.paths[int(twice[0])], len(twice))
        self.probs[attribute][at[predicted]] = values[predicted]
        return predicted

    def _labels(self, attribute: str) -> AttributeLabels:
        """Return the labels among the columns' classes; those of other classes are masked and told."""
        ids, classes = self.class_ids[attribute], self.lists[attribute]
        given = self.table.labels[attribute]
        index = {int(class_id): at for at, class_id in enumerate(ids)}
        present, place = np.unique(given, return_inverse=True)
        columns = np.array([index.get(int(one), -1) for one in present], dtype=np.int64)[place]
        masked = (given >= 0) & (columns < 0)
        if masked.any():
            missing = [classes.key[int(one)] for one in np.unique(given[masked])]
            self.notes.append(
                f"{attribute}: {int(masked.sum())} labels are of classes without a column ({some(missing)}); "
                f"they are not judged."
            )
        keys = tuple(classes.key[int(class_id)] for class_id in ids)
        return AttributeLabels(
            attribute, keys, columns, int(masked.sum()), attribute_id=classes.attribute_id, class_ids=ids
        )


def _provenance(file: PredictionFile, said: OutOfSample | None) -> NDArray[np.str_]:
    """Return whose probability each row of a file is, shape ``(N,)``: as the row says, else the caller.

    Raises:
        NotSaidOutOfSample: Neither says it.
        InSample: The file says that the model had seen every artwork, and the caller does not accept that.
    """
    if file.provenance is None:
        if said is None:
            raise NotSaidOutOfSample(file.path)
        return np.full(len(file.artworks), said, dtype="U16")
    own = file.provenance.astype("U16")
    own[(own == "") & (said is not None)] = said or ""
    if not np.isin(own, OUT_OF_SAMPLE).any():
        if said != "unknown":
            raise InSample(file.path, len(own))
        own[:] = Provenance.UNKNOWN.value
    return own


def _protocol(imported: ImportedPredictions) -> str:
    """Return how the run came about: imported, and by which word most of it is out of sample."""
    words, counts = np.unique(imported.provenance[imported.provenance != NO_IMAGE], return_counts=True)
    return f"imported, {words[np.argmax(counts)]}"


def _place_embeddings(
    embeddings: Path | EmbeddingFile,
    table: LabelTable,
    workspace: Workspace,
    catalog: Catalog,
    notes: list[str],
) -> NDArray[np.float32]:
    """Return one unit vector an artwork of the catalog, NaN where the file has none."""
    read = embeddings if isinstance(embeddings, EmbeddingFile) else read_embeddings_file(embeddings)
    with catalog.read() as session:
        rows = match_artworks(read.path, read.artworks, table, workspace.settings.roots, session)
    pooled = read.vectors if read.vectors.ndim == 2 else read.vectors.mean(axis=1)
    kept = np.flatnonzero(rows >= 0)
    vectors = np.full((len(table), pooled.shape[1]), np.nan, dtype=np.float32)
    vectors[rows[kept]] = pooled[kept]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.where(length > 0, length, np.nan)
    without = int(np.isnan(unit).any(axis=1).sum())
    if without:
        notes.append(f"{without} artworks have no embedding.")
    return unit


def _measure(imported: ImportedPredictions) -> dict[str, Any]:
    """Return the metrics of each attribute, and note what looks as if it had been trained on."""
    from model.evaluate import metrics

    measured: dict[str, Any] = {}
    judged = np.isin(imported.provenance, OUT_OF_SAMPLE)
    folds = imported.folds if (imported.folds >= 0).any() else None
    for name, labels in imported.labels.items():
        given = np.where(judged, labels.labels, -1)
        measured[name] = metrics(given, imported.pred_probs[name], folds, labels.rare)
        accuracy, count = measured[name]["accuracy"], measured[name]["n"]
        if accuracy >= SUSPICIOUS and count >= FEWEST_SUSPECTED:
            imported.notes.append(
                f"{name}: the model agrees with {accuracy:.1%} of {count} labels. Models that were trained "
                f"on "
                f"the labels do so; then hardly any wrong label shows."
            )
    return measured
