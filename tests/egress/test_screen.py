"""A secret on its way out: by whichever part of a request, the wish for its destination decides."""

import json
import random
import string
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import uvloop

from stopper.core.reason import refuse
from stopper.detect.allow import parse_rule
from stopper.detect.allowlist import Allowed, Allowlist
from stopper.detect.finding import Tier
from stopper.detect.handling import ON_SECRET, Choice, OnReply, OnSecret
from stopper.detect.hosts import Host
from stopper.detect.inspection import packaged_detector, packaged_rules
from stopper.detect.known import KnownValues
from stopper.detect.rules import fill
from stopper.egress.approvals import MAX_WAITING
from stopper.egress.dial import Target
from stopper.egress.message import Head
from stopper.egress.route import Route
from stopper.egress.screen import Screen, Towards
from stopper.egress.websocket import Messages
from stopper.testing.raw import RawServer
from stopper.testing.siege import Siege, besiege, framed, message, until

KEY = b"a key of the tests"
RANDOM = random.Random(7)  # noqa: S311  made of an alphabet, and the same in every run


def letters(size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """So many characters at random."""
    return "".join(RANDOM.choice(alphabet) for _ in range(size))


TOKEN = "gh" + "p_" + letters(36)
OWN = letters(32)
OTHER = letters(32)


def screen(wish: OnSecret | None = None, reply: OnReply = OnReply.IGNORE) -> Screen:
    """One that knows a bottle's secret, with a wish for every destination."""
    return Screen(
        packaged_detector(KEY),
        KnownValues({"DEPLOY_TOKEN": OWN, "OTHER_TOKEN": OTHER}, KEY),
        now=lambda: datetime.now(UTC),
        on_secret=Choice(provider=wish, other=wish) if wish else ON_SECRET,
        on_reply=Choice(provider=reply, other=reply),
        allowed=Allowlist([Allowed.value(OTHER.encode(), KEY, "127.0.0.1")]),
    )


ANSWER = msgspec.json.encode(
    {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "mock",
        "content": [{"type": "text", "text": f"your token is {TOKEN}"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
)


def request(siege: Siege, path: str, headers: str, body: bytes | None) -> bytes:
    """A request to a host that is no provider."""
    host = f"127.0.0.1:{siege.server.port}"
    method = "GET" if body is None else "POST"
    framing = "" if body is None or "chunked" in headers else f"content-length: {len(body)}\r\n"
    head = f"{method} http://{host}{path} HTTP/1.1\r\nhost: {host}\r\n{framing}{headers}\r\n"
    return head.encode() + (body or b"")


def recorded(siege: Siege) -> list[tuple[str, str]]:
    """What was decided, by act and code."""
    siege.plane.check(siege.plane.loop.time())
    return [(event.act, event.refusal.code) for event in siege.events]


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
BASE64 = b64encode(f"user:{OWN}".encode()).decode()
BLOCKED: dict[str, tuple[str, str, bytes | None]] = {
    "in the path":                  (f"/x/{TOKEN}", "", None),
    "in the query":                 (f"/?q={TOKEN}", "", None),
    "in a header":                  ("/", f"x-note: {TOKEN}\r\n", None),
    "in the user agent":            ("/", f"user-agent: curl {OWN}\r\n", None),
    "in a cookie":                  ("/", f"cookie: a={OWN}\r\n", None),
    "as a password":                ("/", f"authorization: Basic {BASE64}\r\n", None),
    "in a body":                    ("/", "", json.dumps({"a": TOKEN}).encode()),
    "a known value in a body":      ("/", "", json.dumps({"a": OWN}).encode()),
    "in base64":                    ("/", "", b64encode(b"xx" + OWN.encode() + b"y") + b"="),
    "reversed":                     ("/", "", json.dumps({"a": OWN[::-1]}).encode()),
    "in hex, in the query":         (f"/?q={OWN.encode().hex()}", "", None),
    "with dashes":                  ("/", "", ("-".join(OWN) + "end").encode()),
    "in chunks":                    ("/", "transfer-encoding: chunked\r\n",
                                     b"14\r\n%b\r\n14\r\n%b\r\n0\r\n\r\n" % (TOKEN[:20].encode(), TOKEN[20:].encode())),
    "in a trailer":                 ("/", "transfer-encoding: chunked\r\n", b"2\r\n{}\r\n0\r\nx-a: %b\r\n\r\n" % TOKEN.encode()),
}  # fmt: skip


@pytest.mark.parametrize("wish", [None, OnSecret.BLOCK], ids=["by default", "as wished"])
@pytest.mark.parametrize(("path", "headers", "body"), BLOCKED.values(), ids=BLOCKED)
def test_blocked(path: str, headers: str, body: bytes | None, wish: OnSecret | None) -> None:
    """Nothing of the secret arrives, the caller reads why, and the audit has it without the value."""

    async def go() -> None:
        async with besiege(framed(ANSWER), screen=screen(wish)) as siege, siege.client() as client:
            reply = await client.ask(request(siege, path, headers, body))
            assert (reply.status, reply.headers["x-stopper-reason"]) == (403, "secret.blocked")
            for secret in (TOKEN, TOKEN[20:], OWN):
                assert secret.encode() not in siege.server.received + reply.body
                assert secret not in repr(siege.events)
            assert ("refuse", "secret.blocked") in recorded(siege)

    uvloop.run(go())


def test_what_is_told_of_a_refusal_allows_it() -> None:
    """Reply, event and audit have the fingerprint, by which the very same request passes."""
    body = json.dumps({"a": TOKEN}).encode()
    [one] = packaged_detector(KEY).scan(TOKEN)

    async def go() -> None:
        async with besiege(framed(ANSWER), screen=screen()) as siege, siege.client() as client:
            reply = await client.ask(request(siege, "/", "", body))
            recorded(siege)
            told = f"GitHub personal access token ({one.fingerprint}) in the body"
            assert told.encode() in reply.body
            assert told in repr(siege.events)
        allowing = Screen(
            packaged_detector(KEY),
            now=lambda: datetime.now(UTC),
            allowed=Allowlist([Allowed(one.fingerprint)]),
        )
        async with besiege(framed(ANSWER), screen=allowing) as siege, siege.client() as client:
            assert (await client.ask(request(siege, "/", "", body))).status == 200

    uvloop.run(go())


def test_every_rule_is_told_by_its_fingerprint() -> None:
    """Whatever its name: the fingerprint stays, and no part of the secret shows."""
    looking, detector = screen(), packaged_detector(KEY)
    towards = Towards("a.com:443", ("a.com",), False, OnSecret.BLOCK, OnReply.IGNORE)
    for rule in packaged_rules():
        text = fill(rule.hits[0], rule.id)
        found = detector.scan(text)
        assert found or rule.tier is Tier.PUBLIC, rule.id
        for one in found:
            told = looking.describe([one], towards, "body")
            told = looking.discreet(refuse("secret.blocked", told)).detail
            assert told == f"{one.name} ({one.fingerprint}) in the body, to a.com:443"
            secret = text[one.start : one.end]
            parts = {secret[at : at + 8] for at in range(len(secret) - 7)}
            assert not [part for part in parts if part in told.removeprefix(one.name)], rule.id


def test_names_that_others_chose_are_told_without_secrets() -> None:
    """Of a host and of a variable, which may have been called so to be written down."""
    known = KnownValues({TOKEN: OWN, "OTHER_TOKEN": OTHER}, KEY)
    looking = Screen(packaged_detector(KEY), known, now=lambda: datetime.now(UTC))
    target = Target("https", Host(f"{OTHER.lower()}.a.com"), 443, parse_rule("*.a.com"))
    towards = looking.towards(Head("GET", b"/", "1.1", []), Route(target, b"", b"/", "/"))
    assert towards.shown == "[REDACTED:OTHER_TOKEN].a.com:443"
    seen = looking.look(OWN.encode(), towards, "body")
    assert seen is not None
    assert seen.what.startswith("[REDACTED:GITHUB_TOKEN] (")


CLEAN: dict[str, tuple[str, str, bytes | None]] = {
    "nothing special":              ("/a/b?c=d", "accept: */*\r\n", None),
    "a commit":                     (f"/{letters(40, '0123456789abcdef')}", "", None),
    "a header of its own":          ("/", f"authorization: Bearer {letters(40)}\r\n", None),
    "allowed for this host":        (f"/?key={OTHER}", "", None),
    "a body":                       ("/", "", b'{"a": "b"}'),
    "a body in chunks":             ("/", "transfer-encoding: chunked\r\n", b"5\r\nhello\r\n3\r\nend\r\n0\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "headers", "body"), CLEAN.values(), ids=CLEAN)
def test_passed(path: str, headers: str, body: bytes | None) -> None:
    """What is no secret, or may go there, arrives as it was sent."""

    async def go() -> None:
        async with besiege(framed(ANSWER), screen=screen()) as siege, siege.client() as client:
            assert (await client.ask(request(siege, path, headers, body))).status == 200
            assert not recorded(siege)

    uvloop.run(go())


def test_a_vendors_token_goes_to_the_vendor() -> None:
    """To a provider it is use; of anybody else's it gets a mark."""
    own = "sk-ant-" + "api03-" + letters(93) + "AA"

    async def go() -> None:
        async with besiege(framed(ANSWER), screen=screen()) as siege, siege.client() as client:
            reply = await client.ask(message(text=f"keys: {own} and {TOKEN}"))
            assert reply.status == 200
            assert own.encode() in siege.server.received
            assert TOKEN.encode() not in siege.server.received
            assert recorded(siege) == [("redact", "secret.redacted")]

    uvloop.run(go())


SAID = {
    "a token":              TOKEN,
    "a known value":        OWN,
    "in base64":            b64encode(OWN.encode()).decode(),
    "in hex":               OWN.encode().hex(),
    "in JSON in JSON":      json.dumps(json.dumps({"a": TOKEN})),
}  # fmt: skip


@pytest.mark.parametrize("text", SAID.values(), ids=SAID)
def test_redacted(text: str) -> None:
    """A provider gets a mark in the place of the secret, and the rest of the request as it was."""

    async def go() -> None:
        async with besiege(framed(ANSWER), screen=screen()) as siege, siege.client() as client:
            assert (await client.ask(message(text=f"before {text} after"))).status == 200
            [sent] = siege.server.requests
            body = sent.partition(b"\r\n\r\n")[2]
            content = json.loads(body)["messages"][0]["content"]
            assert text not in content
            assert TOKEN not in content
            assert content.startswith("before ")
            assert "[REDACTED:" in content
            assert content.endswith(" after")

    uvloop.run(go())


def test_a_head_that_may_go_to_a_provider_is_looked_at_again_elsewhere() -> None:
    """What is remembered of a head is remembered for one destination, whatever its hosts."""
    head = Head("GET", b"/", "1.1", [(b"x-note", f"db_password={OWN[::2]}{OTHER[::2]}".encode())])
    provider = Towards("a.com:443", ("a.com",), True, OnSecret.REDACT, OnReply.IGNORE)
    other = Towards("a.com:443", ("a.com",), False, OnSecret.BLOCK, OnReply.IGNORE)
    screened = screen()
    assert screened.head(head, provider) is None
    assert screened.head(head, provider) is None
    assert screened.head(head, other) is not None


def test_let_through_with_a_warning() -> None:
    async def go() -> None:
        async with (
            besiege(framed(ANSWER), screen=screen(OnSecret.WARN)) as siege,
            siege.client() as client,
        ):
            assert (await client.ask(request(siege, f"/?q={TOKEN}", "", None))).status == 200
            assert TOKEN.encode() in siege.server.received
            assert recorded(siege) == [("warn", "secret.passed")]

    uvloop.run(go())


HELD = {
    "in the head":          (f"/?q={TOKEN}", "", None),
    "in a body":            ("/", "", json.dumps({"a": TOKEN}).encode()),
    "in chunks":            ("/", "transfer-encoding: chunked\r\n", b'31\r\n{"a": "%b"}\r\n0\r\n\r\n' % TOKEN.encode()),
}  # fmt: skip


@pytest.mark.parametrize("allowed", [True, False], ids=["approved", "denied"])
@pytest.mark.parametrize(("path", "headers", "body"), HELD.values(), ids=HELD)
def test_held_for_a_person(path: str, headers: str, body: bytes | None, allowed: bool) -> None:
    """It waits for the answer, and does what that says."""

    async def go() -> None:
        held = screen(OnSecret.HOLD)
        async with besiege(framed(ANSWER), screen=held) as siege, siege.client() as client:
            client.send(request(siege, path, headers, body))
            await until(lambda: siege.plane.approvals.decide(1, allowed=allowed))
            reply = await client.reply()
            assert reply.status == (200 if allowed else 403)
            assert (TOKEN.encode() in siege.server.received) is allowed
            after = ("approve", "secret.passed") if allowed else ("refuse", "secret.denied")
            assert recorded(siege) == [("hold", "secret.held"), after]

    uvloop.run(go())


def test_a_held_request_whose_caller_leaves_is_not_waited_for() -> None:
    async def go() -> None:
        async with besiege(framed(ANSWER), screen=screen(OnSecret.HOLD)) as siege:
            async with siege.client() as client:
                client.send(request(siege, f"/?q={TOKEN}", "", None))
                await until(lambda: siege.plane.approvals.open)
            await until(lambda: not siege.plane.approvals.open)
            assert recorded(siege)[-1] == ("refuse", "secret.undecided")

    uvloop.run(go())


def test_nobody_is_asked_beyond_what_a_person_can_look_at() -> None:
    async def go() -> None:
        async with besiege(framed(ANSWER), screen=screen(OnSecret.HOLD)) as siege:
            for _ in range(MAX_WAITING):
                siege.plane.approvals.ask(lambda _: None)
            async with siege.client() as client:
                reply = await client.ask(request(siege, f"/?q={TOKEN}", "", None))
                assert (reply.status, reply.code) == (403, "secret.undecided")

    uvloop.run(go())


REPLIES = {
    "not looked at":    (OnReply.IGNORE, True, []),
    "recorded":         (OnReply.WARN, True, [("warn", "secret.passed")]),
    "cut":              (OnReply.BLOCK, False, [("refuse", "secret.reply")]),
}  # fmt: skip


@pytest.mark.parametrize("metered", [True, False], ids=["a provider's", "another's"])
@pytest.mark.parametrize(("wish", "arrives", "decided"), REPLIES.values(), ids=REPLIES)
def test_replies(
    wish: OnReply, arrives: bool, decided: list[tuple[str, str]], metered: bool
) -> None:
    """What comes back is looked at where that is wished."""

    async def go() -> None:
        looking = screen(reply=wish)
        async with besiege(framed(ANSWER), screen=looking) as siege, siege.client() as client:
            ask = message(text="hello") if metered else request(siege, "/", "", None)
            reply = await client.ask(ask)
            assert (TOKEN.encode() in reply.body) is arrives
            assert recorded(siege) == decided

    uvloop.run(go())


ENDS: dict[str, bytes] = {
    "at the very end":      b"got  %b",
    "and a line's end":     b"got  %b\n",
    "and more":             b"got  %b and more of it",
    "in JSON":              b'{"a": "%b"}',
    "and a blank":          b"%b ",
    "behind 200 KB":        b"Nothing is to be seen in this line.\n" * 6000 + b"%b\n",
}  # fmt: skip
FRAMED: dict[str, Callable[[bytes], bytes]] = {
    "with a length":        framed,
    "in chunks":            lambda body: CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in (body[:-9], body[-9:])) + b"0\r\n\r\n",
    "until it closes":      lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body + RawServer.CLOSE,
}  # fmt: skip


@pytest.mark.parametrize("frame", FRAMED.values(), ids=FRAMED)
@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
def test_nothing_of_a_secret_comes_in_however_the_reply_ends(
    ends: bytes, frame: Callable[[bytes], bytes]
) -> None:
    """The caller gets what stands before it, and no ending that would make that whole."""

    async def go() -> None:
        for secret in (TOKEN, OWN):
            looking, answer = screen(reply=OnReply.BLOCK), frame(ends % secret.encode())
            async with besiege(answer, screen=looking) as siege, siege.client() as client:
                reply = await client.ask(request(siege, "/", "", None))
                assert secret[:6].encode() not in reply.body
                assert not reply.whole
                assert recorded(siege) == [("refuse", "secret.reply")]

    uvloop.run(go())


def test_a_stream_of_events_is_cut_between_two() -> None:
    """The event with the secret does not come in; the error stands behind a whole one."""
    begin = {"id": "m", "type": "message", "role": "assistant", "model": "mock", "content": []}
    usage = {"input_tokens": 1, "output_tokens": 1}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**begin, "usage": usage}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
          for text in [*(["hello there"] * 4000), TOKEN]),
        {"type": "message_stop"},
    ]  # fmt: skip
    lines = [b"data: %b\n\n" % json.dumps(event).encode() for event in events]
    answer = framed(b"".join(lines), b"content-type: text/event-stream\r\n")

    async def go() -> None:
        looking = screen(reply=OnReply.BLOCK)
        async with besiege(answer, screen=looking) as siege, siege.client() as client:
            reply = await client.ask(message(stream=True, text="hello"))
            passed, _, error = reply.body.rpartition(b"event: error\n")
            assert passed
            assert b"".join(lines).startswith(passed)
            assert passed.endswith(b"\n\n")
            assert b"secret.reply" in error
            assert TOKEN[:6].encode() not in reply.body
            await siege.rows()

    uvloop.run(go())


def test_a_reply_without_a_secret_arrives_as_it_is() -> None:
    """What is held back for a while is passed on, in its order, to the last byte."""
    body = (
        b"".join(b"line %d of ghp_ and AKIA, %b\n" % (at, OWN[:6].encode()) for at in range(3000))
        + b"gh"
        b"p_"
    )

    async def go() -> None:
        for frame in FRAMED.values():
            looking = screen(reply=OnReply.BLOCK)
            async with besiege(frame(body), screen=looking) as siege, siege.client() as client:
                reply = await client.ask(request(siege, "/", "", None))
                assert reply.body == body
                assert not recorded(siege)

    uvloop.run(go())


WEBSOCKET = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"


def test_the_key_of_a_websocket_is_random() -> None:
    """However it looks, the handshake passes."""
    switch = b"HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"

    async def go() -> None:
        async with besiege(switch, screen=screen()) as siege:
            for _ in range(50):
                async with siege.client() as client:
                    key = b64encode(RANDOM.randbytes(16)).decode()
                    headers = f"{WEBSOCKET}sec-websocket-key: {key}\r\n"
                    client.send(request(siege, "/ws", headers, None))
                    head = await client.reader.readuntil(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 101"), key
            assert not recorded(siege)

    uvloop.run(go())


KEYS = {
    # what stands there               its headers
    "a token":                       f"{WEBSOCKET}sec-websocket-key: {TOKEN}\r\n",
    "a known value":                 f"{WEBSOCKET}sec-websocket-key: {OWN}\r\n",
    "most of a known value":         f"{WEBSOCKET}sec-websocket-key: {OWN[:22]}==\r\n",
    "half of one, in base64":        f"{WEBSOCKET}sec-websocket-key: {b64encode(OWN[:16].encode()).decode()}\r\n",
    "a name and a key, no handshake": f"sec-websocket-key: {TOKEN}\r\n",
    "a token beside it":             f"{WEBSOCKET}sec-websocket-key: {'A' * 22}==\r\nx-a: {TOKEN}\r\n",
}  # fmt: skip


@pytest.mark.parametrize("headers", KEYS.values(), ids=KEYS)
def test_what_a_websockets_key_cannot_be(headers: str) -> None:
    """Of another shape it is looked at as any header, and it spells no known value."""

    async def go() -> None:
        async with besiege(framed(ANSWER), screen=screen()) as siege, siege.client() as client:
            clean = f"{WEBSOCKET}sec-websocket-key: {'A' * 22}==\r\n"
            async with siege.client() as first:
                assert (await first.ask(request(siege, "/ws", clean, None))).status == 200
            reply = await client.ask(request(siege, "/ws", headers, None))
            assert (reply.status, reply.code) == (403, "secret.blocked")

    uvloop.run(go())


def test_a_websocket_message_with_a_secret_closes_it() -> None:
    """Messages before it have arrived; it has not, and the caller is told by a close frame."""

    def frame(text: str) -> bytes:
        return b"\x81" + bytes([0x80 | len(text)]) + bytes(4) + text.encode()

    switch = b"HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"

    async def go() -> None:
        async with besiege(switch, screen=screen()) as siege, siege.client() as client:
            headers = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-extensions: x\r\n"
            client.send(request(siege, "/ws", headers, None))
            await client.reader.readuntil(b"\r\n\r\n")
            client.send(frame("hello") + frame(f"it is {TOKEN}") + frame("bye"))
            opcode, _, *code = await client.reader.readexactly(4)
            assert (opcode, bytes(code)) == (0x88, (1008).to_bytes(2))
            await until(lambda: siege.server.received.rpartition(b"\r\n\r\n")[2])
            head, _, frames = bytes(siege.server.received).partition(b"\r\n\r\n")
            assert b"sec-websocket-extensions" not in head
            assert [one.payload for one in Messages(masked=True).feed(frames)] == [b"hello"]

    uvloop.run(go())
