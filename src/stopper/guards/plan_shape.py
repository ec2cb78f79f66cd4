"""The shape of what is planned or done: how long, how wide, how many tools, and circles."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from msgspec import Struct
from msgspec.structs import asdict

from stopper.guards.config import Config, Count, Some, configure
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    Outcome,
    block,
    enforced,
)
from stopper.guards.world import lock

__all__ = [
    "PlanShapeConfig",
    "PlanShapeGuard",
    "PlanShapeState",
    "PlanShapeViolation",
    "ToolCallSpec",
]

_MAX_TOOLS: Final = 10_000
_MAX_IN_FLIGHT: Final = 10_000


class PlanShapeConfig(Config, frozen=True, kw_only=True):
    """The limits; more than any of them is blocked.

    With `detect_fan_out_fan_in`, so is a call whose results more than `fan_out_threshold` calls
    take, when as many of their results meet again in one call.
    """

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    max_chain_length: Count = 20
    max_unique_tools: Count = 15
    max_fan_out: Count = 100
    max_batch_size: Count = 500
    detect_fan_out_fan_in: bool = True
    fan_out_threshold: Some = 50


class ToolCallSpec(Struct, frozen=True, kw_only=True):
    """One call of a plan. `id` is its place in the plan where none is given, nor to another."""

    tool_name: str
    arguments: Mapping[str, Any] = {}
    depends_on: Sequence[str] = ()
    id: str | None = None


class PlanShapeViolation(Struct, frozen=True):
    """A limit that was passed, such as `chain_too_long`, and by how much."""

    violation_type: str
    limit: int
    actual: int

    def __str__(self) -> str:
        return f"{self.violation_type}: {self.actual} > {self.limit}"


class PlanShapeState(Struct, frozen=True, kw_only=True):
    """What was counted so far."""

    chain_length: int
    tools_seen: frozenset[str]
    in_flight: int
    total_calls: int


class PlanShapeGuard:
    """Limits single calls as they come, batches of parallel calls, and whole plans.

    Calls that follow each other make a chain; calls that run at the same time do not, so that the
    length is that of the longest row in which each began after the one before had ended.
    `record_call` counts a call that is over; a chain counts by itself. `reset` begins anew.
    Threads may share a guard. It keeps the names of at most 10,000 tools.
    """

    shares: ClassVar = frozenset[str]()

    def __init__(self, config: PlanShapeConfig | None = None, **given: Any) -> None:
        self.config = configure(PlanShapeConfig, config, given)
        self._lock = lock()
        self.reset()

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:  # noqa: ARG002  any call
        """Whether one more call fits, without counting it."""
        if self.config.mode is OFF:
            return ALLOWED
        with self._lock:
            return self._judged(tool)

    def admit(self, tool: str, args: dict[str, Any]) -> GuardResult:  # noqa: ARG002  any call
        """The same as `check`, for a call that begins now unless it is blocked."""
        if self.config.mode is OFF:
            return ALLOWED
        with self._lock:
            result = self._judged(tool)
            if result is ALLOWED or not result.blocked:
                self._begun(tool)
            return result

    def revoke(self, tool: str, args: dict[str, Any]) -> None:  # noqa: ARG002  any call
        """The call did not begin after all."""
        if self.config.mode is OFF:
            return
        with self._lock:
            if self._in_flight:
                self._in_flight.pop()
                self._total -= 1
                self._tools[tool] -= 1
                if self._tools[tool] <= 0:
                    del self._tools[tool]

    def settle(self, tool: str, args: dict[str, Any], outcome: Outcome) -> None:  # noqa: ARG002
        """The call ended: what begins now comes after it."""
        if self.config.mode is OFF:
            return
        with self._lock:
            self._ended()

    def record_call(self, tool: str) -> None:
        """Count a call that came after all before it, and is over."""
        with self._lock:
            self._begun(tool)
            self._ended()

    def check_batch(self, calls: Sequence["_Call"]) -> GuardResult:
        """Whether calls that go at the same time fit; counts nothing.

        Each is `{"tool": NAME, "args": {...}}`, a pair of both, or a ToolCallSpec; where any has an
        `id` or `depends_on`, it is judged as a plan.
        """
        if self.config.mode is OFF:
            return ALLOWED
        if not isinstance(calls, Sequence):
            return self._malformed()
        if len(calls) > self.config.max_batch_size:
            return self._answer([self._too_big(len(calls))])
        specs = _specs(calls)
        if specs is None:
            return self._malformed()
        if any(spec.depends_on or spec.id is not None for spec in specs):
            return self.check_plan(specs)
        return self._answer([*self._wide(len(specs)), *self._many_tools(specs)])

    def check_plan(self, plan: Sequence["_Call"]) -> GuardResult:
        """Whether a plan fits: its longest path, how far it spreads, and that it has no circle."""
        if self.config.mode is OFF:
            return ALLOWED
        if not isinstance(plan, Sequence):
            return self._malformed()
        if len(plan) > self.config.max_batch_size:
            return self._answer([self._too_big(len(plan))])
        specs = _specs(plan)
        if specs is None:
            return self._malformed()
        graph = _Graph(specs)
        if graph.faults:
            code, what = graph.faults[0]
            return enforced(self.config.mode, block(f"plan.{code}", f"{code}: {what}"))
        return self._answer(
            [
                *self._long(graph.longest),
                *self._wide(graph.widest),
                *self._explosions(graph),
                *self._many_tools(specs),
            ]
        )

    def get_state(self) -> PlanShapeState:
        """What was counted so far."""
        with self._lock:
            return PlanShapeState(
                chain_length=self._done,
                tools_seen=frozenset(self._tools),
                in_flight=len(self._in_flight),
                total_calls=self._total,
            )

    def reset(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._tools: dict[str, int] = {}
            # How deep each call in flight stands, shallowest first: what ends is taken to be the
            # one that began first, which at worst makes the chain shorter by the overlap.
            self._in_flight: deque[int] = deque(maxlen=_MAX_IN_FLIGHT)
            self._done = 0
            self._total = 0

    def _judged(self, tool: str) -> GuardResult:
        config = self.config
        found: list[PlanShapeViolation] = []
        if self._done >= config.max_chain_length:
            actual = max(self._done, config.max_chain_length + 1)
            found += [PlanShapeViolation("chain_too_long", config.max_chain_length, actual)]
        if tool not in self._tools and len(self._tools) >= config.max_unique_tools:
            actual = len(self._tools) + 1
            found += [PlanShapeViolation("too_many_unique_tools", config.max_unique_tools, actual)]
        if len(self._in_flight) >= config.max_fan_out:
            found += self._wide(len(self._in_flight) + 1)
        return self._answer(found) if found else ALLOWED

    def _begun(self, tool: str) -> None:
        self._in_flight.append(self._done + 1)
        self._total += 1
        if tool in self._tools or len(self._tools) < _MAX_TOOLS:
            self._tools[tool] = self._tools.get(tool, 0) + 1

    def _ended(self) -> None:
        if self._in_flight:
            self._done = max(self._done, self._in_flight.popleft())

    def _malformed(self) -> GuardResult:
        reason = 'malformed: each call is {"tool": NAME, "args": {...}, "depends_on": [ID, ...]}'
        return enforced(self.config.mode, block("plan.malformed", reason))

    def _too_big(self, size: int) -> PlanShapeViolation:
        return PlanShapeViolation("batch_too_large", self.config.max_batch_size, size)

    def _long(self, length: int) -> Iterable[PlanShapeViolation]:
        limit = self.config.max_chain_length
        if length > limit:
            yield PlanShapeViolation("chain_too_long", limit, length)

    def _wide(self, width: int) -> Iterable[PlanShapeViolation]:
        limit = self.config.max_fan_out
        if width > limit:
            yield PlanShapeViolation("fan_out_too_large", limit, width)

    def _many_tools(self, specs: Iterable[ToolCallSpec]) -> Iterable[PlanShapeViolation]:
        limit, count = self.config.max_unique_tools, len({spec.tool_name for spec in specs})
        if count > limit:
            yield PlanShapeViolation("too_many_unique_tools", limit, count)

    def _explosions(self, graph: "_Graph") -> Iterable[PlanShapeViolation]:
        limit = self.config.fan_out_threshold
        meeting = graph.meeting(limit) if self.config.detect_fan_out_fan_in else 0
        if meeting:
            yield PlanShapeViolation("fan_out_fan_in_detected", limit, meeting)

    def _answer(self, found: Sequence[PlanShapeViolation]) -> GuardResult:
        """All of them in the details, and the first as the reason: it is the one to mend first."""
        if not found:
            return ALLOWED
        result = block(
            f"plan.{found[0].violation_type}",
            str(found[0]),
            violations=[asdict(one) for one in found],
        )
        return enforced(self.config.mode, result)


_Call = Mapping[str, Any] | tuple[str, Mapping[str, Any]] | ToolCallSpec


class _Graph:
    """The dependencies of a plan, by the places of its calls."""

    def __init__(self, specs: Sequence[ToolCallSpec]) -> None:
        own = [(spec.id, place) for place, spec in enumerate(specs) if spec.id is not None]
        places = {str(place): place for place, spec in enumerate(specs) if spec.id is None}
        places |= dict(own)
        self.faults: list[tuple[str, str]] = []
        if len(dict(own)) < len(own):
            self.faults.append(("duplicate_id", "two calls of the plan have the same id"))
        self._before = [
            {places[name] for name in spec.depends_on if name in places} for spec in specs
        ]
        if any(name not in places for spec in specs for name in spec.depends_on):
            self.faults.append(("unknown_dependency", "a call depends on one that is not there"))
        self._after: list[list[int]] = [[] for _ in specs]
        for place, before in enumerate(self._before):
            for one in before:
                self._after[one].append(place)
        self._order = self._sorted()
        if len(self._order) < len(specs):
            self.faults.append(("cycle_detected", "calls of the plan wait for each other"))

    @property
    def longest(self) -> int:
        """How many calls the longest path has."""
        length = [1] * len(self._before)
        for place in self._order:
            for after in self._after[place]:
                length[after] = max(length[after], length[place] + 1)
        return max(length, default=0)

    @property
    def widest(self) -> int:
        """How many calls go at once from one point: after one call, or at the start."""
        start = sum(not before for before in self._before)
        return max((start, *map(len, self._after)))

    def meeting(self, threshold: int) -> int:
        """The most calls that one call spread into, if more than `threshold` of them meet again."""
        most = 0
        for spread in self._after:
            if len(spread) > threshold:
                inputs = Counter(after for one in spread for after in self._after[one])
                if max(inputs.values(), default=0) > threshold:
                    most = max(most, len(spread))
        return most

    def _sorted(self) -> list[int]:
        """Calls after all they depend on; those in and behind circles are left out."""
        waits = [len(before) for before in self._before]
        order = [place for place, count in enumerate(waits) if not count]
        for place in order:  # which grows meanwhile
            for after in self._after[place]:
                waits[after] -= 1
                if not waits[after]:
                    order.append(after)
        return order


def _specs(calls: Iterable[_Call]) -> list[ToolCallSpec] | None:
    """None where one of them is no call at all: whoever makes plans may write anything."""
    try:
        return [_spec(call) for call in calls]
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def _spec(call: _Call) -> ToolCallSpec:
    if isinstance(call, ToolCallSpec):
        return call
    if isinstance(call, tuple):
        name, arguments = call
        return ToolCallSpec(tool_name=str(name), arguments=arguments)
    own, before = call.get("id"), call.get("depends_on", ())
    if isinstance(before, str):
        raise TypeError(before)
    return ToolCallSpec(
        tool_name=str(call["tool"] if "tool" in call else call["tool_name"]),
        arguments=call.get("args", call.get("arguments", {})),
        depends_on=tuple(str(one) for one in before),
        id=None if own is None else str(own),
    )
