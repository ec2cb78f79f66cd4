"""Someone inside a bottle who wants a secret outside: every spelling, place, cut and trick.

What arrives at the upstream is the judge. What no screen can see is written down in the decision
about secrets: ciphers, and parts below a dozen characters that are sent out of order.
"""

import asyncio
import gzip
import json
import random
import string
import zlib
from base64 import a85encode, b32encode, b64encode, b85encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import brotli
import pytest
import uvloop
import zstandard

from stopper.core.reason import refuse
from stopper.detect.calls import Trail
from stopper.detect.finding import Finding
from stopper.detect.handling import ON_SECRET, Choice, OnReply, OnSecret
from stopper.detect.inspection import packaged_detector
from stopper.detect.known import KnownValues
from stopper.egress.message import Head
from stopper.egress.request import Request
from stopper.egress.screen import Screen, Seen, Towards
from stopper.egress.websocket import Messages
from stopper.testing.siege import Siege, besiege, framed, message, until

KEY = b"a key of the tests"
RANDOM = random.Random(11)  # noqa: S311  made of an alphabet, and the same in every run
LETTERS = string.ascii_letters + string.digits
MAX_LEAK = 24
"""How much of an encoded secret may leave of a stream before it is seen for one."""


def letters(size: int, alphabet: str = LETTERS) -> str:
    """So many characters at random."""
    return "".join(RANDOM.choice(alphabet) for _ in range(size))


def pem() -> str:
    """What looks like a private key and is none."""
    kind = f"RSA {'private'.upper()} KEY"
    lines = "\n".join(letters(64) for _ in range(12))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


GIVEN = letters(32)
TOKEN = "gh" + "p_" + letters(36)
VALUES = {
    "GIVEN": GIVEN,
    "GITHUB_TOKEN": TOKEN,
    "STOPPER_CANARY": letters(40, "0123456789abcdef"),
    "SHORT": letters(8),
    "SIXTEEN": letters(16),
    "TWELVE": letters(12),
    "LONG": letters(64),
    "HUGE": letters(4000),
    "PUNCTUATION": "".join(a + b for a, b in zip(letters(14), "!$%&=?^~#@;:,.", strict=True)),
    "BLANKS": f"{letters(9)} {letters(8)} {letters(9)}",
    "PEM": pem(),
}
DETECTOR = packaged_detector(KEY)
KNOWN = KnownValues(VALUES, KEY, canaries=["STOPPER_CANARY"])


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """The rules are compiled on their first use, which takes longer than a client waits."""
    DETECTOR.engine.begun(b"")


def screen(wish: OnSecret | None = None, reply: OnReply = OnReply.IGNORE) -> Screen:
    """One that knows a bottle's secrets, with a wish for every destination."""
    return Screen(
        DETECTOR,
        KNOWN,
        now=lambda: datetime.now(UTC),
        on_secret=Choice(provider=wish, other=wish) if wish else ON_SECRET,
        on_reply=Choice(provider=reply, other=reply),
    )


def request(
    siege: Siege, path: str = "/", headers: str = "", body: bytes | None = None, method: str = ""
) -> bytes:
    """A request to a host that is no provider; a body is framed by its length unless chunked."""
    host = f"127.0.0.1:{siege.server.port}"
    method = method or ("GET" if body is None else "POST")
    framing = "" if body is None or "transfer-" in headers else f"content-length: {len(body)}\r\n"
    head = f"{method} http://{host}{path} HTTP/1.1\r\nhost: {host}\r\n{framing}{headers}\r\n"
    return head.encode("utf-8", "surrogatepass") + (body or b"")


CHUNKED = "transfer-encoding: chunked\r\n"


def chunked(body: bytes, size: int, trailers: str = "") -> bytes:
    """A body in chunks of this size."""
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return chunks + b"0\r\n" + trailers.encode() + b"\r\n"


def b64(data: str | bytes) -> str:
    return b64encode(data.encode() if isinstance(data, str) else data).decode()


def each(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form % ord(char) for char in text)


def lines(text: str, size: int) -> str:
    return "\n".join(text[at : at + size] for at in range(0, len(text), size))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is":             lambda text: text,
    "in upper case":        str.upper,
    "reversed":             lambda text: text[::-1],
    "base64":               b64,
    "base64, second place": lambda text: b64(f"x{text}y"),
    "base64, third place":  lambda text: b64(f"xx{text}"),
    "base64 three times":   lambda text: b64(b64(b64(text))),
    "base64 of reversed":   lambda text: b64(text[::-1]),
    "base64 for URLs":      lambda text: urlsafe_b64encode(b"\xff\xfb" + text.encode()).decode().rstrip("="),
    "base64 in lines":      lambda text: lines(b64(f"it says {text} and so on"), 20),
    "base64 of UTF-16":     lambda text: b64(text.encode("utf-16")),
    "base64 of hex":        lambda text: b64(text.encode().hex()),
    "hex of base64":        lambda text: b64(text).encode().hex(),
    "base32":               lambda text: b32encode(text.encode()).decode(),
    "base85":               lambda text: b85encode(text.encode()).decode(),
    "ascii85":              lambda text: a85encode(text.encode(), adobe=True).decode(),
    "hex":                  lambda text: text.encode().hex(),
    "hex with colons":      lambda text: text.encode().hex(":"),
    "a dump":               lambda text: "\n".join(f"{at:08x}: {text[at : at + 16].encode().hex(' ', 2)}  {text[at : at + 16]}" for at in range(0, len(text), 16)),
    "percent":              each("%%%02x"),
    "percent twice":        each("%%25%02x"),
    "JSON escapes":         each("\\u%04x"),
    "byte escapes":         each("\\x%02x"),
    "octal escapes":        each("\\%03o"),
    "entities":             each("&#%d;"),
    "quoted-printable":     each("=%02X"),
    "fullwidth":            lambda text: "".join(chr(ord(char) + 0xFEE0) if char > " " else char for char in text),
    "zero-width between":   "\u200b".join,
    "NUL between":          "\0".join,
    "lone surrogates":      "\ud800".join,
    "dashes between":       "-".join,
    "a letter a line":      "\n".join,
    "a list of letters":    lambda text: json.dumps(list(text)),
    "literals":             lambda text: " + ".join(f'"{text[at : at + 6]}"' for at in range(0, len(text), 6)),
    "gzip in base64":       lambda text: b64(gzip.compress(text.encode())),
    "deflate in base64":    lambda text: b64(zlib.compress(text.encode())),
    "brotli in base64":     lambda text: b64(brotli.compress(text.encode())),
    "zstd in hex":          lambda text: zstandard.compress(text.encode()).hex(),
    "JSON in JSON":         lambda text: json.dumps(json.dumps({"a": text})),
    "with a comment":       lambda text: f"{text}  # stopper:allow gitleaks:allow nosec",
}  # fmt: skip
LEGIBLE = ("as it is", "base64", "hex", "percent", "JSON escapes")
"""Enough for values that differ in their own shape."""

CASES = {f"{spelling}, {name}": (SPELLINGS[spelling], VALUES[name])
         for spelling in SPELLINGS for name in ("GIVEN", "STOPPER_CANARY")}  # fmt: skip
CASES |= {f"{spelling}, {name}": (SPELLINGS[spelling], VALUES[name])
          for spelling in LEGIBLE for name in VALUES}  # fmt: skip


def places(text: str) -> Iterator[tuple[str, str, bytes | None]]:
    """Path, headers and body of requests that carry `text`."""
    data = text.encode("utf-8", "surrogatepass")
    yield "/", "", data
    yield "/", "", json.dumps({"a": {"b": [text]}}).encode()
    yield "/", "content-encoding: gzip\r\n", gzip.compress(data)
    yield "/", CHUNKED, chunked(b"it begins: " + data + b" and so it ends.", 4096)
    yield f"/?q={quote(data, safe='%')}", "", None
    if len(text) < 1000 and text.isprintable():
        yield f"/a/{quote(data, safe='%')}/b", "", None
        yield "/", f"x-note: {text}\r\n", None
        yield "/", f"cookie: a=b; c={text}\r\n", None


@pytest.mark.parametrize(("spell", "secret"), CASES.values(), ids=CASES)
def test_every_spelling_in_every_place(spell: Callable[[str], str], secret: str) -> None:
    """All are refused, and not even a head of those that are looked at as a whole arrives."""
    text = spell(secret)
    data = text.encode("utf-8", "surrogatepass")

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege:
            for path, headers, body in places(text):
                async with siege.client() as client:
                    reply = await client.ask(request(siege, path, headers, body))
                    assert (reply.status, reply.code) == (403, "secret.blocked"), (path, headers)
                    assert secret.encode() not in reply.body
                    assert not siege.server.requests
                    assert data[: MAX_LEAK + 1] not in siege.server.received

    uvloop.run(go())


def cut(first: str, second: str) -> dict[str, tuple[str, str, bytes | None]]:
    """Path, headers and body of requests that carry two halves in fields of their own."""
    one, two = quote(first, safe=""), quote(second, safe="")
    form = "content-type: application/x-www-form-urlencoded\r\n"
    multi = "content-type: multipart/form-data; boundary=b\r\n"
    part = '--b\r\ncontent-disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    return {
        "parameters of a query":    (f"/?first={one}&second={two}", "", None),
        "segments of a path":       (f"/{one}/{two}", "", None),
        "path and query":           (f"/{one}?{two}", "", None),
        "headers":                  ("/", f"x-a: {first}\r\nx-b: {second}\r\n", None),
        "headers of one name":      ("/", f"x-a: {first}\r\nx-a: {second}\r\n", None),
        "cookies":                  ("/", f"cookie: first={first}; second={second}\r\n", None),
        "values of JSON":           ("/", "", json.dumps({"first": first, "second": second}).encode()),
        "values of one name":       ("/", "", json.dumps([{"k": "part", "v": first}, {"k": "more", "v": second}]).encode()),
        "fields of a form":         ("/", form, f"first={one}&second={two}".encode()),
        "parts of a body":          ("/", multi, (part.format("first", first) + part.format("second", second) + "--b--\r\n").encode()),
        "trailers":                 ("/", CHUNKED, chunked(b"{}", 2, f"x-a: {first}\r\nx-b: {second}\r\n")),
    }  # fmt: skip


@pytest.mark.parametrize("place", cut("", ""))
@pytest.mark.parametrize("name", ["TWELVE", "SIXTEEN", "GIVEN"])
def test_a_value_cut_over_two_fields(place: str, name: str) -> None:
    """Wherever the cut is: what is neither in one field nor half of it is put together again."""
    secret = VALUES[name]

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege:
            for at in range(1, len(secret)):
                path, headers, body = cut(secret[:at], secret[at:])[place]
                async with siege.client() as client:
                    reply = await client.ask(request(siege, path, headers, body))
                    assert (reply.status, reply.code) == (403, "secret.blocked"), at
                    assert not siege.server.requests

    uvloop.run(go())


BODIES = [place for place, (_, _, body) in cut("", "").items() if body and place != "trailers"]


@pytest.mark.parametrize("wish", [OnSecret.BLOCK, OnSecret.REDACT])
@pytest.mark.parametrize("place", BODIES)
@pytest.mark.parametrize("name", ["TWELVE", "GIVEN"])
def test_a_value_cut_over_two_fields_of_a_stream(place: str, name: str, wish: OnSecret) -> None:
    """The stream ends before all of it has left; no mark can stand for it."""
    secret = VALUES[name]

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen(wish)) as siege:
            for at in range(4, len(secret) - 3, 5):
                path, headers, body = cut(secret[:at], secret[at:])[place]
                assert body is not None
                for size in (3, 1000):
                    async with siege.client() as client:
                        sent = request(siege, path, headers + CHUNKED, chunked(body, size))
                        reply = await client.ask(sent)
                        assert (reply.status, reply.code) == (403, "secret.blocked"), (at, size)
                    passed = bytes(siege.server.received)
                    assert secret[at:].encode() not in passed or secret[:at].encode() not in passed
                    assert not siege.server.requests
                    siege.server.received.clear()

    uvloop.run(go())


@pytest.mark.parametrize("framing", ["", CHUNKED], ids=["with a length", "chunked"])
@pytest.mark.parametrize("place", BODIES)
@pytest.mark.parametrize("name", ["TWELVE", "SIXTEEN", "GIVEN"])
def test_a_value_cut_over_two_fields_is_redacted_in_both(
    place: str, name: str, framing: str
) -> None:
    """Also where half of it would be found alone; of what is left no part has four characters.

    A stream is refused, whose beginning may have left.
    """
    secret = VALUES[name]
    code = "secret.blocked" if framing else ""

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen(OnSecret.REDACT)) as siege:
            for at in range(2, len(secret) - 1):
                path, headers, body = cut(secret[:at], secret[at:])[place]
                assert body is not None
                async with siege.client() as client:
                    sent = chunked(body, 1000) if framing else body
                    reply = await client.ask(request(siege, path, headers + framing, sent))
                assert reply.code == code, at
                parts = {secret[here : here + 4].encode() for here in range(len(secret) - 3)}
                if not reply.code:
                    arrived = siege.server.requests[-1].partition(b"\r\n\r\n")[2]
                    assert arrived.count(f"[REDACTED:{name}]".encode()) >= 2, at
                    assert not [part for part in parts if part in arrived], at
                    if body[:1] in b"[{":
                        assert json.loads(arrived)
                else:
                    assert not siege.server.requests

    uvloop.run(go())


CODED = {
    "JSON with an escape":  json.dumps({"a": "X", "b": GIVEN[16:]}).replace("X", f"\\u{ord(GIVEN[0]):04x}{GIVEN[1:16]}"),
    "a form with percents": f"a=%{ord(GIVEN[0]):02x}{GIVEN[1:16]}&b={GIVEN[16:]}",
}  # fmt: skip


@pytest.mark.parametrize("body", CODED.values(), ids=CODED)
def test_a_piece_that_no_mark_can_be_put_into(body: str) -> None:
    """What a field says is written otherwise there: nothing leaves."""

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen(OnSecret.REDACT)) as siege:
            async with siege.client() as client:
                reply = await client.ask(request(siege, "/", "", body.encode()))
                assert reply.code == "secret.blocked"
            assert not siege.server.received

    uvloop.run(go())


def frame(data: bytes, opcode: int = 1, mask: bytes = bytes(4), *, final: bool = True) -> bytes:
    """A frame of a caller, of less than 64 KiB."""
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    return bytes([0x80 * final | opcode]) + length + mask + masked


SWITCH = b"HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
UPGRADE = "connection: upgrade\r\nupgrade: websocket\r\n"

SOCKETS: dict[str, Callable[[str], list[bytes]]] = {
    "one message":              lambda text: [frame(text.encode())],
    "masked":                   lambda text: [frame(text.encode(), mask=b"\x93\x01\xff\x7c")],
    "binary, packed":           lambda text: [frame(gzip.compress(text.encode()), 2)],
    "fragments of a letter":    lambda text: [frame(char.encode(), 1 if at == 0 else 0, final=at + 1 == len(text)) for at, char in enumerate(text)],
    "messages of a letter":     lambda text: [frame(char.encode()) for char in text],
    "with pings between":       lambda text: [piece for char in text for piece in (frame(char.encode()), frame(b"are you there", 9))],
    "messages of three":        lambda text: [frame(text[at : at + 3].encode()) for at in range(0, len(text), 3)],
    "lines of six":             lambda text: [frame(b"%b\n" % text[at : at + 6].encode()) for at in range(0, len(text), 6)],
    "pings of a letter":        lambda text: [frame(char.encode(), 9) for char in text],
    "the end of a connection":  lambda text: [frame(b"\x03\xe8" + text.encode(), 8)],
    "in hex, in messages":      lambda text: [frame(byte.to_bytes().hex().encode()) for byte in text.encode()],
    "far apart":                lambda text: [frame(char.encode() + b"!" * 900) for char in text],
}  # fmt: skip


@pytest.mark.parametrize("name", ["GIVEN", "PUNCTUATION", "HUGE"])
@pytest.mark.parametrize("spell", SOCKETS.values(), ids=SOCKETS)
def test_a_value_in_messages_of_a_websocket(spell: Callable[[str], list[bytes]], name: str) -> None:
    """The message that completes it, or half of it where that says enough, closes the socket."""
    secret = VALUES[name][:100]

    async def go() -> None:
        async with besiege(SWITCH, screen=screen()) as siege, siege.client() as client:
            client.send(request(siege, "/ws", UPGRADE))
            await client.reader.readuntil(b"\r\n\r\n")
            for piece in spell(secret):
                client.send(piece)
            opcode, _, *code = await client.reader.readexactly(4)
            assert (opcode, bytes(code)) == (0x88, (1008).to_bytes(2))
            await client.closed()
            frames = bytes(siege.server.received).partition(b"\r\n\r\n")[2]
            arrived = b"".join(one.payload for one in Messages(masked=True).feed(frames))
            assert secret.encode() not in arrived + frames
            assert len(arrived.translate(None, b"!")) < 4 * len(secret)


def test_a_mask_cannot_spell_what_its_payload_hides() -> None:
    """What is on the wire is not the caller's to choose."""
    mask = b"\x15\x2a\x33\x0c"
    hidden = bytes(byte ^ mask[at % 4] for at, byte in enumerate(GIVEN.encode()))

    async def go() -> None:
        async with besiege(SWITCH, screen=screen()) as siege, siege.client() as client:
            client.send(request(siege, "/ws", UPGRADE))
            await client.reader.readuntil(b"\r\n\r\n")
            client.send(frame(hidden, 2, mask=mask))
            await until(lambda: siege.server.received.endswith(b"\r\n\r\n") is False)
            assert GIVEN.encode() not in siege.server.received

    uvloop.run(go())

    uvloop.run(go())


LIES: dict[str, tuple[str, bytes, str]] = {
    # what is said of a body       coding                body                                              expected code
    "gzip":                       ("gzip",               gzip.compress(GIVEN.encode()),                    "secret.blocked"),
    "gzip, and a second member":  ("gzip",               gzip.compress(b"hello") + gzip.compress(GIVEN.encode()), "secret.blocked"),
    "gzip that breaks off":       ("gzip",               gzip.compress(GIVEN.encode() * 3)[:-9],           "secret.blocked"),
    "deflate":                    ("deflate",            zlib.compress(GIVEN.encode()),                    "secret.blocked"),
    "brotli":                     ("br",                 brotli.compress(GIVEN.encode()),                  "secret.blocked"),
    "zstd":                       ("zstd",               zstandard.compress(GIVEN.encode()),               "secret.blocked"),
    "zstd, and a second frame":   ("zstd",               zstandard.compress(b"hi") + zstandard.compress(GIVEN.encode()), "secret.blocked"),
    "brotli, and a second stream": ("br",                brotli.compress(b"hi") + brotli.compress(GIVEN.encode()), "secret.blocked"),
    "two codings":                ("gzip, br",           brotli.compress(gzip.compress(GIVEN.encode())),   "secret.blocked"),
    "in two headers":             ("gzip\r\ncontent-encoding: identity", gzip.compress(GIVEN.encode()),    "secret.blocked"),
    "plain text called gzip":     ("gzip",               GIVEN.encode(),                                   "secret.blocked"),
    "gzip called identity":       ("identity",           gzip.compress(GIVEN.encode()),                    "secret.blocked"),
    "nothing, called gzip":       ("gzip",               b"hello there",                                   "secret.unprovable"),
    "a coding nobody knows":      ("x-mine",             bytes(byte ^ 7 for byte in GIVEN.encode()),       "secret.unprovable"),
    "a dictionary":               ("dcz",                zstandard.compress(b"hello"),                     "secret.unprovable"),
    "many codings":               (",".join(["gzip"] * 9), gzip.compress(GIVEN.encode()),                  "secret.blocked"),
    "pieces with signatures":     ("aws-chunked",        b"20;chunk-signature=1\r\n%b\r\n" % GIVEN.encode(), "secret.blocked"),
    "a bomb":                     ("gzip",               gzip.compress(gzip.compress(bytes(2**24)) * 40, 1), "secret.unprovable"),
}  # fmt: skip


@pytest.mark.parametrize("framing", ["", CHUNKED], ids=["with a length", "chunked"])
@pytest.mark.parametrize(("coding", "body", "code"), LIES.values(), ids=LIES)
def test_codings_that_lie(coding: str, body: bytes, code: str, framing: str) -> None:
    """Every coding that is named is undone, and one that does not fit is never taken for clean."""

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege, siege.client() as client:
            headers = f"content-encoding: {coding}\r\n{framing}"
            sent = chunked(body, 1000) if framing else body
            assert (await client.ask(request(siege, "/", headers, sent))).code == code
            assert body[:-4] not in siege.server.received
            assert not siege.server.requests

    uvloop.run(go())


@pytest.mark.parametrize(("ending", "status"), [("", 200), (GIVEN, 403)], ids=["clean", "a secret"])
def test_a_coding_that_is_named_is_undone_to_any_length(ending: str, status: int) -> None:
    """Text that became a sixth of its length is looked at as if it had been sent plainly."""
    lines = "".join(
        f"the {number} quick brown foxes jumped, one by one\n" for number in range(60_000)
    )
    body = gzip.compress((lines + ending).encode())

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege, siege.client() as client:
            asked = request(siege, "/", "content-encoding: gzip\r\n", body)
            assert (await client.ask(asked)).status == status

    uvloop.run(go())


def dialogue(text: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """A path and a body of each provider's own, with the text wherever people and tools write."""
    arguments = json.dumps({"command": f"echo {text}"})
    anthropic = {
        "model": "mock",
        "max_tokens": 100,
        "system": text,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": text}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "t", "name": "x", "input": {"a": [text], text: 1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": f"out:\n{text}\n"}]},
        ],
    }  # fmt: skip
    called = {"id": "t", "type": "function", "function": {"name": "x", "arguments": arguments}}
    chat = {
        "model": "mock",
        "max_tokens": 100,
        "messages": [
            {"role": "system", "content": text},
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "t", "content": text},
        ],
    }
    responses = {
        "model": "mock",
        "max_output_tokens": 100,
        "instructions": text,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": text}]},
            {"type": "function_call", "call_id": "t", "name": "x", "arguments": arguments},
            {"type": "function_call_output", "call_id": "t", "output": text},
        ],
    }
    gemini = {
        "systemInstruction": {"parts": [{"text": text}]},
        "contents": [
            {"role": "user", "parts": [{"text": text}]},
            {"role": "model", "parts": [{"functionCall": {"name": "x", "args": {"a": text}}}]},
        ],
        "generationConfig": {"maxOutputTokens": 100},
    }
    bedrock = {
        "system": [{"text": text}],
        "messages": [{"role": "user", "content": [{"text": text}]}],
        "inferenceConfig": {"maxTokens": 100},
    }
    return {
        "anthropic":        ("/anthropic/v1/messages", anthropic),
        "openai chat":      ("/openai/v1/chat/completions", chat),
        "openai responses": ("/openai/v1/responses", responses),
        "gemini":           ("/gemini/v1beta/models/mock:generateContent", gemini),
        "bedrock":          ("/bedrock/model/mock/converse", bedrock),
        "ollama":           ("/ollama/api/chat", {**chat, "messages": chat["messages"], "stream": False}),
    }  # fmt: skip


def said(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names as well, and those in JSON that is written as a text."""
    match value:
        case dict():
            for name, inner in value.items():
                yield name
                yield from said(inner)
        case list():
            for inner in value:
                yield from said(inner)
        case str():
            yield value
            if value.startswith("{"):
                yield from said(json.loads(value))


SPOKEN = ("as it is", "base64", "reversed", "JSON in JSON", "fullwidth", "percent",
          "JSON escapes", "a letter a line", "with a comment", "gzip in base64")  # fmt: skip


def marked(text: str) -> bool:
    """Whether it is as it was but for the secret."""
    return text.startswith("see ") and text.endswith(" there") and "[REDACTED:" in text


@pytest.mark.parametrize("name", ["GIVEN", "BLANKS", "PEM"])
@pytest.mark.parametrize("api", dialogue(""))
def test_a_prompt_keeps_its_shape_and_loses_the_secret(api: str, name: str) -> None:
    """In every wire format the request stays what it was, is metered, and has marks for secrets."""
    secret = VALUES[name]

    async def go() -> None:
        providers = ("anthropic", "openai", "gemini", "ollama", "bedrock")
        async with besiege(framed(b"{}"), providers=providers, screen=screen()) as siege:
            for spelling in SPOKEN if name == "GIVEN" else SPOKEN[:1]:
                text = SPELLINGS[spelling](secret)
                path, body = dialogue(f"see {text} there")[api]
                data = json.dumps(body, ensure_ascii=name == "PEM").encode("utf-8", "surrogatepass")
                head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(data)}\r\n"
                async with siege.client() as client:
                    before = len(siege.server.requests)
                    reply = await client.ask(head.encode() + b"\r\n" + data)
                    assert len(siege.server.requests) == before + 1, (spelling, reply)
                sent = json.loads(siege.server.requests[-1].partition(b"\r\n\r\n")[2])
                texts = list(said(sent))
                for one in texts:
                    assert secret not in one, spelling
                    assert text not in one, spelling
                plain = said(dialogue("see X there")[api][1])
                assert len([one for one in texts if marked(one)]) == len(
                    [one for one in plain if one == "see X there"]
                ), spelling
            await siege.rows(len(siege.server.requests))

    uvloop.run(go())


HIDDEN = {
    # what is tried                             path and headers                            expected code
    "behind an expectation":                    ("/", "expect: 100-continue\r\n",            "secret.blocked"),
    "named as of this hop":                     ("/", f"connection: x-a\r\nx-a: {GIVEN}\r\n", "secret.blocked"),
    "as the name of a header":                  ("/", f"x-{GIVEN}: 1\r\n",                   "secret.blocked"),
    "as the name of a parameter":               (f"/?{GIVEN}=1", "",                         "secret.blocked"),
    "as a fragment":                            (f"/#{GIVEN}", "",                           "http.malformed"),
    "as a type":                                ("/", f"content-type: text/{GIVEN}\r\n",     "secret.blocked"),
    "as credentials":                           ("/", f"authorization: Bearer {GIVEN}\r\n",  "secret.blocked"),
    "as a password":                            ("/", f"authorization: Basic {b64('me:' + GIVEN)}\r\n", "secret.blocked"),
    "over a slash":                             (f"/{GIVEN[:9]}/{GIVEN[9:20]}/{GIVEN[20:]}", "", "secret.blocked"),
    "in a protocol of sockets":                 ("/", f"sec-websocket-protocol: {GIVEN}\r\n", "secret.blocked"),
    "in headers out of order":                  ("/", f"x-b: {GIVEN[16:]}\r\nx-a: {GIVEN[:16]}\r\n", "secret.blocked"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "headers", "code"), HIDDEN.values(), ids=HIDDEN)
def test_corners_of_a_head(path: str, headers: str, code: str) -> None:
    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege, siege.client() as client:
            client.send(
                request(siege, path, headers, GIVEN.encode() if "expect" in headers else None)
            )
            reply = await client.reply()
            assert (reply.status, reply.code) == ({"http.malformed": 400}.get(code, 403), code)
            assert not siege.server.received
            assert GIVEN.encode() not in reply.body

    uvloop.run(go())


def test_labels_of_a_host() -> None:
    """Below a wildcard every name is allowed, and none that spells a secret."""
    looking = screen()
    for secret in (GIVEN.lower(), b32encode(GIVEN.encode()).decode().lower().rstrip("="),
                   f"{GIVEN[:16]}.{GIVEN[16:]}", VALUES["STOPPER_CANARY"]):  # fmt: skip
        name = f"{secret}.example.com".lower()
        head = Head("GET", f"https://{name}/".encode(), "1.1", [(b"host", name.encode())])
        head.host = name.encode()
        towards = Towards(name, (name,), False, OnSecret.BLOCK, OnReply.IGNORE)
        assert looking.head(head, towards) is not None


def in_calls(piece: str, number: int) -> dict[str, tuple[str, str, bytes | None]]:
    """Path, headers and body of a request that carries a piece, and a counter beside it."""
    form = "content-type: application/x-www-form-urlencoded\r\n"
    return {
        "a parameter":      (f"/?i={number}&d={piece}", "", None),
        "other parameters": (f"/?{'abcdefgh'[number % 8]}={piece}", "", None),
        "the path":         (f"/c/{piece}/x", "", None),
        "a header":         ("/", f"x-note: {piece}\r\n", None),
        "a cookie":         ("/", f"cookie: s={piece}\r\n", None),
        "a value of JSON":  ("/", "", json.dumps({"at": number, "text": piece}).encode()),
        "a field of a form": ("/", form, f"i={number}&d={piece}".encode()),
        "a body":           ("/", "", piece.encode()),
        "a body in gzip":   ("/", "content-encoding: gzip\r\n", gzip.compress(piece.encode())),
    }  # fmt: skip


@pytest.mark.parametrize("size", [3, 5, 11])
@pytest.mark.parametrize("place", in_calls("", 0))
@pytest.mark.parametrize("wish", [OnSecret.BLOCK, OnSecret.REDACT])
def test_a_value_in_pieces_each_in_a_call_of_its_own(place: str, size: int, wish: OnSecret) -> None:
    """It is refused where half of it would have left, with constant headers around, too."""
    pieces = [GIVEN[at : at + size] for at in range(0, len(GIVEN), size)]

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen(wish)) as siege:
            left = 0
            for number, piece in enumerate(pieces):
                path, headers, body = in_calls(piece, number)[place]
                async with siege.client() as client:
                    reply = await client.ask(request(siege, path, headers, body))
                if reply.status != 200:
                    assert (reply.status, reply.code) == (403, "secret.blocked")
                    assert piece.encode() not in reply.body
                    break
                left += len(piece)
            assert left < max(len(GIVEN) // 2, 12)

    uvloop.run(go())


def test_labels_of_hosts_in_call_after_call() -> None:
    """Names below one owner's are put together; those of others are not."""
    looking = screen()
    secret = GIVEN.lower()

    def asked(name: str) -> Seen | None:
        head = Head("GET", f"https://{name}/".encode(), "1.1", [(b"host", name.encode())])
        head.host = name.encode()
        return looking.head(head, Towards(name, (name,), False, OnSecret.BLOCK, OnReply.IGNORE))

    assert asked(f"{secret[:11]}.example.com") is None
    assert asked(f"{secret[11:20]}.example.org") is None
    assert asked(f"{secret[11:20]}.example.com") is not None


def test_a_pipelined_request_is_judged_by_itself() -> None:
    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege, siege.client() as client:
            secret = request(siege, "/b", "", GIVEN.encode())
            client.send(request(siege, "/a") + secret + request(siege, "/c"))
            assert [(await client.reply()).status for _ in range(3)] == [200, 403, 200]
            assert [sent.split()[1] for sent in siege.server.requests] == [b"/a", b"/c"]

    uvloop.run(go())


def nested(text: str, depth: int) -> str:
    for _ in range(depth):
        text = b64(text)
    return text


SPENT = {
    "nested deeper than is undone":     nested(GIVEN, 14).encode(),
    "many packed streams":              gzip.compress(b"x") * 70 + gzip.compress(GIVEN.encode()),
    "a bomb, as it is":                 gzip.compress(bytes(2**26)) + gzip.compress(GIVEN.encode()),
}  # fmt: skip


@pytest.mark.parametrize("framing", ["", CHUNKED], ids=["with a length", "chunked"])
@pytest.mark.parametrize("body", SPENT.values(), ids=SPENT)
def test_what_cannot_be_looked_through_stays(body: bytes, framing: str) -> None:
    """A budget that ran out is never an answer of clean."""

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege, siege.client() as client:
            sent = chunked(body, 5000) if framing else body
            reply = await client.ask(request(siege, "/", framing, sent))
            assert reply.code in ("secret.unprovable", "secret.blocked")
            assert not siege.server.requests

    uvloop.run(go())


@pytest.mark.parametrize("size", [2**22, pytest.param(2**25, marks=pytest.mark.soak)])
def test_a_secret_at_the_end_of_megabytes(size: int) -> None:
    """It streams, and the upstream has all but its end."""
    line = b"Nothing is in this line that anybody would want to keep to themselves.\n"
    body = line * (size // len(line)) + GIVEN.encode()

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege, siege.client() as client:
            reply = await client.ask(request(siege, "/", "", body))
            assert reply.code == "secret.blocked"
            assert len(siege.server.received) > len(body) - 2**20
            assert GIVEN[:6].encode() not in siege.server.received

    uvloop.run(go())


# what happens meanwhile


def faulty() -> Screen:
    """One that breaks on whatever holds the word `break`."""

    class Breaking(Screen):
        def look(
            self, data: bytes, towards: Towards, place: str, behind: Trail | None = None
        ) -> Seen | None:
            if b"break" in data:
                raise ValueError(GIVEN)
            return super().look(data, towards, place, behind)

        def leaks(
            self, findings: Iterable[Finding], towards: Towards, *, sure: bool = False
        ) -> list[Finding]:
            found = list(findings)
            if any(one.name == "SIXTEEN" for one in found):
                raise ValueError(GIVEN)
            return super().leaks(found, towards, sure=sure)

    return Breaking(
        DETECTOR,
        KNOWN,
        now=lambda: datetime.now(UTC),
        on_secret=Choice(provider=OnSecret.HOLD, other=OnSecret.HOLD),
    )


FAULTS = {
    "a short body":     ("", b"break"),
    "a long body":      ("", b"break " * 20_000),
    "a trailer":        (CHUNKED, chunked(b"{}", 2, "x-a: break\r\n")),
    "a stream":         (CHUNKED, chunked(f"hello {VALUES['SIXTEEN']} bye.".encode(), 3)),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "body"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_screen_is_a_refusal(headers: str, body: bytes) -> None:
    """What could not be looked at stays here, and nothing tells what it was about."""

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=faulty()) as siege, siege.client() as client:
            reply = await client.ask(request(siege, "/", headers, body))
            assert reply.code == "egress.fault"
            assert GIVEN.encode() not in reply.body
            assert not siege.server.requests
            assert (await client_of(siege)) == 200

    uvloop.run(go())


async def client_of(siege: Siege) -> int:
    """Whether others are served."""
    async with siege.client() as client:
        return (await client.ask(request(siege))).status


def under_way(siege: Siege) -> Request:
    """The only request that there is."""
    [caller] = siege.plane._clients
    request = caller._exchanges[0]._request
    assert request is not None
    return request


def test_a_fault_in_a_websocket_closes_it() -> None:
    async def go() -> None:
        async with besiege(SWITCH, screen=faulty()) as siege, siege.client() as client:
            client.send(request(siege, "/ws", UPGRADE))
            await client.reader.readuntil(b"\r\n\r\n")
            client.send(frame(b"break"))
            assert (await client.reader.readexactly(4))[::2] == b"\x88\x03"
            assert b"break" not in siege.server.received

    uvloop.run(go())


def test_a_fault_behind_an_answer_is_a_refusal() -> None:
    """The second piece is decided in the turn in which the first one is approved."""

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=faulty()) as siege, siege.client() as client:
            first, second = f"{GIVEN} is one. ".encode(), f"{VALUES['SIXTEEN']} is two. ".encode()
            client.send(request(siege, "/", CHUNKED, chunked(first, 99)[:-5]))
            await until(lambda: siege.plane.approvals.open)
            client.send(chunked(second, 99))
            await until(lambda: under_way(siege)._ahead)
            await until(lambda: siege.plane.approvals.decide(1, allowed=True))
            assert (await client.reply()).code == "egress.fault"
            assert not siege.server.requests

    uvloop.run(go())


OPEN = {
    "the head":     ("x-a: {}\r\n", b""),
    "a body":       ("", GIVEN.encode()),
    "a long body":  ("", b"words and words, " * 9000 + GIVEN.encode()),
    "a stream":     (CHUNKED, chunked(GIVEN.encode() + b" and more of it to come", 9)),
    "a trailer":    (CHUNKED, chunked(b"{}", 2, f"x-a: {GIVEN}\r\n")),
}  # fmt: skip


@pytest.mark.parametrize("end", ["left", "cut", "twice", "closed"])
@pytest.mark.parametrize(("headers", "body"), OPEN.values(), ids=OPEN)
def test_a_question_that_is_open_when_it_ends(headers: str, body: bytes, end: str) -> None:
    """Nothing leaves, nothing is kept, and a late answer is none."""

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen(OnSecret.HOLD)) as siege:
            plane = siege.plane
            async with siege.client() as client:
                client.send(request(siege, "/", headers.format(GIVEN), body or None))
                await until(lambda: plane.approvals.open)
                match end:
                    case "cut":
                        plane.cut(refuse("bottle.cut"))
                        assert (await client.reply()).code == "bottle.cut"
                    case "twice":
                        assert plane.approvals.decide(1, allowed=False)
                        assert not plane.approvals.decide(1, allowed=True)
                        assert (await client.reply()).code == "secret.denied"
                    case "closed":
                        plane.approvals.close()
                        assert (await client.reply()).code == "secret.undecided"
                    case _:
                        pass
            await until(lambda: not plane.approvals.open)
            assert not plane.approvals.decide(1, allowed=True)
            await until(lambda: plane.kept.size == 0)
            assert not siege.server.requests
            assert GIVEN.encode() not in siege.server.received

    uvloop.run(go())


def test_a_caller_that_leaves_while_a_thread_looks() -> None:
    """What the thread holds is accounted for until it is done, and answers nobody."""

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege:
            body = b"words and words, " * 50_000 + GIVEN.encode()
            for _ in range(5):
                async with siege.client() as client:
                    client.send(request(siege, "/", "", body))
                    await until(lambda: siege.plane.kept.size > 2 * len(body) - 1)
            await until(lambda: siege.plane.kept.size == 0)
            assert not siege.server.requests

    uvloop.run(go())


def test_a_stream_that_is_asked_about_is_not_read_on() -> None:
    """However the upstream reads: what is sent meanwhile stays with the caller."""

    async def go() -> None:
        async with (
            besiege(framed(b"{}"), screen=screen(OnSecret.HOLD)) as siege,
            siege.client() as client,
        ):
            client.send(request(siege, "/", CHUNKED))
            client.send(chunked(f"first {GIVEN} then ".encode(), 30)[:-5])
            await until(lambda: siege.plane.approvals.open)
            client.send(chunked(b"word " * 2**20, 2**18))
            [caller] = siege.plane._clients
            await until(lambda: caller._paused)
            for blocked in (True, False):
                under_way(siege).wait_for_upstream(blocked)
                assert caller._paused
            assert under_way(siege)._ahead < 2**20

    uvloop.run(go())


def test_many_at_once() -> None:
    """Each gets its own answer, and nothing is left of any."""

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen()) as siege:

            async def one(number: int) -> None:
                async with siege.client() as client:
                    secret = GIVEN if number % 2 else "nothing"
                    body = f"number {number}: {secret}".encode()
                    framing = CHUNKED if number % 3 else ""
                    sent = chunked(body, 11) if framing else body
                    reply = await client.ask(request(siege, f"/{number}", framing, sent))
                    assert reply.code == ("secret.blocked" if number % 2 else "")

            await asyncio.gather(*(one(number) for number in range(500)))
            assert len(siege.server.requests) == 250
            assert GIVEN.encode() not in siege.server.received
            assert siege.plane.kept.size == 0

    uvloop.run(go())


@pytest.mark.parametrize("metered", [True, False], ids=["a provider's", "another's"])
def test_a_reply_that_streams_ends_before_the_secret(metered: bool) -> None:
    """With `on_secret_reply: block`; what went before it has arrived."""
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {"id": "m", "usage": {"input_tokens": 1, "output_tokens": 1}},
        }
    ]
    events += [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in ("hello ", TOKEN, " and so on")
    ]
    stream = "".join(
        f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events
    ).encode()
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )

    async def go() -> None:
        looking = screen(reply=OnReply.BLOCK)
        async with (
            besiege(answer + chunked(stream, 60), screen=looking) as siege,
            siege.client() as client,
        ):
            ask = message(stream=True) if metered else request(siege)
            reply = await client.ask(ask)
            assert b"hello" in reply.body
            assert TOKEN.encode() not in reply.body
            siege.plane.check(siege.plane.loop.time())
            assert "secret.reply" in siege.codes

    uvloop.run(go())


TOLD: dict[str, tuple[str, dict[str, Any] | None]] = {
    # what quotes the request               path                            body, or None
    "no provider's path":                   (f"/openai/v1/{GIVEN}",         None),
    "a model":                              ("/openai/v1/chat/completions", {"model": TOKEN, "messages": []}),
    "a model in a path":                    (f"/gemini/v1beta/models/{GIVEN}:generateContent", {"contents": []}),
    "a method of a path":                   (f"/gemini/v1beta/models/m:{GIVEN}", {"contents": []}),
    "a body that does not read":            ("/openai/v1/chat/completions", {"model": {GIVEN: 1}}),
    "a host":                               (f"http://{GIVEN}.example.com/", None),
    "a host that is none":                  (f"http://{GIVEN}_.-/",         None),
    "a URL that is none":                   (f"http://me:{GIVEN}@127.0.0.1/", None),
    "another scheme":                       (f"{GIVEN}://127.0.0.1/",       None),
}  # fmt: skip


@pytest.mark.parametrize("wish", [OnSecret.WARN, OnSecret.BLOCK, OnSecret.REDACT])
@pytest.mark.parametrize(("path", "body"), TOLD.values(), ids=TOLD)
def test_nothing_tells_what_it_was(path: str, body: dict[str, Any] | None, wish: OnSecret) -> None:
    """Whatever was decided: no event, no row and no reply of ours quotes the secret."""
    data = b"" if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    host = path.split("/")[2] if "://" in path else "127.0.0.1"
    head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(data)}\r\n\r\n"

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen(wish)) as siege, siege.client() as client:
            reply = await client.ask(head.encode() + data)
            siege.plane.check(siege.plane.loop.time())
            if reply.code == "":
                await siege.rows()
            rows = [*siege.ledger.rows(), *siege.ledger.audit()]
            told = repr([reply, siege.events, rows])
            assert GIVEN not in told
            assert TOKEN not in told
            assert siege.events

    uvloop.run(go())


def test_a_fault_tells_nothing() -> None:
    """Neither the values nor what was looked at are shown by what looks."""
    looking = screen()
    towards = Towards("a.com", ("a.com",), False, OnSecret.REDACT, OnReply.IGNORE)
    seen = looking.look(GIVEN.encode(), towards, "body")
    follower = looking.follow()
    follower.feed(GIVEN.encode())
    shown = repr(
        [looking, seen, KNOWN, DETECTOR, follower, DETECTOR.scan(TOKEN), KNOWN.scan(GIVEN)]
    )
    assert GIVEN not in shown
    assert TOKEN not in shown
