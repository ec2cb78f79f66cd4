"""Texts written from their end, and those in rot13, where they say so or show it."""

import re
from collections.abc import Iterator
from typing import Final

from stopper.detect.allowance import Allowance
from stopper.detect.opened import NO_WORDS, Gathered, Opened
from stopper.detect.origin import united
from stopper.detect.spelling import ROT13

__all__ = ["ROTATED", "TURNED", "rotated", "turned"]

ROTATED: Final = "rot13"
"""Its name in the path of a view."""

TURNED: Final = "turned"
"""The name of what says that it is written from its end; all else that may be is `reversed`."""

# What texts have that are written from their end: addresses, and names with a value.
_LAST = re.compile(
    rb"//:[a-z0-9+]{2,20}(?::cbdj)?"
    rb"|(?:=| ?:[\"']?)(?i:yek|nekot|terces|drowssap|ssap)[A-Za-z_]{0,40}"
)
_FIRST = re.compile(rb"[^\s\"'`<>]{8,512}")
_SAYS_ROTATED = re.compile(rb"(?i:rot)_?13|N-ZA-M")
# How code turns strings round, in Python, shells, JavaScript and its kin, PHP and Visual Basic.
_SAYS_TURNED = re.compile(
    rb"\[::-1\]|\|[ ]{0,4}rev(?![a-z])|rev\(|\.[rR]ev(?:erse)?(?![A-Za-z0-9_-])|(?i:reversed?\()"
)
_LITERAL = re.compile(rb"([\"'`])([^\"'`<>\s]{8,512})\1")
_NEAR: Final = 8192
"""So far from there literals may stand that it turns."""


def turned(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """Addresses, and names with a value, from their end, and the literals of code that turns some.

    All of a text that names rot13, or puts letters in place of others so.
    """
    if _SAYS_ROTATED.search(data):
        yield from rotated(data)
    gathered = Gathered()
    back, size, at = data[::-1], len(data), 0
    for last in allowance.paced(_LAST.finditer(data)):
        first = _FIRST.match(back, size - last.start(), size - at)
        if first:
            start, at = size - first.end(), last.end()
            gathered.add(data[start:at][::-1], start, at)
    turns = _SAYS_TURNED.finditer(data)
    for start, end in united((max(0, one.start() - _NEAR), one.end() + _NEAR) for one in turns):
        for literal in allowance.paced(_LITERAL.finditer(data, start, end)):
            text = literal[2][::-1]
            if NO_WORDS.search(text):
                gathered.add(text, *literal.span(2))
    yield from gathered.opened(TURNED)


def rotated(data: bytes) -> Iterator[Opened]:
    """All of it in rot13."""
    gathered = Gathered()
    gathered.add(data.translate(ROT13), 0, len(data), 1)
    yield from gathered.opened(ROTATED)
