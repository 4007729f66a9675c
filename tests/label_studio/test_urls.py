"""Where a root of images is a URL, the browser goes there itself, or the push says what is missing."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from db.tasks import cards
from db.workspace import change_settings
from review.errors import TemplateNotServed, UrlNotServed
from review.label_studio.client import Server
from review.label_studio.images import image_urls
from tests.label_studio.conftest import Make


@pytest.mark.services
def test_a_root_on_the_web_is_shown_from_there(make: Make, server: Server, tmp_path: Path) -> None:
    gallery = make(3, 1)
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        card = cards(session, [1])[1]
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "pictures"))
    web = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{web.server_port}"

    workspace = change_settings(gallery.workspace, "roots", "pictures", url)
    found = image_urls(server, 1, workspace, {"pictures": card}).of(card)
    astray = change_settings(workspace, "roots", "pictures", f"{url}/elsewhere")
    with pytest.raises(TemplateNotServed):
        image_urls(server, 1, astray, {"pictures": card})
    web.shutdown()
    web.server_close()

    assert found == f"{url}/0000.png"


@pytest.mark.services
def test_a_bucket_needs_a_template(make: Make, server: Server) -> None:
    gallery = make(3, 1)
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        card = cards(session, [1])[1]
    workspace = change_settings(gallery.workspace, "roots", "pictures", "s3://key:secret@bucket/art")

    with pytest.raises(UrlNotServed) as caught:
        image_urls(server, 1, workspace, {"pictures": card})

    assert str(caught.value) == (
        "A reviewer's browser cannot open the images at s3://key:***@bucket/art by themselves. Put a URL "
        "template with {path}, such as the bucket's https address, under [label_studio] images in "
        "curate.toml."
    )
