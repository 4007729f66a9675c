"""The guard before FiftyOne's server, asked as browsers and strangers ask; behind it an app that repeats."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from db.workspace.workspace import change_settings, init_workspace
from review.fiftyone.app.guard import NO_KEY, SECRET, Guard
from review.fiftyone.app.server import Media

KEY, WORD = "a-key", "a-secret"
HOME = "http://localhost:5151"


async def repeating(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what was asked."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    said = json.dumps({"path": scope["path"], "body": body.decode()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": said})


def ask(
    method: str = "GET",
    path: str = "/",
    *,
    key: str | None = KEY,
    base: str = HOME,
    home: str = "/",
    **options: Any,
) -> httpx.Response:
    """Ask once; with the App's cookie unless ``key`` is None."""

    async def media(path: str) -> bool:
        return path == "/roots/a.jpg"

    async def once() -> httpx.Response:
        guard = Guard(repeating, 5151, KEY, WORD, ["gallery.example"], media, home)
        cookies = {} if key is None else {"curate_app_5151": key}
        transport = httpx.ASGITransport(app=guard)
        async with httpx.AsyncClient(transport=transport, base_url=base, cookies=cookies) as client:
            return await client.request(method, path, **options)

    return asyncio.run(once())


def test_the_app_itself_is_let_through() -> None:
    assert ask().status_code == 200
    assert ask("POST", "/graphql", json={"q": 1}, headers={"Origin": HOME}).json()["body"] == '{"q":1}'
    assert ask(base="http://127.0.0.1:9999").status_code == 200  # a port that ssh -L forwards
    assert ask(base="http://[::1]:5151").status_code == 200
    assert ask(base="http://gallery.example:5151").status_code == 200


def test_the_bare_address_leads_to_the_dataset_with_the_key_only() -> None:
    home = "/datasets/curate-a?view=worst-labels"

    led, kept, stranger = ask(home=home), ask(path="/datasets/other", home=home), ask(key=None, home=home)

    assert (led.status_code, led.headers["location"]) == (307, home)
    assert (kept.status_code, stranger.status_code) == (200, 403)


@pytest.mark.parametrize(
    "other",
    ['settings={"a": 1}', "list[0]=1", "flag", "said=a b, c", 'open="x', "=", "é=1", "a=b=c==", ";;"],
)
@pytest.mark.parametrize("last", [True, False])
def test_cookies_of_other_programs_on_this_machine_do_not_lock_the_user_out(other: str, last: bool) -> None:
    """A browser shows a program the cookies of all ports; one with odd signs hid the App's own."""
    ours = f"curate_app_5151={KEY}"

    header = "; ".join((other, ours) if last else (ours, other))

    assert ask(key=None, headers={"Cookie": header.encode()}).status_code == 200
    assert ask(key=None, headers={"Cookie": header.replace(KEY, "x").encode()}).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "localhost.evil.example", "127.0.0.1.nip.example", "", "a@b",
        "[", "[::1", "[x]:1", "127.1", "0.0.0.0", "2130706433", "localhost%00.evil.example",
    ],
)  # fmt: skip
def test_no_other_name_is_answered(host: str) -> None:
    result = ask(headers={"Host": host})

    assert (result.status_code, result.text[:41]) == (403, "The App is not served under this name. Na")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:8000", "https://localhost:5151"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PATCH", "DELETE"])
def test_no_page_of_another_origin_is_answered(origin: str, method: str) -> None:
    result = ask(method, "/operators/execute", headers={"Origin": origin, "Content-Type": "application/json"})

    assert (result.status_code, result.text) == (403, "Pages of another origin may not ask the App.")


@pytest.mark.parametrize(
    ("site", "mode", "dest", "status"),
    [
        ("same-origin", "cors", "empty", 200),
        ("none", "navigate", "document", 200),
        ("cross-site", "navigate", "document", 200),
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "no-cors", "image", 403),
        ("same-site", "no-cors", "image", 403),
    ],
)
def test_what_a_browser_says_of_a_request_counts(site: str, mode: str, dest: str, status: int) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}

    assert ask(headers=headers).status_code == status


@pytest.mark.parametrize("key", [None, "", "another", KEY + "x", "ключ"])
def test_without_the_key_nothing_is_answered(key: str | None) -> None:
    cookie = {} if key is None else {"Cookie": f"curate_app_5151={key}".encode()}

    result = ask(key=None, headers=cookie)

    assert (result.status_code, result.text) == (403, NO_KEY)


def test_the_address_with_the_key_lets_a_browser_in() -> None:
    result = ask(path=f"/datasets/a%20b?key={KEY}&view=x%22%3E", key=None)

    assert result.status_code == 200
    assert result.headers["set-cookie"] == f"curate_app_5151={KEY}; HttpOnly; SameSite=Strict; Path=/"
    assert 'content="0;url=/datasets/a%20b?view=x%22%3E"' in result.text
    assert KEY not in result.text


def test_the_address_leads_nowhere_else() -> None:
    assert 'url=/evil.example/"' in ask(path=f"{HOME}//evil.example/?key={KEY}", key=None).text


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_only_json_is_read(kind: str) -> None:
    result = ask("POST", "/operators/execute", content=b"{}", headers={"Content-Type": kind})

    assert (result.status_code, result.text) == (415, "Only JSON is read here.")


def test_an_operator_is_told_the_secret_whatever_the_page_says_it_is() -> None:
    asked = {"operator_uri": "x", "params": {"a": 1}, SECRET: "guessed"}

    told = json.loads(ask("POST", "/operators/execute", json=asked).json()["body"])

    assert told == {**asked, SECRET: WORD}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b"\xff"])
def test_an_operator_is_asked_by_an_object(body: bytes) -> None:
    result = ask(
        "POST", "/operators/execute", content=body or b" ", headers={"Content-Type": "application/json"}
    )

    assert result.status_code == 400


def test_media_are_the_catalogs_files() -> None:
    assert ask(path="/media", params={"filepath": "/roots/a.jpg"}).status_code == 200
    assert ask(path="/media", params={"filepath": "/etc/passwd"}).status_code == 403
    assert ask(path="/media/", params={"filepath": "/etc/passwd"}).status_code == 403
    assert ask(path="/media?filepath=/roots/a.jpg&filepath=/etc/passwd").status_code == 403
    assert ask(path="/media").status_code == 403


def test_the_catalogs_files_are_those_under_its_roots_and_in_its_cache(tmp_path: Path) -> None:
    for name in ("images/a.jpg", "other/b.jpg", "secret.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "images/link.jpg").symlink_to(tmp_path / "secret.txt")
    workspace = change_settings(
        init_workspace(tmp_path / "ws", ("style",)), "roots", "images", str(tmp_path / "images")
    )
    (workspace.cache_folder / "copy.jpg").write_bytes(b"x")
    media = Media(workspace.folder)

    shown = {
        name: media.may_show(str(tmp_path / name))
        for name in ("images/a.jpg", "ws/cache/copy.jpg", "images/../secret.txt", "images/link.jpg")
    }

    assert shown == {
        "images/a.jpg": True,
        "ws/cache/copy.jpg": True,
        "images/../secret.txt": False,
        "images/link.jpg": False,
    }
    for refused in ("/etc/passwd", "ws/curate.toml", "images/none.jpg", "images", "", "images/a\0.jpg"):
        assert not media.may_show(str(tmp_path / refused) if refused else ""), refused
    assert not media.may_show(str(tmp_path / "other/b.jpg"))
    change_settings(workspace, "roots", "other", str(tmp_path / "other"))
    assert media.may_show(str(tmp_path / "other/b.jpg"))
