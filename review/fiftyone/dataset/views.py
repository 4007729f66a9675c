"""The saved views made for the work, and how the App's sidebar is laid out.

Views that people save themselves are theirs: ours are known by the names that the dataset's state lists.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from bson import json_util

from db.browse.picture import Picture
from review.fiftyone.brain import MAP
from review.fiftyone.dataset.samples import ATTRIBUTE_FIELDS, earlier_field, field_of

CONFUSIONS = 5
"""How many of each attribute's confusions get a view."""

WORST = 200
"""How many of the worst labels a view shows."""

FIRST_VIEW = "worst labels"
"""What the App opens on once there is a run."""

WORKSPACE = "review"

COLORS = {"worst": "#EE0000", "confusion": "#FF9900", "review": "#0066FF", "other": "#777799"}

LABEL_COLOUR, SUGGESTED_COLOUR = "#0072B2", "#D55E00"
"""Of the chips in the grid: blue and vermilion of Okabe and Ito, which the colour-blind tell apart."""

Confusions = dict[str, list[list[str]]]
"""By attribute the pairs (label, prediction) that are confused most, the most frequent first."""


@dataclass(frozen=True)
class WantedView:
    """A view that the dataset should have."""

    name: str
    description: str
    color: str
    view: Any


def count_confusions(picture: Picture, counted: Confusions, stale: Container[str]) -> Confusions:
    """Return the confusions of each attribute; those that an earlier sync counted, unless they are stale."""
    return {
        name: counted[name]
        if name in counted and name not in stale
        else [[label, predicted] for label, predicted, _ in picture.top_confusions(name, CONFUSIONS)]
        for name in picture.names
    }


def arrange(fo: Any, dataset: Any, picture: Picture, ours: list[str], confusions: Confusions) -> list[str]:
    """Bring our saved views up to date; return their names.

    Args:
        fo: The fiftyone module.
        dataset: The dataset.
        picture: The catalog.
        ours: The names of the views that an earlier sync saved.
        confusions: Each gets a view.
    """
    wanted = list(_wanted(fo, dataset, picture, confusions))
    there = {doc.name: doc for doc in dataset._doc.saved_views}
    for name in set(ours) - {view.name for view in wanted}:
        if name in there:
            dataset.delete_saved_view(name)
    kept = []
    for view in wanted:
        doc = there.get(view.name)
        if doc is not None and view.name not in ours:
            continue  # a person saved a view by that name first
        stages = [json_util.dumps(stage) for stage in view.view._serialize(include_uuids=False)]
        if doc is None or list(doc.view_stages) != stages or doc.description != view.description:
            dataset.save_view(view.name, view.view, view.description, view.color, overwrite=True)
        kept.append(view.name)
    return kept


def _wanted(fo: Any, dataset: Any, picture: Picture, confusions: Confusions) -> Iterator[WantedView]:
    """Yield the views in the order that the App lists them."""
    F = fo.ViewField
    if picture.run is not None:
        yield WantedView(
            FIRST_VIEW,
            "Flagged labels that nobody was asked about yet, the worst first: begin here",
            COLORS["worst"],
            dataset.match(F("review") == "flagged").sort_by("score").limit(WORST),
        )
        for name in picture.names:
            yield from _attribute_views(F, dataset, name, confusions[name])
        if picture.earlier:
            yield _runs_disagree(F, dataset, picture, picture.earlier[-1].id)
    yield WantedView(
        "outliers",
        "Images unlike the others, the least alike first",
        COLORS["other"],
        dataset.exists("outlier_score").sort_by("outlier_score"),
    )
    yield WantedView(
        "perhaps unusable",
        "Images that show no class clearly: blurred, blank, two things, not the subject",
        COLORS["other"],
        dataset.exists("usable_score").sort_by("usable_score"),
    )
    yield WantedView(
        "duplicates that disagree",
        "The same picture more than once, with different labels",
        COLORS["other"],
        dataset.match(F("duplicates_disagree").length() > 0).sort_by("duplicate_group"),
    )
    for state, description in (
        ("flagged", "Artworks with flagged labels that nobody was asked about yet, the worst first"),
        ("waiting", "Artworks with an open task at the review server"),
        ("unusable", "Images that a reviewer found unusable"),
    ):
        yield WantedView(
            f"review: {state}",
            description,
            COLORS["review"],
            dataset.match(F("review") == state).sort_by("score"),
        )
    corrected = [F(f"{field_of(name)}_verdict").is_in(["corrected", "labelled"]) for name in picture.names]
    yield WantedView(
        "review: corrected this round",
        "Labels that reviewers changed since the newest run",
        COLORS["review"],
        dataset.match((F("round") == len(picture.run_ends)) & F.any(corrected)),
    )


def _attribute_views(F: Any, dataset: Any, name: str, confusions: list[list[str]]) -> Iterator[WantedView]:
    stem = field_of(name)
    yield WantedView(
        f"{name}: worst labels",
        f"The {WORST} least trusted {name} labels that nobody has judged, the worst first",
        COLORS["worst"],
        dataset.exists(f"{stem}_score")
        .exists(f"{stem}_verdict", False)
        .sort_by(f"{stem}_score")
        .limit(WORST),
    )
    for label, predicted in confusions:
        yield WantedView(
            f"{name}: {label} looks like {predicted}",
            f"Labelled {label}, and the run says {predicted}; the least trusted first",
            COLORS["confusion"],
            dataset.match((F(f"{stem}.label") == label) & (F(f"{stem}_pred.label") == predicted)).sort_by(
                f"{stem}_score"
            ),
        )


def _runs_disagree(F: Any, dataset: Any, picture: Picture, before: int) -> WantedView:
    differ = []
    for name in picture.names:
        now, then = F(f"{field_of(name)}_pred.label"), F(f"{earlier_field(name, before)}.label")
        differ.append(now.exists() & then.exists() & (now != then))
    assert picture.run is not None
    return WantedView(
        "runs disagree",
        f"Runs {before} and {picture.run.id} predict different classes",
        COLORS["other"],
        dataset.match(F.any(differ)).sort_by("score"),
    )


def save_workspace(fo: Any, dataset: Any, picture: Picture) -> None:
    """Save the layout of panels for the work: grid and confusions beside the map; a person's own stays."""
    if picture.run is None or dataset.has_workspace(WORKSPACE):
        return
    first = field_of(next(iter(picture.names)))
    grid = fo.Panel(type="Samples", pinned=True, component_id="curate-grid")
    confusions = fo.Panel(type="model_evaluation_panel_builtin", component_id="curate-confusions")
    similar = fo.Panel(
        type="Embeddings",
        component_id="curate-map",
        state={"brainResult": MAP, "colorByField": f"{first}.label"},
    )
    left = fo.Space(children=[grid, confusions], active_child="curate-grid")
    right = fo.Space(children=[similar], active_child="curate-map")
    dataset.save_workspace(
        WORKSPACE,
        fo.Space(children=[left, right], orientation="horizontal"),
        description="The grid and the confusions beside the map of what looks alike",
    )


def lay_out_sidebar(fo: Any, dataset: Any, picture: Picture) -> None:
    """Group the sidebar by attribute, and tick the fields that the grid should show.

    Of the attributes only the one with the most flagged labels is expanded: its sliders are within reach, and
    the sidebar stays short. FiftyOne has one sidebar for all artworks; the group "flagged" above them names
    the attributes of the open one.
    """
    most_flagged = picture.most_flagged()
    groups = [
        fo.SidebarGroupDocument(name="flagged", paths=["worst_attribute", "label_issues"], expanded=True),
        fo.SidebarGroupDocument(name="tags", paths=[], expanded=False),
    ]
    ticked, colours = [], []
    for name in picture.names:
        stem = field_of(name)
        paths = [stem + suffix for suffix in ATTRIBUTE_FIELDS]
        paths += [earlier_field(name, run.id) for run in picture.earlier]
        groups.append(fo.SidebarGroupDocument(name=name, paths=paths, expanded=name == most_flagged))
        ticked += [stem, f"{stem}_suggested"]
        colours += [
            {"path": stem, "fieldColor": LABEL_COLOUR},
            {"path": f"{stem}_suggested", "fieldColor": SUGGESTED_COLOUR},
        ]
    review = [
        "review",
        "score",
        "issues",
        "round",
        "batch",
        "outlier_score",
        "usable_score",
    ]
    groups.append(fo.SidebarGroupDocument(name="review", paths=review, expanded=True))
    artwork = ["artwork", "collection", "path", "split", "fold", "duplicate_group", "duplicates_disagree"]
    groups.append(fo.SidebarGroupDocument(name="artwork", paths=[*artwork, "id", "filepath"], expanded=False))
    metadata = [f"metadata.{name}" for name in ("size_bytes", "mime_type", "width", "height")]
    groups.append(fo.SidebarGroupDocument(name="metadata", paths=metadata, expanded=False))
    dataset.app_config.sidebar_groups = groups
    dataset.app_config.active_fields = fo.ActiveFields(exclude=False, paths=ticked)
    dataset.app_config.color_scheme = fo.ColorScheme(color_by="field", fields=colours)
    dataset.save()
