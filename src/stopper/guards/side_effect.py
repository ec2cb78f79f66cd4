"""Who may write and who may destroy, by mode, environment and capability."""

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar

from msgspec.structs import replace

from stopper.core.reason import Refusal
from stopper.errors import SettingsError
from stopper.guards.capability import (
    Capability,
    Key,
    UsedCapabilities,
    UsedStore,
    check_key,
    read_capability,
)
from stopper.guards.classify import (
    SideEffectClass,
    by_annotations,
    by_arguments,
    by_name,
    runs_code,
    strictest,
)
from stopper.guards.config import Config, configure
from stopper.guards.flow import Flow, drive, drive_async
from stopper.guards.memo import Memo
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    Unavailable,
    allowing,
    asked,
    block,
    enforced,
    repair,
    unavailable,
)
from stopper.guards.world import Clock, wall_ms

__all__ = [
    "Environment",
    "ExecutionMode",
    "GetAnnotations",
    "GetClassification",
    "SideEffectConfig",
    "SideEffectGuard",
]


class ExecutionMode(StrEnum):
    """The most that calls may do."""

    READ_ONLY = "read_only"
    WRITE_ALLOWED = "write_allowed"
    DESTRUCTIVE_ALLOWED = "destructive_allowed"


class Environment(StrEnum):
    """Where calls take effect."""

    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


_T = TypeVar("_T")

Class = SideEffectClass | str | None

GetClassification = Callable[[str], Class | Awaitable[Class]]
"""The operator's word on a tool, at once or to be awaited; None leaves it to the guard."""

GetAnnotations = Callable[[str], Mapping[str, Any] | None]
"""The annotations of an MCP tool, such as `destructiveHint`."""

_ALLOWED: Final = {
    ExecutionMode.READ_ONLY: frozenset({SideEffectClass.READ_ONLY}),
    ExecutionMode.WRITE_ALLOWED: frozenset({SideEffectClass.READ_ONLY, SideEffectClass.WRITE}),
    ExecutionMode.DESTRUCTIVE_ALLOWED: frozenset(SideEffectClass),
}
_AS: Final = {effect: allowing(classification=effect.value) for effect in SideEffectClass}
_READ_ONLY: Final = SideEffectClass.READ_ONLY
_IN_MODE: Final = {
    ExecutionMode.READ_ONLY: "in read-only mode",
    ExecutionMode.WRITE_ALLOWED: "while only reads and writes are allowed",
}
_SAYS: Final = {
    "capability.missing": "needs a capability token",
    "capability.forged": "has a capability token that nobody here signed",
    "capability.expired": "has a capability token whose time is over",
    "capability.other_tool": "has a capability token for another tool",
    "capability.other_arguments": "has a capability token for other arguments",
    "capability.other_policy": "has a capability token for something else than a call",
    "capability.no_requester": "has a capability token, and nobody is named who asks",
    "capability.self_approved": "has a capability token that the one who asks gave",
    "capability.used": "has a capability token that was used before",
    "capability.too_many": "cannot be admitted: too many capabilities are in use",
}
_MAX_SHOWN: Final = 100
_STORE: Final = "The store of used tokens"


class SideEffectConfig(Config, frozen=True, kw_only=True):
    """The most that calls may do, and where more than that is forbidden.

    An entry in `explicit_classifications` is final. With `require_capability_token`, whatever is no
    read needs a token for exactly this call; see `issue_capability`. `requester` is who makes the
    calls, and whose own tokens do not count. `unknown_tools` is the class of a tool whose name and
    arguments tell nothing.
    """

    mode: ExecutionMode = ExecutionMode.WRITE_ALLOWED
    environment: Environment = Environment.DEV
    require_capability_token: bool = False
    requester: str = ""
    capability_token_arg: str = "_capability_token"  # noqa: S105  the name of an argument
    prod_blocked_classes: AbstractSet[SideEffectClass] = frozenset({SideEffectClass.DESTRUCTIVE})
    explicit_classifications: Mapping[str, SideEffectClass] = {}
    unknown_tools: SideEffectClass = SideEffectClass.WRITE
    enforcement_level: EnforcementLevel = EnforcementLevel.BLOCK


class SideEffectGuard:
    """Lets a call through as far as it may change the world.

    The class of a call is the operator's word where there is one. Else it is the strictest of what
    its arguments, however deep, its tool's annotations and its tool's name say.

    A token has to be for the arguments that the call goes with, after all repairs. It is good for
    once among all guards that are given the same `used`, by default this one alone. With the level
    `OFF` nothing is looked at or taken out: the tool gets a token as it gets any other argument.
    """

    shares: ClassVar = frozenset({"judge", "judge_async"})
    taken: ClassVar = ("capability.taken", "The capability token was taken out")

    def __init__(
        self,
        config: SideEffectConfig | None = None,
        get_classification: GetClassification | None = None,
        *,
        get_annotations: GetAnnotations | None = None,
        capability_key: Key | None = None,
        used: UsedStore | None = None,
        clock: Clock = wall_ms,
        **fields: Any,
    ) -> None:
        self.config = configure(SideEffectConfig, config, fields)
        if self.config.require_capability_token and capability_key is None:
            raise SettingsError(
                "require_capability_token needs capability_key=..., the key that tokens are "
                "signed with"
            )
        if self.config.require_capability_token and not self.config.requester.strip():
            raise SettingsError(
                "require_capability_token needs requester=..., the name of who makes the calls: "
                "nobody may permit their own"
            )
        if capability_key is not None:
            check_key(capability_key)
        names = () if self._is_off else (self.config.capability_token_arg,)
        self.consumes = frozenset[str](names)
        self._get_classification = get_classification
        self._get_annotations = get_annotations
        self._key = capability_key
        self._clock = clock
        self._used: UsedStore = UsedCapabilities() if used is None else used

    def set_mode(self, mode: ExecutionMode) -> None:
        """Change the most that calls may do, from the next call on."""
        self.config = replace(self.config, mode=mode)

    def set_environment(self, environment: Environment) -> None:
        """Change where calls take effect, from the next call on."""
        self.config = replace(self.config, environment=environment)

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Whether the call may go; a token that it brings is used up and taken out."""
        return self._used_up(tool, args, self.judge(tool, args))

    async def check_async(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """The same, awaiting `get_classification` where that is needed."""
        return self._used_up(tool, args, await self.judge_async(tool, args))

    def judge(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:
        """Whether the call may go, but for `admit`; no token is used up."""
        try:
            if self._get_classification is None:
                return self._judged(tool, args, None, memo)
            return drive(self._judge(tool, args, memo))
        except Unavailable as lost:
            return lost.result

    async def judge_async(
        self, tool: str, args: dict[str, Any], memo: Memo | None = None
    ) -> GuardResult:
        """The same, awaiting `get_classification` where that is needed."""
        try:
            return await drive_async(self._judge(tool, args, memo))
        except Unavailable as lost:
            return lost.result

    def admit(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Use up the token that the call brought, which has to be for these very arguments."""
        if not self._needs_token() or self.config.capability_token_arg not in args:
            return ALLOWED
        try:
            found = self._capability(tool, args)
            refusal = found if isinstance(found, Refusal) else self._use(found)
        except Unavailable as lost:
            return lost.result
        return self._refused(tool, refusal) if refusal else ALLOWED

    def would_admit(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Whether the token that the call brought is for these arguments; it is not used up."""
        if not self._needs_token() or self.config.capability_token_arg not in args:
            return ALLOWED
        try:
            found = self._capability(tool, args)
        except Unavailable as lost:
            return lost.result
        return self._refused(tool, found) if isinstance(found, Refusal) else ALLOWED

    def revoke(self, tool: str, args: dict[str, Any]) -> None:
        """The call did not go after all, so its token is good again."""
        if not self._needs_token() or self.config.enforcement_level is EnforcementLevel.WARN:
            return  # who only warns admits what another call has used up
        found = self._capability(tool, args)
        if isinstance(found, Capability):
            self._asked(_STORE, self._used.give_back, found)

    def _judge(self, tool: str, args: dict[str, Any], memo: Memo | None) -> Flow[GuardResult]:
        explicit: Any = None
        if not self._is_off and tool not in self.config.explicit_classifications:
            try:
                explicit = self._get_classification(tool) if self._get_classification else None
                if isinstance(explicit, Awaitable):
                    explicit, memo = (yield explicit), None
                explicit = None if explicit is None else SideEffectClass(explicit)
            except Exception as error:
                raise self._lost("get_classification", error) from error
        return self._judged(tool, args, explicit, memo)

    def _judged(
        self, tool: str, args: dict[str, Any], explicit: SideEffectClass | None, memo: Memo | None
    ) -> GuardResult:
        if self._is_off:
            return ALLOWED
        own = self.config.explicit_classifications.get(tool, explicit)
        effect = self._classify(tool, args, memo) if own is None else own
        refused = self._forbidden(tool, effect)
        if refused is None and effect is not _READ_ONLY and self._needs_token():
            found = self._capability(tool, args, are_settled=False)
            if isinstance(found, Capability) and self._is_used(found):
                found = Refusal("capability.used")
            if isinstance(found, Refusal):
                return self._refused(tool, found)
        return enforced(self.config.enforcement_level, refused) if refused else _AS[effect]

    @property
    def _is_off(self) -> bool:
        return self.config.enforcement_level is OFF

    def _classify(self, tool: str, args: dict[str, Any], memo: Memo | None) -> SideEffectClass:
        told = self._told(tool) if self._get_annotations else None
        done = by_arguments(tool, args, (memo or Memo()).of(args).texts)
        named = None if done and runs_code(tool) else by_name(tool)
        if named and not told and not done:
            return named
        known = [effect for effect in (told, done, named) if effect]
        return strictest(known) if known else self.config.unknown_tools

    def _told(self, tool: str) -> SideEffectClass | None:
        """What the tool's annotations say."""
        try:
            return by_annotations(self._get_annotations(tool) if self._get_annotations else None)
        except Exception as error:
            raise self._lost("get_annotations", error) from error

    def _forbidden(self, tool: str, effect: SideEffectClass) -> GuardResult | None:
        config = self.config
        if effect is _READ_ONLY:
            return None
        if config.environment is Environment.PROD and effect in config.prod_blocked_classes:
            return self._stop("side_effect.production", tool, effect, "in production")
        if effect not in _ALLOWED[config.mode]:
            return self._stop("side_effect.mode", tool, effect, _IN_MODE[config.mode])
        return None

    def _stop(self, code: str, tool: str, effect: SideEffectClass, where: str) -> GuardResult:
        reason = f"Tool '{tool[:_MAX_SHOWN]}' classified as {effect} is blocked {where}"
        return block(code, reason, classification=effect.value)

    def _needs_token(self) -> bool:
        return self.config.require_capability_token and not self._is_off

    def _capability(
        self, tool: str, args: dict[str, Any], *, are_settled: bool = True
    ) -> Capability | Refusal:
        """What the call brought; before all guards have agreed, its arguments may still change."""
        assert self._key is not None  # noqa: S101  checked when the guard was made
        token, rest = args.get(self.config.capability_token_arg), None
        if are_settled:
            rest = self._without_token(args)
        now, requester = self._now(), self.config.requester
        return read_capability(self._key, token, tool, rest, now, requester=requester)

    def _is_used(self, capability: Capability) -> bool:
        return self._asked(_STORE, self._used.__contains__, capability)

    def _use(self, capability: Capability) -> Refusal | None:
        return self._asked(_STORE, self._used.use, capability, self._now())

    def _now(self) -> int:
        return self._asked("The clock", self._clock)

    def _lost(self, what: str, error: Exception) -> Unavailable:
        return unavailable(self.config.enforcement_level, what, error)

    def _asked(self, what: str, ask: Callable[..., _T], *given: Any) -> _T:
        return asked(self.config.enforcement_level, what, ask, *given)

    def _without_token(self, args: dict[str, Any]) -> dict[str, Any]:
        name = self.config.capability_token_arg
        return {key: value for key, value in args.items() if key != name}

    def _refused(self, tool: str, refusal: Refusal) -> GuardResult:
        says = _SAYS.get(refusal.code, "has a capability token that cannot be used up")
        result = block(refusal.code, f"Tool '{tool[:_MAX_SHOWN]}' {says}")
        return enforced(self.config.enforcement_level, result)

    def _used_up(self, tool: str, args: dict[str, Any], judged: GuardResult) -> GuardResult:
        if judged.blocked or self.consumes.isdisjoint(args):
            return judged
        admitted = self.admit(tool, args)
        return admitted if admitted.blocked else repair(self._without_token(args), *self.taken)
