"""Asks guards one by one and keeps what they said; a guard that fails, blocks."""

from collections.abc import Callable, Generator, Sequence
from copy import deepcopy
from typing import Any, Final, NamedTuple

from stopper.core.verdict import Verdict
from stopper.guards.flow import Flow
from stopper.guards.memo import Memo
from stopper.guards.models import GuardResult, Unavailable, block
from stopper.guards.result import ChainResult
from stopper.guards.rows import CHAIN, Row
from stopper.guards.world import Clock

__all__ = ["MAX_ROUNDS", "Step", "Tally", "View"]

MAX_ROUNDS: Final = 16
"""How often one call is repaired, and all guards look again, before it is refused."""

_ALLOW: Final = Verdict.ALLOW
_REPAIR: Final = Verdict.REPAIR
_BLOCK: Final = Verdict.BLOCK

View = Callable[[Row, Any], Any]
"""What a guard may see of a value."""


class Step(NamedTuple):
    """A guard and the method that it is asked by.

    `takes_memo` is whether that has a memo as its last argument, and `is_stranger` whether the
    guard may have changed what it was shown.
    """

    row: Row
    method: Callable[..., Any]
    takes_memo: bool
    is_stranger: bool

    @classmethod
    def of(cls, row: Row, method: Callable[..., Any]) -> "Step":
        """The step for one of the guard's methods; a stranger in the shadow gets copies."""
        is_stranger = row.shares is None
        if is_stranger and row.is_shadow:
            return cls(row, _on_copies(method), takes_memo=False, is_stranger=True)
        name = getattr(method, "__name__", "")
        return cls(row, method, name in (row.shares or ()), is_stranger)


class Tally:
    """What has been said so far about one call, and what guards found out about its values."""

    __slots__ = (
        "_clock",
        "_elapsed",
        "_is_clear",
        "_is_output",
        "_is_repaired",
        "_results",
        "_shadows",
        "_stop",
        "_taken",
        "is_refused",
        "memo",
    )

    def __init__(self, clock: Clock, *, is_output: bool) -> None:
        self.memo = Memo()
        """What this check found out so far, for the guards that share it."""
        self.is_refused = False
        """Whether a guard said `BLOCK` or `ESCALATE`, so that the call does not go now."""
        self._clock = clock
        self._is_output = is_output
        self._results: dict[str, GuardResult] = {}
        self._elapsed: dict[str, int] = {}
        self._shadows: set[str] = set()
        self._stop: tuple[str, GuardResult] | None = None
        self._taken: list[Row] = []
        self._is_repaired = False
        self._is_clear = True

    @property
    def is_stopped(self) -> bool:
        """Whether a guard said `BLOCK`; nothing more needs to be asked."""
        return self._stop is not None

    @property
    def is_clear(self) -> bool:
        """Whether no guard said anything but `ALLOW`."""
        return self._is_clear

    def ask(self, step: Step, *given: Any) -> Flow[GuardResult]:
        """What this guard says, and where it is only a shadow, would have said."""
        row, method, takes_memo, is_stranger = step
        began = self._clock()
        try:
            result = method(*given, self.memo) if takes_memo else method(*given)
        except Exception as error:  # noqa: BLE001  a guard's fault is a refusal
            result = _failed(row.name, error)
        if is_stranger or type(result) is not GuardResult:
            result = yield from self._resolved(row.name, result)
        return self._noted(row, result, self._clock() - began)

    def tell(self, step: Step, *given: Any) -> None:
        """Let this guard know; where it fails, that blocks what is not over yet."""
        row, method, takes_memo, is_stranger = step
        try:
            if takes_memo:
                method(*given, self.memo)
            else:
                method(*given)
        except Exception as error:  # noqa: BLE001  a guard's fault is a refusal
            self.failed(row, error)
        if is_stranger:
            self.memo.forget()

    def failed(self, row: Row, error: Exception) -> None:
        """Note that this guard raised where nobody asked it for a verdict."""
        self._noted(row, _failed(row.name, error), 0)

    def settle_on(
        self, steps: Sequence[Step], lead: tuple[Any, ...], value: Any, view: View | None = None
    ) -> Flow[Any]:
        """`value` as all guards let it be: after every single repair, all of them look again.

        So no guard misses what the value was or what it became, wherever in the chain it stands.
        Each step is asked with `lead` and the value, or what `view` shows of it to that guard.
        """
        for number in range(MAX_ROUNDS):
            told = yield from self._round(steps, lead, value, view, [], is_admitting=False)
            if self._stop or not told:
                return value
            better = next((one for one in told if self._changes(one, value, not number)), None)
            if better is None:
                return value
            value = self._repaired(better)
            self.changed()
        self.stop("guard.unsettled", f"still not settled after {MAX_ROUNDS} repairs of one call")
        return value

    def admit(
        self,
        steps: Sequence[Step],
        lead: tuple[Any, ...],
        value: Any,
        view: View | None,
        admitted: list[Row],
    ) -> Flow[Any]:
        """Have each count the call, until one refuses; `admitted` gets those that did count it."""
        return self._round(steps, lead, value, view, admitted, is_admitting=True)

    def _round(
        self,
        steps: Sequence[Step],
        lead: tuple[Any, ...],
        value: Any,
        view: View | None,
        passed: list[Row],
        *,
        is_admitting: bool,
    ) -> Flow[list[GuardResult]]:
        """What those that count had to say, up to a stop; `passed` gets all that did not block.

        The same as `ask` for each, in fewer steps: the clock is read once between two of them.
        """
        clock, results, elapsed = self._clock, self._results, self._elapsed
        given, shared = (*lead, value), (*lead, value, self.memo)
        told: list[GuardResult] = []
        ended = clock()
        for row, method, takes_memo, is_stranger in steps:
            if view is not None:
                given = (*lead, view(row, value))
                shared = (*given, self.memo)
            try:
                result = method(*(shared if takes_memo else given))
            except Exception as error:  # noqa: BLE001  a guard's fault is a refusal
                result = _failed(row.name, error)
            if is_stranger or type(result) is not GuardResult:
                result = yield from self._resolved(row.name, result)
            began, ended = ended, clock()
            if result.verdict is not _ALLOW or row.is_shadow:
                result = self._noted(row, result, ended - began)
                if not row.is_shadow:
                    told.append(result)
                if self._stop or (is_admitting and self.is_refused):
                    break
                if result.blocked:
                    continue
            elif row.name in results:
                elapsed[row.name] += ended - began
            else:
                results[row.name], elapsed[row.name] = result, ended - began
            passed.append(row)
        return told

    def _changes(self, result: GuardResult, value: Any, is_first: bool) -> bool:
        """Whether this repair makes another value; the first time it is believed to."""
        if result.verdict is not _REPAIR:
            return False
        return is_first or not _is_same(self._repaired(result), value)

    def stop(self, code: str, reason: str) -> None:
        """Block for a reason that is of no one guard."""
        result = block(code, reason)
        self._results[CHAIN] = result
        self._stop = (CHAIN, result)
        self.is_refused = True

    def took(self, rows: list[Row]) -> None:
        """The call goes without what these consumed."""
        self._taken = rows
        self.changed()

    def changed(self) -> None:
        """The call goes with other arguments than it came with, or its output is another."""
        self._is_repaired = True
        self.memo.forget()

    def result(self, value: Any) -> ChainResult:
        """All of it as one; `value` is what to use, which counts where anything was repaired."""
        if self._is_clear and not self._is_repaired:
            verdict, name, reason, code = _ALLOW, None, "", ""
        else:
            verdict, name, reason, code = self._joined()
        is_repaired = verdict is _REPAIR
        return ChainResult(
            final_verdict=verdict,
            stopped_at=name,
            reason=reason,
            code=code,
            repaired_args=value if is_repaired and not self._is_output else None,
            repaired_output=value if is_repaired and self._is_output else None,
            results=self._results,
            shadows=frozenset(self._shadows),
            elapsed_ns=self._elapsed,
        )

    def _joined(self) -> tuple[Verdict, str | None, str, str]:
        if self._stop:
            name, result = self._stop
            return _BLOCK, name, result.reason, result.code
        counted = {n: r for n, r in self._results.items() if n not in self._shadows}
        said = {n: r for n, r in counted.items() if r.verdict is not _ALLOW}
        verdict = max((r.verdict for r in said.values()), default=_ALLOW, key=_rank)
        if self._is_repaired and verdict < _REPAIR:
            verdict = _REPAIR
        first = next((n for n, r in said.items() if r.verdict is verdict), None)
        reasons = [r.reason for r in said.values() if r.reason]
        code = said[first].code if first else ""
        if verdict is _REPAIR and self._taken:
            reasons += [row.taken[1] for row in self._taken]
            if first is None:
                first, code = self._taken[0].name, self._taken[0].taken[0]
        reason = "; ".join(dict.fromkeys(reasons))
        return verdict, first if verdict >= _REPAIR else None, reason, code

    def _resolved(self, name: str, result: Any) -> Generator[Any, Any, GuardResult]:
        """What comes of what a stranger said, or something to await, or what no guard may say."""
        try:
            if hasattr(result, "__await__"):
                result = yield result
            if isinstance(result, GuardResult):
                return result
            raise TypeError(type(result).__name__)  # noqa: TRY301  one way for all faults
        except Exception as error:  # noqa: BLE001  a guard's fault is a refusal
            return _failed(name, error)
        finally:
            self.memo.forget()  # the value may be another by now

    def _noted(self, row: Row, result: GuardResult, elapsed: int) -> GuardResult:
        name = row.name
        self._elapsed[name] = self._elapsed.get(name, 0) + elapsed
        if row.is_shadow:
            self._shadows.add(name)
        if result.verdict is _ALLOW:
            self._results.setdefault(name, result)
            return result
        return self._noted_more(row, result)

    def _noted_more(self, row: Row, result: GuardResult) -> GuardResult:
        if not _is_sound(result, is_output=self._is_output):
            result = _failed(row.name, TypeError("a result that no guard may give"))
        before = self._results.get(row.name)
        if before is None or result.verdict > before.verdict:
            self._results[row.name] = result
        if row.is_shadow:
            return result
        self._is_clear = False
        self.is_refused = self.is_refused or result.blocked
        if result.verdict is _BLOCK and self._stop is None:
            self._stop = (row.name, result)
        return result

    def _repaired(self, result: GuardResult) -> Any:
        return result.repaired_output if self._is_output else result.repaired_args


def _on_copies(method: Callable[..., Any]) -> Callable[..., Any]:
    """The same method, whatever it does to what it is given."""

    def asked(*given: Any) -> Any:
        return method(*deepcopy(given))

    return asked


def _failed(name: str, error: Exception) -> GuardResult:
    """A text of the error may quote what the guard looked at, so its class has to do."""
    if isinstance(error, Unavailable):
        return error.result
    kind = type(error).__name__
    return block("guard.error", f"guard {name} failed ({kind})", error=kind)


def _is_sound(result: GuardResult, *, is_output: bool) -> bool:
    """Whether a result is made of what results are made of; nobody else has looked."""
    if type(result.verdict) is not Verdict or not isinstance(result.details, dict):
        return False
    if not (isinstance(result.reason, str) and isinstance(result.code, str)):
        return False
    args = result.repaired_args
    if result.verdict is not _REPAIR or is_output:
        return True
    return isinstance(args, dict) and all(isinstance(name, str) for name in args)


def _is_same(one: Any, other: Any) -> bool:
    """Equal in type too: `1`, `1.0` and `True` are three values."""
    return one is other or repr(one) == repr(other)


def _rank(verdict: Verdict) -> int:
    return verdict.rank
