"""``curate ingest``: images and labels into the catalog."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli.app import AsJson, DryRun, app, facade, note, print_json, say
from db.errors import typed

if TYPE_CHECKING:
    from collections import Counter

    from curate.ingest import IngestSummary
    from curate.ingest.dry_run import DryRun as WouldBe

FORMATS = ("auto", "artgan", "kaggle", "huggingface", "folders", "csv", "xlsx", "parquet")


def _known_format(value: str) -> str:
    if value not in FORMATS:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(FORMATS)}.")
    return value


class Values(StrEnum):
    """What becomes of several values in a cell."""

    missing = "missing"
    first = "first"
    whole = "whole"


def _mapped(options: list[str]) -> dict[str, str]:
    """Return the attribute of each column that was mapped; the last `=` parts them."""
    pairs = [option.rpartition("=") for option in options]
    for (column, equals, _), option in zip(pairs, options, strict=True):
        if not (column and equals):
            raise typer.BadParameter(f"--map {option!r} is not COLUMN=ATTRIBUTE.")
    return {column.strip(): attribute.strip() for column, _, attribute in pairs}


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _path_or_list(value: str | None) -> str | None:
    if value not in (None, "path", "list"):
        raise typer.BadParameter(f"{value!r} is neither path nor list.")
    return value


@app.command()
def ingest(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="A list (CSV, xlsx, parquet), or a folder of lists or of images; or its URL."),
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
    map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=ATTRIBUTE",
            help="A column of labels; give one for each, and `COLUMN=` for a column that is none. What you "
            "leave out here and below is guessed and printed; what you say is remembered in curate.toml.",
        ),
    ] = None,
    file: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of image files.")] = None,
    id: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column that people know an artwork by.")
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(metavar="all|none|NAME,…", help="Columns that stay with the artwork; all if left out."),
    ] = None,
    missing: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Further spellings that stand for no label.")
    ] = None,
    keep_values: Annotated[
        bool | None,
        typer.Option("--keep-values/--no-keep-values", help="Take `unknown`, `n/a` and the like as classes."),
    ] = None,
    values: Annotated[
        Values | None,
        typer.Option(help="Several values in a cell: no label (missing), the first, or one class (whole)."),
    ] = None,
    separator: Annotated[str | None, typer.Option(help="What stands between cells; `tab`.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of the list, for instance cp1252.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of a workbook.")] = None,
    dry_run: DryRun = False,
    follow_links: Annotated[
        bool,
        typer.Option(
            "--follow-links", help="Links may lead to images outside the folder, as in a hub's cache."
        ),
    ] = False,
    allow_missing: Annotated[
        bool,
        typer.Option(
            "--allow-missing", help="Go on although most of the images are not there, or have gone."
        ),
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every image again, also where size and time are as before.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Take what was guessed of a list, without asking.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read images and labels; repeatable: what is known and unchanged is left alone.

    Example: curate ingest list.xlsx --map Künstler=artist --file 'File name' --images scans
    """
    stated = {
        "map": _mapped(map or []),
        "file": file,
        "id": id,
        "keep": keep if keep in (None, "all", "none") else _words(keep),
        "missing": None if missing is None else _words(missing),
        "keep_values": keep_values,
        "values": values,
        "separator": separator,
        "encoding": encoding,
        "sheet": sheet,
    }
    workspace = facade(context)
    options: dict[str, Any] = {"format": format, "artist_from": artist_from}
    options |= {"attribute": attribute, "stated": stated, "check_images": images != "none"}
    folder = None if images == "none" else images
    if dry_run:
        _tell_dry_run(workspace.dry_run(source, images=folder, **options), as_json)
        return
    summary = workspace.ingest(
        source,
        images=folder,
        verify=verify,
        follow_links=follow_links,
        allow_missing=allow_missing,
        agree=None if yes or as_json or not sys.stdin.isatty() else _ask,
        **options,
    )
    _remark(summary)
    if as_json:
        print_json(summary.as_json())
    else:
        _tell(summary)


def _tell_dry_run(outcome: WouldBe, as_json: bool) -> None:
    """Print what an ingest would make of a source."""
    for remark in outcome.remarks:
        note(remark)
    if as_json:
        print_json(outcome.as_json())
    else:
        typer.echo(outcome.as_text())


def _ask(guessed: Sequence[str]) -> None:
    """Show what was guessed of a list, and go on only if it is meant so."""
    for line in guessed:
        note(line)
    typer.confirm("Is it meant so? (If not, type the options that state it.)", True, abort=True, err=True)


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
        say(f"unreadable: {summary.unreadable} images; see `curate issues --kind unreadable`")
    if written.moved:
        typer.echo(f"moved: {written.moved} artworks were found at another path by their bytes")
    if summary.vanished:
        typer.echo(f"missing: {summary.vanished} artworks have no file in this folder any more")
    if summary.notes:
        typer.echo("noted: " + ", ".join(f"{n} {code}" for code, n in sorted(summary.notes.items())))
    for attribute, spellings in summary.missing_spellings.items():
        typer.echo(f"{attribute}: taken as missing: {_counted(spellings)}")
    for attribute, reasons in summary.withheld.items():
        typer.echo(f"{attribute}: no label, the cell is kept: {_counted(reasons)}")
    typer.echo(f"duplicates: {summary.exact_groups} exact groups, {summary.near_groups} near groups")
    if summary.conflicts:
        say(
            f"contradictions: {summary.conflicts} labels; see `curate issues --kind duplicate` "
            f"and `curate issues --kind label_conflict`"
        )


def _counted(counts: Counter[str]) -> str:
    listed = ", ".join(f"{n} {word}" for word, n in counts.most_common(8))
    return f"{listed} and {len(counts) - 8} more" if len(counts) > 8 else listed


def _remark(summary: IngestSummary) -> None:
    """Print what a person should look at, on stderr."""
    for remark in summary.remarks:
        note(remark)
    if summary.written.overruled:
        note(
            f"{summary.written.overruled} labels of this source differ from what reviewers decided; "
            f"the reviewers' labels count."
        )
    for attribute, new, other in summary.near_matches[:20]:
        note(
            f"{attribute}: the new class {new!r} looks like {other!r}. If they are one, "
            f"type `curate classes merge {attribute} {typed(new)} {typed(other)}`."
        )
    if len(summary.near_matches) > 20:
        note(f"{len(summary.near_matches) - 20} more look-alikes: see `near_matches` of `--json`.")
    if summary.refused:
        note(f"List the refused records with `curate history --refused {summary.ingest_id}`.")
