"""Contexts of actions: copied as plain values, and what stands under which of their names."""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from stopper.data.tools import load_tool_words, words_of

__all__ = [
    "MAX_CHARS",
    "MAX_DEPTH",
    "MAX_ITEMS",
    "Role",
    "Unreadable",
    "parts",
    "plain",
    "texts",
]

MAX_DEPTH: Final = 32
MAX_ITEMS: Final = 10_000
MAX_CHARS: Final = 1 << 20
"""Contexts that nest deeper, hold more items or more text are refused."""

_MAX_NAMES: Final = 2048


class Role(Enum):
    """What stands under a name; what stands under any other name is not acted upon."""

    NONE = 0
    COMMAND = 1
    ARGUMENTS = 2
    CODE = 3
    LANGUAGE = 4
    FOLDER = 5
    ENVIRONMENT = 6
    INPUT = 7
    SQL = 8
    DESTINATION = 9
    METHOD = 10
    PORT = 11
    PATH = 12
    NARROW = 13
    COMMANDS = 14
    PROGRAM = 15
    WORDS = 16
    PROXY = 17
    PLACE = 18
    """A destination if it reads like one."""


_NAMES: Final = load_tool_words()["destinations"]
# By the last word of a name: `setup_command` and `webhookUrl` are what `command` and `url` are.
_LAST: Final = {
    Role.COMMAND: "bash cmd cmdline command entrypoint exec run sh shell",
    Role.COMMANDS: "cmds commands",
    Role.WORDS: "argv",
    Role.PROGRAM: "bin binary exe executable program",
    Role.CODE: "code python script scripts snippet source",
    Role.SQL: "query queries sql statement statements",
    Role.DESTINATION: " ".join((_NAMES["last"] | _NAMES["places"]) - _NAMES["proxies"]),
    Role.PLACE: " ".join(_NAMES["names"]),
    Role.PROXY: " ".join(_NAMES["proxies"]),
    Role.FOLDER: "cwd workdir",
    Role.ENVIRONMENT: "env environ",
    Role.INPUT: "stdin",
    Role.PATH: "dir directories directory dirs file filename filenames files folder folders glob "
    "globs path paths pattern patterns target targets",
}
_WHOLE: Final = {
    Role.ARGUMENTS: "args arguments params",
    Role.DESTINATION: " ".join(_NAMES["hosts"]),
    Role.LANGUAGE: "interpreter kernel lang language runtime",
    Role.FOLDER: "working_dir working_directory",
    Role.ENVIRONMENT: "environment environment_variables env_vars",
    Role.INPUT: "input",
    Role.METHOD: "http_method method verb",
    Role.PORT: "port",
    Role.NARROW: "allowed_domains allowed_hosts allowlist domain_allowlist network_allowlist",
}
_BY_LAST: Final = {word: role for role, words in _LAST.items() for word in words.split()}
_BY_WHOLE: Final = {word: role for role, words in _WHOLE.items() for word in words.split()}


class Unreadable(Exception):  # noqa: N818  it is an answer, not an error
    """A context is no plain JSON, or too much of it; `code` and its text say which."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def plain(context: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `context` in plain JSON values, so that nothing else can be looked at or changed.

    Raises Unreadable for what has no such copy: bytes, objects, names that are no texts, circles.
    """
    if not isinstance(context, Mapping):
        raise _no_json(context)
    copied: dict[str, Any] = _copy(dict(context), 0, [MAX_ITEMS, MAX_CHARS])
    return copied


@lru_cache(maxsize=_MAX_NAMES)
def role_of(name: str) -> Role:
    """What stands under `name`, however its words are joined."""
    words = words_of(name)
    whole = _BY_WHOLE.get("_".join(words))
    return whole or _BY_LAST.get(words[-1] if words else "", Role.NONE)


def parts(context: dict[str, Any]) -> Iterator[dict[Role, list[Any]]]:
    """The values of every dict in `context` by their roles: what belongs together stands together.

    Ends, as `plain` gives no circles.
    """
    waiting: list[Any] = [context]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found: dict[Role, list[Any]] = {}
            for name, inner in value.items():
                role = role_of(name)
                if role is not Role.NONE:
                    found.setdefault(role, []).append(inner)
                if type(inner) is not str:
                    waiting.append(inner)
            yield found
        elif isinstance(value, list):
            waiting += value


def texts(values: Iterable[Any]) -> Iterator[str]:
    """The texts among `values` and in their lists; those of dicts have names of their own."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from texts(value)


def _copy(value: Any, depth: int, left: list[int]) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        left[1] -= len(value)
        if left[1] < 0:
            raise Unreadable("policy.too_much", "The context holds too much text to look through")
        return str.__str__(value)
    if not isinstance(value, dict | list | tuple):
        raise _no_json(value)
    left[0] -= len(value)
    if depth >= MAX_DEPTH or left[0] < 0:
        raise Unreadable("policy.too_much", "The context nests too deep or holds too many items")
    if isinstance(value, dict):
        return {_name(name, left): _copy(item, depth + 1, left) for name, item in value.items()}
    return [_copy(item, depth + 1, left) for item in value]


def _name(name: Any, left: list[int]) -> str:
    if not isinstance(name, str):
        raise _no_json(name)
    copied: str = _copy(name, 0, left)
    return copied


def _no_json(value: Any) -> Unreadable:
    return Unreadable(
        "policy.malformed",
        f"The context holds a {type(value).__name__}: give texts, numbers, lists and dicts",
    )
