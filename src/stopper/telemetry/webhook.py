"""Sends alerts to a URL: signed, tried again, and never in the way of whoever records.

Signatures are those of standardwebhooks.com, version 1: a receiver in any language can check them.
"""

import base64
import hmac
import os
import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from stopper.errors import SettingsError

if TYPE_CHECKING:
    from stopper.http import RetryPolicy, Timing
    from stopper.telemetry.alert import Alert

__all__ = ["TOLERANCE_SECONDS", "Webhook", "sign", "verify_webhook"]

MAX_WAITING: Final = 256
"""Of more alerts that wait, the oldest are given up."""

TIMEOUT_SECONDS: Final = 10.0
DEADLINE_SECONDS: Final = 120.0
TOLERANCE_SECONDS: Final = 300
"""How old a message may be that is still accepted."""

LEAST_SECRET: Final = 16
_PREFIX: Final = "whsec_"
_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_NO_SUCCESS: Final = 300


class Webhook:
    """A sink: posts each alert as JSON, from a thread that ends with the process.

    `secret` signs; `whsec_` and base64, or plain text of 16 characters or more. `failed` counts the
    alerts that could not be delivered. SettingsError for a URL that is neither https nor local.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        policy: "RetryPolicy | None" = None,
        timing: "Timing | None" = None,
    ) -> None:
        parts = urlsplit(url)
        is_local = parts.scheme == "http" and parts.hostname in _LOCAL
        if parts.scheme != "https" and not is_local:
            raise SettingsError("a webhook's URL must begin with https://, or be on this machine")
        self.failed = 0
        self.delivered = 0
        self._url = url
        self._key = _key(secret)
        self._policy = policy
        self._timing = timing
        self._waiting: deque[tuple[str, Alert]] = deque(maxlen=MAX_WAITING)
        self._changed = threading.Condition()
        self._busy = False
        self._thread: threading.Thread | None = None

    def __call__(self, alert: "Alert") -> None:
        """Take an alert, and deliver it soon."""
        with self._changed:
            if len(self._waiting) == MAX_WAITING:
                self.failed += 1
            self._waiting.append((f"msg_{os.urandom(12).hex()}", alert))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, daemon=True, name="webhook")
                self._thread.start()
            self._changed.notify_all()

    def flush(self, seconds: float = DEADLINE_SECONDS) -> bool:
        """Wait until everything is delivered or given up; False where that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._busy), seconds)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                self._busy = True
                message, alert = self._waiting.popleft()
            done = self._deliver(message, alert)
            with self._changed:
                self.delivered += done
                self.failed += not done
                self._busy = False
                self._changed.notify_all()

    def _deliver(self, message: str, alert: "Alert") -> bool:
        """Post it until it is taken, or for two minutes; whether it was."""
        import httpx2  # noqa: PLC0415  takes 70 ms, and only webhooks need it

        from stopper.http import Limiter, RetryPolicy, RetryTransport, Timing  # noqa: PLC0415

        policy = self._policy or RetryPolicy(deadline=DEADLINE_SECONDS, retry_unanswered=True)
        timing = self._timing or Timing()
        body = msgspec.json.encode(alert.as_json())
        headers = {
            "content-type": "application/json",
            **sign(self._key, message, int(timing.wall().timestamp()), body),
        }
        transport = RetryTransport(policy=policy, limiter=Limiter(), timing=timing)
        with httpx2.Client(transport=transport, timeout=TIMEOUT_SECONDS) as client:
            try:
                reply = client.post(self._url, content=body, headers=headers)
            except httpx2.HTTPError:
                return False
        return reply.status_code < _NO_SUCCESS


def sign(key: bytes, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent a body, and when."""
    signed = f"{message}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{digest}",
    }


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether a body was signed with `secret` in the last five minutes; `now` is since the epoch.

    Header names are in lower case. A receiver has to refuse a `webhook-id` that it has had before.
    """
    try:
        timestamp = int(headers.get("webhook-timestamp", ""))
    except ValueError:
        return False
    if abs(now - timestamp) > TOLERANCE_SECONDS:
        return False
    expected = sign(_key(secret), headers.get("webhook-id", ""), timestamp, body)
    given = headers.get("webhook-signature", "").split(" ")
    return any(
        hmac.compare_digest(one.encode(), expected["webhook-signature"].encode()) for one in given
    )


def _key(secret: str) -> bytes:
    if len(secret) < LEAST_SECRET:
        raise SettingsError(f"a webhook's secret must have at least {LEAST_SECRET} characters")
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise SettingsError(f"a webhook's secret behind {_PREFIX} must be base64") from None
