"""A body in pieces: what the whole holds is found, held back in time, and nothing else is held."""

import base64
import gzip
import json
import random
import string
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from urllib.parse import quote

import pytest

from stopper.detect.allowance import NEVER
from stopper.detect.budget import PATIENT, Budget
from stopper.detect.finding import Finding
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.known import KnownValues
from stopper.detect.live import MAX_ENCODED, MAX_HELD, LiveInspector
from stopper.detect.split import SPLIT

KEY = b"a key for tests"
RANDOM = random.Random(21)  # noqa: S311  samples
LETTERS = string.ascii_letters + string.digits
TOKEN = "ghp_" + "".join(RANDOM.choices(LETTERS, k=36))
VALUE = "".join(RANDOM.choices(LETTERS, k=30))
INSPECTOR = Inspector(packaged_detector(KEY), KnownValues({"VALUE": VALUE}, KEY))
MAX_LEAK = 24


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def each(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form % ord(char) for char in text)


def wrapped(text: str) -> str:
    line = b64(f"secret is {text} and more text here")
    return "\n".join(line[at : at + 40] for at in range(0, len(line), 40))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "base64": b64,
    "base64 of a sentence": lambda text: b64(f"my key is {text} ok"),
    "base64 twice": lambda text: b64(b64(text)),
    "base64 behind bytes": lambda text: base64.urlsafe_b64encode(b"\xff\xfe" + text.encode()).decode(),
    "base64 in lines": wrapped,
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "unicode escapes": each("\\u%04x"),
    "byte escapes": each("\\x%02x"),
    "percent": each("%%%02X"),
    "percent twice": each("%%25%02X"),
    "entities": each("&#%d;"),
    "quoted-printable": each("=%02X"),
    "fullwidth": lambda text: "".join(chr(ord(char) + 0xFEE0) for char in text),
    "zero-width between": "\u200b".join,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": f"\t{text}\n"})),
    "gzip in base64": lambda text: b64(gzip.compress(text.encode())),
    "two lines": lambda text: f"{text[:20]}\n   {text[20:]}",
    "two literals": lambda text: f'"{text[:15]}" + "{text[15:]}"',
    "in a URL": lambda text: f"https://x.example/?q={quote(f'={text}&', safe='')}",
}  # fmt: skip


def told(data: bytes, cuts: list[int]) -> tuple[list[Finding], list[int]]:
    """What was found in the pieces, and how much had been let go before each was told."""
    live = LiveInspector(INSPECTOR)
    found: list[Finding] = []
    before: list[int] = []
    gone = b""
    for start, end in pairwise([0, *cuts, len(data)]):
        released = live.feed(data[start:end])
        assert not released.unprovable
        found += released.findings
        before += [len(gone)] * len(released.findings)
        gone += released.data
        assert all(one.end <= len(gone) for one in released.findings)
    released = live.finish()
    assert gone + released.data == data
    return [*found, *released.findings], before + [len(gone)] * len(released.findings)


def ways(length: int) -> Iterator[list[int]]:
    yield []
    for size in (1, 7):
        yield list(range(size, length, size))
    for _ in range(3):
        yield sorted(RANDOM.sample(range(1, length), 9))


@pytest.mark.parametrize("secret", [TOKEN, VALUE], ids=["a token", "a known value"])
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_every_cut_finds_what_the_whole_holds(spell: Callable[[str], str], secret: str) -> None:
    """The same secrets, and no more than a few bytes of each had left before it was told."""
    data = f"Hello there, see this: {spell(secret)} . And so on, nothing more here.".encode()
    whole = {one.fingerprint: one for one in INSPECTOR.inspect(data).findings}
    assert whole
    for cuts in ways(len(data)):
        found, before = told(data, cuts)
        assert {one.fingerprint for one in found} == whole.keys()
        for one, gone in zip(found, before, strict=True):
            assert gone <= whole[one.fingerprint].start + MAX_LEAK


@pytest.mark.parametrize(
    "name", ["as it is", "unicode escapes", "base64", "JSON in JSON", "two literals"]
)
def test_every_single_cut(name: str) -> None:
    data = f'{{"a": "x {SPELLINGS[name](TOKEN)} y"}}'.encode()
    expected = {one.fingerprint for one in INSPECTOR.inspect(data).findings}
    for cut in range(1, len(data)):
        assert {one.fingerprint for one in told(data, [cut])[0]} == expected


def test_more_findings_than_the_budget_allows() -> None:
    """What stands there as it is goes on to be found; it is said that nothing is decoded more."""
    budget = Budget(findings=3)
    live = LiveInspector(Inspector(INSPECTOR.detector, budget=budget))
    said: list[str] = []
    found: list[Finding] = []
    for _ in range(8):
        one, other = ("ghp_" + "".join(RANDOM.choices(LETTERS, k=36)) for _ in range(2))
        released = live.feed(f"{one} and {b64(other)} {'-' * 2000}\n".encode())
        said.append(released.unprovable)
        found += released.findings
    found += live.finish().findings
    assert said[0] == ""
    assert said[-1] == "findings"
    assert sum(not one.decoded for one in found) == 8
    assert 0 < sum(bool(one.decoded) for one in found) <= budget.findings


@pytest.mark.parametrize("size", [1400, 16_384])
def test_more_beginnings_than_are_worth_it(size: int) -> None:
    """Then no rule is asked any more, nothing is held, and known values are found as ever."""
    live, went = LiveInspector(INSPECTOR), 0
    said: list[str] = []
    for _ in range(600_000 // size):
        released = live.feed(b"-" * size)
        went += len(released.data)
        said.append(released.unprovable)
    assert (said[0], said[-1]) == ("", "matches")
    assert said == sorted(said)
    assert went == len(said) * size
    assert [one.rule for one in live.feed(f"{VALUE} ".encode()).findings] == ["known-value"]


def test_encodings_without_an_end() -> None:
    """Behind a few of them nothing is decoded, and it is said; what stands there as it is is seen."""
    slowly = Inspector(INSPECTOR.detector, budget=Budget(seconds=NEVER))
    live, times = LiveInspector(slowly), 5 * MAX_ENCODED // 16_384
    said = [live.feed(b"65,66," * 2730).unprovable for _ in range(times)]
    assert set(said) == {"", "stream"}
    assert said[-1] == "stream"
    one, other = ("ghp_" + "".join(RANDOM.choices(LETTERS, k=36)) for _ in range(2))
    released = live.feed(f"\n{one} and {b64(other)}\n".encode())
    assert released.unprovable == "stream"
    assert [found.decoded for found in released.findings] == [()]


def test_findings_that_overlap_each_other_are_not_held_for_ever() -> None:
    """Lines that may be one with the next, so that each find takes in a part of another."""
    row = "".join(RANDOM.choices(string.digits, k=7)) + "/" + "".join(RANDOM.choices(LETTERS, k=7))
    chunk = f"https://hooks.zapier.com/hooks/catch/{row}/\n".encode() * 200
    live = LiveInspector(Inspector(INSPECTOR.detector, budget=PATIENT))
    fed = gone = 0
    said = set()
    for _ in range(30):
        released = live.feed(chunk)
        fed, gone = fed + len(chunk), gone + len(released.data)
        said.add(released.unprovable)
        assert fed - gone <= 2 * MAX_ENCODED + len(chunk)
    assert "stream" in said


def test_arguments_of_a_tool_call_in_events() -> None:
    """Each event holds a part of a JSON text, cut in the middle of an escape."""
    arguments = json.dumps({"command": f"echo \t{TOKEN}\n > /tmp/x"}).replace("ghp_", "\\u0067hp_")
    live = LiveInspector(INSPECTOR)
    found: list[Finding] = []
    for start in range(0, len(arguments), 5):
        event = json.dumps({"partial_json": arguments[start : start + 5]})
        found += live.feed(json.loads(event)["partial_json"].encode()).findings
    found += live.finish().findings
    assert [one.rule for one in found] == ["github-token"]


def test_several_secrets_are_told_in_order_and_each_once() -> None:
    other = TOKEN[:-1] + "0"
    data = f"{TOKEN} and {b64(other)} and {TOKEN}; {VALUE}! end of it. ".encode()
    for cuts in ways(len(data)):
        found, _ = told(data, cuts)
        assert [one.rule for one in found] == ["github-token"] * 3 + ["known-value"]
        assert [one.start for one in found] == sorted(one.start for one in found)


CLEAN = "The quick brown fox, as we know it: jumps over it all (again and again), then on.\n\n" * 20


def test_clean_text_goes_on_at_once() -> None:
    """All of it but a word that may begin a secret, and that only up to its next letter."""
    live, gone = LiveInspector(INSPECTOR), 0
    for end in range(1, len(CLEAN)):
        gone += len(live.feed(CLEAN[end - 1 : end].encode()).data)
        assert gone >= end - MAX_LEAK
        if CLEAN[end - 1] in " (\n":
            assert gone == end


def test_what_is_kept_is_bounded() -> None:
    live = LiveInspector(INSPECTOR)
    clean = CLEAN.encode()
    for _ in range(200):
        live.feed(clean)
    assert len(live._data) < len(clean) + 1024
    assert len(live._told) < 8


def test_what_goes_on_for_too_long_is_unprovable() -> None:
    """A packed stream that does not end is not waited for, and not taken for clean."""
    noise = bytes(RANDOM.choices(range(256), k=2 * MAX_ENCODED))
    packed = gzip.compress(noise, 1)
    live = LiveInspector(INSPECTOR)
    said, gone = [], 0
    for start in range(0, len(packed), 8192):
        released = live.feed(packed[start : start + 8192])
        said.append(released.unprovable)
        gone += len(released.data)
    assert any(said)
    assert len(packed) - gone <= MAX_ENCODED + 8192


def test_what_is_unpacked_of_a_whole_stream_has_one_budget() -> None:
    """Behind it nothing is unpacked any more, and it is said; what stands there as it is is seen."""
    live = LiveInspector(INSPECTOR)
    said = []
    for number in range(20):
        packed = gzip.compress(b"%d%b" % (number, b" a quick fox" * 20_000))
        said.append(live.feed(packed + CLEAN.encode()).unprovable)
    assert said[:2] == ["", ""]
    assert said[-1] == "bytes"
    one = "ghp_" + "".join(RANDOM.choices(LETTERS, k=36))
    released = live.feed(f"\n{one} and more\n".encode())
    assert [found.rule for found in released.findings] == ["github-token"]


def test_a_stream_of_secrets_is_judged_up_to_its_budget() -> None:
    """With many findings nothing is decoded any more, and with many values judged none is."""
    inspector = Inspector(INSPECTOR.detector, INSPECTOR.known, Budget(findings=20, matches=2000))
    live = LiveInspector(inspector)
    told = []
    for _ in range(200):
        rows = (f"db_password = '{''.join(RANDOM.choices(LETTERS, k=14))}7'\n" for _ in range(5))
        released = live.feed("".join(rows).encode())
        told.append((released.unprovable, len(released.findings)))
    assert next(said for said, _ in told if said) == "findings"
    assert told[-1] == ("matches", 0)
    assert 20 < sum(count for _, count in told) < 1000


@pytest.mark.parametrize("size", [4_096, 10**6])
def test_whenever_the_time_is_over_it_is_said(size: int) -> None:
    """At each look at the clock; from then on known values are all that is found."""
    rows = "".join(f"  - sha256:{RANDOM.randbytes(32).hex()}\n" for _ in range(150))
    text = f"{rows}{TOKEN}\n{b64(TOKEN)}\n{rows}{VALUE}".encode()

    def told(looks: int) -> tuple[list[str], set[str]]:
        seen = count()
        clock = Budget(clock=lambda: 60.0 * (next(seen) >= looks))
        live = LiveInspector(Inspector(INSPECTOR.detector, INSPECTOR.known, clock))
        parts = [live.feed(text[at : at + size]) for at in range(0, len(text), size)]
        parts.append(live.finish())
        assert b"".join(part.data for part in parts) == text
        rules = [found.rule for part in parts for found in part.findings]
        return rules, {part.unprovable for part in parts} - {""}

    whole = told(10**9)
    assert whole == (["github-token", "github-token", "known-value"], set())
    for looks in range(1, 1_000, 2):
        rules, unprovable = told(looks)
        assert rules[-1] == "known-value"
        assert unprovable == {"time"} or (rules, unprovable) == whole
    assert (rules, unprovable) == whole


@pytest.mark.parametrize(("rows", "unprovable"), [(300, ""), (3_000, "findings")])
def test_a_table_is_followed_to_its_end(rows: int, unprovable: str) -> None:
    """Far behind its header as well, without which its rows tell nothing."""
    secrets = ["".join(RANDOM.choices(LETTERS, k=9)) + "7!" for _ in range(rows)]
    table = "".join(
        f"{row},user{row},{one},some{row}@host.example\n" for row, one in enumerate(secrets)
    )
    text = f"{CLEAN}\nid,user,password,mail\n{table}\n{CLEAN}".encode()
    live = LiveInspector(INSPECTOR)
    parts = [live.feed(text[at : at + 4_096]) for at in range(0, len(text), 4_096)]
    parts.append(live.finish())
    spans = [(one.start, one.end) for part in parts for one in part.findings]
    assert "".join({part.unprovable for part in parts}) == unprovable
    if not unprovable:
        assert [text[start:end].decode() for start, end in spans] == secrets


@pytest.mark.parametrize("size", [1000, 1100, 1300, 4096])
def test_what_has_ended_is_not_taken_for_endless(size: int) -> None:
    """An encoding that ends within the bound, however the pieces fall."""
    live = LiveInspector(INSPECTOR)
    text = b64(gzip.compress(RANDOM.randbytes(30_000))).encode() + b". " + CLEAN.encode() * 30
    for start in range(0, len(text), size):
        assert not live.feed(text[start : start + size]).unprovable


@pytest.mark.parametrize("size", [5, 17, 50, 4096])
@pytest.mark.parametrize("spell", [lambda text: text.encode().hex(":"), each("\\x%02x")])
def test_a_name_is_not_forgotten_before_its_password(
    spell: Callable[[str], str], size: int
) -> None:
    """Letters right behind what was encoded leave it open, also for another look."""
    password = "".join(RANDOM.choices(LETTERS, k=12)) + "9"
    words = f"see 4 things: {spell(f'password={password}')}abcdefghijklm" + "\nabcdefghijklm" * 40
    data = words.encode()
    expected = {one.fingerprint for one in INSPECTOR.inspect(data).findings}
    assert expected
    found, _ = told(data, list(range(size, len(data), size)))
    assert {one.fingerprint for one in found} == expected


@pytest.mark.parametrize("length", range(4))
def test_no_character_is_cut(length: int) -> None:
    """What comes behind a row of long characters is read as the text that it is."""
    text = "x" * length + "\U000e0061" * 60 + SPELLINGS["zero-width between"](f"password={TOKEN}")
    data = f"{text} and so on.".encode()
    expected = {one.fingerprint for one in INSPECTOR.inspect(data).findings}
    assert expected
    found, _ = told(data, list(range(5, len(data), 5)))
    assert {one.fingerprint for one in found} == expected


@pytest.mark.parametrize("first", [VALUE, TOKEN])
@pytest.mark.parametrize("second", [TOKEN, "ghp_" + VALUE[:6] + TOKEN[10:]])
def test_what_was_told_is_not_told_again(first: str, second: str) -> None:
    """Neither all nor half of it, however far the next secret makes it look back."""
    data = f" {b64(b64(first))}  {b64(b64(second))} ".encode()
    expected = [one.fingerprint for one in INSPECTOR.inspect(data).findings]
    for size in (1, 7, 30):
        found, _ = told(data, list(range(size, len(data), size)))
        assert [one.fingerprint for one in found] == expected


def test_long_rows_of_groups_go_on() -> None:
    """What they say is read, and only what may begin a secret there is held back."""
    live, gone, row = LiveInspector(INSPECTOR), 0, b"41 42 43 7a " * 1000
    for _ in range(20):
        released = live.feed(row)
        assert not released.unprovable
        gone += len(released.data)
    assert gone > 19 * len(row)


def test_a_spent_budget_is_told() -> None:
    live = LiveInspector(Inspector(packaged_detector(KEY), budget=Budget(depth=1)))
    text = b64(b64(b64("nothing to see here at all, really nothing")))
    assert live.feed(f"x {text} y".encode()).unprovable == "depth"


def test_without_rules_or_without_values() -> None:
    data = f"{TOKEN} {VALUE} ".encode()
    for inspector, rule in (
        (Inspector(INSPECTOR.detector), "github-token"), (Inspector(None, INSPECTOR.known), "known-value"),
    ):  # fmt: skip
        live = LiveInspector(inspector)
        found = [one for byte in data for one in live.feed(bytes([byte])).findings]
        assert [one.rule for one in (*found, *live.finish().findings)] == [rule]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_value_that_is_cut_over_fields(size: int) -> None:
    """It is told before the piece is let go that makes it sure, and less than half of it left."""
    for place in range(1, len(VALUE)):
        body = json.dumps(
            [{"text": "some words"}, {"text": VALUE[:place]}, {"text": VALUE[place:]}]
        )
        live, gone = LiveInspector(INSPECTOR, joins_fields=True), b""
        found: tuple[Finding, ...] = ()
        for start in range(0, len(body), size):
            released = live.feed(body[start : start + size].encode())
            found += released.findings
            if found:
                break
            gone += released.data
        found = found or live.finish().findings
        assert {one.rule for one in found} <= {"known-value", "known-value-part"}
        least = len(VALUE) // 2
        assert VALUE[:least].encode() not in gone
        assert VALUE[-least:].encode() not in gone
        assert any(one.decoded[:1] == (SPLIT,) or len(VALUE) - place >= least for one in found)


def test_clean_fields_are_not_held_back() -> None:
    live, body = LiveInspector(INSPECTOR, joins_fields=True), b""
    for number in range(50):
        part = json.dumps({"text": f"what number {number} has to say."}).encode() + b"\n"
        body = part
        assert live.feed(part).data == part
    assert body
    assert not live.finish().findings


def test_what_is_held_back_is_bounded() -> None:
    """Behind the beginning of a value, however much stands there that is no letter."""
    live, held = LiveInspector(INSPECTOR), 0
    live.feed(VALUE[:8].encode())
    for _ in range(100):
        released = live.feed(b"~" * 4096)
        assert not released.unprovable
        held += 4096 - len(released.data)
        assert held <= MAX_HELD + 4096
    assert [one.rule for one in live.feed(VALUE[8:].encode() + b" ").findings] == ["known-value"]
