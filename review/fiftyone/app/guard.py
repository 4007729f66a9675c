"""What stands before FiftyOne's server: who may ask, from where, and which files it hands out.

FiftyOne's server trusts whoever reaches it. Any page in the user's browser reaches the loopback, and so does
any user of the machine: they could run operators, which write verdicts, and have any file from ``/media``.
So a request must name this machine (no rebound DNS name), come from the App's own pages (no other
origin), and carry the key of this ``curate browse``; a body must be JSON; and media are files of the
catalog's roots and cache. Operators are told a second secret that no browser ever sees.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from hmac import compare_digest
from html import escape
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
KEY = "key"
"""The part of the address's query that carries the key, at the first visit only."""
SECRET = "curate_secret"
"""Where a request for an operator carries the secret."""
OPERATORS = "/operators/"
LARGEST = 32 * 2**20
"""Bytes of a request for an operator; a view of a hundred thousand chosen samples has three million."""

EVENTS = "text/event-stream"
"""How the App calls the JSON with which it asks for events; no page may send that without leave, either."""

POLICY = b"cross-origin-resource-policy"

SAFE = ("GET", "HEAD", "OPTIONS")
NO_KEY = (
    "This App belongs to one `curate browse`. Open the address that it printed: the key is in it. "
    "It is a new one each time."
)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    text: str


class Guard:
    """An ASGI application that lets through to another one what the user's own App asks.

    Args:
        app: FiftyOne's.
        port: It names the cookie: two Apps on one machine have two.
        key: What the user's browser must show.
        secret: Added to what operators are asked; no browser is told.
        hosts: Names of this machine under which it may be asked, beside the loopback's.
        media: Says of a path, and waits for, whether it is one of the catalog's files.
        home: Where a browser is sent that asks for the bare address, on which FiftyOne shows no dataset.
    """

    def __init__(
        self,
        app: App,
        port: int,
        key: str,
        secret: str,
        hosts: Collection[str],
        media: Callable[[str], Awaitable[bool]],
        home: str = "/",
    ) -> None:
        self._home = home
        self._app, self._key, self._secret, self._media = app, key, secret, media
        self._cookie = f"curate_app_{port}"
        self._hosts = {*LOOPBACK, *(host.casefold() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let it through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = _headers(scope)
        refusal = self._stranger(scope, headers)
        if refusal is None and self._shows_key(scope):
            await self._let_in(scope, send)
            return
        refusal = refusal or self._without_key(headers) or _no_json(scope, headers)
        if refusal is None and scope["path"].rstrip("/") == "/media":
            asked = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("filepath", "")
            if not await self._media(asked):
                refusal = Refusal(403, "This is no file of the catalog's roots.")
        if refusal is not None:
            await _answer(send, refusal.status, refusal.text)
            return
        if scope["path"] == "/" != self._home and scope["method"] == "GET":
            await _answer(send, 307, "", headers=[(b"location", self._home.encode())])
            return
        if scope["path"].startswith(OPERATORS) and scope["method"] == "POST":
            body = await _body(receive)
            told = _with_secret(body, self._secret)
            if told is None:
                await _answer(send, 400, "A request for an operator is a JSON object of at most 32 MiB.")
                return
            scope, receive = _resized(scope, told), _replay(told, receive)
        await self._app(scope, receive, _for_own_pages(send))

    def _stranger(self, scope: Scope, headers: dict[str, str]) -> Refusal | None:
        """Return why a request is not one of this machine's own pages'."""
        try:
            name = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        except ValueError:  # half an IPv6 address, for instance
            name = ""
        if name.casefold().rstrip(".") not in self._hosts:
            return Refusal(
                403, "The App is not served under this name. Names may be added to CURATE_APP_HOSTS."
            )
        origin = headers.get("origin")
        if origin is not None and origin != f"{scope.get('scheme', 'http')}://{headers['host']}":
            return Refusal(403, "Pages of another origin may not ask the App.")
        visit = scope["method"] == "GET" and (
            headers.get("sec-fetch-mode"),
            headers.get("sec-fetch-dest"),
        ) == ("navigate", "document")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not visit:
            return Refusal(403, "Pages of another origin may not ask the App.")
        return None

    def _shows_key(self, scope: Scope) -> bool:
        """Return whether the address carries the key, as at the first visit."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        return scope["method"] == "GET" and compare_digest(query.get(KEY, "").encode(), self._key.encode())

    def _without_key(self, headers: dict[str, str]) -> Refusal | None:
        shown = _cookies(headers.get("cookie", "")).get(self._cookie, "")
        return None if compare_digest(shown.encode(), self._key.encode()) else Refusal(403, NO_KEY)

    async def _let_in(self, scope: Scope, send: Send) -> None:
        """Give the browser the key as a cookie, and send it to the address without the key.

        By a page and not by a redirect: a browser that came from elsewhere would not show the cookie yet.
        """
        query = [pair for pair in parse_qsl(scope["query_string"].decode("latin-1")) if pair[0] != KEY]
        target = quote("/" + scope["path"].lstrip("/")) + (f"?{urlencode(query)}" if query else "")
        page = f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(target)}">'
        cookie = f"{self._cookie}={self._key}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 200, page, b"text/html; charset=utf-8", [(b"set-cookie", cookie.encode())])


def _for_own_pages(send: Send) -> Send:
    """Return what sends an answer that no other page may show, not even from the browser's cache."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = [pair for pair in message.get("headers", ()) if pair[0].lower() != POLICY]
            message = {**message, "headers": [*given, (POLICY, b"same-origin")]}
        await send(message)

    return sending


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _cookies(header: str) -> dict[str, str]:
    """Return the cookies of a request by name, as browsers send them.

    Other programs of this machine set theirs for all its ports, some with signs at which ``http.cookies``
    gives up and reads none.
    """
    pairs = (part.partition("=") for part in header.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _no_json(scope: Scope, headers: dict[str, str]) -> Refusal | None:
    """Return why the App sends no such body: any web page may send a form or plain text."""
    if scope["method"] in SAFE or headers.get("content-length", "") == "0":
        return None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")) or kind == EVENTS:
        return None
    return Refusal(415, "Only JSON is read here.")


async def _body(receive: Receive) -> bytes | None:
    """Return a request's body, None where it is too large or its sender is gone."""
    body = bytearray()
    while len(body) <= LARGEST:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)
    return None


def _with_secret(body: bytes | None, secret: str) -> bytes | None:
    try:
        asked = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    return json.dumps({**asked, SECRET: secret}).encode() if isinstance(asked, dict) else None


def _resized(scope: Scope, body: bytes) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"content-length"]
    return {**scope, "headers": [*kept, (b"content-length", str(len(body)).encode())]}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body once, and after it whatever the connection says."""
    waiting = [body]

    async def again() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": waiting.pop()} if waiting else await receive()

    return again


async def _answer(
    send: Send,
    status: int,
    text: str,
    kind: bytes = b"text/plain; charset=utf-8",
    headers: Collection[tuple[bytes, bytes]] = (),
) -> None:
    fixed = [
        (b"content-type", kind),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": text.encode()})
