"""Text in binary that says how long it is, or what it is called."""

import re
from collections.abc import Iterator
from typing import Final

from stopper.detect.allowance import Allowance
from stopper.detect.legible import PRINTABLE
from stopper.detect.opened import Gathered, Opened

__all__ = ["FRAMED", "NAME", "framed"]

FRAMED: Final = "framed"
"""The name of what stands behind its length, or behind the name of a secret."""

# The name of a secret in front of its value, where bytes stand between them: in maps of protobuf,
# MessagePack, BSON and others.
NAME: Final = (
    rb"((?:[A-Za-z0-9]{1,24}+[_.-]){0,4}+"
    rb"(?i:[a-z]{0,16}?(?:password|passwd|secret|token|api_?key|key)))"
)
_NAMED_VALUE = re.compile(rb"[^ -~]%b[^ -~\n]{1,6}([!-~]{6,256})" % NAME)
_NO_TEXT = re.compile(rb"[\x00-\x06\x0e-\x19\x7f]")
_FRAMES = re.compile(rb"[^ -~][ -~](?=[!-~]{16})")
_MIN_FRAMED: Final = 0x20
# What begins no field of protobuf, neither of a number nor of a string, and is no sign of binaries.
_NO_TAG: Final = frozenset(bytes([byte]) for byte in range(0x20, 0x7F) if byte & 7 not in {0, 2})
_MAX_FRAMED: Final = 16
"""In a text that only has signs of binaries each would seem to be behind another, without end."""


def framed(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """Strings behind a byte that tells how long they are, and values behind the name of a secret.

    So have them protobuf, MessagePack, BSON and others. What tells the length may look like a sign
    of the string; it stands behind a byte that is none, or behind another such string and one that
    tells what follows.
    """
    if not _NO_TEXT.search(data):
        return
    gathered = Gathered()
    last = 0
    for found in allowance.paced(_FRAMES.finditer(data)):
        at = max(last, found.end() - 1)
        for _ in range(_MAX_FRAMED):
            size = _size_of_string(data, at)
            if not size:
                break
            last = at + 1 + size
            gathered.add(data[at + 1 : last], at + 1, last, 1)
            at = last + 1
    for named in allowance.paced(_NAMED_VALUE.finditer(data)):
        gathered.add(b"%b=%b" % named.groups(), *named.span(2))
    yield from gathered.opened(FRAMED)


def _size_of_string(data: bytes, at: int) -> int:
    """How many signs stand behind the byte at this place, if they are as many as it says.

    Behind them stands what may begin the next field.
    """
    size = data[at] if at < len(data) else 0
    end = at + 1 + size
    if size < _MIN_FRAMED or end > len(data) or data[end : end + 1] in _NO_TAG:
        return 0
    return 0 if data[at + 1 : end].translate(None, PRINTABLE) else size
