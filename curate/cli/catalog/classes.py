"""``curate classes``: the class lists, and changes of them that keep their history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, facade, print_json

if TYPE_CHECKING:
    from db.labels.class_changes import ChangeRow

classes = typer.Typer(no_args_is_help=True, help="List, add, rename and merge classes; take one as missing.")
app.add_typer(classes, name="classes")

Attribute = Annotated[str, typer.Argument(metavar="ATTRIBUTE", help="Style, genre, artist, …")]
ClassName = Annotated[str, typer.Argument(metavar="CLASS", help="Its key, its name or an alias.")]


@classes.command("list")
def list_(
    context: typer.Context,
    attribute: Annotated[str | None, typer.Argument(help="One attribute; all if left out.")] = None,
    changes: Annotated[bool, typer.Option("--changes", help="Who changed what instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List classes with how many artworks have each.

    Example: curate classes list style
    """
    workspace = facade(context)
    if changes:
        for change in workspace.class_changes(attribute):
            _tell_change(change, as_json)
        return
    for row in workspace.class_rows(attribute):
        if as_json:
            print_json(row.__dict__)
        elif row.merged_into is None:
            others = [one for one in dict.fromkeys((row.key, *row.aliases)) if one != row.name]
            also = f"  also {', '.join(others)}" if others else ""
            typer.echo(f"{row.attribute:<8} {row.labelled:>7}  {row.name}{also}")


def _tell_change(change: ChangeRow, as_json: bool) -> None:
    if as_json:
        print_json({**change.__dict__, "when": change.when.isoformat()})
        return
    detail = ", ".join(f"{key} {value}" for key, value in change.detail.items())
    what = f"{change.attribute} {change.key} {change.kind}: {detail}"
    typer.echo(f"{change.when:%Y-%m-%d %H:%M:%S}  {change.made_by:<20} {what}")


@classes.command()
def add(context: typer.Context, attribute: Attribute, name: ClassName) -> None:
    """Add a class.

    Example: curate classes add style Suprematism
    """
    key = facade(context).add_class(attribute, name)
    typer.echo(f"{attribute} has the class {key}.")


@classes.command()
def rename(
    context: typer.Context,
    attribute: Attribute,
    class_: ClassName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is shown as from now on.")],
) -> None:
    """Give a class another name; its key stays, and every spelling still means it.

    Example: curate classes rename style Ukiyo_e "Ukiyo-e (woodcuts)"
    """
    key = facade(context).rename_class(attribute, class_, name)
    typer.echo(f"{attribute} {key} is shown as {name}.")


@classes.command()
def merge(
    context: typer.Context,
    attribute: Attribute,
    from_: Annotated[str, typer.Argument(metavar="FROM", help="The class that goes.")],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The class that stays.")],
) -> None:
    """Make one class part of another: its labels and spellings count for that from now on.

    Example: curate classes merge style Synthetic_Cubism Cubism
    """
    labels = facade(context).merge_classes(attribute, from_, into)
    typer.echo(f"{labels} labels of {from_} count as {into}.")


@classes.command()
def missing(
    context: typer.Context,
    attribute: Attribute,
    spelling: Annotated[str, typer.Argument(metavar="SPELLING", help="What stands for no label.")],
) -> None:
    """Take a class as no label: labels of it count as missing, now and in later lists.

    Example: curate classes missing artist "Anonymous (19th c.)"
    """
    labels = facade(context).take_as_missing(attribute, spelling)
    typer.echo(f"{attribute} {spelling} stands for no label; {labels} labels are missing now.")
