"""``curate ingest``: images and labels into the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.app import AsJson, app, note, opened, print_json

if TYPE_CHECKING:
    from curate.ingest import IngestSummary

FORMATS = ("auto", "artgan", "kaggle", "huggingface", "folders", "csv")


def _known_format(value: str) -> str:
    if value not in FORMATS:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(FORMATS)}.")
    return value


def _path_or_list(value: str | None) -> str | None:
    if value not in (None, "path", "list"):
        raise typer.BadParameter(f"{value!r} is neither path nor list.")
    return value


@app.command()
def ingest(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(help="A list (CSV, parquet), or a folder of lists or of images; or its URL.")
    ],
    format: Annotated[
        str, typer.Option(callback=_known_format, metavar="|".join(FORMATS), help="What SOURCE is.")
    ] = "auto",
    images: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|URL|none",
            help="The folder that listed paths are relative to; the list's own if left out; "
            "`none` reads no images.",
        ),
    ] = None,
    artist_from: Annotated[
        str | None,
        typer.Option(
            callback=_path_or_list,
            metavar="path|list",
            help="In WikiArt's layouts: artists of the file names (1,119), or of the list only (23).",
        ),
    ] = None,
    attribute: Annotated[
        str | None,
        typer.Option(help="What folders of images are classes of; the first attribute if left out."),
    ] = None,
    follow_links: Annotated[
        bool,
        typer.Option(
            "--follow-links", help="Links may lead to images outside the folder, as in a hub's cache."
        ),
    ] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Go on although most of the images are not there.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every image again, also where size and time are as before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read images and labels; repeatable: what is known and unchanged is left alone.

    Example: curate ingest labels.csv --images scans
    """
    from curate.cli.progress import CliProgress
    from curate.ingest import ingest as ingest_source
    from curate.ingest.places.urls import local_folder

    workspace, place = local_folder(opened(context), source)
    folder = None
    if images not in (None, "none"):
        workspace, folder = local_folder(workspace, images)
    with CliProgress() as progress:
        summary = ingest_source(
            workspace,
            place,
            format=format,
            images=folder,
            check_images=images != "none",
            verify=verify,
            artist_from=artist_from,
            attribute=attribute,
            follow_links=follow_links,
            allow_missing=allow_missing,
            progress=progress,
        )
    _remark(summary)
    if as_json:
        print_json(summary.as_json())
    else:
        _tell(summary)


def _tell(summary: IngestSummary) -> None:
    """Print the counts for people."""
    written = summary.written
    refused = summary.refused.total()
    typer.echo(
        f"read {summary.read}: {written.added} added, {written.updated} updated, "
        f"{written.unchanged} unchanged, {refused} refused"
    )
    for reason, n in summary.refused.most_common():
        typer.echo(f"  {n:>6}  {reason}")
    if summary.unreadable:
        typer.echo(f"unreadable: {summary.unreadable} images; see `curate issues --kind unreadable`")
    if written.moved:
        typer.echo(f"moved: {written.moved} artworks were found at another path by their bytes")
    if summary.vanished:
        typer.echo(f"missing: {summary.vanished} artworks have no file in this folder any more")
    if summary.notes:
        typer.echo("noted: " + ", ".join(f"{n} {code}" for code, n in sorted(summary.notes.items())))
    typer.echo(f"duplicates: {summary.exact_groups} exact groups, {summary.near_groups} near groups")
    if summary.conflicts:
        typer.echo(
            f"contradictions: {summary.conflicts} labels; see `curate issues --kind duplicate` "
            f"and `curate issues --kind label_conflict`"
        )


def _remark(summary: IngestSummary) -> None:
    """Print what a person should look at, on stderr."""
    for remark in summary.remarks:
        note(remark)
    if summary.written.overruled:
        note(
            f"{summary.written.overruled} labels of this source differ from what reviewers decided; "
            f"the reviewers' stand."
        )
    for attribute, new, known in summary.near_matches[:20]:
        note(
            f"{attribute}: the new class {new!r} looks like {known!r}. If they are one, "
            f"type `curate classes merge {attribute} {new!r} {known!r}`."
        )
    if summary.refused:
        note(f"List the refused records with `curate history --refused {summary.ingest_id}`.")
