"""The operators that the App lists under "curate"; each opens the workspace that the dataset's info names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import fiftyone.operators as foo
from fiftyone.operators import types

from db.engine.catalog import Catalog
from db.errors import CurateError
from db.workspace.progress import Silent
from db.workspace.system import user_name
from db.workspace.workspace import Workspace
from review.fiftyone.actions import class_names, history, judge, judge_many, relabel, send
from review.fiftyone.dataset.sync import sync_dataset
from review.mongod import keeping_mongod
from review.plugin.card_panel import CardPanel
from review.plugin.guide_panel import GuidePanel
from review.plugin.opened import is_ours, opened

DECISIONS = {
    "confirmed": "The label is right",
    "atypical": "The label is right, but the picture is unlike its class: do not ask again",
    "none_of_these": "None of the classes fits",
    "unsure": "It cannot be decided",
}
UNUSABLE = "unusable"

SUGGESTED = "(suggested)"
"""Stands for each artwork's own suggestion in the form of many at once."""

MANY = 50
"""From this many artworks on, the form warns that a decision is about all of them."""


def artworks_of(ctx: Any, sample_ids: Sequence[str]) -> list[UUID]:
    """Return the artworks of some samples."""
    return [UUID(text) for text in ctx.dataset.select(sample_ids).values("artwork") if text]


def chosen(ctx: Any) -> list[UUID]:
    """Return the artworks meant: the open one, else those selected, else all of the current view."""
    if ctx.current_sample:
        samples = ctx.dataset.select(ctx.current_sample)
    elif ctx.selected:
        samples = ctx.dataset.select(ctx.selected)
    else:
        samples = ctx.target_view()
    return [UUID(text) for text in samples.values("artwork") if text]


def say_how_many(ctx: Any, inputs: Any) -> None:
    """Begin a form with what it is about."""
    count = 1 if ctx.current_sample else len(ctx.selected) or ctx.target_view().count()
    which = "the open artwork" if ctx.current_sample else "selected" if ctx.selected else "all of the view"
    view = types.Warning() if count >= MANY else types.Notice()
    inputs.view("about", view.__class__(label=f"{count} artworks: {which}"))


def who() -> str:
    """Return whose decisions these are, as ``curate browse`` set it."""
    return user_name()


class CurateOperator(foo.Operator):  # type: ignore[misc]
    """What ours have in common: an error is shown as its one sentence, the grid follows the catalog."""

    name_ = ""
    label = ""
    icon = ""

    @property
    def config(self) -> Any:
        """Tell the App about the operator."""
        return foo.OperatorConfig(
            name=self.name_, label=f"curate: {self.label}", icon=self.icon, dynamic=True
        )

    def resolve_placement(self, ctx: Any) -> Any:
        """Put a button above the grid."""
        if not is_ours(ctx):
            return None
        button = types.Button(label=self.label, icon=self.icon, prompt=True)
        return types.Placement(types.Places.SAMPLES_GRID_SECONDARY_ACTIONS, button)

    def acted(self, ctx: Any, act: Callable[[Workspace, Catalog], str]) -> dict[str, str]:
        """Act, bring the dataset up to date, and tell what came of it."""
        try:
            with keeping_mongod("browse"), opened(ctx) as (workspace, catalog):
                told = act(workspace, catalog)
                sync_dataset(workspace, catalog, ctx.dataset.info["curate"]["run"])
        except CurateError as error:
            ctx.ops.notify(str(error), variant="error")
            return {"error": str(error)}
        ctx.ops.reload_dataset()
        ctx.ops.notify(told, variant="success")
        return {"done": told}


def form(inputs: Any, title: str) -> Any:
    """Return a form under its title."""
    return types.Property(inputs, view=types.View(label=title))


def ask_attribute(ctx: Any, inputs: Any, extra: Sequence[tuple[str, str]] = ()) -> str | None:
    """Ask for an attribute; return the answer so far."""
    choices = types.DropdownView()
    for name in ctx.dataset.info["curate"]["attributes"]:
        choices.add_choice(name, label=name)
    for value, label in extra:
        choices.add_choice(value, label=label)
    inputs.enum("attribute", choices.values(), label="Attribute", required=True, view=choices)
    answer = ctx.params.get("attribute")
    return None if answer is None else str(answer)


class SendToLabelStudio(CurateOperator):
    """Make review tasks of the selection or the view."""

    name_, label, icon = "send_to_label_studio", "Send to Label Studio", "send"

    def resolve_input(self, ctx: Any) -> Any:
        """Say what would be sent."""
        inputs = types.Object()
        say_how_many(ctx, inputs)
        inputs.view("how", types.Notice(label="Those that have an open task keep it."))
        return form(inputs, "Send to Label Studio")

    def execute(self, ctx: Any) -> dict[str, str]:
        """Send them."""

        def act(workspace: Workspace, catalog: Catalog) -> str:
            pushed = send(workspace, catalog, chosen(ctx), Silent())
            return f"{pushed.created} tasks sent to project {pushed.project}, {pushed.skipped} skipped"

        return self.acted(ctx, act)


class Relabel(CurateOperator):
    """Give artworks another class of an attribute."""

    name_, label, icon = "relabel", "Relabel", "edit"

    def resolve_input(self, ctx: Any) -> Any:
        """Ask for the attribute, then for one of its classes."""
        inputs = types.Object()
        say_how_many(ctx, inputs)
        attribute = ask_attribute(ctx, inputs)
        if attribute is not None:
            classes = types.AutocompleteView()
            with opened(ctx) as (_, catalog):
                for key, name in class_names(catalog, attribute).items():
                    classes.add_choice(key, label=name)
            inputs.enum("class", classes.values(), label="The right class", required=True, view=classes)
        inputs.str("comment", label="Why (kept with the decision)", required=False)
        return form(inputs, "Relabel")

    def execute(self, ctx: Any) -> dict[str, str]:
        """Record the class."""

        def act(_: Workspace, catalog: Catalog) -> str:
            given = ctx.params
            done = relabel(
                catalog,
                artworks=chosen(ctx),
                attribute=given["attribute"],
                class_key=given["class"],
                user=who(),
                comment=given.get("comment"),
            )
            return done.sentence()

        return self.acted(ctx, act)


class Judge(CurateOperator):
    """Say that labels are right, atypical or undecidable, or that images are unusable."""

    name_, label, icon = "judge", "Judge labels", "gavel"

    def resolve_input(self, ctx: Any) -> Any:
        """Ask for the attribute and the decision."""
        inputs = types.Object()
        say_how_many(ctx, inputs)
        attribute = ask_attribute(ctx, inputs, [(UNUSABLE, "the image itself is unusable")])
        if attribute not in (None, UNUSABLE):
            decisions = types.RadioGroup()
            for value, label in DECISIONS.items():
                decisions.add_choice(value, label=label)
            inputs.enum("decision", decisions.values(), label="Decision", required=True, view=decisions)
        inputs.str("comment", label="Why (kept with the decision)", required=False)
        return form(inputs, "Judge labels")

    def execute(self, ctx: Any) -> dict[str, str]:
        """Record the decision."""

        def act(_: Workspace, catalog: Catalog) -> str:
            attribute = ctx.params["attribute"]
            image = attribute == UNUSABLE
            done = judge(
                catalog,
                artworks=chosen(ctx),
                attribute=None if image else attribute,
                decision=UNUSABLE if image else ctx.params["decision"],
                user=who(),
                comment=ctx.params.get("comment"),
            )
            return done.sentence()

        return self.acted(ctx, act)


class JudgeMany(CurateOperator):
    """Answer what is shown as a contact sheet: the selected ones are wrong, all others are right."""

    name_, label, icon = "judge_many", "These are wrong, the others right", "grid_on"

    def resolve_input(self, ctx: Any) -> Any:
        """Ask for the attribute, and for the class of the selected ones."""
        inputs = types.Object()
        shown, wrong = ctx.target_view().count(), len(ctx.selected)
        view = types.Warning() if shown - wrong >= MANY else types.Notice()
        told = f"{wrong} selected: wrong. The other {max(shown - wrong, 0)} of the view: right."
        inputs.view("about", view.__class__(label=told))
        attribute = ask_attribute(ctx, inputs)
        if attribute is not None and wrong:
            classes = types.AutocompleteView()
            classes.add_choice(SUGGESTED, label="what each one looks like (its suggestion)")
            with opened(ctx) as (_, catalog):
                for key, name in class_names(catalog, attribute).items():
                    classes.add_choice(key, label=name)
            inputs.enum(
                "class", classes.values(), label="Their class", default=SUGGESTED, required=True, view=classes
            )
        return form(inputs, "Which of these are wrong?")

    def execute(self, ctx: Any) -> dict[str, str]:
        """Record a verdict for each."""

        def act(_: Workspace, catalog: Catalog) -> str:
            shown = [UUID(text) for text in ctx.target_view().values("artwork") if text]
            wrong = artworks_of(ctx, ctx.selected) if ctx.selected else []
            chosen = ctx.params.get("class") or SUGGESTED
            key = None if chosen == SUGGESTED else str(chosen)
            return judge_many(
                catalog,
                shown=shown,
                wrong=wrong,
                attribute=ctx.params["attribute"],
                class_key=key,
                user=who(),
            ).sentence()

        return self.acted(ctx, act)


class History(CurateOperator):
    """Show what was said of one artwork, and why its labels are flagged."""

    name_, label, icon = "history", "History and reasons", "history"

    def resolve_input(self, ctx: Any) -> Any:
        """Ask for one artwork where it is not clear which."""
        inputs = types.Object()
        if not ctx.current_sample and len(ctx.selected) != 1:
            wrong = inputs.view("about", types.Warning(label="Select one artwork first."))
            wrong.invalid = True
        return form(inputs, "History and reasons")

    def execute(self, ctx: Any) -> dict[str, str]:
        """Read the history."""
        try:
            with opened(ctx) as (workspace, catalog):
                return {"history": history(catalog, workspace, chosen(ctx)[0])}
        except CurateError as error:
            return {"history": str(error)}

    def resolve_output(self, ctx: Any) -> Any:
        """Show it as Markdown."""
        outputs = types.Object()
        outputs.str("history", view=types.MarkdownView())
        return form(outputs, "History and reasons")


class BringUpToDate(CurateOperator):
    """Bring the dataset up to date with the catalog, as ``curate browse`` does."""

    name_, label, icon = "bring_up_to_date", "Bring up to date", "sync"

    def resolve_input(self, ctx: Any) -> Any:
        """Ask nothing."""
        return form(types.Object(), "Bring the dataset up to date with the catalog")

    def execute(self, ctx: Any) -> dict[str, str]:
        """Sync."""
        return self.acted(ctx, lambda workspace, catalog: "The dataset is up to date")


def register(plugin: Any) -> None:
    """Tell FiftyOne which operators and panels there are."""
    for operator in (
        SendToLabelStudio,
        Relabel,
        Judge,
        JudgeMany,
        History,
        BringUpToDate,
        GuidePanel,
        CardPanel,
    ):
        plugin.register(operator)
