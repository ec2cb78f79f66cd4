"""What guards cost: the default chain before and after a call, each guard alone, and memory."""

import gc
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, Final

from bench.harness import Bench, Row, percentile, resident_bytes
from stopper.guards import GuardChain, create_default_guard_chain

__all__ = ["BENCH"]

CALLS: Final = 100
"""Calls in a round; the two sides take turns."""
MEMORY_CALLS: Final = 50_000
"""Calls for memory in a round."""

_TOOL: Final = "api.fetch"
_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "url": {"type": "string"},
        "query": {"type": "string"},
        "limit": {"type": "integer"},
        "notes": {"type": "array", "items": {"type": "string"}},
        "options": {"type": "object"},
    },
    "required": ["url"],
}
_ARGS: Final[dict[str, Any]] = {
    "url": "https://api.example.com/v1/items",
    "query": "weather in Berlin tomorrow",
    "limit": 20,
    "notes": ["The quick brown fox jumps over the lazy dog near the river bank at noon."] * 9,
    "options": {"lang": "en", "units": "metric", "tags": ["a", "b", "c"] * 8},
}
_OUTPUT: Final = {
    "items": [
        {"id": number, "title": f"Item number {number}", "text": "some words about it", "ok": True}
        for number in range(51)
    ]
}
_DETECTING: Final = "sensitive_data"
_STATELESS: Final = frozenset({_DETECTING, "network_policy"})
_US: Final = 1e3
_MIB: Final = 1 << 20


def measure(rounds: int) -> Iterator[Row]:
    """Ours and chuk-tool-processor's default chain in turns, on the same call and output."""
    chain = create_default_guard_chain(get_schema=lambda _: _SCHEMA)
    theirs = _theirs()
    for what, ours, reference in (
        (f"a call of {_size(_ARGS)} bytes", _calls(chain), theirs and theirs[0]),
        (f"an output of {_size(_OUTPUT)} bytes", _outputs(chain), theirs and theirs[1]),
    ):
        yield _row(f"default chain, {what}", ours, reference, rounds)
    yield _row("guarded, both together", _guarded(chain), None, rounds)
    others = GuardChain((name, guard) for name, guard in chain if name != _DETECTING)
    yield _row(f"all but {_DETECTING}, the call", _calls(others), None, rounds)
    yield _row(f"all but {_DETECTING}, the output", _outputs(others), None, rounds)
    for name, guard in chain:
        alone = GuardChain([(name, guard)])
        yield _row(f"  {name}, the call", _calls(alone), None, rounds)
        if hasattr(guard, "check_output"):
            yield _row(f"  {name}, the output", _outputs(alone), None, rounds)
    yield _memory(GuardChain((n, guard) for n, guard in chain if n not in _STATELESS), rounds)


def _row(
    what: str, ours: Callable[[], int], reference: Callable[[], int] | None, rounds: int
) -> Row:
    """Medians of single calls."""
    mine: list[float] = []
    other: list[float] = []
    for _ in range(rounds):
        mine += [ours() / _US for _ in range(CALLS)]
        if reference:
            other += [reference() / _US for _ in range(CALLS)]
    note = f"p99 {percentile(mine, 0.99):.0f}"
    return Row(what, "us", median(mine), median(other) if other else None, note)


def _timed(work: Callable[[], object]) -> int:
    began = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - began


def _calls(chain: GuardChain) -> Callable[[], int]:
    def call() -> int:
        chain.reset()
        return _timed(lambda: chain.check_all(_TOOL, _ARGS))

    if not chain.check_all(_TOOL, _ARGS).allowed:
        raise RuntimeError("the sample call was refused")
    return call


def _outputs(chain: GuardChain) -> Callable[[], int]:
    if not chain.check_output(_TOOL, _ARGS, _OUTPUT).allowed:
        raise RuntimeError("the sample output was refused")
    return lambda: _timed(lambda: chain.check_output(_TOOL, _ARGS, _OUTPUT))


def _guarded(chain: GuardChain) -> Callable[[], int]:
    def work() -> None:
        with chain.guarded(_TOOL, _ARGS) as call:
            call.finish(_OUTPUT)

    def call() -> int:
        chain.reset()
        return _timed(work)

    return call


def _theirs() -> tuple[Callable[[], int], Callable[[], int]] | None:
    """The reference's two checks; None where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from chuk_tool_processor.guards import GuardChain as Theirs  # noqa: PLC0415
    except ImportError:
        return None
    chain = Theirs.create_default()
    return (
        lambda: _timed(lambda: chain.check_all(_TOOL, _ARGS)),
        lambda: _timed(lambda: chain.check_output_all(_TOOL, _ARGS, _OUTPUT)),
    )


def _memory(chain: GuardChain, rounds: int) -> Row:
    """How much larger the process is after all calls than after the first tenth of them.

    Without the guards that keep nothing, which would take most of the time.
    """
    total, first = rounds * MEMORY_CALLS, 0
    chain.reset()
    for number in range(total):
        args = {"url": f"https://api.example.com/{number}", "_idempotency_key": str(number)}
        with chain.guarded(_TOOL, args) as call:
            call.finish({"number": number})
        if number % 10 == 0:
            _end_turn(chain)
        if number == total // 10:
            gc.collect()
            first = resident_bytes(os.getpid())
    gc.collect()
    grown = (resident_bytes(os.getpid()) - first) / _MIB
    return Row(f"memory grown in {total * 9 // 10:,} calls", "MiB", grown)


def _end_turn(chain: GuardChain) -> None:
    """Only what limits turns forgets; all others go on remembering."""
    for name in ("plan_shape", "timeout_budget"):
        guard: Any = chain.get(name)
        guard.reset()


def _size(value: Any) -> str:
    return f"{len(json.dumps(value)):,}"


BENCH = Bench(
    "guards around one call; reference: chuk-tool-processor's default chain, where installed",
    measure,
    rounds=20,
)
