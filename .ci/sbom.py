"""The software bill of materials of the lock file, in CycloneDX's JSON.

    python .ci/sbom.py [--check]

Without ``--check`` it writes ``sbom.cdx.json``; with it, it says whether that file is what the lock gives.
What is written follows from the lock alone, so that it is the same wherever it is made.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[1]
LOCK, BILL = PROJECT / "constraints.txt", PROJECT / "sbom.cdx.json"


def components(lock: str) -> list[dict[str, Any]]:
    """Return one component a package that the lock pins, by name."""
    found = {}
    for line in lock.splitlines():
        try:
            requirement = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:
            continue
        name = canonicalize_name(requirement.name)
        for part in requirement.specifier:
            if part.operator == "==":
                address = f"pkg:pypi/{name}@{part.version}"
                found[name] = {
                    "type": "library",
                    "bom-ref": address,
                    "name": name,
                    "version": part.version,
                    "purl": address,
                }
    return [found[name] for name in sorted(found)]


def bill(lock: str, version: str) -> str:
    """Return the bill of a lock, for a version of ours."""
    listed = components(lock)
    ours = {"type": "application", "name": "curate-labels", "version": version}
    ours |= {"purl": f"pkg:pypi/curate-labels@{version}", "licenses": [{"license": {"id": "Apache-2.0"}}]}
    content = json.dumps([ours, listed], sort_keys=True)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {"component": ours},
        "components": listed,
    }
    return json.dumps(document, indent=1) + "\n"


def main() -> None:
    """Write the bill, or compare it."""
    found = re.search(r'^__version__ = "([^"]+)"', (PROJECT / "curate/__init__.py").read_text("utf-8"), re.M)
    assert found is not None
    made = bill(LOCK.read_text(encoding="utf-8"), found[1])
    if "--check" not in sys.argv:
        BILL.write_text(made, encoding="utf-8")
    elif not BILL.exists() or BILL.read_text(encoding="utf-8") != made:
        print(f"error: {BILL.name} is not that of {LOCK.name}. Type `python .ci/sbom.py`.", file=sys.stderr)
        sys.exit(1)
    print(f"{BILL.name}: {made.count('bom-ref')} packages")


if __name__ == "__main__":
    main()
