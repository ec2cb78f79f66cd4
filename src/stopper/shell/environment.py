"""Which variables a command gets: all but those whose names say that they hold a secret."""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import islice
from secrets import token_bytes
from typing import Final

from stopper.detect.engine import Engine
from stopper.detect.inspection import packaged_rules
from stopper.detect.known import KnownValues
from stopper.detect.redact import Redactor
from stopper.detect.rules import Rule
from stopper.detect.secrets import Detector
from stopper.detect.spelling import check_value
from stopper.errors import ShellError
from stopper.shell.compiling import compiled_apart

__all__ = [
    "DEFAULT_ENV_BLOCKLIST",
    "compiled_by",
    "detector",
    "filtered",
    "give_back_memory",
    "redactor_for",
]

DEFAULT_ENV_BLOCKLIST: Final = (
    "AWS_SECRET",
    "API_KEY",
    "TOKEN",
    "ACCESS_KEY",
    "APIKEY",
    "AUTHORIZATION",
    "CREDENTIAL",
    "DATABASE_URL",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PRIVATE_KEY",
    "SECRET",
    "_DSN",
)
"""Parts of names, in any case; what has `*`, `?` or `[` is a pattern of the whole name."""

_CHANGES_MEANING: Final = ("BASH_ENV", "BASH_FUNC_*", "BASHOPTS", "SHELLOPTS")
"""Through these a shell would do something else than what the text says that was judged."""

_MAX_KNOWN: Final = 64
_KEY: Final = token_bytes(32)

_Compiled = tuple[tuple[Rule, ...], Engine]
_sources: list[Callable[[], _Compiled]] = []


def filtered(
    host: Mapping[str, str], given: Mapping[str, str], blocklist: Sequence[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The command's variables, and those of `host` that were held back.

    `given` are the caller's own wish and pass, whatever they hold. ShellError names one that
    cannot be.
    """
    for name, value in given.items():
        if not name or "=" in name or "\0" in name + value or _is_odd(name):
            raise ShellError(f"{name!r} cannot be set for a command: leave it out")
    is_blocked = _blocks(tuple(blocklist))
    passed: dict[str, str] = {}
    held: dict[str, str] = {}
    for name, value in host.items():
        (held if is_blocked(name) else passed)[name] = value
    for name in given.keys() | {name for name in held if _is_odd(name)}:
        held.pop(name, None)
    return {**passed, **given}, held


def compiled_by(source: Callable[[], _Compiled]) -> None:
    """Have `source` give the rules and their engine, where these are kept; before any command."""
    _sources[:] = [source]
    detector.cache_clear()


@lru_cache(maxsize=1)
def detector() -> Detector:
    """What finds secrets in an output; the first call takes a second or two."""
    if _sources:
        rules, engine = _sources[0]()
        return Detector(rules, _KEY, engine)
    found = Detector(packaged_rules(), _KEY, compiled_apart())
    give_back_memory()
    return found


def give_back_memory() -> None:
    """Let the system have what is freed; other C libraries do so by themselves."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@lru_cache(maxsize=8)
def redactor_for(held: frozenset[tuple[str, str]]) -> Redactor:
    """A redactor that knows these variables' values, too: a file may show what the name hides.

    Values that are too short or too plain to be told from other text are not looked for.
    """
    known: dict[str, str] = {}
    for name, value in sorted(held):
        with suppress(ValueError):
            check_value(name, value)
            known[name] = value
    bounded = dict(islice(known.items(), _MAX_KNOWN))
    known_values = KnownValues(bounded, _KEY) if bounded else None
    return Redactor(detector=detector(), known=known_values)


@lru_cache(maxsize=16)
def _blocks(blocklist: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a variable is held back, by its name; each name is looked at once."""
    patterns = tuple(map(str.upper, blocklist))

    @lru_cache(maxsize=4096)
    def blocks(name: str) -> bool:
        upper = name.upper()
        return _is_odd(name) or any(
            fnmatchcase(upper, one) if any(sign in one for sign in "*?[") else one in upper
            for one in patterns
        )

    return blocks


def _is_odd(name: str) -> bool:
    return any(fnmatchcase(name, odd) for odd in _CHANGES_MEANING)
