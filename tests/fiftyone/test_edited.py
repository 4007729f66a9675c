"""Datasets edited by hand, workspaces that were copied: set right, or refused in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from db.workspace.workspace import change_settings, open_workspace
from review.errors import AppOutdated, DatasetEdited, DatasetOfOriginal, DatasetTaken, PortForbidden
from review.fiftyone.app.launch import APP_WORKSPACE, choose_port
from review.fiftyone.connect import import_fiftyone
from review.fiftyone.dataset.sync import sync_dataset
from tests.fiftyone.conftest import Gallery, dump, filled_gallery

CACHE = shutil.ignore_patterns("cache")

Edit = Callable[[Any, Any], None]


def notes(**changes: Any) -> Edit:
    """Return the edit of what ``info["curate"]`` says."""

    def edit(_fo: Any, dataset: Any) -> None:
        kept = dict(dataset.info["curate"])
        for key, value in changes.items():
            if value is KeyError:
                kept.pop(key)
            else:
                kept[key] = value
        dataset.info["curate"] = kept
        dataset.save()

    return edit


def whole(value: Any) -> Edit:
    def edit(_fo: Any, dataset: Any) -> None:
        dataset.info["curate"] = value
        dataset.save()

    return edit


def foreign_samples(fo: Any, dataset: Any) -> None:
    dataset.add_samples(
        [fo.Sample(filepath=f"/nowhere/{i}.jpg", style=fo.Classification(label="x")) for i in "ab"]
    )


def other_type(name: str, value: Any) -> Edit:
    def edit(fo: Any, dataset: Any) -> None:
        dataset.delete_sample_field(name)
        dataset.set_values(name, [value] * dataset.count())

    return edit


def swap_label_for_text(fo: Any, dataset: Any) -> None:
    dataset.delete_sample_field("style")
    dataset.add_sample_field("style", fo.StringField)
    dataset.set_values("style", ["hello"] * dataset.count())


def values(name: str, value: Any) -> Edit:
    return lambda _fo, dataset: dataset.set_values(name, [value] * dataset.count())


SET_RIGHT: dict[str, Edit] = {
    "no state": notes(marks=KeyError),
    "marks of nothing": notes(marks={}),
    "marks of text": notes(marks={"class_change": "x"}),
    "marks as a list": notes(marks=[1, 2]),
    "a run of text": notes(run="one"),
    "no run": notes(run=None),
    "another run": notes(run=77),
    "a time that is none": notes(synced_at="yesterday"),
    "no time": notes(synced_at=None),
    "fields of numbers": notes(fields=[1, 2]),
    "no fields": notes(fields=[]),
    "fields of nothing": notes(fields=["nothing"]),
    "views of nothing": notes(views=["nothing"]),
    "confusions of text": notes(confusions="x"),
    "earlier runs of text": notes(earlier=["a"]),
    "samples below zero": notes(samples=-1),
    "another layout": notes(version=99),
    "unknown keys": notes(nothing="x", more=[1]),
    "attributes of others": notes(attributes=["colour"]),
    "workspace gone": notes(workspace="/nowhere"),
    "workspace of numbers": notes(workspace=7),
    "no workspace": notes(workspace=KeyError),
    "samples from elsewhere": foreign_samples,
    "a sample deleted": lambda _fo, dataset: dataset.delete_samples(dataset.first()),
    "all samples deleted": lambda _fo, dataset: dataset.clear(),
    "a field deleted": lambda _fo, dataset: dataset.delete_sample_field("style_score"),
    "labels deleted": lambda _fo, dataset: dataset.delete_sample_field("style"),
    "predictions deleted": lambda _fo, dataset: dataset.delete_sample_field("genre_pred"),
    "labels of text": swap_label_for_text,
    "scores of text": other_type("style_score", "high"),
    "issues of numbers": other_type("issues", 7),
    "artworks emptied": values("artwork", None),
    "artworks of text": values("artwork", "nothing"),
    "labels emptied": values("style", None),
    "file paths of others": values("filepath", "/nowhere.png"),
    "classes emptied": lambda _fo, dataset: setattr(dataset, "classes", {}),
    "saved views deleted": lambda _fo, dataset: dataset.delete_saved_views(),
    "brain runs deleted": lambda _fo, dataset: dataset.delete_brain_runs(),
    "evaluations deleted": lambda _fo, dataset: dataset.delete_evaluations(),
}
REFUSED: dict[str, tuple[Edit, type[Exception]]] = {
    "notes of text": (whole("hello"), DatasetEdited),
    "notes of a list": (whole([1, 2]), DatasetEdited),
    "empty notes": (whole({}), DatasetEdited),
    "no catalog": (notes(catalog=KeyError), DatasetEdited),
    "a catalog of numbers": (notes(catalog=7), DatasetEdited),
    "another catalog": (notes(catalog="0" * 36), DatasetTaken),
    "no notes": (whole(None), DatasetTaken),
}


@pytest.fixture
def shown(gallery: Gallery) -> tuple[Gallery, Any, Any]:
    """The gallery with a run, its dataset up to date."""
    gallery.add_run()
    sync_dataset(gallery.workspace, gallery.catalog)
    fo = import_fiftyone(gallery.workspace)
    return gallery, fo, fo.load_dataset(gallery.workspace.settings.fiftyone.dataset)


@pytest.fixture(scope="module")
def edited_gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """A gallery with a run whose dataset is edited again and again."""
    with filled_gallery(tmp_path_factory.mktemp("edited")) as gallery:
        gallery.add_run()
        yield gallery


@pytest.fixture
def edited(edited_gallery: Gallery) -> Iterator[tuple[Gallery, Any, Any]]:
    """The dataset of that gallery; where an edit outlived its test, the next test gets a new one."""
    fo = import_fiftyone(edited_gallery.workspace)
    name = edited_gallery.workspace.settings.fiftyone.dataset
    if not fo.dataset_exists(name):
        sync_dataset(edited_gallery.workspace, edited_gallery.catalog)
    dataset = fo.load_dataset(name)
    whole = _content(dataset)
    yield edited_gallery, fo, dataset
    dataset.reload()
    if _content(dataset) != whole:
        fo.delete_dataset(name)


def _content(dataset: Any) -> list[Any]:
    """Return what a dataset holds and says of itself, but for the moment of its last update."""
    notes = {key: value for key, value in dataset.info["curate"].items() if key != "synced_at"}
    runs = [*dataset.list_brain_runs(), *dataset.list_evaluations()]
    return [notes, dataset.list_saved_views(), runs, dataset.classes, dump(dataset)]


@pytest.mark.services
@pytest.mark.parametrize("name", SET_RIGHT)
def test_an_edit_is_set_right_by_the_next_browse(edited: tuple[Gallery, Any, Any], name: str) -> None:
    gallery, fo, dataset = edited
    wanted = dict(zip(dataset.values("artwork"), dataset.values("style.label"), strict=True))
    SET_RIGHT[name](fo, dataset)

    summary = sync_dataset(gallery.workspace, gallery.catalog)
    again = sync_dataset(gallery.workspace, gallery.catalog)

    dataset.reload()
    assert summary.samples == len(wanted)
    assert dict(zip(dataset.values("artwork"), dataset.values("style.label"), strict=True)) == wanted
    assert (again.added, again.updated, again.removed, again.rebuilt) == (0, 0, 0, None)


@pytest.mark.services
@pytest.mark.parametrize("name", REFUSED)
def test_a_dataset_that_does_not_say_whose_it_is_is_left_alone(
    edited: tuple[Gallery, Any, Any], name: str
) -> None:
    gallery, fo, dataset = edited
    before = dict(dataset.info["curate"])
    edit, kind = REFUSED[name]
    edit(fo, dataset)

    with pytest.raises(kind) as refused:
        sync_dataset(gallery.workspace, gallery.catalog)

    assert "dataset" in str(refused.value) and "curate.toml" in str(refused.value)
    assert dataset.count() == len(gallery.ids)
    whole(before)(fo, dataset)


@pytest.mark.services
def test_a_copy_of_a_workspace_gets_a_dataset_of_its_own(
    shown: tuple[Gallery, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original's App wrote its verdicts into the copy's catalog."""
    gallery, fo, dataset = shown
    shutil.copytree(gallery.workspace.folder, tmp_path / "copy", ignore=CACHE)
    copy = open_workspace(tmp_path / "copy")

    with copy.open_catalog() as catalog:
        with pytest.raises(DatasetOfOriginal) as refused:
            sync_dataset(copy, catalog)
        name = str(refused.value).split("dataset = '")[1].split("'")[0]
        copy = change_settings(copy, "fiftyone", "dataset", name)
        summary = sync_dataset(copy, catalog)

    dataset.reload()
    assert dataset.info["curate"]["workspace"] == str(gallery.workspace.folder)
    assert (summary.dataset, summary.samples) == (name, len(gallery.ids))
    fo.delete_dataset(name)

    from review.plugin.opened import opened

    monkeypatch.setenv(APP_WORKSPACE, str(copy.folder))
    with pytest.raises(AppOutdated), opened(SimpleNamespace(dataset=dataset)):
        pass


@pytest.mark.services
def test_a_workspace_that_was_moved_keeps_its_dataset(
    shown: tuple[Gallery, Any, Any], tmp_path: Path
) -> None:
    gallery, _fo, dataset = shown
    shutil.copytree(gallery.workspace.folder, tmp_path / "moved", ignore=CACHE)
    (gallery.workspace.folder / "curate.toml").rename(tmp_path / "away.toml")
    moved = open_workspace(tmp_path / "moved")

    with moved.open_catalog() as catalog:
        summary = sync_dataset(moved, catalog)

    dataset.reload()
    assert dataset.info["curate"]["workspace"] == str(moved.folder)
    assert summary.samples == len(gallery.ids)


def test_a_port_that_is_kept_from_this_user_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def bind(_self: socket.socket, address: tuple[str, int]) -> None:
        raise PermissionError(13, "Permission denied")  # what a user without rights is told below 1024

    monkeypatch.setattr(socket.socket, "bind", bind)

    with pytest.raises(PortForbidden) as refused:
        choose_port(80)

    assert str(refused.value).startswith("This user may not listen at port 80")
