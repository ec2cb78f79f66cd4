"""Sees secrets in what is on its way out of a bottle, and tells which of them may go there."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from stopper.core.provider import Provider
from stopper.detect.allowlist import Allowed, Allowlist
from stopper.detect.finding import Finding, Tier
from stopper.detect.handling import ON_REPLY, ON_SECRET, Choice, OnReply, OnSecret
from stopper.detect.inspection import Inspector
from stopper.detect.known import KnownValues
from stopper.detect.live import LiveInspector
from stopper.detect.redact import Redactor
from stopper.detect.secrets import Detector, serves
from stopper.egress.message import Head
from stopper.egress.route import Route

__all__ = ["Screen", "Seen", "Towards", "describe", "placeholders"]

MAX_CLEAN_HEADS: Final = 1024
_MAX_NAMED: Final = 3
_KNOWN: Final = frozenset({"known-value", "known-value-part", "canary", "canary-part"})
_CREDENTIALS: Final = frozenset(
    {b"authorization", b"proxy-authorization", b"cookie", b"x-api-key", b"api-key"}
)
"""Headers whose place it is to hold a secret: only what surely belongs elsewhere counts there."""

_FRAMING: Final = frozenset({b"content-length", b"date"})


class Towards(Struct, frozen=True):
    """Where something is going, and what is wished about secrets on the way there and back.

    `hosts` are the destination's own names: a vendor's token that goes to that vendor is used, not
    leaked.
    """

    shown: str
    hosts: tuple[str, ...]
    metered: bool
    wish: OnSecret
    reply: OnReply


class Seen(Struct, frozen=True):
    """What must not pass without a decision. `what` tells a person about it, without the secret.

    `unprovable` is set where there may be more that was not looked at.
    """

    what: str
    unprovable: bool = False


class Screen:
    """What one bottle's egress knows of secrets.

    `owners` are the hosts that a known value belongs to, by its name: where a rule knows it as a
    vendor's token, it may go to that vendor.
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
    ) -> None:
        self._detector = detector
        self._known = known
        self._inspector = Inspector(detector, known)
        self._now = now
        self._on_secret = on_secret
        self._on_reply = on_reply
        self._allowed = allowed or Allowlist()
        self._owners = owners or {}
        self._clean_heads: set[tuple[str, bytes]] = set()

    def towards(self, head: Head, route: Route) -> Towards:
        """Where a request that may leave is going."""
        host, port = route.target.host, route.target.port
        provider = route.provider
        name = provider.name if provider else ""
        place = (name, host, port, head.method, route.path.partition(b"?")[0].decode("latin-1"))
        return Towards(
            shown=f"{host}:{port}",
            hosts=(host.name, *(provider.hosts if provider else ())),
            metered=route.wire is not None,
            wish=self._on_secret.of(*place),
            reply=self._on_reply.of(*place),
        )

    def head(self, head: Head, towards: Towards) -> Seen | None:
        """Look through the request line, with the labels of its host, and the headers."""
        ordinary, credentials = [b"%b %b" % (head.target, head.host)], []
        for name, value in head.headers:
            if name in _CREDENTIALS:
                credentials.append(value)
            elif name not in _FRAMING:
                ordinary.append(b"%b: %b" % (name, value))
        lines, held = b"\r\n".join(ordinary), b"\r\n".join(credentials)
        key = towards.shown, b"%b\0%b" % (lines, held)
        if key in self._clean_heads:
            return None
        seen = self.look(lines, towards, "head") or (
            self.look(held, towards, "credentials", sure=True) if held else None
        )
        if seen is None:
            if len(self._clean_heads) >= MAX_CLEAN_HEADS:
                self._clean_heads.clear()
            self._clean_heads.add(key)
        return seen

    def look(self, data: bytes, towards: Towards, place: str, *, sure: bool = False) -> Seen | None:
        """Look through all of `data`; `sure` leaves out what only its context makes a secret."""
        if not data:
            return None
        inspection = self._inspector.inspect(data)
        findings = self.leaks(inspection.findings, towards, sure=sure)
        if findings:
            return Seen(describe(findings, towards, place))
        if inspection.unprovable:
            return Seen(f"the {place}, to {towards.shown}", unprovable=True)
        return None

    def follow(self) -> LiveInspector:
        """What looks through a body that streams."""
        return LiveInspector(self._inspector)

    def leaks(
        self, findings: Iterable[Finding], towards: Towards, *, sure: bool = False
    ) -> list[Finding]:
        """Those findings that may not go there."""
        return [one for one in findings if self._leaks(one, towards, sure=sure)]

    def redact(self, body: bytes, towards: Towards) -> bytes:
        """The body with marks in the place of what may not go there; JSON stays JSON."""
        redactor = Redactor(
            detector=self._detector,
            known=self._known,
            ignore=lambda one: not self._leaks(one, towards),
        )
        return redactor.redact(body)

    def _leaks(self, one: Finding, towards: Towards, *, sure: bool = False) -> bool:
        if one.tier is Tier.GENERIC and (sure or towards.metered):
            return False
        now = self._now()
        return not any(
            self._is_use(one, host) or self._allowed.permits(one, host, now)
            for host in towards.hosts
        )

    def _is_use(self, one: Finding, host: str) -> bool:
        if one.rule in _KNOWN:
            return any(serves(owner, host) for owner in self._owners.get(one.name, ()))
        return self._detector.is_use(one, host)


def placeholders(providers: Iterable[Provider], key: bytes) -> list[Allowed]:
    """What stands for a key inside a bottle, and is none."""
    return [
        Allowed.value(provider.placeholder.encode(), key)
        for provider in providers
        if provider.placeholder
    ]


def describe(findings: Iterable[Finding], towards: Towards, place: str) -> str:
    """What was found, for a person: names and fingerprints, never the secret."""
    named = list(dict.fromkeys(f"{one.name} ({one.fingerprint})" for one in findings))
    more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
    return f"{', '.join(named[:_MAX_NAMED])}{more} in the {place}, to {towards.shown}"
