"""All rules at once: found in one pass by where they may end, confirmed by their own regex."""

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import islice, pairwise
from typing import Protocol, Self

import msgspec
from msgspec import Struct

from stopper.detect.allowance import STEP, Allowance
from stopper.detect.database import HAS_HYPERSCAN, Database, library_version
from stopper.detect.passes import begins
from stopper.detect.pattern import (
    Pattern,
    brief,
    literals,
    parse,
    prefixes,
    render,
    render_chars,
    reverse,
    shortest,
    spelled,
    ways,
    width,
)
from stopper.detect.rules import MAX_MATCH, Rule

__all__ = [
    "Begun",
    "Engine",
    "HyperscanEngine",
    "Match",
    "RegexEngine",
    "engine_for",
    "engine_stamp",
]

# Another number for every change to how rules become databases, so that none is used that is old.
_FORMAT = 7
_DIGEST_BYTES = 32

# Beyond so many repetitions the databases count no more; the exact regexes still do.
_MAX_COUNTED = 64
_MAX_COUNTED_BACK = 4
# Nor do they count all of a row of like characters that ends a match.
_MAX_TAIL = 32
# Numbers without a letter to go by end in every row of digits: they are told behind a boundary.
_MAX_BARE = 32
_MIN_LITERAL = 2
# Where the texts that tell a rule are shorter, and stand in many lines, it is told by several.
_RARE_LITERAL = 3
_MAX_SPELLED = 8
# How far back rules look for what the end leaves open, in groups: together they would compile for
# longer, and all look as far as the farthest.
_REACHES = (100, 300, 1100, MAX_MATCH)
# An end that turns out to be none clears so many bytes more, so that many of them cost little.
_STRIDE = 1024
# With more texts of four bytes to begin with nearly every place would be tried.
_MAX_HEADS = 1 << 20
# Where a rule may have begun at so many places, all those behind are looked for at once.
_MAX_TRIES = 64
# And where a long rule may at places that lie apart, as first lines of keys without a last one do,
# all is held back from there on: to find out takes up to a millisecond at each of them.
_LONG = 4096
_APART = 16
_MAX_APART = 8
# What a search for a beginning costs, in bytes that are gone through.
_OPENING = 8192
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

    def or_earlier(self, other: "Begun") -> "Begun":
        """What both together mean."""
        return Begun(min(self.start, other.start), min(self.secret, other.secret))


class Engine(Protocol):
    """Finds the same whatever it is made of: for each rule what `re.finditer` would."""

    def matches(
        self,
        data: bytes,
        floor: int = 0,
        taken: Mapping[int, int] | None = None,
        allowance: Allowance | None = None,
    ) -> list[Match]:
        """All matches that start at `floor` or later, per rule after the end it has in `taken`.

        Not all once it is late by the `allowance`.
        """

    def some(
        self,
        data: bytes,
        allowance: Allowance,
        among: Collection[int] | None = None,
        beside: Collection[int] = (),
    ) -> list[Match]:
        """As many matches as are allowed, of the rules with these numbers where there are any.

        There are none where only rules match that say nothing but `beside` others.
        """

    def begun(self, data: bytes, floor: int = 0, allowance: Allowance | None = None) -> Begun:
        """What the end of `data` leaves open among matches that start at `floor` or later."""

    @property
    def is_complete(self) -> bool:
        """Whether `begun` is ready: where it is not, its first call may take seconds."""

    def complete(self) -> None:
        """Make `begun` ready; other threads may use the engine meanwhile."""


class _Compiled(Struct, frozen=True, dict=True):
    """What both engines need of one rule. `back` and `ahead` bound where a match can start."""

    number: int
    regex: re.Pattern[bytes]
    group: int
    pattern: Pattern
    bounded: bool
    back: int
    ahead: int

    @classmethod
    def of(cls, number: int, rule: Rule) -> Self:
        """Work out what can be said of a rule in advance."""
        pattern, regex = parse(rule.pattern), rule.regex()
        return cls(
            number=number,
            regex=regex,
            group=regex.groups,
            pattern=pattern,
            bounded=bool(pattern.before),
            back=width(shortest(pattern.node))[1],
            ahead=width(pattern.node)[1],
        )

    @cached_property
    def opening(self) -> re.Pattern[bytes]:
        """All beginnings of a match, at the end of a text; only streams ask for it."""
        before = f"(?<!{render_chars(self.pattern.before)})" if self.pattern.before else ""
        opening = render(prefixes(self.pattern.node), groups=True)
        return re.compile(f"{before}(?:{opening})\\Z".encode())

    @cached_property
    def keywords(self) -> frozenset[bytes]:
        """Texts of which every match holds one."""
        return literals(self.pattern.node)

    @cached_property
    def ways(self) -> bytes:
        """How a match may begin, where that is worth looking for; see `pattern.ways`."""
        table, through = ways(self.pattern) if begins else (b"", 0)
        return table if 1 < through <= _MAX_HEADS else b""

    @cached_property
    def search(self) -> Callable[[bytes, int, int], re.Match[bytes] | None]:
        """That of its regex, which tries at each place where no literal begins a match."""
        table, follow, match = self.ways, begins, self.regex.match
        if not (follow and table):
            return self.regex.search

        def search(data: bytes, start: int, end: int) -> re.Match[bytes] | None:
            while (start := follow(table, data, start, end)) >= 0:
                if found := match(data, start, end):
                    return found
                start += 1
            return None

        return search

    def match(self, found: re.Match[bytes]) -> Match:
        """What was found, as a value."""
        start, end = found.span()
        first, last = found.span(self.group) if self.group else (start, end)
        return Match(start, end, self.number, first, last)

    def begun(self, found: re.Match[bytes]) -> Begun:
        """What an opening that reaches the end of the text means."""
        start = found.start()
        if not self.group:
            return Begun(start, start)
        return Begun(start, found.start(found.lastindex) if found.lastindex else found.end())

    def begun_from(self, data: bytes, begin: int, begun: Begun) -> Begun:
        """What is known to have `begun`, and all that this rule may have from `begin` on."""
        while begin < begun.secret and (found := self.opening.search(data, begin)):
            begun = begun.or_earlier(self.begun(found))
            begin = found.start() + 1
        return begun


def _compiled(rules: Sequence[Rule]) -> list[_Compiled]:
    return [_Compiled.of(number, rule) for number, rule in enumerate(rules)]


@lru_cache(maxsize=_CACHED_ENGINES)
def engine_for(rules: tuple[Rule, ...]) -> Engine:
    """The fastest engine there is for these rules; compiled once for each set of rules."""
    return HyperscanEngine(rules) if HAS_HYPERSCAN else RegexEngine(rules)


class RegexEngine:
    """Python's own regexes behind a test for keywords: the reference, and the slow way out."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = _compiled(rules)
        self.is_complete = False

    def complete(self) -> None:
        """See `Engine`."""
        for rule in self._rules:
            _ = rule.opening
        self.is_complete = True

    def matches(
        self,
        data: bytes,
        floor: int = 0,
        taken: Mapping[int, int] | None = None,
        allowance: Allowance | None = None,  # noqa: ARG002  the slow way out has no time to keep
    ) -> list[Match]:
        """See `Engine`."""
        return sorted(self._matches(data, self._rules, floor, taken or {}))

    def some(
        self,
        data: bytes,
        allowance: Allowance,
        among: Collection[int] | None = None,
        beside: Collection[int] = (),
    ) -> list[Match]:
        """See `Engine`."""
        rules = [rule for rule in self._rules if among is None or rule.number in among]
        return _allowed(self._matches(data, rules, 0, {}), allowance, beside)

    def _matches(
        self, data: bytes, rules: Sequence[_Compiled], floor: int, taken: Mapping[int, int]
    ) -> Iterator[Match]:
        lower = data.lower()
        return (
            rule.match(found)
            for rule in rules
            if not rule.keywords or any(word in lower for word in rule.keywords)
            for found in rule.regex.finditer(data, max(floor, taken.get(rule.number, 0)))
        )

    def begun(self, data: bytes, floor: int = 0, allowance: Allowance | None = None) -> Begun:  # noqa: ARG002  its regexes tell no places
        """See `Engine`."""
        begun = Begun(len(data), len(data))
        for rule in self._rules:
            begun = rule.begun_from(data, max(floor, len(data) - rule.ahead), begun)
        return begun


class _Tries(Struct):
    """How often a rule was tried, and how often where it had not just been."""

    all: int = 0
    apart: int = 0
    last: int = -_APART

    def count(self, begin: int) -> None:
        """Once more, at `begin`."""
        self.all += 1
        if begin - self.last >= _APART:
            self.apart += 1
            self.last = begin


class _Openings(Struct, frozen=True):
    """Of the rules with these `numbers`, what may have begun in the last `reach` bytes."""

    numbers: tuple[int, ...]
    reach: int
    database: Database

    def scan(self, data: bytes, floor: int) -> list[tuple[int, int]]:
        """How far from the end of `data` something may begin, the farthest first, and its rule."""
        begin = max(floor, len(data) - self.reach) - 1
        text = _START + data if begin < 0 else data[begin:]
        numbers = self.numbers
        found = sorted(self.database.scan(text[::-1]), reverse=True)
        return [(length, numbers[place]) for length, place in found]


class HyperscanEngine:
    """Hyperscan databases: one for matches, and a few for openings in the mirrored text."""

    def __init__(self, rules: Sequence[Rule], databases: Sequence[Database] = ()) -> None:
        self._stamp = engine_stamp(rules)
        self._rules = tuple(rules)
        self._compiled: dict[int, _Compiled] = {}
        self._loaded = tuple(databases)
        self._ends = self._loaded[0] if self._loaded else self._compile_ends()

    @classmethod
    def load(cls, rules: Sequence[Rule], dumped: bytes) -> Self:
        """The engine that `dump` gave these bytes for, at once instead of in seconds.

        ValueError when they belong to other rules, another version or another processor, or are
        damaged. They decide what is found: take them only from where nobody else can write.
        """
        head = engine_stamp(rules).encode()
        begin = len(head) + _DIGEST_BYTES
        body = memoryview(dumped)[begin:]  # millions of bytes
        if dumped[:begin] != head + _digest(body):
            raise ValueError("these bytes were not dumped by an engine of these rules")
        return cls(rules, [Database.load(part) for part in msgspec.msgpack.decode(body)])

    def dump(self) -> bytes:
        """All that was compiled so far, as bytes for `load`."""
        openings = self._openings if self.is_complete else ()
        parts = [self._ends.dump(), *(each.database.dump() for each in openings)]
        body = msgspec.msgpack.encode(parts)
        return self._stamp.encode() + _digest(body) + body

    @classmethod
    def from_matches(cls, rules: Sequence[Rule], dumped: bytes) -> Self:
        """The engine that `dump_matches` gave these bytes for, a moment ago and for these rules.

        Nothing is copied, and nothing is checked but that Hyperscan takes them; ValueError if not.
        """
        return cls(rules, [Database.load(dumped)])

    def dump_matches(self) -> bytes:
        """What is compiled for whole texts, as bytes for `from_matches`."""
        return self._ends.dump()

    @property
    def was_whole(self) -> bool:
        """Whether it was loaded with all that streams need, so that there is no more to dump."""
        return len(self._loaded) > 1

    @property
    def is_complete(self) -> bool:
        """See `Engine`."""
        return self.was_whole or "_openings" in vars(self)

    def complete(self) -> None:
        """See `Engine`; where it was not done yet, it takes seconds."""
        _ = self._openings

    @cached_property
    def _openings(self) -> tuple[_Openings, ...]:
        """Compiled when the first stream needs it: it takes several times as long as `_ends`."""
        groups = [
            rules
            for low, high in pairwise((-1, *_REACHES))
            if (rules := [rule for rule in self._every() if low < rule.ahead <= high])
        ]
        loaded = self._loaded[1:] or [
            Database.compile(
                [_mirrored(rule.pattern) for rule in rules],
                limits=[rule.ahead + rule.bounded for rule in rules],
            )
            for rules in groups
        ]
        return tuple(
            _Openings(
                tuple(rule.number for rule in rules), max(rule.ahead for rule in rules), database
            )
            for rules, database in zip(groups, loaded, strict=True)
        )

    def _compile_ends(self) -> Database:
        ended = [
            (number, ending)
            for number, rule in enumerate(self._rules)
            for ending in _endings(parse(rule.pattern))  # kept by nobody
        ]
        numbers, endings = zip(*ended, strict=True)
        return Database.compile(endings, numbers=numbers)

    def _every(self) -> list[_Compiled]:
        return [self._rule(number) for number in range(len(self._rules))]

    def _rule(self, number: int) -> _Compiled:
        """Worked out when it is first needed: all of them together take a tenth of a second."""
        compiled = self._compiled.get(number)
        if compiled is None:
            compiled = self._compiled[number] = _Compiled.of(number, self._rules[number])
        return compiled

    def _ready(self, number: int, what: str, allowance: Allowance) -> _Compiled:
        """The same with what it is needed for, a property that may take milliseconds to make."""
        compiled = self._compiled.get(number)
        if compiled is None or what not in vars(compiled):
            with allowance.uncounted():
                compiled = self._rule(number)
                getattr(compiled, what)
        return compiled

    def matches(
        self,
        data: bytes,
        floor: int = 0,
        taken: Mapping[int, int] | None = None,
        allowance: Allowance | None = None,
    ) -> list[Match]:
        """See `Engine`."""
        allowance = allowance or Allowance()
        ends = self._ends.scan(data, allowance.is_late)
        return sorted(self._confirmed(data, ends, allowance, floor, taken)) if ends else []

    def some(
        self,
        data: bytes,
        allowance: Allowance,
        among: Collection[int] | None = None,
        beside: Collection[int] = (),
    ) -> list[Match]:
        """See `Engine`."""
        ends = self._ends.scan(data, allowance.is_late)
        if among is not None:
            ends = [end for end in ends if end[1] in among]
        if all(number in beside for _, number in ends):
            return []
        return _allowed(self._confirmed(data, ends, allowance), allowance, beside)

    def _confirmed(
        self,
        data: bytes,
        ends: list[tuple[int, int]],
        allowance: Allowance,
        floor: int = 0,
        taken: Mapping[int, int] | None = None,
    ) -> Iterator[Match]:
        """The matches that end at these places or near them, in the order of these."""
        ends.sort()
        cursors = {number: max(end, floor) for number, end in (taken or {}).items()}
        for end, number in ends:
            cursor = cursors.get(number, floor)
            if end <= cursor:
                continue
            if allowance.is_late(STEP):
                return
            rule = self._ready(number, "search", allowance)
            start = max(cursor, end - rule.back)
            limit = end + rule.back + _STRIDE
            near = rule.search(data, start, limit)
            if near is None:
                cursors[number] = limit - rule.back  # no match starts before
                continue
            is_whole = near.start() + rule.ahead <= limit or limit >= len(data)
            whole = near if is_whole else rule.regex.match(data, near.start())
            if whole:  # always: without look-ahead, more text undoes no match
                cursors[number] = whole.end()
                yield rule.match(whole)

    def begun(self, data: bytes, floor: int = 0, allowance: Allowance | None = None) -> Begun:
        """See `Engine`."""
        allowance = allowance or Allowance()
        begun = Begun(len(data), len(data))
        tries: defaultdict[int, _Tries] = defaultdict(_Tries)
        for each in self._openings:
            openings = each.scan(data, floor)
            allowance.take(begun=len(openings))
            for length, number in openings:
                if len(data) - length >= begun.secret:
                    break  # those after it are shorter
                tried = tries[number]
                if tried.all == _MAX_TRIES:
                    continue
                if allowance.is_late(_OPENING):
                    return Begun(floor, floor)
                rule = self._ready(number, "opening", allowance)
                begin = max(floor, len(data) - length + rule.bounded)
                tried.count(begin)
                if tried.apart > _MAX_APART and rule.ahead > _LONG:
                    begun = begun.or_earlier(Begun(begin, begin))
                elif tried.all == _MAX_TRIES:
                    begun = rule.begun_from(data, begin, begun)
                elif found := rule.opening.match(data, begin):
                    begun = begun.or_earlier(rule.begun(found))
        return begun


def _allowed(
    matches: Iterator[Match], allowance: Allowance, beside: Collection[int]
) -> list[Match]:
    most = min(max(0, allowance.matches), sys.maxsize)
    found = sorted(islice(matches, most))
    allowance.take(matches=len(found))
    return [] if all(match.rule in beside for match in found) else found


def _endings(pattern: Pattern) -> list[str]:
    """Where a match may end at the earliest, or what every match has before; in several ways."""
    node = brief(shortest(pattern.node), _MAX_TAIL)
    least = min(map(len, literals(node)), default=0)
    before = ""
    if least < _MIN_LITERAL and pattern.before and width(node)[1] <= _MAX_BARE:
        before = f"(?:^|{_not_of(pattern.before)})"
    ways = spelled(node, _MAX_SPELLED) if least < _RARE_LITERAL else [node]
    return [f"{before}(?:{render(way, relax=_MAX_COUNTED)})" for way in ways]


def _mirrored(pattern: Pattern) -> str:
    """Every opening, mirrored, and with what stands before it where that matters."""
    openings = render(reverse(prefixes(pattern.node)), relax=_MAX_COUNTED_BACK)
    return f"^(?:{openings}){_not_of(pattern.before) if pattern.before else ''}"


def _not_of(mask: int) -> str:
    return f"[^{render_chars(mask).removeprefix('[').removesuffix(']')}]"


def engine_stamp(rules: Sequence[Rule]) -> str:
    """Forty hex digits that differ where databases of these rules would; a name for their file."""
    said = msgspec.msgpack.encode(
        [_FORMAT, library_version(), [(rule.id, rule.pattern) for rule in rules]]
    )
    return blake2b(said, digest_size=20).hexdigest()


def _digest(body: bytes | memoryview) -> bytes:
    return blake2b(body, digest_size=_DIGEST_BYTES).digest()
