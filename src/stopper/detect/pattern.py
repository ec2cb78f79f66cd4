"""The subset of regular expressions that rules are written in, and what can be derived from it.

No back reference, no look-ahead and no repetition without a bound: so a match needs a bounded part
of the text, its beginnings are a regular expression again, and time is linear.
"""

import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import NoReturn, TypeAlias

from msgspec import Struct

__all__ = [
    "Chars",
    "Choice",
    "Node",
    "Pattern",
    "Repeat",
    "Sequence",
    "brief",
    "head",
    "literals",
    "may_hold",
    "parse",
    "prefixes",
    "render",
    "reverse",
    "secret_of",
    "shortest",
    "spelled",
    "ways",
    "width",
]

_ALL = (1 << 256) - 1
_MAX_DEPTH = 32
_MAX_REPEAT = 32_768
_FREE = 8
_HEAD = 4
_WAYS = 64


class Chars(Struct, frozen=True):
    """One byte out of a set; bit n of `mask` stands for byte n."""

    mask: int


class Sequence(Struct, frozen=True):
    """One after the other; empty matches the empty text."""

    items: tuple["Node", ...]


class Choice(Struct, frozen=True):
    """The first option that lets the rest match."""

    options: tuple["Node", ...]


class Repeat(Struct, frozen=True):
    """`low` to `high` times, as many as possible unless `lazy`."""

    item: "Node"
    low: int
    high: int
    lazy: bool = False


class Secret(Struct, frozen=True):
    """The part of a match that is the secret itself."""

    item: "Node"


Node: TypeAlias = Chars | Sequence | Choice | Repeat | Secret

_EMPTY = Sequence(())


class Pattern(Struct, frozen=True):
    """A parsed pattern: what may not stand before it, and what it matches."""

    before: int
    node: Node


def _mask(*ranges: tuple[int, int]) -> int:
    return sum(((1 << (high - low + 1)) - 1) << low for low, high in ranges)


_DIGIT = _mask((0x30, 0x39))
_UPPER = _mask((0x41, 0x5A))
_LOWER = _mask((0x61, 0x7A))
_WORD = _DIGIT | _UPPER | _LOWER | 1 << 0x5F
_SPACE = _mask((9, 13), (32, 32))
_CLASSES = {
    "d": _DIGIT, "w": _WORD, "s": _SPACE,
    "D": _ALL & ~_DIGIT, "W": _ALL & ~_WORD, "S": _ALL & ~_SPACE,
}  # fmt: skip
_ESCAPES = {"n": 10, "r": 13, "t": 9, "0": 0}
_BEFORE = re.compile(r"\(\?<!(\[[^\]]+\])\)")
_COUNT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_HEX = re.compile(r"[0-9A-Fa-f]{2}")


def parse(text: str) -> Pattern:
    """Read a pattern; ValueError names what is outside the subset.

    Python's `re` reads the same text as bytes and means the same by it.
    """
    if not text.isascii():
        raise ValueError("a pattern has characters outside ASCII; write their bytes as \\xHH")
    before = 0
    if lead := _BEFORE.match(text):
        before = _Reader(lead[1], 0).one().mask
        text = text[lead.end() :]
    reader = _Reader(text, 0)
    node = reader.choice(fold=False, depth=0)
    if reader.at < len(text):
        reader.fail("a parenthesis too many")
    return Pattern(before, node)


class _Reader:
    """Recursive descent over a pattern's text."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def fail(self, what: str) -> NoReturn:
        raise ValueError(f"{what} at character {self.at} of a pattern")

    def eat(self, text: str) -> bool:
        found = self.text.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        char = self.peek()
        if not char:
            self.fail("an end too early")
        self.at += 1
        return char

    def choice(self, *, fold: bool, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            self.fail("too deep a nesting")
        options = [self.sequence(fold=fold, depth=depth)]
        while self.eat("|"):
            options.append(self.sequence(fold=fold, depth=depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self, *, fold: bool, depth: int) -> Node:
        items = []
        while self.peek() not in ("", "|", ")"):
            items.append(self.repeated(self.atom(fold=fold, depth=depth)))
        if not items:
            self.fail("nothing where something must match")
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def atom(self, *, fold: bool, depth: int) -> Node:
        if not self.eat("("):
            chars = self.one()
            return Chars(_fold(chars.mask)) if fold else chars
        if self.eat("?P<secret>"):
            node: Node = Secret(self.choice(fold=fold, depth=depth + 1))
        elif self.eat("?i:"):
            node = self.choice(fold=True, depth=depth + 1)
        elif self.eat("?:"):
            node = self.choice(fold=fold, depth=depth + 1)
        else:
            self.fail("a group that is neither (?:...), (?i:...) nor (?P<secret>...)")
        if not self.eat(")"):
            self.fail("a group without an end")
        return node

    def repeated(self, node: Node) -> Node:
        if self.eat("?"):
            low, high = 0, 1
        elif count := _COUNT.match(self.text, self.at):
            self.at = count.end()
            low = int(count[1])
            high = low if count[2] is None else int(count[3] or -1)
        elif self.peek() in ("*", "+", "{"):
            self.fail("a repetition without a bound")
        else:
            return node
        if not low <= high <= _MAX_REPEAT or high == 0:
            self.fail(f"a repetition without a bound up to {_MAX_REPEAT}")
        return Repeat(node, low, high, lazy=self.eat("?"))

    def one(self) -> Chars:
        char = self.next()
        if char == "[":
            return Chars(self.members())
        if char == "\\":
            return Chars(self.escape())
        if char in ".^$*+?{}":
            self.fail(f"a bare {char}")
        return Chars(1 << ord(char))

    def members(self) -> int:
        negated = self.eat("^")
        mask = 0
        while not self.eat("]"):
            first = self.member()
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                last = self.member()
                if first.bit_count() != 1 or last.bit_count() != 1 or last < first:
                    self.fail("a bad range")
                first = _mask((first.bit_length() - 1, last.bit_length() - 1))
            mask |= first
        return _ALL & ~mask if negated else mask

    def member(self) -> int:
        char = self.next()
        return self.escape() if char == "\\" else 1 << ord(char)

    def escape(self) -> int:
        char = self.next()
        if char == "x":
            digits = _HEX.match(self.text, self.at) or self.fail("a bad \\x")
            self.at += 2
            return 1 << int(digits[0], 16)
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _ESCAPES:
            return 1 << _ESCAPES[char]
        if char.isalnum():
            self.fail(f"the unknown escape \\{char}")
        return 1 << ord(char)


def _fold(mask: int) -> int:
    upper, lower = mask & _UPPER, mask & _LOWER
    return mask | upper << 32 | lower >> 32


def width(node: Node) -> tuple[int, int]:
    """The fewest and the most bytes that `node` can match."""
    match node:
        case Chars():
            return 1, 1
        case Sequence(items):
            widths = [width(item) for item in items]
            return sum(low for low, _ in widths), sum(high for _, high in widths)
        case Choice(options):
            widths = [width(option) for option in options]
            return min(low for low, _ in widths), max(high for _, high in widths)
        case Repeat(item, low, high):
            least, most = width(item)
            return low * least, high * most
        case Secret(item):
            return width(item)


def shortest(node: Node) -> Node:
    """A pattern that ends as soon as `node` could: its last repetitions take their fewest.

    Every match of `node` begins with a match of it.
    """
    match node:
        case Sequence(items) if items:
            last = shortest(items[-1])
            if last == _EMPTY:
                return shortest(Sequence(items[:-1]))
            return Sequence((*items[:-1], last))
        case Choice(options):
            cut = tuple(dict.fromkeys(shortest(option) for option in options))
            return _EMPTY if _EMPTY in cut else Choice(cut)
        case Repeat(item, low):
            if low == 0:
                return _EMPTY
            return Repeat(item, low, low) if isinstance(item, Chars) else _last(item, low)
        case Secret(item):
            return shortest(item)
        case _:
            return node


def _last(item: Node, low: int) -> Node:
    end = shortest(item)
    return Sequence((Repeat(item, low - 1, low - 1), end)) if low > 1 else end


def brief(node: Node, most: int) -> Node:
    """The same with `most` characters of a row at its end; every match of `node` begins with it."""
    match node:
        case Sequence(items) if items:
            return Sequence((*items[:-1], brief(items[-1], most)))
        case Repeat(Chars() as chars, low, high):
            return Repeat(chars, min(low, most), min(high, most))
        case Secret(item):
            return brief(item, most)
        case _:
            return node


def head(node: Node) -> Node:
    """What every match of `node` begins with, up to the first stretch that is free to vary."""
    return _head(node)[0]


def _head(node: Node) -> tuple[Node, bool]:
    """The head, and whether it is all of `node`."""
    match node:
        case Sequence(items):
            kept = []
            for item in items:
                begun, is_all = _head(item)
                kept.append(begun)
                if not is_all:
                    return Sequence(tuple(kept)), False
            return node, True
        case Choice(options):
            heads = [_head(option) for option in options]
            return Choice(tuple(begun for begun, _ in heads)), all(is_all for _, is_all in heads)
        case Repeat(item, low, _):
            is_free = isinstance(item, Chars) and item.mask.bit_count() > 1 and low >= _FREE
            return (_EMPTY, False) if is_free else (node, True)
        case Secret(item):
            return _head(item)
        case _:
            return node, True


def secret_of(node: Node) -> Node:
    """The part of `node` that is the secret; all of it when none is marked."""
    return next(_secrets(node), node)


def _secrets(node: Node) -> Iterator[Node]:
    match node:
        case Secret(item):
            yield item
        case Sequence(items) | Choice(items):
            for item in items:
                yield from _secrets(item)
        case Repeat(item):
            yield from _secrets(item)
        case _:
            pass


def may_hold(node: Node, byte: int) -> bool:
    """Whether a match of `node` can have this byte in it."""
    match node:
        case Chars(mask):
            return bool(mask >> byte & 1)
        case Sequence(items) | Choice(items):
            return any(may_hold(item, byte) for item in items)
        case Repeat(item) | Secret(item):
            return may_hold(item, byte)


def ways(pattern: Pattern) -> tuple[bytes, int]:
    """The ways in which matches begin, for `passes.begins`; and how many texts of four bytes do.

    Each way is a bit: number `256 * place + byte` of the table, of eight bytes each, has those that
    let this byte stand at this place. Where there are more than 64 some share a bit. Behind these a
    byte for each byte is 1 where it must not stand before a match. The table is empty where a match
    may have less than four bytes.
    """
    starts = sorted(_starts(pattern.node))
    if not all(len(start) == _HEAD for start in starts):
        return b"", 0
    table = [0] * (_HEAD * 256)
    for number, start in enumerate(starts):
        bit = 1 << number * _WAYS // max(_WAYS, len(starts))
        for place, mask in enumerate(start):
            for byte in _bytes_of(mask):
                table[256 * place + byte] |= bit
    through = sum(prod(mask.bit_count() for mask in start) for start in starts)
    bars = bytes(pattern.before >> byte & 1 for byte in range(256))
    return b"".join(row.to_bytes(8, sys.byteorder) for row in table) + bars, through


def _bytes_of(mask: int) -> Iterator[int]:
    while mask:
        rest = mask & mask - 1
        yield (mask ^ rest).bit_length() - 1
        mask = rest


def _starts(node: Node) -> frozenset[tuple[int, ...]]:
    """How matches begin: at most four sets of bytes; fewer where a match may end."""
    match node:
        case Chars(mask):
            return frozenset({(mask,)})
        case Secret(item):
            return _starts(item)
        case Choice(options):
            return frozenset[tuple[int, ...]]().union(*map(_starts, options))
        case Repeat(item, low, high):
            ways = frozenset({()}) if low == 0 else frozenset[tuple[int, ...]]()
            so_far = frozenset[tuple[int, ...]]({()})
            for count in range(1, min(high, _HEAD) + 1):
                so_far = _followed(so_far, _starts(item))
                if count >= min(low, _HEAD):
                    ways |= so_far
            return ways
        case Sequence(items):
            so_far = frozenset({()})
            for item in items:
                if all(len(start) == _HEAD for start in so_far):
                    break
                so_far = _followed(so_far, _starts(item))
            return so_far


def _followed(
    starts: frozenset[tuple[int, ...]], more: frozenset[tuple[int, ...]]
) -> frozenset[tuple[int, ...]]:
    return frozenset((*start, *rest)[:_HEAD] for start in starts for rest in more)


def spelled(node: Node, most: int) -> list[Node]:
    """What together matches as `node` does: each with one way to begin, up to `most` of them.

    That is the first four characters at most; a letter in both cases is one way.
    """
    return [Sequence(items) for items in _spelled((node,), most, _HEAD)]


def _spelled(items: tuple[Node, ...], most: int, depth: int) -> list[tuple[Node, ...]]:
    if not items or not depth:
        return [items]
    rest = items[1:]
    match items[0]:
        case Sequence(inner):
            return _spelled((*inner, *rest), most, depth)
        case Secret(item):
            return _spelled((item, *rest), most, depth)
        case Choice(options) if len(options) <= most:
            each = most // len(options)
            return [way for one in options for way in _spelled((one, *rest), each, depth)]
        case Chars(mask) if (letters := _letters(mask)) and len(letters) <= most:
            behind = _spelled(rest, most // len(letters), depth - 1)
            return [(Chars(letter), *way) for letter in letters for way in behind]
        case _:
            return [items]


def _letters(mask: int) -> list[int]:
    """The sets of one byte each, or of a letter in both cases, that make up this one."""
    both = mask & (mask & _UPPER) << 32
    paired = both | both >> 32
    return [
        1 << code | (1 << code - 32 if both >> code & 1 else 0)
        for code in _bytes_of(mask & ~paired | both)
    ]


def prefixes(node: Node) -> Node:
    """A pattern for every beginning of a match of `node` but the empty one, the whole included."""
    match node:
        case Sequence(items):
            found = prefixes(items[-1])
            for item in reversed(items[:-1]):
                found = Choice((Sequence((item, found)), prefixes(item)))
            return found
        case Choice(options):
            return Choice(tuple(prefixes(option) for option in options))
        case Repeat(Chars() as chars, _, high, lazy):
            return Repeat(chars, 1, high, lazy)
        case Repeat(item, _, high, lazy):
            begun = prefixes(item)
            return Sequence((Repeat(item, 0, high - 1, lazy), begun)) if high > 1 else begun
        case Secret(item):
            return Secret(prefixes(item))
        case _:
            return node


def reverse(node: Node) -> Node:
    """A pattern for the mirrored text."""
    match node:
        case Chars():
            return node
        case Sequence(items):
            return Sequence(tuple(reverse(item) for item in reversed(items)))
        case Choice(options):
            return Choice(tuple(reverse(option) for option in options))
        case Repeat(item, low, high, lazy):
            return Repeat(reverse(item), low, high, lazy)
        case Secret(item):
            return Secret(reverse(item))


def render(node: Node, *, groups: bool = False, relax: int | None = None) -> str:
    """The pattern as text, for `re` over bytes and for Hyperscan.

    Secrets become capturing groups when `groups`; repetitions beyond `relax` lose their bound.
    """
    match node:
        case Chars(mask):
            return render_chars(mask)
        case Sequence(items):
            return "".join(_factor(item, groups, relax) for item in items)
        case Choice(options):
            return "|".join(render(option, groups=groups, relax=relax) for option in options)
        case Repeat(item, low, high, lazy):
            most = "" if relax is not None and high > max(relax, low) else str(high)
            text = render(item, groups=groups, relax=relax)
            body = text if isinstance(item, Chars) else f"(?:{text})"
            return f"{body}{{{low},{most}}}{'?' * lazy}"
        case Secret(item):
            text = render(item, groups=groups, relax=relax)
            return f"({text})" if groups else f"(?:{text})"


def _factor(node: Node, groups: bool, relax: int | None) -> str:
    text = render(node, groups=groups, relax=relax)
    return f"(?:{text})" if isinstance(node, Choice) else text


@lru_cache(maxsize=4096)
def render_chars(mask: int) -> str:
    """A set of bytes as text."""
    if mask.bit_count() == 1:
        return _byte(mask.bit_length() - 1)
    parts = []
    code = 0
    while mask >> code:
        if mask >> code & 1:
            first = code
            while mask >> (code + 1) & 1:
                code += 1
            parts.append(_byte(first) + (f"-{_byte(code)}" if code > first else ""))
        code += 1
    return f"[{''.join(parts)}]"


def _byte(code: int) -> str:
    """Letters and digits as they are: Hyperscan bounds how long a pattern may be written."""
    char = chr(code)
    return char if char.isascii() and char.isalnum() else f"\\x{code:02x}"


def literals(node: Node) -> frozenset[bytes]:
    """Lower-case texts of which every match holds one in some case; empty if none is known."""
    match node:
        case Sequence(items):
            found = [literals(item) for item in items if not isinstance(item, Chars)]
            return max((*found, *_runs(items)), key=_strength, default=frozenset())
        case Choice(options):
            each = [literals(option) for option in options]
            return frozenset().union(*each) if all(each) else frozenset()
        case Repeat(item, low):
            return literals(item) if low else frozenset()
        case Secret(item):
            return literals(item)
        case _:
            return _only(node.mask)


def _strength(texts: frozenset[bytes]) -> int:
    return min(map(len, texts), default=0)


def _runs(items: tuple[Node, ...]) -> list[frozenset[bytes]]:
    runs = [b""]
    for item in items:
        only = _only(item.mask) if isinstance(item, Chars) else frozenset[bytes]()
        runs[-1:] = [runs[-1] + min(only)] if only else [runs[-1], b""]
    return [frozenset({run}) for run in runs if run]


def _only(mask: int) -> frozenset[bytes]:
    """The one byte of a set, upper and lower case taken as one."""
    lower = mask | (mask & _UPPER) << 32
    lower &= ~_UPPER
    return frozenset({bytes([lower.bit_length() - 1])}) if lower.bit_count() == 1 else frozenset()
