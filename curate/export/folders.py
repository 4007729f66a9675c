"""The curated labels as folders that other tools read: ArtGAN's lists, and images sorted by class."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from urllib.parse import quote

from curate.errors import ExportTaken
from curate.training.splits import assign_splits
from db.classes.classes import attributes, class_list, find_attribute
from db.engine.catalog import Catalog
from db.ingest.splits import said_splits
from db.labels.table import label_table
from db.workspace.outputs import output_folder
from db.workspace.remote.mirror import fetched, is_there
from db.workspace.workspace import Workspace

SEED = 0
"""Of the splits that are dealt where no source gives any: the same catalog gives the same lists."""


def export_artgan(catalog: Catalog, folder: Path) -> int:
    """Write ArtGAN's lists: ``style_class.txt``, ``style_train.csv``, ``style_val.csv`` and so on.

    The split is the sources' where they give one, else dealt (85 to 15, duplicate groups whole).

    Returns:
        How many artworks are listed.

    Raises:
        ExportTaken: The folder has something in it.
    """
    _new_folder(folder)
    listed: set[int] = set()
    with catalog.read() as session:
        table = label_table(session, ("ok", "unverified"))
        dealt = assign_splits(table.labels, table.groups, SEED, (0.85, 0.15, 0.0))
        for attribute in attributes(session):
            name = attribute.name
            classes = class_list(session, attribute)
            labels = table.labels[name]
            present = sorted({int(id_) for id_ in labels if id_ >= 0}, key=lambda id_: classes.key[id_])
            codes = {id_: code for code, id_ in enumerate(present)}
            said = said_splits(session, attribute)
            lines = [f"{code} {' '.join(classes.key[id_].split())}" for id_, code in codes.items()]
            (folder / f"{name}_class.txt").write_text(
                "".join(f"{line}\n" for line in lines), encoding="utf-8"
            )
            for wanted in ("train", "val"):
                with (folder / f"{name}_{wanted}.csv").open("w", encoding="utf-8") as file:
                    for row, class_id in enumerate(labels.tolist()):
                        split = said.get(int(table.artwork_ids[row])) or dealt[row]
                        if class_id >= 0 and (split != "train") == (wanted == "val"):
                            file.write(f"{table.paths[row]},{codes[class_id]}\n")
                            listed.add(row)
    return len(listed)


def export_imagefolder(workspace: Workspace, catalog: Catalog, attribute: str | None, folder: Path) -> int:
    """Write images in a folder a class, and ``metadata.csv`` with all labels of each.

    torchvision's ``ImageFolder`` reads the folders, Hugging Face's ``imagefolder`` the list. Folder names are
    the classes' keys, percent-encoded where a file system would stumble; files are named by artwork.

    Args:
        workspace: Where the images are.
        catalog: Its open catalog.
        attribute: What the folders are classes of; the first attribute if None.
        folder: A new folder.

    Returns:
        How many images were written: those that are there and have a label.

    Raises:
        ExportTaken: The folder has something in it.
    """
    _new_folder(folder)
    with catalog.read() as session:
        table = label_table(session)
        chosen = find_attribute(session, attribute).name if attribute else attributes(session)[0].name
        keys = {one.name: class_list(session, one).key for one in attributes(session)}
    written = 0
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file_name", *table.labels])
        for row, class_id in enumerate(table.labels[chosen].tolist()):
            source = workspace.image_path(table.roots[row], table.paths[row])
            if class_id < 0 or not is_there(source):
                continue
            name = f"{folder_name(keys[chosen][class_id])}/{table.uuids[row]}{source.suffix.lower()}"
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(fetched(source), folder / name)
            labels = [keys[one].get(int(ids[row]), "") for one, ids in table.labels.items()]
            rows.writerow([name, *labels])
            written += 1
    return written


def folder_name(key: str) -> str:
    """Return a class's folder: no two classes share one, also where the disk forgets case.

    Example:
        >>> folder_name("Art_Nouveau"), folder_name("A/B"), folder_name("..")
        ('Art_Nouveau', 'A%2FB', '%2E%2E')
    """
    name = quote(key, safe=" +()[]{}',;=@!#&~" + "".join(c for c in key if c.isalnum() and not c.isascii()))
    return name.replace(".", "%2E") if name.strip(".") == "" or name.endswith((".", " ")) else name


def _new_folder(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportTaken(folder)
    output_folder(folder)
