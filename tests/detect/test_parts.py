"""Tokens in parts that are named by their order, and what only looks like that."""

import pytest

from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.known import KnownValues
from stopper.detect.rules import fill

INSPECTOR = Inspector(packaged_detector(b"a key for tests"))
TOKEN = fill("ghp_{alnum:35}7")
FIRST, SECOND = TOKEN[:19], TOKEN[19:]

PARTED = {
    "fields": '{{"id": 4, "key_part1": "{}", "key_part2": "{}"}}',
    "fields in another order of names": '{{"a": 1, "token-1": "{}", "x": "y", "token-2": "{}"}}',
    "settings": "TOKEN_A={}\nOTHER=1\nTOKEN_B={}\n",
    "options": "./login --first {} --second {}",
    "YAML": "halves:\n  first: {}\n  second: {}\n",
    "arguments": "login(part1='{}', part2='{}')",
}


@pytest.mark.parametrize("text", PARTED.values(), ids=PARTED)
def test_both_parts_are_found(text: str) -> None:
    whole = text.format(FIRST, SECOND)
    found = {whole[one.start : one.end] for one in INSPECTOR.inspect(whole).findings}
    assert found == {FIRST, SECOND}


@pytest.mark.parametrize("text", [PARTED["fields"], PARTED["arguments"]])
def test_a_short_password_of_signs_is_known_in_two_parts(text: str) -> None:
    """In quotes a part may have any sign but the quote."""
    value = fill("{alnum:5}&(!){alnum:5}#7")
    whole = text.format(value[:7], value[7:])
    inspector = Inspector(None, KnownValues({"PASSWORD": value}, b"a key for tests"))
    found = {whole[one.start : one.end] for one in inspector.inspect(whole).findings}
    assert found == {value[:7], value[7:]}


INNOCENT = {
    "addresses": '{"address1": "1 Main Street", "address2": "Springfield 12345"}',
    "another stem": f'{{"key_part1": "{FIRST}", "other_part2": "{SECOND}"}}',
    "the second alone": f'{{"key_part2": "{SECOND}"}}',
    "far apart": f'{{"key_part1": "{FIRST}", "x": "{"some words " * 60}", "key_part2": "{SECOND}"}}',
}


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_innocent(text: str) -> None:
    assert not INSPECTOR.inspect(text).findings
