"""Read by every Python that the portability run starts: it, too, lacks what other systems lack."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("curate_hidden", Path(__file__).parents[1] / "hidden.py")
assert _spec is not None and _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
_module.hide()
