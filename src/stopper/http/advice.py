"""What a reply says about trying again: whether, and after how long.

`Retry-After` is RFC 9110, 10.2.3; the others are what providers document.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

__all__ = ["MAX_BODY_BYTES", "body_wait", "header_wait", "should_retry"]

MAX_BODY_BYTES: Final = 64 * 1024
"""How much of an error is read for the delay that Gemini states there."""

_MILLIS: Final = ("retry-after-ms", "x-ms-retry-after-ms")
_EPOCH: Final = 10**9
_EPOCH_MILLIS: Final = 10**11
_DURATION: Final = re.compile(
    r"(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,6})m)?(?:(?P<s>\d{1,9}(?:\.\d{1,9})?)s)?"
    r"(?:(?P<ms>\d{1,9}(?:\.\d{1,9})?)ms)?"
)
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LIMITS: Final = re.compile(
    r"(?:x-ratelimit-(?P<kind>remaining|reset)(?P<of>-[a-z-]{1,40})?)"
    r"|(?:anthropic-(?:ratelimit|priority)-(?P<name>[a-z-]{1,40})-(?P<what>remaining|reset))"
)


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """The server's own word (`x-should-retry`); None where it has not said."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def header_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds to wait by these headers (names in lower case); None where none says.

    `retry-after-ms`, then `Retry-After` in seconds or as a date, then the latest reset of the
    limits of which nothing is left. Never below 0.
    """
    for name in _MILLIS:
        if (millis := _number(headers.get(name, ""))) is not None:
            return millis / 1000
    if text := headers.get("retry-after", "").strip():
        seconds = _number(text)
        if seconds is None:
            seconds = _until(text, now)
        if seconds is not None:
            return seconds
    return max(_resets(headers, now), default=None)


def body_wait(body: bytes) -> float | None:
    """The delay that Google's errors state (`RetryInfo`); None where there is none."""
    try:
        error: Any = msgspec.json.decode(body)
    except ValueError:
        return None
    error = error[0] if isinstance(error, list) and error else error
    inner = error.get("error") if isinstance(error, dict) else None
    details = inner.get("details") if isinstance(inner, dict) else None
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and (seconds := _duration(delay)) is not None:
            return seconds
    return None


def _resets(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    """When each limit begins anew of which nothing is left."""
    left: dict[str, float] = {}
    resets: dict[str, float] = {}
    for name, text in headers.items():
        match = _LIMITS.fullmatch(name)
        if match is None:
            continue
        limit = match["of"] or match["name"] or ""
        if (match["kind"] or match["what"]) == "remaining":
            if (number := _number(text)) is not None:
                left[limit] = number
        elif (seconds := _reset(text.strip(), now)) is not None:
            resets[limit] = seconds
    return (seconds for limit, seconds in resets.items() if left.get(limit) == 0)


def _reset(text: str, now: datetime) -> float | None:
    number = _number(text)
    if number is None:
        found = _duration(text)
        return _until(text, now) if found is None else found
    if number >= _EPOCH_MILLIS:
        return max(0.0, number / 1000 - now.timestamp())
    return max(0.0, number - now.timestamp()) if number >= _EPOCH else number


def _number(text: str) -> float | None:
    """A finite number from 0."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None


def _duration(text: str) -> float | None:
    """`6s`, `1m2.5s`, `120ms`, as Go writes them."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return None
    return sum(float(match[unit] or 0) * seconds for unit, seconds in _UNITS.items())


def _until(text: str, now: datetime) -> float | None:
    """The seconds to a date of HTTP or of RFC 3339."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = read(text)
        except (ValueError, TypeError, OverflowError):
            continue
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        return max(0.0, (at - now).total_seconds())
    return None
