"""Bytes written as text: base64, base32, hex, base85 and ascii85 in a text, at any alignment."""

import re
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from math import lcm
from typing import Final, Self

from msgspec import Struct

from stopper.detect.allowance import Allowance
from stopper.detect.inflate import MAGICS, is_packed
from stopper.detect.lazy import lazy
from stopper.detect.opened import Gathered, Opened
from stopper.detect.origin import Span
from stopper.detect.passes import runs
from stopper.detect.sieve import Sieve
from stopper.detect.spelling import ROT13
from stopper.detect.turning import ROTATED, rotated

__all__ = [
    "FRAMED",
    "MIN_BASE64",
    "PRINTABLE",
    "SPELLED",
    "ascii85",
    "base85",
    "framed",
    "legible",
    "lettered",
]

MIN_BASE64: Final = 20
MIN_HEX: Final = 24
MIN_BASE32: Final = 24
_MIN_85: Final = 25
_MIN_BLOB: Final = 21
"""Fewer bytes hold no secret that is compressed or spelled with letters that look alike."""

_MAX_ASKED: Final = 36
"""To decode a longer run takes no more time than to find out whether it is worth it."""

_STRAIGHT: Final = 1
_BACKWARDS: Final = 2
_ROTATED: Final = 4
_MIN_TURNED: Final = 24
_MAX_TURNED: Final = 2048
_MIN_DIGITS: Final = 3
_MIN_SURE: Final = 16
_HEADED = re.compile(rb"[A-Za-z0-9]{2,10}[_-]")
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-")
_MIN_LEGIBLE: Final = 10
_MIN_WIDE: Final = 8

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
_DIGITS16 = _DIGITS + b"abcdef"
_HEXDIGITS = _DIGITS + b"abcdefABCDEF"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def _class(alphabet: bytes) -> bytes:
    return bytes(byte in alphabet for byte in range(256))


_ALPHABET64 = _LETTERS + _LETTERS.lower() + _DIGITS + b"+/_-="
_BASE64 = _class(_ALPHABET64[:-1])
_HEX = _class(_HEXDIGITS)
_UPPER32 = _class(_LETTERS + b"234567")
_LOWER32 = _class(_LETTERS.lower() + b"234567")
_UPPER32HEX = _class(_DIGITS + _LETTERS[:22])
_LOWER32HEX = _class(_DIGITS + _LETTERS[:22].lower())
_VALUES32 = bytes.maketrans(
    _LETTERS + _LETTERS.lower() + b"234567",
    (_DIGITS + _LETTERS)[:26] * 2 + b"QRSTUV",
)  # fmt: skip
_NARROW: Final = (
    f"[0-9a-fA-F]{{{MIN_HEX}}}",
    *(f"{one}{{{MIN_BASE32}}}" for one in ("[A-Z2-7]", "[a-z2-7]", "[0-9A-V]", "[0-9a-v]")),
)
_IS_NARROW = lazy("|".join(_NARROW).encode())

FRAMED: Final = "framed"
"""The name of what stands behind its length, or behind the name of a secret."""

PRINTABLE: Final = bytes(range(0x20, 0x7F)) + b"\t\r\n"
"""What text in ASCII is made of."""

_LEGIBLE = _class(PRINTABLE)
_WIDELY = b"\2" + _LEGIBLE[1:]
_WIDE = tuple(way * _MIN_WIDE for way in (b"\1\2", b"\2\1", b"\1\2\2\2", b"\2\2\2\1"))
_WIDE_RUN = re.compile(rb"[\1\2]{%d,}+" % (2 * _MIN_WIDE))

_ASCII85 = bytes(range(ord("!"), ord("u") + 1))
_BASE85 = _DIGITS + _LETTERS + _LETTERS.lower() + b"!#$%&()*+-;<=>?@^_`{|}~"
_Z85 = _DIGITS + _LETTERS.lower() + _LETTERS + b".-:+=^!/*?&<>()[]{}@%$#"  # ZeroMQ's RFC 32
_FIRSTS_85: Final = slice(10, 41)
"""The digits that a group of five begins with when a printable byte comes first."""

_TICK: Final = b"`"
_LAST_CAPITAL: Final = 0x5A
_MAX_WORD: Final = 0xFFFF_FFFF
_FIRST_SHOWN: Final = 0x20
_LAST_SHOWN: Final = 0x7E
# Of addresses that are secrets, in rot13: `/services/`, `/api/webhooks/`.
_ROTATED_PATH: Final = b"/freivprf/"
_ROTATED_API: Final = b"/ncv/jroubbxf/"
# How base64 of zlib, gzip, zstd, bzip2 and xz begins.
_PACKED_SEGMENT = re.compile(rb"/(?=eJ|eN|eA|H4sI|KLUv|Qlpo|/Td6)")


_Place = tuple[int, int, int]
"""Where the bytes of a run begin once it is decoded, and where it stands in the text."""


class _Kind(Struct, frozen=True):
    """`chars` characters make `size` bytes; `fill` is a zero, `gap` what never decodes to text.

    `spells` matches in every run that holds something legible. `is_mixed` says that bytes which
    are not take capitals, small letters and others.
    """

    name: str
    chars: int
    size: int
    fill: bytes
    gap: bytes
    decode: Callable[[bytes], bytes]
    spells: re.Pattern[bytes]
    is_mixed: bool = False


class _Kind85(Struct, frozen=True):
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
        firsts = alphabet[_FIRSTS_85]
        groups = b"(?:[%b][%b]{4}){%d,}[%b]{0,4}" % (
            re.escape(firsts), re.escape(alphabet), _MIN_85 // 5, re.escape(alphabet),
        )  # fmt: skip
        values = bytes.maketrans(alphabet, bytes(range(85)))
        packed = tuple(sorted({start for magic in MAGICS for start in _starts85(alphabet, magic)}))
        return cls(name, _class(alphabet), values, firsts, lazy(groups), packed)


def _starts85(alphabet: bytes, magic: bytes) -> Iterator[bytes]:
    """How the digits of bytes begin that begin with `magic`, as far as it tells."""
    for rest in (b"\0", b"\xff"):
        word = int.from_bytes(magic.ljust(4, rest)[:4])
        yield bytes([alphabet[word // 85**4], alphabet[word // 85**3 % 85]])


def lettered(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What base64, hex and base32 hold, as far as it is legible or compressed.

    What looks like a token, or like one of these, from its end is given turned round; what looks
    like a token, in rot13. Once it is late by the `allowance` there is no more.
    """
    names = runs(_BASE64, MIN_BASE64, data)
    found = [data[start:end] for start, end in names]
    together = b" %b " % b" ".join(found)
    if _ROTATED_PATH in together or _ROTATED_API in together:
        yield from rotated(data)
    asked = _asking().scan(together)
    if any(map(bytes.isdigit, found)):
        gathered = Gathered()
        for plain, start, end in _padded(names, found):
            gathered.add(plain, start, end, 3)
        yield from gathered.opened("numbers")
    if asked & _BACKWARDS:
        yield from _turned(data, names, found)
    if asked & _ROTATED:
        yield from _as_rotated(names, found)
    if allowance.is_late(len(data)):
        return
    if not asked & _STRAIGHT and not any(map(_is_worth_asking, found)):
        return
    yield from _opened(
        _KIND64, data, [*_wider(data, names), *_behind_slashes(data, names)], allowance
    )
    narrow = [
        (start, end)
        for start, end in names
        if end - start > _MAX_ASKED or _IS_NARROW.search(data, start, end)
    ]
    if narrow and not allowance.is_late(len(data)):
        yield from _opened(_KIND16, data, _within(data, narrow, _HEX, MIN_HEX), allowance)
        yield from _opened(_KIND32, data, _within(data, narrow, _UPPER32, MIN_BASE32), allowance)
        yield from _opened(_KIND32, data, _within(data, narrow, _LOWER32, MIN_BASE32), allowance)
        for table in (_UPPER32HEX, _LOWER32HEX):
            found32 = _within(data, narrow, table, MIN_BASE32)
            yield from _opened(_KIND32HEX, data, _wider(data, found32), allowance)


def _wider(data: bytes, spans: Iterable[Span]) -> list[Span]:
    """Those that are not only hex: base64 and base32 that hold text have other digits, too."""
    return [span for span in spans if data[slice(*span)].translate(None, _HEXDIGITS)]


def _padded(
    names: Iterable[tuple[int, int]], found: Iterable[bytes]
) -> Iterator[tuple[bytes, int, int]]:
    """What decimal numbers of three digits hold that stand without a break."""
    for (start, end), run in zip(names, found, strict=True):
        if run.isdigit() and len(run) % 3 == 0:
            codes = [int(run[at : at + 3]) for at in range(0, len(run), 3)]
            if min(codes) >= _FIRST_SHOWN and max(codes) <= _LAST_SHOWN:
                yield bytes(codes), start, end


def _behind_slashes(data: bytes, names: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Compressed bytes in the path of a URL, of which the segments before it are no part."""
    for found in _PACKED_SEGMENT.finditer(data):
        start = found.end()
        at = bisect_right(names, (start, len(data))) - 1
        if at >= 0 and start < names[at][1]:
            yield start, names[at][1]


def _is_worth_asking(run: bytes) -> bool:
    return len(run) > _MAX_ASKED or _may_be_blob(_KIND64, run)


@lru_cache(maxsize=1)
def _asking() -> Sieve:
    """All runs are asked at once, since nearly all are but names."""
    return Sieve({_STRAIGHT: (*SPELLED, *_NARROW), _BACKWARDS: _BACKWARD, _ROTATED: (_FORWARD,)})


def _turned(
    data: bytes, names: Sequence[tuple[int, int]], found: Sequence[bytes]
) -> Iterator[Opened]:
    """Each run that is a token with a prefix, or holds text that chance does not make, turned."""
    texts, tokens = Gathered(), Gathered()
    sized = [
        (span, run)
        for span, run in zip(names, found, strict=True)
        if _MIN_TURNED <= len(run) <= _MAX_TURNED
    ]
    is_text = _text_from_its_end(data, sized)
    for (start, end), run in sized:
        if start in is_text and not _is_text_straight(run):
            texts.add(run[::-1], start, end)
        elif _is_headed(run[::-1]):
            tokens.add(run[::-1], start, end)
    yield from texts.opened("reversed")
    yield from tokens.opened("reversed", is_plain=True)


def _is_text_straight(run: bytes) -> bool:
    """Whether it is base64 or hex of text as it stands: then what its end spells is chance."""
    kind = _KIND64 if run.translate(None, _HEXDIGITS) else _KIND16
    plain = kind.decode(run[: len(run) // kind.chars * kind.chars])
    return not plain.translate(None, PRINTABLE)


def _text_from_its_end(
    data: bytes, sized: Iterable[tuple[tuple[int, int], bytes]]
) -> frozenset[int]:
    """Where runs begin that are base64 or hex of text, written from its end."""
    back, size = data[::-1], len(data)
    kinds: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for (start, end), run in sized:
        kinds[not run.translate(None, _HEXDIGITS)].append((size - end, size - start))
    starts = set()
    for kind, turned in ((_KIND64, kinds[False]), (_KIND16, kinds[True])):
        text, places = _aligned(kind, back, turned)
        begins = [at for at, _, _ in places]
        for shift in range(kind.chars if places else 0):
            plain = kind.decode(text[shift:] + kind.fill * shift)
            for at, _ in runs(_LEGIBLE, _MIN_SURE, plain):  # it never spans two runs
                starts.add(size - places[bisect_right(begins, at) - 1][2])
    return frozenset(starts)


def _as_rotated(names: Sequence[tuple[int, int]], found: Sequence[bytes]) -> Iterator[Opened]:
    """Each run that is a token with a prefix, once rot13 is undone."""
    gathered = Gathered()
    for (start, end), run in zip(names, found, strict=True):
        if _MIN_TURNED <= len(run) <= _MAX_TURNED and _is_headed(run):
            gathered.add(run.translate(ROT13), start, end)
    yield from gathered.opened(ROTATED, is_plain=True)


def _is_headed(run: bytes) -> bool:
    """Whether it looks like a token with a prefix, and is no UUID."""
    if not (b"_" in run or b"-" in run) or not _HEADED.match(run) or _UUID.match(run):
        return False
    return len(run) - len(run.translate(None, _DIGITS)) >= _MIN_DIGITS


def framed(data: bytes) -> Iterator[Opened]:
    """Strings behind a byte that tells how long they are, and values behind the name of a secret.

    So have them protobuf, MessagePack, BSON and others. What tells the length may look like a sign
    of the string; it stands behind a byte that is none, or behind another such string and one that
    tells what follows.
    """
    if not _NO_TEXT.search(data):
        return
    gathered = Gathered()
    last = 0
    for found in _FRAMES.finditer(data):
        at = max(last, found.end() - 1)
        for _ in range(_MAX_FRAMED):
            size = _size_of_string(data, at)
            if not size:
                break
            last = at + 1 + size
            gathered.add(data[at + 1 : last], at + 1, last, 1)
            at = last + 1
    for named in _NAMED_VALUE.finditer(data):
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


def ascii85(data: bytes) -> Iterator[Opened]:
    """What ascii85 holds, as far as it is legible; also in lines of one length."""
    yield from _opened85(_KIND_A85, data)
    for block in _LINES_85.finditer(data):
        digits = block[0].translate(_KIND_A85.values, b"\r\n")
        if not block[0].translate(None, _ALPHABET64 + b"\r\n") or not _begins_legibly(digits):
            continue
        plain = _from85(digits)
        if plain and _is_legible(plain[: len(plain) - len(plain) % 4]):
            gathered = Gathered()
            gathered.add(plain, *block.span())
            yield from gathered.opened(_KIND_A85.name)


def base85(data: bytes) -> Iterator[Opened]:
    """What base85 holds, as far as it is legible, and what a patch of git has of binary files."""
    yield from _opened85(_KIND_B85, data)
    if _SAYS_Z85.search(data):
        yield from _opened85(_KIND_Z85, data)
    if b"GIT binary patch" in data:
        yield from Gathered().opened("git-patch", tuple(_patched(data)))


def _patched(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The bytes of each part of such a patch: a letter tells how many a line has of them."""
    for found in _PATCH.finditer(data):
        parts = []
        for line in found[1].split():
            size = line[0] - (0x60 - 26 if line[0] > _LAST_CAPITAL else 0x40)
            parts.append(_from85(line[1:].translate(_KIND_B85.values))[:size])
        yield b"".join(parts), found.start(1), found.end(1)


def _within(
    data: bytes, names: list[tuple[int, int]], table: bytes, least: int
) -> list[tuple[int, int]]:
    """The runs of a smaller alphabet in these."""
    return [
        (start + first, start + last)
        for start, end in names
        if end - start >= least
        for first, last in runs(table, least, data[start:end])
    ]


def _opened(
    kind: _Kind, data: bytes, found: list[tuple[int, int]], allowance: Allowance
) -> Iterator[Opened]:
    held = [run for run in found if _may_hold(kind, data, *run)]
    if not held:
        return
    text, places = _aligned(kind, data, held)
    starts = [at for at, _, _ in places]
    num, den = kind.chars, kind.size
    gathered = Gathered()
    blobs: list[tuple[bytes, int, int]] = []
    for shift in range(kind.chars):
        if allowance.is_late(len(text)):
            return
        plain = kind.decode(text[shift:] + kind.fill * shift)
        if shift == 0 or is_packed(plain):
            blobs += _blobs(kind, data, plain, places)
        shown = legible(plain) if shift else chain(legible(plain), _foreign(kind, plain, places))
        for start, end in shown:  # it never spans two runs
            at, first, last = places[bisect_right(starts, start) - 1]
            first = min(last, first + shift + (start - at) * num // den)
            gathered.add(plain[start:end], first, last, num, den)
            before = plain[max(0, start - _MAX_NAME) : start]
            if not before.endswith(_BEFORE_RUN) and (name := _NAME_BEFORE.search(before)):
                gathered.add(b"%b=%b" % (name[1], plain[start:end]), first, last)
            if end - start - plain[start] in _LENGTH_AND_TAG:
                gathered.add(plain[start + 1 : end], first, last, num, den)
    yield from gathered.opened(kind.name, tuple(blobs))


def _may_hold(kind: _Kind, data: bytes, start: int, end: int) -> bool:
    if end - start > _MAX_ASKED or kind.spells.search(data, start, end):
        return True
    return _may_be_blob(kind, data[start:end])


def _may_be_blob(kind: _Kind, run: bytes) -> bool:
    if len(run) * kind.size < _MIN_BLOB * kind.chars:
        return False
    return not (kind.is_mixed and (run.isalpha() or run.islower() or run.isupper()))


def _aligned(kind: _Kind, data: bytes, runs: Iterable[Span]) -> tuple[bytes, list[_Place]]:
    """All runs in one text, each starting where a group of characters does."""
    parts: list[bytes] = []
    places: list[_Place] = []
    at = 0
    chars, size = kind.chars, kind.size
    gaps = [kind.fill * fill + kind.gap for fill in range(chars)]
    for start, end in runs:
        gap = gaps[(start - end) % chars]
        parts += (data[start:end], gap)
        places.append((at, start, end))
        at += (end - start + len(gap)) // chars * size
    return b"".join(parts), places


def _blobs(
    kind: _Kind, data: bytes, plain: bytes, places: Iterable[_Place]
) -> Iterator[tuple[bytes, int, int]]:
    for at, start, end in places:
        blob = plain[at : at + (end - start) * kind.size // kind.chars]
        if not blob.isascii() and _may_be_blob(kind, data[start:end]):
            yield blob, start, end


def legible(plain: bytes) -> Iterator[tuple[int, int]]:
    """Where text stands in binary: ASCII, and ASCII in UTF-16 or UTF-32."""
    yield from runs(_LEGIBLE, _MIN_LEGIBLE, plain)
    if b"\0" not in plain:
        return
    classes = plain.translate(_WIDELY)
    if any(wide in classes for wide in _WIDE):
        for found in _WIDE_RUN.finditer(classes):
            if any(wide in found[0] for wide in _WIDE):
                yield found.span()


def _foreign(kind: _Kind, plain: bytes, places: Iterable[_Place]) -> Iterator[Span]:
    """The runs that are UTF-8 throughout, and not only ASCII."""
    for at, start, end in places:
        blob = plain[at : at + (end - start) * kind.size // kind.chars]
        if not blob.isascii() and _is_utf8(blob):
            yield at, at + len(blob)


def _is_utf8(blob: bytes) -> bool:
    try:
        blob.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unhex(text: bytes) -> bytes:
    return bytes.fromhex(text.decode())


def _unbase32(text: bytes) -> bytes:
    # A power of two as base keeps this linear.
    return int(text.translate(_VALUES32) or b"0", 32).to_bytes(len(text) // 8 * 5)


def _unbase32hex(text: bytes) -> bytes:
    return int(text or b"0", 32).to_bytes(len(text) // 8 * 5)


def _unbase64(text: bytes) -> bytes:
    return a2b_base64(text.translate(_TO_STANDARD))


def _spells(alphabets: tuple[bytes, ...], bits: int) -> re.Pattern[bytes]:
    return lazy(b"|".join(_spelled(alphabets, bits)))


def _spelled(alphabets: tuple[bytes, ...], bits: int, step: int = 1) -> list[bytes]:
    """Ten bytes below 128 in a row, wherever in a group of digits the first begins.

    With -1 for `step` the digits are turned round.
    """
    return [
        b"".join(
            [
                _digit(alphabet, bits, [8 * byte - place for byte in range(first, last)])
                for place in range(8 * first // bits * bits, 8 * last - 7, bits)
            ][::step]
        )
        for alphabet in alphabets
        for first in range(lcm(bits, 8) // 8)
        for last in [first + _MIN_LEGIBLE]
    ]


def _digit(alphabet: bytes, bits: int, zeros: list[int]) -> bytes:
    """The digits of which these bits, counted from the highest, are zero."""
    mask = sum(1 << (bits - 1 - zero) for zero in zeros if 0 <= zero < bits)
    return b"[%b]" % re.escape(
        bytes(char for at, char in enumerate(alphabet) if not at % (1 << bits) & mask)
    )


_LETTERS32 = _LETTERS + b"234567"
_LETTERS64 = _LETTERS + _LETTERS.lower() + _DIGITS
_DIGITS64 = _LETTERS64 + b"+/" + _LETTERS64 + b"-_"
SPELLED: Final = tuple(way.decode() for way in _spelled((_DIGITS64,), 6))
"""How base64 looks, one of them, where it holds something legible."""

_BACKWARD: Final = (
    *(way.decode() for way in _spelled((_DIGITS64,), 6, -1)),
    "[0-9a-fA-F][2-7]" * _MIN_LEGIBLE,
    "[0-9][A-Za-z0-9+/_-]*[_-][A-Za-z0-9]{2}[A-Za-z0-9]*[ ]",
)
"""What is written from its end: base64, hex, and a token with a prefix."""

_FORWARD: Final = "[ ][A-Za-z0-9]{2}[A-Za-z0-9]*[_-][A-Za-z0-9+/_-]*[0-9]"
"""A token with a prefix, which may be one in rot13."""

_KIND64 = _Kind(
    "base64",
    4,
    3,
    b"A",
    b"/" * 8,
    _unbase64,
    _spells((_DIGITS64,), 6),
    is_mixed=True,
)
_KIND16 = _Kind(
    "hex", 2, 1, b"0", b"f" * 4, _unhex, _spells((_DIGITS + b"abcdef" + _DIGITS + b"ABCDEF",), 4)
)
_KIND32 = _Kind(
    "base32", 8, 5, b"A", b"7" * 16, _unbase32, _spells((_LETTERS32, _LETTERS32.lower()), 5)
)
_LETTERS32HEX = _DIGITS + _LETTERS[:22]
_KIND32HEX = _Kind(
    "base32",
    8,
    5,
    b"0",
    b"V" * 16,
    _unbase32hex,
    _spells((_LETTERS32HEX, _LETTERS32HEX.lower()), 5),
)
_KIND_A85 = _Kind85.of("ascii85", _ASCII85)
_KIND_B85 = _Kind85.of("base85", _BASE85)
_KIND_Z85 = _Kind85.of("base85", _Z85)
# The name of a secret in front of its value, where bytes stand between them: in maps of protobuf,
# MessagePack, BSON and others.
_NAME = (
    rb"((?:[A-Za-z0-9]{1,24}+[_.-]){0,4}+"
    rb"(?i:[a-z]{0,16}?(?:password|passwd|secret|token|api_?key|key)))"
)
_NAME_BEFORE = re.compile(rb"(?<![A-Za-z0-9_.-])%b[^ -~]{1,6}\Z" % _NAME)
_MAX_NAME: Final = 64
_BEFORE_RUN: Final = b"\xff\xff\xff"  # how gaps of base64 and hex decode
_NAMED_VALUE = re.compile(rb"[^ -~]%b[^ -~\n]{1,6}([!-~]{6,256})" % _NAME)
_NO_TEXT = re.compile(rb"[\x00-\x06\x0e-\x19\x7f]")
_FRAMES = re.compile(rb"[^ -~][ -~](?=[!-~]{16})")
_MIN_FRAMED: Final = 0x20
# What begins no field of protobuf, neither of a number nor of a string, and is no sign of binaries.
_NO_TAG: Final = frozenset(bytes([byte]) for byte in range(0x20, 0x7F) if byte & 7 not in {0, 2})
_MAX_FRAMED: Final = 16
"""In a text that only has signs of binaries each would seem to be behind another, without end."""

_LENGTH_AND_TAG: Final = (1, 2)
"""What stands beside the text of a field: its length, and the sign that begins the next one."""

_SAYS_Z85 = re.compile(rb"[zZ]85")
_QUOTED_85 = re.compile(rb"\"[^\"]{%d,}+\"|'[^']{%d,}+'" % (_MIN_85, _MIN_85))
_LINES_85 = re.compile(rb"(?m)^(?:[!-u]{60,80}\r?\n){1,4096}[!-u]{1,80}\r?$")
# A part of a patch of git: a letter for the length of each line, and its digits.
_PATCH = re.compile(
    rb"(?m)^(?:literal|delta) [0-9]{1,10}\r?\n((?:[A-Za-z][%b]{5,65}\r?\n)+)" % re.escape(_BASE85)
)


def _opened85(kind: _Kind85, data: bytes) -> Iterator[Opened]:
    gathered = Gathered()
    blobs: list[tuple[bytes, int, int]] = []
    for start, end in runs(kind.classes, _MIN_85, data):
        if data.startswith(kind.packed, start):
            blobs.append((_from85(data[start:end].translate(kind.values)), start, end))
    for found in _groups85(kind, data):
        digits = found[0].translate(kind.values)
        if not (_begins_legibly(digits) and _is_legible(_from85(digits[:_MIN_85]))):
            continue
        plain = _from85(digits)
        if plain and all(_is_legible(plain[i : i + 512]) for i in range(0, len(plain), 512)):
            gathered.add(plain, found.start(), found.end())
    yield from gathered.opened(kind.name, tuple(blobs))


def _groups85(kind: _Kind85, data: bytes) -> Iterator[re.Match[bytes]]:
    for first, last in runs(kind.classes, _MIN_85, data):
        run = data[first:last]
        if _is_of_fewer(run) or not (_has_firsts(kind, run) and kind.groups.search(run)):
            continue
        for start, end in _stretches85(data, first, last):
            run = data[start:end]
            if not _is_of_fewer(run) and _has_firsts(kind, run):
                yield from kind.groups.finditer(data, start, end)


def _is_of_fewer(run: bytes) -> bool:
    """Whether it has no more signs than base64 and its name, or is hex but for a quarter.

    What is written in 85 digits has one sign in five that base64 has not, and as few of hex.
    """
    signs = len(run.translate(None, _ALPHABET64))
    return signs * 40 <= len(run) or len(run.translate(None, _DIGITS16)) * 4 < len(run)


def _has_firsts(kind: _Kind85, run: bytes) -> bool:
    """Whether it has as many digits as groups of text would begin with."""
    return len(run) - len(run.translate(None, kind.firsts)) >= _MIN_85 // 5


def _stretches85(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A run without the marks around code, which are no digits there, and what quotes hold in it.

    Ascii85 has quotes among its digits.
    """
    while end - start > 1 and data.startswith(_TICK, start) and data.startswith(_TICK, end - 1):
        start, end = start + 1, end - 1
    yield start, end
    for quoted in _QUOTED_85.finditer(data, start, end):
        yield quoted.start() + 1, quoted.end() - 1


def _is_legible(text: bytes) -> bool:
    return b"\0" not in text.translate(_WIDELY)


def _begins_legibly(digits: bytes) -> bool:
    """Whether the first group of base-85 digits is text, which most that look like it are not."""
    a, b, c, d, e = digits[:5]
    word = (((a * 85 + b) * 85 + c) * 85 + d) * 85 + e
    return word <= _MAX_WORD and _is_legible(word.to_bytes(4))


def _from85(digits: bytes) -> bytes:
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
