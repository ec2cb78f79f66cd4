"""`stopper guards`: what a file holds, and which guard says what."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stopper.cli.app import stopper
from stopper.guards import create_default_guard_chain

Typed = Callable[..., Result]

GUARDS = """\
guards:
  schema_strictness: {coerce_types: true}
  web: {guard: network_policy, require_https: true}
  output_size: {max_array_length: 3}
"""
WATCHED = """\
guards:
  network_policy:
  side_effect: {mode: read_only}
  plan_shape: {shadow: true}
  budget: {max_calls_per_run: 0, shadow: true}
"""
SCHEMAS = {"fetch": {"properties": {"url": {"type": "string"}, "tries": {"type": "integer"}}}}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to type in, with a chain, schemas and a few arguments."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guards.yml").write_text(GUARDS)
    (tmp_path / "watched.yml").write_text(WATCHED)
    (tmp_path / "schemas.json").write_text(json.dumps(SCHEMAS))
    (tmp_path / "good.json").write_text('{"url": "https://example.com/"}')
    (tmp_path / "text.json").write_text('{"url": "https://example.com/", "tries": "2"}')
    (tmp_path / "near.json").write_text('{"url": "http://2130706433/"}')
    (tmp_path / "list.json").write_text("[1, 2, 3, 4]")
    (tmp_path / "broken.json").write_text("{")
    return tmp_path


def test_a_file_that_reads_well(typed: Typed, files: Path) -> None:
    shown = typed("guards", "check", "guards.yml")
    assert shown.exit_code == 0
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[1] == [
        "schema_strictness",
        "SchemaStrictnessGuard",
        "yes",
        "coerce_types:",
        "true",
    ]
    assert lines[2] == ["web", "NetworkPolicyGuard", "yes", "require_https:", "true"]
    assert shown.stdout.endswith("guards.yml reads well: 3 guards.\n")
    told = json.loads(typed("guards", "check", "guards.yml", "--json").stdout)
    assert told[2] == {
        "guard": "output_size",
        "kind": "OutputSizeGuard",
        "shadow": False,
        "fields": {"max_array_length": 3},
    }


def test_shadows_are_marked(typed: Typed, files: Path) -> None:
    lines = typed("guards", "check", "watched.yml").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines if "no, shadow" in line] == [
        "plan_shape", "budget",
    ]  # fmt: skip
    told = json.loads(typed("guards", "check", "watched.yml", "--json").stdout)
    assert [one["shadow"] for one in told] == [False, False, True, True]


def test_a_file_of_one(typed: Typed, files: Path) -> None:
    (files / "one.yml").write_text("guards: {output_size: {}}\n")
    shown = typed("guards", "check", "one.yml")
    assert shown.stdout.endswith("one.yml reads well: 1 guard.\n")


def test_no_list_shows_what_may_pass(typed: Typed, files: Path) -> None:
    (files / "mild.yml").write_text("guards: {sensitive_data: {allowlist: [correct-horse]}}\n")
    for more in ((), ("--json",)):
        shown = typed("guards", "check", "mild.yml", *more)
        assert "1, not shown" in shown.stdout
        assert "horse" not in shown.stdout
    (files / "bad.yml").write_text("guards: {sensitive_data: {allowlist: correct-horse}}\n")
    shown = typed("guards", "check", "bad.yml")
    assert "allowlist: read a text (not shown" in " ".join(shown.stderr.split())
    assert "horse" not in shown.stderr


def test_a_file_that_does_not_read(typed: Typed, files: Path) -> None:
    (files / "bad.toml").write_text("[guards.network_policy]\nmode = 'on'\n")
    shown = typed("guards", "check", "bad.toml")
    assert shown.exit_code == 2
    assert "bad.toml:2:1: guards.network_policy.mode: read 'on'; use one of: off, warn, block" in (
        " ".join(shown.stderr.split())
    )


EXPLAINED: dict[str, tuple[list[str], int, list[str]]] = {
    # what is asked               words                                             status  what is shown
    "a good call":              (["fetch", "good.json"],                            0, ["fetch: allow."]),
    "a bad address":            (["fetch", "near.json"],                            1, ["network_policy", "block", "fetch: block, by network_policy."]),
    "by one's own chain":       (["fetch", "near.json", "--chain", "guards.yml"],   1, ["fetch: block, by web."]),
    "a repair":                 (["fetch", "text.json", "--chain", "guards.yml", "--schemas", "schemas.json"], 0, ["schema.coerced", '"tries":2']),
    "an output":                (["fetch", "good.json", "--chain", "guards.yml", "--output", "list.json"], 1, ["array_length_exceeded: 4 > 3", "by output_size"]),
}  # fmt: skip


@pytest.mark.parametrize(("words", "status", "shown"), EXPLAINED.values(), ids=EXPLAINED)
def test_who_says_what(
    typed: Typed, files: Path, words: list[str], status: int, shown: list[str]
) -> None:
    result = typed("guards", "explain", *words)
    assert result.exit_code == status
    for part in shown:
        assert part in result.stdout


def test_as_json_and_from_stdin(files: Path, typed: Typed) -> None:
    words = ["guards", "explain", "fetch", "-", "--json"]
    result = CliRunner().invoke(stopper, words, input='{"url": "http://localhost/"}')
    told = json.loads(result.stdout)
    assert (result.exit_code, told["verdict"], told["stopped_at"]) == (1, "block", "network_policy")
    assert told["details"]["network_policy"]["reason"] == "Localhost access blocked"
    assert set(told["microseconds"]) == set(told["details"])


MARKS: dict[str, tuple[list[str], dict[str, tuple[str, bool, bool]]]] = {
    # what is asked           words                                                 verdict, shadow, after the stop
    "a call that is stopped": (["create_x", "near.json", "--chain", "watched.yml"], {
        "network_policy": ("block", False, False),
        "side_effect":    ("block", False, True),
        "plan_shape":     ("allow", True, True),
        "budget":         ("block", True, True),
    }),
    "a call that may go": (["get_x", "good.json", "--chain", "watched.yml"], {
        "network_policy": ("allow", False, False),
        "side_effect":    ("allow", False, False),
        "plan_shape":     ("allow", True, False),
        "budget":         ("block", True, False),
    }),
    "an output that is stopped": (["fetch", "good.json", "--chain", "guards.yml", "--output", "list.json"], {
        "output_size":    ("block", False, False),
    }),
}  # fmt: skip


@pytest.mark.parametrize(("words", "marks"), MARKS.values(), ids=MARKS)
def test_every_guard_is_asked_and_told_what_counts(
    typed: Typed, files: Path, words: list[str], marks: dict[str, tuple[str, bool, bool]]
) -> None:
    told = json.loads(typed("guards", "explain", *words, "--json").stdout)
    assert {
        name: (said["verdict"], said.get("shadow", False), said.get("after_stop", False))
        for name, said in told["details"].items()
    } == marks
    assert set(told["microseconds"]) == set(marks)
    shown = typed("guards", "explain", *words).stdout.splitlines()
    for name, (verdict, is_shadow, is_late) in marks.items():
        counts = "no, shadow" if is_shadow else "no, after the stop" if is_late else "yes"
        assert any(line.split()[:2] == [name, verdict] and counts in line for line in shown)


def test_the_default_chain_is_asked_as_a_whole(typed: Typed, files: Path) -> None:
    told = json.loads(typed("guards", "explain", "fetch", "near.json", "--json").stdout)
    assert list(told["details"]) == [name for name, _ in create_default_guard_chain()]


FAULTS: dict[str, tuple[list[str], str]] = {
    "no file":          (["fetch", "none.json"],                            "none.json cannot be read"),
    "no JSON":          (["fetch", "broken.json"],                          "broken.json is no JSON"),
    "no object":        (["fetch", "list.json"],                            "list.json is no JSON object"),
    "schemas as list":  (["fetch", "good.json", "--schemas", "list.json"],  "list.json is no JSON object"),
    "no chain":         (["fetch", "good.json", "--chain", "none.yml"],     "none.yml: cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "complaint"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_read(typed: Typed, files: Path, words: list[str], complaint: str) -> None:
    result = typed("guards", "explain", *words)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())
