"""An agent that goes round in circles: the same call, the same result, the same loop."""

from collections import deque
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from stopper.errors import SettingsError
from stopper.guards.config import Config, Count, Some, configure
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    Outcome,
    block,
    enforced,
    warn,
)
from stopper.guards.texts import MAX_DEPTH, MAX_NODES, measure
from stopper.guards.world import lock

__all__ = ["RunawayConfig", "RunawayGuard"]

_MIN_RESULT: Final = 32
"""A result of fewer bytes, such as `{"ok":true}`, says nothing by coming again."""

_MAX_WINDOW: Final = 1024
_MAX_TOOLS: Final = 1024


class RunawayConfig(Config, frozen=True, kw_only=True):
    """How often is too often.

    A call is blocked that was made `max_same_call` times in a row with the same result, and every
    call of a loop of at most `max_loop_length` calls after `max_loop_rounds` of it, until a call is
    made that is no part of the loop.
    After `max_same_result` equal results of a tool, whatever its arguments, further calls of it
    are warned about. `exempt_tools` may repeat themselves.
    """

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    max_same_call: Some = 3
    max_same_result: Some = 5
    max_loop_length: Count = 4
    max_loop_rounds: Some = 3
    exempt_tools: AbstractSet[str] = frozenset()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window > _MAX_WINDOW:
            raise SettingsError(
                f"RunawayConfig: max_same_call is at most {_MAX_WINDOW}, and so is max_loop_length "
                "times max_loop_rounds"
            )

    @property
    def window(self) -> int:
        """How many calls have to be remembered."""
        return max(self.max_same_call, self.max_loop_length * self.max_loop_rounds)


class _Step:
    """A call that was made, and what came of it, as hashes."""

    __slots__ = ("call", "result", "settled")

    def __init__(self, call: int) -> None:
        self.call = call
        self.result = 0
        self.settled = False


class RunawayGuard:
    """Blocks the next call of a row or a loop that gets nowhere.

    A call with another result than before is progress, so polling may go on for as long as
    something changes. Results are known to the guard through a chain, or by `record_result`;
    without them calls alone are compared. `check` counts the call; `judge` does not. Threads may
    share a guard. It keeps hashes of the last calls of the longest loop, and of the last result
    of each of 1024 tools.
    """

    def __init__(self, config: RunawayConfig | None = None, **given: Any) -> None:
        self.config = configure(RunawayConfig, config, given)
        self._lock = lock()
        self.reset()

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Whether this call goes on with a row or a loop; it counts unless it is blocked."""
        return self.admit(tool, args)

    def judge(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """The same as `check`, without counting the call."""
        if self._ignores(tool):
            return ALLOWED
        with self._lock:
            return self._judged(tool, _hash(tool, args))

    def admit(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Judge the call, and count it unless it is blocked."""
        if self._ignores(tool):
            return ALLOWED
        call = _hash(tool, args)
        with self._lock:
            result = self._judged(tool, call)
            if not result.blocked:
                self._steps.append(_Step(call))
            return result

    def revoke(self, tool: str, args: dict[str, Any]) -> None:
        """The call was not made after all."""
        if self._ignores(tool):
            return
        call = _hash(tool, args)
        with self._lock:
            for place in reversed(range(len(self._steps))):
                if self._steps[place].call == call and not self._steps[place].settled:
                    del self._steps[place]
                    return

    def settle(self, tool: str, args: dict[str, Any], outcome: Outcome) -> None:
        """The call ended; its result is its output, or the class of its error."""
        error = outcome.error
        self.record_result(tool, args, outcome.output if error is None else f"error {error}")

    def record_result(self, tool: str, args: dict[str, Any], output: Any) -> None:
        """What a call that was counted returned."""
        if self._ignores(tool):
            return
        call, written = _hash(tool, args), _spelled(output)
        result = hash(written)
        with self._lock:
            for step in self._steps:
                if step.call == call and not step.settled:
                    step.result, step.settled = result, True
                    break
            self._count(tool, result, told=len(written) >= _MIN_RESULT)

    def reset(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._steps: deque[_Step] = deque(maxlen=self.config.window)
            self._results: dict[str, tuple[int, int]] = {}

    def _ignores(self, tool: str) -> bool:
        return self.config.mode is OFF or tool in self.config.exempt_tools

    def _count(self, tool: str, result: int, *, told: bool) -> None:
        last, count = self._results.pop(tool, (0, 0))
        if told:
            self._results[tool] = (result, count + 1 if last == result else 1)
            if len(self._results) > _MAX_TOOLS:
                del self._results[next(iter(self._results))]

    def _judged(self, tool: str, call: int) -> GuardResult:
        config = self.config
        if self._repeats(call, 1, config.max_same_call):
            result = block(
                "runaway.same_call",
                f"'{tool}' was called {config.max_same_call} times in a row with the same "
                "arguments and the same result; try something else",
                times=config.max_same_call,
            )
            return enforced(config.mode, result)
        for length in range(2, config.max_loop_length + 1):
            if self._repeats(call, length, config.max_loop_rounds):
                result = block(
                    "runaway.loop",
                    f"The last {length} calls came {config.max_loop_rounds} times in the same "
                    f"order with the same results, and '{tool}' is one of them; try something else",
                    length=length,
                    rounds=config.max_loop_rounds,
                )
                return enforced(config.mode, result)
        _, count = self._results.get(tool, (0, 0))
        if count >= config.max_same_result:
            reason = f"'{tool}' gave the same result {count} times in a row"
            return warn("runaway.same_result", reason, times=count)
        return ALLOWED

    def _repeats(self, call: int, length: int, rounds: int) -> bool:
        """Whether the last calls are `rounds` equal rounds, and `call` is one of a round."""
        steps, size = self._steps, length * rounds
        start = len(steps) - size
        if start < 0 or all(steps[at].call != call for at in range(start, start + length)):
            return False
        return all(
            steps[at].call == steps[at - length].call
            and steps[at].result == steps[at - length].result
            for at in range(start + length, len(steps))
        )


def _hash(tool: str, args: dict[str, Any]) -> int:
    return hash((tool, _spelled(args)))


def _spelled(value: Any) -> bytes:
    """Bytes that are equal for equal values, whatever the order of keys.

    Odd types count by their name and text; what cannot be written is one and the same.
    """
    shape = measure(value)
    if shape.depth > MAX_DEPTH or shape.items > MAX_NODES:
        return b""
    for write in (_ENCODER.encode, _represented):
        try:
            return write(value)
        except Exception:  # noqa: BLE001, S112  odd keys, halves of characters, a value's own faults
            continue
    return b""


def _represented(value: Any) -> bytes:
    return repr(value).encode("utf-8", "backslashreplace")


def _plain(odd: Any) -> str:
    return f"{type(odd).__name__}:{odd}"


_ENCODER: Final = msgspec.json.Encoder(order="deterministic", enc_hook=_plain)
