"""``curate upgrade``: an older catalog brought to this version's schema, once it is backed up."""

from __future__ import annotations

from dataclasses import dataclass

from db.engine.catalog import HEAD_REVISION, require_head, upgrade
from db.engine.driver_errors import catalog_name
from db.maintenance.backup import back_up, unchecked_catalog
from db.models import now
from db.workspace.workspace import Workspace


@dataclass(frozen=True)
class UpgradeSummary:
    """From which schema to which; ``backup`` is empty where there was nothing to do."""

    before: str
    after: str
    backup: str = ""


def upgrade_workspace(workspace: Workspace) -> UpgradeSummary:
    """Back the catalog up, then bring its schema to this version's.

    Raises:
        CatalogNewer: It is newer than this version of curate.
    """
    with unchecked_catalog(workspace) as (url, _, revision):
        pass
    if revision == HEAD_REVISION:
        return UpgradeSummary(revision, revision)
    require_head(catalog_name(url), max(revision, HEAD_REVISION))
    folder = workspace.folder / "backups"
    folder.mkdir(exist_ok=True)
    file = folder / f"before-upgrade-{revision}-{now():%Y%m%dT%H%M%S}.zip"
    back_up(workspace, file, runs=False)
    upgrade(workspace.database_url)
    return UpgradeSummary(revision, HEAD_REVISION, str(file))
