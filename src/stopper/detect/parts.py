"""Tokens in parts whose names only tell their order: `key_part1` and `key_part2`, `--first`."""

import re
from collections.abc import Iterator
from typing import Final

from stopper.detect.allowance import Allowance
from stopper.detect.opened import Opened, Part, together

__all__ = ["parted"]

_ORDERS: Final = (
    (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8"),
    (b"a", b"b", b"c", b"d", b"e", b"f"),
    (b"A", b"B", b"C", b"D", b"E", b"F"),
    (b"first", b"second", b"third", b"fourth"),
    (b"First", b"Second", b"Third", b"Fourth"),
)
_REACH: Final = 512
"""So far apart may two parts be, at most."""

_MAX_NAME: Final = 48
_WORD: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_GIVEN: Final = (
    rb"[\"']?[ \t]{0,2}(?:[:=][ \t]{0,4}|[ \t])"
    rb"(?:\"(?P<d>[!#-\[\]-~]{3,256}+)\"|'(?P<s>[!-&(-\[\]-~]{3,256}+)'|(?P<b>[A-Za-z0-9+/_=.:~-]{3,256}+))"
)
_FIRST = re.compile(_GIVEN)
_SECOND = re.compile(rb"([2bBsS](?:(?<=[tTynfkge_-][2bB])|(?<=[sS])econd))" + _GIVEN)


def parted(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """The parts of each token one behind the other."""
    return together(_rows(data, allowance), len(data), allowance)


def _rows(data: bytes, allowance: Allowance) -> Iterator[list[Part]]:
    done = 0
    for found in allowance.paced(_SECOND.finditer(data)):
        row = _row(data, found) if found.start() >= done else []
        if len(row) > 1:
            done = row[-1].end
            yield row


def _row(data: bytes, second: re.Match[bytes]) -> list[Part]:
    """The part before the second one, this, and those behind it."""
    order = next(names for names in _ORDERS if names[1] == second[1])
    start = second.start()
    head = data[max(0, start - _MAX_NAME) : start]
    stem = head[len(head.rstrip(_WORD)) :]
    at = data.rfind(stem + order[0], max(0, start - _REACH), start)
    if at < 0 or data[max(0, at - 1) : at].strip(_WORD) != data[max(0, at - 1) : at]:
        return []
    given = _FIRST.match(data, at + len(stem) + len(order[0]))
    if given is None or given.end() > start:
        return []
    row = [_part(given), _part(second)]
    for number in order[2:]:
        end = row[-1].end
        at = data.find(stem + number, end, end + _REACH)
        given = _FIRST.match(data, at + len(stem) + len(number)) if at >= 0 else None
        if given is None:
            break
        row.append(_part(given))
    return row


def _part(given: re.Match[bytes]) -> Part:
    name = given.lastgroup or "b"
    return Part(given[name], *given.span(name))
