"""Retries: how often, after which errors, how soon, and under which key."""

from collections import OrderedDict
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, ClassVar, Final

from msgspec import Meta, Struct

from stopper.guards.canonical import signature
from stopper.guards.classify import SideEffectClass, by_arguments, by_name, strictest
from stopper.guards.config import Config, Count, Some, configure
from stopper.guards.memo import Memo
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    Outcome,
    Unavailable,
    asked,
    block,
    enforced,
    error_class,
)
from stopper.guards.world import NS_PER_MS, Clock, fresh_key, lock, monotonic_ns

__all__ = ["RetrySafetyConfig", "RetrySafetyGuard"]

_MAX_KEY: Final = 256
_MAX_SHOWN: Final = 100


class RetrySafetyConfig(Config, frozen=True, kw_only=True):
    """How often the same call may be tried, and what it needs.

    The same call is one of the same tool with equal arguments, whatever the order of their keys;
    the idempotency key does not count. `max_same_signature_retries` is the most tries until one
    succeeds. After an error the next try has to wait, longer each time. A key is required of every
    tool that is not known to be idempotent: by `idempotent_tools`, or as a read by its name. At
    most `max_tracked` calls are remembered, those tried last.
    """

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    max_same_signature_retries: Some = 3
    non_retryable_errors: AbstractSet[str] = frozenset(
        {"validation", "auth", "permission", "not_found"}
    )
    require_idempotency_key: bool = False
    idempotency_key_arg: str = "_idempotency_key"
    enforce_backoff: bool = True
    min_backoff_ms: Count = 100
    max_backoff_ms: Count = 30_000
    backoff_multiplier: Annotated[float, Meta(ge=1)] = 2.0
    idempotent_tools: AbstractSet[str] = frozenset()
    non_idempotent_tools: AbstractSet[str] = frozenset()
    max_tracked: Some = 10_000


class _Tries(Struct, gc=False):
    """What is remembered of one call."""

    count: int = 0
    errors: int = 0
    last_error: str = ""
    is_final: bool = False
    last_error_ns: int = 0


class RetrySafetyGuard:
    """Ends endless retries and those that could do a thing twice.

    `check` counts a try. `record_error` and `record_success`, or a chain's `guarded`, tell how it
    went; a success begins a new count.
    """

    shares: ClassVar = frozenset({"check", "judge", "admit", "settle"})

    def __init__(
        self,
        config: RetrySafetyConfig | None = None,
        *,
        clock: Clock = monotonic_ns,
        **fields: Any,
    ) -> None:
        self.config = configure(RetrySafetyConfig, config, fields)
        self._final = frozenset(map(_word, self.config.non_retryable_errors))
        self._clock = clock
        self._key = fresh_key()
        self._lock = lock()
        self._tries: OrderedDict[bytes, _Tries] = OrderedDict()
        self._keys: OrderedDict[bytes, bytes] = OrderedDict()

    def check(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:
        """Whether this try may go; it is counted."""
        return self.admit(tool, args, memo)

    def judge(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:
        """Whether this try may go; it is not counted."""
        if self.config.mode is OFF:
            return ALLOWED
        sign = self._signature(tool, args, memo)
        with self._lock:
            refused = self._refused(tool, args, sign)
        return enforced(self.config.mode, refused) if refused else ALLOWED

    def admit(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:
        """Count this try; refused where another one took the last before it."""
        if self.config.mode is OFF:
            return ALLOWED
        sign = self._signature(tool, args, memo)
        with self._lock:
            refused = self._refused(tool, args, sign)
            if refused is None or self.config.mode is not EnforcementLevel.BLOCK:
                self._remembered(sign).count += 1
                self._keep_key(tool, args, sign)
        return enforced(self.config.mode, refused) if refused else ALLOWED

    def revoke(self, tool: str, args: dict[str, Any]) -> None:
        """A try that was counted did not go."""
        if self.config.mode is OFF:
            return
        with self._lock:
            tries = self._tries.get(self._signature(tool, args))
            if tries and tries.count:
                tries.count -= 1

    def settle(
        self, tool: str, args: dict[str, Any], outcome: Outcome, memo: Memo | None = None
    ) -> None:
        """How a guarded call went."""
        if outcome.error is None:
            self._succeeded(self._signature(tool, args, memo))
        else:
            self.record_error(tool, args, outcome.error)

    def record_error(self, tool: str, args: dict[str, Any], error: str | BaseException) -> None:
        """The call failed with this exception, or an error of this class, such as `validation`.

        The case of letters does not count. TypeError for what is neither.
        """
        if isinstance(error, BaseException):
            error = error_class(error)
        if not isinstance(error, str):
            raise TypeError(
                f"an error is an exception or its class in a word, not a {type(error).__name__}"
            )
        if self.config.mode is OFF:
            return
        now = self._now()
        with self._lock:
            tries = self._remembered(self._signature(tool, args))
            tries.errors += 1
            tries.last_error = error
            tries.is_final = _word(error) in self._final
            tries.last_error_ns = now

    def record_success(self, tool: str, args: dict[str, Any]) -> None:
        """The call succeeded, so the next one is no retry."""
        self._succeeded(self._signature(tool, args))

    def get_retry_count(self, tool: str, args: dict[str, Any]) -> int:
        """How often this call was tried since it last succeeded."""
        tries = self._tries.get(self._signature(tool, args))
        return tries.count if tries else 0

    def get_required_backoff_ms(self, tool: str, args: dict[str, Any]) -> int:
        """How long this call still has to wait, in milliseconds."""
        tries = self._tries.get(self._signature(tool, args))
        return self._wait_ms(tries) if tries else 0

    def reset(self) -> None:
        """Forget every try and every key."""
        with self._lock:
            self._tries.clear()
            self._keys.clear()

    def _refused(self, tool: str, args: dict[str, Any], sign: bytes) -> GuardResult | None:
        config, tries = self.config, self._tries.get(sign)
        if tries and tries.is_final:
            reason = f"Error class '{tries.last_error}' is non-retryable"
            return block("retry.not_retryable", reason, error=tries.last_error)
        refused = self._key_refused(tool, args, sign)
        if refused or tries is None:
            return refused
        limit = config.max_same_signature_retries
        if tries.count >= limit:
            reason = f"Same call tried {tries.count} times: limit {limit}"
            return block("retry.too_many", reason, tries=tries.count, limit=limit)
        try:
            wait_ms = self._wait_ms(tries)
        except Unavailable as lost:
            return lost.result
        if wait_ms:
            reason = f"Retried too soon: wait {wait_ms} ms"
            return block("retry.too_soon", reason, retry_after_ms=wait_ms)
        return None

    def _key_refused(self, tool: str, args: dict[str, Any], sign: bytes) -> GuardResult | None:
        name = self.config.idempotency_key_arg
        key = args.get(name)
        if key is not None and not _is_key(key):
            return block("retry.bad_key", f"'{name}' is no text of 1 to {_MAX_KEY} characters")
        if key is not None:
            if self._keys.get(self._key_of(tool, key), sign) != sign:
                return block("retry.key_reused", f"'{name}' was used with other arguments before")
            return None
        if self.config.require_idempotency_key and not self._is_idempotent(tool, args):
            reason = f"Tool '{tool[:_MAX_SHOWN]}' needs an idempotency key in '{name}'"
            return block("retry.no_key", reason)
        return None

    def _is_idempotent(self, tool: str, args: dict[str, Any]) -> bool:
        if tool in self.config.non_idempotent_tools:
            return False
        if tool in self.config.idempotent_tools:
            return True
        known = [effect for effect in (by_name(tool), by_arguments(tool, args)) if effect]
        return bool(known) and strictest(known) is SideEffectClass.READ_ONLY

    def _wait_ms(self, tries: _Tries) -> int:
        if not tries.errors or not self.config.enforce_backoff:
            return 0
        longest = float(self.config.max_backoff_ms)
        wait = float(self.config.min_backoff_ms)
        for _ in range(tries.errors - 1):
            if wait >= longest or self.config.backoff_multiplier == 1:
                break
            wait *= self.config.backoff_multiplier
        passed_ns = self._now() - tries.last_error_ns
        left_ns = int(min(wait, longest) * NS_PER_MS) - passed_ns
        return max(0, -(-left_ns // NS_PER_MS))

    def _now(self) -> int:
        return asked(self.config.mode, "The clock", self._clock)

    def _succeeded(self, sign: bytes) -> None:
        with self._lock:
            self._tries.pop(sign, None)

    def _signature(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> bytes:
        name = self.config.idempotency_key_arg
        if name not in args:
            return (memo or Memo()).of(args).signature(tool, self._key)
        rest = {key: value for key, value in args.items() if key != name}
        return signature(tool, rest, self._key)

    def _key_of(self, tool: str, key: str) -> bytes:
        return signature(tool, key, self._key)

    def _keep_key(self, tool: str, args: dict[str, Any], sign: bytes) -> None:
        key = args.get(self.config.idempotency_key_arg)
        if key is not None and _is_key(key):
            self._keys[self._key_of(tool, key)] = sign
            while len(self._keys) > self.config.max_tracked:
                self._keys.popitem(last=False)

    def _remembered(self, sign: bytes) -> _Tries:
        tries = self._tries.get(sign)
        if tries is None:
            tries = self._tries[sign] = _Tries()
            while len(self._tries) > self.config.max_tracked:
                self._tries.popitem(last=False)
        else:
            self._tries.move_to_end(sign)
        return tries


def _word(error: str) -> str:
    return error.strip().casefold()


def _is_key(key: Any) -> bool:
    return isinstance(key, str) and 0 < len(key) <= _MAX_KEY
