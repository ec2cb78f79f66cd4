"""The command tables: programs, their verbs and what these do, wrappers and places."""

import re
import sys
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

__all__ = [
    "Commands",
    "Paths",
    "Places",
    "Program",
    "Rule",
    "Runner",
    "TextRule",
    "Wrapper",
    "load_commands",
    "read_commands",
]

_FILES = (
    "asks", "cloud", "code", "containers", "database", "elevated", "fetch", "git", "jobs",
    "machine", "macos", "network", "packages", "paths", "places", "rights", "sends",
    "system", "uses", "verbs", "windows", "wrappers",
)  # fmt: skip


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """What one verb of a program does.

    `verb` is the words after the program, in order; each may hold `*` and alternatives with `|`.
    `any` needs one of its arguments, `all` every one, `none` forbids each: an option (`-f`, also
    in a cluster; `--force`, also abbreviated or with a value), a pattern of an operand (`+*`),
    `strange://`, an address on a host that is none of `code_hosts`, `package://`, one there, or
    unencrypted, as the first operand or an option's value, `module://`, a Go module there, or
    `service://`, one of `known_services`.
    """

    verb: str
    effect: str
    reason: str
    scope: str = "remote"
    reversible: bool = False
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()


class Program(Struct, frozen=True, forbid_unknown_fields=True):
    """A program with verbs: the options before and among them that take a value, and its rules."""

    rules: tuple[Rule, ...]
    names: tuple[str, ...] = ()
    values: frozenset[str] = frozenset()
    dry: tuple[str, ...] = ()


class Wrapper(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that runs another: how its own options and arguments are skipped.

    `skip` operands stand before the program; `verb` words must come first; `values` are the
    options that take a value; `machine` says where the program runs.
    """

    names: tuple[str, ...]
    verb: str = ""
    values: frozenset[str] = frozenset()
    skip: int = 0
    assigns: bool = False
    machine: str = "here"
    privilege: bool = False
    after: str = ""


class Runner(Struct, frozen=True, forbid_unknown_fields=True):
    """Programs with options whose value is a command line, and where that runs."""

    names: tuple[str, ...]
    code: frozenset[str]
    machine: str = "here"


class TextRule(Struct, frozen=True, forbid_unknown_fields=True):
    """What a text does in which `needs` is found, and `without` is not.

    The text is the arguments of one of the programs that are named, or all of it for the name
    `*`; a rule for code in other languages has no names.
    """

    effect: str
    reason: str
    names: tuple[str, ...] = ()
    needs: str = ""
    without: str = ""
    scope: str = "root"


class Places(Struct, frozen=True, forbid_unknown_fields=True):
    """Folders that mean something: top-level ones, and caches that are only built again."""

    top: tuple[str, ...]
    home_caches: tuple[str, ...]
    system_caches: tuple[str, ...]


class Paths(Struct, frozen=True, forbid_unknown_fields=True):
    """Path patterns: files with credentials, what looks like them and is none, what runs later.

    `private` is what no program is given to work with; `startup` is read by shells, `configs` by
    programs that can run others, and `hooks` is what makes these do so.
    """

    secret: tuple[str, ...]
    private: tuple[str, ...]
    examples: tuple[str, ...]
    public: tuple[str, ...]
    persistent: tuple[str, ...]
    startup: tuple[str, ...]
    configs: tuple[str, ...]
    hooks: tuple[str, ...]
    privileged: tuple[str, ...]
    devices: tuple[str, ...]


class Commands(Struct, frozen=True, forbid_unknown_fields=True):
    """All tables."""

    programs: dict[str, Program]
    wrappers: dict[str, tuple[Wrapper, ...]]
    runners: dict[str, Runner]
    windows: tuple[TextRule, ...]
    code: tuple[TextRule, ...]
    sends: tuple[TextRule, ...]
    places: Places
    paths: Paths
    words: dict[str, frozenset[str]]


@cache
def load_commands() -> Commands:
    """Read and check the tables; a fault in one is a defect and raises ValueError."""
    folder = files(__name__)
    return read_commands(
        {
            name: _interned(tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8")))
            for name in _FILES
        }
    )


def _interned(value: Any) -> Any:
    """The same with one copy of each text: thousands of rows have few verbs and effects."""
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, dict):
        return {sys.intern(key): _interned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_interned(inner) for inner in value]
    return value


def read_commands(tables: dict[str, dict[str, Any]]) -> Commands:
    """The tables of decoded files, by file name; ValueError says which one is wrong, and how."""
    programs: dict[str, Program] = {}
    wrappers: dict[str, list[Wrapper]] = {}
    words: dict[str, Any] = {}
    runners: dict[str, Any] = {}
    rest: dict[str, Any] = {"words": words, "runners": runners}
    for name, table in tables.items():
        try:
            for key, row in table.pop("programs", {}).items():
                program = msgspec.convert(row, Program)
                _check(key, program)
                for alias in (key, *program.names):
                    if alias in programs:
                        raise ValueError(f"commands/{name}.toml describes {alias} again")
                    programs[alias] = program
            for row in table.pop("wrappers", []):
                wrapper = msgspec.convert(row, Wrapper)
                for alias in wrapper.names:
                    wrappers.setdefault(alias, []).append(wrapper)
        except msgspec.ValidationError as error:
            raise ValueError(f"commands/{name}.toml does not read: {error}") from error
        words.update(table.pop("words", {}))
        for row in table.pop("runners", []):
            runners.update(dict.fromkeys(row["names"], row))
        rest.update(table)
    try:
        return msgspec.convert(
            {
                "programs": programs,
                "wrappers": {key: tuple(rows) for key, rows in wrappers.items()},
                **rest,
            },
            Commands,
        )
    except msgspec.ValidationError as error:
        raise ValueError(f"the command tables do not read: {error}") from error


def _check(name: str, program: Program) -> None:
    for rule in program.rules:
        if not re.fullmatch(r"command\.[a-z0-9_]+", rule.reason):
            raise ValueError(f"{name} {rule.verb} has no reason code: {rule.reason}")
