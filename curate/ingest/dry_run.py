"""What an ingest would make of a source: read to the end, nothing written and no image opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.ingest.encoding import DEFAULT_RULE
from curate.ingest.engine import open_reader
from curate.ingest.places.files import FoundFile, ImageFolder
from curate.ingest.records import Refused
from db.spelling import fold
from db.workspace.workspace import Workspace


@dataclass
class DryRun:
    """What was found; ``labels`` counts the classes of each attribute by their folded spelling."""

    format: str
    mapping: Mapping[str, Any] | None
    remarks: list[str]
    read: int = 0
    files: int | None = None
    refused: Counter[str] = field(default_factory=Counter)
    labels: dict[str, Counter[str]] = field(default_factory=dict)
    missing: dict[str, Counter[str]] = field(default_factory=dict)
    withheld: dict[str, Counter[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what ``curate ingest --dry-run --json`` prints."""
        return {
            "dry_run": True,
            "read": self.read,
            "format": self.format,
            "mapping": self.mapping,
            "files": self.files,
            "refused": dict(self.refused),
            "attributes": {
                name: {
                    "labelled": counts.total(),
                    "classes": len(counts),
                    "missing_spellings": dict(self.missing[name].most_common()),
                    "withheld": dict(self.withheld[name]),
                }
                for name, counts in self.labels.items()
            },
        }

    def as_text(self) -> str:
        """Return the same for people."""
        lines = [f"{self.read} rows, read as {self.format}; nothing was written"]
        if self.files is not None:
            lines.append(f"files found: {self.files}")
        lines += [f"  {n:>6}  {reason}" for reason, n in self.refused.most_common()]
        for name, counts in self.labels.items():
            line = f"{name}: {counts.total()} labels in {len(counts)} classes"
            for what, other in (("missing", self.missing[name]), ("no label", self.withheld[name])):
                if other:
                    line += f"; {what}: " + ", ".join(f"{n} {word}" for word, n in other.most_common(8))
            lines.append(line)
        return "\n".join(lines)


def dry_run(
    workspace: Workspace,
    source: Path,
    *,
    images: Path | None = None,
    check_images: bool = True,
    **options: Any,
) -> DryRun:
    """Read a source as ``curate.ingest.ingest`` would, with its options, and say what would come of it."""
    reader, _ = open_reader(workspace, source, images=images, check_images=check_images, **options)
    outcome = DryRun(reader.format, reader.mapping, list(reader.remarks))
    folder = ImageFolder(images or reader.images) if check_images else None
    outcome.files = None if folder is None else 0
    names = [column.attribute for column in reader.columns]
    for table in (outcome.labels, outcome.missing, outcome.withheld):
        table.update({name: Counter() for name in names})
    rules = reader.rules or (DEFAULT_RULE,) * len(names)
    for record in reader:
        outcome.read += 1
        if isinstance(record, Refused):
            outcome.refused[record.reason] += 1
            continue
        if folder is not None and isinstance(folder.find(record.path), FoundFile):
            outcome.files = (outcome.files or 0) + 1
        for name, rule, cell in zip(names, rules, record.labels, strict=True):
            said = rule.read(cell)
            outcome.labels[name].update(fold(label) for label in said.labels)
            if said.reason is not None:
                outcome.withheld[name][said.reason] += 1
            elif not said.labels and cell:
                outcome.missing[name][str(cell)] += 1
    return outcome
