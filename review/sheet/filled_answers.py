"""A filled sheet, read as answers: each row, whatever a spreadsheet made of it, says what Label Studio would.

A sheet may be read again at any time: rows that did not change do nothing, a changed row supersedes what it
said before, and one that is blank now says nothing: what it said before stands until ``curate undo``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from db.classes.classes import ClassList, read_class_lists
from db.engine.catalog import Catalog
from db.errors import FileMissing
from db.labels.conflicts import record_ties
from db.models import now
from db.reviews.answering.annotations import raw_annotation
from db.reviews.answering.answers import Answer, Decision
from db.reviews.answering.recording import record
from db.spelling import fold
from review.errors import NotASheet, SheetUnreadable, SheetWithoutRows
from review.label_studio.scripted_reviewer import choice
from review.label_studio.sync.answers import NotUnderstood, comment_of, decisions_of
from review.label_studio.sync.summary import Synced
from review.page.labeling_config import VERDICTS, class_name, verdict_name
from review.sheet.csv_sheet import FORM, sheet_columns
from review.sheet.filled_rows import SERVER, Cells, FilledRow, place_rows, plain, says
from review.sheet.reading import read_cells
from review.sheet.spellings import read_class, read_picture, read_verdict


def read_sheet(catalog: Catalog, path: Path) -> Synced:
    """Read the filled rows of a sheet as answers.

    Raises:
        FileMissing: There is no such file.
        SheetUnreadable: It is no table.
        NotASheet: It lacks the columns of one.
        SheetWithoutRows: It is empty.
        ForeignSheet: It is of another workspace.
        SheetShuffled: Its columns no longer belong together.
    """
    if not path.is_file():
        raise FileMissing(path, "sheet")
    synced = Synced()
    with catalog.read() as session:
        column_names = [*sheet_columns(read_class_lists(session)), FORM]
    columns, cells = read_cells(path, column_names)
    with catalog.write() as session:
        class_lists = read_class_lists(session)
        require_columns(path, columns, class_lists)
        if not cells:
            raise SheetWithoutRows(path)
        rows = place_rows(session, path, cells, class_lists)
        answers = []
        for row in _once(rows, class_lists, synced):
            results = _results(row.cells, class_lists, row.shown)
            before = raw_annotation(session, SERVER, row.annotation_id)
            if not results:
                synced.blank += before is not None
                continue
            answer, problems = _answer(row, results, class_lists)
            if before != answer.raw:
                answers.append(answer)
            if before == answer.raw or answer.refused is None:
                synced.refused += [(row.annotation_id, problem) for problem in problems]
        synced.add(record(session, answers))
        if answers:
            record_ties(session)
    return synced


def require_columns(path: Path, columns: Sequence[str], class_lists: Mapping[str, ClassList]) -> None:
    """Refuse what is no sheet: it must say whom it is about and what was decided; the rest is known."""
    needed = ["task", "artwork", *map(verdict_column, class_lists)]
    missing = [column for column in needed if column not in columns]
    if missing in (["task"], ["artwork"]):
        missing = []
    if missing:
        raise NotASheet(path, missing)
    if twice := sorted({column for column in columns if column and columns.count(column) > 1}):
        raise SheetUnreadable(path, f"it has the column {twice[0]} twice")


def verdict_column(attribute: str) -> str:
    """Return the column in which an attribute's verdict stands."""
    return f"{attribute}_verdict"


def _once(rows: Iterable[FilledRow], class_lists: Mapping[str, ClassList], synced: Synced) -> list[FilledRow]:
    """Return the rows that can be taken, each answer once; name the others among the refused."""
    said: dict[str, list[FilledRow]] = {}
    for row in rows:
        said.setdefault(row.annotation_id, []).append(row)
    taken = []
    for annotation_id, same in said.items():
        filled = [row for row in same if _filled(row.cells, class_lists)]
        contents = {repr(_results(row.cells, class_lists, row.shown)) for row in filled}
        problem = next((f"line {row.line}: {row.problem}" for row in filled if row.problem), None)
        if len(contents) > 1 and problem is None:
            lines = " and ".join(str(row.line) for row in filled)
            problem = f"lines {lines} answer it differently: leave one of them"
        if problem is not None:
            synced.refused.append((annotation_id, problem))
        else:
            taken.append((filled or same)[0])
    return taken


def _filled(cells: Cells, attributes: Iterable[str]) -> bool:
    """Return whether a row says anything."""
    return any(says(cells, a) for a in attributes) or any(
        cells[name].strip() for name in ("picture", "comment")
    )


def _contradiction(row: FilledRow, attribute: str, classes: ClassList) -> str | None:
    """Return what a row says that cannot both be: that a label is right, and another class."""
    verdict = read_verdict(row.cells[verdict_column(attribute)])
    picked = row.cells[f"{attribute}_class"].strip()
    shown = row.shown.get(attribute, "")
    if verdict in ("right", "atypical") and picked and fold(read_class(picked, classes)) != fold(shown):
        return f"{attribute} is said to be {verdict}, beside the class {plain(picked)!r}: clear one of them"
    return None


def _results(
    cells: Cells, class_lists: Mapping[str, ClassList], shown: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return what a row says, as Label Studio would; a class alone means that the label is wrong."""
    results = []
    for attribute, classes in class_lists.items():
        said = cells[verdict_column(attribute)].strip()
        picked = cells[f"{attribute}_class"].strip()
        verdict = (read_verdict(said) or said) if said else ""
        picked = read_class(picked, classes) if picked else ""
        if picked and not verdict:
            verdict = "right" if fold(picked) == fold(shown.get(attribute, "")) else "wrong"
        if verdict:
            results.append(choice(verdict_name(attribute), verdict))
        if verdict and picked:
            results.append(choice(class_name(attribute), picked))
    if cells["picture"].strip():
        results.append(choice("picture", read_picture(cells["picture"])))
    if cells["comment"].strip():
        results.append({"from_name": "comment", "value": {"text": [cells["comment"].strip()]}})
    return results


def _answer(
    row: FilledRow, results: Sequence[Mapping[str, Any]], class_lists: Mapping[str, ClassList]
) -> tuple[Answer, list[str]]:
    """Return what a row answers, and what of it cannot be understood: a wrong cell costs that cell."""
    decisions: list[Decision] = []
    problems: list[str] = []
    together = row.cells[FORM].split()
    for attribute, classes in [*class_lists.items(), ("picture", None)]:
        controls = (verdict_name(attribute), class_name(attribute)) if classes else ("picture",)
        mine = [result for result in results if result["from_name"] in controls]
        problem = _contradiction(row, attribute, classes) if classes else None
        try:
            decided = decisions_of(mine, row.shown, class_lists) if problem is None else []
        except NotUnderstood as misunderstood:
            problem = _advised(str(misunderstood), row.cells, attribute, classes)
            decided = []
        if problem is not None:
            problems.append(f"line {row.line}: {problem}")
        form = "contact_sheet" if attribute in together else "card"
        decisions += [replace(decision, form=form) for decision in decided]
    name = plain(row.cells["reviewer"]) or "reviewer"
    answer = Answer(
        server=SERVER,
        annotation_id=row.annotation_id,
        artwork_id=row.artwork_id,
        reviewer=(name, name),
        updated_at=now(),
        decisions=decisions,
        task_id=row.task.id if row.task else None,
        comment=comment_of(results),
        refused="; ".join(problems) if problems and not decisions else None,
        raw={"result": list(results)},
        timed=False,
    )
    return answer, problems


def _advised(problem: str, cells: Cells, attribute: str, classes: ClassList | None) -> str:
    """Add what a verdict takes where its cell holds another word, and the classes nearest to an odd one."""
    said = cells[verdict_column(attribute)].strip()
    if said and read_verdict(said) is None:
        words = ", ".join(VERDICTS)
        return f"{verdict_column(attribute)} says {plain(said)!r}, and takes {words} (in any case)"
    picked = cells[f"{attribute}_class"].strip()
    if classes is None or not picked or read_class(picked, classes) in classes.id_of:
        return problem
    near = get_close_matches(picked, classes.names.values(), n=3, cutoff=0.5)
    return f"{problem}; nearest: {', '.join(near)}" if near else problem
