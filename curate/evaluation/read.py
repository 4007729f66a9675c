"""Read runs out of the catalog and evaluate or compare them: what the commands and Python ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from curate.errors import NothingInCommon
from curate.evaluation.comparison import Comparison, compare_runs
from curate.evaluation.predictions import read_predictions
from curate.evaluation.run import RunEvaluation, evaluate_run
from db.classes.classes import find_attribute
from db.engine.catalog import Catalog
from db.workspace.workspace import Workspace


def read_evaluation(
    workspace: Workspace, catalog: Catalog, run_id: int | None, attribute: str | None = None
) -> RunEvaluation:
    """Evaluate a run; with ``attribute``, its numbers alone.

    Raises:
        RunNotFound, NoRunYet: There is no such run.
        UnknownAttribute: The workspace has no such attribute.
    """
    if attribute is not None:
        with catalog.read() as session:
            find_attribute(session, attribute)
    evaluation = evaluate_run(read_predictions(workspace, catalog, run_id, "evaluate"))
    shown = {name: one for name, one in evaluation.attributes.items() if attribute in (None, name)}
    return replace(evaluation, attributes=shown)


def read_comparison(
    workspace: Workspace, catalog: Catalog, run_ids: Sequence[int], budget: int = 100
) -> Comparison:
    """Set runs side by side on the artworks that all of them judged.

    Raises:
        RunNotFound: There is no such run.
        NothingInCommon: No artwork was judged by all of them.
    """
    runs = [read_predictions(workspace, catalog, run_id, "compare") for run_id in run_ids]
    comparison = compare_runs(runs, budget)
    if not comparison.attributes:
        raise NothingInCommon(run_ids)
    return comparison
