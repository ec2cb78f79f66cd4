"""Private keys whose lines have something in front of them, or behind."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from stopper.detect.finding import Tier
from stopper.detect.handling import OnReply, OnSecret
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.live import LiveInspector
from stopper.detect.redact import Redactor
from stopper.detect.rules import fill
from stopper.detect.stream import Scanner
from stopper.egress.screen import Screen, Towards

DETECTOR = packaged_detector(b"a key for tests")
INSPECTOR = Inspector(DETECTOR)
REDACTOR = Redactor(detector=DETECTOR)
SCREEN = Screen(DETECTOR, now=lambda: datetime.now(UTC))
PROVIDER = Towards("a.com:443", ("a.com",), True, OnSecret.REDACT, OnReply.IGNORE)
RANDOM = random.Random(41)  # noqa: S311  where a stream is cut
SHOWN = 16

_MARK = "-----{} PRIVATE KEY-----"
_LINES = [fill("{b64:64}", f"line {number}") for number in range(25)]
_LAST = fill("{b64:30}==", "last line")
KEY = (_MARK.format("BEGIN"), *_LINES, _LAST, _MARK.format("END"))
SMALL = (_MARK.format("BEGIN"), _LINES[0], _MARK.format("END"))
LOCKED = (
    _MARK.format("BEGIN RSA"),
    "Proc-Type: 4,ENCRYPTED",
    fill("DEK-Info: AES-128-CBC,{HEX:32}"),
    "",
    *KEY[1:-1],
    _MARK.format("END RSA"),
)
KEYS = {"long": KEY, "of one line": SMALL, "encrypted": LOCKED}

WRITTEN = {
    # how it is shown          what becomes of a line
    "as it is":               "{line}",
    "by grep":                "keys/id_rsa:{number}:{line}",
    "by grep, around it":     "keys/id_rsa-{number}-{line}",
    "by compose":             "web-1  | {line}",
    "by kubectl":             "2025-01-02T10:11:12.123456789Z stdout F {line}",
    "by journalctl":          "Jan 02 10:11:12 host app[123]: {line}",
    "by a logger":            "[INFO] {line}",
    "with an arrow":          "    {number}→{line}",
    "with a tab":             "    {number}\t{line}",
    "by echo":                'echo "{line}" >> k',
    "added":                  "+{line}",
    "removed":                "-{line}",
    "quoted":                 "> {line}",
    "behind a hash":          "# {line}",
    "behind slashes":         "// {line}",
    "in a table":             "| {number} | {line} |",
}  # fmt: skip

WRAPPED: dict[str, Callable[[str], str]] = {
    "a text": lambda text: text,
    "JSON": lambda text: json.dumps({"messages": [{"content": text}]}),
    "JSON in JSON": lambda text: json.dumps({"a": json.dumps({"text": text})}),
}


def written(form: str, key: tuple[str, ...]) -> str:
    lines = (form.format(line=line, number=number) for number, line in enumerate(key, 1))
    return "Here it is:\n" + "\n".join(lines) + "\nand that was all.\n"


def left(text: str) -> list[str]:
    """Lines of a key of which a part is in `text`."""
    return [
        line
        for line in (*_LINES, _LAST)
        if any(line[at : at + SHOWN] in text for at in range(len(line) - SHOWN + 1))
    ]


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("form", WRITTEN.values(), ids=WRITTEN)
def test_all_of_a_key_is_found(form: str, key: tuple[str, ...], wrap: Callable[[str], str]) -> None:
    text = wrap(written(form, key))
    redacted = REDACTOR.redact(text)
    assert left(redacted) == []
    assert "Here it is:" in redacted
    assert "and that was all." in redacted
    if text.startswith("{"):
        assert json.loads(redacted).keys() == json.loads(text).keys()
    seen = SCREEN.look(text.encode(), PROVIDER, "body")
    assert seen is not None
    assert "rivate key" in seen.what


@pytest.mark.parametrize("form", WRITTEN.values(), ids=WRITTEN)
def test_one_finding_has_all_of_it(form: str) -> None:
    """Whether or not there is an end; where there is none, as far as the lines go."""
    text = written(form, KEY)
    (one,) = [found for found in DETECTOR.scan(text) if found.tier is not Tier.GENERIC]
    assert text[one.start : one.end].startswith(KEY[0])
    assert text[one.start : one.end].rstrip("\n").endswith((KEY[-1], _LAST))
    assert left(text[: one.start] + text[one.end :]) == []
    assert left(REDACTOR.redact(written(form, KEY[:-1]))) == []


@pytest.mark.parametrize("form", WRITTEN.values(), ids=WRITTEN)
def test_no_cut_changes_what_a_stream_tells(form: str) -> None:
    for wrap in (WRAPPED["a text"], WRAPPED["JSON"]):
        data = wrap(written(form, LOCKED)).encode()
        cuts = sorted(RANDOM.sample(range(1, len(data)), 12))
        parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        scanner, live = Scanner(DETECTOR), LiveInspector(INSPECTOR)
        plain = [*(scanner.feed(part) for part in parts), scanner.finish()]
        assert [one for each in plain for one in each.findings] == DETECTOR.scan(data)
        seen = [*(live.feed(part) for part in parts), live.finish()]
        spans = [(one.start, one.end) for each in seen for one in each.findings]
        kept = bytearray(data)
        for start, end in spans:
            kept[start:end] = bytes(end - start)
        assert left(kept.decode(errors="replace")) == []


PUBLIC = {
    # what it is                 its lines
    "a certificate":            (_MARK.format("BEGIN").replace("PRIVATE KEY", "CERTIFICATE"), *_LINES[:20]),
    "a public key":             (_MARK.format("BEGIN").replace("PRIVATE", "PUBLIC"), *_LINES[:6]),
    "a key left out":           (KEY[0], "...", KEY[-1]),
    "a mark in prose":          (f"It begins with {KEY[0]}", "and has lines of base64, such as", "those of", fill("{hex:64}")),
    "a certificate behind":     (KEY[0], "(left out)", KEY[-1], _MARK.format("BEGIN").replace("PRIVATE KEY", "CERTIFICATE"), *_LINES[:20]),
}  # fmt: skip


@pytest.mark.parametrize("lines", PUBLIC.values(), ids=PUBLIC)
@pytest.mark.parametrize("form", WRITTEN.values(), ids=WRITTEN)
def test_what_is_no_private_key(form: str, lines: tuple[str, ...]) -> None:
    found = INSPECTOR.inspect(written(form, lines)).findings
    assert [one.rule for one in found if one.tier is not Tier.GENERIC] == []
