"""Alerts reach a URL: signed, tried again, out of the way."""

import asyncio
import base64
import json
import secrets
from collections.abc import Callable

import pytest

from stopper.errors import SettingsError
from stopper.http import RetryPolicy, Timing
from stopper.telemetry import TokenLedger
from stopper.telemetry.webhook import Webhook, verify_webhook
from stopper.testing.clock import NOON, Clock
from stopper.testing.raw import RawServer

Opened = Callable[..., TokenLedger]

OK = b"HTTP/1.1 204 X\r\ncontent-length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n"


def parts(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    return {name.lower(): value for name, _, value in lines}, body


def delivered(
    opened: Opened, clock: Clock, secret: str, *answers: bytes | None
) -> tuple[RawServer, Webhook]:
    async def work() -> tuple[RawServer, Webhook]:
        async with RawServer(*answers) as server:
            timing = Timing(clock.monotonic, clock, clock.sleep, clock.sleep_async, lambda: 0.0)
            policy = RetryPolicy(tries=3, retry_unanswered=True)
            hook = Webhook(f"{server.url}/hook", secret, policy=policy, timing=timing)
            opened(sinks=[hook]).record_usage("cerebras", "m", 22_000_000, 0)
            assert await asyncio.to_thread(hook.flush, 20)
            return server, hook

    return asyncio.run(work())


@pytest.mark.parametrize("spelled", [True, False], ids=["whsec", "plain"])
def test_it_is_signed(opened: Opened, clock: Clock, spelled: bool) -> None:
    secret = secrets.token_urlsafe(24)
    if spelled:
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    server, hook = delivered(opened, clock, secret, OK)
    headers, body = parts(server.requests[0])
    said = json.loads(body)
    assert (said["code"], said["level"], said["used_tokens"]) == (
        "burn.critical",
        "CRITICAL",
        22_000_000,
    )
    now = NOON.timestamp()
    assert verify_webhook(secret, headers, body, now)
    assert not verify_webhook(secret, headers, body + b" ", now)
    assert not verify_webhook(secret, headers, body, now + 301)
    assert not verify_webhook(secret[:-6] + "AAAAAA", headers, body, now)
    assert not verify_webhook(secret, {**headers, "webhook-id": "msg_1"}, body, now)
    assert not verify_webhook(secret, {}, body, now)
    assert (hook.delivered, hook.failed) == (1, 0)
    assert secret not in server.requests[0].decode()


def test_it_is_tried_again(opened: Opened, clock: Clock) -> None:
    server, hook = delivered(opened, clock, secrets.token_urlsafe(24), BUSY, None, OK)
    assert len({parts(request)[0]["webhook-id"] for request in server.requests}) == 1
    assert (len(server.requests), hook.delivered, clock.waits) == (3, 1, [1, 2])


@pytest.mark.parametrize("answer", [BUSY, None], ids=["refused", "unanswered"])
def test_it_is_given_up(opened: Opened, clock: Clock, answer: bytes | None) -> None:
    _, hook = delivered(opened, clock, secrets.token_urlsafe(24), answer)
    assert (hook.delivered, hook.failed) == (0, 1)


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "ftp://localhost/", "file:///etc/passwd", ""]
)
def test_urls_that_are_not_taken(url: str) -> None:
    with pytest.raises(SettingsError, match="https"):
        Webhook(url, secrets.token_urlsafe(24))


@pytest.mark.parametrize("secret", ["", "short", "whsec_not base64 at all!"])
def test_secrets_that_are_not_taken(secret: str) -> None:
    with pytest.raises(SettingsError, match="secret"):
        Webhook("https://example.com/x", secret)
