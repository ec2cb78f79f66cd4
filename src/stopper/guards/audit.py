"""Decisions as rows of a hash chain, and as events of a trace; neither holds a secret."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from stopper.core.audit import GENESIS, AuditRow, Fact, chain_hash
from stopper.core.verdict import Verdict
from stopper.errors import SettingsError
from stopper.guards.decision import Decision, Observer, check_recorder, recorded
from stopper.guards.shown import shown
from stopper.guards.world import Clock, lock, wall_ms

__all__ = ["ACT", "GATE_ACT", "AuditTrail", "audit_fact", "trace_decisions"]

ACT: Final = "guard"
"""What an audit row about a guard's decision is called."""
GATE_ACT: Final = "policy"
"""What one about a decision of the policy gate is called."""

_EVENT: Final = "stopper.guard"
_MAX_SHOWN: Final = 200


class AuditTrail:
    """Writes every decision as an audit row, each with a hash that covers the row before it.

    Give it as `on_decision`. `write` gets the rows in order; where it raises, the call is blocked.
    SettingsError where it is `async`.
    To go on with an older trail, give its newest row as `after`. With `only_refusals`, calls that
    may go as they are leave no row.
    """

    def __init__(
        self,
        write: Callable[[AuditRow], None],
        *,
        run: str = "",
        after: AuditRow | None = None,
        only_refusals: bool = False,
        clock: Clock = wall_ms,
    ) -> None:
        check_recorder("write", write)
        self._write = write
        self._run = run
        self._id = after.id if after else 0
        self._head = after.hash if after else GENESIS
        self._only_refusals = only_refusals
        self._clock = clock
        self._lock = lock()

    @property
    def head(self) -> str:
        """The hash of the newest row; keep it elsewhere, and a cut trail shows."""
        return self._head

    def __call__(self, decision: Decision) -> None:
        """Write one decision."""
        if self._only_refusals and decision.result.final_verdict is Verdict.ALLOW:
            return
        with self._lock:
            act = GATE_ACT if decision.phase == "action" else ACT
            code = decision.result.code or f"{act}.{decision.result.final_verdict}"
            row = AuditRow(self._id + 1, self._clock(), self._run, act, code, audit_fact(decision))
            row = replace(row, hash=chain_hash(self._head, row))
            recorded(self._write, row)
            self._id, self._head = row.id, row.hash


def audit_fact(decision: Decision) -> Fact:
    """What an audit keeps of a decision: which tool and guard, and what was decided."""
    return {
        "tool": shown(decision.tool)[:_MAX_SHOWN],
        "phase": decision.phase,
        "call": decision.call,
        "verdict": decision.result.final_verdict.value,
        "guard": decision.result.stopped_at,
    }


def trace_decisions() -> Observer:
    """An observer that adds every decision to OpenTelemetry's current span, as an event.

    SettingsError where `opentelemetry-api` is not installed.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415  where it is installed
    except ImportError:
        raise SettingsError("traces need OpenTelemetry: pip install opentelemetry-api") from None

    def observe(decision: Decision) -> None:
        span = trace.get_current_span()
        if span.is_recording():
            fact = {f"{_EVENT}.{name}": value for name, value in audit_fact(decision).items()}
            told = {name: value for name, value in fact.items() if value is not None}
            span.add_event(_EVENT, {**told, f"{_EVENT}.code": decision.result.code})

    return observe
