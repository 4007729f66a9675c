"""The table of hostile inputs in docs/hostile.md, counted from the tests: ``python -m tests.hostile.table``.

``--check`` writes nothing and ends with status 1 where the page says something else.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "hostile.md"
BEGIN, END = "<!-- begin: python -m tests.hostile.table -->", "<!-- end -->"

MORE = ("tests/fiftyone/test_edited.py", "tests/ingest/test_hostile.py", "tests/ingest/test_odd_images.py")
"""Modules elsewhere whose tests are hostile inputs and accidents too."""


def modules() -> list[str]:
    """Return the modules that are counted, those of this folder first."""
    here = sorted(path.relative_to(ROOT).as_posix() for path in Path(__file__).parent.glob("test_*.py"))
    return [*(name for name in here if not name.endswith("/test_table.py")), *MORE]


def counts(names: list[str]) -> dict[str, int]:
    """Return how many cases each module has, as pytest collects them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = Counter(line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line)
    if done.returncode != 0 or set(found) != set(names):
        raise SystemExit(f"not all modules could be collected:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return dict(found)


def table(found: dict[str, int]) -> str:
    """Return the table as Markdown: a module a row, what it tries, and how many cases it has."""
    rows = ["| what is tried, and what has to hold | cases | tests |", "|---|---:|---|"]
    for name, count in found.items():
        said = ast.get_docstring(ast.parse((ROOT / name).read_text(encoding="utf-8"))) or name
        first = " ".join(said.split("\n\n")[0].split())
        rows.append(f"| {first.replace('|', '¦')} | {count} | `{name}` |")
    rows.append(f"| **together** | **{sum(found.values())}** | |")
    return "\n".join(rows)


def page(before: str, found: dict[str, int]) -> str:
    """Return the page with today's table between its marks."""
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table(found)}\n{END}{tail}"


def main(arguments: list[str]) -> int:
    """Write the table, or with ``--check`` compare it."""
    before = PAGE.read_text(encoding="utf-8")
    after = page(before, counts(modules()))
    if "--check" not in arguments:
        PAGE.write_text(after, encoding="utf-8")
        return 0
    if after != before:
        print(f"{PAGE} is not as the tests are: run `python -m tests.hostile.table`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
