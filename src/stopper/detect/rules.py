"""Rules for secrets: what a row says, and whether it does what it claims."""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct

from stopper.detect.checks import CHECKS
from stopper.detect.finding import Severity, Tier
from stopper.detect.needs import NEEDS
from stopper.detect.pattern import head, parse, render, secret_of, width
from stopper.detect.placeholder import is_placeholder

__all__ = ["MAX_MATCH", "Rule", "fill", "read_rules"]

MAX_MATCH = 32_768
"""No rule matches more bytes than this, so no scanner of a stream ever holds more."""

_MIN_MATCH = 4
# What a string of JSON writes for the end of a line, a tab, or a letter that is no ASCII.
_ESCAPE = re.compile(rb"\\(?:[nrt]|u[0-9a-fA-F]{4})")
_DIGIT = re.compile(rb"[0-9]")
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_SLOT = re.compile(r"\{(\w+):(\d+)\}")
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER = _UPPER.lower()
_DIGITS = "0123456789"
_ALPHABETS = {
    "digit": _DIGITS,
    "upper": _UPPER,
    "lower": _LOWER,
    "hex": _DIGITS + "abcdef",
    "HEX": _DIGITS + "ABCDEF",
    "b32": _UPPER + "234567",
    "b36": _DIGITS + _LOWER,
    "B36": _DIGITS + _UPPER,
    "b58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "low32": _LOWER + "234567",
    "alpha": _UPPER + _LOWER,
    "alnum": _DIGITS + _UPPER + _LOWER,
    "url": _DIGITS + _UPPER + _LOWER + "-_",
    "b64": _DIGITS + _UPPER + _LOWER + "+/",
}


class Rule(Struct, frozen=True, dict=True):
    """What one kind of secret looks like.

    `pattern` is in the subset of `detect.pattern`; where it has a group `secret`, that part is the
    secret and the rest its context. `checks` name what makes a match certain, `needs` what a match
    must be besides (only for the generic tier, which has no prefix to go by), asked one after the
    other, so that what costs least and rules out most comes first. `hosts` are the
    vendor's own, where a leading `*.` covers every name below. `hits` and `misses` are texts that
    it must and must not find; `{alnum:36}` stands for so many characters of an alphabet. A match
    that is `formed` has so much of a form, without a prefix, that chance does not put it together.
    What documentation writes instead of a secret is found by no rule, unless a check makes it
    certain.
    """

    id: str
    name: str
    severity: Severity
    tier: Tier
    pattern: str
    hits: tuple[str, ...]
    misses: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    formed: bool = False

    def regex(self) -> re.Pattern[bytes]:
        """The pattern, compiled for bytes."""
        return re.compile(self.pattern.encode("ascii"))

    def tier_of(self, secret: bytes) -> Tier | None:
        """How sure it is that this very text is a secret; a failed check lowers nothing.

        None for a placeholder, and for what lacks what the rule asks for besides.
        """
        if self.tier is Tier.GENERIC and (_ESCAPE.search(secret) or _is_prose(secret)):
            return None  # half read, where what the string says is looked at as well; or words
        if not all(NEEDS[need](secret) for need in self.needs):
            return None
        if self.tier is Tier.PUBLIC:
            return self.tier
        if any(CHECKS[check](secret) for check in self.checks):
            return Tier.CHECKED
        return None if is_placeholder(secret[self._lead(secret) :]) else self.tier

    def finds(self, text: bytes) -> bool:
        """Whether this rule alone finds something in `text`."""
        group = "secret" if "(?P<secret>" in self.pattern else 0
        return any(self.tier_of(match[group]) for match in self.regex().finditer(text))

    def _lead(self, secret: bytes) -> int:
        """How much of `secret` is the vendor's own, such as `ghp_`."""
        found = self._head.match(secret)
        return found.end() if found else 0

    @cached_property
    def _head(self) -> re.Pattern[bytes]:
        return re.compile(render(head(secret_of(parse(self.pattern).node))).encode())


def _is_prose(secret: bytes) -> bool:
    """Whether it has letters that are no ASCII and no digits: words of a language."""
    return not secret.isascii() and not _DIGIT.search(secret)


def read_rules(rows: Iterable[Mapping[str, Any]], *, tried: bool = False) -> tuple[Rule, ...]:
    """The rules of decoded rows; ValueError names the first that does not do what it says.

    Patterns, hits and misses that were `tried` before are not tried again: that takes most of the
    time and of the memory.
    """
    rules = tuple(_read(row, tried=tried) for row in rows)
    ids = [rule.id for rule in rules]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"rules share an id: {', '.join(twice)}")
    return rules


def fill(template: str, seed: str = "") -> str:
    """A sample from its template: always the same for the same template and seed."""
    stream = _digits(f"{seed}|{template}")

    def sample(slot: re.Match[str]) -> str:
        alphabet = _ALPHABETS[slot[1]]
        return "".join(alphabet[next(stream) % len(alphabet)] for _ in range(int(slot[2])))

    return _SLOT.sub(sample, template)


def _digits(seed: str) -> Iterator[int]:
    state = zlib.crc32(seed.encode()) or 1
    while True:  # a linear congruence (Knuth's MMIX), of which the upper half is used
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33


def _read(row: Mapping[str, Any], *, tried: bool) -> Rule:
    name = row.get("id", "without an id")
    unknown = row.keys() - set(Rule.__struct_fields__)
    if unknown:
        raise ValueError(f"rule {name} has unknown fields: {', '.join(sorted(unknown))}")
    try:
        rule = msgspec.convert(row, Rule)
        if not tried:
            _check_shape(rule)
            _check_samples(rule)
    except (ValueError, re.error) as error:
        raise ValueError(f"rule {name} does not load: {error}") from error
    return rule


def _check_shape(rule: Rule) -> None:
    if not _ID.fullmatch(rule.id):
        raise ValueError("an id is lower-case words with hyphens")
    pattern = parse(rule.pattern)
    least, most = width(pattern.node)
    if least < _MIN_MATCH or most > MAX_MATCH:
        raise ValueError(f"a match has from {_MIN_MATCH} to {MAX_MATCH} bytes")
    if pattern.before & 1:
        raise ValueError("the start of a text is a NUL to what must not stand before")
    unknown = {*rule.checks} - CHECKS.keys() | {*rule.needs} - NEEDS.keys()
    if unknown:
        raise ValueError(f"it names unknown checks: {', '.join(sorted(unknown))}")
    if rule.needs and rule.tier not in {Tier.GENERIC, Tier.PUBLIC}:
        raise ValueError("only a generic or a public rule may need more than its pattern")


def _check_samples(rule: Rule) -> None:
    if not rule.hits:
        raise ValueError("it has no hits")
    for number, hit in enumerate(rule.hits, 1):
        if not rule.finds(fill(hit, rule.id).encode()):
            raise ValueError(f"it does not find its own hit {number}")
    for number, miss in enumerate(rule.misses, 1):
        if rule.finds(fill(miss, rule.id).encode()):
            raise ValueError(f"it finds its own miss {number}")
