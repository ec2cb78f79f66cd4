"""What never ends: programs that print without end, and those that keep or write all of it."""

import re
from typing import Final

from stopper.data.commands import load_commands

__all__ = [
    "ENDLESS",
    "HUGE_BYTES",
    "is_huge",
    "keeps_all",
    "may_be_endless",
    "prints_forever",
    "writes_all",
]

ENDLESS: Final = frozenset({"/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"})
HUGE_BYTES: Final = 10**11
"""More than a task needs: a hundred gigabytes."""

_WORDS: Final = load_commands().words
_PASSES: Final = _WORDS["endless_passes"]
_KEEPS: Final = _WORDS["endless_keeps"]
_WRITES: Final = _WORDS["endless_writes"]
_BEFORE: Final = frozenset({"sudo", "nice", "nohup", "ionice", "env", "command", "exec", "busybox"})
_SOURCES: Final = _BEFORE | {"yes", "seq", "dd", "dcfldd"}
_SIZE: Final = re.compile(r"(\d{1,19})(?:([kmgtpe])(?:i?b)?)?b?\Z", re.IGNORECASE)
_UNITS: Final = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15, "e": 10**18}
_NUMBERS: Final = re.compile(r"inf|[1-9]\d{10}")
"""So many numbers fill any disk."""
_WHOLE: Final = frozenset({"/dev/zero", "/dev/full"})
"""These never end a line."""


def is_huge(size: str) -> bool:
    """Whether a size, as programs take it, is more than `HUGE_BYTES`."""
    match = _SIZE.match(size.strip("+"))
    if match is None:
        return False
    return int(match[1]) * _UNITS.get((match[2] or "").lower(), 1) >= HUGE_BYTES


def may_be_endless(argv: list[str]) -> bool:
    """Whether a command has to do with what never ends, as far as its words tell."""
    return argv[0] in _SOURCES or not ENDLESS.isdisjoint(argv)


def prints_forever(argv: list[str], *, fed: bool) -> bool:
    """Whether a program prints without end; `fed` says that what it reads never ends."""
    name, args = _program(argv)
    if name == "yes":
        return True
    if name == "seq":
        return any(map(_NUMBERS.match, args))
    if name in {"dd", "dcfldd"}:
        return _copies_forever(args, fed=fed)
    if name not in _PASSES:
        return False
    return fed or any(arg in ENDLESS for arg in args)


def _copies_forever(args: list[str], *, fed: bool) -> bool:
    pairs = dict(arg.partition("=")[::2] for arg in args)
    if "of" in pairs or not (pairs.get("if") in ENDLESS or (fed and "if" not in pairs)):
        return False
    return "count" not in pairs


def keeps_all(argv: list[str], *, fed: bool) -> bool:
    """Whether a program keeps in memory all of what never ends."""
    name, args = _program(argv)
    if name in _KEEPS:
        return fed or any(arg in ENDLESS for arg in args)
    return name in {"grep", "egrep", "sed", "awk", "cut", "read"} and (
        not _WHOLE.isdisjoint(args) and "-q" not in args
    )


def writes_all(argv: list[str], *, fed: bool) -> bool:
    """Whether a program writes all of what never ends to a file that it names itself."""
    name, args = _program(argv)
    if name == "tee":
        return fed and any(arg[:1] != "-" and not arg.startswith("/dev/") for arg in args)
    if name == "split":
        return fed or not ENDLESS.isdisjoint(args)
    # `cp FILE /dev/zero` throws away
    sources = args[:-1] if name in {"cp", "install", "scp", "rsync"} else args
    return name in _WRITES and not ENDLESS.isdisjoint(sources)


def _program(argv: list[str]) -> tuple[str, list[str]]:
    place = 0
    while place < len(argv) - 1 and argv[place] in _BEFORE:
        place += 1
    return argv[place].rpartition("/")[2], argv[place + 1 :]
