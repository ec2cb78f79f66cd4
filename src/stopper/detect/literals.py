"""Literals that a call or an operator on a list makes one of: `join("", ["...", "..."])`."""

import re
from collections.abc import Iterator
from typing import Final

from stopper.detect.opened import PIECE, Gathered, Opened

__all__ = ["merged_literals"]

_LINE: Final = 160
"""So much of the line in front of them is told as well: the name that they are given to."""

_REACH: Final = 96
# Two literals and more; each begins with its own sign, so that the search runs to it.
_ROWS = tuple(
    re.compile(
        rb"%b%b{1,256}+%b(?:[ \t\r\n]{0,24},[ \t\r\n]{0,24}%b%b{1,256}+%b){1,63}"
        % ((quote, PIECE.encode(), quote) * 2)
    )
    for quote in (b'"', b"'")
)
_PART = re.compile(rb"[\"']([^\"']*)[\"']")
_FORMAT = re.compile(rb"(?:%s){2,16}")
_EMPTY: Final = rb"(?:\"\"|'')"
# What stands in front of them: a call that says enough, or the beginning of any list.
_BEFORE = re.compile(
    rb"(?:(?P<says>[A-Za-z_.:]{0,32}(?i:concat|paste0)\("
    rb"|[A-Za-z_.:]{0,32}(?i:join|implode|concat_ws)\([ ]?%b, ?[\[(]?|%b\.join\([\[(]"
    rb"|(?:[A-Za-z_.:]{1,32}!?\()?[\"'](?:%%s|\{\}){2,16}[\"'](?:\.format\(|, ?| ?%% ?\()|-join ?@?\()"
    rb"|@?[\[(]|[A-Za-z_.:]{1,32}\()[ \t\r\n]{0,24}\Z" % (_EMPTY, _EMPTY)
)
_BEHIND = re.compile(rb"[ \t\r\n]{0,24}(?:\]\.join\(%b\)|\) ?-join ?%b)" % (_EMPTY, _EMPTY))


def merged_literals(data: bytes) -> Iterator[Opened]:
    """Each such literal, behind what its line begins with."""
    gathered = Gathered()
    for regex in _ROWS:
        for found in regex.finditer(data):
            start, end = found.span()
            floor = max(0, start - _REACH)
            before = _BEFORE.search(data[floor:start])
            parts = _PART.findall(found[0])
            is_format = _FORMAT.fullmatch(parts[0]) is not None
            if before and (before["says"] or is_format or _BEHIND.match(data, end)):
                call = floor + before.start()
                line = max(0, call - _LINE, data.rfind(b"\n", 0, call) + 1)
                gathered.put(data[line:call], line, call, 1)
                gathered.put(b'"%b"' % b"".join(parts[is_format:]), start, end)
                gathered.close()
    yield from gathered.opened("concatenated")
