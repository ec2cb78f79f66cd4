"""Sees secrets in what is on its way out of a bottle, and tells which of them may go there."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from threading import Lock
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from stopper.core.provider import Provider
from stopper.core.reason import Refusal
from stopper.detect.allowlist import Allowed, Allowlist
from stopper.detect.budget import Budget
from stopper.detect.calls import Calls, Trail, across
from stopper.detect.fields import edges, fields
from stopper.detect.finding import Finding, Tier
from stopper.detect.handling import ON_REPLY, ON_SECRET, Choice, OnReply, OnSecret
from stopper.detect.inspection import Inspection, Inspector
from stopper.detect.known import KnownValues
from stopper.detect.live import LiveInspector
from stopper.detect.redact import Redactor
from stopper.detect.secrets import Detector, serves
from stopper.egress.message import Head, Headers
from stopper.egress.pieces import without_pieces
from stopper.egress.route import Route
from stopper.egress.spread import in_a_row, spread

__all__ = ["BODY", "CODED", "Screen", "Seen", "Towards", "placeholders"]

BODY: Final = "body"
"""The place where fields are put together with those of other calls."""

CODED: Final = "coded body"
"""The place of a body as it is sent whose coding, named by the head, was undone already."""

MAX_ROUTES: Final = 1024
MAX_CLEAN_HEADS: Final = 1024
MAX_CLEAN_HEAD_BYTES: Final = 4096
MAX_NAMED: Final = 256
_MAX_NAMED: Final = 3
_KNOWN: Final = frozenset({"known-value", "known-value-part", "canary", "canary-part"})
_OWN_WORDS: Final = "secret."
"""Refusals with such a code are told in words of `describe`, which quote nothing."""

_CREDENTIALS: Final = frozenset(
    {b"authorization", b"proxy-authorization", b"cookie", b"x-api-key", b"api-key"}
)
"""Headers whose place it is to hold a secret: only what surely belongs elsewhere counts there."""

_NOTHING_LEFT: Final = frozenset({b"[REDACTED:UNPROVABLE]", b"[REDACTED:UNSETTLED]"})
_NONCE: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")
"""Sixteen bytes that a WebSocket's handshake chooses at random each time (RFC 6455, 4.1)."""

_FRAMING: Final = frozenset({b"content-length", b"date"})
_OWN_LABELS: Final = 2
"""Of a host's name: those before them are whatever its owner likes."""


class Towards(Struct, frozen=True):
    """Where something is going, and what is wished about secrets on the way there and back.

    `hosts` are the destination's own names: a vendor's token that goes to that vendor is used, not
    leaked.
    """

    shown: str
    hosts: tuple[str, ...]
    to_provider: bool
    wish: OnSecret
    reply: OnReply


_CleanHead = tuple[Towards, bytes, bytes]


class Seen(Struct, frozen=True):
    """What must not pass without a decision. `what` tells a person about it, without the secret.

    `unprovable` is set where there may be more that was not looked at, and `fixed` where no mark
    can stand for it.
    """

    what: str
    unprovable: bool = False
    fixed: bool = False


class Screen:
    """What one bottle's egress knows of secrets.

    `owners` are the hosts that a known value belongs to, by its name: where a rule knows it as a
    vendor's token, it may go to that vendor. `prepare` makes ready what streams need.
    """

    def __init__(
        self,
        detector: Detector,
        known: KnownValues | None = None,
        *,
        now: Callable[[], datetime],
        on_secret: Choice[OnSecret] = ON_SECRET,
        on_reply: Choice[OnReply] = ON_REPLY,
        allowed: Allowlist | None = None,
        owners: Mapping[str, tuple[str, ...]] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.prepare = prepare or detector.engine.complete
        self._detector = detector
        self._known = known
        self._calls = Calls(known) if known else None
        self._calling = Lock()  # a long body is looked through in a thread
        self._inspector = Inspector(detector, known)
        self._as_sent = Inspector(detector, known, Budget(unpacked=0))
        self._now = now
        self._on_secret = on_secret
        self._on_reply = on_reply
        self._allowed = allowed or Allowlist()
        self._owners = owners or {}
        self._discreet = Redactor(detector=detector, known=known)
        self._named: dict[str, str] = {}
        self._clean_heads: set[_CleanHead] = set()
        self._towards: dict[int, tuple[Route, str, Towards]] = {}

    @property
    def is_prepared(self) -> bool:
        """Whether streams can be followed at once; where not, `prepare` takes seconds."""
        return self._detector.engine.is_complete

    def towards(self, head: Head, route: Route) -> Towards:
        """Where a request that may leave is going; worked out once for each route."""
        known = self._towards.get(id(route))
        if known is not None and known[0] is route and known[1] == head.method:
            return known[2]
        if len(self._towards) >= MAX_ROUTES:
            self._towards.clear()
        towards = self._worked_out(head, route)
        self._towards[id(route)] = route, head.method, towards  # which keeps the id its own
        return towards

    def _worked_out(self, head: Head, route: Route) -> Towards:
        host, port = route.target.host, route.target.port
        provider = route.provider
        name = provider.name if provider else ""
        place = (name, host, port, head.method, route.path.partition(b"?")[0].decode("latin-1"))
        return Towards(
            shown=self.named(f"{host}:{port}"),
            hosts=(host.name, *(provider.hosts if provider else ())),
            to_provider=provider is not None,
            wish=self._on_secret.of(*place),
            reply=self._on_reply.of(*place),
        )

    def head(self, head: Head, towards: Towards) -> Seen | None:
        """Look through the request line, with the labels of its host, and the headers.

        In what a WebSocket's handshake chooses at random only known values are looked for, which no
        chance spells: rules would find a secret in some of them.
        """
        segments = head.target.replace(b"/", b" ")  # a slash is a letter of base64, too
        ordinary, credentials = [b"%b %b" % (head.target, head.host), segments], []
        is_new = False
        for name, value in head.headers:
            if _is_nonce(head, name, value):
                is_new = True
            elif name in _CREDENTIALS:
                credentials.append(value)
            elif name not in _FRAMING:
                ordinary.append(b"%b: %b" % (name, value))
        lines, held = b"\r\n".join(ordinary), b"\r\n".join(credentials)
        key = (towards, lines, held)
        if key in self._clean_heads and not is_new:
            return None
        seen = (
            self._seen(self._inspector.inspect(lines), towards, "head")
            or self._seen(self._inspector.inspect(held), towards, "credentials", sure=True)
            or self._seen_pieces(lambda: _head_values(head), towards, "head")
            or self._seen_in_calls(lambda: _said_in_head(head), towards, "head")
            or self._seen_in_calls(lambda: _said_in_host(head), towards, "host", _owner(head))
        )
        if seen is None and not is_new:
            self._remember(key)
        return seen

    def trailers(self, trailers: Headers, towards: Towards) -> Seen | None:
        """Look through what stands behind a body."""
        lines = b"\r\n".join(b"%b: %b" % pair for pair in trailers)
        return self.look(lines, towards, "trailers") or self._seen_pieces(
            lambda: _values(trailers), towards, "trailers"
        )

    def look(
        self, data: bytes, towards: Towards, place: str, behind: Trail | None = None
    ) -> Seen | None:
        """Look through all of `data`, and across its beginning `behind` what left before it."""
        if not data:
            return None
        inspector = self._as_sent if place == CODED else self._inspector
        return (
            self._seen(inspector.inspect(data), towards, place)
            or self._seen_pieces(lambda: spread(data), towards, place)
            or self._seen_across(data, towards, place, behind)
            or (
                self._seen_in_calls(lambda: _said_in(data), towards, place)
                if place == BODY
                else None
            )
        )

    def discreet(self, refusal: Refusal) -> Refusal:
        """The refusal without what secrets its detail may quote of a request.

        What tells of a secret stays as it is: its fingerprint would be taken for one.
        """
        if not refusal.detail or refusal.code.startswith(_OWN_WORDS):
            return refusal
        return replace(refusal, detail=self._discreet.redact(refusal.detail))

    def named(self, name: str) -> str:
        """A name that others gave, as of a model or a host, as it may be recorded."""
        shown = self._named.get(name)
        if shown is None:
            if len(self._named) >= MAX_NAMED:
                self._named.clear()
            shown = self._named[name] = self._discreet.redact(name)
        return shown

    def describe(self, findings: Iterable[Finding], towards: Towards, place: str) -> str:
        """What was found, for a person: names and fingerprints, never the secret."""
        named = list(dict.fromkeys(f"{self._name(one)} ({one.fingerprint})" for one in findings))
        more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
        return f"{', '.join(named[:_MAX_NAMED])}{more} in the {place}, to {towards.shown}"

    def follow(self) -> LiveInspector:
        """What looks through a body that streams."""
        return LiveInspector(self._inspector, joins_fields=True)

    def leaks(
        self, findings: Iterable[Finding], towards: Towards, *, sure: bool = False
    ) -> list[Finding]:
        """Those findings that may not go there."""
        return [one for one in findings if self._leaks(one, towards, sure=sure)]

    def redact(self, body: bytes, towards: Towards) -> bytes | None:
        """The body with marks in the place of what may not go there; JSON stays JSON.

        None where only a mark would be left, or where none can stand for all parts of a value.
        """
        redactor = Redactor(
            detector=self._detector,
            known=self._known,
            ignore=lambda one: not self._leaks(one, towards),
        )
        whole: bytes | None = body
        if self._known is not None:
            whole = without_pieces(body, self._known, lambda found: self.leaks(found, towards))
        redacted = None if whole is None else redactor.redact(whole)
        return None if redacted in _NOTHING_LEFT else redacted

    def _remember(self, key: _CleanHead) -> None:
        """Nothing in this head leaks there, nor will as long as what is allowed stays so."""
        if self._allowed.expires or len(key[1]) + len(key[2]) > MAX_CLEAN_HEAD_BYTES:
            return
        if len(self._clean_heads) >= MAX_CLEAN_HEADS:
            self._clean_heads.clear()
        self._clean_heads.add(key)

    def _seen(
        self, inspection: Inspection, towards: Towards, place: str, *, sure: bool = False
    ) -> Seen | None:
        unprovable = bool(inspection.unprovable)
        findings = self.leaks(inspection.findings, towards, sure=sure)
        if findings:
            return Seen(self.describe(findings, towards, place), unprovable)
        return Seen(f"the {place}, to {towards.shown}", unprovable) if unprovable else None

    def _seen_pieces(
        self, fields: Callable[[], bytes], towards: Towards, place: str
    ) -> Seen | None:
        """A known value that is cut over fields; neither its rest nor marks can stand for it."""
        if self._known is None:
            return None
        findings = self.leaks(self._known.scan(fields()), towards)
        return (
            Seen(self.describe(findings, towards, f"fields of the {place}")) if findings else None
        )

    def _seen_across(
        self, data: bytes, towards: Towards, place: str, behind: Trail | None
    ) -> Seen | None:
        if self._known is None or behind is None:
            return None
        findings = self.leaks(across(self._known, behind, data), towards)
        if not findings:
            return None
        return Seen(self.describe(findings, towards, f"{place} and what went before"), fixed=True)

    def _seen_in_calls(
        self,
        said: Callable[[], Iterable[tuple[bytes, bytes]]],
        towards: Towards,
        place: str,
        owner: str = "",
    ) -> Seen | None:
        """A known value that leaves in pieces, in one call after the other to the same host.

        Providers are told the whole conversation again in each call, where its pieces stand beside
        each other.
        """
        if self._calls is None or towards.to_provider:
            return None
        with self._calling:
            found = self._calls.add(owner or towards.hosts[0], said())
        findings = self.leaks(found, towards)
        if not findings:
            return None
        what = self.describe(findings, towards, f"{place} and calls before it")
        return Seen(what, fixed=True)

    def _leaks(self, one: Finding, towards: Towards, *, sure: bool = False) -> bool:
        if one.tier is Tier.GENERIC and (sure or towards.to_provider):
            return False
        now = self._now()
        return not any(
            self._is_use(one, host) or self._allowed.permits(one, host, now)
            for host in towards.hosts
        )

    def _name(self, one: Finding) -> str:
        """A rule's name is ours; that of a variable may have been chosen to say more."""
        return self.named(one.name) if one.rule in _KNOWN else one.name

    def _is_use(self, one: Finding, host: str) -> bool:
        if one.rule in _KNOWN:
            return any(serves(owner, host) for owner in self._owners.get(one.name, ()))
        return self._detector.is_use(one, host)


def _is_nonce(head: Head, name: bytes, value: bytes) -> bool:
    return (
        name == b"sec-websocket-key"
        and head.upgrade == b"websocket"
        and _NONCE.fullmatch(value) is not None
    )


def _head_values(head: Head) -> bytes:
    return in_a_row([spread(head.target), _values(head.headers)])


def _said_in_head(head: Head) -> Iterator[tuple[bytes, bytes]]:
    """What the segments of the path, the parameters and the headers say, each under its name."""
    path, _, query = head.target.partition(b"?")
    yield from ((b"/%d" % at, segment) for at, segment in enumerate(path.split(b"/")))
    yield from ((b"?%d" % one.number, one.text) for one in fields(query))
    values = [(name, value) for name, value in head.headers if name not in _FRAMING]
    yield from ((name, edges(value)) for name, value in values)
    inside = fields(b";".join(value for _, value in values))  # as of cookies
    yield from ((b";%d" % one.number, one.text) for one in inside)


def _said_in_host(head: Head) -> Iterator[tuple[bytes, bytes]]:
    labels = head.host.partition(b":")[0].split(b".")
    yield b"host", b"".join(labels[:-_OWN_LABELS])


def _owner(head: Head) -> str:
    """The name above the labels of a host that its owner may make up as they like."""
    name = head.host.partition(b":")[0].decode("latin-1")
    return "." + ".".join(name.split(".")[-_OWN_LABELS:])


def _said_in(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """What the fields of a body say, each under its name or number; all of it where it has none."""
    has_fields = False
    for one in fields(body):
        has_fields = True
        yield one.name or b"=%d" % one.number, one.text
    if not has_fields:
        yield b"=", edges(body)


def _values(headers: Headers) -> bytes:
    """Of headers, and of the fields inside of them, as of cookies."""
    values = [value for _, value in headers]
    return in_a_row([*values, spread(b";".join(values))])


def placeholders(providers: Iterable[Provider], key: bytes) -> list[Allowed]:
    """What stands for a key inside a bottle, and is none."""
    return [
        Allowed.value(provider.placeholder.encode(), key)
        for provider in providers
        if provider.placeholder
    ]
