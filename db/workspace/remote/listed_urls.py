"""Images that lists name by URL, anywhere on the web: one request an image, and never faster than said.

A root at ``LISTED`` has whole URLs for paths.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

from db.errors import StorageUnreachable
from db.images.formats import MAX_BYTES
from db.workspace.remote.mirror import LISTED
from db.workspace.remote.storage import Storage
from db.workspace.secrets import redact

TRIES = 4
PATIENCE = 60.0
"""Tries of one image, and the longest that a server may ask to wait before the next, in seconds."""

BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Answers that may be others a moment later; with all but 200 else, there is no such image for us."""

TIMEOUT = 30.0

HEADERS = {"User-Agent": "curate (label curation; one request an image)", "Accept": "image/*, */*;q=0.1"}


class ListedUrls(Storage):
    """Images anywhere on the web; a server gets at most ``rate`` requests a second."""

    def __init__(self, rate: float) -> None:
        super().__init__(LISTED)
        self.rate = rate
        self._turns = threading.Lock()
        self._next: dict[str, float] = defaultdict(float)

    def download(self, path: str, to: Path) -> None:
        """Fetch one image; a server that is busy is asked again, as late as it says.

        Raises:
            FileNotFoundError: The server has it not, or not for us.
            StorageUnreachable: The server does not answer.
        """
        import httpx

        scheme, _, rest = path.partition(":/")  # the two slashes of a URL are one in a path on the disk
        url = f"{scheme}://{rest.lstrip('/')}"
        host = urlsplit(url).netloc
        said = ""
        for tried in range(TRIES):
            self._take_turn(host)
            pause = 0.0
            try:
                status, pause = self._ask(url, to)
            except httpx.InvalidURL as error:
                raise FileNotFoundError(2, str(error), url) from error
            except httpx.HTTPError as error:
                status, said = 0, str(error) or type(error).__name__
                if tried and isinstance(error, httpx.ConnectError):
                    break
            if status == 200:
                return
            if status and status not in BUSY:
                raise FileNotFoundError(2, f"status {status}", redact(url))
            said = f"status {status}" if status else said
            self._rest(host, max(pause, 0.5 * 2.0**tried))
        raise StorageUnreachable(redact(f"{scheme}://{host}"), redact(said))

    def _ask(self, url: str, to: Path) -> tuple[int, float]:
        """Ask once; return the status, and how many seconds the server asks to wait."""
        import httpx

        with httpx.stream("GET", url, headers=HEADERS, timeout=TIMEOUT, follow_redirects=True) as answer:
            if answer.status_code == 200:
                size = 0
                with to.open("wb") as file:
                    for block in answer.iter_bytes():
                        size += len(block)
                        if size > MAX_BYTES:
                            raise FileNotFoundError(2, "larger than any image", redact(url))
                        file.write(block)
            said = answer.headers.get("Retry-After", "")
            return answer.status_code, min(float(said), PATIENCE) if said.isdecimal() else 0.0

    def _take_turn(self, host: str) -> None:
        """Wait until a server may be asked again."""
        with self._turns:
            moment = time.monotonic()
            turn = max(self._next[host], moment)
            self._next[host] = turn + 1.0 / self.rate
        time.sleep(turn - moment)

    def _rest(self, host: str, seconds: float) -> None:
        """Leave a server alone for a while."""
        with self._turns:
            self._next[host] = max(self._next[host], time.monotonic() + seconds)
