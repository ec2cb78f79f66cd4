"""Secrets in a text: every rule at once, overlaps resolved, and the fifteen shapes of the gate."""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from heapq import heapify, heappop, heappush

from msgspec import Struct

from stopper.detect.allowance import STEP, Allowance
from stopper.detect.checks import WEAK
from stopper.detect.engine import Engine, Match, engine_for
from stopper.detect.finding import RANK, Finding, Tier
from stopper.detect.origin import CONTINUATIONS
from stopper.detect.rules import Rule

__all__ = [
    "Detector",
    "Piece",
    "TokenMatch",
    "Weave",
    "fingerprint",
    "scan_token_patterns",
    "serves",
]

Judged = dict[tuple[int, bytes], Tier | None]
"""How sure it is that a value is a secret, by its rule and itself."""

_FINGERPRINT_BYTES = 16
_AT_ONCE = 1024
_MAX_KEY = 64


def fingerprint(value: bytes, key: bytes) -> str:
    """A keyed hash of a whole value: equal values show as equal, none can be guessed without `key`.

    At most 64 bytes of `key` count, by BLAKE2's own definition.
    """
    return blake2b(value, key=key[:_MAX_KEY], digest_size=_FINGERPRINT_BYTES).hexdigest()


def serves(pattern: str, host: str) -> bool:
    """Whether `host` is `pattern`, or below it where that begins with `*.`."""
    own, name = pattern.lower(), host.lower().removesuffix(".")
    return name.endswith(own[1:]) if own.startswith("*.") else name == own


class Piece(Struct, frozen=True, order=True):
    """A stretch that one rule claims. `weight` decides who keeps what two rules claim."""

    start: int
    end: int
    weight: tuple[int, int, int]
    tier: Tier


class Weave:
    """Makes disjoint pieces out of overlapping ones; the heavier keeps all, the other its rest.

    Something public hides what begins where it does and is not heavier: written before a secret,
    behind it or around it, it hides none. Takes claims in the order of their starts, in as many
    goes as the text comes in.
    """

    def __init__(self) -> None:
        self._waiting: list[Piece] = []
        self._last: Piece | None = None

    def add(self, pieces: Iterable[Piece]) -> None:
        """More claims, none of which starts before what `until` was last told."""
        self._waiting.extend(pieces)
        heapify(self._waiting)

    def until(self, position: int) -> Iterator[Piece]:
        """The pieces that no claim from `position` on can change, in their order."""
        while self._waiting and self._waiting[0].start < position:
            yield from filter(_is_secret, self._next(heappop(self._waiting)))
        if self._last and self._last.end <= position:
            yield from filter(_is_secret, (self._last,))
            self._last = None

    def end(self, pieces: Iterable[Piece], position: int) -> Iterator[Piece]:
        """What `until` would give from here on if these were the last claims; nothing changes."""
        weave = Weave()
        weave.add([*self._waiting, *pieces])
        weave._last = self._last
        return weave.until(position)

    @property
    def start(self) -> int | None:
        """Where the first piece begins that is not settled yet."""
        starts = [piece.start for piece in (self._last, *self._waiting[:1]) if piece]
        return min(starts, default=None)

    def _next(self, piece: Piece) -> Iterator[Piece]:
        last = self._last
        if last is None or last.end <= piece.start:
            if last:
                yield last
            self._last = piece
        elif not _is_secret(last):
            self._last = last if _hides(last, piece) else piece
        elif not _is_secret(piece):
            self._last = piece if _hides(piece, last) else last
        elif last.weight >= piece.weight:
            self._keep(piece, last.end, piece.end)
        else:
            if last.start < piece.start:
                yield Piece(last.start, piece.start, last.weight, last.tier)
            self._keep(last, piece.end, last.end)
            self._last = piece

    def _keep(self, piece: Piece, start: int, end: int) -> None:
        if start < end:
            heappush(self._waiting, Piece(start, end, piece.weight, piece.tier))


def _is_secret(piece: Piece) -> bool:
    return piece.tier is not Tier.PUBLIC


def _hides(public: Piece, piece: Piece) -> bool:
    return piece.start == public.start and piece.weight <= public.weight


class Detector:
    """Finds the secrets that `rules` describe.

    `key` makes the fingerprints; keep it secret and the same for as long as they are compared.
    Building the first detector of a set of rules takes seconds, which others of it reuse.
    """

    def __init__(self, rules: tuple[Rule, ...], key: bytes, engine: Engine | None = None) -> None:
        if not key:
            raise ValueError("a detector needs a key for its fingerprints")
        self.rules = rules
        self.engine = engine or engine_for(rules)
        self._key = key
        self._hosts: Mapping[str, tuple[str, ...]] = {rule.id: rule.hosts for rule in rules}
        self._ranks = tuple(RANK[rule.tier] for rule in rules)
        self._public = frozenset(
            number
            for number, rule in enumerate(rules)
            if rule.tier is Tier.PUBLIC and not rule.needs
        )
        self._hiding = frozenset(
            number for number, rule in enumerate(rules) if rule.tier is Tier.PUBLIC
        )
        self._formed = frozenset(rule.id for rule in rules if rule.formed)
        self._sure = frozenset(
            number
            for number, rule in enumerate(rules)
            if rule.formed or not WEAK.issuperset(rule.checks) or rule.tier is Tier.PREFIX
        )

    def scan(self, text: str | bytes, allowance: Allowance | None = None) -> list[Finding]:
        """All findings in their order, none overlapping; offsets count what was given.

        That is characters of a str, bytes of bytes. Nothing in the text can silence it. When an
        `allowance` is spent not all is found.
        """
        if isinstance(text, bytes):
            return self._scan(text, allowance or Allowance())
        data = text.encode("utf-8", "surrogatepass")
        findings = self._scan(data, allowance or Allowance())
        return findings if len(data) == len(text) else list(_in_characters(findings, data))

    def scan_guessed(self, data: bytes, allowance: Allowance) -> list[Finding]:
        """As `scan`, but only what a prefix, a check or its form makes sure."""
        findings = self._scan(data, allowance, self._sure)
        return [one for one in findings if one.tier != Tier.GENERIC or one.rule in self._formed]

    def is_use(self, finding: Finding, host: str) -> bool:
        """Whether `host` is the vendor's own for this kind of secret: use, not exfiltration."""
        return any(serves(own, host) for own in self._hosts.get(finding.rule, ()))

    def pieces(
        self,
        matches: Iterable[Match],
        data: bytes,
        offset: int = 0,
        judged: Judged | None = None,
        allowance: Allowance | None = None,
    ) -> Iterator[Piece]:
        """What the rules claim of `data`, which begins at `offset`.

        A claim that another one of the very same stretch outweighs for sure is left out. `judged`
        takes what was said of each value: one may stand there many times. There are no more once it
        is late by the `allowance`.
        """
        heaviest: dict[tuple[int, int], tuple[int, int, int]] = {}
        tiers: Judged = {} if judged is None else judged
        for match in matches:
            if allowance and allowance.is_late(STEP):
                return
            rule = self.rules[match.rule]
            start, end = match.secret_start, match.secret_end
            least = (self._ranks[match.rule], end - start, -match.rule)
            if start == end or (not rule.checks and heaviest.get((start, end), least) > least):
                continue
            tier = self._tier(match.rule, data[start:end], tiers)
            if tier is not None:
                weight = heaviest[start, end] = (RANK[tier], end - start, -match.rule)
                yield Piece(start + offset, end + offset, weight, tier)

    def _tier(self, number: int, value: bytes, judged: Judged) -> Tier | None:
        if number in self._public:
            return Tier.PUBLIC
        claim = number, value
        if claim not in judged:
            judged[claim] = self.rules[number].tier_of(value)
        return judged[claim]

    def finding(self, piece: Piece, data: bytes, offset: int = 0) -> Finding:
        """A piece as others see it, without its text."""
        rule = self.rules[-piece.weight[2]]
        value = data[piece.start - offset : piece.end - offset]
        return Finding(
            rule.id, rule.name, rule.severity, piece.tier, piece.start, piece.end,
            fingerprint(value, self._key),
        )  # fmt: skip

    def _scan(
        self, data: bytes, allowance: Allowance, among: frozenset[int] | None = None
    ) -> list[Finding]:
        findings: list[Finding] = []
        matches = self.engine.some(data, allowance, among, self._hiding)
        if not matches:
            return findings
        matches = self._without_idle(matches)
        weave, judged = Weave(), Judged()
        for at in range(0, len(matches), _AT_ONCE):
            behind = at + _AT_ONCE
            known = len(judged)
            claims = self.pieces(matches[at:behind], data, judged=judged, allowance=allowance)
            weave.add(claims)
            settled = matches[behind].start if behind < len(matches) else len(data)
            found = [self.finding(piece, data) for piece in weave.until(settled)]
            findings += found
            allowance.take(findings=len(found), judged=len(judged) - known)
            if allowance.is_late() or allowance.spent:
                break
        return findings

    def _without_idle(self, matches: list[Match]) -> list[Match]:
        """Without what is public where no secret, nor the rest of one, can begin: it hides none."""
        hiding = self._hiding
        secret = [match for match in matches if match.rule not in hiding]
        if len(secret) == len(matches):
            return matches
        edges = {edge for match in secret for edge in (match.secret_start, match.secret_end)}
        return [
            match for match in matches if match.rule not in hiding or match.secret_start in edges
        ]


def _in_characters(findings: Iterable[Finding], data: bytes) -> Iterator[Finding]:
    """Offsets into the str that `data` encodes: bytes that do not continue a character count."""
    seen = chars = 0

    def count(position: int) -> int:
        nonlocal seen, chars
        chars += len(data[seen:position].translate(None, CONTINUATIONS))
        seen = position
        return chars

    for finding in findings:
        start = count(finding.start)
        yield Finding(
            finding.rule, finding.name, finding.severity, finding.tier, start,
            count(finding.end), finding.fingerprint, finding.decoded,
        )  # fmt: skip


class TokenMatch(Struct, frozen=True):
    """What `scan_token_patterns` saw first, without the token.

    `location` is where the text came from, as the caller said; `context` is the name that the
    token was given there, if any; `start` and `end` are its place in the text.
    """

    severity: str
    reason: str
    location: str
    context: str
    start: int
    end: int


# Fifteen shapes that block wherever they stand. Their ends are open: vendors change lengths.
_SHAPES = {
    "AWS access key": r"A(?:KI|SI|BI|CC)A[A-Z0-9]{16}",
    "GitHub fine-grained token": r"github_pat_[A-Za-z0-9_]{22,255}",
    "GitHub token": r"gh[pousr]_[A-Za-z0-9._-]{36,1024}",
    "Anthropic API key": r"sk-ant-[A-Za-z0-9._-]{20,1024}",
    "OpenAI project key": r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,512}",
    "OpenAI API key": r"sk-[A-Za-z0-9]{32,512}",
    "Stripe live key": r"[sr]k_live_[A-Za-z0-9]{10,256}",
    "HuggingFace token": r"hf_[A-Za-z0-9]{30,128}",
    "Databricks token": r"dapi[0-9a-f]{32}(?:-[0-9])?",
    "Slack token": r"xox[abceoprs]-[A-Za-z0-9-]{10,512}",
    "npm token": r"npm_[A-Za-z0-9]{36,255}",
    "SendGrid API key": r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}",
    "PyPI token": r"pypi-[A-Za-z0-9_-]{50,1024}",
    "Vault token": r"hvs\.[A-Za-z0-9_-]{24,512}",
    "Bearer JWT": r"(?i:bearer)[ \t]{1,8}[A-Za-z0-9._~+/=-]{50,8192}",
}
_REASONS = tuple(_SHAPES)
_SHAPE = re.compile("|".join(f"({shape})" for shape in _SHAPES.values()))
_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,63})[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?\Z")
_CONTEXT = 80


def scan_token_patterns(text: str | bytes, location: str = "") -> TokenMatch | None:
    """The first of fifteen well-known tokens in `text`, or None.

    For everything else that Stopper knows, and for exact spans, use a `Detector`.
    """
    string = text.decode("latin-1") if isinstance(text, bytes) else text
    found = _SHAPE.search(string)
    if found is None:
        return None
    reason = _REASONS[(found.lastindex or 1) - 1]
    named = _NAMED.search(string[max(0, found.start() - _CONTEXT) : found.start()])
    context = named[1] if named else ""
    return TokenMatch("block", f"{reason} found", location, context, *found.span())
