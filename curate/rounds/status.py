"""Where the work stands: the round, the errors left, and what another round should bring."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from curate.issues import Estimate
from curate.rounds.plan import NextRound, next_round
from curate.wrong_labels import estimate_wrong_labels
from db.engine.catalog import Catalog
from db.reviews.status import Status, read_status
from db.runs.runs import find_run
from db.workspace.train_settings import TrainSettings


@dataclass(frozen=True)
class RoundStatus:
    """What ``curate status`` shows.

    Attributes:
        status: What was done, in counts.
        next: The command that goes on from here.
        left: About how many labels are wrong; None before the first run.
        another: What another round should bring; None before the first run, or with nothing to ask.
    """

    status: Status
    next: str
    left: Estimate | None = None
    another: NextRound | None = None

    def as_record(self) -> dict[str, Any]:
        """Return it as scripts read it."""
        left = asdict(self.left) if self.left else None
        another = asdict(self.another) if self.another else None
        expected = {"errors_left": left, "expected_wrong": left, "next_round": another}
        return asdict(self.status) | expected | {"next": self.next}


def read_round_status(catalog: Catalog, settings: TrainSettings) -> RoundStatus:
    """Count what was done, and estimate what is left to do; ``settings`` are what training starts from."""
    with catalog.read() as session:
        status = read_status(session)
        step = next_step(status, settings)
        if status.run is None:
            return RoundStatus(status, step)
        run = find_run(session, status.run, "status")
        left = estimate_wrong_labels(session, run)
    return RoundStatus(status, step, left, next_round(catalog, run, status.rounds))


def next_step(status: Status, settings: TrainSettings) -> str:
    """Return the command that goes on from here; it trains a run as the last one was trained."""
    step = status.next_step()
    if step != "curate train" or status.run_settings is None:
        return step
    from curate.rounds.next_training import next_training

    return next_training(settings, status.run_settings)
