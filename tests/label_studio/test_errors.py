"""What a user reads when the server is down, refuses, answers nonsense or does not hand out the images."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from db.workspace.workspace import change_settings
from review.label_studio.client import Server
from review.label_studio.local_server import LocalServer, free_port
from tests.conftest import Curate
from tests.label_studio.conftest import Make, add_run, make_gallery

KEY = "0123456789012345678901234567890123456789"


@contextmanager
def answering(status: int, body: bytes, sent: int | None = None) -> Iterator[str]:
    """Run a server that gives every request one answer, or only the first bytes of it; yield its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:sent])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def flagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose run flags a label, and a token in the environment."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", KEY)
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", 2)
    add_run(gallery.workspace, {0: {"style": 0.1}})
    return gallery.workspace.folder


def with_url(folder: Path, url: str) -> Path:
    """Make a workspace's tasks go to a server."""
    from db.workspace.workspace import open_workspace

    change_settings(open_workspace(folder), "label_studio", "url", url)
    return folder


def test_no_token(curate: Curate, flagged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY")

    result = curate("-w", with_url(flagged, "http://127.0.0.1:9"), "push")

    assert (result.status, result.stdout) == (1, "")
    assert result.stderr == (
        "error: No token for Label Studio at http://127.0.0.1:9: LABEL_STUDIO_API_KEY is not set. Copy one "
        "from http://127.0.0.1:9/user/account/personal-access-token, then "
        "`export LABEL_STUDIO_API_KEY=TOKEN`, or keep it in the keyring: `keyring set curate "
        "http://127.0.0.1:9`.\n"
    )


def test_no_server(curate: Curate, flagged: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    result = curate("-w", with_url(flagged, url), "push")

    assert result.status == 1
    assert result.stderr == (
        f"error: Label Studio does not answer at {url} ([Errno 111] Connection refused). Start it with "
        f"`label-studio start`, or put its address under [label_studio] url in curate.toml; then run the "
        f"command again.\n"
    )


def test_a_server_that_fails(curate: Curate, flagged: Path) -> None:
    with answering(500, b'{"detail": "out of order"}') as url:
        result = curate("-w", with_url(flagged, url), "push")

    assert result.stderr == (
        f"error: Label Studio at {url} answered 500 when asked who we are: out of order. Nothing is "
        f"lost: run the command again; if it stays, look in the server's log.\n"
    )


def test_a_connection_cut_in_the_middle(curate: Curate, flagged: Path) -> None:
    with answering(200, b'{"id": 1, "email": "a@b.c"}', sent=9) as url:
        result = curate("-w", with_url(flagged, url), "push")

    assert result.status == 1
    assert result.stderr == (
        f"error: Label Studio does not answer at {url} (peer closed connection without sending complete "
        f"message body (received 9 bytes, expected 27)). Start it with `label-studio start`, or put its "
        f"address under [label_studio] url in curate.toml; then run the command again.\n"
    )


def test_another_server_than_label_studio(curate: Curate, flagged: Path) -> None:
    with answering(200, b"<html>hello</html>") as url:
        result = curate("-w", with_url(flagged, url), "push")

    assert result.status == 1
    assert result.stderr.startswith(f"error: Label Studio at {url} answered 200 when asked who we are: ")


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("1.19.2", "curate needs 1.20 or newer. Upgrade it with `pip install -U label-studio`."),
        (
            "2.0.0",
            "this curate knows 1.x. Upgrade curate with `pip install -U curate-labels`, or install an older "
            "server: `pip install 'label-studio<2.0.0'`.",
        ),
    ],
)
def test_a_server_of_another_time(curate: Curate, flagged: Path, release: str, said: str) -> None:
    body = f'{{"id": 1, "email": "a@b.c", "release": "{release}"}}'
    with answering(200, body.encode()) as url:
        result = curate("-w", with_url(flagged, url), "push")

    assert result.stderr == f"error: Label Studio at {url} has version {release}, and {said}\n"


@pytest.mark.services
def test_a_wrong_key(curate: Curate, flagged: Path, label_studio: LocalServer) -> None:
    url = label_studio.url

    result = curate("-w", with_url(flagged, url), "push")

    assert result.stderr == (
        f"error: Label Studio at {url} refuses the token in LABEL_STUDIO_API_KEY. Copy a new personal access "
        f"token from {url}/user/account/personal-access-token (a legacy token works only where the "
        f"organisation allows it).\n"
    )


@pytest.mark.services
def test_nothing_to_sync_before_the_first_push(curate: Curate, make: Make, label_studio: LocalServer) -> None:
    result = curate("-w", make().workspace.folder, "sync-corrections")

    assert result.stderr == (
        f"error: Label Studio at {label_studio.url} has no project of this catalog, so there is nothing to "
        f"sync. Run `curate push` first.\n"
    )


@pytest.mark.services
def test_a_project_that_was_deleted(
    curate: Curate, make: Make, label_studio: LocalServer, server: Server
) -> None:
    folder = make().workspace.folder
    project = curate("-w", folder, "push", "--json").json()["project"]
    server.client.projects.delete(id=project)

    result = curate("-w", folder, "sync-corrections")

    assert result.stderr == (
        f"error: Label Studio at {label_studio.url} has no project {project}. Take the line "
        f"`project = {project}` out of [label_studio] in curate.toml, and the next `curate push` finds it "
        f"again or makes a new one.\n"
    )


@pytest.mark.services
def test_images_that_the_server_does_not_serve(
    curate: Curate, make: Make, label_studio: LocalServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing is sent, and nothing is in the catalog, when a reviewer would see no picture."""
    gallery = make()
    outside = Path("/var/tmp") / tmp_path_factory.mktemp("outside").name
    shutil.copytree(gallery.workspace.settings.roots["pictures"], outside / "pictures")
    try:
        change_settings(gallery.workspace, "roots", "pictures", str(outside / "pictures"))

        result = curate("-w", gallery.workspace.folder, "push")
    finally:
        shutil.rmtree(outside)

    assert result.stderr == (
        f"error: Label Studio at {label_studio.url} does not serve the images under {outside}/pictures (not "
        f"below its root). Restart it with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={outside}; or, where it runs elsewhere, put a URL template "
        f"with {{path}} under [label_studio] images in curate.toml.\n"
    )


@pytest.mark.services
def test_a_url_template_is_fetched_before_anything_is_sent(curate: Curate, make: Make) -> None:
    gallery = make()
    with answering(404, b"no") as url:
        change_settings(gallery.workspace, "label_studio", "images", f"{url}/{{root}}/{{path}}")

        result = curate("-w", gallery.workspace.folder, "push")

    assert result.stderr == (
        f"error: {url}/pictures/0000.png is not an image (status 404), and a reviewer's browser would fetch "
        f"it. Fix the URL template under [label_studio] images in curate.toml.\n"
    )
