"""One fault on the way, of each kind: after the next push and sync nothing is lost and nothing doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from review.label_studio.local_server import LocalServer
from review.label_studio.push import send
from tests.label_studio.faults import faulty, go_round
from tests.label_studio.proxy import proxy_to

pytestmark = pytest.mark.services


@pytest.mark.parametrize("fault", ["cut_after", "500_after", "twice"])
def test_a_fault_while_importing_loses_and_doubles_nothing(
    fault: str, tmp_path: Path, label_studio: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other kinds and moments, and kills, are in ``benchmarks/label_studio.py --cases``."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    monkeypatch.setattr(send, "CHUNK", 5)

    with proxy_to(label_studio.url) as proxy:
        outcome = go_round(
            tmp_path, proxy.url, faulty(proxy, fault, 1, "/import"), faulty(proxy, fault, 1, "/tasks")
        )
        struck = [method for method, _, met in proxy.seen if met]

    assert struck == ["POST", "GET"]
    assert outcome.clean, outcome
