"""The known ways around an egress, each sent as an attacker would send it: nothing leaves.

README.md beside this file says which test tries which row of the list; rows that are tested closer
to where they are decided are not repeated here.
"""

import secrets
from collections.abc import Iterable

import pytest
import uvloop
from msgspec.structs import replace

from stopper.detect.allow import parse_rule
from stopper.egress.dial import Dialer
from stopper.testing.siege import besiege, framed

OK = framed(b"reached")
HOST = "127.0.0.1:PORT"
"""Where the upstream listens: the one destination that is allowed."""

HEADERS = f"host: {HOST}\r\n"
CHUNKED = f"POST http://{HOST}/ HTTP/1.1\r\n{HEADERS}transfer-encoding: chunked\r\n\r\n"


def get(host: str, headers: str = "", path: str = "/") -> str:
    """A request to any host through the proxy."""
    return f"GET http://{host}{path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n"


def connect(authority: str, then: str = "") -> str:
    """A tunnel to any host, and what is sent on it."""
    return f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n{then}"


UPGRADE = "connection: upgrade\r\nupgrade: {}\r\n"

REFUSED = {
    # what is tried                                  bytes                                                   expected code
    "B02 plain HTTP to a host that is not allowed":  (get("example.com"),                                     "network.not_allowed"),
    "B02 a tunnel to port 80":                       (connect("example.com:80"),                              "network.not_allowed"),
    "B05 a tunnel to another port":                  (connect("example.com:8443"),                            "network.not_allowed"),
    "B06 a banner of SSH in a tunnel":               (connect(HOST, "SSH-2.0-x\r\n"),                         "network.not_tls"),
    "B07 another port of an allowed host":           (get("127.0.0.1:1"),                                     "network.loopback"),
    "B09 the pages of the mock behind a provider":   ("GET /anthropic/_mock/tally HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", "meter.unknown_path"),
    "B10 the egress itself":                         (get("127.0.0.1:OWN"),                                   "network.loopback"),
    "B10 the egress itself, by name":                (get("localhost:OWN"),                                   "network.loopback"),
    "B10 a tunnel to the egress itself":             (connect("127.0.0.1:OWN"),                               "network.loopback"),
    "B11 a NUL in a name":                           (get("127.0.0.1%00.example.com"),                        "network.bad_host"),
    "B13 an address of two parts":                   (get("127.1:PORT"),                                      "network.odd_address"),
    "B13 an address in hexadecimal":                 (get("0x7f.1:PORT"),                                     "network.odd_address"),
    "B13 an address in octal":                       (get("0177.0.0.1:PORT"),                                 "network.odd_address"),
    "B13 an address in decimal":                     (get("2130706433:PORT"),                                 "network.odd_address"),
    "B14 an address in brackets":                    (get("[127.0.0.1]:PORT"),                                "network.odd_address"),
    "B15 an allowed host as user":                   (get(f"{HOST}@example.com"),                             "network.bad_url"),
    "B15 a backslash":                               (get("example.com\\@127.0.0.1:PORT"),                    "http.malformed"),
    "B16 an allowed host as prefix":                 (get("127.0.0.1.example.com:PORT"),                      "network.not_allowed"),
    "B19 another Host":                              (get(HOST).replace("\r\nhost: 127", "\r\nhost: 128"),    "network.host_mismatch"),
    "B19 two Hosts":                                 (get(HOST, "Host: example.com\r\n"),                     "http.malformed"),
    "B19 a Host with a user":                        (get(HOST).replace("host: ", "host: x@"),                "network.host_mismatch"),
    "B21 metadata":                                  (get("169.254.169.254"),                                 "network.metadata"),
    "B22 metadata inside IPv6":                      (get("[64:ff9b::a9fe:a9fe]"),                            "network.metadata"),
    "B22 a zone in an address":                      (get("[fe80::1%25eth0]"),                                "network.bad_host"),
    "B32 a WebSocket where no rule relays one":      (get(HOST, UPGRADE.format("websocket")),                 "network.upgrade"),
    "B32 any other protocol":                        (get(HOST, UPGRADE.format("tcp"), "/ws"),                "network.upgrade"),
    "B33 both lengths":                              (CHUNKED.replace("\r\n\r\n", "\r\ncontent-length: 5\r\n\r\n") + "0\r\n\r\n", "http.malformed"),
    "B33 a coding behind a vertical tab":            (CHUNKED.replace(": chunked", ":\x0bchunked") + "0\r\n\r\n", "http.malformed"),
    "B33 a size with a prefix":                      (CHUNKED + "0x3\r\nabc\r\n0\r\n\r\n",                    "http.malformed"),
    "B33 a size with a sign":                        (CHUNKED + "+3\r\nabc\r\n0\r\n\r\n",                     "http.malformed"),
    "B33 a size beyond all numbers":                 (CHUNKED + "10000000000000003\r\nabc\r\n0\r\n\r\n",      "http.malformed"),
    "B33 a bare line feed behind a size":            (CHUNKED + "3\nabc\r\n0\r\n\r\n",                        "http.malformed"),
    "B33 a request inside an extension":             (CHUNKED + f'3;a="\r\n{get(HOST)}"\r\nabc\r\n0\r\n\r\n', "http.malformed"),
    "B34 HTTP/2 with prior knowledge":               ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",                     "http.malformed"),
}  # fmt: skip

HEADS_ONLY = {
    name
    for name in REFUSED
    if name.startswith("B33") and "length" not in name and "tab" not in name
}
"""Their heads are sound and may leave before their bodies turn out not to be; no body follows."""


@pytest.mark.parametrize(
    ("name", "data", "code"), [(n, *row) for n, row in REFUSED.items()], ids=REFUSED
)
def test_refused(name: str, data: str, code: str) -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            filled = data.replace("PORT", str(siege.server.port)).replace("OWN", str(siege.port))
            reply = await client.ask(filled.encode("latin-1"))
            assert reply.code == code
            assert not siege.server.requests
            assert name in HEADS_ONLY or not siege.server.heads

    uvloop.run(go())


def test_a_request_behind_an_allowed_one_is_judged_by_itself() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            client.send(siege.get() + get("169.254.169.254").encode())
            assert (await client.reply()).body == b"reached"
            assert (await client.reply()).code == "network.metadata"
            assert len(siege.server.requests) == 1

    uvloop.run(go())


def test_a_redirect_is_a_request_of_its_own() -> None:
    """B25: where the first hop leads is judged as if nobody had led there."""
    led = "http://169.254.169.254/latest/meta-data/"
    answer = f"HTTP/1.1 302 Found\r\nlocation: {led}\r\ncontent-length: 0\r\n\r\n".encode()

    async def go() -> None:
        async with besiege(answer) as siege, siege.client() as client:
            reply = await client.ask(siege.get())
            assert (reply.status, reply.headers["location"]) == (302, led)
            head = f"GET {led} HTTP/1.1\r\nhost: 169.254.169.254\r\n\r\n"
            assert (await client.ask(head.encode())).code == "network.metadata"
            assert len(siege.server.requests) == 1

    uvloop.run(go())


def test_a_name_that_is_not_allowed_is_never_looked_up() -> None:
    """B38: a lookup tells whoever runs the name's server, whatever comes of it."""
    asked: list[str] = []

    def resolve(name: str) -> Iterable[str]:
        asked.append(name)
        return ["127.0.0.1"]

    async def go() -> None:
        async with besiege(OK) as siege:
            siege.plane.pool._dialer = Dialer(resolve)
            for data in (get("c2VjcmV0.example.com"), connect("c2VjcmV0.example.com:443")):
                async with siege.client() as client:
                    assert (await client.ask(data.encode())).code == "network.not_allowed"
            assert asked == []

    uvloop.run(go())


def test_a_name_that_comes_to_mean_this_machine_is_not_dialled() -> None:
    """B23, B24: whoever runs an allowed name's server may answer anything; each answer is vetted."""
    rule = parse_rule("http://rebound.example.com")
    answers = [["127.0.0.1"], ["::ffff:169.254.169.254"], ["93.184.215.14", "10.0.0.1"]]
    expected = ["network.loopback", "network.metadata", "network.mixed_answers"]

    async def go() -> None:
        async with besiege(OK) as siege:
            siege.plane.table = replace(siege.plane.table, rules=(rule,))
            siege.plane.pool._dialer = Dialer(lambda _: answers.pop(0))
            for code in expected:
                async with siege.client() as client:
                    assert (await client.ask(get("rebound.example.com").encode())).code == code
            assert not siege.server.heads

    uvloop.run(go())


FOREIGN = {
    # where a placeholder is sent                 path and header
    "B57 another provider":                  ("/openai/v1/models", "authorization: Bearer {}"),
    "B56 a plain destination":               ("http://127.0.0.1:PORT/", "x-api-key: {}"),
    "B60 a header that carries no key":      ("/anthropic/v1/models", "x-else: {}"),
    "B60 the query of a provider without":   ("/anthropic/v1/models?key={}", "x: y"),
}  # fmt: skip


@pytest.mark.parametrize(("target", "header"), FOREIGN.values(), ids=FOREIGN)
def test_a_key_goes_nowhere_else(target: str, header: str) -> None:
    key = secrets.token_hex(20)

    async def go() -> None:
        async with besiege(OK, keys={"anthropic": key}) as siege, siege.client() as client:
            mark = siege.plane.table.mounts["anthropic"].provider.placeholder
            host = f"127.0.0.1:{siege.server.port}" if "PORT" in target else "127.0.0.1"
            line = target.replace("PORT", str(siege.server.port)).format(mark)
            head = f"GET {line} HTTP/1.1\r\nhost: {host}\r\n{header.format(mark)}\r\n\r\n"
            assert (await client.ask(head.encode())).status == 200
            assert key.encode() not in b"".join(siege.server.requests)

    uvloop.run(go())
