"""``curate label``: one decision by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from curate.cli.app import app, facade


@app.command()
def label(
    context: typer.Context,
    artwork: Annotated[str, typer.Argument(help="Its uuid or its path, as `curate issues` prints them.")],
    attribute: Annotated[str, typer.Argument()],
    class_: Annotated[str, typer.Argument(metavar="CLASS", help="The right class: key, name or alias.")],
    atypical: Annotated[bool, typer.Option(help="Right, but unlike its class: do not ask again.")] = False,
    comment: Annotated[str | None, typer.Option(help="Why; kept with the verdict.")] = None,
    final: Annotated[
        bool,
        typer.Option("--final", help="The last word where reviewers disagree: it outweighs all of them."),
    ] = False,
) -> None:
    """Say which class an artwork has, as a reviewer would.

    `curate reviewers --conflicts` lists what reviewers disagree on; `--final` settles it.

    Example: curate label images/00002.jpg genre portrait
    """
    word, changed = facade(context).label(
        artwork, attribute, class_, atypical=atypical, comment=comment, final=final
    )
    typer.echo(f"{artwork}: {attribute} {word}, {class_}; {changed} labels changed")
