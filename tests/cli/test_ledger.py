"""`stopper ledger`: requests whose cost nobody knows, and what somebody found out."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from stopper.core.usage import Quality
from stopper.stores.ledger import Ledger
from stopper.testing.past import Past

Typed = Callable[..., Result]


@pytest.fixture
def hold(past: Past) -> str:
    """A request whose sender died: charged with 500 tokens."""
    return past.lose(past.run("fox", gone=True))


def test_what_is_pending(typed: Typed, hold: str) -> None:
    shown = typed("ledger", "pending")
    row = shown.stdout.splitlines()[-1].split()
    assert row[:5] == [hold, "fox", "anthropic", "claude-sonnet-5", "500"]
    assert "stopper ledger settle HOLD --output N" in shown.stderr


def test_json(typed: Typed, hold: str) -> None:
    [row] = json.loads(typed("ledger", "pending", "--json").stdout)
    assert {name: row[name] for name in ("hold", "bottle", "provider", "tokens", "micros")} == {
        "hold": hold,
        "bottle": "fox",
        "provider": "anthropic",
        "tokens": 500,
        "micros": 2_000,
    }


def test_nothing_is_pending(typed: Typed) -> None:
    shown = typed("ledger", "pending")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr == "Nothing is pending: the cost of every request is known.\n"
    assert typed("ledger", "pending", "--json").stdout == "[]\n"


SETTLED = {
    # what was found out    words                 said                        tokens
    "what it used":        (("--output", "120"), "120 tokens instead of 500", 120),
    "that it used nothing": (("--output", "0"),  "0 tokens instead of 500",   0),
    "nothing":             (("--as-is",),        "the 500 tokens that it was charged with", 500),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said", "tokens"), SETTLED.values(), ids=SETTLED)
def test_what_was_found_out_replaces_the_bound(
    typed: Typed, ledger: Ledger, hold: str, words: tuple[str, ...], said: str, tokens: int
) -> None:
    shown = typed("ledger", "settle", hold, *words)
    assert (shown.exit_code, shown.stdout) == (0, f"{hold} is settled with {said}.\n")
    assert ledger.pending() == []
    [total] = ledger.totals(("bottle",))
    assert (total.usage.total, total.by_quality) == (tokens, {Quality.ESTIMATED: 1})


REFUSED = {
    # what is wrong           words                         status and needle
    "not what it used":      (("HOLD",),                    "Write --output N, or --as-is."),
    "both":                  (("HOLD", "--output", "1", "--as-is"), "Write --output N, or --as-is."),
    "less than nothing":     (("HOLD", "--output", "-1"),   "not in the range"),
    "no number":             (("HOLD", "--output", "few"),  "not a valid integer"),
    "another request":       (("nothing", "--as-is"),       "No request 'nothing' is pending."),
}  # fmt: skip


@pytest.mark.parametrize(("words", "needle"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_settle(
    typed: Typed, ledger: Ledger, hold: str, words: tuple[str, ...], needle: str
) -> None:
    shown = typed("ledger", "settle", *(hold if word == "HOLD" else word for word in words))
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert needle in shown.stderr
    assert [row.hold for row in ledger.pending()] == [hold]


def test_a_request_is_settled_once(typed: Typed, hold: str) -> None:
    typed("ledger", "settle", hold, "--as-is")
    shown = typed("ledger", "settle", hold, "--as-is")
    assert shown.exit_code == 2
    assert "Nothing is pending." in shown.stderr
