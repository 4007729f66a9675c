"""The server that we start ourselves: its secrets are nobody else's."""

from __future__ import annotations

import os
import stat

import psutil
import pytest

from review.label_studio.local_server import LocalServer


@pytest.mark.services
def test_its_password_and_token_are_in_no_list_of_processes_and_in_no_readable_file(
    label_studio: LocalServer,
) -> None:
    server = psutil.Process(label_studio.process.pid)
    lines = [" ".join(process.cmdline()) for process in (server, *server.children(recursive=True))]

    assert any("label-studio" in line for line in lines)
    for secret in (label_studio.password, label_studio.token):
        assert not [line for line in lines if secret in line]
    if os.name == "posix":
        assert stat.S_IMODE(label_studio.folder.stat().st_mode) == 0o700
