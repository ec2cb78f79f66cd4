"""`stopper rules`: what is known, and whether it does what it claims."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from stopper.cli import rules
from stopper.data.rules import load_rules

Typed = Callable[..., Result]


def test_a_list(typed: Typed) -> None:
    result = typed("rules", "list")
    rows = [line.split()[0] for line in result.stdout.splitlines()[1:]]
    assert rows == [row["id"] for row in load_rules()]
    told = json.loads(typed("rules", "list", "--json").stdout)
    assert [row["id"] for row in told] == rows
    assert told[0]["hits"]


def test_all_do_what_they_claim(typed: Typed) -> None:
    result = typed("rules", "test")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{len(load_rules())} rules do what they claim: ")
    assert typed("rules", "test", "github-token").stdout.startswith("1 rule does what it claims: ")


def test_one_that_does_not(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {
        "id": "own", "name": "Own", "severity": "low", "tier": "prefix",
        "pattern": "own_[a-z]{8}", "hits": ["own_{lower:8}"], "misses": ["own_{lower:9}"],
    }  # fmt: skip
    monkeypatch.setattr(rules, "load_rules", lambda: [row])
    result = typed("rules", "test")
    assert result.exit_code == 1
    assert result.stderr == "rule own does not load: it finds its own miss 1\n"
    assert json.loads(typed("rules", "test", "--json").stdout)["faults"] == [
        "rule own does not load: it finds its own miss 1"
    ]


def test_one_explained(typed: Typed) -> None:
    shown = typed("rules", "explain", "github-token").stdout
    row = next(row for row in load_rules() if row["id"] == "github-token")
    for text in (row["name"], row["pattern"], *row["hosts"], *row["checks"]):
        assert text in shown
    assert json.loads(typed("rules", "explain", "github-token", "--json").stdout)["id"] == row["id"]


@pytest.mark.parametrize("command", ["test", "explain"])
def test_one_that_there_is_not(typed: Typed, command: str) -> None:
    result = typed("rules", command, "github-tokn")
    assert result.exit_code == 2
    assert "There is no rule 'github-tokn'. Did you mean 'github-token'?" in result.stderr
