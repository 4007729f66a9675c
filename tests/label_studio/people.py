"""More reviewers at the test server: a person signs up as anybody would, and gets a token."""

from __future__ import annotations

import re

import httpx

from review.label_studio.local_server import LocalServer


def sign_up(server: LocalServer, email: str, password: str = "a-long-password-1") -> str:
    """Make a user at the server; return its token."""
    with httpx.Client(base_url=server.url, trust_env=False, follow_redirects=True, timeout=60) as http:
        page = http.get("/user/signup/")
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert found is not None
        form = {"email": email, "password": password, "csrfmiddlewaretoken": found.group(1)}
        http.post("/user/signup/", data=form, headers={"Referer": f"{server.url}/user/signup/"})
        return str(http.get("/api/current-user/token").json()["token"])
