"""Tokens whose parts a text sets as variables, or has in a short list, and puts together."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from stopper.detect.allowance import Allowance
from stopper.detect.opened import NO_WORDS, PIECE, Opened, Part, together
from stopper.detect.origin import united

__all__ = ["assembled"]

_MAX_SET: Final = 512
"""So many variables are known at most: the first that a text sets."""

_MANY: Final = 32
"""Where a text sets so many it is first asked whether it uses any: a file of settings does not."""

_FEW: Final = 16
_SHORT: Final = 2
"""Such a name stands in so many words that a search for it is nearly all steps of Python."""

_MAX_PARTS: Final = 8
_MAX_PART: Final = 256
_MAX_RAW: Final = 128
_MAX_BLANKS: Final = 4
_REACH: Final = 96
_NEAR: Final = 160
_BLANKS: Final = (b" ", b"\t")
_OPENING: Final = (b"[", b"(", b"{")
_SIGN: Final = PIECE.encode()
_NAME: Final = rb"[A-Za-z_][A-Za-z0-9_]{0,63}"
_WORD: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
_SIGNS: Final = _WORD + b"+/=.-"
_ENDS: Final = frozenset(bytes([byte]) for byte in range(256) if byte not in _WORD) | {b""}
_A_WORD = re.compile(rb"[%b]+" % _WORD)
_IS_SET = re.compile(rb"[ \t]{0,4}(?::[A-Za-z_&' \t]{0,32})?=(?!=)")
# A literal given to a name, in quotes or, in a shell, without.
_SET = re.compile(
    rb"=(?<![=!<>]=)(?:[ \t]{0,4}[A-Za-z@]?([\"'`])(%b{2,%d}+)\1"
    rb"|(?<=[A-Za-z0-9_]=)([A-Za-z0-9+/_.:~-]{2,%d}+={0,2})(?=[;&\s]))"
    % (_SIGN, _MAX_PART, _MAX_PART)
)
# What puts two together, and the second of them.
_ADDED = re.compile(
    rb"(?:\+{1,2}|,|&|\|\||<>|\.\.|\.(?=\$)|(?<=[ \t])\.(?=[ \t])|\.concat\()[ \t\r\n]{0,16}"
    rb"(?:[$@]?(%b)(?![A-Za-z0-9_(\[])|([\"'])(%b{2,%d}+)\2)" % (_NAME, _SIGN, _MAX_PART)
)
# A literal that is no word, behind what may put it to something else.
_ADDED_TOKENS = tuple(
    re.compile(
        rb"%b(?<=[-+,&|>.( \t\r\n]%b)%b{0,%d}?(?:[0-9]|hf_)%b{0,%d}+%b"
        % (quote, quote, _SIGN, _MAX_PART, _SIGN, _MAX_PART, quote)
    )
    for quote in (b'"', b"'")
)
_MARKED = re.compile(rb"[$#]?\{[ ]?(%b)[ ]?\}|\$\(?(%b)\)?|%%(%b)%%|\\\((%b)\)" % ((_NAME,) * 4))
# Two or three literals in a row; each begins with its own sign, so that the search runs to it.
_LISTS = tuple(
    re.compile(
        rb"%b%b{2,%d}+%b(?:[ \t]?,[ \t\r\n]{0,24}%b%b{2,%d}+%b){1,2}(?![ \t]?,[ \t\r\n]{0,24}%b)"
        % (quote, _SIGN, _MAX_PART, quote, quote, _SIGN, _MAX_PART, quote, quote)
    )
    for quote in (b'"', b"'")
)
_ITEM = re.compile(rb"%b{2,%d}+" % (_SIGN, _MAX_PART))
# The sign that a list is joined by, behind it and in front of it.
_JOINED_BY = re.compile(rb"[ \t\r\n]{0,8}[\])}][ \t\r\n]{0,8}\.join\(([\"'])([-_.:])\1\)")
_JOINS_BY = re.compile(rb"([\"'])([-_.:])\1(?:\.join\([\[(]|,[ ]?\[)[ \t\r\n]{0,24}\Z")


_GIVEN: Final = 128
"""What it costs to find the name that a literal is given to, in bytes that are gone through."""

_ASKED: Final = 64
"""The same for a word that may be such a name."""

_Known = Mapping[bytes, Part]


def assembled(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What variables that were set to literals give one behind the other."""
    return together(_rows(data, allowance), len(data), allowance)


def _rows(data: bytes, allowance: Allowance) -> Iterator[list[Part]]:
    """Parts that the text puts together, or seems to."""
    given = list(_SET.finditer(data))
    if any(NO_WORDS.search(one[2] or one[3]) for one in given) and (
        len(given) < _MANY or _MARKED.search(data) or _ADDED.search(data)
    ):
        known = _variables(data, given, allowance)
        near = (
            (max(0, at - _NEAR), min(len(data), at + _NEAR))
            for at in _places(data, known, allowance)
        )
        for start, end in united(near):
            yield from _summed(data, start, end, known, allowance)
            yield from _filled(data, start, end, known, allowance)
    for regex in _LISTS:
        for found in allowance.paced(regex.finditer(data)):
            start = found.start()
            if data[max(0, start - _MAX_RAW) : start].rstrip()[-1:] not in _OPENING:
                continue
            row = [
                Part(one[0], start + one.start(), start + one.end())
                for one in _ITEM.finditer(found[0])
            ]
            yield row
            sign = _JOINED_BY.match(data, found.end()) or _JOINS_BY.search(
                data, max(0, start - _MAX_RAW), start
            )
            if sign is not None:
                yield [row[0], *(Part(sign[2] + one.text, *one[1:]) for one in row[1:])]


def _places(data: bytes, known: _Known, allowance: Allowance) -> list[int]:
    """Where known names stand and are not being set, and one may be part of a token, in order.

    Of a token one part is no word: a variable, a literal that is added, or what is beside a mark.
    """
    names = [name for name, part in known.items() if NO_WORDS.search(part.text)]
    if len(names) > _FEW:  # to go through all words takes as long as to look for so many
        wanted = frozenset(names)
        found = allowance.paced(_A_WORD.finditer(data), _ASKED)
        words = (word for word in found if word[0] in wanted)
        places = [word.start() for word in words if not _IS_SET.match(data, word.end())]
    else:
        places = [place for name in names if len(name) > _SHORT for place in _places_of(data, name)]
        if short := b"|".join(name for name in names if len(name) <= _SHORT):
            regex = re.compile(rb"\b(?:%b)\b(?!%b)" % (short, _IS_SET.pattern))
            places += (found.start() for found in regex.finditer(data))
    if len(names) < len(known):
        for regex in _ADDED_TOKENS:
            places += (added.start() for added in regex.finditer(data))
        places += (
            one.start() for one in _MARKED.finditer(data) if one[one.lastindex or 0] in known
        )
    return sorted(places)


def _places_of(data: bytes, name: bytes) -> Iterator[int]:
    at = data.find(name)
    while at >= 0:
        end = at + len(name)
        is_word = data[max(0, at - 1) : at] in _ENDS and data[end : end + 1] in _ENDS
        if is_word and not _IS_SET.match(data, end):
            yield at
        at = data.find(name, end)


def _variables(data: bytes, given: Iterable[re.Match[bytes]], allowance: Allowance) -> _Known:
    """The literals that were given to names; of several the last."""
    known: dict[bytes, Part] = {}
    for found in given:
        if allowance.is_late(_GIVEN):
            return {}
        name = _named(data[max(0, found.start() - _REACH) : found.start()])
        if name and (len(known) < _MAX_SET or name in known):
            group = 2 if found[1] else 3
            known[name] = Part(found[group], *found.span(group))
    return known


def _named(head: bytes) -> bytes:
    """The name in front of an equals sign, where a colon, a type or nothing may stand between."""
    head = head.rstrip(b" \t:")
    name = head[len(head.rstrip(_WORD)) :]
    before = head[: len(head) - len(name)].rstrip(b" \t&")
    if before.endswith(b":"):  # then it was a type
        before = before[:-1].rstrip(b" \t")
        return before[len(before.rstrip(_WORD)) :]
    return name


def _summed(
    data: bytes, start: int, end: int, known: _Known, allowance: Allowance
) -> Iterator[list[Part]]:
    """What operators and calls put together: variables, and literals beside them."""
    row: list[Part] = []
    last = -1
    for added in allowance.paced(_ADDED.finditer(data, start, end)):
        name = added[1]
        right = known.get(name) if name else Part(added[3], *added.span(3))
        if right is None:
            if len(row) > 1:
                yield row
            row, last = [], -1
            continue
        before = added.start()
        while data[before - 1 : before] in _BLANKS and before > added.start() - _MAX_BLANKS:
            before -= 1
        if before != last or len(row) == _MAX_PARTS:
            if len(row) > 1:
                yield row
            left = _ending(data, before, known, is_literal=name is not None)
            row = [left] if left else []
        if row or name:
            row.append(right)
        last = added.end()
    if len(row) > 1:
        yield row


def _ending(data: bytes, end: int, known: _Known, *, is_literal: bool) -> Part | None:
    """The variable that the text up to `end` has last, or also a literal."""
    quote = data[end - 1 : end]
    if quote not in (b'"', b"'"):
        head = data[max(0, end - _REACH) : end]
        return known.get(head[len(head.rstrip(_WORD)) :])
    start = data.rfind(quote, max(0, end - _MAX_PART), end - 1) + 1
    text = data[start : end - 1]
    is_literal &= start > 0 and len(text) > 1 and not text.translate(None, _SIGNS)
    return Part(text, start, end - 1) if is_literal else None


def _filled(
    data: bytes, start: int, end: int, known: _Known, allowance: Allowance
) -> Iterator[list[Part]]:
    """What strings put together, with the signs of a token around what stands for variables."""
    row: list[Part] = []
    last = -1
    for marked in allowance.paced(_MARKED.finditer(data, start, end)):
        begin = marked.start()
        part = known.get(marked[marked.lastindex or 0])
        between = Part(data[last:begin], last, begin)
        if last < 0 or part is None or len(row) >= _MAX_PARTS or not _is_token(between.text):
            if len(row) > 1:
                yield row
            row, last = [], -1
        if part is None:
            continue
        if last < 0:
            head = data[max(0, begin - _MAX_RAW) : begin]
            text = head[len(head.rstrip(_SIGNS)) :]
            between = Part(text, begin - len(text), begin)
        tail = data[marked.end() : marked.end() + _MAX_RAW]
        last = marked.end() + len(tail) - len(tail.lstrip(_SIGNS))
        after = Part(data[marked.end() : last], marked.end(), last)
        row += (one for one in (between, part, after) if one.text)
    if len(row) > 1:
        yield row


def _is_token(text: bytes) -> bool:
    return not text.translate(None, _SIGNS)
