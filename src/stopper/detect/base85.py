"""Bytes written in 85 digits: ascii85, base85 as git and Python write it, and Z85."""

import re
from collections.abc import Iterator
from typing import Final, Self

from msgspec import Struct

from stopper.detect.allowance import Allowance
from stopper.detect.inflate import MAGICS
from stopper.detect.lazy import lazy
from stopper.detect.legible import is_legible, table_of
from stopper.detect.opened import Gathered, Opened
from stopper.detect.passes import runs

__all__ = ["ascii85", "base85"]

_MIN_RUN: Final = 25

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
_DIGITS16 = _DIGITS + b"abcdef"
_ALPHABET64 = _LETTERS + _LETTERS.lower() + _DIGITS + b"+/_-="
_ASCII85 = bytes(range(ord("!"), ord("u") + 1))
_BASE85 = _DIGITS + _LETTERS + _LETTERS.lower() + b"!#$%&()*+-;<=>?@^_`{|}~"
_Z85 = _DIGITS + _LETTERS.lower() + _LETTERS + b".-:+=^!/*?&<>()[]{}@%$#"  # ZeroMQ's RFC 32
_FIRSTS: Final = slice(10, 41)
"""The digits that a group of five begins with when a printable byte comes first."""

_DECODED: Final = 8
"""What it costs to decode a byte, in bytes that are gone through."""

_TICK: Final = b"`"
_LAST_CAPITAL: Final = 0x5A
_MAX_WORD: Final = 0xFFFF_FFFF


class _Kind(Struct, frozen=True):
    """`classes` tells the alphabet, `values` the digits; groups that may be text match `groups`.

    What is compressed begins with one of `packed`.
    """

    name: str
    classes: bytes
    values: bytes
    firsts: bytes
    groups: re.Pattern[bytes]
    packed: tuple[bytes, ...]

    @classmethod
    def of(cls, name: str, alphabet: bytes) -> Self:
        """The kind whose digits are the characters of `alphabet` in their order."""
        firsts = alphabet[_FIRSTS]
        groups = b"(?:[%b][%b]{4}){%d,}[%b]{0,4}" % (
            re.escape(firsts), re.escape(alphabet), _MIN_RUN // 5, re.escape(alphabet),
        )  # fmt: skip
        values = bytes.maketrans(alphabet, bytes(range(85)))
        packed = tuple(sorted({start for magic in MAGICS for start in _starts(alphabet, magic)}))
        return cls(name, table_of(alphabet), values, firsts, lazy(groups), packed)


def _starts(alphabet: bytes, magic: bytes) -> Iterator[bytes]:
    """How the digits of bytes begin that begin with `magic`, as far as it tells."""
    for rest in (b"\0", b"\xff"):
        word = int.from_bytes(magic.ljust(4, rest)[:4])
        yield bytes([alphabet[word // 85**4], alphabet[word // 85**3 % 85]])


def ascii85(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What ascii85 holds, as far as it is legible; also in lines of one length.

    Once it is late by the `allowance` there is no more.
    """
    yield from _opened(_KIND_A85, data, allowance)
    for block in _LINES.finditer(data):
        if allowance.is_late(block.end() - block.start()):
            return
        digits = block[0].translate(_KIND_A85.values, b"\r\n")
        if not block[0].translate(None, _ALPHABET64 + b"\r\n") or not _begins_legibly(digits):
            continue
        plain = _bytes_of(digits)
        if plain and is_legible(plain[: len(plain) - len(plain) % 4]):
            gathered = Gathered()
            gathered.add(plain, *block.span())
            yield from gathered.opened(_KIND_A85.name)


def base85(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What base85 holds, as far as it is legible, and what a patch of git has of binary files.

    Once it is late by the `allowance` there is no more.
    """
    yield from _opened(_KIND_B85, data, allowance)
    if _SAYS_Z85.search(data):
        yield from _opened(_KIND_Z85, data, allowance)
    if b"GIT binary patch" in data:
        yield from Gathered().opened("git-patch", tuple(_patched(data, allowance)))


def _patched(data: bytes, allowance: Allowance) -> Iterator[tuple[bytes, int, int]]:
    """The bytes of each part of such a patch: a letter tells how many a line has of them."""
    for found in allowance.paced(_PATCH.finditer(data)):
        parts = []
        for line in allowance.paced(found[1].split()):
            size = line[0] - (0x60 - 26 if line[0] > _LAST_CAPITAL else 0x40)
            parts.append(_bytes_of(line[1:].translate(_KIND_B85.values))[:size])
        yield b"".join(parts), found.start(1), found.end(1)


_KIND_A85 = _Kind.of("ascii85", _ASCII85)
_KIND_B85 = _Kind.of("base85", _BASE85)
_KIND_Z85 = _Kind.of("base85", _Z85)
_SAYS_Z85 = re.compile(rb"[zZ]85")
_QUOTED = re.compile(rb"\"[^\"]{%d,}+\"|'[^']{%d,}+'" % (_MIN_RUN, _MIN_RUN))
_LINES = re.compile(rb"(?m)^(?:[!-u]{60,80}\r?\n){1,4096}[!-u]{1,80}\r?$")
# A part of a patch of git: a letter for the length of each line, and its digits.
_PATCH = re.compile(
    rb"(?m)^(?:literal|delta) [0-9]{1,10}\r?\n((?:[A-Za-z][%b]{5,65}\r?\n)+)" % re.escape(_BASE85)
)


def _opened(kind: _Kind, data: bytes, allowance: Allowance) -> Iterator[Opened]:
    gathered = Gathered()
    blobs: list[tuple[bytes, int, int]] = []
    for start, end in runs(kind.classes, _MIN_RUN, data):
        if data.startswith(kind.packed, start):
            blobs.append((_bytes_of(data[start:end].translate(kind.values)), start, end))
    for found in _groups(kind, data, allowance):
        if allowance.is_late(_DECODED * (found.end() - found.start())):
            return
        digits = found[0].translate(kind.values)
        if not (_begins_legibly(digits) and is_legible(_bytes_of(digits[:_MIN_RUN]))):
            continue
        plain = _bytes_of(digits)
        if plain and all(is_legible(plain[i : i + 512]) for i in range(0, len(plain), 512)):
            gathered.add(plain, found.start(), found.end())
    yield from gathered.opened(kind.name, tuple(blobs))


def _groups(kind: _Kind, data: bytes, allowance: Allowance) -> Iterator[re.Match[bytes]]:
    for first, last in runs(kind.classes, _MIN_RUN, data):
        run = data[first:last]
        if _is_of_fewer(run) or not (_has_firsts(kind, run) and kind.groups.search(run)):
            continue
        if allowance.is_late(len(run)):
            return
        for start, end in _stretches(data, first, last):
            run = data[start:end]
            if not _is_of_fewer(run) and _has_firsts(kind, run):
                yield from kind.groups.finditer(data, start, end)


def _is_of_fewer(run: bytes) -> bool:
    """Whether it has no more signs than base64 and its name, or is hex but for a quarter.

    What is written in 85 digits has one sign in five that base64 has not, and as few of hex.
    """
    signs = len(run.translate(None, _ALPHABET64))
    return signs * 40 <= len(run) or len(run.translate(None, _DIGITS16)) * 4 < len(run)


def _has_firsts(kind: _Kind, run: bytes) -> bool:
    """Whether it has as many digits as groups of text would begin with."""
    return len(run) - len(run.translate(None, kind.firsts)) >= _MIN_RUN // 5


def _stretches(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A run without the marks around code, which are no digits there, and what quotes hold in it.

    Ascii85 has quotes among its digits.
    """
    while end - start > 1 and data.startswith(_TICK, start) and data.startswith(_TICK, end - 1):
        start, end = start + 1, end - 1
    yield start, end
    for quoted in _QUOTED.finditer(data, start, end):
        yield quoted.start() + 1, quoted.end() - 1


def _begins_legibly(digits: bytes) -> bool:
    """Whether the first group of base-85 digits is text, which most that look like it are not."""
    a, b, c, d, e = digits[:5]
    word = (((a * 85 + b) * 85 + c) * 85 + d) * 85 + e
    return word <= _MAX_WORD and is_legible(word.to_bytes(4))


def _bytes_of(digits: bytes) -> bytes:
    """The bytes of these base-85 digits; nothing where a group is no 32-bit number."""
    spare = -len(digits) % 5
    digits += bytes([84]) * spare
    words = [
        (((a * 85 + b) * 85 + c) * 85 + d) * 85 + e
        for a, b, c, d, e in zip(*(digits[place::5] for place in range(5)), strict=True)
    ]
    if max(words) > _MAX_WORD:
        return b""
    plain = b"".join([word.to_bytes(4) for word in words])
    return plain[: len(plain) - spare]
