"""All rules at once: found in one pass by where they may end, confirmed by their own regex."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Protocol

from msgspec import Struct

from stopper.detect.pattern import (
    Pattern,
    literals,
    parse,
    prefixes,
    render,
    render_chars,
    reverse,
    shortest,
    width,
)
from stopper.detect.rules import Rule

try:
    import hyperscan
except ImportError:  # no wheel for this machine
    _HAS_HYPERSCAN = False
else:
    _HAS_HYPERSCAN = True

__all__ = ["Begun", "Engine", "HyperscanEngine", "Match", "RegexEngine", "engine_for"]

# Beyond so many repetitions the databases count no more; the exact regexes still do.
_MAX_COUNTED = 128
_MAX_COUNTED_BACK = 16
# An end that turns out to be none clears so many bytes more, so that many of them cost little.
_STRIDE = 1024
_START = b"\0"  # stands before every text and in no set of `before`
_CACHED_ENGINES = 4


class Match(Struct, frozen=True, order=True):
    """A place where rule number `rule` matches; the secret may be a part of it."""

    start: int
    end: int
    rule: int
    secret_start: int
    secret_end: int


class Begun(Struct, frozen=True):
    """The earliest match that more text may still make or change, and what it may hide.

    Every match that starts before `start` is final; no secret of the others starts before
    `secret`.
    """

    start: int
    secret: int


class Engine(Protocol):
    """Finds the same whatever it is made of: for each rule what `re.finditer` would."""

    def matches(
        self, data: bytes, floor: int = 0, taken: Mapping[int, int] | None = None
    ) -> list[Match]:
        """All matches that start at `floor` or later, per rule after the end it has in `taken`."""

    def begun(self, data: bytes, floor: int = 0) -> Begun:
        """What the end of `data` leaves open among matches that start at `floor` or later."""


class _Compiled(Struct, frozen=True):
    """What both engines need of one rule. `back` and `ahead` bound where a match can start."""

    number: int
    regex: re.Pattern[bytes]
    opening: re.Pattern[bytes]
    group: int
    keywords: frozenset[bytes]
    pattern: Pattern
    bounded: bool
    back: int
    ahead: int

    def match(self, found: re.Match[bytes]) -> Match:
        """What was found, as a value."""
        return Match(*found.span(), self.number, *found.span(self.group))

    def begun(self, found: re.Match[bytes]) -> Begun:
        """What an opening that reaches the end of the text means."""
        start = found.start()
        if not self.group:
            return Begun(start, start)
        return Begun(start, found.start(found.lastindex) if found.lastindex else found.end())


def _compile(number: int, rule: Rule) -> _Compiled:
    pattern = parse(rule.pattern)
    before = rule.pattern[: rule.pattern.index(")") + 1] if pattern.before else ""
    opening = f"{before}(?:{render(prefixes(pattern.node), groups=True)})\\Z"
    least = shortest(pattern.node)
    return _Compiled(
        number=number,
        regex=rule.regex(),
        opening=re.compile(opening.encode()),
        group=rule.regex().groups,
        keywords=literals(pattern.node),
        pattern=pattern,
        bounded=bool(pattern.before),
        back=width(least)[1],
        ahead=width(pattern.node)[1],
    )


@lru_cache(maxsize=_CACHED_ENGINES)
def engine_for(rules: tuple[Rule, ...]) -> Engine:
    """The fastest engine there is for these rules; compiled once for each set of rules."""
    return HyperscanEngine(rules) if _HAS_HYPERSCAN else RegexEngine(rules)


class RegexEngine:
    """Python's own regexes behind a test for keywords: the reference, and the slow way out."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [_compile(number, rule) for number, rule in enumerate(rules)]

    def matches(
        self, data: bytes, floor: int = 0, taken: Mapping[int, int] | None = None
    ) -> list[Match]:
        """See `Engine`."""
        lower = data.lower()
        ends = taken or {}
        return sorted(
            rule.match(found)
            for rule in self._rules
            if not rule.keywords or any(word in lower for word in rule.keywords)
            for found in rule.regex.finditer(data, max(floor, ends.get(rule.number, 0)))
        )

    def begun(self, data: bytes, floor: int = 0) -> Begun:
        """See `Engine`."""
        start = secret = len(data)
        for rule in self._rules:
            begin = max(floor, len(data) - rule.ahead)
            while begin < secret and (found := rule.opening.search(data, begin)):
                one = rule.begun(found)
                start, secret = min(start, one.start), min(secret, one.secret)
                begin = found.start() + 1
        return Begun(start, secret)


class HyperscanEngine:
    """Two Hyperscan databases: one for matches, and one for openings in the mirrored text."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [_compile(number, rule) for number, rule in enumerate(rules)]
        self._ends = _database(
            render(shortest(rule.pattern.node), relax=_MAX_COUNTED) for rule in self._rules
        )

    @cached_property
    def _openings(self) -> "hyperscan.Database":
        """Compiled when the first stream needs it: it takes ten times as long as `_ends`."""
        return _database(_mirrored(rule.pattern) for rule in self._rules)

    def matches(
        self, data: bytes, floor: int = 0, taken: Mapping[int, int] | None = None
    ) -> list[Match]:
        """See `Engine`."""
        ends: list[tuple[int, int]] = []
        self._ends.scan(data, lambda number, _start, end, _flags, _: ends.append((end, number)))
        if not ends:
            return []
        ends.sort()
        cursors = dict(taken or {})
        found = []
        for end, number in ends:
            rule = self._rules[number]
            cursor = max(cursors.get(number, 0), floor)
            if end <= cursor:
                continue
            start = max(cursor, end - rule.back)
            limit = end + rule.back + _STRIDE
            near = rule.regex.search(data, start, limit)
            if near is None:
                cursors[number] = limit - rule.back  # no match starts before
                continue
            whole = rule.regex.match(data, near.start())
            if whole:  # always: without look-ahead, more text undoes no match
                found.append(rule.match(whole))
                cursors[number] = whole.end()
        return sorted(found)

    def begun(self, data: bytes, floor: int = 0) -> Begun:
        """See `Engine`."""
        lengths: list[tuple[int, int]] = []
        text = data[floor - 1 :] if floor else _START + data
        self._openings.scan(
            text[::-1],
            lambda number, _start, end, _flags, _: lengths.append((-end, number)),
        )
        start = secret = len(data)
        for length, number in sorted(lengths):
            rule = self._rules[number]
            begin = max(floor, len(data) + length + rule.bounded)
            if begin >= secret:
                break
            if begin < len(data) - rule.ahead:
                continue
            found = rule.opening.match(data, begin)
            if found:
                one = rule.begun(found)
                start, secret = min(start, one.start), min(secret, one.secret)
        return Begun(start, secret)


def _mirrored(pattern: Pattern) -> str:
    """Every opening, mirrored, and with what stands before it where that matters."""
    openings = render(reverse(prefixes(pattern.node)), relax=_MAX_COUNTED_BACK)
    before = f"[^{render_chars(pattern.before)[1:]}" if pattern.before else ""
    return f"^(?:{openings}){before}"


def _database(patterns: Iterator[str]) -> "hyperscan.Database":
    expressions = [pattern.encode() for pattern in patterns]
    database = hyperscan.Database()
    database.compile(
        expressions=expressions,
        ids=range(len(expressions)),
        elements=len(expressions),
    )
    return database
