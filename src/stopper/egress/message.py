"""Heads of HTTP/1.1 messages: what is read from one side is written anew for the other."""

from http import HTTPStatus
from typing import Final

from msgspec import Struct

from stopper.core.reason import Refusal, refuse

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_HEADERS",
    "MAX_HEAD_BYTES",
    "Head",
    "Headers",
    "ReplyHead",
    "chunk",
    "kept",
    "last_chunk",
    "status_line",
    "trailing",
]

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 128
MAX_BODY_BYTES: Final = 32 * 2**20
"""The largest request body that is held back to be read: the largest that providers accept."""

Headers = list[tuple[bytes, bytes]]

_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NEVER_TRAILING: Final = _HOP_BY_HOP | {
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-range",
    b"content-type",
    b"cookie",
    b"location",
    b"set-cookie",
}
"""What RFC 9110, section 6.5.1, keeps out of trailers: framing, routing, authentication."""

_STAND_INS: Final = frozenset(
    {
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-url",
        b"x-rewrite-url",
    }
)
"""What has some servers take a request for another than its first line says."""

_SINGLE: Final = _STAND_INS | {b"host", b"content-length", b"transfer-encoding", b"upgrade"}
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Head(Struct):
    """A request's line and headers, names in lower case.

    The fields after `headers` are the ones that frame the message or steer it.
    """

    method: str
    target: bytes
    version: str
    headers: Headers
    host: bytes = b""
    length: int | None = None
    chunked: bool = False
    upgrade: bytes = b""
    expects: bool = False
    encoded: bool = False
    named_by_connection: frozenset[bytes] = frozenset()

    @property
    def has_body(self) -> bool:
        """Whether bytes of a body follow."""
        return self.chunked or bool(self.length)

    @classmethod
    def read(cls, method: str, target: bytes, version: str, headers: Headers) -> "Head | Refusal":
        """Check what the parser lets pass but two servers may read differently."""
        head = cls(method, target, version, headers)
        seen: set[bytes] = set()
        for name, value in headers:
            if name in _SINGLE:
                if name in seen:
                    return refuse("http.malformed", f"{name.decode()} is given twice")
                seen.add(name)
                if refusal := head._frame(name, value):
                    return refusal
            else:
                head._note(name, value)
        if version == "1.1" and b"host" not in seen:
            return refuse("http.malformed", "no Host header")
        if head.chunked and version == "1.0":
            return refuse("http.malformed", "Transfer-Encoding in HTTP/1.0")
        if head.upgrade and head.has_body:
            return refuse("http.malformed", "a body with an upgrade")
        return head

    def _note(self, name: bytes, value: bytes) -> None:
        match name:
            case b"expect":
                self.expects = value.lower() == b"100-continue"
            case b"content-encoding":
                self.encoded |= value.strip().lower() not in (b"", b"identity")
            case b"connection":
                self.named_by_connection |= _tokens(value)
            case _:
                pass

    def _frame(self, name: bytes, value: bytes) -> Refusal | None:
        match name:
            case b"host":
                self.host = value.strip()
            case b"content-length":
                self.length = int(value)
            case b"upgrade":
                self.upgrade = value.strip().lower()
            case b"transfer-encoding" if value.strip().lower() == b"chunked":
                self.chunked = True
            case b"transfer-encoding":
                return refuse("http.malformed", "a transfer coding other than chunked")
            case _:
                return refuse("http.malformed", f"{name.decode()} makes it another request")
        return None


class ReplyHead(Struct):
    """A reply's status and headers, names in lower case."""

    status: int
    headers: Headers
    length: int | None = None
    chunked: bool = False
    content_type: str = ""
    encoding: str = ""
    named_by_connection: frozenset[bytes] = frozenset()

    @classmethod
    def read(cls, status: int, headers: Headers) -> "ReplyHead":
        """Pick out what frames the reply; the parser has refused what is ambiguous."""
        head = cls(status, headers)
        for name, value in headers:
            match name:
                case b"content-length":
                    head.length = int(value)
                case b"transfer-encoding":
                    head.chunked = value.strip().lower() == b"chunked"
                case b"content-type":
                    head.content_type = value.decode("latin-1")
                case b"content-encoding":
                    head.encoding = value.decode("latin-1").strip().lower()
                case b"connection":
                    head.named_by_connection |= _tokens(value)
                case _:
                    pass
        return head

    def bodiless(self, method: str) -> bool:
        """Whether a reply to `method` with this status has no body (RFC 9112, section 6.3)."""
        return method == "HEAD" or self.status in (204, 304) or self.status < 200  # noqa: PLR2004


def kept(head: Head | ReplyHead, drop: frozenset[bytes] = frozenset()) -> Headers:
    """The end-to-end headers: all but those of this hop, those `Connection` names, and `drop`."""
    gone = _HOP_BY_HOP | head.named_by_connection if head.named_by_connection else _HOP_BY_HOP
    return [pair for pair in head.headers if pair[0] not in gone and pair[0] not in drop]


def trailing(trailers: Headers) -> Headers:
    """The trailers that may go on; none that a lenient reader might take for a header."""
    return [pair for pair in trailers if pair[0] not in _NEVER_TRAILING]


def status_line(status: int) -> bytes:
    """`HTTP/1.1 200 OK` with its line end."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; nothing for no data, which would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def last_chunk(trailers: Headers) -> bytes:
    """The end of a chunked body."""
    lines = b"".join(b"%b: %b\r\n" % pair for pair in trailers)
    return b"0\r\n%b\r\n" % lines


def _tokens(value: bytes) -> frozenset[bytes]:
    return frozenset(token.strip().lower() for token in value.split(b","))
