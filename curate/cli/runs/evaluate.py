"""``curate evaluate`` and ``curate compare``: how good runs are, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, facade, note, print_json
from curate.cli.commands import as_typed_here
from curate.cli.runs.report import Figures, Format, Open, Out, tell

if TYPE_CHECKING:
    from curate.evaluation import AttributeEvaluation, Comparison, LabelMetrics


@app.command()
def evaluate(
    context: typer.Context,
    run_id: Annotated[
        int | None, typer.Argument(metavar="[RUN]", help="The run; the newest complete one if left out.")
    ] = None,
    attribute: Annotated[str | None, typer.Option(help="Only this attribute, class by class.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a run's out-of-sample predictions against the labels, as imported and as corrected.

    Example: curate evaluate --attribute style
    """
    evaluation = facade(context).evaluation(run_id, attribute)
    if as_json:
        record = evaluation.as_record()
        if attribute is not None:
            for name, one in evaluation.attributes.items():
                record["attributes"][name]["classes"] = one.per_class.to_dict("records")
        print_json(record)
        return
    typer.echo(
        f"run {evaluation.run}: {evaluation.backbone}, {evaluation.protocol}, {evaluation.artworks} artworks"
    )
    typer.echo(
        f"{'attribute':<10} {'labels':<14} {'n':>6} {'accuracy':>8} {'95 %':>13} {'macro F1':>8} "
        f"{'top 5':>6} {'majority':>8} {'ECE':>5}"
    )
    for one in evaluation.attributes.values():
        show_attribute(one)
    if attribute is not None:
        for one in evaluation.attributes.values():
            show_classes(one)
    typer.echo(
        "p(label) < 0.3 in any attribute: "
        f"{evaluation.flagged_artworks} of {evaluation.judged_artworks} artworks"
    )
    note("Next: curate report --open, curate compare RUN RUN")


def show_attribute(one: AttributeEvaluation) -> None:
    """Print one attribute's numbers, on corrected and, where it differs, imported labels."""
    sets: list[tuple[str, LabelMetrics | None]] = [("corrected", one.corrected)]
    if one.changed:
        sets.insert(0, ("imported", one.imported))
    for labels, metrics in sets:
        if metrics is None:
            typer.echo(f"{one.attribute:<10} {labels:<14} {0:>6} no label that this run judged")
            continue
        low, high = metrics.accuracy_interval
        top5 = "-" if metrics.top5 is None else f"{metrics.top5:.3f}"
        typer.echo(
            f"{one.attribute:<10} {labels:<14} {metrics.n:>6} {metrics.accuracy:>8.3f} "
            f"{low:>6.3f}-{high:.3f} {metrics.macro_f1:>8.3f} {top5:>6} {metrics.majority:>8.3f} "
            f"{metrics.ece:>5.3f}"
        )
    if one.artist_disjoint is not None:
        low, high = one.artist_disjoint.accuracy_interval
        typer.echo(
            f"{one.attribute:<10} {'unseen artists':<14} {one.artist_disjoint.n:>6} "
            f"{one.artist_disjoint.accuracy:>8.3f} {low:>6.3f}-{high:.3f}"
        )


def show_classes(one: AttributeEvaluation) -> None:
    """Print the classes of one attribute, and its commonest mistakes."""
    typer.echo(f"\n{'class':<32} {'n':>6} {'precision':>9} {'recall':>6} {'F1':>6}  taken for")
    for row in one.per_class.to_dict("records"):
        typer.echo(
            f"{row['class'][:32]:<32} {row['support']:>6} {row['precision']:>9.3f} {row['recall']:>6.3f} "
            f"{row['f1']:>6.3f}  {row['taken_for'][:32]}"
        )


@app.command()
def compare(
    context: typer.Context,
    run_ids: Annotated[list[int], typer.Argument(metavar="RUN RUN …", help="Two or more runs.")],
    budget: Annotated[int, typer.Option(min=1, help="How many artworks a review could look at.")] = 100,
    report: Annotated[bool, typer.Option("--report", help="Write the page that shows it.")] = False,
    out: Out = None,
    format: Format = "html",
    figures: Figures = None,
    open_: Open = False,
    as_json: AsJson = False,
) -> None:
    """Set runs side by side on the artworks that all of them judged; the first is the baseline.

    Example: curate compare 3 4 --report --open
    """
    if len(set(run_ids)) < 2:
        raise typer.BadParameter(as_typed_here("Name two different runs: curate compare 3 4"))
    workspace = facade(context)
    if report or open_ or out or figures:
        written = workspace.report_comparison(
            *run_ids, out=out, format=format, figures=figures, budget=budget
        )
        tell(written, open_, as_json)
        return
    comparison = workspace.comparison(*run_ids, budget=budget)
    if as_json:
        print_json(comparison.as_record())
    else:
        show_comparison(comparison)


def show_comparison(comparison: Comparison) -> None:
    """Print a comparison for people."""
    ids = [predictions.run.id for predictions in comparison.runs]
    for predictions in comparison.runs:
        run = predictions.run
        typer.echo(f"run {run.id}: {run.backbone}, {run.protocol}")
    typer.echo(
        f"{'attribute':<10} {'run':>4} {'n':>6} {'accuracy':>8} {'macro F1':>8} {'difference':>10} "
        f"{'95 %':>15} {'won':>5} {'lost':>5} {'p':>6}"
    )
    for name, one in comparison.attributes.items():
        for i, run_id in enumerate(ids):
            line = f"{name:<10} {run_id:>4} {one.n:>6} {one.accuracy[i]:>8.3f} {one.macro_f1[i]:>8.3f}"
            if i:
                pair = one.pairs[i - 1]
                low, high = pair.difference_interval
                line += (
                    f" {pair.difference:>+10.3f} {low:>+7.3f} {high:>+7.3f} {pair.gained:>5} {pair.lost:>5} "
                    f"{pair.p_value:>6.3f}"
                )
            typer.echo(line)
    flagged = ", ".join(f"run {i} {n}" for i, n in zip(ids, comparison.flagged_artworks, strict=True))
    typer.echo(f"artworks with p(label) < 0.3 in any attribute: {flagged}")
    for run_id, share in zip(ids[1:], comparison.overlap[1:], strict=True):
        typer.echo(
            f"of run {run_id}'s {comparison.budget} worst artworks, {share:.0%} are run {ids[0]}'s too"
        )
