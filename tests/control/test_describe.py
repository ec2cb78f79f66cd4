"""What `--dry-run` says is what the plan holds."""

from pathlib import Path
from typing import Any

import pytest

from stopper.bottle.sandbox import Kind
from stopper.control.describe import Said, describe
from stopper.control.home import Home, open_home
from stopper.control.planned import Planned, RunOptions, plan_run
from stopper.core.budget import Budget, Unit
from stopper.core.scope import GLOBAL, Scope, ScopeKind
from stopper.settings import TABLE

HOST = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with something in it that an agent must not change."""
    folder = tmp_path / "home" / "work"
    (folder / ".git" / "hooks").mkdir(parents=True)
    (folder / ".git" / "config").write_text("[core]\n")
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.chdir(folder)
    return folder


def said(home: Home, **asked: Any) -> tuple[Planned, dict[str, Said]]:
    """The plan, and its rows by what they tell."""
    planned = plan_run(RunOptions(**{"command": ("true",), **asked}), home, HOST)
    return planned, {row.what: row for row in describe(planned, home, HOST)}


@pytest.mark.usefixtures("workspace")
def test_every_path_of_the_plan_is_in_one_row(home: Home, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    planned, rows = said(home, write=(str(tmp_path / "shared"),))
    told = [
        path
        for what in (
            *("workspace", "may write", "stays as it is", "may read", "read-only in /proc"),
            *("in memory only", "made for it", "hidden"),
        )
        for path in (rows[what].values if what in rows else ())
    ]
    shown = [m for m in planned.plan.mounts if m.kind not in (Kind.PROC, Kind.DEV, Kind.LINK)]
    assert sorted(told) == sorted(mount.target for mount in shown)


def test_what_is_guarded_in_the_workspace_is_no_mere_read(home: Home, workspace: Path) -> None:
    _, rows = said(home)
    assert str(workspace / ".git" / "config") in rows["stays as it is"].values
    assert not any(path.startswith(str(workspace)) for path in rows["may read"].values)


@pytest.mark.usefixtures("workspace")
def test_variables_are_the_users_or_ours(home: Home) -> None:
    planned, rows = said(home)
    assert "LANG" in rows["your variables"].values
    assert "HTTPS_PROXY" in rows["variables set"].values
    told = {*rows["your variables"].values, *rows["variables set"].values}
    assert told == set(planned.plan.environment)


@pytest.mark.usefixtures("workspace")
def test_no_sandbox_is_told(home: Home) -> None:
    _, rows = said(home, isolation="observe")
    assert rows["isolation"].values == ("observe",)
    assert "nothing keeps this agent inside" in rows["warning"].values[0]
    assert rows["may touch"].values == ("whatever you may: there is no sandbox",)
    assert "may go another way" in rows["anything else"].values[0]
    assert "may read" not in rows


@pytest.mark.usefixtures("workspace")
def test_the_command_can_be_pasted(home: Home) -> None:
    _, rows = said(home, command=("true", "two words", "it's"))
    [command] = rows["command"].values
    assert command.endswith("""true 'two words' 'it'"'"'s'""")


KEYS: dict[str, tuple[dict[str, str], list[str], str]] = {
    # whose key it is      environment                      upstream                                    what is said
    "nobody's":           ({},                              [],                                         "anthropic at https://api.anthropic.com/, key: missing"),
    "the user's":         ({"ANTHROPIC_API_KEY": "x" * 20}, [],                                         "anthropic at https://api.anthropic.com/, key: put in"),
    "the agent's":        ({"ANTHROPIC_API_KEY": "x" * 20}, ["anthropic=http://127.0.0.1:8080"],        "anthropic at http://127.0.0.1:8080/, key: the agent's own"),
}  # fmt: skip


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(("environ", "upstream", "expected"), KEYS.values(), ids=KEYS)
def test_a_provider_says_where_it_is_and_whose_key_it_gets(
    tmp_path: Path, environ: dict[str, str], upstream: list[str], expected: str
) -> None:
    flags = {"upstreams": upstream} if upstream else {}
    with open_home({"STOPPER_HOME": str(tmp_path / "state")}, flags) as home:
        options = RunOptions(command=("true",), agent="claude")
        rows = describe(plan_run(options, home, {**HOST, **environ}), home)
    [row] = [row for row in rows if row.what == "provider"]
    assert row.values == (expected,)
    assert row.origin == ("--upstream" if upstream else "")
    assert "x" * 20 not in str(rows)


GOVERN = {
    # budgets that are set                  of this run       what governs
    "none":                 ((),            (),               ["no budget: metered only"]),
    "everyone's":           ((GLOBAL,),     (),               ["9 tokens (global)"]),
    "the nearest":          ((GLOBAL, Scope(ScopeKind.BOTTLE, "fox")), (), ["9 tokens (bottle:fox)"]),
    "this run's":           ((GLOBAL,),     ("1k", "$1"),     ["$1.00 (run)", "1,000 tokens (run)"]),
    "another's":            ((Scope(ScopeKind.BOTTLE, "owl"),), (), ["no budget: metered only"]),
    "of another provider":  ((),            ("codex=1k",),    ["no budget: metered only"]),
}  # fmt: skip


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(("scopes", "budget", "expected"), GOVERN.values(), ids=GOVERN)
def test_what_governs_a_provider(
    home: Home, scopes: tuple[Scope, ...], budget: tuple[str, ...], expected: list[str]
) -> None:
    for scope in scopes:
        planned, _ = said(home)
        home.ledger.set_budget(Budget(scope, Unit.TOKENS, 9), planned.run.started)
    planned, rows = said(home, agent="claude", name="fox", budget=budget)
    texts = [text.replace(f":{planned.run.id}", "") for text in rows["governs anthropic"].values]
    assert texts == expected


@pytest.mark.usefixtures("workspace")
def test_every_setting_is_told_with_its_origin(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "settings.yml").write_text("enforce: all\nallow: [docs.example.org]\n")
    with open_home({"STOPPER_HOME": str(state)}, {"shutdown": "kill"}) as home:
        _, rows = said(home)
    assert rows["enforce"].values == ("all",)
    assert rows["enforce"].origin.endswith("settings.yml:1:10")
    assert (rows["shutdown"].values, rows["shutdown"].origin) == (("kill",), "--policy")
    assert rows["weights"].origin == "default"
    assert rows["may reach"].values == ("docs.example.org:443",)
    others = {"budget", "allow", "upstreams"}
    assert {setting.name for setting in TABLE} - others <= set(rows)
