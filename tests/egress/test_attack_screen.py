"""Someone inside a bottle who wants a secret outside: every spelling, place, cut and trick.

What arrives at the upstream is the judge. What no screen can see is written down in the decision
about secrets: ciphers, and parts below a dozen characters in requests of their own.
"""

import gzip
import json
import random
import string
import zlib
from base64 import a85encode, b32encode, b64encode, b85encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import brotli
import pytest
import uvloop
import zstandard

from stopper.detect.handling import ON_SECRET, Choice, OnReply, OnSecret
from stopper.detect.inspection import packaged_detector
from stopper.detect.known import KnownValues
from stopper.egress.screen import Screen
from stopper.testing.siege import Siege, besiege, framed

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


@pytest.mark.parametrize("name", ["GIVEN", "SIXTEEN", "PUNCTUATION", "HUGE"])
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
            arrived = bytes(siege.server.received)
            assert frame(secret[-1:].encode()) not in arrived or name == "HUGE"
            assert secret.encode() not in arrived

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
          "JSON escapes", "a letter a line", "with a comment")  # fmt: skip


def marked(text: str) -> bool:
    """Whether it is as it was but for the secret."""
    return text.startswith("see ") and text.endswith(" there") and "[REDACTED:" in text


@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "as UTF-8"])
@pytest.mark.parametrize("name", ["GIVEN", "PUNCTUATION", "BLANKS", "PEM"])
@pytest.mark.parametrize("api", dialogue(""))
def test_a_prompt_keeps_its_shape_and_loses_the_secret(
    api: str, name: str, ascii_only: bool
) -> None:
    """In every wire format the request stays what it was, is metered, and has marks for secrets."""
    secret = VALUES[name]

    async def go() -> None:
        providers = ("anthropic", "openai", "gemini", "ollama", "bedrock")
        async with besiege(framed(b"{}"), providers=providers, screen=screen()) as siege:
            for spelling in SPOKEN if name == "GIVEN" else SPOKEN[:1]:
                text = SPELLINGS[spelling](secret)
                path, body = dialogue(f"see {text} there")[api]
                data = json.dumps(body, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
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
