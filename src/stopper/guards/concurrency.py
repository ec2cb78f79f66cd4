"""How many calls may be in flight at once."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, ClassVar, Final

from stopper.errors import GuardError
from stopper.guards.config import Config, Count, configure
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardBlocked,
    GuardResult,
    Unavailable,
    block,
    enforced,
    unavailable,
)
from stopper.guards.slots import Limits, LocalSlots, SlotStore
from stopper.guards.world import Unbroken, lock

__all__ = ["ConcurrencyConfig", "ConcurrencyGuard"]

_NO_LIMIT: Final = 2**63
_NAMESPACE: Final = re.compile(r"mcp__(.+?)__|([^./:]+)[./:]")
_MAX_KNOWN: Final = 1024
_GLOBAL: Final = "all calls"


class ConcurrencyConfig(Config, frozen=True, kw_only=True):
    """How many calls may be in flight: in all, of a tool, of a namespace, of a session.

    The namespace of a tool is what stands before the first dot, slash or colon of its name, or the
    server of an MCP name; a tool without one has no such limit. With `max_wait_ms`, a call waits
    that long for its turn before it is refused.
    """

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    global_max: Count = 50
    default_tool_max: Count = 10
    per_tool_max: Mapping[str, Count] = {}
    default_namespace_max: Count = 20
    per_namespace_max: Mapping[str, Count] = {}
    per_session_max: Count | None = None
    max_wait_ms: Count = 0


class ConcurrencyGuard:
    """Lets a call go while there is a slot for it.

    `check` only tells whether there would be one. `acquire` and `release`, `slot`, or a chain's
    `guarded` take it and give it back.
    """

    shares: ClassVar = frozenset[str]()

    def __init__(
        self,
        config: ConcurrencyConfig | None = None,
        *,
        slots: SlotStore | None = None,
        **fields: Any,
    ) -> None:
        self.config = configure(ConcurrencyConfig, config, fields)
        self.slots: SlotStore = LocalSlots() if slots is None else slots
        self._limits = lru_cache(maxsize=_MAX_KNOWN)(self._limits_of)
        self._lock = lock()
        self._untaken: Counter[Limits] = Counter()

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult | Awaitable[GuardResult]:
        """Whether there is a slot now; with a shared store, something to await."""
        del args
        if self.config.mode is OFF:
            return ALLOWED
        try:
            full = self.slots.full(self._limits(tool, None, None))
        except Exception as error:  # noqa: BLE001  a store's fault is a refusal
            return self._lost(error).result
        if full is None:
            return ALLOWED
        return self._said(full) if isinstance(full, str) else self._said_later(full)

    async def acquire(
        self, tool: str, *, session_id: str | None = None, namespace: str | None = None
    ) -> GuardResult:
        """Take a slot; where the result blocks, none was taken."""
        result = self._take(self._limits(tool, session_id, namespace))
        return result if isinstance(result, GuardResult) else await result

    async def release(
        self, tool: str, *, session_id: str | None = None, namespace: str | None = None
    ) -> None:
        """Give back a slot that `acquire` took with the same words; GuardError for any other."""
        try:
            given = self._give(self._limits(tool, session_id, namespace))
            if given is not None:
                await Unbroken(given)
        except Unavailable as lost:
            if lost.result.blocked:
                raise

    @asynccontextmanager
    async def slot(
        self, tool: str, *, session_id: str | None = None, namespace: str | None = None
    ) -> AsyncIterator[None]:
        """A block that holds a slot; GuardBlocked where there is none."""
        result = await self.acquire(tool, session_id=session_id, namespace=namespace)
        if result.blocked:
            raise GuardBlocked(tool, result)
        try:
            yield
        finally:
            await self.release(tool, session_id=session_id, namespace=namespace)

    def enter(
        self, tool: str, args: dict[str, Any], session: str | None
    ) -> GuardResult | Awaitable[GuardResult]:
        """Take a slot for a guarded call."""
        del args
        return self._take(self._limits(tool, session, None))

    def leave(self, tool: str, args: dict[str, Any], session: str | None) -> Awaitable[None] | None:
        """Give the slot of a guarded call back."""
        del args
        return self._give(self._limits(tool, session, None))

    @property
    def _is_off(self) -> bool:
        return self.config.mode is OFF

    def _limits_of(self, tool: str, session: str | None, namespace: str | None) -> Limits:
        config = self.config
        limits = [
            (_GLOBAL, config.global_max),
            (f"tool {tool}", config.per_tool_max.get(tool, config.default_tool_max)),
        ]
        space = namespace or _namespace(tool)
        if space:
            limit = config.per_namespace_max.get(space, config.default_namespace_max)
            limits.append((f"namespace {space}", limit))
        if session is not None and config.per_session_max is not None:
            limits.append((f"session {session}", config.per_session_max))
        return tuple(limits)

    def _take(self, limits: Limits) -> GuardResult | Awaitable[GuardResult]:
        if self._is_off:
            return ALLOWED
        if self.config.mode is EnforcementLevel.WARN:
            return self._counted(limits)
        try:
            full = self.slots.take(limits, self.config.max_wait_ms)
        except Exception as error:  # noqa: BLE001  a store's fault is a refusal
            return self._lost(error).result
        return self._said(full) if full is None or isinstance(full, str) else self._said_later(full)

    async def _counted(self, limits: Limits) -> GuardResult:
        """Warn where a limit is full, and take the slot all the same, so that it can be left."""
        try:
            full = self.slots.full(limits)
            full = full if full is None or isinstance(full, str) else await full
            taken = self.slots.take(tuple((name, _NO_LIMIT) for name, _ in limits), 0)
            if taken is not None and not isinstance(taken, str):
                await taken
        except Exception as error:  # noqa: BLE001  a store's fault is a warning here
            with self._lock:
                self._untaken[limits] += 1
            return self._lost(error).result
        return self._said(full)

    def _give(self, limits: Limits) -> Awaitable[None] | None:
        """Give a place back, unless a store that failed never gave it."""
        if self._is_off:
            return None
        with self._lock:
            if self._untaken[limits]:
                self._untaken[limits] -= 1
                return None
            self._untaken.pop(limits, None)
        try:
            given = self.slots.give(limits)
        except GuardError:  # nobody took it
            raise
        except Exception as error:
            raise self._lost(error) from error
        return given if given is None else self._given(given)

    async def _given(self, given: Awaitable[None]) -> None:
        try:
            await given
        except GuardError:
            raise
        except Exception as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> Unavailable:
        return unavailable(self.config.mode, "The store of slots", error)

    async def _said_later(self, full: Awaitable[str | None]) -> GuardResult:
        try:
            return self._said(await full)
        except Exception as error:  # noqa: BLE001  a store's fault is a refusal
            return self._lost(error).result

    def _said(self, full: str | None) -> GuardResult:
        if full is None:
            return ALLOWED
        kind = full.partition(" ")[0] if full != _GLOBAL else "global"
        result = block(f"concurrency.{kind}", f"Too many calls in flight for {full}", limit=full)
        return enforced(self.config.mode, result)


def _namespace(tool: str) -> str | None:
    found = _NAMESPACE.match(tool)
    return found and (found[1] or found[2])
