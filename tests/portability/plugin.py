"""The portability run: ``pytest -p tests.portability.plugin`` on Linux, without what other systems lack.

``python -m tests.portability`` runs the tests that need no server so.
"""

from tests.portability.hidden import hide

hide()
