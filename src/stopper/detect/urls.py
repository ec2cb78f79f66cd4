"""Authorities and URLs: one strict reading, from whose parts the URL is built again."""

import re
from urllib.parse import quote

from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.detect.hosts import MAX_HOST, Host, classify_host, parse_host, read_ipv6

__all__ = ["MAX_URL", "SCHEMES", "Url", "forbidden", "parse_authority", "parse_url"]

MAX_URL = 65_536
SCHEMES = {"http": 80, "https": 443, "ws": 80, "wss": 443}

_MAX_PORT = 65_535
_MAX_AUTHORITY = MAX_HOST + len("[].:65535")
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[^:]*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?"
)
_VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))


class Url(Struct, frozen=True):
    """A URL in parts; `str` builds it again, with its host canonical and without its fragment.

    `path` starts with a slash and is otherwise as it was written; `query` None means no `?`.
    """

    scheme: str
    host: Host
    port: int
    path: str = "/"
    query: str | None = None

    @property
    def target(self) -> str:
        """Path and query as a request line carries them."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def __str__(self) -> str:
        port = "" if self.port == SCHEMES[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.target}"


def parse_authority(
    text: str | bytes, default_port: int | None = None
) -> tuple[Host, int] | Refusal:
    """Read `HOST[:PORT]`; without a default, the port must be there (as in CONNECT).

    An empty port is the default (RFC 3986, 3.2.3). User information is refused, and so is every
    other spelling of a port but 1 to 65535 in plain digits.
    """
    if isinstance(text, bytes):
        if not text.isascii():
            return _bad("an authority with bytes outside ASCII")
        text = text.decode("ascii")
    if len(text) > _MAX_AUTHORITY:
        return _bad(f"an authority longer than {_MAX_AUTHORITY} characters")
    if "@" in text:
        return _bad("an authority with user information")
    parts = _AUTHORITY.fullmatch(text)
    host = parse_host(parts["host"] if parts else text)
    if isinstance(host, Refusal):
        return host
    port = _port(parts["port"] if parts else "", default_port)
    return (host, port) if port else _bad("an authority without a port from 1 to 65535")


def parse_url(text: str | bytes) -> Url | Refusal:
    """Read an absolute http, https, ws or wss URL.

    Refused are user information, backslashes, white space, control and invisible characters, and
    what parsers disagree about. Visible characters outside ASCII are percent-encoded in path and
    query. The fragment is dropped. A refusal never quotes the URL.
    """
    if len(text) > MAX_URL:
        return _bad(f"a URL longer than {MAX_URL} characters")
    if isinstance(text, bytes):
        if not text.isascii():
            return _bad("a URL with bytes outside ASCII")
        text = text.decode("ascii")
    if not text.isprintable() or " " in text or "\\" in text:
        return _bad("a URL with white space, a backslash or an invisible character")
    parts = _URL.fullmatch(text)
    if parts is None or parts["scheme"].lower() not in SCHEMES:
        return _bad("something that is no absolute http, https, ws or wss URL")
    if not parts["path"] and "@" in text:
        # `http://evil?@allowed/` and `http://evil#@allowed/` are two hosts to two parsers.
        return _bad("a URL with a misleading host")
    scheme = parts["scheme"].lower()
    read = parse_authority(parts["authority"], SCHEMES[scheme])
    if isinstance(read, Refusal):
        return read
    query = parts["query"]
    return Url(scheme, *read, _visible(parts["path"] or "/"), query and _visible(query))


def forbidden(text: str | bytes) -> Refusal | None:
    """Why this destination is refused wherever it appears; None for one that looks public.

    Takes a URL, `//HOST/...`, or a bare `HOST[:PORT][/...]`, and resolves nothing.
    """
    if isinstance(text, bytes):
        if not text.isascii():
            return _bad("a destination with bytes outside ASCII")
        text = text.decode("ascii")
    if not _HAS_SCHEME.match(text):
        text = text.removeprefix("//")
        if read_ipv6(text):
            return _forbidden_bare(text)
        text = f"https://{text}"
    url = parse_url(text)
    if isinstance(url, Refusal):
        return url
    code = classify_host(url.host)
    return refuse(code, str(url.host)) if code else None


def _forbidden_bare(address: str) -> Refusal | None:
    """The same for an IPv6 address without brackets: whether its end is a port, nobody can tell."""
    readings = (address, address.rpartition(":")[0])
    refusals = (forbidden(f"https://[{one}]/") for one in readings if read_ipv6(one))
    return next(filter(None, refusals), None)


def _port(text: str | None, default: int | None) -> int | None:
    if not text:
        return default
    port = int(text) if _PORT.fullmatch(text) else 0
    return port if 0 < port <= _MAX_PORT else None


def _visible(text: str) -> str:
    return quote(text, safe=_VISIBLE)


def _bad(what: str) -> Refusal:
    return refuse("network.bad_url", what)
