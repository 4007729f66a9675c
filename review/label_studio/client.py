"""The connection to a Label Studio server: its token, its errors in sentences, its pages of tasks."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from review.errors import (
    NotAllowed,
    ProjectGone,
    RequestFailed,
    ServerDown,
    ServerTooNew,
    ServerTooOld,
    TokenMalformed,
    TokenMissing,
    TokenRefused,
)

if TYPE_CHECKING:
    import httpx
    from label_studio_sdk.client import LabelStudio

TOKEN_VARIABLE = "LABEL_STUDIO_API_KEY"
KEYRING_SERVICE = "curate"
OLDEST = (1, 20)
KNOWN_MAJOR = 1
PAGE = 500
ONCE: Any = {"max_retries": 0}
"""For requests that make something: the SDK would repeat them after a cut, and make it twice."""

Filter = tuple[str, str, str, Any]
"""Column, operator, type, value of one condition on tasks, as the data manager names them."""

DRAFTED: Filter = ("draft_exists", "equal", "Boolean", True)


@dataclass(frozen=True)
class Server:
    """A server that has answered and knows our token; ``url`` is its name in the catalog."""

    url: str
    client: LabelStudio
    http: httpx.Client
    token: str = field(repr=False)

    @contextmanager
    def asked(self, doing: str, project: int | None = None) -> Iterator[None]:
        """Turn what goes wrong while talking to the server into a sentence for the user.

        Args:
            doing: What the server is asked, as in "to import 500 tasks".
            project: The project that a 404 would be about.
        """
        with translated(self.url, doing, project):
            yield

    def get(self, url: str) -> tuple[int, bytes]:
        """Fetch a page or an image as a reviewer's browser would; return status and bytes."""
        with self.asked("for an image"):
            absolute = url if "://" in url else f"{self.url}{url}"
            headers = self._authorization() if absolute.startswith(f"{self.url}/") else {}
            response = self.http.get(absolute, headers=headers, timeout=60)
            return response.status_code, response.content

    def post(self, path: str, body: object) -> Any:
        """Post JSON, once; return the answer's. The SDK would first copy each value of thousands of tasks.

        Raises:
            ApiError: The answer is an error; use within ``asked``.
        """
        headers = {**self._authorization(), "Content-Type": "application/json"}
        content = json.dumps(body).encode()
        return _answer(self.http.post(f"{self.url}{path}", content=content, headers=headers))

    def upload(self, path: str, files: Mapping[str, tuple[str, bytes]]) -> Any:
        """Post files as a form, once; return the answer's JSON.

        Raises:
            ApiError: The answer is an error; use within ``asked``.
        """
        return _answer(self.http.post(f"{self.url}{path}", files=files, headers=self._authorization()))

    def get_json(self, path: str) -> Any:
        """Get JSON that the SDK has no call for.

        Raises:
            ApiError: The answer is an error; use within ``asked``.
        """
        return _answer(self.http.get(f"{self.url}{path}", headers=self._authorization()))

    def _authorization(self) -> dict[str, str]:
        """Return the header of a request beside the SDK's; a personal access token is first exchanged."""
        if self.token.count(".") != 2:
            return {"Authorization": f"Token {self.token}"}
        return {"Authorization": f"Bearer {self.client.tokens.refresh(refresh=self.token).access}"}

    def tasks(
        self,
        project: int,
        *conditions: Filter,
        fields: str = "task_only",
        page_size: int = PAGE,
        drafts: bool = False,
    ) -> Iterator[Any]:
        """Yield the tasks of a project that meet all conditions, by id.

        Each page begins after the last id of the one before, so that a task that comes or goes meanwhile
        hides no other. With ``fields="all"`` annotations (dicts) and predictions come with each. With
        ``drafts`` each tells whether anybody has one, which the server leaves out, but finds.
        """
        last = 0
        while True:
            wanted: Sequence[Filter] = (*conditions, ("id", "greater", "Number", last))
            page = list(self._page(project, wanted, fields, page_size).items or [])
            if drafts and page:
                begun = self._page(project, (*wanted, DRAFTED), fields, page_size).items or []
                drafted = {task.id for task in begun}
                page = [t.model_copy(update={"drafts": [{}]}) if t.id in drafted else t for t in page]
            yield from page
            if len(page) < page_size:
                return
            last = page[-1].id

    def tasks_of_batch(self, project: int, batch: UUID) -> list[Any]:
        """Return the tasks that were sent for a batch, with ``drafts``: no begun one may be deleted."""
        return list(self.tasks(project, ("data.batch", "equal", "String", str(batch)), drafts=True))

    def count(self, project: int, *conditions: Filter) -> int:
        """Return how many tasks of a project meet all conditions."""
        return int(self._page(project, conditions, "task_only", 1).response.total)

    def _page(self, project: int, conditions: Sequence[Filter], fields: str, page_size: int) -> Any:
        query = {
            "filters": {"conjunction": "and", "items": [_condition(*condition) for condition in conditions]},
            "ordering": ["tasks:id"],
        }
        with self.asked("for the tasks", project):
            return self.client.tasks.list(
                project=project, page=1, page_size=page_size, query=json.dumps(query), fields=fields
            )

    def find_task(self, task_id: int) -> Any | None:
        """Return a task, None where the server has none of that id."""
        from label_studio_sdk.core.api_error import ApiError

        with self.asked("for a task"):
            try:
                return self.client.tasks.get(id=str(task_id))
            except ApiError as error:
                if error.status_code != 404:
                    raise
        return None

    def delete_task(self, task_id: int) -> None:
        """Delete a task; one that is gone already is deleted."""
        from label_studio_sdk.core.api_error import ApiError

        with self.asked("to delete a task"):
            try:
                self.client.tasks.delete(id=str(task_id))
            except ApiError as error:
                if error.status_code != 404:
                    raise

    def now(self) -> datetime:
        """Return the time by the server's clock, to the second."""
        with self.asked("for the time"):
            return parsedate_to_datetime(self.http.get(f"{self.url}/health").headers["Date"])


def _answer(answer: httpx.Response) -> Any:
    """Return an answer's JSON; an error is raised as the SDK raises its own."""
    from label_studio_sdk.core.api_error import ApiError

    if answer.is_error:
        kind = answer.headers.get("Content-Type", "")
        said = answer.json() if kind.startswith("application/json") else answer.text
        raise ApiError(status_code=answer.status_code, body=said)
    return answer.json()


@contextmanager
def translated(url: str, doing: str, project: int | None = None) -> Iterator[None]:
    """Turn what goes wrong while talking to a server into a sentence for the user."""
    import httpx
    from label_studio_sdk.core.api_error import ApiError
    from pydantic import ValidationError

    try:
        yield
    except httpx.TransportError as error:
        raise ServerDown(url, str(error) or type(error).__name__) from error
    except ApiError as error:
        raise _sentence(url, error.status_code or 0, error.body, doing, project) from error
    except (json.JSONDecodeError, ValidationError) as error:
        raise RequestFailed(url, doing, 200, "an answer that is not Label Studio's") from error


def _sentence(url: str, status: int, body: Any, doing: str, project: int | None) -> Exception:
    if status == 401:
        return TokenRefused(url)
    if status == 403:
        return NotAllowed(url, doing)
    if status == 404 and project is not None:
        return ProjectGone(url, project)
    return RequestFailed(url, doing, status, _detail(body))


def _condition(column: str, operator: str, kind: str, value: Any) -> Mapping[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


def _detail(body: Any) -> str:
    """Return what an error's body says, in one short line."""
    if isinstance(body, Mapping):
        reasons = body.get("validation_errors") or body.get("detail") or body
        text = reasons if isinstance(reasons, str) else json.dumps(reasons, default=str)
    else:
        text = str(body or "no reason given")
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= 300 else f"{text[:300]}…"


def on_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def find_token(url: str) -> str | None:
    """Return the token for a server: from the environment, else from the keyring, where there is one."""
    named = os.environ.get(TOKEN_VARIABLE, "").strip()
    if named or importlib.util.find_spec("keyring") is None:
        return named or None
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(KEYRING_SERVICE, url)
    except KeyringError:
        return None


@contextmanager
def connect(url: str, token: str | None = None) -> Iterator[Server]:
    """Connect to a server; make sure that it answers, knows the token, and is new enough.

    Args:
        url: The server's address.
        token: A personal access token or a legacy one; from the environment or the keyring if left out.

    Raises:
        LabelStudioError: One of its kinds, with what to do.
    """
    import httpx
    from label_studio_sdk.client import LabelStudio

    token = token or find_token(url)
    if not token:
        raise TokenMissing(url)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise TokenMalformed(url)
    here = on_loopback(url)
    # on this machine a new connection costs nothing, and a kept one 40 ms a request (delayed ACKs)
    limits = httpx.Limits(max_keepalive_connections=0 if here else 20)
    with httpx.Client(timeout=300, follow_redirects=True, trust_env=not here, limits=limits) as http:
        with translated(url, "who we are"):
            client = LabelStudio(base_url=url, api_key=token, httpx_client=http)
            client.users.whoami()
            release = str(client.versions.get().release or "")
        version = tuple(int(part) for part in release.split(".")[:2] if part.isdigit())
        if version and version < OLDEST:
            raise ServerTooOld(url, release, ".".join(map(str, OLDEST)))
        if version and version[0] > KNOWN_MAJOR:
            raise ServerTooNew(url, release, f"{KNOWN_MAJOR}.x")
        yield Server(url, client, http, token)


def user_names(server: Server) -> dict[int, str]:
    """Return the names of the server's users as shown there, by id."""
    with server.asked("for its users"):
        users: Sequence[Any] = server.client.users.list()
    names = {}
    for user in users:
        full = " ".join(part for part in (user.first_name, user.last_name) if part)
        names[user.id] = full or user.email or user.username or str(user.id)
    return names
