"""What guards say and what they are: results, the Guard protocol and the levels of enforcement."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any, Final, Protocol, Self, TypeVar, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from stopper.core.verdict import Verdict
from stopper.errors import GuardError
from stopper.guards.shown import shown, shown_in

__all__ = [
    "ALLOWED",
    "OFF",
    "Args",
    "EnforcementLevel",
    "Guard",
    "GuardBlocked",
    "GuardResult",
    "GuardVerdict",
    "Outcome",
    "Unavailable",
    "allow",
    "allowing",
    "asked",
    "block",
    "enforced",
    "error_class",
    "escalate",
    "repair",
    "repair_output",
    "unavailable",
    "warn",
]

_T = TypeVar("_T")

GuardVerdict = Verdict

Args = Mapping[str, Any]
"""The arguments of a call; a guard never changes them in place."""


class EnforcementLevel(StrEnum):
    """How a guard acts: `OFF` looks at nothing, `WARN` says what it would block, `BLOCK` blocks."""

    OFF = "off"
    WARN = "warn"
    BLOCK = "block"


OFF: Final = EnforcementLevel.OFF
"""Every guard asks for it on every call; the name of a member takes four times as long."""


class GuardResult(Struct, frozen=True, kw_only=True):
    """What one guard says about one call or its output.

    `reason` is for people and `code` for programs; neither holds a secret. `repaired_args` or
    `repaired_output` is what to use instead, where the verdict is `REPAIR`.
    """

    verdict: Verdict = Verdict.ALLOW
    reason: str = ""
    code: str = ""
    details: dict[str, Any] = {}
    repaired_args: dict[str, Any] | None = None
    repaired_output: Any = None

    @property
    def allowed(self) -> bool:
        """Whether the call may go exactly as it is: neither repaired nor stopped."""
        return self.verdict is Verdict.ALLOW or self.verdict is Verdict.WARN

    @property
    def warned(self) -> bool:
        """Whether the call may go with a warning."""
        return self.verdict is Verdict.WARN

    @property
    def repaired(self) -> bool:
        """Whether the call may go with other arguments, or its output be used in another form."""
        return self.verdict is Verdict.REPAIR

    @property
    def escalated(self) -> bool:
        """Whether a person has to agree first."""
        return self.verdict is Verdict.ESCALATE

    @property
    def blocked(self) -> bool:
        """Whether the call may not go now; true for `ESCALATE` too, until a person agreed."""
        return self.verdict is Verdict.BLOCK or self.verdict is Verdict.ESCALATE


class Stopped(Protocol):
    """Any result that can stop a call."""

    @property
    def code(self) -> str:
        """Its reason code."""

    @property
    def reason(self) -> str:
        """Why, in words."""


class GuardBlocked(GuardError):  # noqa: N818  no fault: a guard said no
    """A guard stopped a call or withheld its output; `result` says which and why."""

    def __init__(self, tool: str, result: Stopped) -> None:
        self.tool = shown(tool)
        self.result = result
        super().__init__(f"[stopper {result.code}] {self.tool}: {result.reason}")

    def __reduce__(self) -> tuple[type[Self], tuple[str, Stopped]]:
        return type(self), (self.tool, self.result)


class Unavailable(GuardError):  # noqa: N818  it is an answer too
    """What a guard was given to ask failed; `result` is what comes of that at the guard's level."""

    def __init__(self, result: GuardResult) -> None:
        super().__init__(f"[stopper {result.code}] {result.reason}")
        self.result = result

    def __reduce__(self) -> tuple[type[Self], tuple[GuardResult]]:
        return type(self), (self.result,)


class Outcome(Struct, frozen=True):
    """How a call went: what it returned, or the class of its error, and how long it took."""

    elapsed_ms: float
    output: Any = None
    error: str | None = None


@runtime_checkable
class Guard(Protocol):
    """Looks at one call before it goes.

    A guard may have more methods, which a chain finds by their names:

    - `check_async(tool, args)`: the same as `check` where that has to wait.
    - `judge(tool, args)`: for a guard whose `check` counts: the same verdict, counting nothing.
    - `admit(tool, args) -> GuardResult`: every guard agreed, so count this call; may still block,
      because someone else took the last place since `judge`.
    - `revoke(tool, args)`: what `admit` counted did not go after all.
    - `would_admit(tool, args) -> GuardResult`: for a guard whose `admit` spends what is not its
      own, such as a permission that is good for once: the same verdict, spending nothing. A guard
      that is only watched is asked this instead, and revokes nothing.
    - `enter(tool, args, session)`, `leave(tool, args, session)`: a place that the call takes for
      as long as it runs.
    - `check_output(tool, args, output)`: looks at what the call returned.
    - `admit_output(tool, args, output) -> GuardResult`: for a guard that counts or remembers
      outputs, asked once with the output as the caller will get it. Its `check_output` then is for
      use without a chain, which does not call it.
    - `settle(tool, args, outcome)`: the call is over; see `Outcome`.
    - `reset()`: a turn begins, so forget what counts for a turn alone.
    - `start_run()`: a run begins, so forget all; `reset` where a guard has nothing that is longer.

    And attributes:

    - `shares`: the names of its methods that take a `Memo` as one more, last argument; also a
      promise to change no value in place. A chain forgets what it knows of a value after a guard
      without it, and a subclass has to promise anew.
    - `consumes`: names of arguments that are for this guard alone. No other guard sees them, and
      the tool does not get them, unless the guard is only watched.
    - `taken`: the code and the reason of a call that went without what the guard consumed.
    - `is_last_on_output`: whether its repair takes parts away, so that all other repairs go first.

    `check` of a guard with `judge` is `judge` and `admit` together, and what it consumes taken out.

    A guard that raises blocks with `guard.error`, in `revoke`, `leave` and `settle` too where
    something is left to block; all other guards are asked and told as if it had not. Where only
    what a guard was given to ask failed, `Unavailable` says what becomes of that. A guard that is
    only watched may fail at anything.
    """

    def check(self, tool: str, args: dict[str, Any]) -> "GuardResult | Awaitable[GuardResult]":
        """The verdict on calling `tool` with `args`."""


_ALLOW: Final = Verdict.ALLOW


class _Shared(dict[str, Any]):
    """Details that many results share, and that nobody can write into."""

    def _refuse(self, *_given: Any, **_named: Any) -> Any:
        raise TypeError("this result is shared: its details cannot be changed")

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        return dict, (dict(self),)  # a copy is somebody's own

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse


ALLOWED: Final = GuardResult(details=_Shared())
"""What `allow` gives where there is nothing to tell."""

_ERROR_CLASSES: Final = (
    (PermissionError, "permission"),
    (FileNotFoundError, "not_found"),
    (TimeoutError, "timeout"),
    (ConnectionError, "network"),
    (LookupError, "not_found"),
    ((TypeError, ValueError), "validation"),
)


def allow(**details: Any) -> GuardResult:
    """The call may go."""
    return GuardResult(verdict=_ALLOW, details=details) if details else ALLOWED


def allowing(**details: Any) -> GuardResult:
    """The same as `allow`, to be made once and given many times: nobody can write into it."""
    return GuardResult(verdict=_ALLOW, details=_Shared(details))


def warn(code: str, reason: str, **details: Any) -> GuardResult:
    """The call may go, and `reason` is worth knowing."""
    return _told(Verdict.WARN, code, reason, details)


def block(code: str, reason: str, **details: Any) -> GuardResult:
    """The call may not go."""
    return _told(Verdict.BLOCK, code, reason, details)


def escalate(code: str, reason: str, **details: Any) -> GuardResult:
    """The call may go once a person has agreed."""
    return _told(Verdict.ESCALATE, code, reason, details)


def repair(args: dict[str, Any], code: str, reason: str, **details: Any) -> GuardResult:
    """The call may go with `args` instead."""
    return _told(Verdict.REPAIR, code, reason, details, repaired_args=args)


def repair_output(output: Any, code: str, reason: str, **details: Any) -> GuardResult:
    """`output` may be used instead of what the call returned."""
    return _told(Verdict.REPAIR, code, reason, details, repaired_output=output)


def _told(
    verdict: Verdict, code: str, reason: str, details: dict[str, Any], **repaired: Any
) -> GuardResult:
    """A result that shows no key that an agent gave for a name."""
    return GuardResult(
        verdict=verdict, code=code, reason=shown(reason), details=shown_in(details), **repaired
    )


def enforced(level: EnforcementLevel, result: GuardResult) -> GuardResult:
    """`result` as `level` lets it act: `OFF` allows, `WARN` turns every stop into a warning."""
    if level is EnforcementLevel.BLOCK or result.verdict is _ALLOW:
        return result
    if level is OFF:
        return ALLOWED
    return replace(result, verdict=Verdict.WARN) if result.blocked else result


def asked(level: EnforcementLevel, what: str, ask: Callable[..., _T], *given: Any) -> _T:
    """What `ask` gives, which a guard got from outside; Unavailable where it raises."""
    try:
        return ask(*given)
    except Exception as error:
        raise unavailable(level, what, error) from error


def unavailable(level: EnforcementLevel, what: str, error: Exception) -> Unavailable:
    """The fault of a getter, a store, a ledger or a clock: blocks, or warns at the level `WARN`."""
    kind = type(error).__name__
    result = block("guard.unavailable", f"{what} failed ({kind})", error=kind)
    return Unavailable(enforced(level, result))


def error_class(error: BaseException) -> str:
    """The class of an error in one word, such as `validation` or `timeout`.

    An exception that has an `error_class` of its own is believed; one of no known kind is named.
    """
    try:
        own = getattr(error, "error_class", None)
    except Exception:  # noqa: BLE001  a property may do anything, and the call is over all the same
        own = None
    if isinstance(own, str):
        return own
    known = (word for kind, word in _ERROR_CLASSES if isinstance(error, kind))
    return next(known, type(error).__name__)
