"""Are the versions that we pin known to be bad?

    python .ci/audit.py [constraints.txt]

Where ``pip-audit`` is installed and reaches its database, that one answers. Where it does not, the lock is
compared with the list below: releases that were malicious, and faults that matter to what we do with
the package. Without a network nothing fails for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

SECONDS = 180
"""How long pip-audit may look."""
KNOWN = 0.8
"""The share of packages that it must know, to have answered: an index without a database knows none."""


class Advisory(NamedTuple):
    """The versions of a package that must not be used, and why."""

    package: str
    bad: str
    why: str


ADVISORIES = (
    Advisory("lightning", "==2.6.2", "malicious release"),
    Advisory("lightning", "==2.6.3", "malicious release"),
    Advisory("num2words", "==0.5.15", "malicious release"),
    Advisory("torchtriton", ">=0", "malicious name"),
    Advisory("ultralytics", ">=8.3.41,<=8.3.46", "malicious releases among these"),
    Advisory("aiohttp", "<3.10.11", "CVE-2024-52304: requests are smuggled"),
    Advisory("cryptography", "<44.0.1", "CVE-2024-12797: OpenSSL inside it"),
    Advisory("h11", "<0.16.0", "CVE-2025-43859: chunks are read leniently"),
    Advisory("jinja2", "<3.1.6", "CVE-2025-27516: the sandbox is left"),
    Advisory("onnx", "<1.16.2", "CVE-2024-5187: an archive leaves its folder"),
    Advisory("pillow", "<10.3.0", "CVE-2024-28219: a buffer overflow"),
    Advisory("pillow", ">=11.2.0,<11.3.0", "CVE-2025-48379: a buffer overflow"),
    Advisory("pyarrow", "<14.0.1", "CVE-2023-47248: a file runs code"),
    Advisory("requests", "<2.32.4", "CVE-2024-47081: credentials go to another host"),
    Advisory("setuptools", "<78.1.1", "CVE-2025-47273: a download leaves its folder"),
    Advisory("starlette", "<0.49.1", "CVE-2025-62727: a header takes the server down"),
    Advisory("torch", "<2.6.0", "CVE-2025-32434: weights_only runs code"),
    Advisory("tornado", "<6.5.0", "CVE-2025-47287: forms fill the log"),
    Advisory("urllib3", "<2.5.0", "CVE-2025-50181: redirects are followed that were forbidden"),
    Advisory("werkzeug", "<3.0.6", "CVE-2024-49767: forms fill the memory"),
)


def pinned(lock: Path) -> dict[str, str]:
    """Return the version of each package that a lock names."""
    found = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        try:
            requirement = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:
            continue
        for part in requirement.specifier:
            if part.operator == "==":
                found[requirement.name.lower().replace("_", "-")] = part.version
    return found


def reviewed(versions: dict[str, str]) -> list[str]:
    """Return a line for each pinned version that the list above names."""
    return [
        f"{advisory.package} {versions[advisory.package]}: {advisory.why}"
        for advisory in ADVISORIES
        if advisory.package in versions
        and SpecifierSet(advisory.bad, prereleases=True).contains(versions[advisory.package])
    ]


def audited(lock: Path) -> list[str] | None:
    """Return what pip-audit finds; None if it is not here, or does not reach its database."""
    command = ["-m", "pip_audit", "-r", str(lock), "--no-deps", "--disable-pip", "-f", "json"]
    try:
        done = subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        dependencies = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    known = [package for package in dependencies if "skip_reason" not in package]
    if len(known) < KNOWN * len(dependencies):
        return None
    return [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in {', '.join(fault['fix_versions'])}"
        for package in known
        for fault in package.get("vulns", ())
        if fault["fix_versions"]
    ]


def main() -> None:
    """Look, and say what was found."""
    lock = Path(sys.argv[1] if len(sys.argv) > 1 else "constraints.txt")
    versions, found = pinned(lock), audited(lock)
    who = "pip-audit" if found is not None else "the list in .ci/audit.py (pip-audit was not to be had)"
    bad = sorted({*(found or ()), *reviewed(versions)})
    for line in bad:
        print(f"error: {line}", file=sys.stderr)
    print(f"{len(versions)} pinned packages looked at with {who}: {len(bad)} bad")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
