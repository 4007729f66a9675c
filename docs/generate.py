"""Write the pages of the documentation that follow from the code; ``--check`` says which are out of date.

    python -m docs.generate            (or `make docs`)

``docs/catalog.md``: a glossary, how the tables hang together, and what each column holds, from
``db/models.py``.
``docs/files.md``: every module with the first line of its docstring.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import CheckConstraint, Column, Table

from db.models import Base

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("curate", "model", "review", "db")
HEAD = "<!-- Written by `make docs` from the code; edit that. -->\n\n"


def catalog_page() -> str:
    """Return the diagram of the tables and, of each, what it is and what its columns hold."""
    models = sorted(
        (mapper.class_ for mapper in Base.registry.mappers), key=lambda model: model.__tablename__
    )
    lines = [
        "# The catalog's tables\n",
        "## Glossary\n",
        "| noun | is |",
        "|---|---|",
        *(f"| [{model.__name__}](#{_anchor(model)}) | {_first_sentence(model)} |" for model in models),
        "\n## How they hang together\n",
        "An arrow leads from a row to the one that it names.\n",
        "```mermaid",
    ]
    lines += [
        "erDiagram",
        *sorted({arrow for model in models for arrow in _arrows(model.__table__)}),
        "```\n",
    ]
    for model in models:
        lines += [f"## {model.__name__} (`{model.__tablename__}`)\n", _plain(inspect.getdoc(model) or ""), ""]
        words = {str(check.name).split("_")[-1]: check for check in _checks(model.__table__)}
        lines += ["| column | type | holds |", "|---|---|---|"]
        lines += [_row(column, words.get(column.name)) for column in model.__table__.columns]
        lines.append("")
    return HEAD + "\n".join(lines)


def _anchor(model: type[Base]) -> str:
    """Return where a table's section is on its page, as GitHub and mkdocs name it."""
    return f"{model.__name__.lower()}-{model.__tablename__}"


def _first_sentence(model: type[Base]) -> str:
    paragraph = " ".join((inspect.getdoc(model) or "").partition("\n\n")[0].split())
    return _plain(paragraph).replace("|", "\\|")


def _arrows(table: Table) -> Iterator[str]:
    for key in table.foreign_keys:
        many = "|o" if key.parent.nullable else "||"
        yield f"    {key.column.table.name} {many}--o{{ {table.name} : {key.parent.name}"


def _checks(table: Table) -> list[CheckConstraint]:
    return [c for c in table.constraints if isinstance(c, CheckConstraint) and " IN (" in str(c.sqltext)]


def _row(column: Column[object], words: CheckConstraint | None) -> str:
    holds = ["key"] if column.primary_key else []
    holds += [f"a row of `{key.column.table.name}`" for key in column.foreign_keys]
    if words is not None:
        holds.append("one of " + str(words.sqltext).partition(" IN (")[2].rstrip(")").replace("'", ""))
    if column.nullable:
        holds.append("may be empty")
    return f"| `{column.name}` | {column.type.__class__.__name__} | {'; '.join(holds)} |"


def _plain(docstring: str) -> str:
    return docstring.replace("``", "`")


def files_page() -> str:
    """Return the tree of modules, each with what it says of itself."""
    lines = ["# Every file, by what it is for\n"]
    for package in PACKAGES:
        lines += [f"## {package}/\n", _summary(ROOT / package / "__init__.py"), ""]
        for folder in sorted({path.parent for path in _modules(package)}):
            if folder != ROOT / package:
                lines.append(f"- **{folder.relative_to(ROOT)}/** {_summary(folder / '__init__.py')}")
            indent = "" if folder == ROOT / package else "  "
            lines += [
                f"{indent}- `{path.name}` {_summary(path)}"
                for path in sorted(folder.glob("*.py"))
                if not path.name.startswith("__")
            ]
        lines.append("")
    return HEAD + "\n".join(lines)


def _modules(package: str) -> Iterator[Path]:
    for path in (ROOT / package).rglob("*.py"):
        if path.parent.name != "versions":
            yield path


def _summary(path: Path) -> str:
    """Return the first sentence of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.is_file() else None
    return _plain(" ".join((docstring or "").partition("\n\n")[0].split()))


PAGES = {"docs/catalog.md": catalog_page, "docs/files.md": files_page}


def outdated() -> list[str]:
    """Return the pages that are not what the code says."""
    return [
        name
        for name, page in PAGES.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != page()
    ]


def main() -> None:
    """Write the pages, or say which would change."""
    stale = outdated()
    if "--check" in sys.argv[1:]:
        sys.exit(f"Out of date: {', '.join(stale)}. Run `make docs`." if stale else 0)
    for name in stale:
        (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
