"""The labelled sets of `tests/detect/corpus`: texts, and where a secret stands in each."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import Struct

from stopper.detect.rules import fill

__all__ = ["Sample", "bare_secrets", "benign", "commands", "destinations", "secrets"]

CORPUS: Final = Path(__file__).parent.parent / "tests/detect/corpus"
OPEN: Final = "⟦"
CLOSE: Final = "⟧"
BREAK: Final = "⏎"
_MARKS: Final = re.compile(f"[{OPEN}{CLOSE}]")
_NAME: Final = re.compile(r"\{(NAME|name|na-me|naMe|NaMe|na\.me)\}")


class Sample(Struct, frozen=True):
    """A text, what kind it is of, and the spans of the secrets that it holds."""

    kind: str
    text: str
    spans: tuple[tuple[int, int], ...] = ()


def secrets(seed: str = "") -> Iterator[Sample]:
    """Tokens in every setting, values under every spelling of their names, and whole texts."""
    settings = _lines("secrets-settings.txt")
    for kind, token in _rows("secrets-tokens.tsv"):
        for setting in settings:
            yield _marked(kind, _put(setting, token), f"{seed}{setting}")
    assignments = _lines("secrets-assignments.txt")
    for name, value in _rows("secrets-named.tsv"):
        for assignment in assignments:
            spelled = _NAME.sub(lambda found, name=name: _spelled(name, found[1]), assignment)  # type: ignore[misc]
            yield _marked(name, _put(spelled, value), f"{seed}{assignment}")
    for kind, text in _rows("secrets-texts.tsv"):
        yield _marked(kind, text, seed)


def bare_secrets(seed: str = "") -> Iterator[str]:
    """Every token and every named value once, as it would be hidden in an encoding."""
    for kind, token in _rows("secrets-tokens.tsv"):
        yield _marked(kind, f"token={token}", seed).text
    for name, value in _rows("secrets-named.tsv"):
        yield _marked(name, f"{name}={value}", seed).text


def benign(seed: str = "") -> Iterator[Sample]:
    """Texts that hold no secret, each with its own random parts."""
    for kind, text in _rows("benign.tsv"):
        yield _marked(kind, text, seed)


def destinations() -> Iterator[tuple[str, str]]:
    """Destinations with the reason code that they are refused for, or `ok`."""
    for code, text in _rows("destinations.tsv"):
        yield code, text.encode("ascii", "backslashreplace").decode("unicode_escape")


def commands() -> Iterator[tuple[str, str]]:
    """Commands with the effect that each must show, or nothing for the ordinary ones."""
    for file in sorted(CORPUS.glob("dangerous*.tsv")):
        for effect, command in _rows(file.name):
            yield effect, command.replace(BREAK, "\n")
    for file in sorted(CORPUS.glob("ordinary*.txt")):
        for command in _lines(file.name):
            yield "", command.replace(BREAK, "\n")


@cache
def _lines(name: str) -> tuple[str, ...]:
    text = (CORPUS / name).read_text(encoding="utf-8")
    return tuple(line for line in text.split("\n") if line and not line.startswith("# "))


@cache
def _rows(name: str) -> tuple[tuple[str, str], ...]:
    rows = (line.partition("\t") for line in _lines(name))
    return tuple((kind, text) for kind, _, text in rows)


def _put(setting: str, value: str) -> str:
    """The value where the marks of the setting stand; its own marks, if any, go before them."""
    if OPEN in value:
        return setting.replace(OPEN + CLOSE, value)
    return setting.replace(OPEN + CLOSE, f"{OPEN}{value}{CLOSE}")


def _spelled(name: str, style: str) -> str:
    words = name.split("_")
    low = [word.lower() for word in words]
    titled = [word.title() for word in words]
    return {
        "NAME": "_".join(words).upper(),
        "name": "_".join(low),
        "na-me": "-".join(low),
        "na.me": ".".join(low),
        "naMe": low[0] + "".join(titled[1:]),
        "NaMe": "".join(titled),
    }[style]


def _marked(kind: str, template: str, seed: str) -> Sample:
    parts = _MARKS.split(fill(template, seed).replace(BREAK, "\n"))
    spans = []
    at = 0
    for number, part in enumerate(parts):
        if number % 2:
            spans.append((at, at + len(part)))
        at += len(part)
    return Sample(kind, "".join(parts), tuple(spans))
