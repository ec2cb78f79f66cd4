"""A run is decided before it starts: names, parents, destinations, budgets, warnings."""

import random
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stopper.bottle.observe import OBSERVE_WARNING
from stopper.control.home import Home, open_home
from stopper.control.planned import PORT, Planned, RunOptions, plan_run
from stopper.core.budget import Budget, Unit
from stopper.core.provider import OnDisconnect
from stopper.core.scope import GLOBAL, Scope, ScopeKind
from stopper.errors import BottleError, SettingsError, StopperError, UsageError
from stopper.settings import Shutdown
from stopper.testing.past import Past

HOST = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder below somebody's home, and the present one."""
    folder = tmp_path / "home" / "work"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def key() -> str:
    """A provider's key as it might look."""
    return "sk-ant-" + "".join(random.choices(string.ascii_letters, k=40))  # noqa: S311  no secret


def planned(home: Home, host: Mapping[str, str] = HOST, **asked: Any) -> Planned:
    """The plan for `true`, or what is asked for."""
    return plan_run(RunOptions(**{"command": ("true",), **asked}), home, host)


def with_settings(tmp_path: Path, text: str, **flags: Any) -> Home:
    """An open folder with these settings."""
    folder = tmp_path / "state"
    folder.mkdir(exist_ok=True)
    (folder / "settings.yml").write_text(text)
    return open_home({"STOPPER_HOME": str(folder)}, flags)


@pytest.mark.usefixtures("workspace")
def test_nothing_is_recorded(home: Home) -> None:
    planned(home, budget=("200k",))
    assert home.ledger.runs() == []
    assert home.ledger.budgets() == []
    assert list(home.ledger.audit()) == []


def test_the_present_folder_is_the_workspace(home: Home, workspace: Path) -> None:
    found = planned(home)
    assert found.plan.workspace == str(workspace)
    assert found.run.fact["workspace"] == str(workspace)
    assert found.plan.port == PORT
    assert found.warnings == ()
    assert found.policy is Shutdown.CUTOFF


@pytest.mark.usefixtures("workspace")
def test_a_run_has_a_path_of_scopes_nearest_first(home: Home, past: Past) -> None:
    past.run("grandparent", status="ended")
    past.run("parent", parents=("grandparent",), status="ended")
    run = planned(home, name="fox", parent="parent").run
    assert run.path == (
        Scope(ScopeKind.RUN, run.id),
        Scope(ScopeKind.AGENT, "generic"),
        Scope(ScopeKind.BOTTLE, "fox"),
        Scope(ScopeKind.BOTTLE, "parent"),
        Scope(ScopeKind.BOTTLE, "grandparent"),
        GLOBAL,
    )
    again = planned(home, name="fox", resumes="0123456789ab").run
    assert again.path[0] == Scope(ScopeKind.RUN, "0123456789ab")
    assert again.id != run.id


@pytest.mark.usefixtures("workspace")
def test_a_bottle_that_nobody_named_gets_a_name(home: Home) -> None:
    names = {planned(home).run.bottle for _ in range(3)}
    assert all(name.replace("-", "").isalpha() for name in names)


REFUSED: dict[str, tuple[dict[str, Any], type[StopperError], str]] = {
    # what is wrong             what is asked for                          error           what is said
    "a name with a space":     ({"name": "a b"},                           UsageError,    "is no name"),
    "a name that is a path":   ({"name": "../x"},                          UsageError,    "is no name"),
    "a name of 64":            ({"name": "x" * 64},                        UsageError,    "at most 63"),
    "a name that steers":      ({"name": "\x1b[31m"},                      UsageError,    r"\\x1b"),
    "a name that runs":        ({"name": "fox"},                           UsageError,    "'fox' is running: choose another name"),
    "its own parent":          ({"name": "den", "parent": "den"},          UsageError,    "cannot be its own parent"),
    "a parent of its parent":  ({"name": "den", "parent": "fox"},          UsageError,    "cannot be its own parent"),
    "a parent that is none":   ({"parent": "fxo"},                         UsageError,    "no bottle 'fxo' to be a parent. Did you mean 'fox'?"),
    "an isolation":            ({"isolation": "none"},                     UsageError,    "use bottle, observe"),
    "a budget":                ({"budget": ("lots",)},                     SettingsError, "'lots' is no amount"),
    "a budget's payer":        ({"budget": ("claud=1k",)},                 SettingsError, "did you mean 'claude'?"),
    "an agent":                ({"agent": "claud"},                        BottleError,   "no kind of agent"),
    "a command":               ({"command": ("no-such-program",)},         BottleError,   "no such program on your PATH"),
    "a workspace":             ({"workspace": "/nowhere"},                 BottleError,   "/nowhere"),
    "a variable":              ({"env": ("NOT_SET",)},                     BottleError,   "NOT_SET is not set"),
}  # fmt: skip


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(("asked", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_told(
    home: Home, past: Past, asked: dict[str, Any], error: type[StopperError], said: str
) -> None:
    past.run("fox", parents=("den",))
    past.run("den", status="ended")
    with pytest.raises(error) as raised:
        planned(home, **asked)
    assert said.replace("\\\\", "\\") in str(raised.value)


@pytest.mark.usefixtures("workspace")
def test_budgets_are_the_runs_own(home: Home) -> None:
    found = planned(home, budget=("200k", "claude=$2.50"))
    scope = found.run.path[0]
    assert found.budgets == (
        Budget(scope, Unit.TOKENS, 200_000),
        Budget(scope, Unit.MICROS, 2_500_000, provider="anthropic"),
    )


KEYS: dict[str, tuple[dict[str, str], str, set[str]]] = {
    # what the user has       variables                              agent      providers
    "nothing":               ({},                                    "generic", set()),
    "an agent of its own":   ({},                                    "claude",  {"anthropic"}),
    "keys":                  ({"OPENAI_API_KEY": "x" * 20, "XAI_API_KEY": "x" * 20}, "generic", {"openai", "xai"}),
    "an empty key":          ({"OPENAI_API_KEY": ""},                "generic", set()),
}  # fmt: skip


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(("variables", "agent", "providers"), KEYS.values(), ids=KEYS)
def test_those_providers_are_open_that_are_needed(
    home: Home, variables: dict[str, str], agent: str, providers: set[str]
) -> None:
    found = planned(home, {**HOST, **variables}, agent=agent)
    assert set(found.table.mounts) == providers


@pytest.mark.usefixtures("workspace")
def test_a_key_stays_outside(home: Home, key: str) -> None:
    found = planned(home, {**HOST, "ANTHROPIC_API_KEY": key})
    credential = found.table.mounts["anthropic"].credential
    assert credential is not None
    assert credential.secret == key.encode()
    assert found.plan.environment["ANTHROPIC_API_KEY"] != key
    assert key not in str(found.plan)
    assert key not in str(found.run)


@pytest.mark.usefixtures("workspace")
def test_a_key_goes_to_another_upstream_only_by_name(tmp_path: Path, key: str) -> None:
    host = {**HOST, "ANTHROPIC_API_KEY": key, "GATEWAY_KEY": key[::-1]}
    flag = ["anthropic=https://gateway.example.com"]
    with with_settings(tmp_path, "", upstreams=flag) as home:
        mount = planned(home, host).table.mounts["anthropic"]
        assert mount.credential is None
        assert str(mount.base) == "https://gateway.example.com/"
    text = "upstreams: {anthropic: {url: https://gateway.example.com, key_env: GATEWAY_KEY}}"
    with with_settings(tmp_path, text) as home:
        credential = planned(home, host).table.mounts["anthropic"].credential
        assert credential is not None
        assert credential.secret == key[::-1].encode()
    text = text.replace("https", "http")
    with with_settings(tmp_path, text) as home, pytest.raises(SettingsError, match="use https"):
        planned(home, host)


@pytest.mark.usefixtures("workspace")
def test_settings_become_rules_and_habits(tmp_path: Path) -> None:
    text = (
        "allow: [docs.example.org, '*.example.com:8443', 'localhost:5432']\n"
        "websockets: [docs.example.org]\n"
        "disconnect: {openai: drain}\n"
        "shutdown: kill\n"
    )
    with with_settings(tmp_path, text) as home:
        found = planned(home)
    assert [str(rule) for rule in found.table.rules] == [
        "docs.example.org:443",
        "*.example.com:8443",
        "localhost:5432",
    ]
    assert len(found.table.websockets) == 1
    assert found.plan.environment["NO_PROXY"] == "127.0.0.1,::1"
    assert found.table.known["openai"].on_disconnect is OnDisconnect.DRAIN
    assert found.policy is Shutdown.KILL


@pytest.mark.usefixtures("workspace")
def test_what_fails_open_is_warned_of(tmp_path: Path) -> None:
    text = "unknown_model: count\nunbounded: count\nunmetered_paths: [openai GET /v1/files]\n"
    with with_settings(tmp_path, text) as home:
        warnings = planned(home, isolation="observe").warnings
    assert warnings[0] == OBSERVE_WARNING
    assert [warning.partition(":")[0] for warning in warnings[1:]] == [
        "unmetered_paths",
        "unknown_model",
        "unbounded",
    ]


def test_flags_are_those_wishes_that_override_settings() -> None:
    asked = RunOptions(command=("x",), policy="kill", allow=("a",), upstream=("b",), budget=("1",))
    assert asked.flags == {"shutdown": "kill", "allow": ["a"], "upstreams": ["b"]}
    assert RunOptions(command=("x",)).flags == {}
