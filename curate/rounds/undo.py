"""Take one verdict back, so that the label before it counts again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from db.engine.catalog import Catalog
from db.labels.effective import derive
from db.labels.history import verdict_line
from db.reviews.answering.verdicts import find_verdict, newest_verdict, supersede


@dataclass(frozen=True)
class UndoneVerdict:
    """One verdict that was, or would be, taken back.

    Attributes:
        verdict: Its number.
        said: Who decided what of which artwork, and when.
        labels_changed: How many labels that count have changed; None where it is only planned.
    """

    verdict: int
    said: str
    labels_changed: int | None = None

    def __str__(self) -> str:
        if self.labels_changed is not None:
            return f"verdict {self.verdict} taken back; {self.labels_changed} labels changed"
        return f"Verdict {self.verdict}: {self.said}. It is taken back, and the label before it counts again."

    def as_record(self) -> dict[str, Any]:
        """Return it as scripts read it."""
        return {"verdict": self.verdict, "labels_changed": self.labels_changed}


def undo_verdict(
    catalog: Catalog, what: int | str, attribute: str | None = None, *, dry_run: bool = False
) -> UndoneVerdict:
    """Take a verdict back.

    Args:
        catalog: Where it stands.
        what: Its number; or an artwork's path, uuid or id in a list, with ``attribute``.
        attribute: The artwork's newest verdict on this attribute is meant.
        dry_run: Only find it.

    Raises:
        VerdictNotFound, NothingDecided: There is none, or it was taken back already.
        ArtworkNotFound, UnknownAttribute: There is no such artwork, or attribute.
    """
    with catalog.read() as session:
        if attribute is None:
            verdict = find_verdict(session, int(what))
        else:
            verdict = newest_verdict(session, str(what), attribute)
        undone = UndoneVerdict(verdict.id, verdict_line(session, verdict))
    if dry_run:
        return undone
    with catalog.write() as session:
        changed = derive(session, supersede(session, find_verdict(session, undone.verdict)))
    return UndoneVerdict(undone.verdict, undone.said, changed)
