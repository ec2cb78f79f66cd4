"""Files that mean something: credentials, what runs later, what grants rights, devices."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from stopper.data.commands import load_commands
from stopper.detect.lazy import lazy

__all__ = [
    "is_config",
    "is_device",
    "is_outside",
    "is_persistent",
    "is_private",
    "is_privileged",
    "is_secret_path",
    "is_settings",
    "is_startup",
    "runs_command",
]

_MAX_WILDCARD = 256
_MAX_KEPT = 2048
"""Of how many short paths the answer is kept: one command asks of each several times."""
_PATHS = load_commands().paths


_CAPITAL = re.compile(r"(\\.)|([A-Z])")
_FIRST = re.compile(r"(?:\\[./-]|[/\w-])(?![?*+{])")


def _any(patterns: Iterable[str], before: str = "") -> re.Pattern[str]:
    """Any of these, none of which is a choice itself, in a text of lower case."""
    lower = [_CAPITAL.sub(lambda found: found[1] or found[2].lower(), one) for one in patterns]
    return lazy(before + _grouped(lower))


def _grouped(patterns: Iterable[str]) -> str:
    """A pattern for any of these, by their first characters: a list is tried one by one."""
    tails: dict[str, list[str]] = {}
    for pattern in patterns:
        first = _FIRST.match(pattern)
        head = first[0] if first else ""
        tails.setdefault(head, []).append(pattern[len(head) :])
    ways = [
        head + (_grouped(rest) if head and len(rest) > 1 else "|".join(rest))
        for head, rest in tails.items()
    ]
    return f"(?:{'|'.join(ways)})"


_SECRET = _any(_PATHS.secret, "(?:^|/)")
_PUBLIC = _any(_PATHS.public)
_PERSISTENT = _any(_PATHS.persistent)
_PRIVATE = _any(_PATHS.private)
_STARTUP = _any(_PATHS.startup)
_CONFIGS = _any(_PATHS.configs)
_HOOKS = _any(f"(?:{way})" for way in _PATHS.hooks)
_PRIVILEGED = _any(_PATHS.privileged)
_DEVICE = _any(_PATHS.devices)
_OUTSIDE = lazy(r"(?:/etc/|/root/|/home/|/var/log/|~|/proc/|/Users/)")
_SETTINGS = lazy(r"/\.[^/]")


def is_secret_path(path: str) -> bool:
    """Whether a file holds credentials, by its name; a wildcard that may match one counts."""
    return _keeps_secret(path) if len(path) <= _MAX_WILDCARD else _is_secret(path)


def _is_secret(path: str) -> bool:
    lower = path.lower()
    if _SECRET.search(lower) is not None:
        return _PUBLIC.search(lower) is None
    if any(sign in path for sign in "*?["):
        return any(_may_be(path, example) for example in _PATHS.examples)
    return False


_keeps_secret = lru_cache(maxsize=_MAX_KEPT)(_is_secret)


def _may_be(pattern: str, example: str) -> bool:
    """Whether a shell may expand a pattern to an example: part by part, hidden names by a dot."""
    parts, names = pattern.split("/"), example.split("/")
    if len(pattern) > _MAX_WILDCARD:
        # whoever writes so much hides something
        return True
    return len(parts) == len(names) and all(
        fnmatchcase(name, part) and (name[:1] != "." or part[:1] == ".")
        for part, name in zip(parts, names, strict=True)
    )


def is_persistent(path: str) -> bool:
    """Whether what stands in a file runs later, unasked: jobs, units, hooks, keys that log in."""
    return _PERSISTENT.search(path.lower()) is not None


def is_startup(path: str) -> bool:
    """Whether a file is read when a shell starts."""
    return _STARTUP.search(path.lower()) is not None


def is_outside(path: str) -> bool:
    """Whether a path as written lies in a home folder, or among the machine's own files."""
    return _OUTSIDE.match(path) is not None


def is_private(path: str) -> bool:
    """Whether no program is given a credential's file to work with it."""
    return _PRIVATE.search(path.lower()) is not None


def is_config(path: str) -> bool:
    """Whether a file holds settings of a program that can run others."""
    return _CONFIGS.search(path.lower()) is not None


def runs_command(settings: str) -> bool:
    """Whether settings of a program make it run another, or fetch from elsewhere."""
    return _HOOKS.search(settings.lower()) is not None


def is_privileged(path: str) -> bool:
    """Whether a file decides who may do what on this machine."""
    return _PRIVILEGED.search(path.lower()) is not None


def is_device(path: str) -> bool:
    """Whether a path is a disk."""
    return _DEVICE.match(path.lower()) is not None


def is_settings(path: str) -> bool:
    """Whether some part of a path is hidden, as settings are."""
    return _SETTINGS.search(path) is not None
