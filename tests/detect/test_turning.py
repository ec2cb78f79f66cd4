"""Secrets without a prefix that are written from their end or in rot13, where the text says so."""

import pytest

from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.live import LiveInspector
from stopper.detect.rules import fill
from stopper.detect.spelling import ROT13

INSPECTOR = Inspector(packaged_detector(b"a key for tests"))
PASSWORD = fill("password=Kx{alnum:9}7q{alnum:5}9")
KEY = fill("secret_key: {alnum:30}7aB")
AZURE = fill("{alnum:3}8Q~{alnum:31}aB3")


def rotated(text: str) -> str:
    return text.encode().translate(ROT13).decode()


TURNED = {
    "Python":       f"s = '{AZURE[::-1]}'[::-1]",
    "JavaScript":   f'const v = "{AZURE[::-1]}".split("").reverse().join("");',
    "a shell":      f"echo '{AZURE[::-1]}' | rev > settings.txt",
    "PHP":          f"$s = strrev('{KEY[::-1]}');",
    "Visual Basic": f'StrReverse("{PASSWORD[::-1]}")',
    "Python, a call": f"''.join(reversed('{PASSWORD[::-1]}'))",
    "a name, which says it": f"x = '{KEY[::-1]}'",
    "tr":           f"echo '{rotated(PASSWORD)}' | tr 'A-Za-z' 'N-ZA-Mn-za-m'",
    "rot13":        f"rot13: {rotated(PASSWORD)}",
}  # fmt: skip
INNOCENT = {
    "a word of its own":  f"s = '{AZURE[::-1]}' # reviewed",
    "names":              "const byDate = ['entry12', 'entry11'].reverse();",
    "digests":            f"commits = ['{fill('{hex:40}')}', '{fill('{hex:40}', 'b')}'][::-1]",
    "a path":             "reversed('/usr/lib/python3.11/site-packages')",
    "tr":                 "tr 'A-Za-z' 'N-ZA-Mn-za-m' < chapter12.txt",
}  # fmt: skip


@pytest.mark.parametrize("text", TURNED.values(), ids=TURNED)
def test_what_says_that_it_is_turned_is_turned_back(text: str) -> None:
    """Whole and in chunks; a mark leaves nothing of it."""
    found = INSPECTOR.inspect(text).findings
    assert found
    assert {"turned", "rot13"} & set(found[0].decoded)
    assert not INSPECTOR.inspect(text[: found[0].start] + text[found[0].end :]).findings
    live = LiveInspector(INSPECTOR)
    data = f"begin\n{text}\nend\n".encode()
    released = [live.feed(data[at : at + 11]) for at in range(0, len(data), 11)]
    assert any(each.findings for each in (*released, live.finish()))


def test_what_turns_may_stand_far_from_what_is_turned() -> None:
    text = f"a[::-1]{' ' * 8000}b[::-1]{' ' * 8000}'{AZURE[::-1]}'"
    assert INSPECTOR.inspect(text).findings


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_what_is_turned_may_be_anything(text: str) -> None:
    assert not INSPECTOR.inspect(text).findings
