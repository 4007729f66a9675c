"""A webhook ends the wait for the next look, if it knows the secret."""

from __future__ import annotations

import httpx

from review.label_studio.sync.wake import SECRET_HEADER, webhook_receiver


def test_only_the_secret_rings() -> None:
    with webhook_receiver(0, "s3cret") as (alarm, port):
        url = f"http://127.0.0.1:{port}/"

        stranger = httpx.post(url, json={"action": "ANNOTATION_CREATED"}, trust_env=False)
        rung_by_stranger = alarm.wait(0.05)
        friend = httpx.post(url, json={}, headers={SECRET_HEADER: "s3cret"}, trust_env=False)
        rung_by_friend = alarm.wait(5)
        rung_again = alarm.wait(0.05)

    assert (stranger.status_code, rung_by_stranger) == (403, False)
    assert (friend.status_code, rung_by_friend, rung_again) == (204, True, False)
