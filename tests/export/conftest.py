"""An empty workspace to copy for each example."""

from tests.ingest.conftest import empty_workspace, workspace

__all__ = ["empty_workspace", "workspace"]
