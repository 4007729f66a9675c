"""``curate classes``: the class lists, and changes of them that keep their history."""

from __future__ import annotations

from typing import Annotated

import typer

from curate.cli.app import AsJson, app, opened, print_json
from db.workspace.system import user_name

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
    from db.classes.classes import attributes, find_attribute
    from db.labels.class_changes import change_rows, class_rows

    with opened(context).open_catalog() as catalog, catalog.read() as session:
        chosen = [find_attribute(session, attribute)] if attribute else attributes(session)
        names = {one.name for one in chosen}
        if changes:
            for change in change_rows(session):
                if change.attribute in names and as_json:
                    print_json({**change.__dict__, "when": change.when.isoformat()})
                elif change.attribute in names:
                    detail = ", ".join(f"{key} {value}" for key, value in change.detail.items())
                    what = f"{change.attribute} {change.key} {change.kind}: {detail}"
                    typer.echo(f"{change.when:%Y-%m-%d %H:%M:%S}  {change.made_by:<20} {what}")
            return
        for row in [row for one in chosen for row in class_rows(session, one)]:
            if as_json:
                print_json(row.__dict__)
            elif row.merged_into is None:
                others = [alias for alias in row.aliases if alias != row.key]
                also = f"  also {', '.join(others)}" if others else ""
                typer.echo(f"{row.attribute:<8} {row.labelled:>7}  {row.key}{also}")


@classes.command()
def add(context: typer.Context, attribute: Attribute, name: ClassName) -> None:
    """Add a class.

    Example: curate classes add style Suprematism
    """
    from db.labels.class_changes import new_class

    with opened(context).open_catalog() as catalog, catalog.write() as session:
        key = new_class(session, attribute, name, user_name())
    typer.echo(f"{attribute} has the class {key}.")


@classes.command()
def rename(
    context: typer.Context,
    attribute: Attribute,
    class_: ClassName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is shown as from now on.")],
) -> None:
    """Give a class another name; its key stays, and every spelling goes on to stand for it.

    Example: curate classes rename style Ukiyo_e "Ukiyo-e (woodcuts)"
    """
    from db.labels.class_changes import rename_class

    with opened(context).open_catalog() as catalog, catalog.write() as session:
        key = rename_class(session, attribute, class_, name, user_name())
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
    from db.labels.class_changes import merge_classes

    with opened(context).open_catalog() as catalog, catalog.write() as session:
        labels = merge_classes(session, attribute, from_, into, user_name())
    typer.echo(f"{labels} labels of {from_} count as {into}.")


@classes.command()
def missing(
    context: typer.Context,
    attribute: Attribute,
    spelling: Annotated[str, typer.Argument(metavar="SPELLING", help="What stands for no label.")],
) -> None:
    """Make a class stand for no label: what lists say with it is missing, now and from now on.

    Example: curate classes missing artist "Anonymous (19th c.)"
    """
    from db.labels.class_changes import take_as_missing

    with opened(context).open_catalog() as catalog, catalog.write() as session:
        labels = take_as_missing(session, attribute, spelling, user_name())
    typer.echo(f"{attribute} {spelling} stands for no label; {labels} labels are missing now.")
