"""What runs with all rights over the machine: ordinary only where a table knows it."""

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from stopper.data.commands import load_commands
from stopper.detect.commands.options import read_options
from stopper.detect.commands.taint import ENCODED, UNKNOWN, is_literal
from stopper.detect.effects import EffectKind, Judgement, Scope, is_dangerous
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["note_elevated"]

_TABLES: Final = load_commands()
_WORDS: Final = _TABLES.words
_PROGRAMS: Final = _WORDS["root_programs"]
_ACTS: Final = lazy("|".join(sorted(_WORDS["root_acts"])))
_ASKS: Final = frozenset({"--version", "--help", "-h", "-V", "version", "help", "-v", "-?"})
_CODED: Final = frozenset(
    {"python", "python3", "perl", "ruby", "node", "nodejs", "php", "lua", "tclsh", "deno", "bun"}
)
_CODE: Final = frozenset({"-c", "-e", "-E", "-r", "-p", "-ne", "-pe", "-lne", "-le", "--eval"})
_AWKS: Final = frozenset({"awk", "gawk", "mawk", "nawk"})
_AWK_ACTS: Final = lazy(
    r"\bprintf?\b[^;{}\n]{0,200}>|\bsystem\s{0,9}\(|\|\s{0,9}(?:&|getline|\")|\|\s{0,9}\w|@load"
)
_SQL_ACTS: Final = lazy(
    r"\b(?:insert|update|delete|replace|drop|alter|create|attach|vacuum|writefile|edit)\b"
    r"|\.(?:system|shell|once|output|import|load|save|backup|restore)\b",
    re.IGNORECASE,
)
_TALKERS: Final = frozenset({"socat", "nc", "ncat"})
_SOCKET = r"(?:unix(?:-connect|-client)?:)?+/(?:var/)?+run/[\w./-]{1,200}+(?:,[\w=,.-]{1,99}+)?+"
_TALKS: Final = lazy(
    rf"(?:-[tT]\d{{1,4}}+ ){{0,2}}+(?:(?:-|stdio) {_SOCKET}|{_SOCKET} (?:-|stdio))"
    rf"|(?:-[Nq]\d{{0,2}}+ ){{0,2}}+-N?U {_SOCKET}",
    re.IGNORECASE,
)
"""A socket of a service of this machine is asked what a pipe says."""
_SHOWS: Final = lazy(
    r"(?:\s{0,9}+(?:show|help|info|stats?|status|version|prompt|quit|ping|list)\b[^;\n]{0,200}+[;\n]?+){1,20}+"
)
_SPREADING: Final = frozenset({"rm", "chown", "chmod", "chgrp", "chattr", "setfacl", "shred"})
"""Programs that go through whole folders."""
_DEEP: Final = lazy(r"-[a-zA-Z]{0,6}[rR]|--recursive")
_MAX_ARGUMENTS: Final = 64
_MAX_VERB: Final = 3


def _lines(table: str) -> dict[str, list[list[re.Pattern[str]]]]:
    """The lines of a table by their programs: what each of the words behind them may be."""
    found: dict[str, list[list[re.Pattern[str]]]] = {}
    for line in sorted(_WORDS[table]):
        names, *words = line.split()
        shapes = [
            re.compile("|".join(re.escape(one).replace(r"\*", ".*") for one in word.split("|")))
            for word in words
        ]
        for name in names.split("|"):
            found.setdefault(name, []).append(shapes)
    return found


_VERBS: Final = _lines("root_verbs")
_LOOKS: Final = _lines("root_looks")


def note_elevated(shell: "Shell", call: "Call", before: int) -> None:
    """Note a call with all rights that nothing says to be ordinary.

    `before` is how many effects there were: where its judge found a grave one, that is enough.
    """
    found = Judgement(tuple(shell.effects)[before:])
    if is_dangerous(found):
        return
    if call.name in _SPREADING and _is_blind(call):
        shell.doubt("a path with all rights that cannot be told", "command.unknown_as_root")
    elif not _is_ordinary(call):
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.acts_as_root")


def _is_blind(call: "Call") -> bool:
    """Whether a program goes through folders that nobody can name."""
    flags = [arg for arg in call.args[:_MAX_ARGUMENTS] if _DEEP.match(arg)]
    paths = [arg for arg in call.args[:_MAX_ARGUMENTS] if arg[:1] != "-"]
    paths = paths[call.name not in {"rm", "shred"} :]
    return bool(flags) and any(path[:1] in UNKNOWN + ENCODED and path for path in paths)


def _is_ordinary(call: "Call") -> bool:
    name, args = call.name, call.args[:_MAX_ARGUMENTS]
    if name in _CODED:
        return _is_plain_code(args, call.stdin)
    if name in _AWKS:
        return not any(map(_AWK_ACTS.search, args)) and "-i" not in args
    if name == "sqlite3":
        return not any(map(_SQL_ACTS.search, [*args, call.stdin])) and is_literal(call.stdin)
    if name in _TALKERS and _TALKS.fullmatch(" ".join(args)):
        return is_literal(call.stdin) and _SHOWS.fullmatch(call.stdin) is not None
    if name in _PROGRAMS or name in _TABLES.wrappers or "\x00" in name:
        return True
    if args and _ASKS.issuperset(args):
        return call.path[:1] not in {".", "/"}
    flags = [arg for arg in args if arg[:1] == "-"]
    if any(flags and all(map(look.fullmatch, flags)) for (look,) in _LOOKS.get(name, ())):
        return True
    words = [*read_options(args).operands[:_MAX_VERB], *flags] or [""]
    return any(
        all(any(map(shape.fullmatch, words)) for shape in shapes) for shapes in _VERBS.get(name, ())
    )


def _is_plain_code(args: list[str], stdin: str) -> bool:
    """Code that only looks; a program's own file is as good as the program."""
    texts = [text for option, text in pairwise(args) if option in _CODE] or (
        [stdin] if stdin and not any(arg[:1] != "-" for arg in args) else []
    )
    return not any(_ACTS.search(text) or not is_literal(text) for text in texts)
