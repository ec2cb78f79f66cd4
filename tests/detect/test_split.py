"""A value that is cut over fields: found in any split and any cuts, and nothing else is."""

import json
import random
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.detect import split as module
from stopper.detect.finding import Finding
from stopper.detect.known import KnownValues
from stopper.detect.split import MAX_HELD, SPLIT, FieldFollower

RANDOM = random.Random(5)  # noqa: S311  samples
LETTERS = string.ascii_letters + string.digits
VALUE = "".join(RANDOM.choices(LETTERS, k=32))
KNOWN = KnownValues({"VALUE": VALUE}, b"a key of the tests")


def cut(data: bytes, places: Iterable[int]) -> Iterator[bytes]:
    for start, end in pairwise([0, *places, len(data)]):
        yield data[start:end]


def found_in(chunks: Iterable[bytes]) -> list[Finding]:
    follower = FieldFollower(KNOWN)
    found = [one for chunk in chunks for one in follower.feed(chunk)]
    return [*found, *follower.finish()]


def as_object(parts: Sequence[str]) -> bytes:
    return json.dumps({f"key {number}": part for number, part in enumerate(parts)}).encode()


def as_messages(parts: Sequence[str]) -> bytes:
    return json.dumps([{"role": "user", "content": part} for part in parts]).encode()


def as_events(parts: Sequence[str]) -> bytes:
    events = [{"index": 0, "delta": {"type": "text", "text": part}} for part in parts]
    return "".join(f"event: delta\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def as_parts(parts: Sequence[str]) -> bytes:
    one = '--X\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    return ("".join(one.format(*pair) for pair in enumerate(parts)) + "--X--\r\n").encode()


FORMS: dict[str, Callable[[Sequence[str]], bytes]] = {
    "an object": as_object,
    "a list": lambda parts: json.dumps(list(parts)).encode(),
    "messages": as_messages,
    "events": as_events,
    "lines": lambda parts: b"".join(as_object([part]) + b"\n" for part in parts),
    "a form": lambda parts: "&".join(f"key={quote(part)}" for part in parts).encode(),
    "parts": as_parts,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("place", range(1, len(VALUE)))
def test_every_split_over_two_fields(form: Callable[[Sequence[str]], bytes], place: int) -> None:
    """It is found once all of it is there, whatever the cuts, as one that spans both fields."""
    body = form(["before", VALUE[:place], VALUE[place:], "behind"])
    cuts = [[], [len(body) // 2], range(1, len(body))]
    for places in cuts:
        found = [one for one in found_in(cut(body, places)) if one.rule == "known-value"]
        assert found
        assert all(one.decoded[0] == SPLIT for one in found)
        assert all(0 <= one.start < one.end <= len(body) for one in found)


@given(places=st.sets(st.integers(1, len(VALUE) - 1), max_size=8), size=st.integers(1, 99))
def test_every_split_over_many_fields(places: set[int], size: int) -> None:
    parts = [VALUE[start:end] for start, end in pairwise([0, *sorted(places), len(VALUE)])]
    body = as_messages(["hello", *parts, "and more"])
    rules = {one.rule for one in found_in(cut(body, range(size, len(body), size)))}
    assert ("known-value" in rules) is bool(places)  # one field alone is not for this


CLEAN = {
    "whole in one field":       as_object(["a", VALUE, "b"]),
    "whole, with escapes":      json.dumps(["".join(f"\n{char}" for char in VALUE)]).encode(),
    "both ends of one value":   as_object([VALUE[:12] + "-" * 999 + VALUE[12:15]]),
    "too little of it":         as_object([VALUE[:5], VALUE[5:11]]),
    "in another order":         as_object([VALUE[16:24], VALUE[:8], VALUE[24:], VALUE[8:16]]),
    "other values":             as_messages(["".join(RANDOM.choices(LETTERS, k=9)) for _ in range(99)]),
}  # fmt: skip


@pytest.mark.parametrize("body", CLEAN.values(), ids=CLEAN)
def test_no_false_alarms(body: bytes) -> None:
    assert not found_in([body])
    assert not found_in(cut(body, range(1, len(body))))


def test_what_may_go_on_is_told_until_it_does_not() -> None:
    follower = FieldFollower(KNOWN)
    follower.feed(b'{"a":"some text", "b":"x ' + VALUE[:10].encode())
    assert follower.open_since is None  # the value itself is for others
    follower.feed(b'", ')
    assert follower.open_since == len(b'{"a":"some text", "b":')
    follower.feed(b'"c":"other"')
    assert follower.open_since is not None  # it may be a name
    follower.feed(b",")
    assert follower.open_since is None
    follower.feed(b'"d":"' + VALUE[:10].encode() + b'",')
    assert follower.open_since is not None
    follower.feed(b" " * MAX_HELD)
    assert follower.open_since is None


def test_values_of_one_name_with_others_between() -> None:
    parts = (VALUE[:11], VALUE[11:22], VALUE[22:])
    body = json.dumps([{"role": "somebody or other", "content": part} for part in parts])
    assert [one.rule for one in found_in([body.encode()])] == ["known-value"]


def test_memory_is_bounded() -> None:
    follower = FieldFollower(KNOWN)
    for number in range(2000):
        follower.feed(as_object([f"{number} {letter}" for letter in VALUE]))
        follower.feed(b'{"%d":"a","%d":"b"}' % (number, number))
    assert len(follower._named) <= module.MAX_ROWS
    assert len(follower._once) <= module.MAX_NAMES
    assert all(len(row._fields) <= module.MAX_PLACES for row in follower._named.values())
