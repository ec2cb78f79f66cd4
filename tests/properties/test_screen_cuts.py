"""A law of the screen: however a body is cut into chunks, what arrives is what a whole one gives."""

import base64
import gzip
import json
import random
import string
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.handling import Choice, OnSecret
from stopper.detect.inspection import packaged_detector
from stopper.detect.known import KnownValues
from stopper.egress.screen import Screen
from stopper.testing.raw import RawReply
from stopper.testing.siege import Siege, besiege, framed

KEY = b"a key of the tests"
RANDOM = random.Random(3)  # noqa: S311  made of an alphabet, and the same in every run
LETTERS = string.ascii_letters + string.digits
TOKEN = "gh" + "p_" + "".join(RANDOM.choices(LETTERS, k=36))
VALUE = "".join(RANDOM.choices(LETTERS, k=30))
DETECTOR = packaged_detector(KEY)
KNOWN = KnownValues({"DEPLOY_TOKEN": VALUE}, KEY)
MAX_LEAK = 24


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    b64,
    lambda text: b64(b64(text)),
    lambda text: text.encode().hex(),
    lambda text: json.dumps(json.dumps({"a": text})),
    lambda text: quote(f'{{"a": "{text}"}}', safe=""),
    lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    lambda text: base64.b64encode(gzip.compress(text.encode())).decode(),
)
WORDS = ("a plain line of text, ", "{}\n", "x=1&y=2 ", "\\n\\t", "%20", "aGVsbG8gd29ybGQ= ", "été ")  # fmt: skip

SECRETS = st.builds(
    lambda spell, secret: f" {spell(secret)} ",
    st.sampled_from(SPELLINGS),
    st.sampled_from([TOKEN, VALUE]),
)
BODIES = st.lists(st.one_of(st.sampled_from(WORDS), SECRETS), min_size=1, max_size=6).map("".join)
CUTS = st.lists(st.integers(1, 60), min_size=1, max_size=8)


def chunks(body: bytes, sizes: list[int]) -> bytes:
    """The body in chunks of these sizes, again and again."""
    sent, at, turn = b"", 0, 0
    while at < len(body):
        piece = body[at : at + sizes[turn % len(sizes)]]
        sent += b"%x\r\n%b\r\n" % (len(piece), piece)
        at, turn = at + len(piece), turn + 1
    return sent + b"0\r\n\r\n"


def joined(received: bytes) -> bytes:
    """The body of a chunked request, as much as there is of it."""
    rest, body = received.partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


async def ask(siege: Siege, framing: str, body: bytes) -> RawReply:
    host = f"127.0.0.1:{siege.server.port}"
    head = f"POST http://{host}/ HTTP/1.1\r\nhost: {host}\r\n{framing}\r\n\r\n"
    async with siege.client() as client:
        return await client.ask(head.encode() + body)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """What streams need takes seconds when the first one comes, and a client does not wait so long."""
    DETECTOR.engine.complete()


@pytest.mark.parametrize("wish", [OnSecret.BLOCK, OnSecret.REDACT])
@settings(max_examples=25, deadline=None)
@given(text=BODIES, sizes=CUTS)
def test_what_arrives_does_not_depend_on_the_cuts(
    text: str, sizes: list[int], wish: OnSecret
) -> None:
    """The same decision; where it is to pass, every byte; where not, next to nothing of a secret."""
    body = text.encode()
    screen = Screen(
        DETECTOR, KNOWN, now=lambda: datetime.now(UTC), on_secret=Choice(provider=wish, other=wish)
    )  # fmt: skip

    async def go() -> None:
        async with besiege(framed(b"{}"), screen=screen) as siege:
            whole = await ask(siege, f"content-length: {len(body)}", body)
            siege.server.received.clear()
            cut = await ask(siege, "transfer-encoding: chunked", chunks(body, sizes))
            arrived = joined(bytes(siege.server.received))
            assert (cut.status, cut.code) == (whole.status, whole.code)
            if cut.status == 200 and wish is OnSecret.BLOCK:
                assert arrived == body
            if cut.status == 200:
                assert len(arrived) == len(body)
            for secret in (TOKEN, VALUE):
                for spell in SPELLINGS:
                    assert spell(secret).encode()[: MAX_LEAK + 1] not in arrived

    uvloop.run(go())
