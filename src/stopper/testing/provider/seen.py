"""Which requests came in, with credentials shown only as hashes."""

from collections import deque
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Struct

__all__ = ["Log", "Request", "Seen", "caller_of", "fingerprint"]

_KEPT = 1000
_CACHED = 1024
_PREFIX = 16
_BOTTLE = "x-stopper-bottle"
_CREDENTIALS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
_SECRET = frozenset((*_CREDENTIALS, "proxy-authorization", "cookie", "x-amz-security-token"))
_KEY_FIELD = "key"


class Request(Struct):
    """A whole HTTP request; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    version: str = "1.1"
    keep_alive: bool = True


class Seen(Struct, frozen=True):
    """What is told about a request.

    Values of headers that carry credentials, and `authorization_sha256`, are the first sixteen hex
    digits of the SHA-256 of the bare credential, as `fingerprint` gives them; empty where there
    was none. `limits` are the fields about size, just as they were sent.
    """

    method: str
    path: str
    headers: dict[str, str]
    authorization_sha256: str
    body_bytes: int
    model: str = ""
    limits: dict[str, Any] = {}


class Log:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._rows: deque[tuple[Request, int, str, dict[str, Any]]] = deque(maxlen=_KEPT)

    def add(self, request: Request, model: str = "", limits: dict[str, Any] | None = None) -> None:
        """Remember a request, without its body."""
        bare = msgspec.structs.replace(request, body=b"")
        self._rows.append((bare, len(request.body), model, limits or {}))

    def last(self, count: int = _KEPT) -> list[Seen]:
        """The last `count` requests."""
        rows = list(self._rows)[-count:] if count > 0 else []
        return [_shown(*row) for row in rows]

    def clear(self) -> None:
        """Forget them."""
        self._rows.clear()


def fingerprint(credential: str) -> str:
    """How a credential is shown: a prefix of its hash, without `Bearer` before it."""
    scheme, _, rest = credential.partition(" ")
    return _hash(rest if scheme.lower() == "bearer" else credential)


def caller_of(request: Request) -> str:
    """Whose account a request goes to."""
    return request.headers.get(_BOTTLE) or _credential(request) or "anonymous"


def _credential(request: Request) -> str:
    for name in _CREDENTIALS:
        if value := request.headers.get(name):
            return fingerprint(value)
    value = dict(parse_qsl(request.query)).get(_KEY_FIELD, "") if request.query else ""
    return fingerprint(value) if value else ""


def _shown(request: Request, body_bytes: int, model: str, limits: dict[str, Any]) -> Seen:
    headers = {
        name: fingerprint(value) if name in _SECRET else value
        for name, value in request.headers.items()
    }
    query = [
        (name, fingerprint(value) if name == _KEY_FIELD else value)
        for name, value in parse_qsl(request.query, keep_blank_values=True)
    ]
    return Seen(
        method=request.method,
        path=f"{request.path}?{urlencode(query)}" if query else request.path,
        headers=headers,
        authorization_sha256=_credential(request),
        body_bytes=body_bytes,
        model=model,
        limits=limits,
    )


@lru_cache(maxsize=_CACHED)
def _hash(credential: str) -> str:
    return sha256(credential.encode("utf-8", "surrogateescape")).hexdigest()[:_PREFIX]
