"""The folder a user works in: ``curate.toml``, ``catalog.db``, ``runs/``, ``cache/``."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import tomlkit
from sqlalchemy import select

from db.engine.catalog import Catalog, Session, open_catalog, prepare, sqlite_url
from db.errors import BadSettings, ImageRefused, NotAWorkspace, RootUnknown, WorkspaceExists
from db.models import Attribute, CatalogSetting
from db.spelling import fold
from db.workspace.outputs import whole_file
from db.workspace.remote.mirror import Mirror, make_mirror, mirror_folder
from db.workspace.settings import CACHE, Settings, clash, read_settings, validate_settings
from db.workspace.system import refused_by_windows

SETTINGS_FILE = "curate.toml"

TEMPLATE = """\
# This workspace's settings. `curate train --help` explains each key of [train];
# tokens are never kept here (Label Studio's is read from LABEL_STUDIO_API_KEY).
collection = {collection}
attributes = {attributes}
{database}
[train]

[label_studio]
url = "http://127.0.0.1:8080"

[fiftyone]
dataset = {dataset}
"""


@dataclass(frozen=True)
class Workspace:
    """An opened workspace: its folder and its validated settings."""

    folder: Path
    settings: Settings

    @property
    def settings_path(self) -> Path:
        """The settings file."""
        return self.folder / SETTINGS_FILE

    @property
    def database_url(self) -> str:
        """The catalog's URL."""
        return self.settings.database_url or sqlite_url(self.folder / "catalog.db")

    @property
    def cache_folder(self) -> Path:
        """Where feature caches and thumbnails lie; safe to delete."""
        return self.folder / CACHE

    @contextmanager
    def open_catalog(self) -> Iterator[Catalog]:
        """Open the catalog for a ``with`` block."""
        with open_catalog(self.database_url) as catalog:
            yield catalog

    def require_root(self, root: str) -> None:
        """Refuse a root that this workspace does not know.

        Raises:
            RootUnknown: It has no folder here.
        """
        if root not in self.settings.roots:
            raise RootUnknown(root, self.settings_path)

    def image_path(self, root: str, path: str) -> Path:
        """Return where an artwork's image lies on this machine, or would if it were there.

        This is the one place that turns a root and a path into a file, for all who open, copy or send one:
        a catalog may come from somebody else. Paths are kept in normal form NFC; where the disk spells the
        name decomposed, that file is meant. A root by URL has a mirror: open the path by ``db.images``.

        Raises:
            RootUnknown: This workspace does not know the folder of that root.
            ImageRefused: The path, or a link, leads out of the root, or to a pipe, a device or a folder.
        """
        self.require_root(root)
        self.mirror(root)
        folder = self.settings.roots[root]
        if os.name == "nt" and (problem := refused_by_windows(path)) is not None:
            raise ImageRefused(root, path, problem, "Rename the file, and ingest it again.")
        if leaves_root(path):
            raise ImageRefused(root, path, f"lies outside {folder}")
        file = folder / path
        if not path.isascii() and not file.exists():
            file = folder / unicodedata.normalize("NFD", path)
        problem = _problem(folder, file, follow_links=root in self.settings.follow_links)
        if problem is not None:
            raise ImageRefused(root, path, problem)
        return file

    def find_image(self, root: str, path: str) -> Path | None:
        """Return ``image_path``, None where it is refused.

        Raises:
            RootUnknown: This workspace does not know the folder of that root.
        """
        try:
            return self.image_path(root, path)
        except ImageRefused:
            return None

    def mirror(self, root: str) -> Mirror | None:
        """Return the mirror of a root by URL, None where its images lie in a folder."""
        url = self.settings.root_urls.get(root)
        return None if url is None else self.mirror_of(root, url)

    def mirror_of(self, root: str, url: str) -> Mirror:
        """Return the mirror that a root has if its images are at this URL."""
        folder = mirror_folder(self.cache_folder, root, url)
        return make_mirror(folder, url, int(self.settings.mirror_gb * 1e9), self.settings.fetch_per_second)


def leaves_root(path: str) -> bool:
    """Return whether a path, by its text alone, leads out of the folder that it is relative to."""
    parts = path.replace("\\", "/").split("/") if os.name == "nt" else path.split("/")
    return os.path.isabs(path) or bool(os.path.splitdrive(path)[0]) or ".." in parts or "\0" in path


def _problem(folder: Path, file: Path, follow_links: bool) -> str | None:
    """Return why a file below a folder may not be opened, None where it may or is not there."""
    root = _real(str(folder))
    try:
        state = file.lstat()
        real = os.path.join(_real(str(file.parent)), file.name)
        if stat.S_ISLNK(state.st_mode):
            real, state = os.path.realpath(file), file.stat()
    except OSError:
        return None
    if not follow_links and not real.startswith(root.rstrip(os.sep) + os.sep):
        return f"leads out of {folder}"
    return None if stat.S_ISREG(state.st_mode) else "is no regular file"


@lru_cache(maxsize=20_000)
def _real(folder: str) -> str:
    """Return a folder without links; many images lie in one."""
    return os.path.realpath(folder)


def open_workspace(folder: Path) -> Workspace:
    """Open the workspace in a folder.

    Raises:
        NotAWorkspace: The folder has no ``curate.toml``.
        BadSettings: The file says something that cannot be.
    """
    folder = folder.absolute()
    if not (folder / SETTINGS_FILE).is_file():
        raise NotAWorkspace(folder)
    return Workspace(folder, read_settings(folder / SETTINGS_FILE))


def init_workspace(
    folder: Path,
    attributes: tuple[str, ...],
    database_url: str | None = None,
    runs_url: str | None = None,
) -> Workspace:
    """Make a workspace, and its catalog, or join one that others use already.

    The settings file comes last, so that a torn workspace can be made again. A catalog that is there keeps
    its attributes and its place for runs.

    Args:
        folder: It may exist, but not as a workspace.
        attributes: Names of the attributes of a new catalog.
        database_url: A PostgreSQL catalog; None for ``catalog.db`` in the folder.
        runs_url: Where a new catalog keeps runs; None for ``runs`` in the folder.

    Raises:
        WorkspaceExists: There already is one.
        BadSettings: An attribute's name cannot be one.
        UnicodeEncodeError: The folder's name is no text.
        CatalogOutdated: The catalog is there, with another version's schema.
    """
    folder = folder.absolute()
    if (folder / SETTINGS_FILE).exists():
        raise WorkspaceExists(folder)
    settings = validate_settings(
        Path("curate init"), {"attributes": attributes, "database_url": database_url}
    )
    if (problem := clash(settings.attributes)) is not None:
        raise BadSettings(Path("curate init"), "--attributes", f"{problem}: give that attribute another name")
    if runs_url is not None and not runs_url.startswith("file:///"):
        raise BadSettings(
            Path("curate init"), "--runs-url", f"{runs_url!r} is neither a folder nor file:///…"
        )
    str(folder).encode()  # a name that is no text is refused before anything is made
    make_private_folders(folder)
    workspace = Workspace(folder, settings)
    if database_url is None:
        _make_private_file(folder / "catalog.db")
    prepare(workspace.database_url)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        if not session.get(CatalogSetting, "uuid"):
            own = (folder / "runs").as_uri() if database_url else "runs"
            session.add(CatalogSetting(key="uuid", value=str(uuid4())))
            session.add(CatalogSetting(key="runs_url", value=runs_url or own))
            titles = settings.attribute_titles
            session.add_all(
                Attribute(name=name, title=titles.get(name), position=i)
                for i, name in enumerate(settings.attributes)
            )
        there = session.scalars(select(Attribute).order_by(Attribute.position))
        attributes = tuple(attribute.shown for attribute in there)
    database = f"database_url = {tomlkit.item(database_url).as_string()}\n" if database_url else ""
    text = TEMPLATE.format(
        collection=tomlkit.item(folder.name).as_string(),
        attributes=tomlkit.item(list(attributes)).as_string(),
        database=database,
        dataset=tomlkit.item(f"curate-{folder.name}-{uuid4().hex[:6]}").as_string(),
    )
    write_atomically(folder / SETTINGS_FILE, text, private=True)
    return open_workspace(folder)


def make_private_folders(folder: Path) -> None:
    """Make the folders of a workspace; those that are new are their owner's alone, where modes count."""
    for name in ("", "runs", CACHE):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)


def _make_private_file(path: Path) -> None:
    """Make an empty file that its owner alone may read, for SQLite to fill; its other files take its mode."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def change_settings(
    workspace: Workspace, table: str, key: str, value: str | int | Mapping[str, Any]
) -> Workspace:
    """Write one value into ``curate.toml``, keep everything else of it, and open the workspace again."""
    document = tomlkit.parse(workspace.settings_path.read_text(encoding="utf-8-sig"))
    section = document.setdefault(table, tomlkit.table())
    section[key] = value
    write_atomically(workspace.settings_path, tomlkit.dumps(document))
    return open_workspace(workspace.folder)


def with_attributes(workspace: Workspace, names: Sequence[str]) -> Settings:
    """Return the settings with further attributes, nothing written; those that are there are left alone.

    Raises:
        BadSettings: There would be more than a workspace can have, two with one key, or one whose columns
            would be another's.
    """
    settings = workspace.settings
    called = [settings.attribute_titles.get(key, key) for key in settings.attributes]
    there = {fold(name) for name in (*called, *settings.attributes)}
    called += [name for name in dict.fromkeys(names) if fold(name) not in there]
    attributes = validate_settings(workspace.settings_path, {"attributes": called})
    _refuse_clash(settings.attributes, attributes.attributes)
    return settings.model_copy(
        update={name: getattr(attributes, name) for name in ("attributes", "attribute_titles")}
    )


def _refuse_clash(before: Sequence[str], after: Sequence[str]) -> None:
    """Refuse new attributes whose columns another attribute has; those of an older catalog stay as they are.

    Raises:
        BadSettings: A column has that name already.
    """
    for new in sorted(set(after) - set(before)):
        for other in after:
            if (problem := clash((other, new))) is not None:
                raise BadSettings(Path("--map"), new, f"{problem}: give that attribute another name")


def add_attributes(workspace: Workspace, names: Sequence[str]) -> Workspace:
    """Add attributes to the catalog and to the settings, as ``with_attributes`` has them."""
    settings = with_attributes(workspace, names)
    if settings.attributes == workspace.settings.attributes:
        return workspace
    titles = settings.attribute_titles
    with workspace.open_catalog() as catalog, catalog.write() as session:
        make_attributes(session, settings.attributes, titles)
    document = tomlkit.parse(workspace.settings_path.read_text(encoding="utf-8"))
    document["attributes"] = [titles.get(key, key) for key in settings.attributes]
    write_atomically(workspace.settings_path, tomlkit.dumps(document))
    return open_workspace(workspace.folder)


def make_attributes(session: Session, keys: Sequence[str], titles: Mapping[str, str]) -> None:
    """Add to the catalog those attributes that it lacks, such as one that somebody wrote into the settings.

    Raises:
        BadSettings: A column has that name already.
    """
    positions = {attribute.name: attribute.position for attribute in session.scalars(select(Attribute))}
    position = max(positions.values(), default=-1) + 1
    new = [key for key in dict.fromkeys(keys) if key not in positions]
    _refuse_clash([*positions], [*positions, *new])
    session.add_all(
        Attribute(name=key, title=titles.get(key), position=position + at) for at, key in enumerate(new)
    )


def follow_links_of(workspace: Workspace, root: str) -> Workspace:
    """Let the links of a root lead out of it, from now on."""
    roots = workspace.settings.follow_links
    if root in roots:
        return workspace
    document = tomlkit.parse(workspace.settings_path.read_text(encoding="utf-8"))
    document["follow_links"] = [*roots, root]
    write_atomically(workspace.settings_path, tomlkit.dumps(document))
    return open_workspace(workspace.folder)


def root_of(workspace: Workspace, folder: Path) -> tuple[Workspace, str]:
    """Return the name of the root that is this folder, adding it to the settings if it is new."""
    folder = folder.resolve()
    for name, place in workspace.settings.roots.items():
        if place.resolve() == folder:
            return workspace, name
    stem = folder.name or "root"
    name, number = stem, 2
    while name in workspace.settings.roots:
        name, number = f"{stem}-{number}", number + 1
    return change_settings(workspace, "roots", name, str(folder)), name


def write_atomically(path: Path, text: str, private: bool = False) -> None:
    """Replace a file's text in one step, so that nobody ever reads half of it.

    A file that only its owner may read stays so; ``private`` makes it one.
    """
    mode = 0o600 if private else 0o666
    with whole_file(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        if private and path.exists():
            path.chmod(mode)
