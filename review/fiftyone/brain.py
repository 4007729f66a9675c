"""Model evaluation of each attribute, and the map and similarity index of the run's embedding.

Evaluations are saved as FiftyOne's own ``evaluate_classifications`` saves them, but without writing every
sample again: whether a prediction equals the label is one of our fields already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from db.browse.picture import Picture
from review.fiftyone.dataset.samples import field_of
from review.fiftyone.map import map_points

MAP = "map"
SIMILAR = "similar"


def eval_key(attribute: str) -> str:
    """Return the key of an attribute's evaluation, which is also its field of right and wrong."""
    return f"{field_of(attribute)}_eval"


def evaluate(
    dataset: Any, picture: Picture, changed: Iterable[str], written: Sequence[str] | None = None
) -> None:
    """Save the evaluation of the attributes whose labels or predictions changed, or that have none.

    Args:
        dataset: The dataset.
        picture: The catalog.
        changed: The attributes whose labels or predictions changed.
        written: The ids of the only samples that can have changed since the evaluations were saved, each with
            the prediction that it had; all are read if left out.
    """
    saved = set(dataset.list_evaluations())
    for name in picture.names:
        key = eval_key(name)
        if picture.run is None or name not in picture.probabilities:
            if key in saved:
                dataset.delete_evaluation(key)
        elif key not in saved or (name in changed and written is None):
            _save_evaluation(dataset, name, _judged(dataset, name))
        elif name in changed:
            _save_evaluation(dataset, name, _patched(dataset, name, dataset.select(written)))


Judged = list[list[Any]]
"""Of all samples with label and prediction: labels, their ids, predictions, their ids, confidences."""


def _judged(samples: Any, attribute: str) -> Judged:
    stem = field_of(attribute)
    paths = [f"{name}.{part}" for name in (stem, f"{stem}_pred") for part in ("label", "id")]
    judged: Judged = samples.exists(f"{stem}_pred").exists(stem).values([*paths, f"{stem}_pred.confidence"])
    return judged


def _patched(dataset: Any, attribute: str, written: Any) -> Judged:
    """Return what an evaluation holds, with the samples of a view as they are now.

    At 80,000 samples reading them all takes longer than all else that a small sync does.
    """
    predicted = f"{field_of(attribute)}_pred"
    before = dataset.load_evaluation_results(eval_key(attribute), cache=False)
    kept = ~np.isin(before.ypred_ids, written.exists(predicted).values(f"{predicted}.id"))
    old = (before.ytrue, before.ytrue_ids, before.ypred, before.ypred_ids, before.confs)
    return [column[kept].tolist() + new for column, new in zip(old, _judged(written, attribute), strict=True)]


def _save_evaluation(dataset: Any, attribute: str, judged: Judged) -> None:
    from fiftyone.utils.eval.classification import ClassificationResults, SimpleEvaluationConfig

    given, given_ids, predicted, predicted_ids, confidences = judged
    stem, key = field_of(attribute), eval_key(attribute)
    config = SimpleEvaluationConfig(f"{stem}_pred", stem)
    method = config.build()
    method.register_run(dataset, key, cleanup=False)
    results = ClassificationResults(
        dataset,
        config,
        key,
        given,
        predicted,
        confs=confidences,
        ytrue_ids=given_ids,
        ypred_ids=predicted_ids,
        classes=sorted({*given, *predicted}),
        backend=method,
    )
    method.save_run_results(dataset, key, results)


def embed(dataset: Any, folder: Path | None, cache: Path, changed: bool, other_layout: bool = False) -> None:
    """Bring the map and the similarity index up to date with the run's embedding.

    Args:
        dataset: The dataset.
        folder: The run's arrays; None where there is no run, or where they are not on this machine.
        cache: Where the map's anchors are kept.
        changed: Whether samples came or went since they were made.
        other_layout: Whether another version of curate made them: its classes may have another path now, by
            which FiftyOne would look for them.
    """
    import fiftyone.brain as brain
    from fiftyone.core.brain import BrainMethod

    from review.fiftyone.similarity import EmbeddingSimilarityConfig, read_vectors

    if other_layout:
        for key in set(dataset.list_brain_runs()) & {MAP, SIMILAR}:
            BrainMethod.delete_run(dataset, key, cleanup=False)  # which would build the class that has moved
    saved = set(dataset.list_brain_runs())
    if folder is None or not (folder / "embedding.npy").is_file():
        for key in saved & {MAP, SIMILAR}:
            dataset.delete_brain_run(key)
        return
    if SIMILAR in saved:
        same = dataset.get_brain_info(SIMILAR).config.folder == str(folder)
        if same and MAP in saved and not changed:
            return
    for key in saved & {MAP, SIMILAR}:
        dataset.delete_brain_run(key)
    sample_ids, vectors = read_vectors(dataset, folder)
    if not len(sample_ids):
        return
    artworks = np.array([int(sample_id[:8], 16) for sample_id in sample_ids.tolist()], dtype=np.int64)
    points = map_points(vectors, artworks, cache)
    placed = dict(zip(sample_ids.tolist(), points, strict=True))
    brain.compute_visualization(dataset, points=placed, brain_key=MAP)
    config = EmbeddingSimilarityConfig(folder=str(folder))
    method = config.build()
    method.register_run(dataset, SIMILAR, overwrite=False)
    method.save_run_results(dataset, SIMILAR, method.initialize(dataset, SIMILAR))
