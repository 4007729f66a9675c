"""Write ``catalog-<revision>.db``: a small catalog of the schema as it stands, to keep once it is released.

python -m tests.assets.make_catalog
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from db.engine.catalog import HEAD_REVISION
from db.maintenance.transfer import copy_sqlite
from db.workspace.workspace import init_workspace
from tests.db.filled import fill

ASSETS = Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        fill(init_workspace(Path(folder) / "ws", ("style", "genre")))
        target = ASSETS / f"catalog-{HEAD_REVISION}.db"
        target.unlink(missing_ok=True)
        copy_sqlite(Path(folder) / "ws" / "catalog.db", target)


if __name__ == "__main__":
    main()
