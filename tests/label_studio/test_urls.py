"""Where a root of images is a URL, the browser goes there itself, or the push says what is missing."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from db.models import Artwork, BatchItem
from db.reviews.asking.cards import read_cards
from db.workspace.workspace import change_settings
from review.errors import TemplateNotServed, UrlNotServed
from review.label_studio.client import Server
from review.label_studio.push.images import image_urls
from tests.conftest import Curate
from tests.label_studio.conftest import Make


@pytest.mark.services
def test_a_root_on_the_web_is_shown_from_there(make: Make, server: Server, tmp_path: Path) -> None:
    gallery = make(3, 1)
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        card = read_cards(session, [1])[1]
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
        card = read_cards(session, [1])[1]
    workspace = change_settings(gallery.workspace, "roots", "pictures", "s3://key:secret@bucket/art")

    with pytest.raises(UrlNotServed) as caught:
        image_urls(server, 1, workspace, {"pictures": card})

    assert str(caught.value) == (
        "A reviewer's browser cannot open the images at s3://key:***@bucket/art by themselves. Put a URL "
        "template with {path}, such as the bucket's https address, under [label_studio] images in "
        "curate.toml."
    )


@pytest.mark.services
def test_images_are_uploaded_once_and_shown_from_the_servers_copy(
    curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(20, 20)
    folder = gallery.workspace.folder
    pictures = gallery.workspace.settings.roots["pictures"]
    (pictures / "0003.png").write_bytes((pictures / "0002.png").read_bytes())
    change_settings(gallery.workspace, "label_studio", "images", "upload")

    first = curate("-w", folder, "push", "--limit", "4", "--audit", "0", "--json").json()
    second = curate("-w", folder, "push", "--limit", "16", "--audit", "0", "--json").json()
    shown = {task.data["artwork"]: task.data["image"] for task in server.tasks(first["project"])}

    assert (first["created"], second["created"]) == (4, 16)
    numbers = {str(uuid): number for number, uuid in enumerate(gallery.uuids)}
    for uuid, url in shown.items():
        assert server.get(url) == (200, (pictures / f"{numbers[uuid]:04}.png").read_bytes())
    kept = server.get_json(f"/api/projects/{first['project']}/file-uploads?all=true")
    assert len(kept) == len(set(shown.values())) == 19


@pytest.mark.services
@pytest.mark.parametrize("images", ["local", "upload"])
def test_one_image_that_is_gone_stops_no_push(curate: Curate, make: Make, images: str) -> None:
    gallery = make(3, 3)
    change_settings(gallery.workspace, "label_studio", "images", images)
    (gallery.workspace.settings.roots["pictures"] / "0001.png").unlink()

    result = curate("-w", gallery.workspace.folder, "push", "--audit", "0")

    assert result.stdout.startswith("2 tasks sent, 0 refreshed, 0 withdrawn, 0 skipped.")
    assert result.stderr.endswith(
        "Left out, since their images cannot be shown: 1 (0001.png). "
        "`curate ingest` on their source sets aside what is gone.\n"
    )
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        assert sorted(session.scalars(select(BatchItem.artwork_id))) == [1, 3]


@pytest.mark.services
@pytest.mark.parametrize("images", ["local", "upload"])
def test_where_all_images_are_gone_nothing_is_sent(curate: Curate, make: Make, images: str) -> None:
    gallery = make(3, 3)
    change_settings(gallery.workspace, "label_studio", "images", images)
    for path in gallery.workspace.settings.roots["pictures"].iterdir():
        path.unlink()

    result = curate("-w", gallery.workspace.folder, "push", "--audit", "0")

    assert result.status == 1
    assert result.stderr.endswith(
        "error: None of the 3 images can be shown, 0000.png among them: they are gone, or cannot be read. "
        "Mount their disk or type `curate relocate`; where they are gone for good, `curate ingest` sets them "
        "aside. Nothing was sent.\n"
    )


@pytest.mark.services
@pytest.mark.parametrize("images", ["local", "upload"])
def test_what_no_browser_shows_is_shown_as_a_copy(
    curate: Curate, make: Make, server: Server, images: str
) -> None:
    """A TIFF, and a secret that somebody's catalog names: the one is sent as a JPEG, the other never."""
    gallery = make(4, 4)
    change_settings(gallery.workspace, "label_studio", "images", images)
    pictures = gallery.workspace.settings.roots["pictures"]
    Image.new("RGB", (320, 240), (200, 10, 10)).save(pictures / "0001.tif")
    (pictures.parent / "secret.png").write_bytes((pictures / "0002.png").read_bytes())
    with gallery.workspace.open_catalog() as catalog, catalog.write() as session:
        tiff, stranger = session.get_one(Artwork, 2), session.get_one(Artwork, 3)
        tiff.path, tiff.image_format, tiff.needs_copy = "0001.tif", "TIFF", True
        stranger.path = "../secret.png"

    pushed = curate("-w", gallery.workspace.folder, "push", "--audit", "0", "--json")

    assert pushed.json()["created"] == 3
    assert "cannot be shown: 1 (../secret.png)." in pushed.stderr
    urls = {t.data["artwork"]: t.data["image"] for t in server.tasks(pushed.json()["project"])}
    status, body = server.get(urls[str(gallery.uuids[1])])
    shown = Image.open(BytesIO(body))
    assert (status, shown.format, shown.size) == (200, "JPEG", (320, 240))
    assert shown.getpixel((9, 9)) == pytest.approx((200, 10, 10), abs=3)
    checked = curate("-w", gallery.workspace.folder, "check")
    assert "every artwork's path stays below its root" in checked.stdout + checked.stderr
