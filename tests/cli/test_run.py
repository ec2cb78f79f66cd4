"""`stopper run`: what it is asked, real bottles to their end, and what is said of them."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from stopper.testing.user import User

Typed = Callable[..., Result]
PYTHON = sys.executable
WARNING = "Warning: isolation is `observe`: nothing keeps this agent inside"

MISTAKES = {
    # what is wrong             words                                             status  needle
    "nothing":                 ((),                                                2,   "Write the command behind --"),
    "no --":                   (("claude",),                                       2,   "Write the command behind --, as in: stopper run --budget 200k -- claude"),
    "no --, but its options":  (("claude", "-p", "fix"),                           2,   "Write the command behind --"),
    "nothing behind --":       (("--budget", "1k", "--"),                          2,   "Nothing stands behind --"),
    "the command before --":   (("claude", "--", "-p"),                            2,   "'claude' stands before --"),
    "an option left hanging":  (("--name", "--", "claude"),                        2,   "'--name' requires an argument"),
    "an unknown option":       (("--budgte", "1k", "--", "claude"),                2,   "--budget"),
    "a budget":                (("--budget", "lots", "--", "true"),                2,   "--budget: budget: 'lots' is no amount"),
    "a budget's payer":        (("--budget", "cluade=1k", "--", "true"),           2,   "did you mean 'claude'?"),
    "a policy":                (("--policy", "soft", "--", "true"),                2,   "'cutoff', 'freeze', 'kill'"),
    "an isolation":            (("--isolation", "none", "--", "true"),             2,   "'bottle', 'observe'"),
    "a name":                  (("--name", "two words", "--", "true"),             2,   "use letters, digits, dots and dashes"),
    "a parent":                (("--parent", "nobody", "--", "true"),              2,   "There is no bottle 'nobody' to be a parent."),
    "an upstream":             (("--upstream", "anthropic", "--", "true"),         2,   "write NAME=URL"),
    "an upstream's name":      (("--upstream", "x=http://127.0.0.1", "--", "true"), 2,  "no provider or agent"),
    "a rule":                  (("--allow", "a b", "--", "true"),                  2,   "--allow: allow: read 'a b'"),
    "an agent":                (("--agent", "cluade", "--", "true"),               125, "no kind of agent: use one of auto, claude, codex"),
    "a variable":              (("--env", "NOT_SET_HERE", "--", "true"),           125, "NOT_SET_HERE is not set here"),
    "a key":                   (("--env", "OPENAI_API_KEY", "--", "true"),         125, "OPENAI_API_KEY stays outside"),
    "a workspace":             (("--workspace", "/nowhere", "--", "true"),         125, "/nowhere"),
    "a command":               (("--", "no-such-program"),                         125, "no-such-program: there is no such program on your PATH"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "status", "needle"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_starts_nothing(
    typed: Typed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    status: int,
    needle: str,
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shown = typed("run", *words)
    assert (shown.exit_code, shown.stdout) == (status, "")
    assert needle in " ".join(shown.stderr.split())
    assert json.loads(typed("ps", "--all", "--json").stdout) == []


def test_help_needs_no_command(typed: Typed) -> None:
    assert typed("run", "--help").exit_code == 0


def test_whatever_is_behind_the_dashes_is_the_commands(user: User) -> None:
    done = user.run("echo", "--json", "--", "-q", "--help")
    assert (done.returncode, done.stdout) == (0, b"--json -- -q --help\n")


def test_the_agents_bytes_and_status_are_its_own(user: User) -> None:
    code = "import sys; sys.stdout.write(sys.stdin.read()[::-1]); sys.exit(37)"
    done = user.run(PYTHON, "-c", code, given=b"desrever")
    assert (done.returncode, done.stdout) == (37, b"reversed")
    assert re.fullmatch(
        rb"stopper: bottle [a-z]+-[a-z]+ \(python\), budget none, policy cutoff\n", done.stderr
    )


def test_what_was_used_is_told_at_the_end(user: User, agent: tuple[str, ...]) -> None:
    done = user.run(*agent, "[[mock: tokens=60]]", flags=("--budget=2k", "--name=fox"))
    assert (done.returncode, done.stdout) == (0, b"60\n")
    opening, *_, header, row = done.stderr.decode().splitlines()
    assert opening == "stopper: bottle fox (python), budget 2,000 tokens, policy cutoff"
    assert header.split()[:2] == ["model", "calls"]
    assert row.split()[:2] == ["claude-sonnet-5", "1"]


def test_a_budget_that_is_used_up_is_told_once(user: User, agent: tuple[str, ...]) -> None:
    done = user.run(*agent, *["[[mock: tokens=60]]"] * 4, flags=("--budget=200",))
    assert done.returncode == 0
    assert done.stdout.split()[-1] == b"402"
    assert done.stderr.count(b"stopper: cut: [stopper budget.exhausted]") == 1


def test_quiet_says_nothing_of_its_own(user: User, agent: tuple[str, ...]) -> None:
    done = user.run(*agent, "hi", flags=("--quiet", "--budget=1"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"402\n", b"")


def test_json_is_the_last_line_of_stderr(user: User, agent: tuple[str, ...]) -> None:
    done = user.run(*agent, "[[mock: tokens=60]]", flags=("--json", "--name=fox"))
    assert (done.returncode, done.stdout) == (0, b"60\n")
    said = json.loads(done.stderr)
    assert len(done.stderr.splitlines()) == 1
    total = said.pop("usage")["total"]
    assert (total["requests"], total["output"]) == (1, 60)
    assert said == {
        "run": said["run"],
        "bottle": "fox",
        "status": "ended",
        "exit_code": 0,
        "stopped": None,
        "planted": [],
    }


def test_json_says_why_a_run_was_stopped(user: User, agent: tuple[str, ...]) -> None:
    prompts = ["[[mock: tokens=60]]"] * 4
    done = user.run(*agent, *prompts, flags=("--json", "--budget=200", "--policy=kill"))
    said = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, said["exit_code"], said["status"]) == (137, 137, "killed")
    assert said["stopped"]["code"] == "budget.exhausted"
    assert said["usage"]["total"]["requests"] < 4


def test_no_sandbox_is_told_at_every_run(user: User, agent: tuple[str, ...]) -> None:
    for flags in ((), ("--quiet",), ("--json",)):
        done = user.run(*agent, "hi", flags=("--isolation=observe", *flags))
        assert (done.returncode, done.stdout) == (0, b"32\n")
        assert done.stderr.decode().startswith(WARNING)


def test_what_fails_open_is_told_at_every_run(user: User) -> None:
    (user.state / "settings.yml").write_text("unknown_model: count\n")
    done = user.run("true", flags=("-q",))
    assert done.stderr == (
        b"Warning: unknown_model: models without a price count against no dollar budget\n"
    )


def test_what_an_agent_plants_is_pointed_out(user: User) -> None:
    script = "mkdir .claude && echo {} > .claude/settings.json"
    done = user.run("sh", "-c", script)
    assert done.returncode == 0
    assert b"settings.json before you use it: the agent wrote it" in done.stderr


def test_a_dry_run_shows_what_would_hold_and_starts_nothing(user: User) -> None:
    flags = (
        "--dry-run",
        "--name=fox",
        "--budget=200k",
        "--allow=docs.example.org",
        "--policy=kill",
    )
    done = user.run("python3", "agent.py", "two words", flags=flags)
    assert (done.returncode, done.stderr) == (0, b"")
    said = dict(
        re.split(r"  +", line.strip(), maxsplit=1) for line in done.stdout.decode().splitlines()[1:]
    )
    assert said["bottle"] == "fox"
    assert said["command"].endswith("agent.py 'two words'")
    assert said["workspace"] == str(user.workspace)
    assert re.fullmatch(r"200,000 tokens \(run:[0-9a-f]{12}\)", said["governs anthropic"])
    assert said["may reach"].split() == ["docs.example.org:443", "--allow"]
    assert said["anything else"] == "refused"
    assert said["shutdown"].split() == ["kill", "--policy"]
    assert user.table("ps", "--all") == []
    assert user.table("budget", "list") == []


def test_a_dry_run_in_json_leaves_nothing_out(user: User) -> None:
    done = user.run("true", flags=("--dry-run", "--json", "--isolation=observe"))
    assert (done.returncode, done.stderr) == (0, b"")
    rows = {row["what"]: row["values"] for row in json.loads(done.stdout)}
    assert rows["isolation"] == ["observe"]
    assert WARNING.removeprefix("Warning: ") in rows["warning"][0]
    assert "HTTPS_PROXY" in rows["variables set"]
    assert "PATH" in rows["your variables"]


def test_paths_are_those_of_the_folder_where_they_were_typed(
    typed: Typed, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("home", "work", "shown", "shared"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    paths = ("--read", "../shown", "--write", "../shared")
    shown = typed("run", "--dry-run", "--json", *paths, "--", "true")
    rows = {row["what"]: row["values"] for row in json.loads(shown.stdout)}
    assert rows["workspace"] == [str(tmp_path / "work")]
    assert str(tmp_path / "shown") in rows["may read"]
    assert rows["may write"] == [str(tmp_path / "shared")]


def test_usage_counts_towards_a_parents_budget(user: User, agent: tuple[str, ...]) -> None:
    assert user.run("true", flags=("--name=parent",)).returncode == 0
    assert user.stopper("budget", "set", "bottle:parent", "200").returncode == 0
    done = user.run(*agent, *["[[mock: tokens=60]]"] * 4, flags=("--parent=parent", "-q"))
    assert done.stdout.split()[-1] == b"402"
    [budget] = user.table("budget", "list")
    assert 68 < budget["spent"] <= 200
