"""What a workspace does with runs: train, import, list, predict, hand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from curate.workspace.arguments import require_number, require_one_of
from curate.workspace.opened import AnyPath, OpenedFolder

if TYPE_CHECKING:
    import pandas as pd

    from curate.predictions.run import ImportSummary, OutOfSample
    from curate.training.run import TrainSummary
    from curate.training.run_list import RunRow
    from db.workspace.train_settings import TrainSettings
    from model.predict import ImagePrediction


class RunVerbs(OpenedFolder):
    """The commands about runs."""

    def train(self, settings: TrainSettings | None = None, **options: Any) -> TrainSummary | None:
        """Train one run on the labels as they are now, and list the labels that it flags.

        Args:
            settings: All settings; those of ``curate.toml`` if left out.
            options: What differs from them, by the names that ``curate train --help`` lists, with ``_`` for
                ``-``: ``backbone="resnet50", folds=3``.

        Returns:
            The run's number, metrics and more; None in all but the first of several processes that train
            together.

        Raises:
            UnknownSetting: There is no such setting.
            BadSettings: A value is out of its range.
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
        from curate.predictions.run import OutOfSample, import_predictions

        if out_of_sample is not None:
            require_one_of("out_of_sample", out_of_sample, get_args(OutOfSample))
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
        import pandas as pd

        rows = [row.as_row() for row in self.run_list()]
        return pd.DataFrame(rows, columns=None if rows else ["run", "state", "backbone", "protocol"])

    def run_list(self) -> list[RunRow]:
        """Return the runs, oldest first, each with all its metrics."""
        from curate.training.run_list import run_list

        with self._catalog() as catalog:
            return run_list(self._folder, catalog)

    def pred_probs(self, run: int | None = None) -> dict[str, pd.DataFrame]:
        """Return a run's probabilities by attribute, a row an artwork (by its path), a column a class.

        Args:
            run: Its number; the newest complete one if left out.
        """
        from curate.export.curated_list import predictions_frame

        with self._catalog() as catalog:
            frame = predictions_frame(self._folder, catalog, run).set_index("filepath")
        tables = {}
        for name in self.attributes:
            start = f"{name}."
            own = {
                column: column.removeprefix(start) for column in map(str, frame) if column.startswith(start)
            }
            if own:
                tables[name] = frame[list(own)].rename(columns=own)
        return tables

    def model_run(self, run: int | None = None) -> int:
        """Return the number of the run whose model ``predict`` uses: this one, or the newest that has one.

        Raises:
            NoImageModel: The run's probabilities come from elsewhere.
        """
        from curate.training.run_list import run_with_model

        with self._catalog() as catalog, catalog.read() as session:
            return run_with_model(session, run, "predict").id

    def predict(
        self, images: Sequence[AnyPath], run: int | None = None, *, top: int = 3, device: str = "auto"
    ) -> Iterator[ImagePrediction]:
        """Yield what a run's model says of images that need not be in the catalog.

        Args:
            images: Image files.
            run: The run's number; the newest with its own model (``model_run``) if left out.
            top: Classes of each attribute, best first.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

        Raises:
            FileMissing: One of the images is not there.
            NoImageModel: The run's probabilities come from elsewhere.
        """
        from db.errors import FileMissing

        require_number("top", top, 1)
        files = [Path(image) for image in images]
        for file in files:
            if not file.is_file():
                raise FileMissing(file, "image")
        from model.predict import Classifier

        return Classifier.load(self._model(run, "predict"), device).classify(files, top)

    def export_model(
        self, run: int, out: AnyPath, format: Literal["safetensors", "onnx", "pth"] = "safetensors"
    ) -> list[Path]:
        """Write a run's model with its classes, its transform and a card, for use elsewhere.

        Args:
            run: The run's number.
            out: A folder for the files; made if it is not there.
            format: ``safetensors`` or ``pth``: the weights by name; ``onnx``: the whole computation.

        Returns:
            The files written.
        """
        from model.export import Kind, export_model

        require_one_of("format", format, get_args(Kind))
        return export_model(self._model(run, "export-model"), Path(out), format)

    def _model(self, run: int | None, command: str) -> Path:
        from curate.training.run_list import model_path

        with self._catalog() as catalog:
            return model_path(self._folder, catalog, run, command)
