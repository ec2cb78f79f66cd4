"""What is kept of decisions: a chain that shows every change, and no secret."""

import sys
from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry import trace

from stopper.core.audit import AuditRow, verify
from stopper.errors import SettingsError
from stopper.guards.audit import AuditTrail, trace_decisions
from stopper.guards.chain import GuardChain
from stopper.guards.models import GuardResult, allow, block

SECRET = "hunter2"


class Odd:
    """Blocks odd numbers, and quotes nothing."""

    def check(self, _tool: str, args: dict[str, Any]) -> GuardResult:
        return block("test.odd", "odd") if args["n"] % 2 else allow()


def rows(**options: Any) -> tuple[list[AuditRow], AuditTrail]:
    kept: list[AuditRow] = []
    trail = AuditTrail(kept.append, run="run-1", clock=lambda: 1000, **options)
    chain = GuardChain([("odd", Odd())], on_decision=trail)
    for number in range(4):
        chain.check_all("t", {"n": number, "password": SECRET})
    return kept, trail


def test_a_trail_holds_and_shows_every_change() -> None:
    kept, trail = rows()
    assert [row.code for row in kept] == ["guard.allow", "test.odd"] * 2
    assert verify(kept, trail.head) is None
    assert verify([kept[0], replace(kept[1], code="guard.allow"), *kept[2:]], trail.head)
    assert verify(kept[:3], trail.head)


def test_a_row_tells_what_was_decided_and_no_argument() -> None:
    kept, _ = rows()
    assert {**kept[1].fact, "call": ""} == {
        "tool": "t", "phase": "call", "call": "", "verdict": "block", "guard": "odd",
    }  # fmt: skip
    assert (kept[1].run, kept[1].at, kept[1].act) == ("run-1", 1000, "guard")
    assert SECRET not in repr(kept)


def test_a_trail_goes_on() -> None:
    first, _ = rows()
    more: list[AuditRow] = []
    trail = AuditTrail(more.append, run="run-1", after=first[-1], only_refusals=True)
    chain = GuardChain([Odd()], on_decision=trail)
    chain.check_all("t", {"n": 2})
    chain.check_all("t", {"n": 3})
    assert [row.id for row in more] == [5]
    assert verify([*first, *more], trail.head) is None


def test_what_cannot_be_written_blocks_and_breaks_no_chain() -> None:
    kept: list[AuditRow] = []

    def write(row: AuditRow) -> None:
        if len(kept) == 1 and row.code != "test.odd":
            raise OSError("disk full")
        kept.append(row)

    chain = GuardChain([Odd()], on_decision=AuditTrail(write))
    assert chain.check_all("t", {"n": 0}).allowed
    assert chain.check_all("t", {"n": 0}).code == "guard.unrecorded"
    assert chain.check_all("t", {"n": 1}).code == "test.odd"
    assert verify(kept) is None


class Span(trace.NonRecordingSpan):
    """A span that keeps its events."""

    def __init__(self) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.events: list[tuple[str, Any]] = []

    def is_recording(self) -> bool:
        return True

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:  # noqa: ARG002
        self.events.append((name, attributes))


def test_decisions_are_events_of_the_current_span() -> None:
    chain, span = GuardChain([("odd", Odd())], on_decision=trace_decisions()), Span()
    chain.check_all("t", {"n": 1})
    with trace.use_span(span):
        chain.check_all("t", {"n": 1, "password": SECRET})
    ((name, attributes),) = span.events
    assert name == "stopper.guard"
    assert attributes["stopper.guard.verdict"] == "block"
    assert attributes["stopper.guard.code"] == "test.odd"
    assert SECRET not in repr(attributes)


def test_without_opentelemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(SettingsError, match="pip install opentelemetry-api"):
        trace_decisions()
