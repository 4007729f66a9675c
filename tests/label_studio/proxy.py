"""A proxy between curate and a real Label Studio that delays, cuts, refuses or repeats what it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

FAULTS = ("delay", "cut_before", "cut_after", "500", "500_after", "429", "401", "twice", "half")
"""``before``: the server never hears of it; ``after``: it does it, and its answer is lost."""

Choose = Callable[[str, str], str | None]
"""From method and path to the fault of this request, or None."""


class Proxy(ThreadingHTTPServer):
    """Forwards every request to a server, with a fault where ``choose`` names one."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.upstream = upstream
        self.choose: Choose = lambda _method, _path: None
        self.seen: list[tuple[str, str, str | None]] = []
        self.http = httpx.Client(timeout=300, trust_env=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that was killed goes without a word."""

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Forward(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.choose(self.command, self.path)
        self.server.seen.append((self.command, self.path, fault))
        if fault == "delay":
            time.sleep(1.5)
        if fault in ("500", "429", "401"):
            self._reply(int(fault), b'{"detail": "a fault"}', "application/json")
        elif fault == "cut_before":
            self.close_connection = True
        else:
            self._forwarded(fault, body)

    def _forwarded(self, fault: str | None, body: bytes) -> None:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        for _ in range(2 if fault == "twice" else 1):
            try:
                answer = self.server.http.request(
                    self.command, f"{self.server.upstream}{self.path}", content=body, headers=headers
                )
            except httpx.TransportError:
                self.close_connection = True
                return
        kind = answer.headers.get("Content-Type", "")
        if fault == "500_after":
            self._reply(500, b'{"detail": "a fault"}', "application/json")
        elif fault == "half" and len(answer.content) > 1:
            self._reply(answer.status_code, answer.content, kind, sent=len(answer.content) // 2)
        elif fault == "cut_after":
            self.close_connection = True
        else:
            self._reply(answer.status_code, answer.content, kind)

    def _reply(self, status: int, body: bytes, kind: str, sent: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])
        if sent is not None:
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def proxy_to(upstream: str) -> Iterator[Proxy]:
    """Run a proxy in front of a server."""
    with Proxy(upstream) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            proxy.http.close()
            thread.join()
