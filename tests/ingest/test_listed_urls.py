"""Lists whose images are URLs: fetched once, politely, and nothing set missing where a server is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select

from curate.ingest.places.web import WebImages
from db.engine.catalog import Catalog
from db.models import Artwork
from db.workspace.workspace import Workspace, open_workspace
from model.inputs.data import read_image
from tests.conftest import Curate
from tests.ingest.conftest import Take, drawing


class Museum:
    """A server of images at IIIF-like addresses; it notes when it was asked for what."""

    def __init__(self) -> None:
        museum = self
        self.asked: list[tuple[float, str]] = []
        self.busy: dict[str, int] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                museum.asked.append((time.monotonic(), self.path))
                if museum.busy.get(self.path, 0):
                    museum.busy[self.path] -= 1
                    self.send_response(503)
                    self.send_header("Retry-After", "0")
                    self.end_headers()
                    return
                if "gone" in self.path:
                    self.send_error(404)
                    return
                with BytesIO() as out:
                    drawing(sum(self.path.encode())).save(out, "JPEG")
                    body = out.getvalue()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def iiif(self, identifier: str) -> str:
        return f"{self.url}/iiif/2/{identifier}/full/!512,512/0/default.jpg"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def museum() -> Iterator[Museum]:
    """A museum's image server."""
    running = Museum()
    yield running
    running.stop()


@pytest.fixture
def fast(workspace: Workspace) -> Workspace:
    """The workspace, whose museums may be asked fifty times a second."""
    text = workspace.settings_path.read_text()
    workspace.settings_path.write_text(f"fetch_per_second = 50.0\n{text}")
    return open_workspace(workspace.folder)


def statuses(catalog: Catalog) -> dict[str, str]:
    with catalog.read() as session:
        return {row[0]: row[1] for row in session.execute(select(Artwork.path, Artwork.status))}


def write_list(folder: Path, *urls: str) -> Path:
    path = folder / "list.csv"
    path.write_text("filepath,style\n" + "".join(f'"{url}",Cubism\n' for url in urls))
    return path


def test_images_of_urls_are_fetched_once_and_found_ever_after(
    fast: Workspace, take: Take, catalog: Catalog, museum: Museum, tmp_path: Path
) -> None:
    urls = (
        museum.iiif("a%2Fb"),
        museum.iiif("c"),
        f"{museum.url}/image?id=4&size=large",
        museum.iiif("gone"),
    )
    museum.busy["/iiif/2/c/full/!512,512/0/default.jpg"] = 2
    path = write_list(tmp_path, *urls)

    first = take(path)
    asked = len(museum.asked)
    second = take(path)

    assert (first.written.added, dict(first.refused)) == (3, {"missing": 1})
    assert statuses(catalog) == {urls[0]: "ok", urls[1]: "ok", urls[2]: "ok", urls[3]: "missing"}
    assert {path for _, path in museum.asked} == {url.removeprefix(museum.url) for url in urls}
    assert asked == 6
    assert (second.written.unchanged, dict(second.refused)) == (3, {"missing": 1})
    assert len(museum.asked) == asked + 1
    opened = open_workspace(fast.folder)
    assert opened.settings.root_urls == {"web": "web://"}
    assert read_image(opened.image_path("web", urls[0])).size == (64, 48)


def test_a_server_is_asked_no_faster_than_said(
    workspace: Workspace, museum: Museum, tmp_path: Path, curate: Curate
) -> None:
    text = workspace.settings_path.read_text()
    workspace.settings_path.write_text(f"fetch_per_second = 4.0\n{text}")
    path = write_list(tmp_path, *(museum.iiif(str(at)) for at in range(9)))

    done = curate("-w", workspace.folder, "ingest", path)

    assert "9 images are fetched from 127.0.0.1, at most 4 a second and server: about 2 s." in done.stderr
    moments = sorted(moment for moment, _ in museum.asked)
    assert len(moments) == 9
    assert moments[-1] - moments[0] >= 1.5


def test_files_and_urls_may_stand_in_one_list(
    fast: Workspace, take: Take, catalog: Catalog, museum: Museum, tmp_path: Path
) -> None:
    drawing(5).save(tmp_path / "a.jpg")

    summary = take(write_list(tmp_path, museum.iiif("a"), "a.jpg"))

    assert summary.written.added == 2
    assert statuses(catalog) == {museum.iiif("a"): "ok", "a.jpg": "ok"}
    assert take(tmp_path / "list.csv").written.unchanged == 2


def test_a_server_that_is_down_sets_nothing_missing(
    fast: Workspace, take: Take, catalog: Catalog, museum: Museum, tmp_path: Path
) -> None:
    take(write_list(tmp_path, museum.iiif("a"), museum.iiif("b")))
    before = statuses(catalog)
    write_list(tmp_path, museum.iiif("a"), museum.iiif("b"), museum.iiif("c"))
    museum.stop()

    summary = take(tmp_path / "list.csv")

    assert (summary.written.unchanged, dict(summary.refused)) == (2, {"unreachable": 1})
    host = museum.url.removeprefix("http://")
    assert summary.remarks == [
        f"1 images could not be fetched, and what the catalog has of them was left as it is: {host} does not "
        f"answer. Run the command again later."
    ]
    assert statuses(catalog) == before


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("https://user:secret@example.org/a.jpg", "url"),
        ("https://[::1/a.jpg", "url"),
        ("https://example.org:abc/a.jpg", "url"),
        ("https://example.org/a/../../b.jpg", "url"),
        ("https://example.org", "url"),
        ("https://example.org/folder/", "url"),
        ("https:///a.jpg", "url"),
        ("https://example.org/a\x1b.jpg", "url"),
        (f"https://example.org/{'x' * 300}.jpg", "bad_path"),
    ],
)
def test_what_is_no_url_of_an_image_has_its_reason(listed: str, reason: str) -> None:
    key = WebImages.key(listed)

    assert not isinstance(key, str) and key.reason == reason
