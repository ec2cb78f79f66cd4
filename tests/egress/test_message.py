"""Heads: what frames a message, and which headers go on."""

import pytest

from stopper.core.reason import Refusal
from stopper.egress.message import Head, Headers, ReplyHead, chunk, kept, last_chunk

HOST = (b"host", b"a")
KEPT: dict[str, tuple[Headers, list[bytes]]] = {
    # what comes in                     headers                                                                        names that go on
    "end-to-end headers":              ([HOST, (b"accept", b"*/*"), (b"x-y", b"1")],                                  [b"accept", b"x-y"]),
    "headers of this hop":             ([HOST, (b"te", b"trailers"), (b"keep-alive", b"1"), (b"upgrade", b"h2c")],    []),
    "what Connection names":           ([HOST, (b"connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"x", b"2")],     [b"x"]),
    "a proxy's credentials":           ([HOST, (b"proxy-authorization", b"Basic x"), (b"authorization", b"y")],       [b"authorization"]),
    "one header given twice":          ([HOST, (b"cookie", b"a"), (b"cookie", b"b")],                                 [b"cookie", b"cookie"]),
    "framing, which is written anew":  ([HOST, (b"content-length", b"3"), (b"expect", b"100-continue")],              []),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "names"), KEPT.values(), ids=KEPT)
def test_kept(headers: Headers, names: list[bytes]) -> None:
    head = Head.read("GET", b"/", "1.1", headers)
    assert isinstance(head, Head)
    assert [name for name, _ in kept(head)] == names


REFUSED: dict[str, tuple[str, Headers]] = {
    "no Host": ("1.1", []),
    "two Hosts": ("1.1", [HOST, HOST]),
    "two transfer codings": (
        "1.1",
        [HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
    ),
    "a coding besides chunked": ("1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")]),
    "chunked in HTTP/1.0": ("1.0", [(b"transfer-encoding", b"chunked")]),
    "a body with an upgrade": (
        "1.1",
        [HOST, (b"upgrade", b"websocket"), (b"content-length", b"1")],
    ),
}


@pytest.mark.parametrize(("version", "headers"), REFUSED.values(), ids=REFUSED)
def test_refused(version: str, headers: Headers) -> None:
    head = Head.read("POST", b"/", version, headers)
    assert isinstance(head, Refusal)
    assert head.code == "http.malformed"


BODILESS = {
    # request and status           method  status  has no body
    "an answer to HEAD":          ("HEAD", 200,   True),
    "no content":                 ("GET",  204,   True),
    "not modified":               ("GET",  304,   True),
    "interim":                    ("GET",  103,   True),
    "an ordinary answer":         ("GET",  200,   False),
    "an error":                   ("POST", 500,   False),
}  # fmt: skip


@pytest.mark.parametrize(("method", "status", "bodiless"), BODILESS.values(), ids=BODILESS)
def test_bodiless(method: str, status: int, bodiless: bool) -> None:
    assert ReplyHead.read(status, []).bodiless(method) is bodiless


def test_no_data_is_no_chunk_since_that_would_end_the_body() -> None:
    assert chunk(b"") == b""
    assert chunk(b"abc") == b"3\r\nabc\r\n"
    assert last_chunk([(b"x", b"1")]) == b"0\r\nx: 1\r\n\r\n"
