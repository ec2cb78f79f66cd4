"""Tokens in pieces, between which the same stands again and again but for a number or a letter.

Comments, logs, rows of a table, statements that add to a text, parts of a query: each has its own
way to say what stands around a piece, and none has to be known.
"""

import re
from binascii import Error, a2b_base64
from collections.abc import Iterator
from itertools import islice
from string import ascii_letters
from typing import Final

from stopper.detect.allowance import STEP, Allowance
from stopper.detect.armour import MIN_BASE64
from stopper.detect.legible import PRINTABLE
from stopper.detect.opened import GAP, Gathered, Opened
from stopper.detect.rewrite import MIN_LINE

__all__ = ["woven"]

_MAX_GAP: Final = 160
_MAX_TAIL: Final = 3
_MAX_TRIED: Final = 3
_FOLLOWED: Final = 16
"""A chain that is followed costs as much as so many words that are only tried."""

_WIDER: Final = 16
_MIN_PIECES: Final = 3
_MAX_PIECE: Final = 34
"""Longer ones are lines of one length, or else tokens by themselves."""

_MAX_PIECES: Final = 4096
"""What has more of them is no token: rows of numbers are for other decoders."""

_MIN_JOINED: Final = 16
_QUOTES: Final = bytes.maketrans(b"'`", b'""')
_NUMBERS: Final = b"0123456789"
_WILDS: Final = bytes.maketrans(b"123456789", b"000000000")

_ALIKE: Final = bytes.maketrans(ascii_letters.encode(), b"a" * len(ascii_letters))
_WORD = re.compile(rb"[A-Za-z0-9+/_=.-]*")
# What names and times do not have: a digit beside a capital, or on both sides of a letter.
_ODD = re.compile(
    rb"[0-9](?:[A-SU-Z][A-Za-z0-9]|[a-wyz][0-9A-Z])|[A-Z][0-9][A-Za-z]|[a-z][0-9][A-Z]"
)
# Of which logs and locks are full.
_ID = re.compile(
    rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    rb"|(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})"
    rb"|sha(?:1|256|384|512)-[A-Za-z0-9+/]{27,86}={0,2}"
)
_SUM = re.compile(rb"h1:[A-Za-z0-9+/]{43}=")
# What stands before a piece in a word: the sign of a changed line, or a name.
_LEAD = re.compile(rb"[+-]|[A-Za-z_][A-Za-z0-9_.-]{0,31}?[+.]?=(?!=)")
_TAIL = re.compile(rb"[^A-Za-z0-9+/_=.-]{1,%d}\Z" % _MAX_TAIL)
# How the names of resources begin at Amazon, which are no pieces of a token.
_RESOURCE = re.compile(rb"arn:aws[a-z-]{0,16}:[a-z0-9-]{1,32}:[a-z0-9-]{1,24}:[0-9]{12}:")
_BYTE: Final = 2
_BYTES_BEHIND = re.compile(rb"([^A-Za-z0-9])[0-9A-Fa-f]{2}\1[0-9A-Fa-f]{2}\1")
_BYTES_BEFORE = re.compile(rb"[0-9A-Fa-f]{2}([^A-Za-z0-9])[0-9A-Fa-f]{2}\1")
_LINE_BEHIND = re.compile(rb"\r?\n[A-Za-z0-9+/_=-]{%d,76}" % MIN_LINE)
_LINE_BEFORE = re.compile(rb"[A-Za-z0-9+/_=-]{%d}\n\Z" % MIN_LINE)
# What may be another one in each gap: a number, or the one letter of a name.
_WILD = re.compile(rb"[0-9]+|(?<![A-Za-z0-9])[A-Za-z](?![A-Za-z0-9])")
_SIGN = re.compile(rb"[+/_=.-]")
_LINE_ENDS: Final = (b"\n", b"\r\n")
_CLOSES: Final = (b")", b" )")
# The end of one call, between its quote and the dot of the next.
_AFTER_CALL = re.compile(rb"(?<=\A.)[ ]?\)")

_Span = tuple[int, int]


def woven(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """Three and more pieces put together, one of which looks like no name.

    Where only blanks are between them they have one length, but for the first and the last. Base64
    of which short pieces are filled up by themselves is undone piece by piece. No more is tried and
    followed than the `allowance` has for chains.
    """
    joined, decoded = Gathered(), Gathered()
    for chain in _chains(data, allowance):
        for row in _rows(data, chain):
            for start, end in row:
                joined.put(data[start:end], start, end, 1)
            joined.close()
        if any(data[end - 1 : end] == b"=" for _, end in chain[:-1]):
            plain = [_unbase64(data[start:end]) for start, end in chain]
            if not b"".join(plain).translate(None, PRINTABLE):
                for one, span in zip(plain, chain, strict=True):
                    decoded.put(one, *span)
                decoded.close()
    yield from joined.opened("grouped")
    yield from decoded.opened("base64")


def _unbase64(text: bytes) -> bytes:
    """What a piece holds that no decoder of whole texts would take for base64."""
    try:
        return a2b_base64(text) if len(text) < MIN_BASE64 else b"\0"
    except Error:
        return b"\0"


def _rows(data: bytes, chain: list[_Span]) -> Iterator[list[_Span]]:
    """All pieces, and all but the first where that may be another word."""
    bare = _bare(data, chain)
    size = sum(end - start for start, end in bare)
    if size >= _MIN_JOINED:
        yield bare
    first, last = bare[0]
    if size - (last - first) >= _MIN_JOINED and not _ODD.search(data, first, last):
        yield bare[1:]


class _Text:
    """Bytes that are read in both directions."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.backward = data[::-1]

    def end(self, at: int) -> int:
        """Where the word ends that goes on at `at`."""
        word = _WORD.match(self.data, at)
        return word.end() if word else at

    def start(self, at: int) -> int:
        """Where the word begins that `at` is in or behind."""
        size = len(self.data)
        word = _WORD.match(self.backward, size - at)
        return size - word.end() if word else at


def _chains(data: bytes, allowance: Allowance) -> Iterator[list[_Span]]:
    text = _Text(data.translate(_QUOTES))
    refused: dict[bytes, int] = {}
    done = at = 0
    while allowance.chains >= 0 and (odd := _ODD.search(data, at)):
        allowance.chains -= 1
        if allowance.is_late(STEP):
            return
        start, at = max(done, text.start(odd.start())), text.end(odd.end())
        if _ID.fullmatch(data, start, at) or _SUM.match(data, max(0, start - 3), at):
            continue
        chain = _chain(text, (start, at), done, refused, allowance)
        if chain:
            done = at = chain[-1][1]
            if resource := _RESOURCE.match(data, chain[0][0]):
                chain = [one for one in chain if one[0] >= resource.end()]
            if _MIN_PIECES <= len(chain) < _MAX_PIECES and not _ID.fullmatch(data, *chain[1]):
                yield chain


def _chain(
    text: _Text, word: _Span, least: int, refused: dict[bytes, int], allowance: Allowance
) -> list[_Span]:
    """The pieces, from `least` on, of which this word is one; none for less than three.

    `refused` has how far what stands between such gaps is known to be no token: the next word in
    there would only be followed over all of it again.
    """
    data = text.data
    lead = _LEAD.match(data, *word)
    one = lead.end() if lead else word[0], word[1]
    if one[0] == one[1] or _is_for_others(data, one):
        return []
    tail = data[one[0] - 1 : one[0]] if lead else _tail(data, word[0])
    if tail == GAP or _is_alone(data, one, tail):
        return []
    for start in _alike(data, one, tail, least):
        allowance.chains -= 1
        first, last = sorted((one, (start, text.end(start))))
        gap = data[first[1] : last[0]]
        sizes = first[1] - first[0], last[1] - last[0]
        may_part = min(sizes) and _may_part(gap, max(sizes))
        if not (may_part and _is_again(data, gap, first[0], last[1])):
            continue
        shape = _WILD.sub(b"0", gap)
        behind = refused.get(shape, 0)
        if first[0] < behind:
            continue
        allowance.chains -= _FOLLOWED
        even = max(sizes) if gap.isspace() else 0
        chain = [first, last]
        if sizes[0] >= even:
            parts = _WILD.split(gap[::-1])
            near = max(least, behind)
            led = bool(lead)
            before = [
                *islice(_before(text, first[0], parts, even, least=near, is_led=led), _MAX_PIECES)
            ]
            chain = [*before[::-1], *chain]
        if sizes[1] >= even:
            chain += islice(_behind(text, last[1], _WILD.split(gap), even), _MAX_PIECES)
        if len(chain) >= _MIN_PIECES and _is_one(chain, gap):
            return [*_called(text, chain[0][0], gap, least), *chain]
        if not even:
            refused[shape] = chain[-1][1]
    return []


def _is_alone(data: bytes, word: _Span, tail: bytes) -> bool:
    """Whether it is too long to go on in the same line."""
    if word[1] - word[0] <= _MAX_PIECE or tail.isspace():
        return False
    return data.find(b"\n", max(0, word[0] - _MAX_GAP), word[1] + _MAX_GAP) < 0


def _is_for_others(data: bytes, word: _Span) -> bool:
    """Whether it is one of a row of bytes in hex, or of lines with nothing else between them."""
    start, end = word
    if end - start >= MIN_LINE:
        before = _LINE_BEFORE.match(data, max(0, start - MIN_LINE - 1), start)
        if before and _ODD.search(before[0]):
            return True
        behind = _LINE_BEHIND.match(data, end)
        return behind is not None and _ODD.search(behind[0]) is not None
    if end - start > _BYTE:
        return False
    return bool(_BYTES_BEHIND.match(data, end) or _BYTES_BEFORE.match(data, max(0, start - 6)))


def _called(text: _Text, at: int, gap: bytes, least: int) -> Iterator[_Span]:
    """The piece before `at` that calls are made on: `"..."` before `.add("...").add("...")`."""
    opening = _AFTER_CALL.sub(b"", gap)
    end = at - len(opening)
    start = max(least, text.start(end))
    is_call = gap.startswith(_CLOSES, 1) and text.data.endswith(opening, 0, at)
    if is_call and start < end:
        yield start, end


def _is_one(chain: list[_Span], gap: bytes) -> bool:
    """Whether these are pieces of one token, and no words, and no tokens by themselves."""
    sizes = [end - start for start, end in chain]
    is_even = len(set(sizes[1:-1])) == 1 and sizes.count(sizes[1]) > 1
    return _may_part(gap, max(sizes)) and (
        is_even or (max(sizes) <= _MAX_PIECE and not gap.isspace())
    )


def _may_part(gap: bytes, size: int) -> bool:
    """Whether it may stand between pieces of one token of which one is so long.

    Lines with nothing else between them are put together by `rewrite.joined`.
    """
    if GAP in gap or (gap.startswith(_LINE_ENDS) and gap.isspace() and size >= MIN_LINE):
        return False
    return size <= _MAX_PIECE or gap.isspace() or b"\n" in gap


def _is_again(data: bytes, gap: bytes, start: int, end: int) -> bool:
    """Whether at `end` or before `start` may stand such a gap, which is quickly told."""
    shape = gap.translate(_ALIKE, _NUMBERS)
    size = len(gap) + _WIDER
    if data[end : end + size].translate(_ALIKE, _NUMBERS).startswith(shape):
        return True
    return data[max(0, start - size) : start].translate(_ALIKE, _NUMBERS).endswith(shape)


def _tail(data: bytes, at: int) -> bytes:
    """What ends the gap before `at`."""
    found = _TAIL.search(data, max(0, at - _MAX_TAIL), at)
    return found[0] if found else b""


def _alike(data: bytes, one: _Span, tail: bytes, least: int) -> Iterator[int]:
    """Where another piece may begin: behind the same tail, at the end of the next line or near."""
    if not tail:
        return
    if data.startswith(b"\n", one[1]):
        end = data.find(b"\n", one[1] + 1, one[1] + _MAX_GAP)
        at = data.rfind(tail, one[1], max(end, one[1]))
        if at >= 0:
            yield at + len(tail)
    at = one[1] - 1
    for _ in range(_MAX_TRIED):
        at = data.find(tail, at + 1, one[1] + _MAX_GAP)
        if at < 0:
            break
        yield at + len(tail)
    at = one[0] - len(tail)
    for _ in range(_MAX_TRIED):
        at = data.rfind(tail, max(least, one[0] - _MAX_GAP), at + len(tail) - 1)
        if at < 0:
            break
        yield at + len(tail)


def _behind(text: _Text, at: int, gap: list[bytes], even: int) -> Iterator[_Span]:
    """The pieces behind `at` with the same in every gap; none longer than `even`, if it is given.

    Of what is shorter than that only one.
    """
    while (start := _past(text.data, at, gap)) > at:
        at = text.end(start)
        if at == start or 0 < even < at - start:
            return
        yield start, at
        if at - start < even:
            return


def _before(
    text: _Text, at: int, gap: list[bytes], even: int, *, least: int, is_led: bool
) -> Iterator[_Span]:
    """The same before `at`, nearest first; `gap` is turned round."""
    size = len(text.data)
    while (past := _past(text.backward, size - at, gap)) >= 0:
        end = size - past
        at = max(least, text.start(end))
        lead = _LEAD.match(text.data, at, end) if is_led else None
        at = lead.end() if lead else at
        if at >= end or 0 < even < end - at:
            return
        yield at, end
        if end - at < even:
            return


def _past(data: bytes, at: int, gap: list[bytes]) -> int:
    """Where the gap ends that begins at `at`; -1 where there is another."""
    for number, part in enumerate(gap):
        if number:
            wild = _WILD.match(data, at)
            if wild is None:
                return -1
            at = wild.end()
        if not data.startswith(part, at):
            return -1
        at += len(part)
    return at


def _bare(data: bytes, chain: list[_Span]) -> list[_Span]:
    """Without what all begin and end with, up to a sign."""
    pieces = [data[start:end] for start, end in chain]
    before = _common(pieces)
    after = _common([piece[before:][::-1] for piece in pieces])
    return [(start + before, end - after) for start, end in chain] if before or after else chain


def _begin_alike(one: bytes, other: bytes) -> bool:
    return one[:1].translate(_WILDS) == other[:1].translate(_WILDS)


def _common(pieces: list[bytes]) -> int:
    """How much all begin with, to the last sign in it; one digit is as good as another."""
    if not _begin_alike(pieces[0], pieces[1]):
        return 0
    masked = [piece.translate(_WILDS) for piece in pieces]
    first, last = min(masked), max(masked)
    pairs = zip(first, last, strict=False)
    size = next((at for at, (one, other) in enumerate(pairs) if one != other), len(first))
    signs = [*_SIGN.finditer(first, 0, size)]
    return signs[-1].end() if signs else 0
