"""Everything that detectors see in one text: rules and known values, plain and decoded, as one."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

from msgspec import Struct

from stopper.data.rules import load_rules, were_tried
from stopper.detect.allowance import Allowance
from stopper.detect.budget import Budget
from stopper.detect.decode import Decoding
from stopper.detect.finding import RANK, Finding, Tier
from stopper.detect.known import KnownValues
from stopper.detect.passes import unescaped
from stopper.detect.rules import Rule, read_rules
from stopper.detect.secrets import Detector
from stopper.detect.view import JOINS, View

__all__ = [
    "Inspection",
    "Inspector",
    "by_rules",
    "merged",
    "packaged_detector",
    "packaged_rules",
    "placed",
]

_WHOLE: Final = frozenset({"known-value", "canary"})
_JSON: Final = (b'{"', b'["', b"[{", b'"')


class Inspection(Struct, frozen=True):
    """What was found in a text, and in `unprovable` the budget that ran out before its end, if any.

    With it the text must not count as clean, whatever its findings are.
    """

    findings: tuple[Finding, ...] = ()
    unprovable: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether all of it was looked at and nothing was found."""
        return not self.findings and not self.unprovable


class Inspector:
    """Looks at whole texts, with all that is undone of their encodings within `budget`.

    Without a detector it knows only the known values, and without these only the rules.
    """

    def __init__(
        self,
        detector: Detector | None,
        known: KnownValues | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.detector = detector
        self.known = known
        self.budget = budget or Budget()

    def inspect(self, text: str | bytes) -> Inspection:
        """All findings in the order of their places; each place once for each secret.

        Offsets count what was given: characters of a str, bytes of bytes. Nothing raises, whatever
        the text is.
        """
        allowance = self.budget.allowance(len(text))
        decoding = Decoding(text, self.budget, allowance)
        shown = self.known.scan(text, (), allowance) if self.known else []  # they come first
        findings, views = self._by_rules(text, decoding, allowance)
        if self.known:
            findings += self.known.scan(b"", views, allowance, shown)
        return Inspection(
            tuple(merged(findings)) if findings else (), decoding.unprovable or allowance.spent
        )

    def _by_rules(
        self, text: str | bytes, decoding: Decoding, allowance: Allowance
    ) -> tuple[list[Finding], list[View]]:
        """What rules find, and in which views."""
        detector = self.detector
        if detector is None:
            return [], list(decoding)
        views: list[View] = []
        below = _noted(decoding, views)
        said = _said(text)
        if said is not None and not detector.scan(said, allowance):
            # What only the spelling of strings shows, and not what they say, is nothing.
            findings = []
            below = (view for view in below if view.data != said)
        else:
            findings = detector.scan(text, allowance)
        if not allowance.spent:
            findings = by_rules(detector, text, below, findings, allowance)
        return findings, views


def _said(text: str | bytes) -> bytes | None:
    """A document of JSON in one line without its escapes; None for another text."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if not data.startswith(_JSON) or b"\\" not in data or b"\n" in data:
        return None
    return unescaped(data)


@lru_cache(maxsize=1)
def packaged_rules() -> tuple[Rule, ...]:
    """The rules that ship with Stopper; changed ones have to do what they say before they load."""
    return read_rules(load_rules(), tried=were_tried())


def packaged_detector(key: bytes) -> Detector:
    """A detector of the rules that ship with Stopper; all of them share one engine."""
    return Detector(packaged_rules(), key)


def _noted(views: Iterable[View], into: list[View]) -> Iterator[View]:
    for view in views:
        into.append(view)
        yield view


def by_rules(
    detector: Detector,
    text: str | bytes,
    views: Iterable[View],
    plain: Iterable[Finding],
    allowance: Allowance | None = None,
) -> list[Finding]:
    """What rules find in the views of a text, behind `plain`, which they find in itself.

    In guessed views only what a prefix or its form makes sure counts. Once the `allowance` is spent
    no other view is looked at.
    """
    allowance = allowance or Allowance()
    findings = list(plain)
    ends: dict[int, int] = {}
    for one in findings:
        ends[one.start] = max(one.end, ends.get(one.start, 0))
    for view in views:
        scan = detector.scan_guessed if view.guessed else detector.scan
        for inner in scan(view.data, allowance):
            one = placed(inner, *view.origin(inner.start, inner.end), view.path)
            end = ends.get(one.start, one.start)
            if view.guessed and not _is_likely(text[end : one.end]):
                continue
            ends[one.start] = max(one.end, end)
            findings.append(one)
        if allowance.spent:
            break
    return findings


def _is_likely(more: str | bytes) -> bool:
    """Whether what was joined to a secret already found is part of it, and no word behind it."""
    text = more.decode("latin-1") if isinstance(more, bytes) else more
    if not text.isascii():
        return False
    return any(char.isdigit() for char in text) or not (text.islower() or text.istitle())


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """In order, each place once for each secret: the surest name, and the shortest way to it."""
    listed = list(findings)
    is_plain = all(one.end <= other.start < other.end for one, other in pairwise(listed))
    return listed if is_plain else _uncovered(_united(listed))


def _united(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of one value at overlapping places as one, which spans them all."""
    latest: dict[str, int] = {}
    united: list[Finding] = []
    for one in sorted(findings, key=_order):
        place = latest.get(one.fingerprint, -1)
        if place >= 0 and one.start < united[place].end:
            united[place] = _union(united[place], one)
        else:
            latest[one.fingerprint] = len(united)
            united.append(one)
    return united


def _uncovered(findings: Iterable[Finding]) -> list[Finding]:
    """All but those inside of a finding that says more about the same place.

    A known value says more than any rule, a certain kind more than a generic one, and a token put
    together more than its first part. Of two that had to be decoded none hides the other, because
    their places may be no more exact than all that was decoded.
    """
    known, sure, joined = _Cover(), _Cover(), _Cover()
    kept = []
    for one in sorted(findings, key=_order):
        if one.rule in _WHOLE:
            known.add(one)
        elif (
            known.hides(one)
            or joined.hides(one, one.rule)
            or (one.tier == Tier.GENERIC and sure.hides(one))
        ):
            continue
        if one.tier != Tier.GENERIC:
            sure.add(one)
        if not JOINS.isdisjoint(one.decoded):
            joined.add(one, one.rule)
        kept.append(one)
    return kept


class _Cover:
    """How far the text is covered, by findings in it as it stands and by all."""

    def __init__(self) -> None:
        self._plain: dict[str, int] = {}
        self._any: dict[str, int] = {}

    def add(self, one: Finding, name: str = "") -> None:
        for ends in (self._any,) if one.decoded else (self._any, self._plain):
            ends[name] = max(one.end, ends.get(name, 0))

    def hides(self, one: Finding, name: str = "") -> bool:
        ends = self._plain if one.decoded else self._any
        return one.end <= ends.get(name, -1)


def _order(one: Finding) -> tuple[int, int, bool, int, int, str]:
    """By place, wide before narrow; at one place the surest first."""
    rank = -RANK[one.tier]
    return one.start, -one.end, one.rule not in _WHOLE, rank, len(one.decoded), one.rule


def _union(one: Finding, other: Finding) -> Finding:
    best = min(one, other, key=lambda each: (each.rule not in _WHOLE, -RANK[each.tier]))
    start, end = min(one.start, other.start), max(one.end, other.end)
    path = min(one.decoded, other.decoded, key=len)
    return placed(best, start, end, path)


def placed(one: Finding, start: int, end: int, path: tuple[str, ...]) -> Finding:
    """The same secret somewhere else."""
    return Finding(
        one.rule, one.name, one.severity, one.tier, start, end, one.fingerprint, path
    )  # fmt: skip
