"""What a user of FiftyOne or Label Studio can fix.

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
        ├── DatasetEdited          it was changed so that nobody can tell whose it is
        ├── DatasetOfOriginal      the workspace is a copy of the one that it shows
        ├── AppOutdated            the App's dataset became another workspace's
        ├── DatasetNameTaken       arrays were to become a dataset that is there already
        ├── DatasetUnreadable      a newer FiftyOne made the dataset
        ├── NotASheet              a file that is no review sheet of ours
        ├── NotAnExport            a file is not Label Studio's export, or not of this catalog
        ├── SheetExists            a sheet would be written over a file
        ├── SheetWithoutRows       a sheet that is empty
        ├── ForeignSheet           a sheet of another workspace
        ├── SheetShuffled          its columns no longer belong together
        ├── SheetUnreadable        a file that should be a filled sheet is no CSV in UTF-8
        ├── PortTaken              the App's port is in use
        ├── AppNotStarted          the App's server does not come up
        ├── NotFromTheApp          an operator was asked by something else than our App
        ├── PortForbidden          the App's port is kept from this user
        ├── WebhookPortTaken       the port for webhooks is in use, or kept from this user
        ├── NothingToSend          what was chosen in the App cannot be asked about
        └── LabelStudioError       Label Studio cannot do what was asked
            ├── TokenMissing       no token in the environment
            ├── ServerDown         nobody answers at the URL
            ├── TokenMalformed     what should be a token is none
            ├── TokenRefused       401
            ├── NotAllowed         403
            ├── ProjectGone        404
            ├── ProjectForeign     the project that curate.toml names is somebody else's
            ├── NothingPushed      this catalog has no project at the server yet
            ├── ServerTooOld       a version that lacks what push and sync use
            ├── ServerTooNew       a version that came after this curate
            ├── RequestFailed      any other answer that is an error
            ├── ImagesGone         none of the images that a push would show is there
            ├── ImagesNotServed    the server does not hand out the images
            ├── UrlNotServed       images at a URL that no browser opens
            ├── TemplateNotServed  the URL template leads to no image
            ├── BadPrediction      what would be sent does not fit the project's page
            └── ServerNotStarted   a local server did not come up
"""

from __future__ import annotations

from pathlib import Path

from db.errors import CurateError, typed


class ReviewError(CurateError):
    """Something at the border to a review tool that the user can fix."""


class FiftyOneMissing(ReviewError):
    """FiftyOne is not installed."""

    def __init__(self, command: str) -> None:
        super().__init__(
            f"`curate {command}` needs FiftyOne, and it is not installed here. "
            f"Run `pip install fiftyone`, then `python -m review.mongod`."
        )


class NoMongod(ReviewError):
    """FiftyOne has no MongoDB to use; ``problem`` says why, in a sentence without its full stop."""

    def __init__(self, command: str, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"`curate {command}` found no MongoDB: {problem}. Run `curate doctor` for the two ways to fix it."
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
    """mongod starts, and cannot serve FiftyOne's data."""

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


class DatasetEdited(ReviewError):
    """The dataset was changed so that it cannot be told whose it is, or cannot be written into."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"The FiftyOne dataset {name!r} was edited: {problem}. Delete it with "
            f"`fiftyone datasets delete {name}`, and `curate browse` makes it again (your tags and saved "
            f"views in it are lost); or put another name under [fiftyone] dataset in curate.toml."
        )


class DatasetOfOriginal(ReviewError):
    """The workspace is a copy, and its dataset is the original's."""

    def __init__(self, name: str, original: str, copy: str, proposed: str) -> None:
        super().__init__(
            f"The FiftyOne dataset {name!r} shows the workspace {original}, of which {copy} is a copy. Give "
            f"the copy one of its own: under [fiftyone] in its curate.toml put `dataset = {proposed!r}`."
        )


class AppOutdated(ReviewError):
    """The App shows a dataset that has become another workspace's since it was opened."""

    def __init__(self, opened: str, shown: str) -> None:
        super().__init__(
            f"This App was opened for the workspace {opened}, and its dataset now belongs to {shown}. "
            f"Nothing was written. Stop it with Ctrl-C, and type `curate browse` again."
        )


class DatasetNameTaken(ReviewError):
    """The name for a dataset of arrays is taken."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is a FiftyOne dataset {name!r} already, and it is left alone. Give another name, "
            f"or delete it first: fiftyone.delete_dataset({name!r})."
        )


class DatasetUnreadable(ReviewError):
    """FiftyOne cannot read the dataset, because a newer version made it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"FiftyOne cannot read the dataset {name!r}: {problem.splitlines()[0]}. Upgrade FiftyOne; or run "
            f"`fiftyone datasets delete {name}`, and `curate browse` makes it again (without the App's tags)."
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
        free = port + 1 if port < 65535 else 5151
        super().__init__(f"Port {port} is in use. Name a free one: `curate browse --port {free}`.")


class PortForbidden(ReviewError):
    """The system keeps a port from this user."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"This user may not listen at port {port}: systems keep ports below 1024 for services. "
            f"Name another: `curate browse --port 5151`."
        )


class WebhookPortTaken(ReviewError):
    """Nothing can listen for webhooks at the port."""

    def __init__(self, port: int, said: str) -> None:
        super().__init__(
            f"Nothing can listen for webhooks at port {port} ({said}). "
            f"Name a free one with --webhook, or leave it out: --watch looks by itself."
        )


class AppNotStarted(ReviewError):
    """The App's server does not start at a port."""

    def __init__(self, port: int, why: str) -> None:
        super().__init__(
            f"The App could not be served at port {port}: {why}. Name another port: "
            f"`curate browse --port 5152`."
        )


class NotFromTheApp(ReviewError):
    """An operator was asked to act on a workspace whose ``curate browse`` did not start its server."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"Nothing was done: this App was not opened by `curate browse` on {folder}. Close it, run "
            f"`curate -w {typed(folder)} browse`, and open the address that it prints."
        )


class NotAnExport(ReviewError):
    """A file is not Label Studio's export, or not of this catalog."""

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(
            f"{path} is no export of Label Studio that this workspace can take: {said}. "
            f"Export the project as JSON or JSON-MIN."
        )


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
            f"this catalog. Read it where it was made: `curate -w DIR sync-corrections --from {typed(path)}`."
        )


class SheetExists(ReviewError):
    """A sheet was to be written where there is a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is there already, and somebody may have filled it in. Read it first with "
            f"`curate sync-corrections --from {typed(path)}` and move it away, or give another name with "
            f"--output."
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
    """A file that should be a filled sheet is no table, or a damaged one."""

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


class TokenMalformed(LabelStudioError):
    """What should be a token holds characters that no token has."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"What LABEL_STUDIO_API_KEY holds is no token: a space, a line end, or a letter outside ASCII is "
            f"in it. Copy the token again from {url}/user/account/personal-access-token."
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


class ProjectForeign(LabelStudioError):
    """The project that the settings name belongs to something else."""

    def __init__(self, url: str, project: int, title: str, mark: str, own: int | None) -> None:
        fix = (
            f"set `project = {own}`, which carries it"
            if own
            else "remove the line `project`: a new one is made"
        )
        super().__init__(
            f"Project {project} at {url} ({title!r}) is not this catalog's: its description lacks "
            f"{mark!r}. Nothing was read or written. In [label_studio] of curate.toml {fix}."
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

    def __init__(self, url: str, version: str, needed: str) -> None:
        super().__init__(
            f"Label Studio at {url} has version {version}, and curate needs {needed} or newer. "
            f"Upgrade it with `pip install -U label-studio`."
        )


class ServerTooNew(LabelStudioError):
    """The server is of a later major version than any that curate was tried with."""

    def __init__(self, url: str, version: str, newest: str) -> None:
        super().__init__(
            f"Label Studio at {url} has version {version}, and this curate knows {newest}. "
            f"Upgrade curate with `pip install -U curate-labels`, or install an older server: "
            f"`pip install 'label-studio<{version}'`."
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

    def __init__(self, url: str, folder: Path, answer: str) -> None:
        super().__init__(
            f"Label Studio at {url} does not serve the images under {folder} ({answer}). Restart it with "
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


class ImagesGone(LabelStudioError):
    """None of the images that a push would show can be shown."""

    def __init__(self, count: int, example: str) -> None:
        super().__init__(
            f"None of the {count} images can be shown, {example} among them: they are gone, or cannot be "
            f"read. Mount their disk or type `curate relocate`; where they are gone for good, "
            f"`curate ingest` sets them aside. Nothing was sent."
        )


class TemplateNotServed(LabelStudioError):
    """The URL template leads to no image."""

    def __init__(self, image_url: str, answer: str) -> None:
        super().__init__(
            f"{image_url} is not an image ({answer}), and a reviewer's browser would fetch it. "
            f"Fix the URL template under [label_studio] images in curate.toml."
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
