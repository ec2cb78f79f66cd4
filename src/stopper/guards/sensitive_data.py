"""Secrets in arguments and outputs: blocked, or replaced by marks."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Any, ClassVar, Final

from stopper.detect.allowance import Allowance
from stopper.detect.calls import Calls
from stopper.detect.fields import edges
from stopper.detect.finding import Finding
from stopper.detect.inspection import Inspector, packaged_detector, packaged_rules
from stopper.detect.jsontext import has_end
from stopper.detect.known import KnownValues
from stopper.detect.redact import Redactor, SecretPattern
from stopper.detect.secrets import Detector, fingerprint
from stopper.errors import SettingsError
from stopper.guards.config import Config, configure
from stopper.guards.memo import Memo, Seen
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    block,
    repair,
    repair_output,
    warn,
)
from stopper.guards.world import fresh_key, lock

__all__ = ["RedactMode", "SensitiveDataConfig", "SensitiveDataGuard"]

_MAX_SHOWN: Final = 20
_TEXTS: Final = frozenset({str, bytes})
_MARK = re.compile(r"\[REDACTED:[A-Za-z0-9_.-]{1,64}(?:#([0-9a-f]{8}))?\]")
_HEADER: Final = "private-key-header"
# A value that is nothing but a name and its secret says no more than the secret.
_NAMED_MARK = re.compile(
    r"[A-Za-z_][A-Za-z0-9_.-]{0,63}[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?"
    r"(\[(?:REDACTED|HASH:[0-9a-f]{8})\])[\"']?"
)
# What the documentation calls the kinds of secrets; all others go by the ids of their rules.
_KINDS: Final = {
    "aws-access-key": "aws_key",
    "aws-bedrock-key": "aws_key",
    "aws-secret-key": "aws_key",
    "aws-session-token": "aws_key",
    "basic-credentials": "basic_auth",
    "extended-private-key": "private_key",
    "jwt": "jwt_token",
    "named-value": "generic_secret",
    "putty-private-key": "private_key",
    "secret": "generic_secret",
    "stripe-key": "api_key",
    "twitter-bearer-token": "bearer_token",
    "url-password": "password_in_url",
}


class RedactMode(StrEnum):
    """What becomes of a secret: the call is blocked, or a mark stands in its place.

    The mark is `[REDACTED]`, or `[HASH:...]` with eight digits that are equal for equal secrets.
    """

    BLOCK = "block"
    REDACT = "redact"
    HASH = "hash"


class SensitiveDataConfig(Config, frozen=True, kw_only=True):
    """Where to look, and what to do.

    `allowlist` holds whole secrets that may pass: nothing around one and no part of one may.
    `custom_patterns` are regular expressions by name, for secrets of one's own; they look at texts
    as they are, not into what is encoded in them.
    """

    unshown: ClassVar = frozenset({"allowlist"})

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    redact_mode: RedactMode = RedactMode.BLOCK
    check_args: bool = True
    check_output: bool = True
    allowlist: AbstractSet[str] = frozenset()
    custom_patterns: Mapping[str, str] = {}


class SensitiveDataGuard:
    """Finds what the rules that ship with Stopper know, and the `known` values of a bottle.

    Keys are looked at as well as values, also where they are encoded. A secret that no mark can
    replace, because it lies across several values or in an object that is no plain JSON, blocks.
    So does what has no end, or can be looked at only once. `key` makes the digits of `HASH` marks,
    and by default is drawn anew for each guard. Of what it saw a guard keeps nothing but, where
    there are known values, the ends of arguments: so these are also found in pieces, in call after
    call. Threads may share it. Building the first takes a second.
    """

    shares: ClassVar = frozenset({"check", "check_output"})

    def __init__(
        self,
        config: SensitiveDataConfig | None = None,
        *,
        known: KnownValues | None = None,
        key: bytes | None = None,
        **given: Any,
    ) -> None:
        self.config = configure(SensitiveDataConfig, config, given)
        patterns = _patterns(self.config.custom_patterns)
        key = key or fresh_key()
        detector = _detector(self.config.allowlist, key)
        self._inspector = Inspector(detector, known)
        self._calls = Calls(known) if known else None
        self._calling = lock()
        self._patterns = [(one.name, re.compile(one.pattern)) for one in patterns]
        self._redactor = Redactor(
            patterns,
            detector=detector,
            known=known,
            key=key if self.config.redact_mode is RedactMode.HASH else None,
        )

    def check(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:
        """Whether secrets are in the arguments."""
        if not self.config.check_args or self.config.mode is OFF:
            return ALLOWED
        seen = (memo or Memo()).of(args)
        result = self._judged(seen, repair, is_bounded=seen.texts.is_whole)
        if self._calls is None or result is not ALLOWED:
            return result
        return self._across_calls(self._calls, tool, seen)

    def check_output(
        self,
        tool: str,  # noqa: ARG002  any call
        args: dict[str, Any],  # noqa: ARG002
        output: Any,
        memo: Memo | None = None,
    ) -> GuardResult:
        """Whether secrets are in the output."""
        if not self.config.check_output or self.config.mode is OFF:
            return ALLOWED
        seen = (memo or Memo()).of(output)
        return self._judged(seen, repair_output, is_bounded=seen.is_bounded)

    def _judged(
        self, seen: Seen, repaired: Callable[..., GuardResult], *, is_bounded: bool
    ) -> GuardResult:
        config = self.config
        kinds, code, is_spread = (
            self._kinds(seen) if is_bounded else ([], "sensitive.too_much", False)
        )
        if not code:
            return ALLOWED
        reason = _REASONS[code].format(kinds=", ".join(kinds))
        if config.mode is EnforcementLevel.WARN:
            return warn(code, reason, types=kinds)
        if config.redact_mode is RedactMode.BLOCK or code == "sensitive.too_much":
            return block(code, reason, types=kinds)
        marked = _each_text(self._redactor.redact(seen.value), _plain_marks)
        if is_spread or self._kinds(Seen(marked))[1]:
            code = "sensitive.not_redactable"
            return block(code, _REASONS[code].format(kinds=", ".join(kinds)), types=kinds)
        code = "sensitive.redacted"
        return repaired(marked, code, _REASONS[code].format(kinds=", ".join(kinds)), types=kinds)

    def _across_calls(self, calls: Calls, tool: str, seen: Seen) -> GuardResult:
        """Whether a known value began in calls before and goes on here: no mark stands for it."""
        with self._calling:
            found = [*calls.add("", _said(tool, seen)), *calls.add("names", _named(seen))]
        if not found:
            return ALLOWED
        kinds = sorted({_kind(one) for one in found})
        code = "sensitive.not_redactable"
        if self.config.redact_mode is RedactMode.BLOCK:
            code = "sensitive.found"
        act = warn if self.config.mode is EnforcementLevel.WARN else block
        return act(code, _REASONS[code].format(kinds=", ".join(kinds)), types=kinds)

    def _kinds(self, seen: Seen) -> tuple[list[str], str, bool]:
        """The kinds of secrets in a value, the reason code, and whether one lies across texts.

        The code is empty when it is clean.
        """
        written = _written(seen)
        if written is None:
            return [], "sensitive.too_much", False
        inspection = self._inspector.inspect(written)
        kinds = {_kind(one) for one in inspection.findings}
        if self._patterns:
            kinds.update(self._own(seen))
        if kinds:
            is_spread = any(_is_spread(seen, written, one) for one in inspection.findings)
            return sorted(kinds)[:_MAX_SHOWN], "sensitive.found", is_spread
        return [], "sensitive.unprovable" if inspection.unprovable else "", False

    def _own(self, seen: Seen) -> Iterable[str]:
        for name, pattern in self._patterns:
            if any(pattern.search(text) for _, texts in seen.texts.groups for text in texts):
                yield name


class _Sparing(Detector):
    """Finds what the rules that ship with Stopper know, but for values that are allowed."""

    def __init__(self, allowed: Iterable[str], key: bytes) -> None:
        super().__init__(packaged_rules(), key)
        self._allowed = frozenset(
            fingerprint(value.encode("utf-8", "surrogatepass"), key) for value in allowed
        )

    def scan(self, text: str | bytes, allowance: Allowance | None = None) -> list[Finding]:
        return self._others(super().scan(text, allowance))

    def scan_guessed(self, data: bytes, allowance: Allowance) -> list[Finding]:
        return self._others(super().scan_guessed(data, allowance))

    def _others(self, findings: Iterable[Finding]) -> list[Finding]:
        return [one for one in findings if one.fingerprint not in self._allowed]


def _detector(allowed: AbstractSet[str], key: bytes) -> Detector:
    return _Sparing(allowed, key) if allowed else packaged_detector(key)


_REASONS: Final = {
    "sensitive.found": "Sensitive data detected: {kinds}",
    "sensitive.redacted": "Sensitive data redacted: {kinds}",
    "sensitive.not_redactable": "Sensitive data detected that no mark can replace: {kinds}",
    "sensitive.unprovable": "Text is encoded too often to be sure that it holds no secret",
    "sensitive.too_much": "The value nests too deep, has too many items, or can be looked at only "
    "once, so that nobody can look for secrets in it",
}


def _patterns(given: Mapping[str, str]) -> list[SecretPattern]:
    try:
        return [SecretPattern(name, pattern) for name, pattern in given.items()]
    except ValueError as error:
        raise SettingsError(f"SensitiveDataConfig.custom_patterns: {error}") from error


def _written(seen: Seen) -> str | bytes | None:
    """All of a value as one text, with its names beside its values; None when it has no end."""
    if type(seen.value) in _TEXTS:
        written: str | bytes = seen.value
        return written
    as_json = seen.json
    if as_json is not None:
        return as_json
    if not (seen.is_bounded and seen.texts.is_whole):
        return None
    groups = seen.texts.groups
    return "\n".join(f'"{name}": "{text}"' for name, texts in groups for text in texts)


def _said(tool: str, seen: Seen) -> Iterator[tuple[bytes, bytes]]:
    """What each argument of a tool says, as far as it has a name."""
    for name, texts in seen.texts.groups:
        if name:
            key = _bytes(f"{tool}.{name}")
            yield from ((key, edges(_bytes(text))) for text in texts)


def _named(seen: Seen) -> Iterator[tuple[bytes, bytes]]:
    """The names themselves, and what has none."""
    for name, texts in seen.texts.groups:
        if not name:
            yield from ((b"", edges(_bytes(text))) for text in texts)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_spread(seen: Seen, written: str | bytes, one: Finding) -> bool:
    """Whether a secret goes on behind the end of a text, or is but the first line of a key."""
    if type(seen.value) in _TEXTS:
        return False
    return one.rule == _HEADER or has_end(written, one.start, one.end)


def _kind(one: Finding) -> str:
    rule = one.rule
    if rule.endswith("api-key"):
        return "api_key"
    return _KINDS.get(rule) or rule.replace("-", "_")


def _plain_marks(text: str) -> str:
    plain = _MARK.sub(lambda mark: f"[HASH:{mark[1]}]" if mark[1] else "[REDACTED]", text)
    named = _NAMED_MARK.fullmatch(plain)
    return named[1] if named else plain


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with each text in it changed, keys too; as deep as `measure` has seen."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, bytes):
        return change(value.decode("latin-1")).encode("latin-1")
    if isinstance(value, dict):
        changed: dict[Any, Any] = {}
        for key, item in value.items():
            name = first = _each_text(key, change)
            while name in changed:  # two secrets are two keys still
                name = f"{first}-{len(changed)}"
            changed[name] = _each_text(item, change)
        return changed
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_each_text(item, change) for item in value))
    if isinstance(value, list | tuple | set | frozenset):
        kind = next(one for one in (list, tuple, set, frozenset) if isinstance(value, one))
        return kind(_each_text(item, change) for item in value)
    return value
