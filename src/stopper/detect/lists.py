"""What is written as a list: of numbers, quoted pieces, lines of a dump, or unseen characters."""

import re
from binascii import Error, a2b_uu
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from stopper.detect.allowance import STEP, Allowance
from stopper.detect.legible import legible
from stopper.detect.letters import is_unreadable
from stopper.detect.opened import PIECE, PIECE_SIGNS, Gathered, Opened

__all__ = ["backslashed", "dumped", "hidden", "numbered", "pieced", "uuencoded"]

_MAX_BYTE: Final = 255
_MIN_BLOB: Final = 8
"""Fewer bytes are no compressed stream."""

# These begin with a digit and look back from there, so that the search runs to it.
# Between two numbers stands what separates items, or the end and the beginning of `chr(...)`.
_BETWEEN: Final = (
    rb"(?:[,; \t\r\n]{1,24}|\)[ \t\r\n]{0,8}[.+,&|]{1,2}[ \t\r\n]{0,8}[A-Za-z.]{2,24}\()"
)
# Or one sign between all of them, which by itself is no more than that of a date.
_NUMBERS = re.compile(
    rb"[0-9](?<![0-9.].)[0-9]{1,2}"
    rb"(?:%b(?:[0-9]{2,3}%b){6,}|([-/|:_.])(?:[0-9]{2,3}\1){6,})[0-9]{2,3}(?![0-9.])"
    % (_BETWEEN, _BETWEEN)
)
_NUMBER = re.compile(rb"[0-9]+")
_BITS = re.compile(rb"[01](?<![0-9.].)[01]{7}(?:[,; \t\r\n]{0,24}[01]{8}){7,}(?![0-9.])")
_CODE_POINTS = re.compile(rb"U\+00[0-9A-Fa-f]{2}(?:[,; \t\r\n]{0,24}U\+00[0-9A-Fa-f]{2}){7,}")
_CODE_POINT = re.compile(rb"U\+00([0-9A-Fa-f]{2})")
_BYTE_OF_BITS = re.compile(rb"[01]{8}")
_DUMP_LINE = re.compile(
    rb"(?:^[ \t>+#*|-]{0,8}|(?<=[\"'`>\[({=])|(?<=[:=] ))(?:0x)?[0-9a-fA-F]{4,8}:?[ \t]{1,4}"
    rb"(?:((?:[0-9a-fA-F]{4}[ \t\r]{0,2}){1,8}"
    rb"(?:(?<=[0-9a-fA-F] )[0-9a-fA-F]{2}(?=[ \t]{2}|[\r\n]|\Z))?)"
    rb"|((?:[01][0-7]{5}\b[ \t\r]{0,2}){1,8})"
    rb"|((?:[0-9a-fA-F]{2}[ \t\r]{0,2}){1,16})|((?:[0-7]{3}[ \t\r]{0,2}){1,16}))"
    rb"(?=[ \t\r|\n\"'`<)\]}]|\Z)",
    re.MULTILINE,
)
_PLACED: Final = rb"^[ \t>+#*|-]{0,8}[0-7]{7}"
_END: Final = rb"[ ]{0,3}\r?$"
_COLUMNS = re.compile(rb".{4}")
# Rows of other cells than hex and octal, what one is, and its base: none where od gives its name.
_ROWS: Final = tuple(
    (re.compile(row, re.MULTILINE), cell, base)
    for row, cell, base in (
        (_PLACED + rb"((?: {3}[!-~]| {2}\\[0abtnvfr]| {4}| [0-7]{3}){1,16})" + _END, _COLUMNS, 0),
        (_PLACED + rb"((?: {3}[0-9]| {2}[0-9]{2}| [0-9]{3}){1,16})" + _END, _COLUMNS, 10),
        (rb"^[ \t>+#*|-]{0,8}[0-9a-f]{8}: ((?:[01]{8} ){1,8}).*$", re.compile(rb"[01]{8}"), 2),
    )
)
_PLACE = re.compile(rb"[0-9]+")
# Tags are ASCII that nobody sees; variation selectors after each other are bytes.
_TAGS = re.compile(rb"(?:\xf3\xa0(?:\x80[\xa0-\xbf]|\x81[\x80-\xbe])){8,}")
_SELECTORS = re.compile(rb"(?:\xef\xb8[\x80-\x8f]|\xf3\xa0[\x84-\x87][\x80-\xbf]){8,}")
_Codes = tuple[re.Pattern[bytes], re.Pattern[bytes], int, tuple[bytes, ...]]
_MAX_SHOWN: Final = 512
"""What a line of a dump shows of its bytes is no longer."""


def _codes(item: bytes, between: bytes, base: int, *marks: bytes) -> _Codes:
    """How a row of codes looks, one of them with its digits, their base, and what rows have."""
    row = rb"%b(?:%b%b){7,}" % (item, between, item)  # its own first sign leads the search
    return re.compile(row), re.compile(item), base, marks


# How some languages and assemblers write what a byte is.
_CODES: Final = (
    _codes(rb"0[oO]([0-7]{2,3})", rb"[,; \t\r\n]{1,24}", 8, b"0o", b"0O"),
    _codes(rb"0(?<![0-9.].)([0-7]{2,3})", rb"[,; \t\r\n]{1,24}", 8, b"0"),
    _codes(rb"0[bB]([01]{6,8})", rb"[,; \t\r\n]{1,24}", 2, b"0b", b"0B"),
    _codes(rb"\(s?byte\) ?0[xX]([0-9A-Fa-f]{2})", rb",[ \t\r\n]{0,24}", 16, b"byte)"),
    _codes(rb"0?([0-9A-Fa-f]{2})[hH]", rb",[ \t]{0,4}", 16, b"h,", b"H,"),
    _codes(
        rb"[cC][hH][rR]\(0[xX]([0-9A-Fa-f]{2})\)",
        rb"[ \t\r\n]{0,8}[.+,&|]{1,2}[ \t\r\n]{0,8}",
        16,
        b"r(0",
        b"R(0",
    ),
    _codes(rb"\[[cC][hH][aA][rR]\]([0-9]{2,3})", rb"[+, ]{1,4}", 10, b"[c", b"[C"),
    _codes(rb"\[[cC][hH][aA][rR]\]0[xX]([0-9A-Fa-f]{2})", rb"[+, ]{1,4}", 16, b"[c", b"[C"),
    _codes(rb"\{[^{}\n]{0,40}:[ ]?([0-9]{2,3})\}", rb",?[ \t\r\n]{0,8}", 10, b"}"),
)
# Of rich text, of style sheets, and decimals of Lua.
_BACKSLASHED: Final = (
    _codes(rb"\\(?<!\\\\)\\*+'([0-9A-Fa-f]{2})", b"", 16, b"\\'"),
    _codes(rb"\\(?<!\\\\)\\*+(?:00){0,2}([0-9A-Fa-f]{2}) ?", b"", 16, b"\\"),
    _codes(rb"\\(?<!\\\\)\\*+(0[3-9][0-9]|1[01][0-9]|12[0-7])", b"", 10, b"\\0", b"\\1"),
)
_FIRST_TAG: Final = 0xE0000
_FIRST_SELECTOR: Final = 0xFE00
_MORE_SELECTORS: Final = 0xE0100 - 16
_PIECES = tuple(
    re.compile(
        rb"%b%b%b(?:[ \t]?,[ \t\r\n]{0,24}[bBrRuU]{0,2}%b%b%b){3,}"
        % ((quote, PIECE.encode() + rb"{1,48}", quote) * 2)
    )
    for quote in (b'"', b"'")
)
# Pieces that a format puts in another order.
_FORMATTED = re.compile(
    rb"\{(?<=[\"']\{)([0-9]{1,2}\}(?:\{[0-9]{1,2}\}){1,63})[\"']"
    rb"(?:[ ]{0,4}-f|\.format\(|[ ]?,)[ ]{0,4}(%b(?:[ ]?,[ ]{0,4}%b){1,63})"
    % ((rb"[\"']" + PIECE.encode() + rb"{1,64}[\"']",) * 2)
)
_SIGNS: Final = PIECE_SIGNS.encode()
_PIECE = re.compile(rb"[\"']([^\"']+)[\"']")
_DIGIT = re.compile(rb"[0-9]")
_MAX_PIECE: Final = 16
"""Pieces that are longer are names, unless half of them have digits."""

# What turns a list round stands before it or behind it.
_TURNS = re.compile(rb"reverse|\[::-1\]")
_BESIDE: Final = 32
_BLANK: Final = b" \t\r"
_UU_BEGIN = re.compile(rb"begin [0-7]{3,4} [^\n]{1,256}\n")
_UU_LINE = re.compile(rb"[ -`]{1,90}\r?\n?")

_Found = tuple[bytes, int, int]


def numbered(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What eight and more numbers in a row hold, as far as it is legible.

    They are decimal, octal, bits, or code points such as `U+0041`, also as code has them.
    """
    lists = (
        _lists(data, allowance),
        _bits(data, allowance),
        _code_points(data, allowance),
        _coded(data, _CODES, allowance),
    )
    return _opened("numbers", chain.from_iterable(lists))


def backslashed(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What eight and more bytes in a row are in rich text, in a style sheet, or in Lua."""
    return _opened("numbers", _coded(data, _BACKSLASHED, allowance))


def pieced(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """Tokens put together that are written as a list of four and more quoted pieces."""
    return _opened("grouped", _joined(data, allowance))


def dumped(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What the lines of hexdump, xxd and od hold, words in either order, as far as it is legible.

    Lines that follow each other are one dump.
    """
    return _opened("hex", chain(_dumps(data, allowance), _in_rows(data, allowance)))


def uuencoded(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What stands below a line that begins uuencoded text, as far as it is legible."""
    return _opened("uuencode", _below_begin(data, allowance))


def hidden(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What is written in characters that nobody sees, as far as it is legible."""
    return _opened("hidden", _unseen(data, allowance))


def _opened(name: str, found: Iterable[_Found]) -> Iterator[Opened]:
    gathered = Gathered()
    blobs: list[_Found] = []
    for plain, start, end in found:
        if len(plain) >= _MIN_BLOB and not plain.isascii():
            blobs.append((plain, start, end))
        for first, last in legible(plain):
            gathered.add(plain[first:last], start, end)
    yield from gathered.opened(name, tuple(blobs))


def _lists(data: bytes, allowance: Allowance) -> Iterator[_Found]:
    for found in allowance.paced(_NUMBERS.finditer(data)):
        digits = _NUMBER.findall(found[0])
        for base in (10, 8):
            plain = _bytes(digits, base)
            if plain:
                yield plain, *found.span()


def _bits(data: bytes, allowance: Allowance) -> Iterator[_Found]:
    for found in allowance.paced(_BITS.finditer(data)):
        yield _bytes(_BYTE_OF_BITS.findall(found[0]), 2), *found.span()


def _code_points(data: bytes, allowance: Allowance) -> Iterator[_Found]:
    for found in allowance.paced(_CODE_POINTS.finditer(data)):
        yield _bytes(_CODE_POINT.findall(found[0]), 16), *found.span()


def _coded(data: bytes, kinds: Iterable[_Codes], allowance: Allowance) -> Iterator[_Found]:
    for row, one, base, marks in kinds:
        for found in (
            allowance.paced(row.finditer(data)) if any(mark in data for mark in marks) else ()
        ):
            yield _bytes(one.findall(found[0]), base), *found.span()


def _bytes(digits: Iterable[bytes], base: int) -> bytes:
    try:
        return bytes([int(digit, base) for digit in digits])
    except ValueError:
        return b""


def _joined(data: bytes, allowance: Allowance) -> Iterator[_Found]:
    for found in allowance.paced(_FORMATTED.finditer(data)):
        pieces = _PIECE.findall(found[2])
        places = [int(place) for place in _PLACE.findall(found[1])]
        yield b"".join(pieces[place] for place in places if place < len(pieces)), *found.span()
    for regex in _PIECES:
        for found in allowance.paced(regex.finditer(data)):
            pieces = _PIECE.findall(found[0])
            letters = b"".join(pieces).translate(None, _SIGNS)
            if not letters or (letters.islower() and letters.isalpha()):  # words, and no token
                continue
            digits = sum(_DIGIT.search(piece) is not None for piece in pieces)
            is_long = max(map(len, pieces)) > _MAX_PIECE and digits * 2 < len(pieces)
            if is_long and not is_unreadable(letters):
                continue  # names
            start, end = found.span()
            yield b"".join(pieces), start, end
            if _TURNS.search(data, max(0, start - _BESIDE), end + _BESIDE):
                yield b"".join(pieces[::-1]), start, end


def _unseen(data: bytes, allowance: Allowance) -> Iterator[_Found]:
    for found in allowance.paced(_TAGS.finditer(data)):
        yield bytes([ord(char) - _FIRST_TAG for char in found[0].decode()]), *found.span()
    for found in allowance.paced(_SELECTORS.finditer(data)):
        plain = [
            code - (_MORE_SELECTORS if code >= _MORE_SELECTORS else _FIRST_SELECTOR)
            for code in map(ord, found[0].decode())
        ]
        yield bytes([byte for byte in plain if byte <= _MAX_BYTE]), *found.span()


def _dumps(data: bytes, allowance: Allowance) -> Iterator[_Found]:
    start = last = 0
    straight: list[bytes] = []
    swapped: list[bytes] = []
    for found in allowance.paced(_DUMP_LINE.finditer(data)):
        if straight and data.find(b"\n", last, found.start()) != found.start() - 1:
            yield b"".join(straight), start, last
            yield b"".join(swapped), start, last
            straight, swapped = [], []
        if not straight:
            start = found.start()
        plain = _line(found)
        straight.append(plain)
        swapped.append(_in_words(plain))
        after = data.find(b"\n", found.end(), found.end() + _MAX_SHOWN)
        last = found.end() if after < 0 else after
    yield b"".join(straight), start, last
    yield b"".join(swapped), start, last


def _in_rows(data: bytes, allowance: Allowance) -> Iterator[_Found]:
    for row, cell, base in _ROWS:
        parts: list[bytes] = []
        start = last = 0
        for found in allowance.paced(row.finditer(data)):
            if parts and found.start() != last + 1:
                yield b"".join(parts), start, last
                parts = []
            if not parts:
                start = found.start()
            cells = cell.findall(found[1])
            parts.append(_bytes(cells, base) if base else bytes(map(_named, cells)))
            last = found.end()
        yield b"".join(parts), start, last


def _named(columns: bytes) -> int:
    """The byte that od names so."""
    name = columns.strip()
    if len(name) <= 1:
        return ord(name or b" ")
    if name.startswith(b"\\"):
        return ord(name.decode("unicode_escape"))
    return int(name, 8) & _MAX_BYTE


def _line(found: re.Match[bytes]) -> bytes:
    if found[4] is not None:
        return _bytes(found[4].split(), 8)
    if found[2] is not None:
        words = [int(word, 8) for word in found[2].split()]
        return b"".join(word.to_bytes(2, "big") for word in words)
    digits = (found[1] or found[3]).translate(None, _BLANK)
    return bytes.fromhex(digits.decode())


def _in_words(plain: bytes) -> bytes:
    """With the bytes of each word of sixteen bits swapped."""
    even = plain + bytes(len(plain) % 2)
    words = bytearray(len(even))
    words[::2], words[1::2] = even[1::2], even[::2]
    return bytes(words)


def _below_begin(data: bytes, allowance: Allowance) -> Iterator[_Found]:
    for begin in allowance.paced(_UU_BEGIN.finditer(data)):
        parts = []
        at = begin.end()
        while line := _UU_LINE.match(data, at):
            try:
                parts.append(a2b_uu(line[0]))
            except Error:
                break
            at = line.end()
            if allowance.is_late(STEP):
                return
        yield b"".join(parts), begin.start(), at
