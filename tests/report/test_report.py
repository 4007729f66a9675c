"""The report: what it says, that it says it safely, and the files beside it."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image
from sqlalchemy import select

from curate.demo.gallery import GalleryImage
from curate.report.drawing.pdf import find_chromium
from curate.report.drawing.pictures import SIDE, thumbnail
from db.classes.classes import find_attribute
from db.models import Batch, Verdict
from db.reviews.answering.answers import Decision
from db.reviews.answering.recording import decide
from db.spelling import display_name
from db.workspace.workspace import Workspace, init_workspace, root_of
from tests.conftest import Curate
from tests.report.galleries import Gallery, add_artworks, copy_of, make_gallery, write_run

HOSTILE = (
    "<script>window.hit = 1</script>",
    "\"><img src=x onerror='window.hit = 1'>",
    "ציור שמן",
    "😀 joy",
    "$x_1^2$ \\frac",
    "=SUM(A1:A9)",
    "</text></svg><script>window.hit = 1</script>",
    "long " + "name " * 59,
    "Ａ&amp;B 'quoted' `tick` {{ 7 * 7 }}",
    "none␀ of\x07these",
)
"""Names that have broken reports."""


def report(curate: Curate, gallery: Gallery, out: Path, *options: object) -> str:
    """Write a run's report and return its text."""
    result = curate("-w", gallery.folder, "report", "--out", out, *options)
    assert (result.status, result.stdout) == (0, f"{out}\n"), result.stderr
    return out.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Written:
    """The report of a run on the drawn gallery that nobody has reviewed, and its figures."""

    page: str
    figures: Path


@pytest.fixture
def written(
    made_once: dict[str, Written],
    drawn_gallery: Gallery,
    curate: Curate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Written:
    """A report as it is after the first run."""
    if "first" not in made_once:
        folder = tmp_path_factory.mktemp("report")
        gallery = copy_of(drawn_gallery, folder / "ws")
        gallery.add_run()
        page = report(curate, gallery, folder / "r.html", "--figures", folder / "figures")
        made_once["first"] = Written(page, folder / "figures")
    return made_once["first"]


def table_rows(page: str) -> dict[tuple[str, str], list[str]]:
    """Return the cells of the table of numbers by attribute and set of labels."""
    rows = re.findall(r'<tr data-attribute="(\w+)" data-labels="(\w+)">(.*?)</tr>', page, re.DOTALL)
    return {
        (attribute, labels): [
            re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)
        ]
        for attribute, labels, row in rows
    }


def test_the_table_of_numbers_is_the_evaluation(gallery: Gallery, curate: Curate, tmp_path: Path) -> None:
    gallery.add_run()
    gallery.correct("style", [3, 4, 5])
    record = curate("-w", gallery.folder, "evaluate", "--json").json()["attributes"]

    rows = table_rows(report(curate, gallery, tmp_path / "r.html"))

    assert set(rows) == {
        ("style", "imported"),
        ("style", "corrected"),
        ("genre", "corrected"),
        ("artist", "corrected"),
    }
    for (attribute, labels), cells in rows.items():
        want = record[attribute][labels]
        assert cells[1:3] == [f"{want['n']:,}", f"{want['classes']}"]
        assert cells[3].split() == [
            f"{100 * want['accuracy']:.1f}",
            f"{100 * want['accuracy_interval'][0]:.1f}",
            "to",
            f"{100 * want['accuracy_interval'][1]:.1f}",
        ]
        shown = ("weighted_f1", "weighted_precision", "weighted_recall", "balanced_accuracy")
        assert cells[5:9] == [f"{100 * want[key]:.1f}" for key in shown]
        assert cells[9] == ("–" if want["top5"] is None else f"{100 * want['top5']:.1f}")
        assert cells[10:] == [f"{100 * want['majority']:.1f}", f"{100 * want['ece']:.1f}"]


def test_the_csv_beside_a_figure_holds_its_numbers(written: Written) -> None:
    links = dict(
        re.findall(r'download="([^"]+)\.csv" href="data:text/csv;charset=utf-8;base64,([^"]+)"', written.page)
    )
    names = {path.stem for path in written.figures.glob("*.csv")}
    assert set(links) == names >= {"style-confusion", "genre-distribution", "training-loss", "expected-yield"}
    for name, coded in links.items():
        text = base64.b64decode(coded).decode("utf-8")
        assert text == (written.figures / f"{name}.csv").read_text(encoding="utf-8")
    cells = list(csv.DictReader(io.StringIO((written.figures / "style-confusion.csv").read_text())))
    assert sum(int(cell["n"]) for cell in cells) == 80


def test_figures_are_written_as_png_and_svg(written: Written) -> None:
    for drawn in written.figures.glob("*.png"):
        with Image.open(drawn) as picture:
            assert picture.width >= 300 and picture.height >= 200
        assert ElementTree.parse(drawn.with_suffix(".svg")).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_a_page_loads_nothing(written: Written) -> None:
    loaded = re.findall(r'\b(?:src|href|data|action)="(?!#|data:)([^"]*)"', written.page)
    assert loaded == []
    assert not re.search(r"url\((?!#)", written.page)
    assert "@import" not in written.page


def hostile_workspace(folder: Path) -> Workspace:
    """Make a gallery whose classes and files have the names that break reports, with a run."""
    workspace = init_workspace(folder / "ws", ("style",))
    (folder / "pictures").mkdir()
    records = []
    for i in range(40):
        name = f"{'long ' * 30}/{i} <script>window.hit = 1<:script> '\" ציור 😀 {'x' * 140}.png"
        (folder / "pictures" / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (32, 24), (i * 6, 80, 120)).save(folder / "pictures" / name)
        records.append(GalleryImage(name, {"style": HOSTILE[i % len(HOSTILE)]}))
    workspace, root = root_of(workspace, folder / "pictures")
    with workspace.open_catalog() as catalog:
        add_artworks(workspace, catalog, root, records, groups=[(0, 1)])
        write_run(workspace, catalog, records, seed=0, skill=0.6)
    return workspace


def test_hostile_names_are_text(tmp_path: Path, curate: Curate) -> None:
    workspace = hostile_workspace(tmp_path)
    out = tmp_path / "r.html"

    result = curate("-w", workspace.folder, "report", "--out", out, "--figures", tmp_path / "figures")

    assert result.status == 0, result.stderr
    page = out.read_text(encoding="utf-8")
    assert len(re.findall(r"<script\b", page)) == 2  # the page's own: its data, its code
    assert "<img src=x" not in page
    for name in HOSTILE[:5]:
        assert display_name(name) in html.unescape(page)
    assert "{{ 7 * 7 }}" in page
    assert "'=SUM(A1:A9)" in (tmp_path / "figures/style-distribution.csv").read_text(encoding="utf-8")
    ElementTree.parse(tmp_path / "figures/style-confusion.svg")


def test_json_has_the_same_facts(gallery: Gallery, curate: Curate, tmp_path: Path) -> None:
    gallery.add_run()

    record = json.loads(report(curate, gallery, tmp_path / "r.json", "--format", "json"))

    evaluated = curate("-w", gallery.folder, "evaluate", "--json").json()
    assert {key: record[key] for key in evaluated} == evaluated
    assert record["flagged"] == 12
    assert len(record["label_issues"]) == 12
    assert record["duplicate_groups"] == 1
    assert record["runs"] == [
        {"run": 1, "attribute": name, "accuracy": 0.5} for name in evaluated["attributes"]
    ]


def test_every_kind_of_issue_has_its_section(written: Written) -> None:
    shown = {
        section: written.page.partition(f'<section id="{section}">')[2]
        .partition("</section>")[0]
        .count("<article")
        for section in ("label-issues", "outliers", "unusable")
    }
    assert shown == {"label-issues": 12, "outliers": 12, "unusable": 12}
    assert '<a href="#unusable">' in written.page


def test_a_report_lies_in_the_workspace_where_nothing_else_is_said(gallery: Gallery, curate: Curate) -> None:
    gallery.add_run()

    result = curate("-w", gallery.folder, "report", "--json")

    path = gallery.folder / "reports" / "run-1.html"
    assert result.json() == {"report": str(path), "bytes": path.stat().st_size}


def test_an_older_run_still_shows_what_it_flagged(gallery: Gallery, curate: Curate, tmp_path: Path) -> None:
    gallery.add_run()
    gallery.add_run(seed=1)

    assert "The 12 worst of 12." in html.unescape(report(curate, gallery, tmp_path / "r.html", 1))


def test_before_the_first_batch_there_are_no_rounds(written: Written) -> None:
    assert "No batch has been sent for review yet." in written.page
    assert "assumed: 0 audits, 50 are needed" in written.page


def test_a_missing_image_leaves_a_place(tmp_path: Path, curate: Curate) -> None:
    gallery = make_gallery(tmp_path, count=30)
    gallery.add_run()
    for path in (tmp_path / "pictures" / "images").iterdir():
        path.unlink()

    page = report(curate, gallery, tmp_path / "r.html")

    assert "no image at this path now" in page
    assert "data:image" not in page.replace("data:image/png;base64", "")


@pytest.mark.parametrize(
    ("mode", "value"), [("RGB", (200, 10, 10)), ("L", 99), ("RGBA", (1, 2, 3, 0)), ("I;16", 40000), ("P", 1)]
)
def test_every_kind_of_image_gets_a_thumbnail(mode: str, value: Any, tmp_path: Path) -> None:
    Image.new(mode, (600, 300), value).save(tmp_path / "image.png")

    uri = thumbnail(tmp_path / "image.png")

    small = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))))
    assert (small.size, small.mode) == ((SIDE, SIDE // 2), "RGB")


def test_a_pdf_is_printed(gallery: Gallery, curate: Curate, tmp_path: Path) -> None:
    find_chromium()
    gallery.add_run()

    result = curate("-w", gallery.folder, "report", "--format", "pdf", "--out", tmp_path / "r.pdf")

    assert result.status == 0, result.stderr
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")


def test_without_chromium_a_pdf_is_refused_before_any_work(
    gallery: Gallery, curate: Curate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.add_run()
    monkeypatch.setenv("CURATE_CHROMIUM", "no-such-browser")

    result = curate("-w", gallery.folder, "report", "--format", "pdf", "--out", tmp_path / "r.pdf")

    assert (result.status, result.stderr) == (
        1,
        "error: A PDF needs Chromium or Chrome, and none of no-such-browser is on the PATH. Install one, "
        "name it in CURATE_CHROMIUM, or write the page with `--format html` and print it yourself.\n",
    )
    assert not (tmp_path / "r.pdf").exists()


@pytest.mark.slow
def test_report_grows_with_the_classes_not_with_the_artworks(tmp_path: Path, curate: Curate) -> None:
    sizes = []
    for count in (300, 900):
        gallery = make_gallery(tmp_path / f"{count}", count)
        gallery.add_run(skill=0.4)
        sizes.append(len(report(curate, gallery, tmp_path / "r.html")))

    assert sizes[1] < 1.1 * sizes[0]


def test_rounds_show_what_was_found_and_what_is_left(
    gallery: Gallery, curate: Curate, tmp_path: Path
) -> None:
    """Sixty audited labels, six of them wrong: the estimate is measured, and near a tenth of the rest."""
    gallery.add_run()
    with gallery.workspace.open_catalog() as catalog, catalog.write() as session:
        batch = Batch(run_id=1, server="local", budget=60, expected_yield=7.25, sent=True)
        session.add(batch)
        session.flush()
        genre = find_attribute(session, "genre")
        for row in range(60):
            decisions = [Decision(genre.id, "none_of_these" if row % 10 == 0 else "confirmed")]
            decide(session, row + 1, decisions, user="ann", annotation_id=f"audit-{row}")
        for verdict in session.scalars(select(Verdict)):
            verdict.batch_id, verdict.purpose = batch.id, "audit"

    record = json.loads(report(curate, gallery, tmp_path / "r.json", "--format", "json"))
    page = report(curate, gallery, tmp_path / "r.html")

    assert record["audits"] == {"genre": {"answered": 60, "wrong": 6}}
    assert record["errors_left"]["audits"] == 60
    assert not record["errors_left"]["assumed"]
    assert record["errors_left"]["low"] < record["errors_left"]["value"] < record["errors_left"]["high"]
    assert "Genre: of 60 labels drawn at random for an audit 6 were wrong, 10.0 %." in page
    assert "measured by 60 audits" in page
    assert "<td>7.2</td>" in page
