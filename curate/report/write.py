"""Write reports: one file, and where asked the figures and their numbers as files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from curate.evaluation import evaluate_run, read_predictions
from curate.evaluation.read import read_comparison
from curate.report.comparison_report import comparison_charts, comparison_page, shown_changes
from curate.report.content import RunContent, read_content
from curate.report.drawing.figures import Chart
from curate.report.drawing.pdf import find_chromium, print_pdf
from curate.report.drawing.pictures import thumbnails
from curate.report.drawing.theme import as_bytes
from curate.report.page import safe_csv
from curate.report.run_report import draw_charts, run_page
from db.engine.catalog import Catalog
from db.workspace.outputs import output_folder, require_place, whole_file
from db.workspace.workspace import Workspace, write_atomically

Format = Literal["html", "pdf", "json"]


def write_run_report(
    workspace: Workspace,
    catalog: Catalog,
    run_id: int | None,
    out: Path | None,
    format: Format = "html",
    figures: Path | None = None,
) -> Path:
    """Write the report of a run; return the file.

    Args:
        workspace: Where the images are, and where the report goes by default.
        catalog: Its catalog.
        run_id: Which run; None takes the newest.
        out: The file; None is ``reports/run-<n>.<format>`` in the workspace.
        format: What to write.
        figures: A folder for every figure as PNG and SVG with its numbers as CSV beside it.

    Raises:
        RunNotFound, NoRunYet: There is no such run.
        NoChromium, PdfFailed: The PDF could not be printed.
    """
    if format == "pdf":
        find_chromium()
    predictions = read_predictions(workspace, catalog, run_id, "report")
    content = read_content(catalog, predictions)
    if figures is not None:
        output_folder(figures)
    out = _place(workspace, out, f"run-{predictions.run.id}.{format}")
    charts = draw_charts(content)
    if figures is not None:
        write_figures(charts.all(), figures)
    if format == "json":
        write_atomically(out, json.dumps(run_record(content), ensure_ascii=False, indent=1) + "\n")
        return out
    images = thumbnails(workspace, predictions, content.shown_rows())
    return _write_page(run_page(content, charts, images, workspace.settings.collection), out, format)


def write_comparison(
    workspace: Workspace,
    catalog: Catalog,
    run_ids: Sequence[int],
    out: Path | None,
    format: Format = "html",
    figures: Path | None = None,
    budget: int = 100,
) -> Path:
    """Write the report that sets runs side by side; see ``write_run_report``.

    Raises:
        NothingInCommon: No artwork was judged by all of them.
    """
    if format == "pdf":
        find_chromium()
    comparison = read_comparison(workspace, catalog, run_ids, budget)
    runs = comparison.runs
    name = "-".join(str(run_id) for run_id in run_ids)
    out = _place(workspace, out, f"compare-{name}.{format}")
    evaluations = [evaluate_run(run) for run in runs]
    charts = comparison_charts(comparison, evaluations)
    if figures is not None:
        write_figures(charts.all(), figures)
    if format == "json":
        write_atomically(out, json.dumps(comparison.as_record(), ensure_ascii=False, indent=1) + "\n")
        return out
    changes = shown_changes(comparison)
    images = thumbnails(workspace, runs[0], [row for change in changes for row in change.rows()])
    page = comparison_page(
        comparison=comparison,
        charts=charts,
        evaluations=evaluations,
        changes=changes,
        images=images,
        collection=workspace.settings.collection,
    )
    return _write_page(page, out, format)


def _place(workspace: Workspace, out: Path | None, name: str) -> Path:
    """Return the file to write; the folder of reports is made, one that was named has to be there."""
    if out is None:
        return output_folder(workspace.folder / "reports") / name
    require_place(out)
    return out


def _write_page(html: str, out: Path, format: Format) -> Path:
    if format == "pdf":
        print_pdf(html, out)
    else:
        write_atomically(out, html)
    return out


def write_figures(charts: Iterable[Chart], folder: Path) -> None:
    """Write every figure as PNG and SVG, and its numbers as CSV."""
    output_folder(folder)
    for chart in charts:
        for format in ("png", "svg"):
            with whole_file(folder / f"{chart.name}.{format}") as file:
                file.write_bytes(as_bytes(chart.figure, format))
        write_atomically(folder / f"{chart.name}.csv", safe_csv(chart.numbers))


def run_record(content: RunContent) -> Mapping[str, Any]:
    """Return what a report says, for scripts; classes by display name, artworks by uuid and path."""
    predictions = content.predictions

    def artwork(row: int) -> dict[str, str]:
        return {"artwork": str(predictions.uuids[row]), "path": predictions.paths[row]}

    def issues(cards: Sequence[Any]) -> list[dict[str, Any]]:
        return [{**artwork(one.row), **{k: v for k, v in vars(one).items() if k != "row"}} for one in cards]

    return content.evaluation.as_record() | {
        "flagged": content.flagged,
        "label_issues": issues(content.label_issues),
        "outlying": content.outlying,
        "outliers": issues(content.outliers),
        "unclear": content.unclear,
        "unusable": issues(content.unusable),
        "duplicate_groups": content.duplicate_groups,
        "duplicates": [
            {"size": group.size, "differ": group.differ, "artworks": [artwork(row) for row in group.rows]}
            for group in content.duplicates
        ],
        "rounds": content.rounds.to_dict("records"),
        "audits": {
            name: {"answered": asked, "wrong": wrong} for name, (asked, wrong) in content.audits.items()
        },
        "errors_left": asdict(content.left) if content.left else None,
        "expected_wrong": asdict(content.left) if content.left else None,
        "runs": content.runs.to_dict("records"),
    }
