"""The App in a browser that also visits a stranger's page: the page changes nothing and reads nothing."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from db.models import Verdict
from tests.browser import Served, find_chromium, opened_app, served_app

pytestmark = [
    pytest.mark.services,
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:fiftyone.*"),
    pytest.mark.skipif(find_chromium() is None, reason="chromium and chromedriver are not installed"),
]

ATTACK = """
const done = arguments[arguments.length - 1];
const [app, asked, file] = [arguments[0], arguments[1], arguments[2]];
const tell = promise => promise.then(r => r.text()).catch(error => "refused: " + error.message);
const image = new Promise(tell => {
  const shown = new Image();
  shown.onload = () => tell("shown");
  shown.onerror = () => tell("not shown");
  shown.src = app + "/media?filepath=" + encodeURIComponent(file);
});
Promise.all([
  tell(fetch(app + "/operators/execute",
    {method: "POST", mode: "no-cors", body: asked, credentials: "include"})),
  tell(fetch(app + "/operators/execute", {method: "POST", body: asked, credentials: "include",
    headers: {"Content-Type": "application/json"}})),
  tell(fetch(app + "/fiftyone", {credentials: "include"})),
  image,
]).then(done);
"""


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """A page of another origin, on this machine, where cookies count it as the same site."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<!doctype html><p>hello", encoding="utf-8")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


def execute(name: str) -> str:
    """Return what a page that knows the dataset would post, to judge all of it."""
    return json.dumps(
        {
            "operator_uri": "@curate/review/judge",
            "dataset_name": name,
            "view": [],
            "selected": [],
            "params": {"decision": "confirmed", "attribute": "style"},
        }
    )


def verdicts(gallery: Any) -> int:
    with gallery.catalog.read() as session:
        return int(session.query(Verdict).count())


def test_a_page_of_another_origin_writes_and_reads_nothing(
    gallery: Any, stranger: str, tmp_path: Path
) -> None:
    gallery.add_run()
    name = gallery.workspace.settings.fiftyone.dataset
    image = str(gallery.workspace.settings.roots["images"] / "00000.png")
    asked = execute(name)

    with served_app(gallery.workspace.folder, tmp_path / "browse.log") as served, opened_app(served) as app:
        app.open(f"/datasets/{name}")  # the browser has the App's cookie
        app.wait_for_count(30)
        app.driver.get(stranger)
        app.driver.set_script_timeout(60)
        told = app.driver.execute_async_script(ATTACK, app.base, asked, image)

        assert told == ["", "refused: Failed to fetch", "refused: Failed to fetch", "not shown"]
        assert verdicts(gallery) == 0
        _a_rebound_name(served, image)
        _strangers_without_a_browser(served, gallery, asked, image)
        _the_app_itself(served, gallery, asked, image)


def _a_rebound_name(served: Served, image: str) -> None:
    """A stranger's name that leads to the loopback: the browser takes the App for the stranger's own site."""
    with opened_app(None, flags=["--host-resolver-rules=MAP evil.example 127.0.0.1"]) as browser:
        for file in (image, "/etc/passwd"):
            browser.driver.get(f"http://evil.example:{served.port}/media?filepath={file}")
            assert browser.one("body").text.startswith("The App is not served under this name.")


def _strangers_without_a_browser(served: Served, gallery: Any, asked: str, image: str) -> None:
    """Another user of the machine, and a name that was bound to the loopback."""
    base, key = f"http://127.0.0.1:{served.port}", {f"curate_app_{served.port}": served.key}
    as_json = {"Content-Type": "application/json"}
    for path in ("/fiftyone", f"/media?filepath={image}", "/", "/plugins/curate/fiftyone.yml"):
        assert httpx.get(base + path, trust_env=False).status_code == 403, path
    for cookies, headers in (
        ({}, as_json),
        (key, {"Content-Type": "text/plain"}),
        (key, as_json | {"Host": "evil.example"}),
        (key, as_json | {"Origin": "http://evil.example"}),
    ):
        with httpx.Client(cookies=cookies, trust_env=False) as client:
            answer = client.post(f"{base}/operators/execute", content=asked, headers=headers)
        assert answer.status_code in (403, 415), (cookies, headers)
    with httpx.Client(cookies=key, trust_env=False) as client:
        for file in ("/etc/passwd", str(gallery.workspace.folder / "catalog.db")):
            assert client.get(f"{base}/media", params={"filepath": file}).status_code == 403
    keys = gallery.workspace.folder / f".curate-app-{served.port}"
    if os.name == "posix":
        assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert verdicts(gallery) == 0


def _the_app_itself(served: Served, gallery: Any, asked: str, image: str) -> None:
    """With the key the same requests do what they say: above they were refused for their sender."""
    base, key = f"http://127.0.0.1:{served.port}", {f"curate_app_{served.port}": served.key}
    with httpx.Client(cookies=key, trust_env=False, timeout=120) as client:
        assert client.get(f"{base}/media", params={"filepath": image}).status_code == 200
        done = client.post(
            f"{base}/operators/execute", content=asked, headers={"Content-Type": "application/json"}
        )
    assert done.status_code == 200, done.text
    assert verdicts(gallery) == 30


def test_operators_act_only_for_the_workspace_that_opened_the_app(
    gallery: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a server that somebody else started, or the App of a copied workspace."""
    from types import SimpleNamespace

    from review.errors import NotFromTheApp
    from review.fiftyone.app.guard import SECRET
    from review.fiftyone.app.keys import VARIABLE, fresh_keys
    from review.plugin.opened import opened

    info = {"curate": {"workspace": str(gallery.workspace.folder)}}

    def asked(secret: str | None) -> Any:
        request = {} if secret is None else {SECRET: secret}
        return SimpleNamespace(dataset=SimpleNamespace(info=info), request_params=request)

    (gallery.workspace.folder / ".curate-app-1").write_text("of an App that was killed", encoding="utf-8")
    with fresh_keys(gallery.workspace, 5151) as (path, keys):
        assert [found.name for found in gallery.workspace.folder.glob(".curate-app-*")] == [path.name]
        for place, secret in ((None, keys.operators), (path, None), (path, "guessed"), (path, keys.browser)):
            monkeypatch.delenv(VARIABLE, raising=False)
            if place is not None:
                monkeypatch.setenv(VARIABLE, str(place))
            with pytest.raises(NotFromTheApp), opened(asked(secret)):
                pass
        elsewhere = tmp_path / "copy"
        elsewhere.mkdir()
        (elsewhere / path.name).write_bytes(path.read_bytes())
        monkeypatch.setenv(VARIABLE, str(elsewhere / path.name))
        with pytest.raises(NotFromTheApp), opened(asked(keys.operators)):
            pass
        monkeypatch.setenv(VARIABLE, str(path))
        with opened(asked(keys.operators)) as (workspace, _):
            assert workspace.folder == gallery.workspace.folder
    assert not path.exists()
