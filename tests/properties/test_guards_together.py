"""Guards that share a memo say what each of them says alone, whatever the arguments are."""

import random
import string
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.guards import (
    GuardChain,
    NetworkPolicyGuard,
    OutputSizeGuard,
    PlanShapeGuard,
    ProvenanceGuard,
    RetrySafetyGuard,
    SchemaStrictnessGuard,
    SensitiveDataGuard,
    SideEffectGuard,
    TimeoutBudgetGuard,
    UnresolvedReferenceGuard,
)
from stopper.guards.models import Guard

RANDOM = random.Random(11)  # noqa: S311  samples
SECRET: Final = "AKIA" + "".join(RANDOM.choices(string.ascii_uppercase + "234567", k=16))
SCHEMA: Final = {
    "properties": {"url": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["url"],
    "additionalProperties": True,
}
KEY: Final = bytes(range(32))

TEXTS = st.sampled_from(
    [
        "", "plain", "two words", SECRET, f"key={SECRET}", "http://127.0.0.1/", "//169.254.169.254",
        "https://example.com/a?b=c", "see http://10.0.0.1/ there", "${x}", "{{ y }}", "\ud800",
        "rm -rf /", "DROP TABLE a", "8", "t:00000001" + "0" * 24 + ":17",
    ]
) | st.text(max_size=20)  # fmt: skip
NAMES = st.sampled_from(
    ["url", "n", "host", "command", "sql", "text", "query", "_ref", "_idempotency_key", "a_ref"]
) | st.text(max_size=8)
LEAVES = (
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.binary(max_size=9)
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.builds(object)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.frozensets(TEXTS, max_size=3)
        | st.builds(deque, st.lists(inner, max_size=3))
        | st.builds(SimpleNamespace, url=inner)
        | st.builds(iter, st.lists(inner, max_size=2))
        | st.dictionaries(NAMES | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)
ARGS = st.dictionaries(NAMES, VALUES, max_size=6)


class Alone:
    """A guard that a chain knows nothing about: it is shown no memo, and keeps none for others."""

    def __init__(self, guard: Any) -> None:
        self._guard = guard

    def __getattr__(self, name: str) -> Any:
        if name == "shares":
            raise AttributeError(name)
        return getattr(self._guard, name)

    def check(self, tool: str, args: dict[str, Any]) -> Any:
        """As the guard has it."""
        return self._guard.check(tool, args)


SENSITIVE = SensitiveDataGuard()
REDACTING = SensitiveDataGuard(redact_mode="redact")


def time_stands() -> int:
    return 0


MAKERS: Final[dict[str, Callable[[], Guard]]] = {
    "schema": lambda: SchemaStrictnessGuard(coerce_types=True, get_schema=lambda _: SCHEMA),
    "sensitive": lambda: SENSITIVE,
    "redacting": lambda: REDACTING,
    "network": NetworkPolicyGuard,
    "side_effect": SideEffectGuard,
    "timeout": lambda: TimeoutBudgetGuard(clock=time_stands),
    "plan": PlanShapeGuard,
    "retry": lambda: RetrySafetyGuard(clock=time_stands),
    "size": lambda: OutputSizeGuard(max_bytes=300, max_array_length=3, truncation_mode="truncate"),
    "provenance": lambda: ProvenanceGuard(key=KEY, clock=time_stands),
    "unresolved": UnresolvedReferenceGuard,
}
ORDERS = st.lists(st.sampled_from(sorted(MAKERS)), min_size=1, max_size=6, unique=True)


def told(result: Any) -> Any:
    """All that is said, objects by their places in memory, references by there being one."""
    details = {
        name: {key: key == "ref" or value for key, value in said.items()}
        for name, said in result.details.items()
    }
    return (
        result.final_verdict, result.stopped_at, result.reason, result.code, details,
        repr(result.repaired_args), repr(result.repaired_output),
    )  # fmt: skip


@given(ORDERS, st.sampled_from(["get", "run_sql", "bash", "send"]), ARGS, VALUES)
@settings(max_examples=150, deadline=None)
def test_a_chain_says_what_strangers_to_each_other_say(
    order: list[str], tool: str, args: dict[str, Any], output: Any
) -> None:
    together = GuardChain((name, MAKERS[name]()) for name in order)
    apart = GuardChain((name, Alone(MAKERS[name]())) for name in order)
    for _ in range(2):
        assert told(together.check_all(tool, args)) == told(apart.check_all(tool, args))
        one = together.check_output(tool, args, output)
        assert told(one) == told(apart.check_output(tool, args, output))


@given(st.sampled_from(["http", "https", "ws", "wss", "ftp"]), st.text("aZ09.-:@/?#[]%\\x \u0661", max_size=12)
       | st.sampled_from(["127.0.0.1", "127.1", "2130706433", "localhost", "localhost.", "metadata", "0x7f.1", "example.com", "10.0.0.1:80", "[::1]", "a.internal", "example.com:443/x"]), st.text(max_size=8))  # fmt: skip
@settings(max_examples=300)
def test_no_url_is_judged_by_a_shorter_way_than_others(
    scheme: str, authority: str, rest: str
) -> None:
    """A scheme in capital letters takes the long way; both come to the same."""
    for config in ({}, {"require_https": True}, {"allowed_domains": {"example.com"}}):
        guard = NetworkPolicyGuard(**config)
        for url in (f"{scheme}://{authority}", f"{scheme}://{authority}/{rest}"):
            long = guard.check("t", {"url": url.replace(scheme, scheme.upper(), 1)})
            assert guard.check("t", {"url": url}) == long


def test_decimals_and_dates_are_no_way_round() -> None:
    """What only `str` shows is seen by the guards that look at it written out."""

    class Odd:
        def __str__(self) -> str:
            return SECRET

    for value in (Odd(), [Odd()], {"deep": (Decimal(1), Odd())}):
        assert SENSITIVE.check("t", {"a": value}).code == "sensitive.found"
