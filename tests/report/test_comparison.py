from __future__ import annotations

from pathlib import Path

import pytest
from scipy.stats import binomtest

from curate.evaluation import compare_runs, read_predictions
from tests.conftest import Curate
from tests.report.galleries import Gallery

pytestmark = pytest.mark.slow


def test_a_pair_is_what_mcnemar_and_counting_give(gallery: Gallery) -> None:
    gallery.add_run(seed=0, skill=0.4)
    gallery.add_run(seed=1, skill=0.9)
    with gallery.workspace.open_catalog() as catalog:
        runs = [read_predictions(gallery.workspace, catalog, i, "compare") for i in (1, 2)]

    one = compare_runs(runs).attributes["style"]

    columns = [run.attributes["style"] for run in runs]
    first, other = (column.predicted == column.corrected.classes for column in columns)
    pair = one.pairs[0]
    assert one.n == 80
    assert one.accuracy == [pytest.approx(first.mean()), pytest.approx(other.mean())]
    assert (pair.gained, pair.lost) == ((other & ~first).sum(), (first & ~other).sum())
    assert pair.p_value == pytest.approx(binomtest(pair.gained, pair.gained + pair.lost).pvalue)
    assert pair.difference == pytest.approx(other.mean() - first.mean())
    assert pair.difference_interval.low < pair.difference < pair.difference_interval.high
    assert pair.difference_interval.low > 0


def test_a_run_equals_itself(gallery: Gallery) -> None:
    gallery.add_run()
    with gallery.workspace.open_catalog() as catalog:
        run = read_predictions(gallery.workspace, catalog, 1, "compare")

    found = compare_runs([run, run])

    pair = found.attributes["genre"].pairs[0]
    assert (pair.gained, pair.lost, pair.difference, pair.p_value) == (0, 0, 0.0, 1.0)
    assert found.overlap == [1.0, 1.0]


def test_only_artworks_that_all_runs_judged_are_compared(gallery: Gallery) -> None:
    gallery.add_run()
    gallery.add_run(seed=1, provenance=["test" if i < 30 else "in-sample" for i in range(80)])
    with gallery.workspace.open_catalog() as catalog:
        runs = [read_predictions(gallery.workspace, catalog, i, "compare") for i in (1, 2)]

    assert compare_runs(runs).attributes["style"].n == 30


def test_compare_on_the_command_line(gallery: Gallery, curate: Curate, tmp_path: Path) -> None:
    gallery.add_run(backbone="resnet50")
    gallery.add_run(seed=1, backbone="efficientnet_b0")

    table = curate("-w", gallery.folder, "compare", 1, 2)
    record = curate("-w", gallery.folder, "compare", 1, 2, "--json").json()
    page = curate("-w", gallery.folder, "compare", 1, 2, "--out", tmp_path / "c.html")

    assert table.stdout.splitlines()[:2] == [
        "run 1: resnet50, cross-validation",
        "run 2: efficientnet_b0, cross-validation",
    ]
    assert [run["backbone"] for run in record["runs"]] == ["resnet50", "efficientnet_b0"]
    assert page.stdout == f"{tmp_path / 'c.html'}\n"
    html = (tmp_path / "c.html").read_text(encoding="utf-8")
    pair = record["attributes"]["style"]["pairs"][0]
    assert f"{100 * pair['difference']:+.1f}" in html
    assert f"Now right ({pair['gained']})" in html


def test_comparing_a_run_with_nothing_is_refused(gallery: Gallery, curate: Curate) -> None:
    gallery.add_run()

    result = curate("-w", gallery.folder, "compare", 1, 1)

    assert result.status == 2
    assert "Name two different runs: curate" in result.stderr


def test_runs_without_a_common_artwork_are_refused(gallery: Gallery, curate: Curate) -> None:
    gallery.add_run(provenance=["test" if i < 40 else "in-sample" for i in range(80)])
    gallery.add_run(provenance=["test" if i >= 40 else "in-sample" for i in range(80)])

    result = curate("-w", gallery.folder, "compare", 1, 2)

    assert (result.status, result.stderr) == (
        1,
        "error: Runs 1, 2 have no artwork that all of them judged out of sample. "
        "List others with `curate runs`.\n",
    )
