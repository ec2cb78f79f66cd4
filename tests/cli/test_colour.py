"""Colour on a terminal, and nowhere else."""

import io

import pytest

from stopper.cli.colour import Style, has_colour, paint


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


PLACES = {
    # where                    stream        environment                         expected
    "a terminal":              (Terminal(),    {"TERM": "xterm"},                  True),
    "a terminal of no name":   (Terminal(),    {},                                 True),
    "a pipe":                  (io.StringIO(), {"TERM": "xterm"},                  False),
    "a dumb terminal":         (Terminal(),    {"TERM": "dumb"},                   False),
    "NO_COLOR":                (Terminal(),    {"TERM": "xterm", "NO_COLOR": "1"}, False),
    "NO_COLOR, but empty":     (Terminal(),    {"TERM": "xterm", "NO_COLOR": ""},  True),
}  # fmt: skip


@pytest.mark.parametrize(("stream", "environ", "expected"), PLACES.values(), ids=PLACES)
def test_colour(
    stream: io.StringIO,
    environ: dict[str, str],
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert has_colour(stream) is expected


def test_paint() -> None:
    assert paint("x", Style.RED, colour=True) == "\x1b[31mx\x1b[0m"
    assert paint("x", Style.RED, colour=False) == "x"
    assert paint("x", None, colour=True) == "x"
    assert paint("", Style.RED, colour=True) == ""
