"""What a user of FiftyOne or Label Studio can mend.

::

    CurateError
    └── ReviewError                what happens at the border to a review tool
        ├── FiftyOneMissing        the package is not installed
        ├── NoMongod               FiftyOne has no MongoDB to use
        │   ├── MongodMissing      its own mongod is not there
        │   ├── MongodBroken       it is there and does not run
        │   └── MongodUnreachable  FIFTYONE_DATABASE_URI leads nowhere
        ├── MongodLost             it was there, and does not answer any more
        ├── MongodFailed           it runs, and would not serve FiftyOne's data
        ├── DatasetTaken           the dataset's name belongs to something else
        ├── DatasetUnreadable      a newer FiftyOne made the dataset
        ├── RootUnmapped           an artwork's root has no folder here
        ├── NotASheet              a file that is no review sheet of ours
        ├── SheetExists            a sheet would be written over a file
        ├── SheetWithoutRows       a sheet that is empty
        ├── ForeignSheet           a sheet of another workspace
        ├── SheetShuffled          its columns no longer belong together
        ├── SheetUnreadable        a file that should be a filled sheet is no CSV in UTF-8
        ├── PortTaken              the App's port is in use
        ├── NothingToSend          what was chosen in the App cannot be asked about
        └── LabelStudioError       Label Studio cannot do what was asked
            ├── TokenMissing       no token in the environment
            ├── ServerDown         nobody answers at the URL
            ├── TokenRefused       401
            ├── NotAllowed         403
            ├── ProjectGone        404
            ├── NothingPushed      this catalog has no project at the server yet
            ├── ServerTooOld       a version that lacks what push and sync use
            ├── ServerTooNew       a version that came after this curate
            ├── RequestFailed      any other answer that is an error
            ├── ImagesNotServed    the server does not hand out the images
            ├── UrlNotServed       images at a URL that no browser opens
            ├── TemplateNotServed  the URL template leads to no image
            ├── BadPrediction      what would be sent does not fit the project's page
            └── ServerNotStarted   a local server did not come up
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


class MongodLost(ReviewError):
    """The MongoDB that was there does not answer any more."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(
            f"`curate {command}` lost its MongoDB ({said}). See that it runs, then type the same command "
            f"again: it writes what is missing."
        )


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


class DatasetUnreadable(ReviewError):
    """FiftyOne cannot read the dataset, because a newer version made it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"FiftyOne cannot read the dataset {name!r}: {problem.splitlines()[0]}. Upgrade FiftyOne; or run "
            f"`fiftyone datasets delete {name}`, and `curate browse` makes it anew (without the App's tags)."
        )


class RootUnmapped(ReviewError):
    """Artworks lie under a root that has no folder on this machine."""

    def __init__(self, root: str, artworks: int) -> None:
        super().__init__(
            f"{artworks} artworks lie under the root {root!r}, and curate.toml names no folder for it. "
            f'Add the line `{root} = "FOLDER"` under [roots] in curate.toml.'
        )


class NothingToSend(ReviewError):
    """None of the chosen artworks can be sent to reviewers."""

    def __init__(self, chosen: int) -> None:
        super().__init__(
            f"None of the {chosen} chosen artworks can be sent: each is unusable, unread, or has an open "
            f"task. Choose others, or answer the open tasks and run `curate sync-corrections`."
        )


class PortTaken(ReviewError):
    """Something else listens at the App's port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is in use. Name a free one: `curate browse --port {port + 1}`.")


class NotASheet(ReviewError):
    """A file that should be a filled sheet lacks its columns."""

    def __init__(self, path: Path, missing: list[str]) -> None:
        super().__init__(
            f"{path} is not a review sheet of this workspace: it lacks the columns {', '.join(missing[:5])}. "
            f"Make one with `curate push --to csv`."
        )


class ForeignSheet(ReviewError):
    """A review sheet of another workspace."""

    def __init__(self, path: Path, rows: int) -> None:
        super().__init__(
            f"{path} is a review sheet of another workspace: none of the artworks in its {rows} rows is in "
            f"this catalog. Read it where it was made: `curate -w DIR sync-corrections --from {path}`."
        )


class SheetExists(ReviewError):
    """A sheet was to be written where there is a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is there already, and somebody may have filled it in. Read it first with "
            f"`curate sync-corrections --from {path}` and move it away, or give another name with --output."
        )


class SheetWithoutRows(ReviewError):
    """A sheet that has its header and nothing below it, or not even that."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} has no rows. Give the sheet that was filled in, saved as CSV; "
            f"`curate push --to csv --batch N` writes the sheet of a batch again."
        )


class SheetShuffled(ReviewError):
    """The cells of a sheet's rows do not belong together any more."""

    def __init__(self, path: Path, line: int, said: str, batch: int | None, more: int = 0) -> None:
        others = f" (and {more} rows more)" if more else ""
        again = f" --batch {batch}" if batch else ""
        super().__init__(
            f"{path}, line {line}: {said}{others}: a column was sorted or moved apart from the others, "
            f"or labels were written over. Nothing was read. Undo that, or fill in a new copy: "
            f"`curate push --to csv{again} --output NEW.csv`."
        )


class SheetUnreadable(ReviewError):
    """A file that should be a filled sheet is no CSV in UTF-8."""

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(
            f"{path} cannot be read ({said}). Save it as CSV in UTF-8, then run the command again."
        )


class LabelStudioError(ReviewError):
    """Label Studio cannot do what was asked of it."""


class TokenMissing(LabelStudioError):
    """There is no token for the server."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"No token for Label Studio at {url}: LABEL_STUDIO_API_KEY is not set. Copy one from "
            f"{url}/user/account/personal-access-token, then `export LABEL_STUDIO_API_KEY=TOKEN`, "
            f"or keep it in the keyring: `keyring set curate {url}`."
        )


class ServerDown(LabelStudioError):
    """Nobody answers at the server's URL, or the connection broke."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"Label Studio does not answer at {url} ({reason}). Start it with `label-studio start`, or put "
            f"its address under [label_studio] url in curate.toml; then run the command again."
        )


class TokenRefused(LabelStudioError):
    """The server refuses the token (401)."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"Label Studio at {url} refuses the token in LABEL_STUDIO_API_KEY. Copy a new personal access "
            f"token from {url}/user/account/personal-access-token (a legacy token works only where the "
            f"organisation allows it)."
        )


class NotAllowed(LabelStudioError):
    """The token's user may not do this (403)."""

    def __init__(self, url: str, doing: str) -> None:
        super().__init__(
            f"Label Studio at {url} does not allow this token's user {doing}. "
            f"Ask its administrator for the right, or use a manager's token."
        )


class ProjectGone(LabelStudioError):
    """The project of this workspace is not at the server (404)."""

    def __init__(self, url: str, project: int) -> None:
        super().__init__(
            f"Label Studio at {url} has no project {project}. Take the line `project = {project}` out of "
            f"[label_studio] in curate.toml, and the next `curate push` finds it again or makes a new one."
        )


class NothingPushed(LabelStudioError):
    """The catalog has no project at the server."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"Label Studio at {url} has no project of this catalog, so there is nothing to sync. "
            f"Run `curate push` first."
        )


class ServerTooOld(LabelStudioError):
    """The server is older than what push and sync use."""

    def __init__(self, url: str, found: str, needed: str) -> None:
        super().__init__(
            f"Label Studio at {url} has version {found}, and curate needs {needed} or newer. "
            f"Upgrade it with `pip install -U label-studio`."
        )


class ServerTooNew(LabelStudioError):
    """The server is of a later major version than any that curate was tried with."""

    def __init__(self, url: str, found: str, known: str) -> None:
        super().__init__(
            f"Label Studio at {url} has version {found}, and this curate knows {known}. Upgrade curate with "
            f"`pip install -U curate`, or install an older server: `pip install 'label-studio<{found}'`."
        )


class RequestFailed(LabelStudioError):
    """The server answered with an error that has no sentence of its own."""

    def __init__(self, url: str, doing: str, status: int, detail: str) -> None:
        self.status = status
        super().__init__(
            f"Label Studio at {url} answered {status} when asked {doing}: {detail}. "
            f"Nothing is lost: run the command again; if it stays, look in the server's log."
        )


class ImagesNotServed(LabelStudioError):
    """The server does not hand out the images of a root."""

    def __init__(self, url: str, folder: Path, found: str) -> None:
        super().__init__(
            f"Label Studio at {url} does not serve the images under {folder} ({found}). Restart it with "
            f"LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
            f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={folder.parent}; or, where it runs elsewhere, put a URL "
            f"template with {{path}} under [label_studio] images in curate.toml."
        )


class UrlNotServed(LabelStudioError):
    """A root's images are at a URL that a reviewer's browser cannot open."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"A reviewer's browser cannot open the images at {url} by themselves. Put a URL template with "
            f"{{path}}, such as the bucket's https address, under [label_studio] images in curate.toml."
        )


class ImageGone(LabelStudioError):
    """An image that a task should show is no longer on the disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} cannot be read, and it should be uploaded. Run `curate ingest` on its folder again: "
            f"it sets aside what is gone. Nothing was sent."
        )


class TemplateNotServed(LabelStudioError):
    """The URL template leads to no image."""

    def __init__(self, image_url: str, found: str) -> None:
        super().__init__(
            f"{image_url} is not an image ({found}), and a reviewer's browser would fetch it. "
            f"Mend the URL template under [label_studio] images in curate.toml."
        )


class BadPrediction(LabelStudioError):
    """A prediction does not fit the project's page, which the server would not have noticed."""

    def __init__(self, artwork: str, problem: str) -> None:
        super().__init__(
            f"The prediction for artwork {artwork} does not fit the project's labelling page: {problem}. "
            f"Nothing was sent. Run `curate check`, then push again."
        )


class ServerNotStarted(LabelStudioError):
    """A local Label Studio did not come up."""

    def __init__(self, log: Path, reason: str) -> None:
        super().__init__(f"Label Studio did not start ({reason}). Its log is {log}.")
