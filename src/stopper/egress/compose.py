"""The bytes of heads and small replies, as values become HTTP/1.1."""

import time
from http import HTTPStatus

import msgspec

from stopper.core.reason import Refusal
from stopper.egress.message import Head, Headers, ReplyHead, kept, status_line

__all__ = ["error_body", "own_reply", "reply_head", "request_head", "switching_head"]

_CLOSE = b"connection: close\r\n"
_CHUNKED = b"transfer-encoding: chunked\r\n"
_MINUTE_SECONDS = 60


def request_head(
    head: Head, path: bytes, authority: bytes, headers: Headers, length: int | None
) -> bytes:
    """The head of a request to an upstream; `length` None means as the caller framed its body."""
    lines = [b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (head.method.encode(), path, authority)]
    lines += [b"%b: %b\r\n" % pair for pair in headers]
    if length is not None:
        lines.append(b"accept-encoding: identity\r\ncontent-length: %d\r\n" % length)
    elif head.chunked:
        lines.append(_CHUNKED)
    elif head.length is not None:
        lines.append(b"content-length: %d\r\n" % head.length)
    return b"".join([*lines, b"\r\n"])


def reply_head(
    reply: ReplyHead, drop: frozenset[bytes], length: int | None, *, chunked: bool, alive: bool
) -> bytes:
    """The head of an upstream's reply for the caller, framed anew."""
    lines = [status_line(reply.status)]
    lines += [b"%b: %b\r\n" % pair for pair in kept(reply, drop)]
    if length is not None:
        lines.append(b"content-length: %d\r\n" % length)
    elif chunked:
        lines.append(_CHUNKED)
    if not alive:
        lines.append(_CLOSE)
    return b"".join([*lines, b"\r\n"])


def switching_head(reply: ReplyHead, protocol: bytes) -> bytes:
    """The head that tells the caller that the upstream has switched protocols."""
    lines = [status_line(HTTPStatus.SWITCHING_PROTOCOLS)]
    lines.append(b"connection: upgrade\r\nupgrade: %b\r\n" % protocol)
    lines += [b"%b: %b\r\n" % pair for pair in kept(reply)]
    return b"".join([*lines, b"\r\n"])


def own_reply(
    status: int, body: bytes, refusal: Refusal | None = None, *, alive: bool, bodiless: bool = False
) -> bytes:
    """A whole reply of the egress itself; one to HEAD is `bodiless` but states its length."""
    lines = [status_line(status), b"content-type: application/json\r\n"]
    lines.append(b"content-length: %d\r\n" % len(body))
    if refusal is not None:
        lines.append(b"x-stopper-reason: %b\r\n" % refusal.code.encode())
        lines.append(_advice(refusal))
    if not alive:
        lines.append(_CLOSE)
    return b"".join([*lines, b"\r\n", b"" if bodiless else body])


def error_body(refusal: Refusal) -> bytes:
    """A refusal for a caller whose protocol is plain HTTP."""
    error = {"type": "stopper_refusal", "code": refusal.code, "message": refusal.sentence}
    return msgspec.json.encode({"error": error})


def _advice(refusal: Refusal) -> bytes:
    """A decision stands; pacing names its end; a fault elsewhere is the caller's to judge."""
    if refusal.code == "budget.paced":
        return b"retry-after: %d\r\n" % (_MINUTE_SECONDS - int(time.time()) % _MINUTE_SECONDS)
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return b""
    if refusal.status == HTTPStatus.UPGRADE_REQUIRED:  # RFC 9110, 15.5.22; Codex goes on at once
        return b"upgrade: HTTP/1.1\r\nx-should-retry: false\r\n"
    return b"x-should-retry: false\r\n"
