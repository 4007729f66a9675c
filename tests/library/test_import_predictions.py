"""``curate import-predictions``: probabilities of any model become a run like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import curate as library
from curate.demo.gallery import GalleryImage, draw_gallery, plant_errors, write_listing
from tests.conftest import Curate

pytestmark = pytest.mark.slow

STYLES = ["Cubism", "Engraving", "Hard_Edge", "Pointillism"]


class Drawn:
    """A workspace of 120 drawn pictures, a tenth of the styles wrong, and a model that knows better."""

    def __init__(self, folder: Path) -> None:
        self.true = draw_gallery(folder, 120, seed=2)
        self.given = plant_errors(self.true, 0.1, seed=2)
        write_listing(self.given, folder / "labels.csv")
        self.folder = folder
        self.paths = [record.filepath for record in self.true]
        self.workspace = library.init(folder / "ws", progress=False)
        self.workspace.ingest(folder / "labels.csv")
        self.probs = probabilities(self.true)

    def frame(self, **columns: Any) -> pd.DataFrame:
        """The model's probabilities as a table."""
        named = {f"style.{name}": self.probs[:, at] for at, name in enumerate(STYLES)}
        return pd.DataFrame({"filepath": self.paths, **columns, **named})

    @property
    def planted(self) -> set[str]:
        """The artworks whose style is wrong."""
        return {
            record.filepath
            for record, given in zip(self.true, self.given, strict=True)
            if record.labels["style"] != given.labels["style"]
        }


def probabilities(records: list[GalleryImage]) -> NDArray[np.float64]:
    """A model that mostly says the true style."""
    rng = np.random.default_rng(0)
    true = np.array([STYLES.index(record.labels["style"]) for record in records])
    logits = rng.normal(size=(len(records), 4))
    logits[np.arange(len(records)), true] += 4
    weights = np.exp(logits)
    shares: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return shares


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Tests only add runs to it."""
    return Drawn(tmp_path_factory.mktemp("drawn"))


def test_a_table_becomes_a_run_whose_issues_are_the_planted_errors(drawn: Drawn, curate: Curate) -> None:
    file = drawn.folder / "clip.parquet"
    drawn.frame().to_parquet(file)

    result = curate(
        "-w", drawn.workspace.folder, "import-predictions", file, "--out-of-sample", "fold", "--json"
    )

    assert result.status == 0, result.stderr
    told = result.json()
    assert (told["artworks"], told["without"], told["unmatched"]) == (120, 0, 0)
    assert told["protocol"] == "imported, fold"
    issues = drawn.workspace.issues(limit=10)
    assert len(set(issues["path"]) & drawn.planted) >= 8
    run = drawn.workspace.runs().iloc[-1]
    assert (run["run"], run["backbone"], run["state"]) == (told["run"], "clip", "complete")
    kept = drawn.workspace.pred_probs(told["run"])["style"].loc[drawn.paths, STYLES]
    np.testing.assert_allclose(kept, drawn.probs, atol=1e-3)


def test_scores_are_those_of_find_issues(drawn: Drawn, tmp_path: Path) -> None:
    """Arrays and catalog give the same; the attributes without probabilities are evidence in both."""
    workspace = library.init(tmp_path / "ws", progress=False)
    workspace.ingest(drawn.folder / "labels.csv", check_images=False)
    frame = drawn.frame().sample(frac=1, random_state=3)
    summary = workspace.import_predictions(frame, out_of_sample="fold")
    labels = workspace.labels().set_index("filepath").loc[drawn.paths]
    probs = drawn.frame().set_index("filepath").rename(columns=lambda name: name.removeprefix("style."))

    issues = library.find_issues(labels, {"style": probs.astype(np.float32)})

    scored = workspace.issues(every=True, run=summary.run).set_index("path").loc[drawn.paths, "score"]
    np.testing.assert_allclose(1 - issues.probability_wrong("style"), scored, atol=1e-9)


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_every_format_gives_the_same_run(drawn: Drawn, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"model{suffix}"
    plain = drawn.frame().rename(columns=lambda name: name.removeprefix("style."))
    if suffix == ".csv":
        plain.to_csv(file, index=False)
    elif suffix == ".parquet":
        plain.sample(frac=1, random_state=1).to_parquet(file)
    else:
        np.savez(file, filepaths=np.array(drawn.paths), classes=np.array(STYLES), pred_probs=drawn.probs)

    run = drawn.workspace.import_predictions(file, out_of_sample="holdout").run

    reference = drawn.workspace.import_predictions(drawn.frame(), out_of_sample="holdout").run
    pd.testing.assert_frame_equal(
        drawn.workspace.issues(every=True, run=run), drawn.workspace.issues(every=True, run=reference)
    )


def test_what_export_writes_is_read_back(drawn: Drawn, tmp_path: Path) -> None:
    folds = np.arange(120) % 3
    first = drawn.workspace.import_predictions(drawn.frame(fold=folds), out_of_sample="fold").run
    file = drawn.workspace.export(tmp_path / "run.parquet", predictions=first)

    summary = drawn.workspace.import_predictions(file)

    assert summary.protocol == "imported, fold"
    told = [drawn.workspace.issues(every=True, run=run).set_index("path") for run in (first, summary.run)]
    np.testing.assert_allclose(told[0]["p_label"], told[1]["p_label"].loc[told[0].index], atol=1e-3)
    exported = pd.read_parquet(drawn.workspace.export(tmp_path / "again.parquet", predictions=summary.run))
    assert exported["fold"].tolist() == folds.tolist()


def test_artworks_without_probabilities_and_rows_without_artworks_are_counted(drawn: Drawn) -> None:
    frame = drawn.frame().iloc[20:]
    frame.loc[30, "style.Cubism":] = np.nan
    frame.loc[40, "filepath"] = "elsewhere/unknown.jpg"

    summary = drawn.workspace.import_predictions(frame, out_of_sample="fold")

    assert (summary.artworks, summary.without, summary.unmatched) == (98, 22, 1)
    assert summary.notes == [
        "predictions: 1 rows name no artwork of this catalog ('elsewhere/unknown.jpg' …)."
    ]


def test_paths_are_found_however_they_are_written(drawn: Drawn) -> None:
    frame = drawn.frame()
    first = drawn.workspace.import_predictions(frame, out_of_sample="fold")
    uuids = drawn.workspace.issues(every=True, run=first.run).set_index("path")["artwork"]
    frame["filepath"] = [
        (
            str(drawn.folder / path),
            f"./{path}",
            path.replace("/", "\\"),
            uuids[path],
        )[at % 4]
        for at, path in enumerate(drawn.paths)
    ]

    assert drawn.workspace.import_predictions(frame, out_of_sample="fold").unmatched == 0


def test_artworks_are_found_by_the_ids_of_their_list(drawn: Drawn, curate: Curate, tmp_path: Path) -> None:
    """A registrar's numbers, leading zeros and all; a number that two artworks have is nobody's."""
    numbers = [f"{at:05}" for at in range(120)]
    numbers[7] = numbers[8]
    listing = pd.read_csv(drawn.folder / "labels.csv")
    listing.insert(0, "Inventory no.", numbers)
    listing.to_csv(drawn.folder / "registrar.csv", index=False)
    workspace = library.init(tmp_path / "ws", progress=False)
    workspace.ingest(drawn.folder / "registrar.csv", check_images=False, stated={"id": "Inventory no."})
    frame = drawn.frame().rename(columns={"filepath": "id"}).assign(id=numbers).drop(index=8)
    frame.to_csv(tmp_path / "clip.csv", index=False)
    vectors = np.random.default_rng(1).normal(size=(120, 8)) + 3 * drawn.probs @ np.eye(4, 8)
    np.savez(tmp_path / "clip.npz", ids=np.array(numbers[9:]), embeddings=vectors[9:])

    told = curate(
        *("-w", tmp_path / "ws", "import-predictions", tmp_path / "clip.csv"),
        *("--embeddings", tmp_path / "clip.npz", "--out-of-sample", "fold", "--json"),
    ).json()

    assert (told["artworks"], told["without"], told["unmatched"]) == (118, 2, 1)
    assert "nearest" in " ".join(workspace.issues(run=told["run"])["reason"])
    by_path = drawn.frame().drop(index=[7, 8])
    again = workspace.import_predictions(by_path, out_of_sample="fold").run
    wanted, scored = (
        workspace.issues(every=True, run=run).set_index("path")["p_label"] for run in (again, told["run"])
    )
    pd.testing.assert_series_equal(scored.sort_index(), wanted.sort_index())


def test_arrays_and_embeddings_become_a_run_with_neighbours(drawn: Drawn) -> None:
    vectors = np.random.default_rng(1).normal(size=(120, 8)) + 3 * drawn.probs @ np.eye(4, 8)

    summary = drawn.workspace.import_predictions(
        drawn.paths, drawn.probs, classes=STYLES, embeddings=vectors, out_of_sample="fold", name="siglip"
    )

    assert "nearest" in " ".join(drawn.workspace.issues(run=summary.run)["reason"])


def test_labels_of_classes_without_a_column_are_named(drawn: Drawn) -> None:
    frame = drawn.frame().drop(columns="style.Cubism")
    frame.iloc[:, 1:] /= frame.iloc[:, 1:].sum(axis=1).to_numpy()[:, None]

    summary = drawn.workspace.import_predictions(frame, out_of_sample="fold")

    assert any("labels are of classes without a column ('Cubism')" in note for note in summary.notes)


def test_probabilities_of_unsaid_origin_are_refused_and_marked_if_asked(drawn: Drawn) -> None:
    from curate.predictions.errors import InSample, NotSaidOutOfSample

    with pytest.raises(NotSaidOutOfSample) as caught:
        drawn.workspace.import_predictions(drawn.frame())
    assert str(caught.value) == (
        "predictions does not say whether its model had been trained on these artworks, and a "
        "model makes the "
        "wrong labels that it learnt look right. Say --out-of-sample fold (cross-validated), "
        "holdout (trained "
        "on others) or unknown (then the run is marked so)."
    )
    seen = drawn.frame(provenance="in-sample")
    with pytest.raises(InSample) as refused:
        drawn.workspace.import_predictions(seen)
    assert str(refused.value).startswith(
        "All 120 probabilities in predictions are in-sample by its provenance"
    )
    assert drawn.workspace.import_predictions(seen, out_of_sample="unknown").protocol == "imported, unknown"


def test_probabilities_that_look_as_if_trained_on_are_told(drawn: Drawn) -> None:
    given = np.array([STYLES.index(record.labels["style"]) for record in drawn.given])
    frame = drawn.frame()
    frame[[f"style.{name}" for name in STYLES]] = np.eye(4)[given] * 0.9 + 0.025

    summary = drawn.workspace.import_predictions(frame, out_of_sample="fold")

    assert summary.notes == [
        "style: the model agrees with 100.0% of 120 labels. Models that were trained on the labels "
        "do so; then "
        "hardly any wrong label shows."
    ]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a class that is none": (
        {"style.Cubism": None, "style.Kubism": 0.25},
        "style has no class 'Kubism'; its classes are 'Cubism', 'Engraving', 'Hard_Edge', "
        "'Pointillism'. Rename "
        "the columns, or add the class: `curate classes add style Kubism`.",
    ),
    "two columns of one class": (
        {"style.cubism": 0.0},
        "The columns 'Cubism' and 'cubism' are one class of style. Sum them to one column.",
    ),
    "artworks of another collection": (
        {"filepath": [f"x{row}" for row in range(120)]},
        "None of the 3 artworks in predictions is in the catalog: it names 'x0', 'x1' …, and the catalog's "
        "paths look like 'images/00000.jpg'. Give the paths as `curate export` writes them, the artworks' "
        "ids, or those of their list.",
    ),
    "an artwork twice": (
        {"filepath": ["images/00001.jpg", "images/00001.jpg", *[f"x{row}" for row in range(118)]]},
        "predictions names images/00001.jpg twice (1 such artworks). Which row is right? Keep one of each.",
    ),
    "no artworks": (
        {"filepath": None},
        "predictions does not say whose rows these are (columns: 'style.Cubism', 'style.Engraving', "
        "'style.Hard_Edge', 'style.Pointillism'). Name one column filepath (or artwork, for "
        "curate's ids; or id, for those of a list).",
    ),
    "rows that don't sum to one": (
        {"style.Cubism": 0.9},
        "predictions: pred_probs of 'style' sum to",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_tables_give_one_sentence(drawn: Drawn, case: str) -> None:
    from db.errors import CurateError

    columns, sentence = WRONG[case]
    frame = drawn.frame()
    for name, values in columns.items():
        if values is None:
            del frame[name]
        else:
            frame[name] = values
    before = len(drawn.workspace.runs())

    with pytest.raises(CurateError) as caught:
        drawn.workspace.import_predictions(frame, out_of_sample="fold")

    assert str(caught.value).startswith(sentence)
    assert len(drawn.workspace.runs()) == before


def test_columns_of_no_attribute_are_of_the_one_that_has_them_all(drawn: Drawn) -> None:
    from curate.predictions.errors import AttributeUnclear

    plain = drawn.frame().rename(columns=lambda name: name.removeprefix("style."))
    drawn.workspace.import_predictions(plain, out_of_sample="fold")

    with pytest.raises(AttributeUnclear) as caught:
        drawn.workspace.import_predictions(
            plain.rename(columns=str.swapcase).rename(
                columns={"FILEPATH": "filepath", **{name.swapcase(): f"class {name}" for name in STYLES}}
            ),
            out_of_sample="fold",
        )
    assert str(caught.value) == (
        "The columns 'class Cubism', 'class Engraving', 'class Hard_Edge' … of predictions fit no "
        "attribute as a "
        "whole of style, genre, artist. Say which one they are of: --attribute NAME."
    )


def test_files_that_are_none_are_refused(drawn: Drawn, curate: Curate, tmp_path: Path) -> None:
    files = {"a.txt": b"x", "b.npz": b"no zip", "c.parquet": b"PAR1", "d.csv": b""}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        result = curate("-w", drawn.workspace.folder, "import-predictions", tmp_path / name)
        assert result.status == 1
        assert result.stderr.splitlines()[-1].startswith(f"error: {tmp_path / name} ")
    np.savez(tmp_path / "e.npz", filepaths=np.array([{"a": 1}], dtype=object))
    result = curate("-w", drawn.workspace.folder, "import-predictions", tmp_path / "e.npz")
    assert "pickled objects are not opened" in result.stderr


def test_an_imported_run_is_compared_reported_and_checked(
    drawn: Drawn, tmp_path: Path, curate: Curate
) -> None:
    runs = [
        drawn.workspace.import_predictions(drawn.frame(), out_of_sample="fold", name=name).run
        for name in "ab"
    ]

    compared = drawn.workspace.compare(*runs)
    page = drawn.workspace.report(runs[0], tmp_path / "report.html")

    assert compared["accuracy"].nunique() == 1
    assert compared["difference"].tolist()[1] == 0.0
    assert "imported, fold" in page.read_text(encoding="utf-8")
    assert curate("-w", drawn.workspace.folder, "check").status == 0


def scores_of_both(
    folder: Path, given: pd.Series, npz: Path, curate: Curate
) -> tuple[NDArray[np.float64], pd.Series]:
    """Return the chance that each label is wrong by ``find_issues``, and one less the score of an import."""
    given.rename_axis("filepath").rename("label").to_csv(folder / "labels.csv")
    workspace = library.init(folder / "ws", ("label",), progress=False)
    workspace.ingest(folder / "labels.csv", check_images=False)
    told = curate("-w", folder / "ws", "import-predictions", npz, "--out-of-sample", "fold", "--json")
    assert told.status == 0, told.stderr
    with np.load(npz) as published:
        probs = pd.DataFrame(published["pred_probs"], published["filepaths"], published["classes"])
    issues = library.find_issues(given, probs.reindex(given.index))
    scored = workspace.issues(every=True, run=told.json()["run"]).set_index("path")["score"]
    return issues.probability_wrong(), 1 - scored.reindex(given.index)


def test_an_npz_gives_the_same_by_import_and_by_find_issues(
    drawn: Drawn, curate: Curate, tmp_path: Path
) -> None:
    """As published probabilities come: file names, classes, an array; a few artworks without."""
    given = pd.Series([record.labels["style"] for record in drawn.given], index=drawn.paths)
    probs = drawn.probs[5:].astype(np.float32)
    np.savez(tmp_path / "p.npz", filepaths=np.array(drawn.paths[5:]), classes=STYLES, pred_probs=probs)

    ours, imported = scores_of_both(tmp_path, given, tmp_path / "p.npz", curate)

    np.testing.assert_allclose(ours, imported, atol=1e-9)
    assert int(imported.isna().sum()) == 5


PUBLISHED = [
    ("roman", "labels.csv", "pred_probs.resnet18", "wrong"),
    ("roman", "labels.csv", "pred_probs.swin_base_patch4_window7_224", "wrong"),
    ("cifar10n", "labels_aggregate.csv", "pred_probs.aggregate.resnet18", "aggregate_wrong"),
    ("cifar10n", "labels_worst.csv", "pred_probs.worst.swin_base_patch4_window7_224", "worst_wrong"),
]


@pytest.mark.parametrize(("name", "labels", "npz", "wrong"), PUBLISHED, ids=lambda one: one[:24])
def test_published_probabilities_give_the_same_by_import_and_by_find_issues(
    shared_data: Path, curate: Curate, tmp_path: Path, name: str, labels: str, npz: str, wrong: str
) -> None:
    """Labels that people got wrong, and out-of-sample probabilities that others published."""
    from sklearn.metrics import average_precision_score

    folder = shared_data / "real_noise" / name
    if not folder.is_dir():
        pytest.skip("the real label errors of ../shared/data are not on this machine")
    given = pd.read_csv(folder / labels).set_index("filepath")["label"]
    truth = pd.read_csv(folder / "truth.csv").set_index("filepath")[wrong].reindex(given.index)

    ours, imported = scores_of_both(tmp_path, given, folder / f"{npz}.npz", curate)

    np.testing.assert_allclose(ours, imported, atol=1e-9)
    judged = imported.notna()
    assert average_precision_score(truth[judged], imported[judged]) > 0.4
