"""What each kind of agent needs in a bottle, read from `data/agents.toml`."""

import json
import re
import tomllib
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path, PurePath
from typing import Any, Final

import msgspec
from msgspec import Struct

from stopper.errors import BottleError

__all__ = ["AgentFile", "Agents", "Profile", "compose", "load_agents", "pick", "slug"]

MAX_FILE_BYTES: Final = 4 << 20


class AgentFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A settings file made for one bottle: `keep` are top-level keys taken from the user's own.

    Everything else in the user's file stays outside, because such files hold logins. From TOML
    only plain values are taken. `set` comes last; its texts may hold `{workspace}`, `{key}`
    (the placeholder of the agent's provider), `{key_tail}` (its last 20 characters) and `{base}`.
    """

    path: str
    keep: tuple[str, ...] = ()
    set: dict[str, Any] = {}


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of agent.

    `commands` are shell-style patterns of program names. `provider` is whose key it needs.
    `userns` leaves nested user namespaces on, for its own sandbox. `read` and `write` are paths
    below the home folder, where `{slug}` is the workspace as Claude Code spells it in a name.
    `resume` are the arguments that take up the last conversation, where the agent can do so;
    `resume_headless` those that do so without a terminal, for a run whose arguments hold one of
    `headless`.
    """

    commands: tuple[str, ...] = ()
    provider: str = ""
    userns: bool = False
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    files: tuple[AgentFile, ...] = ()
    variables: dict[str, str] = {}
    headless: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    resume_headless: tuple[str, ...] = ()

    def resumed(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The command that takes up where `command` was stopped; itself where there is no such."""
        if not self.resume:
            return command
        headless = any(word in self.headless for word in command[1:])
        return (command[0], *(self.resume_headless if headless else self.resume))


class _Home(Struct, frozen=True, forbid_unknown_fields=True):
    read: tuple[str, ...]


class _Workspace(Struct, frozen=True, forbid_unknown_fields=True):
    guarded: tuple[str, ...]
    repository: tuple[str, ...]


class Agents(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole table."""

    home: _Home
    workspace: _Workspace
    agents: dict[str, Profile]


def load_agents() -> Agents:
    """Read and check the table; a fault in it is a defect and raises msgspec.ValidationError."""
    text = (files("stopper.data") / "agents.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Agents)


def pick(agents: Agents, name: str, program: str) -> str:
    """The profile to use: the one that is named, or with `auto` by the program's own name."""
    if name != "auto":
        if name not in agents.agents:
            known = ", ".join(["auto", *agents.agents])
            raise BottleError(f"{name!r} is no kind of agent: use one of {known}")
        return name
    base = PurePath(program).name
    for profile_name, profile in agents.agents.items():
        if any(fnmatchcase(base, pattern) for pattern in profile.commands):
            return profile_name
    return "generic"


def compose(file: AgentFile, home: Path, words: dict[str, str]) -> str:
    """The text of a settings file for one bottle; what does not read counts as empty."""
    own = _read_table(home / file.path)
    table = {key: own[key] for key in file.keep if key in own}
    table |= _fill(file.set, words)
    if file.path.endswith(".toml"):
        return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    return json.dumps(table, indent=2) + "\n"


def slug(workspace: str) -> str:
    """A path as Claude Code spells it where it names the folder of a project's sessions."""
    return re.sub(r"[^a-zA-Z0-9]", "-", workspace)


def _read_table(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES).decode()
        table: dict[str, Any] = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError):
        return {}
    if path.suffix == ".toml":
        return {key: value for key, value in table.items() if isinstance(value, str | bool | int)}
    return table if isinstance(table, dict) else {}


def _fill(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace("{" + word + "}", text)
        return value
    if isinstance(value, dict):
        return {_fill(key, words): _fill(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, words) for item in value]
    return value
