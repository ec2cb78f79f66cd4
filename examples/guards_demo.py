"""A tour of every guard: what it lets go, warns about, repairs and blocks.

`python examples/guards_demo.py`; `--color` colours what is not a terminal too. Calls nothing.
"""

import asyncio
import os
import secrets
import string
import sys
from collections.abc import Iterator
from typing import Any, cast

from stopper.guards import (
    BudgetGuard,
    ChainResult,
    ConcurrencyGuard,
    Environment,
    ExecutionMode,
    GuardBlocked,
    GuardChain,
    GuardResult,
    NetworkPolicyGuard,
    OutputSizeGuard,
    PlanShapeGuard,
    ProvenanceGuard,
    RedactMode,
    RetrySafetyGuard,
    RunawayGuard,
    SaturationGuard,
    SchemaStrictnessGuard,
    SensitiveDataGuard,
    SideEffectGuard,
    TaintGuard,
    TimeoutBudgetGuard,
    TruncationMode,
    UnresolvedReferenceGuard,
    create_default_guard_chain,
    issue_capability,
)

Said = GuardResult | ChainResult
Row = tuple[str, Said]

WORDS = {
    "allow": ("32", "ALLOWED"),
    "warn": ("33", "WARNING"),
    "repair": ("36", "REPAIRED"),
    "escalate": ("35", "ASKS"),
    "block": ("31", "BLOCKED"),
}
KEY = secrets.token_bytes(32)
TOKEN = "ghp_" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(36))
USER = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


def main() -> None:
    """Print what every guard says about a few calls."""
    is_coloured = "--color" in sys.argv or (sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    for title, rows in tour():
        print(f"\n\x1b[1m{title}\x1b[0m" if is_coloured else f"\n{title}")
        for what, said in rows:
            verdict = said.verdict if isinstance(said, GuardResult) else said.final_verdict
            code, word = WORDS[verdict]
            shown = f"\x1b[{code}m{word:8}\x1b[0m" if is_coloured else f"{word:8}"
            print(f"  {shown}  {what}" + (f"\n            {said.reason}" if said.reason else ""))


def tour() -> Iterator[tuple[str, Iterator[Row]]]:
    """Every guard with calls that show what it does."""
    yield "Schema: arguments fit the tool's JSON Schema", schema()
    yield "Sensitive data: no secret goes out or comes in", sensitive_data()
    yield "Network: nothing near, no metadata service, in whatever spelling", network()
    yield "Side effects: reads, writes and what cannot be taken back", side_effects()
    yield "Capabilities: signed, for one call, once", capabilities()
    yield "Concurrency: so many calls at once", concurrency()
    yield "Timeout budget: so long a turn", timeout_budget()
    yield "Plan shape: no endless chain, no explosion", plan_shape()
    yield "Retries: so often, not too soon, not after some errors", retries()
    yield "Output size: what comes back fits", output_size()
    yield "Provenance: where an output came from", provenance()
    yield "Saturation: statistics that say nothing", saturation()
    yield "Runaway: the same again and again", runaway()
    yield "Budget: calls, tokens and dollars", budget()
    yield "Taint: what was read in confidence stays", taint()
    yield "Unresolved references: placeholders nobody filled in", unresolved()
    yield "All together: a chain around a call", together()


def schema() -> Iterator[Row]:
    guard = SchemaStrictnessGuard(get_schema=lambda _: USER, coerce_types=True)
    yield "a user with name and age", guard.check("create_user", {"name": "Ann", "age": 30})
    yield 'the age as "30"', guard.check("create_user", {"name": "Ann", "age": "30"})
    yield "no age", guard.check("create_user", {"name": "Ann"})
    yield "a field nobody knows", guard.check("create_user", {"name": "A", "age": 1, "root": True})


def sensitive_data() -> Iterator[Row]:
    guard, marks = SensitiveDataGuard(), SensitiveDataGuard(redact_mode=RedactMode.REDACT)
    yield "plain words", guard.check("search", {"query": "the bearer of good news"})
    yield "a GitHub token", guard.check("post", {"text": f"use {TOKEN}"})
    redacted = marks.check("post", {"text": f"use {TOKEN}"})
    yield f"the same, redacted: {redacted.repaired_args}", redacted


def network() -> Iterator[Row]:
    guard = NetworkPolicyGuard()
    yield "a public host", guard.check("fetch", {"url": "https://api.example.com/"})
    yield "a name that only looks local", guard.check("fetch", {"url": "https://127.example.com/"})
    for url in ("http://localhost:8080/", "http://2130706433/", "http://169.254.169.254/latest"):
        yield url, guard.check("fetch", {"url": url})


def side_effects() -> Iterator[Row]:
    guard = SideEffectGuard(environment=Environment.PROD)
    yield "get_settings", guard.check("get_settings", {})
    yield "create_user", guard.check("create_user", {})
    yield "delete_user in production", guard.check("delete_user", {})
    yield "run_sql that selects", guard.check("run_sql", {"sql": "SELECT * FROM users"})
    yield "run_sql that drops a table", guard.check("run_sql", {"sql": "DROP TABLE users"})
    yield "bash with rm -rf ~", guard.check("bash", {"command": "rm -rf ~"})
    demo = SideEffectGuard(mode=ExecutionMode.READ_ONLY)
    yield "update_user in read-only mode", demo.check("update_user", {})


def capabilities() -> Iterator[Row]:
    guard = SideEffectGuard(
        require_capability_token=True, capability_key=KEY, requester="the agent"
    )
    token = issue_capability(KEY, "send_email", {"to": "ann"}, lifetime_ms=60_000, approver="eve")
    yield "none", guard.check("send_email", {"to": "ann"})
    for other in ("bob", "ann", "ann"):
        args = {"to": other, "_capability_token": token}
        yield f"one for ann, used for {other}", guard.check("send_email", args)


def concurrency() -> Iterator[Row]:
    async def calls() -> list[GuardResult]:
        guard = ConcurrencyGuard(per_tool_max={"heavy": 2})
        return [await guard.acquire("heavy") for _ in range(3)]

    for number, said in enumerate(asyncio.run(calls()), start=1):
        yield f"call {number} of two that may run at once", said


def timeout_budget() -> Iterator[Row]:
    now = 0
    guard = TimeoutBudgetGuard(per_turn_budget_ms=30_000, clock=lambda: now)
    guard.start_turn()
    for seconds in (1, 25, 31):
        now = seconds * 10**9
        yield f"after {seconds} of 30 seconds", guard.check("fetch", {})


def plan_shape() -> Iterator[Row]:
    guard = PlanShapeGuard(max_chain_length=3)
    for number in range(1, 5):
        yield f"step {number} of three", guard.check("step", {})
        guard.record_call("step")
    many = [{"tool": "fetch", "args": {"id": number}} for number in range(150)]
    yield "150 calls at once", guard.check_batch(many)


def retries() -> Iterator[Row]:
    guard = RetrySafetyGuard(require_idempotency_key=True)
    for number in range(1, 5):
        yield f"try {number} of the same query", guard.check("get_rows", {"b": 2, "a": 1})
    guard.record_error("get_user", {"id": 1}, "auth")
    yield "again, after it was not authorised", guard.check("get_user", {"id": 1})
    yield "an order without a key", guard.check("create_order", {"item": 1})
    keyed = {"item": 1, "_idempotency_key": "k-1"}
    yield "an order with a key", guard.check("create_order", keyed)


def output_size() -> Iterator[Row]:
    guard = OutputSizeGuard(max_array_length=1000)
    cuts = OutputSizeGuard(truncation_mode=TruncationMode.TRUNCATE)
    yield "ten rows", guard.check_output("query", {}, list(range(10)))
    yield "two thousand rows", guard.check_output("query", {}, list(range(2000)))
    yield "200 KB of text, cut", cuts.check_output("query", {}, {"text": "x" * 200_000})


def provenance() -> Iterator[Row]:
    guard = ProvenanceGuard()
    reference = guard.record_output("fetch", {}, {"rows": [1, 2, 3]})
    yield "a reference that it gave out", guard.check("sum", {"ref": reference})
    yield "one that somebody made up", guard.check("sum", {"ref": "fetch:abc123:1703001234567"})


def saturation() -> Iterator[Row]:
    guard = SaturationGuard(cdf_tools={"normal_cdf"}, degenerate_values={0.0, 1.0})
    yield "z = 1", guard.check("normal_cdf", {"x": 1, "mean": 0, "std": 1})
    yield "z = 100", guard.check("normal_cdf", {"x": 100, "mean": 0, "std": 1})


def runaway() -> Iterator[Row]:
    chain = GuardChain([RunawayGuard()])
    for number in range(1, 5):
        try:
            with chain.guarded("poll", {"id": 7}) as call:
                call.finish("pending")
            yield f"poll {number}, and nothing new", call.result
        except GuardBlocked as blocked:
            yield f"poll {number}, and nothing new", said_in(blocked)


def budget() -> Iterator[Row]:
    guard = BudgetGuard(max_calls_per_turn=3)
    for number in range(1, 5):
        yield f"call {number} of three", guard.check("fetch", {})


def taint() -> Iterator[Row]:
    chain = GuardChain([TaintGuard()])
    secret = secrets.token_hex(20)
    chain.check_output("read_secret", {}, {"value": secret})
    yield "a mail with other words", chain.check_all("send_email", {"body": "see you at noon"})
    yield "a mail with what was read", chain.check_all("send_email", {"body": secret})


def unresolved() -> Iterator[Row]:
    guard = UnresolvedReferenceGuard()
    yield "an id", guard.check("get_user", {"id": "7"})
    yield "${user.id}", guard.check("get_user", {"id": "${user.id}"})


def together() -> Iterator[Row]:
    chain = create_default_guard_chain()

    @chain.protect
    def fetch(url: str) -> dict[str, Any]:
        return {"page": "hello", "from": url}

    reply = fetch("https://example.com/")
    yield f"fetch gives {reply}", chain.check_output("fetch", {}, reply)
    try:
        fetch("http://[::ffff:169.254.169.254]/")
    except GuardBlocked as blocked:
        said = said_in(blocked)
        yield f"fetch is not called: stopped by {said.stopped_at}", said


def said_in(blocked: GuardBlocked) -> ChainResult:
    """What the chain said when it stopped a guarded call."""
    return cast("ChainResult", blocked.result)


if __name__ == "__main__":
    main()
