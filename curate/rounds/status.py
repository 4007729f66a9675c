"""Where the work stands: the round, the errors left, and what another round should bring."""

from __future__ import annotations

from dataclasses import dataclass

from curate.issues import Estimate
from curate.rounds.plan import NextRound, next_round
from curate.wrong_labels import estimate_wrong_labels
from db.engine.catalog import Catalog
from db.reviews.status import Status, read_status
from db.runs.runs import find_run


@dataclass(frozen=True)
class RoundStatus:
    """What ``curate status`` shows; the last two are None before the first run, or with nothing to ask."""

    status: Status
    left: Estimate | None = None
    another: NextRound | None = None


def read_round_status(catalog: Catalog) -> RoundStatus:
    """Count what was done, and estimate what is left to do."""
    with catalog.read() as session:
        status = read_status(session)
        if status.run is None:
            return RoundStatus(status)
        run = find_run(session, status.run, "status")
        left = estimate_wrong_labels(session, run)
    return RoundStatus(status, left, next_round(catalog, run, status.rounds))
