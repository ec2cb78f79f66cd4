"""What a decision of the policy gate costs, by kind of action and with policies as code."""

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.harness import Bench, Row, percentile
from stopper.safety import ActionType, PolicyGate, load_policies

__all__ = ["BENCH"]

CALLS: Final = 200
"""Decisions in a round; the two sides take turns."""

_EXAMPLES: Final = Path(__file__).parent.parent / "examples" / "policies"
_TABLE: Final = {kind.value: True for kind in ActionType}
_COMMAND: Final = {"command": "npm install"}
_URL: Final = {"url": "https://api.example.com/v1/items"}
_US: Final = 1e3

Case = tuple[str, PolicyGate, ActionType, Callable[[], dict[str, Any]]]


def measure(rounds: int) -> Iterator[Row]:
    """Each kind of decision, in turns with a look-up of the kind in a dict."""
    for what, gate, kind, context in _cases():
        decision = gate.check_action(kind, context())
        if not decision.allowed:
            raise RuntimeError(f"{what}: the sample was refused ({decision.code})")
        ours: list[float] = []
        bare: list[float] = []
        for _ in range(rounds):
            ours += [_timed(lambda: gate.check_action(kind, context())) for _ in range(CALLS)]  # noqa: B023  used up at once
            bare += [_timed(lambda: _TABLE[kind]) for _ in range(CALLS)]  # noqa: B023
        yield Row(what, "us", median(ours), median(bare), f"p99 {percentile(ours, 0.99):.0f}")


def _cases() -> Iterator[Case]:
    numbers = count()
    code, network = ActionType.EXECUTE_CODE, ActionType.NETWORK_ACCESS
    plain = PolicyGate()
    yield "a command seen before", plain, code, lambda: _COMMAND
    yield (
        "a new command each time",
        plain,
        code,
        lambda: {"command": f"npm install p{next(numbers)}"},
    )
    yield "a destination", plain, network, lambda: _URL
    listed = PolicyGate(allowlist=["api.example.com", "*.example.org"])
    yield "a destination, by a list", listed, network, lambda: _URL
    for name, file in (("cedar", "deployments.cedar"), ("rego", "billing.rego")):
        policies = load_policies({name: file}, _EXAMPLES)
        yield f"a command, and {name}", PolicyGate(policies=policies), code, lambda: _COMMAND


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began) / _US


BENCH = Bench(
    "decisions of the policy gate; reference: a look into a dict, a call around it in both",
    measure,
    rounds=20,
)
