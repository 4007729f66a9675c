"""Twenty seeded accidents against real processes, files and a real PostgreSQL server."""

from __future__ import annotations

import json

import pytest

from benchmarks.chaos import KINDS, main

pytestmark = pytest.mark.slow

ELSEWHERE = ("kill Label Studio", "kill push or sync")
"""A server of its own takes a minute to begin with: tests/label_studio and tests/loop kill with theirs."""


@pytest.mark.services
@pytest.mark.timeout(1800)
def test_twenty_accidents_lose_and_double_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [kind for kind in KINDS if kind not in ELSEWHERE]
    main(["--cases", "20", "--seed", "20", "--kinds", ",".join(kinds)])

    printed = capsys.readouterr()
    figures = json.loads(printed.out.splitlines()[-1])
    assert (figures["tried"], figures["lost"], figures["doubled"], figures["broken"]) == (20, 0, 0, 0), (
        printed.err
    )
    assert figures["survived"] + figures["refused"] == 20
