"""``curate label`` and ``curate undo``: one decision by hand, and one taken back."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from curate.cli.app import app, opened, user_name


@app.command()
def label(
    context: typer.Context,
    artwork: Annotated[str, typer.Argument(help="Its uuid or its path, as `curate issues` prints them.")],
    attribute: Annotated[str, typer.Argument()],
    class_: Annotated[str, typer.Argument(metavar="CLASS", help="The right class: key, name or alias.")],
    atypical: Annotated[bool, typer.Option(help="Right, but unlike its class: do not ask again.")] = False,
    comment: Annotated[str | None, typer.Option(help="Why; kept with the verdict.")] = None,
) -> None:
    """Say which class an artwork has, as a reviewer would.

    Example: curate label images/00002.jpg genre portrait
    """
    from db.decisions import of_choice
    from db.labels.classes import find_attribute, find_class
    from db.labels.table import find_artwork
    from db.reviews.verdicts import Decision, current_class, decide

    with opened(context).open_catalog() as catalog, catalog.write() as session:
        row = find_artwork(session, artwork)
        of = find_attribute(session, attribute)
        chosen = find_class(session, of, class_)
        given = current_class(session, row.id, of.id)
        said = of_choice(given, chosen)
        if atypical and said == "confirmed":
            decision = Decision(of.id, "atypical", chosen)
        else:
            decision = Decision(of.id, said, chosen)
        recorded = decide(
            session, row.id, [decision], user=user_name(), annotation_id=uuid4().hex, comment=comment
        )
    typer.echo(
        f"{row.path}: {attribute} {decision.decision}, {class_}; {recorded.labels_changed} labels changed"
    )


@app.command()
def undo(
    context: typer.Context,
    verdict: Annotated[int, typer.Argument(help="The verdict's number, as `curate history` prints it.")],
) -> None:
    """Take one verdict back; the label that stood before counts again.

    Example: curate undo 17
    """
    from db.labels.effective import derive
    from db.reviews.verdicts import find_verdict, supersede

    with opened(context).open_catalog() as catalog, catalog.write() as session:
        changed = derive(session, supersede(session, find_verdict(session, verdict)))
    typer.echo(f"verdict {verdict} taken back; {changed} labels changed")
