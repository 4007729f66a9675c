"""What a user of FiftyOne or Label Studio can mend.

::

    CurateError
    └── ReviewError                what happens at the border to a review tool
        ├── FiftyOneMissing        the package is not installed
        ├── NoMongod               FiftyOne has no MongoDB to use
        │   ├── MongodMissing      its own mongod is not there
        │   ├── MongodBroken       it is there and does not run
        │   └── MongodUnreachable  FIFTYONE_DATABASE_URI leads nowhere
        ├── MongodFailed           it runs, and would not serve FiftyOne's data
        ├── DatasetTaken           the dataset's name belongs to something else
        └── PortTaken              the App's port is in use
"""

from __future__ import annotations

from pathlib import Path

from db.errors import CurateError


class ReviewError(CurateError):
    """Something at the border to a review tool that the user can mend."""


class FiftyOneMissing(ReviewError):
    """FiftyOne is not installed."""

    def __init__(self, command: str) -> None:
        super().__init__(
            f"`curate {command}` needs FiftyOne, and it is not installed here. "
            f"Run `pip install fiftyone`, then `python -m review.mongod`."
        )


class NoMongod(ReviewError):
    """FiftyOne has no MongoDB to use; ``problem`` says why, in a sentence without its stop."""

    def __init__(self, command: str, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"`curate {command}` found no MongoDB: {problem}. "
            f"Run `curate doctor` for the two ways to mend it."
        )


class MongodMissing(NoMongod):
    """FiftyOne has no mongod of its own, and no server is named."""

    def __init__(self, command: str) -> None:
        super().__init__(
            command, "FiftyOne's own mongod is not installed and FIFTYONE_DATABASE_URI is not set"
        )


class MongodBroken(NoMongod):
    """FiftyOne's own mongod does not run on this machine."""

    def __init__(self, command: str, path: Path, complaint: str) -> None:
        super().__init__(command, f"{path} does not run ({complaint}) and FIFTYONE_DATABASE_URI is not set")


class MongodUnreachable(NoMongod):
    """``FIFTYONE_DATABASE_URI`` names a server that does not answer."""

    def __init__(self, command: str, uri: str, reason: str) -> None:
        super().__init__(command, f"no server answers at FIFTYONE_DATABASE_URI, {uri} ({reason})")


class MongodFailed(ReviewError):
    """mongod runs, and would not serve FiftyOne's data."""

    def __init__(self, command: str, complaint: str, log: Path) -> None:
        super().__init__(
            f"`curate {command}` could not start MongoDB: {complaint}. Its log is {log}. If another version "
            f"of MongoDB made that data, set FIFTYONE_DATABASE_DIR to an empty folder."
        )


class DatasetTaken(ReviewError):
    """The dataset's name belongs to something that curate did not make."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(
            f"The FiftyOne dataset {name!r} belongs to {owner}, and it would be overwritten. "
            f"Put another name under [fiftyone] dataset in curate.toml."
        )


class PortTaken(ReviewError):
    """Something else listens at the App's port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"Port {port} is in use by something other than FiftyOne. "
            f"Name a free one: `curate browse --port {port + 1}`."
        )
