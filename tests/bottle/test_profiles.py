"""The table of agents, and the settings files that are made from it."""

import json
import secrets
import tomllib
from pathlib import Path

import pytest

from stopper.bottle.profiles import AgentFile, Profile, compose, load_agents, pick, slug
from stopper.errors import BottleError

AGENTS = load_agents()
TOKEN = secrets.token_hex(16)

PICKED = {
    # program                                               asked for  profile
    "claude by its name":         ("claude",                "auto",    "claude"),
    "claude by its path":         ("/opt/bin/claude",       "auto",    "claude"),
    "codex":                      ("codex",                 "auto",    "codex"),
    "python with a version":      ("/usr/bin/python3.12",   "auto",    "python"),
    "anything else":              ("./my-agent",            "auto",    "generic"),
    "a name that only contains":  ("claude-wrapper",        "auto",    "generic"),
    "by an explicit wish":        ("./my-agent",            "claude",  "claude"),
}  # fmt: skip


@pytest.mark.parametrize(("program", "asked", "profile"), PICKED.values(), ids=PICKED)
def test_pick(program: str, asked: str, profile: str) -> None:
    """The command's own name decides unless the user does."""
    assert pick(AGENTS, asked, program) == profile


def test_unknown_kind_names_the_known() -> None:
    """A typo gets the list."""
    with pytest.raises(BottleError, match="auto, claude, codex, python, generic"):
        pick(AGENTS, "cluade", "x")


CREDENTIALS = (".ssh", ".aws", ".netrc", ".npmrc", ".pypirc", ".config/gh", ".docker", ".gnupg",
               ".kube", ".git-credentials", ".cargo/credentials.toml", ".claude/.credentials.json",
               ".codex/auth.json", ".config/gcloud", ".local/share/keyrings", ".bash_history")  # fmt: skip


@pytest.mark.parametrize("secret", CREDENTIALS)
def test_no_row_shows_a_credential(secret: str) -> None:
    """Neither the file itself nor a folder that holds it."""
    shown = [*AGENTS.home.read]
    for profile in AGENTS.agents.values():
        shown += [*profile.read, *profile.write]
    assert not any(Path(secret).is_relative_to(path) for path in shown)


COMMANDS = {
    # what was stopped               profile    the command that takes it up
    "claude in a terminal":         ("claude",  ["claude", "--model", "x"],      ["claude", "--continue"]),
    "claude with a prompt":         ("claude",  ["claude", "-p", "fix it"],      ["claude", "--continue", "-p"]),
    "codex in a terminal":          ("codex",   ["codex"],                       ["codex", "resume", "--last"]),
    "codex with a prompt":          ("codex",   ["codex", "exec", "fix it"],     ["codex", "exec", "resume"]),
    "a script":                     ("python",  ["python3", "agent.py"],         ["python3", "agent.py"]),
}  # fmt: skip


@pytest.mark.parametrize(("profile", "command", "resumed"), COMMANDS.values(), ids=COMMANDS)
def test_resume(profile: str, command: list[str], resumed: list[str]) -> None:
    """The agent's own resume, or the same command again."""
    found = AGENTS.agents[profile].resumed(tuple(command))
    assert list(found[: len(resumed)]) == resumed


def test_settings_keep_only_what_is_named(tmp_path: Path) -> None:
    """A user's settings hold logins and programs to run; they stay outside."""
    own = {"theme": "dark", "primaryApiKey": TOKEN, "mcpServers": {"x": {"command": "evil"}}}
    (tmp_path / "agent.json").write_text(json.dumps(own))
    file = AgentFile("agent.json", ("theme", "missing"), {"tail": ["{key_tail}"], "{workspace}": 1})
    made = json.loads(compose(file, tmp_path, {"key_tail": "abc", "workspace": "/w"}))
    assert made == {"theme": "dark", "tail": ["abc"], "/w": 1}


def test_toml_settings_keep_plain_values(tmp_path: Path) -> None:
    """From TOML only texts, numbers and switches are taken; quotes survive."""
    own = f'model = "a\\"b"\nquiet = true\n[model_providers.x]\nbearer = "{TOKEN}"\n'
    (tmp_path / "config.toml").write_text(own)
    file = AgentFile("config.toml", ("model", "quiet", "model_providers"), {"url": "{base}/v1"})
    made = tomllib.loads(compose(file, tmp_path, {"base": "http://h"}))
    assert made == {"model": 'a"b', "quiet": True, "url": "http://h/v1"}


@pytest.mark.parametrize("text", ["{", "[1]", "\0", ""])
def test_settings_that_do_not_read_count_as_empty(text: str, tmp_path: Path) -> None:
    """A broken file of the user's is no reason not to start."""
    (tmp_path / "a.json").write_text(text)
    assert json.loads(compose(AgentFile("a.json", ("x",)), tmp_path, {})) == {}


def test_slug() -> None:
    """As Claude Code names the folder of a project's sessions."""
    assert slug("/home/me/my_project.x") == "-home-me-my-project-x"


def test_profile_without_resume_is_default() -> None:
    """An empty profile changes nothing."""
    assert Profile().resumed(("a", "b")) == ("a", "b")
