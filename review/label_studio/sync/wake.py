"""Wait for the next look at the server: until a while has passed, or a webhook says that something is new.

Label Studio sends a webhook once, without repeating it, and says nothing of what it sends being true: so it
only wakes the poll, which reads everything from the server itself.
"""

from __future__ import annotations

import hmac
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from review.errors import WebhookPortTaken

SECRET_HEADER = "X-Curate-Secret"

SILENT_SECONDS = 10.0
"""A caller who says nothing for so long is hung up on."""


class _Listener(ThreadingHTTPServer):
    """A server to which a caller who hangs up, or talks another language, is no event."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Let the caller go."""
        if not isinstance(sys.exception(), OSError | ValueError):
            raise


class Alarm:
    """Something that can be waited for and rung."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        """End the wait that is on, or the next one."""
        self._rung.set()

    def wait(self, seconds: float) -> bool:
        """Wait; return whether it was rung."""
        rung = self._rung.wait(seconds)
        self._rung.clear()
        return rung


@contextmanager
def webhook_receiver(port: int, secret: str, host: str = "127.0.0.1") -> Iterator[tuple[Alarm, int]]:
    """Listen for Label Studio's webhooks; yield the alarm that they ring, and the port.

    Args:
        port: Where to listen; 0 takes a free one.
        secret: What the header ``X-Curate-Secret`` has to hold; requests without it ring nothing.
        host: The address to listen on; the loopback unless the server is another machine.

    Raises:
        WebhookPortTaken: Something listens there, or this user may not.
    """
    alarm = Alarm()

    class Receiver(BaseHTTPRequestHandler):
        """Rings for whoever knows the secret."""

        timeout = SILENT_SECONDS

        def do_POST(self) -> None:
            """Take one webhook."""
            told = self.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
            authentic = hmac.compare_digest(told, secret.encode("utf-8", "surrogateescape"))
            self.send_response(204 if authentic else 403)
            self.end_headers()
            if authentic:
                alarm.ring()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    try:
        listener = _Listener((host, port), Receiver)
    except OSError as error:
        raise WebhookPortTaken(port, error.strerror or str(error)) from error
    with listener as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield alarm, int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
