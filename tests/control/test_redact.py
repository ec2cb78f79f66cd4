"""Redaction of streams: nothing of a secret gets out, however it is cut; all else does."""

import base64
import json
import textwrap

import pytest

from stopper.control.redact import AHEAD_BYTES, WINDOW_BYTES, StreamRedactor
from stopper.detect.budget import PATIENT
from stopper.detect.inspection import packaged_detector
from stopper.detect.redact import Redactor
from stopper.detect.rules import fill

TOKEN = fill("ghp_{alnum:36}", "stream").encode()
PEM = fill(
    "-----BEGIN RSA PRIVATE KEY-----\n{b64:64}\n{b64:64}\n{b64:64}\n-----END RSA PRIVATE KEY-----",
    "stream",
).encode()
WRAPPED = "\n".join(
    textwrap.wrap(base64.b64encode(b"a longer text with " + TOKEN + b" in it").decode(), 30)
).encode()
REDACTOR = Redactor(detector=packaged_detector(b"a key"), budget=PATIENT)  # as the command does
PIECE = 10
LINE = b"an ordinary line of text, as logs have many of them.\n"


def run(data: bytes, size: int, *, idle: bool) -> bytes:
    """All that comes out, fed in pieces of this size."""
    stream = StreamRedactor(REDACTOR)
    pieces = range(0, len(data), size)
    out = b"".join(stream.feed(data[at : at + size], idle=idle) for at in pieces)
    return out + stream.finish()


def parts(secret: bytes) -> list[bytes]:
    """Every piece of a secret that would tell something of it."""
    return [secret[at : at + PIECE] for at in range(4, len(secret) - PIECE)]


TEXTS = {
    # what               the text                                          its secret
    "a token":           (b"one.\nthe key is " + TOKEN + b".\ntwo.\n",     TOKEN),
    "behind its name":   (b"one.\npassword:\n  'x9kQ2-vvTz81'\ntwo.\n",    b"x9kQ2-vvTz81"),
    "a key of lines":    (b"one.\n" + PEM + b"\ntwo.\n",                   PEM[35:60]),
    "wrapped base64":    (b"one.\n" + WRAPPED + b"\ntwo.\n",               WRAPPED[31:61]),
    "joined strings":    (b'x = ("' + TOKEN[:20] + b'"\n  "' + TOKEN[20:] + b'")\n', TOKEN[20:]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "secret"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("idle", [False, True], ids=["at once", "slowly"])
def test_nothing_of_a_secret_gets_out(text: bytes, secret: bytes, *, idle: bool) -> None:
    """In pieces of any size, with and without time between them."""
    for size in (1, 7, 33, len(text)):
        out = run(text, size, idle=idle)
        assert not [part for part in parts(secret) if part in out]
        assert b"[REDACTED:" in out


WORDS = [fill("{lower:6}", f"word {number}") for number in range(12)]
CODES = [fill("{digit:4}-{digit:4}", f"code {number}") for number in range(6)]
LISTS = {
    # what                  what stands before      its secrets     how one is written
    "numbered words":       (b"Seed words:\n",      WORDS,          "{number}. {secret}\n"),
    "words behind a blank": (b"Seed words:\n\n",    WORDS,          "{number}) {secret}\n"),
    "words":                (b"Recovery phrase:\n", WORDS,          "{secret}\n"),
    "codes":                (b"Backup codes:\n",    CODES,          "{secret}\n"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "secrets", "line"), LISTS.values(), ids=LISTS)
def test_nothing_of_a_list_gets_out_before_its_end(
    head: bytes, secrets: list[str], line: str
) -> None:
    """However long it takes from one line to the next; what stands before is not held."""
    stream = StreamRedactor(REDACTOR)
    assert stream.feed(b"one.\n" + head, idle=True) == b"one.\n" + head
    out = b""
    for number, secret in enumerate(secrets, 1):
        out += stream.feed(line.format(number=number, secret=secret).encode(), idle=True)
    out += stream.feed(b"2 is no word.\n" + LINE, idle=True)
    assert out.endswith(LINE)
    assert b"[REDACTED:" in out
    assert not [secret for secret in secrets if secret.encode() in out]


def test_a_line_that_might_begin_a_list_waits_for_the_next_one() -> None:
    stream = StreamRedactor(REDACTOR)
    assert stream.feed(b"backup: all done\n", idle=True) == b""
    assert stream.feed(b"2 files.\n", idle=True) == b"backup: all done\n2 files.\n"


@pytest.mark.parametrize("idle", [False, True], ids=["at once", "slowly"])
def test_what_is_no_secret_stays_as_it_is(*, idle: bool) -> None:
    data = b"\xff\0" + LINE * 60 + b"no end"
    for size in (1, 50, 4096):
        assert run(data, size, idle=idle) == data


def test_a_line_goes_at_once_unless_it_may_go_on() -> None:
    stream = StreamRedactor(REDACTOR)
    assert stream.feed(LINE, idle=True) == LINE
    assert stream.feed(b"half a line", idle=True) == b""
    assert stream.feed(b" and its end.\n", idle=True) == b"half a line and its end.\n"
    assert stream.feed(WRAPPED[:31], idle=True) == b""
    assert stream.feed(LINE) == b""


LONG = 2 * WINDOW_BYTES + WINDOW_BYTES // 2


@pytest.mark.parametrize("back", [0, 1, len(TOKEN) // 2, len(TOKEN)])
@pytest.mark.parametrize("filler", [LINE, b"y "], ids=["in lines", "in one line"])
def test_long_streams_are_cut_beside_secrets(filler: bytes, back: int) -> None:
    edge = WINDOW_BYTES - AHEAD_BYTES - back
    data = (filler * (LONG // len(filler)))[:LONG]
    data = data[:edge] + b" " + TOKEN + b" " + data[edge:]
    out = run(data, 65536, idle=False)
    assert out == data.replace(TOKEN, b"[REDACTED:GITHUB_TOKEN]")


def test_memory_is_bounded() -> None:
    """What is held after any piece is less than two windows."""
    stream = StreamRedactor(REDACTOR)
    fed = gone = 0
    for _ in range(40):
        gone += len(stream.feed(LINE * 1300))
        fed += len(LINE * 1300)
        assert fed - gone <= 2 * WINDOW_BYTES
    assert gone + len(stream.finish()) == fed


def test_lines_of_json_stay_json_beyond_a_window() -> None:
    line = json.dumps({"say": "nothing", "n": 1}).encode() + b"\n"
    value = {"token": TOKEN.decode(), "more": [1, {"password": "x9kQ2vvTz81"}]}
    secret = json.dumps(value).encode()
    data = line * (LONG // len(line)) + secret + b"\n" + line
    out = run(data, 65536, idle=False).splitlines()
    assert len(out) == data.count(b"\n")
    assert [json.loads(one) for one in out[-3:]][1]["token"] == "[REDACTED:GITHUB_TOKEN]"


def test_what_is_encoded_too_often_goes_as_a_whole() -> None:
    data = TOKEN
    for _ in range(14):
        data = base64.b64encode(data)
    assert run(b"a " + data, 4096, idle=False) == b"[REDACTED:UNPROVABLE]"
