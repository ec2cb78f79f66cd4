"""Literals that a call or an operator on a list makes one of: `join("", ["...", "..."])`."""

import re
from collections.abc import Iterator
from typing import Final

from stopper.detect.allowance import Allowance
from stopper.detect.opened import NO_WORDS, PIECE, Gathered, Opened

__all__ = ["joined_lists", "merged_literals"]

_MAX_REPEATED: Final = 2048
"""A list is told once for each of its items, in all within so many bytes."""

_LINE: Final = 96
"""So much of the line in front of them is told as well: the name that they are given to."""

_REACH: Final = 96
_FIRST: Final = 3
# Two literals and more; each begins with its own sign, so that the search runs to it.
_ROWS = tuple(
    re.compile(
        rb"%b%b{1,256}+%b(?:[ \t]{0,4},[ \t\r\n]{0,24}%b%b{1,256}+%b){1,63}"
        % ((quote, PIECE.encode(), quote) * 2)
    )
    for quote in (b'"', b"'")
)
_PART = re.compile(rb"[\"']([^\"']*)[\"']")
_FORMAT = re.compile(rb"(?:%s){2,16}")
_EMPTY: Final = rb"(?:\"\"|'')"
_NAME: Final = rb"[A-Za-z_.:]{0,32}"
# What stands in front of them, from its end: a call that says enough, or where any list begins.
_BEFORE = re.compile(
    rb"[ \t\r\n]{0,24}(?:(?P<says>\((?i:tacnoc|0etsap)%b"
    rb"|[\[(]? ?,%b ?\((?i:nioj|edolpmi|sw_tacnoc)%b|[\[(]\(nioj\.%b|\(@? ?nioj-"
    rb"|(?:\(tamrof\.| ?,|\( ?%% ?)[\"'](?:s%%|\}\{){2,16}[\"'](?:\(!?%b)?)|\(%b|[\[(]@?)"
    % (_NAME, _EMPTY, _NAME, _EMPTY, _NAME, _NAME)
)
_BEHIND = re.compile(rb"[ \t\r\n]{0,24}(?:\]\.join\(%b\)|\) ?-join ?%b)" % (_EMPTY, _EMPTY))
# Where a list is put together that stands elsewhere: `parts.join("")`, `"".join(parts)`.
_JOINS = re.compile(
    rb"(?i:join)(?:[(:] ?| )%b(?:[ )\]}\r\n,;]|\Z)|%b\.join\([A-Za-z_]" % (_EMPTY, _EMPTY)
)
_JOINS_BEHIND = re.compile(rb"[\]})], ?%b\)" % _EMPTY)
_ITEM: Final = rb"%b[^\"'\\\r\n]{1,256}+%b"
_LISTS = tuple(
    re.compile(
        rb"%b(?:[ \t]{0,4},[ \t\r\n]{0,24}%b){1,63}|(?<=- )%b(?:\r?\n[ \t]{0,16}- %b){1,63}"
        % ((_ITEM % (quote, quote),) * 4)
    )
    for quote in (b'"', b"'")
)


def joined_lists(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """The items of lists in a text that puts lists together with nothing between."""
    if not (_JOINS.search(data) or (b"oin(" in data and _JOINS_BEHIND.search(data))):
        return
    gathered = Gathered()
    for regex in _LISTS:
        for found in allowance.paced(regex.finditer(data)):
            parts = list(_PART.finditer(found[0]))
            text = b"".join(part[1] for part in parts)
            if NO_WORDS.search(text):
                spans = [part.span(1) for part in parts]
                if len(text) * len(parts) > _MAX_REPEATED:  # else a mark leaves the signs between
                    spans = [(0, len(found[0]))]
                for start, end in spans:
                    gathered.add(text, found.start() + start, found.start() + end)
    yield from gathered.opened("concatenated")


def merged_literals(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """Each such literal, behind what its line begins with."""
    gathered = Gathered()
    for regex in _ROWS:
        last = 0
        for found in allowance.paced(regex.finditer(data)):
            start, end = found.span()
            before = _BEFORE.match(data[max(last, start - _REACH) : start][::-1])
            parts = _PART.findall(found[0])
            if before is None or not any(map(NO_WORDS.search, parts[:_FIRST])):
                continue
            is_format = _FORMAT.fullmatch(parts[0]) is not None
            if before["says"] or is_format or _BEHIND.match(data, end):
                call = start - before.end()
                line = max(last, call - _LINE)
                line = max(line, data.rfind(b"\n", line, call) + 1)
                gathered.put(data[line:call], line, call, 1)
                gathered.put(b'"%b"' % b"".join(parts[is_format:]), start, end)
                gathered.close()
                last = end
    yield from gathered.opened("concatenated")
