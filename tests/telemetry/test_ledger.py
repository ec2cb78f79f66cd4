"""What is recorded is there: for every process, after restarts, midnights and rotations."""

import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stopper.core.usage import Quality
from stopper.errors import SettingsError, StoreError
from stopper.telemetry import (
    CEREBRAS_DAILY_LIMIT,
    DEFAULT_DAILY_LIMIT,
    LEDGER_PATH,
    Alert,
    AlertLevel,
    TokenLedger,
    UsageEntry,
)
from stopper.testing.clock import NOON, Clock

Opened = Callable[..., TokenLedger]


def used(ledger: TokenLedger, provider: str = "cerebras") -> int:
    return ledger.check_burn_rate(provider).used_tokens


def test_what_is_recorded(opened: Opened) -> None:
    ledger = opened()
    entry = ledger.record_usage("Cerebras", "llama", 5000, 1200, 340.5, "code_generation")
    line = json.loads(ledger.path.read_text())
    assert line.pop("id") == entry.id
    assert line == {
        "timestamp": "2026-03-31T12:00:00Z",
        "provider": "cerebras",
        "model": "llama",
        "input_tokens": 5000,
        "output_tokens": 1200,
        "latency_ms": 340.5,
        "operation": "code_generation",
    }
    assert [*ledger.entries()] == [entry]
    assert ledger.path.stat().st_mode & 0o777 == 0o600


def test_kinds_of_tokens_and_their_quality(opened: Opened) -> None:
    ledger = opened()
    ledger.record_usage(
        "anthropic", "m", 1, 2, cache_write_tokens=30, cache_read_tokens=400, quality="estimated"
    )
    assert used(ledger, "claude") == 433
    assert next(ledger.entries()).quality is Quality.ESTIMATED


@pytest.mark.parametrize("name", ["cerebras", "Cerebras", "CEREBRAS ", " cErEbRaS"])
def test_the_case_of_a_name_never_matters(opened: Opened, name: str) -> None:
    ledger = opened()
    ledger.record_usage(name, "m", 10, 0)
    assert {used(ledger, other) for other in ("cerebras", "Cerebras", name)} == {10}


def test_a_restart_keeps_the_total(opened: Opened) -> None:
    """The original forgot all that its last summary did not have."""
    first = opened()
    for _ in range(9):
        first.record_usage("cerebras", "m", 5_000_000, 0)
    assert used(opened()) == 45_000_000


def test_two_at_once_see_each_other(opened: Opened) -> None:
    """With the original, the last writer won."""
    one, other = opened(), opened()
    for _ in range(3):
        one.record_usage("cerebras", "m", 1, 0)
        other.record_usage("cerebras", "m", 10, 0)
    assert used(one) == used(other) == 33


def test_midnight_begins_a_day_at_once(opened: Opened, clock: Clock) -> None:
    """In the original yesterday's total held until the first record of the day."""
    ledger = opened()
    clock.now = NOON.replace(hour=23, minute=59)
    ledger.record_usage("cerebras", "m", 23_000_000, 0)
    burn = ledger.check_burn_rate("cerebras")
    assert (burn.alert_level, burn.resets) == (
        AlertLevel.FALLBACK,
        datetime(2026, 4, 1, tzinfo=UTC),
    )
    clock.go(minutes=1)
    assert ledger.check_burn_rate("cerebras").alert_level is AlertLevel.INFO
    assert used(opened()) == 0
    clock.go(minutes=-1)
    assert used(ledger) == 23_000_000


def test_rotation_keeps_the_totals(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopper.telemetry.journal.MAX_FILE_BYTES", 2000)
    one, other = opened(), opened()
    for number in range(200):
        (one, other)[number % 2].record_usage("cerebras", f"m{number}", 1, 1)
    files = sorted(file.name for file in one.path.parent.iterdir())
    assert files == ["usage.jsonl", *(f"usage.jsonl.{n}" for n in range(1, 9))]
    assert used(one) == used(other) == used(opened()) == 400
    kept = [entry.model for entry in one.entries()]
    assert kept == [f"m{number}" for number in range(200 - len(kept), 200)]
    assert len(kept) > 50
    monkeypatch.undo()


def test_two_rotations_at_once(opened: Opened) -> None:
    """What others wrote, and moved away again before a process came back from its own rotation."""
    one, other = opened(), opened()
    one.record_usage("cerebras", "m", 100, 0)
    one._journal._rotate()
    other.record_usage("cerebras", "m", 10, 0)
    other._journal._rotate()
    one.path.touch()  # as a third that was killed left it
    one.record_usage("cerebras", "m", 1, 0)
    assert used(one) == used(opened()) == 111
    assert used(other) == 111


def test_a_process_killed_in_its_rotation(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The full file was moved away, and there is no new one yet; or it is empty, or torn."""
    ledger = opened()
    ledger.record_usage("cerebras", "m", 100, 0)
    path = ledger.path
    path.rename(path.with_name("usage.jsonl.1"))
    assert used(opened()) == 100
    assert used(ledger) == 100
    path.write_bytes(b"")
    assert used(opened()) == 100
    path.write_bytes(b'{"carry":{"cereb')
    again = opened()
    again.record_usage("cerebras", "m", 7, 0)
    assert used(again) == used(opened()) == 107


def test_a_torn_line_is_closed_and_told(opened: Opened) -> None:
    ledger = opened()
    ledger.record_usage("cerebras", "m", 1, 0)
    with ledger.path.open("ab") as file:
        file.write(b'{"timestamp": "2026-0')
    ledger.record_usage("cerebras", "m", 2, 0)
    fresh = opened()
    assert used(fresh) == used(ledger) == 3
    assert fresh.unreadable == 1
    assert len([*fresh.entries()]) == 2


def test_lines_of_others_are_read(opened: Opened) -> None:
    """As the document has them: no zone, fields that are not known here."""
    ledger = opened()
    ledger.path.parent.mkdir()
    ledger.path.write_text(
        '{"timestamp": "2026-03-31T10:30:00", "provider": "Cerebras", "model": "m", '
        '"input_tokens": 5, "output_tokens": 6, "session": "s"}\n'
        '{"timestamp": "2026-03-31T10:30:00", "provider": "cerebras", "model": "m", '
        '"input_tokens": -5, "output_tokens": 6}\n'
    )
    assert used(ledger) == 11
    assert ledger.unreadable == 1


def test_a_file_that_was_removed_is_begun_anew(opened: Opened) -> None:
    ledger = opened()
    ledger.record_usage("cerebras", "m", 1, 0)
    ledger.path.unlink()
    ledger.record_usage("cerebras", "m", 2, 0)
    assert used(ledger) == 2


def test_nothing_is_made_by_looking(opened: Opened) -> None:
    ledger = opened()
    assert used(ledger) == 0
    assert ([*ledger.entries()], ledger.providers()) == ([], [])
    assert not ledger.path.parent.exists()


def test_threads(opened: Opened) -> None:
    ledger = opened()
    ready = threading.Barrier(4)

    def write() -> None:
        ready.wait()
        for _ in range(50):
            ledger.record_usage("cerebras", "m", 1, 0)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert used(ledger) == used(opened()) == 200


def test_after_a_fork(opened: Opened) -> None:
    """Parent and child do not share the lock, and their entries have ids of their own."""
    ledger = opened()
    ledger.record_usage("cerebras", "m", 1, 0)
    child = os.fork()
    if child == 0:
        try:
            for _ in range(100):
                ledger.record_usage("cerebras", "m", 1, 0)
        finally:
            os._exit(0)
    for _ in range(100):
        ledger.record_usage("cerebras", "m", 1, 0)
    assert os.waitpid(child, 0)[1] == 0
    assert used(ledger) == 201
    assert len({entry.id for entry in ledger.entries()}) == 201


LIMITS = {
    # provider     given                      environment                        limit
    "cerebras":   ("cerebras", {},            {},                                24_000_000),
    "another":    ("groq",     {},            {},                                100_000_000),
    "set":        ("groq",     {},            {"STOPPER_DAILY_LIMIT": "24000000"}, 24_000_000),
    "set short":  ("cerebras", {},            {"STOPPER_DAILY_LIMIT": "5M"},     5_000_000),
    "given":      ("claude",   {"Anthropic": 7}, {"STOPPER_DAILY_LIMIT": "5M"},  7),
}  # fmt: skip


@pytest.mark.parametrize(("provider", "given", "environ", "limit"), LIMITS.values(), ids=LIMITS)
def test_daily_limits(
    opened: Opened, provider: str, given: dict[str, int], environ: dict[str, str], limit: int
) -> None:
    ledger = opened(daily_limits=given, environ=environ)
    assert ledger.check_burn_rate(provider).daily_limit == limit


def test_the_constants_are_what_holds() -> None:
    assert (CEREBRAS_DAILY_LIMIT, DEFAULT_DAILY_LIMIT) == (24_000_000, 100_000_000)


@pytest.mark.parametrize("text", ["nan", "-1", "0", "$5", "5M/day", "1e9", "inf"])
def test_limits_that_do_not_read(opened: Opened, text: str) -> None:
    with pytest.raises(SettingsError, match="STOPPER_DAILY_LIMIT"):
        opened(environ={"STOPPER_DAILY_LIMIT": text})


@pytest.mark.parametrize("limit", [0, -1, 10**16, float("nan"), True])
def test_limits_that_cannot_be(opened: Opened, limit: int) -> None:
    with pytest.raises(ValueError, match="daily limit"):
        opened(daily_limits={"openai": limit})


BAD: dict[str, dict[str, object]] = {
    "below zero": {"input_tokens": -1},
    "no whole number": {"output_tokens": 1.5},
    "no number": {"input_tokens": float("nan")},
    "a truth": {"input_tokens": True},
    "too many": {"output_tokens": 10**13},
    "time below zero": {"latency_ms": -1},
    "no time": {"latency_ms": float("nan")},
    "no provider": {"provider": ""},
    "a long model": {"model": "m" * 300},
    "no quality": {"quality": "guessed"},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_no_call_has(opened: Opened, change: dict[str, object]) -> None:
    call: dict[str, object] = {
        "provider": "openai",
        "model": "m",
        "input_tokens": 1,
        "output_tokens": 1,
    }
    ledger = opened()
    with pytest.raises(ValueError):  # noqa: PT011  each names its own field
        ledger.record_usage(**{**call, **change})  # type: ignore[arg-type]
    assert not ledger.path.exists()


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TokenLedger(environ={}).path == Path(LEDGER_PATH)
    environ = {"STOPPER_TELEMETRY_PATH": "elsewhere.jsonl"}
    assert TokenLedger(environ=environ).path == Path("elsewhere.jsonl")
    assert TokenLedger("mine.jsonl", environ=environ).path == Path("mine.jsonl")
    monkeypatch.chdir(tmp_path)
    TokenLedger(environ={}).record_usage("openai", "m", 1, 1)
    assert (tmp_path / ".stopper" / ".gitignore").read_text().endswith("*\n")


def test_faults_are_told(opened: Opened) -> None:
    """The original swallowed them."""
    ledger = opened()
    ledger.path.parent.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"usage\.jsonl: the usage ledger cannot be used"):
        ledger.record_usage("openai", "m", 1, 1)


def test_a_full_disk_leaves_no_half_line(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = opened()
    ledger.record_usage("openai", "m", 1, 1)
    before = ledger.path.read_bytes()
    real = os.write

    def some(fd: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return real(fd, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr("os.write", some)
        with pytest.raises(StoreError, match="No space left"):
            ledger.record_usage("openai", "m", 2, 2)
    assert ledger.path.read_bytes() == before
    ledger.record_usage("openai", "m", 2, 2)
    assert used(ledger, "openai") == used(opened(), "openai") == 6


def test_alerts_come_once_among_all(opened: Opened) -> None:
    """Whoever crosses the threshold tells it."""
    told: list[Alert] = []
    one, other = opened(sinks=[told.append]), opened()
    other.on_alert(told.append)
    for number in range(24):
        (one, other)[number % 2].record_usage("Cerebras", "m", 1_000_000, 0)
    assert [alert.code for alert in told] == [
        "burn.info",
        "burn.warning",
        "burn.critical",
        "burn.fallback",
    ]
    assert [alert.used_tokens for alert in told] == [12e6, 17e6, 22e6, 23e6]
    assert told[3].level is AlertLevel.FALLBACK
    assert told[3].reason == "cerebras has used 23,000,000 of 24,000,000 tokens today (96%)"
    assert told[3].as_json()["level"] == "FALLBACK"


def test_an_unusual_rate_is_told_with_its_reason(opened: Opened, clock: Clock) -> None:
    told: list[Alert] = []
    ledger = opened(sinks=[told.append])
    for _ in range(30):
        clock.go(minutes=5)
        ledger.record_usage("openai", "m", 1_000, 0)
    assert told == []
    clock.go(minutes=10)
    for _ in range(20):
        ledger.record_usage("openai", "m", 1_000, 0)
    assert [alert.code for alert in told] == ["burn.anomaly"]
    assert "times the usual 1,000" in told[0].reason
    burn = ledger.check_burn_rate("openai")
    assert burn.anomaly is not None
    assert burn.anomaly.tokens == 20_000
    clock.go(minutes=6)
    assert ledger.check_burn_rate("openai").anomaly is None


def test_a_listener_that_fails(opened: Opened) -> None:
    """The record stands, the others are told, and then the error goes on."""
    seen: list[UsageEntry] = []

    def fail(_: object) -> None:
        raise LookupError

    ledger = opened(sinks=[fail], watchers=[seen.append])
    with pytest.raises(LookupError):
        ledger.record_usage("cerebras", "m", 13_000_000, 0)
    assert used(ledger) == 13_000_000
    assert len(seen) == 1


def test_the_forecast(opened: Opened, clock: Clock) -> None:
    ledger = opened()
    for _ in range(30):
        ledger.record_usage("cerebras", "m", 100_000, 0)
        clock.go(minutes=1)
    burn = ledger.check_burn_rate("cerebras")
    assert burn.forecast is not None
    assert burn.forecast.tokens_per_minute == 100_000
    assert burn.forecast.expected == datetime(2026, 3, 31, 16, 0, tzinfo=UTC)
    assert burn.runs_out
    assert burn.remaining_tokens == 21_000_000
    assert not opened().check_burn_rate("openai").runs_out
