"""The dataset follows the catalog: made, brought up to date, set right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from db.errors import RootUnknown
from db.models import Artwork
from db.reviews.answering.answers import Decision
from db.reviews.answering.recording import decide
from db.workspace.progress import Silent
from review.errors import DatasetTaken, DatasetUnreadable
from review.fiftyone.connect import import_fiftyone
from review.fiftyone.dataset.sync import VERSION, sync_dataset
from tests.fiftyone.conftest import dump

pytestmark = [pytest.mark.services, pytest.mark.filterwarnings("ignore::DeprecationWarning:fiftyone.*")]


def load(gallery: Any) -> Any:
    """Return the workspace's dataset as another program would load it."""
    import fiftyone

    dataset = fiftyone.load_dataset(gallery.workspace.settings.fiftyone.dataset)
    dataset.reload()
    return dataset


def sample_of(gallery: Any, row: int) -> Any:
    return load(gallery).one(
        import_fiftyone(gallery.workspace).ViewField("artwork") == str(gallery.uuids[row])
    )


def test_without_a_run_there_is_one_sample_an_artwork_with_its_labels(gallery: Any) -> None:
    summary = sync_dataset(gallery.workspace, gallery.catalog)

    assert (summary.samples, summary.added, summary.run, summary.rebuilt) == (30, 30, None, None)
    assert load(gallery).persistent
    sample = sample_of(gallery, 0)
    assert sample.style.label == "Impressionism"
    assert sample.style.source == "import:csv"
    assert sample.artist.label == "Claude Monet"
    assert sample.metadata.width == 32
    assert sample.filepath.endswith("/images/00000.png")


def test_a_run_shows_prediction_score_suggestion_and_reason_of_each_attribute(gallery: Any) -> None:
    gallery.add_run()

    sync_dataset(gallery.workspace, gallery.catalog)

    sample = sample_of(gallery, 0)
    assert sample.style.label == "Impressionism"
    assert (sample.style_pred.label, sample.style_suggested) == ("Realism", "→ Realism")
    assert sample.label_issues[0].startswith("style: Impressionism → Realism")
    assert sample.style_pred.confidence > 0.8
    assert sample.style_pred.logits.shape == (3,)
    assert sample.style_pred.logits.argmax() == 0
    assert sample.style_score == sample.style_p_label < 0.2
    assert sample.style_reason == "model: Realism"
    assert sample.style_issue == "open"
    assert sample.style_eval is False
    assert sample.genre_eval is True
    assert (sample.review, sample.worst_attribute, sample.fold) == ("flagged", "style", 0)


def test_our_documents_are_those_that_fiftyone_writes_itself(gallery: Any) -> None:
    """Guards the one thing that is private to FiftyOne: how a sample lies in MongoDB."""
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    fo = import_fiftyone(gallery.workspace)
    ours = sample_of(gallery, 0)
    fields = {
        name: ours[name] for name in ours.field_names if name not in ("id", "created_at", "last_modified_at")
    }
    copy = fo.Dataset()
    copy.add_sample(fo.Sample(**fields), dynamic=True)

    theirs = fo.core.odm.get_db_conn()[copy._sample_collection_name].find_one()
    written = fo.core.odm.get_db_conn()[load(gallery)._sample_collection_name].find_one(
        {"artwork": str(gallery.uuids[0])}
    )

    def shape(value: Any) -> Any:
        return {k: shape(v) for k, v in sorted(value.items())} if isinstance(value, dict) else type(value)

    assert shape(written) == shape({key: value for key, value in theirs.items() if value is not None})


def test_views_for_the_worst_labels_and_the_top_confusions(gallery: Any) -> None:
    gallery.add_run()

    sync_dataset(gallery.workspace, gallery.catalog)

    dataset = load(gallery)
    assert "style: worst labels" in dataset.list_saved_views()
    worst = dataset.load_saved_view("style: worst labels")
    assert set(worst[:6].values("artwork")) == {str(gallery.uuids[row]) for row in range(0, 30, 5)}
    confusion = dataset.load_saved_view("style: Impressionism looks like Realism")
    assert len(confusion) == 2
    assert set(confusion.values("style.label")) == {"Impressionism"}
    assert set(confusion.values("style_pred.label")) == {"Realism"}


def test_the_sidebar_opens_the_attribute_that_is_flagged_most_once_there_is_a_run(gallery: Any) -> None:
    def expanded() -> dict[str, bool]:
        sync_dataset(gallery.workspace, gallery.catalog)
        groups = {group.name: group.expanded for group in load(gallery).app_config.sidebar_groups}
        return {name: groups[name] for name in ("style", "genre", "artist")}

    assert expanded() == {"style": False, "genre": False, "artist": False}

    gallery.add_run()

    assert expanded() == {"style": True, "genre": False, "artist": False}


def test_a_second_sync_writes_nothing(gallery: Any) -> None:
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    before = dump(load(gallery))

    again = sync_dataset(gallery.workspace, gallery.catalog)
    whole = sync_dataset(gallery.workspace, gallery.catalog, full=True)

    for summary in (again, whole):
        assert (summary.added, summary.updated, summary.removed) == (0, 0, 0)
    assert again.rebuilt is None
    assert dump(load(gallery)) == before


def test_a_verdict_changes_only_its_artwork_and_keeps_tags(gallery: Any) -> None:
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    tagged = sample_of(gallery, 0)
    tagged.tags.append("ask Ada")
    tagged.style.tags.append("odd")
    tagged.save()
    realism = gallery.class_ids["style"][0]
    with gallery.catalog.write() as session:
        decide(
            session,
            gallery.ids[0],
            [Decision(gallery.attribute_ids["style"], "corrected", realism)],
            user="ada",
            annotation_id="a1",
        )

    summary = sync_dataset(gallery.workspace, gallery.catalog)

    assert (summary.added, summary.updated, summary.removed) == (0, 1, 0)
    sample = sample_of(gallery, 0)
    assert sample.tags == ["ask Ada"]
    assert sample.style.tags == ["odd"]
    assert (sample.style.label, sample.style.source) == ("Realism", "reviewer:local:ada")
    assert (sample.style_verdict, sample.style_issue, sample.review) == ("corrected", "resolved", "reviewed")
    assert sample.style_eval is True
    corrected = load(gallery).load_saved_view("review: corrected this round")
    assert corrected.values("artwork") == [str(gallery.uuids[0])]


def test_edited_and_deleted_samples_are_set_right_from_the_catalog(gallery: Any) -> None:
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    before = dump(load(gallery))
    dataset = load(gallery)
    edited = sample_of(gallery, 3)
    edited["style"].label = "Nonsense"
    edited["genre_score"] = None
    edited.save()

    renewed = sync_dataset(gallery.workspace, gallery.catalog)
    assert (renewed.updated, renewed.rebuilt) == (1, None)
    assert dump(load(gallery)) == before

    dataset.delete_samples([sample_of(gallery, 4).id])
    restored = sync_dataset(gallery.workspace, gallery.catalog)
    assert (restored.added, restored.rebuilt) == (1, "it has 29 samples where the last sync left 30")
    assert dump(load(gallery)) == before

    dataset.delete_sample_field("style_score")
    assert sync_dataset(gallery.workspace, gallery.catalog).rebuilt == "its field 'style_score' is gone"
    assert dump(load(gallery)) == before

    import fiftyone

    fiftyone.delete_dataset(dataset.name)
    assert sync_dataset(gallery.workspace, gallery.catalog).added == 30
    assert dump(load(gallery)) == before


class Meanwhile(Silent):
    """Lets somebody act as soon as the first samples are written, while the sync goes on."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.acts = [act]

    def advance(self, steps: int = 1, detail: str = "") -> None:
        """Act, once."""
        while self.acts:
            self.acts.pop()()


def test_a_sample_edited_while_a_sync_runs_is_set_right_by_the_next(gallery: Any) -> None:
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    untouched = dump(load(gallery))

    def edit() -> None:
        sample = sample_of(gallery, 3)
        sample.style.label = "Cubism" if sample.style.label != "Cubism" else "Realism"
        sample.style_pred.logits = None
        sample.save()

    with gallery.catalog.write() as session:
        decide(session, gallery.ids[7], [Decision(None, "unusable")], user="ada", annotation_id="a1")
    sync_dataset(gallery.workspace, gallery.catalog, progress=Meanwhile(edit))
    assert dump(load(gallery))[3] != untouched[3]

    assert sync_dataset(gallery.workspace, gallery.catalog).updated == 1
    assert dump(load(gallery))[3] == untouched[3]
    assert sync_dataset(gallery.workspace, gallery.catalog).updated == 0


def test_a_prediction_that_is_gone_comes_back_with_its_logits(gallery: Any) -> None:
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    whole = dump(load(gallery))

    sample = sample_of(gallery, 3)
    sample.style_pred = None
    sample.save()
    load(gallery).delete_samples([sample_of(gallery, 4).id])
    sync_dataset(gallery.workspace, gallery.catalog)

    assert dump(load(gallery)) == whole


def test_a_new_run_keeps_the_earlier_predictions_beside_it(gallery: Any) -> None:
    first = gallery.add_run(seed=0)
    sync_dataset(gallery.workspace, gallery.catalog)
    before = sample_of(gallery, 7).style_pred.confidence
    second = gallery.add_run(seed=1)

    summary = sync_dataset(gallery.workspace, gallery.catalog)

    assert (summary.run, summary.updated, summary.rebuilt) == (second, 30, f"run {second} is shown now")
    sample = sample_of(gallery, 7)
    assert sample[f"style_run{first}"].confidence == before != sample.style_pred.confidence
    assert "runs disagree" in load(gallery).list_saved_views()


def test_an_artwork_that_went_missing_loses_its_sample(gallery: Any) -> None:
    sync_dataset(gallery.workspace, gallery.catalog)
    with gallery.catalog.write() as session:
        from db.models import Artwork, now

        row = session.get_one(Artwork, gallery.ids[2])
        row.status, row.updated_at = "missing", now()

    summary = sync_dataset(gallery.workspace, gallery.catalog)

    assert (summary.removed, summary.samples) == (1, 29)


def test_a_view_that_a_person_saved_stays(gallery: Any) -> None:
    sync_dataset(gallery.workspace, gallery.catalog)
    dataset = load(gallery)
    dataset.save_view("mine", dataset.limit(3))
    gallery.add_run()

    sync_dataset(gallery.workspace, gallery.catalog)

    assert len(load(gallery).load_saved_view("mine")) == 3


def test_a_dataset_of_somebody_else_is_refused(gallery: Any) -> None:
    fo = import_fiftyone(gallery.workspace)
    name = gallery.workspace.settings.fiftyone.dataset
    theirs = fo.Dataset(name, persistent=True)
    theirs.add_sample(fo.Sample(filepath="/a.png"))

    with pytest.raises(DatasetTaken) as refused:
        sync_dataset(gallery.workspace, gallery.catalog)

    assert str(refused.value) == (
        f"The FiftyOne dataset {name!r} belongs to something other than curate, and it would be overwritten. "
        f"Put another name under [fiftyone] dataset in curate.toml."
    )
    assert len(theirs) == 1


def test_a_root_without_a_folder_is_named(gallery: Any) -> None:
    path = gallery.workspace.settings_path
    lines = [line for line in path.read_text().splitlines() if not line.startswith("images = ")]
    path.write_text("\n".join(lines))
    from db.workspace.workspace import open_workspace

    with pytest.raises(RootUnknown):
        sync_dataset(open_workspace(gallery.workspace.folder), gallery.catalog)


def test_a_dataset_of_layout_3_gets_the_names_of_today(gallery: Any) -> None:
    """Layout 3 had the field ``doubts``, the view "review: doubted" and the sidebar's group "in doubt"."""
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    dataset = load(gallery)
    today = dump(dataset)
    dataset.rename_sample_field("label_issues", "doubts")
    dataset.delete_saved_view("review: flagged")
    dataset.save_view("review: doubted", dataset.limit(1))
    kept = dataset.info["curate"]
    kept["version"] = 3
    kept["fields"] = ["doubts" if name == "label_issues" else name for name in kept["fields"]]
    kept["views"] = ["review: doubted" if name == "review: flagged" else name for name in kept["views"]]
    groups = dataset.app_config.sidebar_groups
    groups[0].name, groups[0].paths = "in doubt", ["worst_attribute", "doubts"]
    dataset.set_values(
        "review", ["doubted" if said == "flagged" else said for said in dataset.values("review")]
    )
    dataset.save()

    summary = sync_dataset(gallery.workspace, gallery.catalog)

    renewed = load(gallery)
    assert summary.rebuilt == f"it was made by another version of curate (layout 3, now {VERSION})"
    assert dump(load(gallery)) == today
    assert not renewed.has_sample_field("doubts")
    assert "review: flagged" in renewed.list_saved_views()
    assert "review: doubted" not in renewed.list_saved_views()
    first, *others = renewed.app_config.sidebar_groups
    assert (first.name, first.paths) == ("flagged", ["worst_attribute", "label_issues"])
    assert not {"in doubt", "flagged"} & {group.name for group in others}


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("version", 0, f"it was made by another version of curate (layout 0, now {VERSION})"),
        ("fiftyone", "0.25.0", "it was made by FiftyOne 0.25.0, and this is {fiftyone}"),
        ("done", False, "the last sync was stopped before its end"),
        ("fields", ["style", "old_field"], "its fields changed"),
    ],
)
def test_a_dataset_of_an_older_version_is_gone_over_and_keeps_tags(
    gallery: Any, key: str, value: Any, why: str
) -> None:
    fo = import_fiftyone(gallery.workspace)
    sync_dataset(gallery.workspace, gallery.catalog)
    dataset = load(gallery)
    dataset.add_sample_field("old_field", fo.StringField)
    dataset.info["curate"][key] = value
    dataset.save()
    tagged = sample_of(gallery, 5)
    tagged.tags.append("mine")
    tagged.save()

    summary = sync_dataset(gallery.workspace, gallery.catalog)

    assert summary.rebuilt == why.format(fiftyone=fo.__version__)
    assert load(gallery).has_sample_field("old_field") == (key != "fields")
    assert sample_of(gallery, 5).tags == ["mine"]


def test_a_dataset_of_a_newer_fiftyone_is_refused(gallery: Any) -> None:
    sync_dataset(gallery.workspace, gallery.catalog)
    import fiftyone.core.odm as odm

    name = gallery.workspace.settings.fiftyone.dataset
    odm.get_db_conn().datasets.update_one({"name": name}, {"$set": {"version": "99.0.0"}})
    import fiftyone

    fiftyone.Dataset._instances.pop(name, None)

    with pytest.raises(DatasetUnreadable) as refused:
        sync_dataset(gallery.workspace, gallery.catalog)

    assert str(refused.value).startswith(f"FiftyOne cannot read the dataset {name!r}: ")
    assert f"`fiftyone datasets delete {name}`" in str(refused.value)
    odm.get_db_conn().datasets.update_one({"name": name}, {"$set": {"version": fiftyone.__version__}})


def test_what_no_browser_shows_is_a_copy_and_what_leaves_its_root_has_no_sample(
    gallery: Any,
) -> None:
    (root,) = gallery.workspace.settings.roots
    folder = gallery.workspace.settings.roots[root]
    Image.fromarray(np.full((48, 64), 4000, dtype=np.uint16)).save(folder / "deep.tif")
    with gallery.catalog.write() as session:
        deep, stranger = (session.get_one(Artwork, gallery.ids[row]) for row in (0, 1))
        deep.path, deep.image_format, deep.needs_copy = "deep.tif", "TIFF", True
        deep.sha256 = hashlib.sha256((folder / "deep.tif").read_bytes()).hexdigest()
        stranger.path = "../../secret.png"

    summary = sync_dataset(gallery.workspace, gallery.catalog)

    assert summary.samples == 29
    shown = Path(sample_of(gallery, 0).filepath)
    assert shown.is_relative_to(gallery.workspace.cache_folder) and shown.suffix == ".jpg"
    with Image.open(shown) as copy:
        assert (copy.format, copy.size) == ("JPEG", (64, 48))
        assert np.abs(np.asarray(copy.convert("L"), dtype=np.int16) - 249).max() <= 2
    assert sync_dataset(gallery.workspace, gallery.catalog).updated == 0
