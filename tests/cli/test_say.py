"""Words beside tables: results on stdout, hints on stderr, JSON for machines."""

import json
from datetime import UTC, datetime

import pytest

from stopper.cli.say import broken, hint, print_json, print_json_line, say, warn

TEXTS = {
    # what                        text                               room  lines
    "a pipe breaks nothing":      ("some words to say",              None, ["some words to say"]),
    "a terminal breaks at words": ("some words to say",              10,   ["some words", "to say"]),
    "escapes are shown":          ("a\x1b[2Jb\x07",                  None, ["a\\x1b[2Jb\\x07"]),
    "no line can be forged":      ("honest\nforged\rforged",         None, [r"honest\nforged\rforged"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "room", "lines"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_broken_where_it_must(text: str, room: int | None, lines: list[str]) -> None:
    assert broken(text, room) == lines


def test_results_and_hints_go_to_streams_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    say("result")
    hint("hint")
    warn("warning")
    assert capsys.readouterr() == ("result\n", "hint\nwarning\n")


def test_json_has_times_in_utc_and_nothing_that_steers_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    value = {"at": datetime(2026, 1, 31, 12, tzinfo=UTC), "model": "\x1b[31mé\u202e"}
    print_json([value])
    print_json_line(value)
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    document, line = out.split("]\n")
    expected = {"at": "2026-01-31T12:00:00Z", "model": "\x1b[31mé\u202e"}
    assert json.loads(document + "]") == [expected]
    assert json.loads(line) == expected
    assert line.count("\n") == 1
