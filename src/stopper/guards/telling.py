"""The commands, SQL and code among the arguments of a call, however deep they stand."""

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from stopper.data.tools import load_tool_words, words_of
from stopper.detect.readings import readings, with_arguments, words_in
from stopper.guards.opened import MAX_DEPTH, MAX_NODES, Odd, TooMuch, spelled
from stopper.guards.texts import Texts

__all__ = ["ANYTHING", "Kind", "Runs", "Told", "is_sql", "tells", "told_in"]

_NAMES: Final = load_tool_words()["arguments"]
_MAX_NAME: Final = 72
"""A longer name is none of those that tell, and is not remembered."""
_MAX_KNOWN: Final = 4096
_LOOKS: Final = 4
"""How often one part is looked at: as what it is, and as what stands beside a command."""
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_SQL: Final = re.compile(
    r"(?:\s|--[^\n]*\n|(?>/\*.*?\*/)|[(;])*+(?:select\b|show\b|explain\b|truncate\s|drop\s+\w+\s"
    r"|delete\s+from\b|update\s+\S+\s+set\b|insert\s+(?:into|ignore|overwrite|or)\b|merge\s+into\b"
    r"|replace\s+into\b|with\s+\S+\s+as\b|alter\s+\w+\s|grant\s.*\bto\b|revoke\s.*\bfrom\b"
    r"|create\s+(?:or\s+replace\s+)?(?:\w+\s+)?(?:table|view|index|database|schema|user|role)\b"
    r"|exec(?:ute)?\s|call\s+\w|copy\s+\w|do\s+\$|begin\b|declare\s)",
    re.IGNORECASE | re.DOTALL,
)


class Kind(Enum):
    """What a text among the arguments is."""

    COMMAND = 0
    SQL = 1
    CODE = 2
    SCRIPT = 3
    """A command, or code if it reads like that."""
    MAYBE = 4
    """A command, if it does harm; else it may be a name as well."""
    METHOD = 5
    """A method of HTTP, if it reads like that."""


class Told(Struct, frozen=True):
    """One text that tells what the call does."""

    kind: Kind
    text: str


class Runs(Struct, frozen=True):
    """What the name of a tool says that it runs, so that a plain text is a command, SQL or code.

    With `asks` a text is SQL only where it reads like SQL. What stands as `arguments` may come
    behind each of `heads`, which are programs with what the name says of their arguments.
    """

    sql: bool = False
    asks: bool = False
    commands: bool = False
    code: bool = False
    text_is_code: bool = False
    heads: tuple[str, ...] = ()


ANYTHING: Final = Runs()
"""A tool whose name says nothing of what it runs."""


class _Name(Struct, frozen=True):
    """What stands under the name of an argument."""

    command: bool
    are_many: bool
    sql: bool
    code: bool
    text: bool
    program: bool
    arguments: bool
    doubtful: bool
    method: bool
    action: bool

    @property
    def always(self) -> bool:
        """Whether it tells something whatever the tool is called."""
        return self.command or self.sql or self.program or self.doubtful or self.method


class _Use(Struct, frozen=True):
    """What a value is read as; with `asks` only what reads like SQL is SQL."""

    kinds: tuple[Kind, ...] = ()
    asks: bool = False
    are_many: bool = False

    @property
    def is_firm(self) -> bool:
        """Whether it says what the value is, rather than what it may be as well."""
        return not _DOUBTFUL.issuperset(self.kinds)


_Named = tuple[_Name, Any]

_NONE: Final = _Use()
_DOUBTFUL: Final = frozenset({Kind.MAYBE, Kind.METHOD})
_COMMANDS: Final = frozenset({Kind.COMMAND, Kind.SCRIPT, Kind.MAYBE})


def tells(found: Texts, runs: Runs) -> bool:
    """Whether any name, however deep, may stand for a command, SQL or code: a quick look."""
    is_telling = _tells if runs is ANYTHING else _tells_such_tools
    for name, texts in found.groups:
        if not name:  # these are names
            for text in texts:
                if len(text) <= _MAX_NAME and is_telling(text):
                    return True
    return False


def told_in(args: Any, runs: Runs) -> Iterator[Told]:
    """Every text that is one, a list in every way that it may be read.

    What stands inside of a command, SQL or code is that too, unless a name there says which part
    is. TooMuch where there is more than guards look at.
    """
    return _Search(runs).visit(args, _NONE, 0)


def is_sql(text: str) -> bool:
    """Whether a text begins like a statement, and not like a question that people ask."""
    return _SQL.match(text) is not None


class _Search:
    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._left = _LOOKS * MAX_NODES

    def visit(self, value: Any, use: _Use, depth: int) -> Iterator[Told]:
        value = self._plain(value, depth)
        if isinstance(value, dict):
            yield from self._map(value, use, depth)
            return
        if use.kinds:
            yield from _texts(value, use)
        if isinstance(value, list):
            yield from self._maps(value, use, depth + 1)

    def _maps(self, items: list[Any], use: _Use, depth: int) -> Iterator[Told]:
        for item in items:
            if isinstance(item, list):
                yield from self._maps(item, use, depth + 1)
            elif isinstance(item, dict):
                yield from self._map(item, use, depth + 1)

    def _map(self, items: dict[Any, Any], outer: _Use, depth: int) -> Iterator[Told]:
        self._count(len(items), depth)
        named = [(_name_of(key), value) for key, value in items.items()]
        heads = [(name, value) for name, value in named if _is_head(name)]
        uses = [self._use(name, value, bool(heads)) for name, value in named]
        inherited = _NONE if any(use.is_firm for use in uses) else replace(outer, asks=True)
        for use, (name, value) in zip(uses, named, strict=True):
            is_own = use.is_firm or name.arguments
            inner = use if is_own else replace(inherited, kinds=use.kinds + inherited.kinds)
            yield from self.visit(value, inner, depth + 1)
        if not (heads or self._runs.heads):
            return
        given = [self._plain(value, depth + 1) for name, value in named if name.arguments]
        beside = [one for one in given if _holds_text(one)]
        programs = [(name, self._plain(value, depth + 1)) for name, value in heads]
        if beside:
            yield from _with_arguments(programs, beside)
        if self._runs.heads:
            actions = [value for name, value in named if name.action and isinstance(value, str)]
            yield from self._behind_tool(programs, [*actions, *beside])

    def _behind_tool(self, programs: list[_Named], beside: list[Any]) -> Iterator[Told]:
        """What the tool that is named after a program does with what stands in a map."""
        for name, value in programs or ([(_known(""), "")] if beside else []):
            if not isinstance(value, str | list):
                continue
            for text in map(str.strip, with_arguments(value, beside, are_many=name.are_many)):
                first = text.partition(" ")[0].rpartition("/")[2]
                for head in self._runs.heads:
                    is_whole = first == head.partition(" ")[0]
                    yield Told(Kind.MAYBE, text if is_whole else f"{head} {text}")

    def _use(self, name: _Name, value: Any, has_head: bool) -> _Use:
        """What stands under a name, by itself or by what the tool runs."""
        runs, kinds = self._runs, list[Kind]()
        if name.arguments and (has_head or type(value) is dict):
            return _NONE
        asks = name.text and runs.asks and not name.command
        if name.sql or asks or (name.text and runs.sql):
            kinds.append(Kind.SQL)
        if name.command and runs.text_is_code:
            kinds.append(Kind.SCRIPT)
        elif (name.code and runs.code) or (name.text and runs.text_is_code):
            kinds.append(Kind.CODE)
        if (name.text and runs.commands) or (name.command and not kinds):
            kinds.append(Kind.COMMAND)
        if not kinds and (name.program or name.arguments) and (runs.commands or runs.text_is_code):
            kinds.append(Kind.COMMAND)
        if name.doubtful and not kinds:
            kinds.append(Kind.MAYBE)
        if name.method:
            kinds.append(Kind.METHOD)
        return _Use(tuple(kinds), asks and not (name.sql or runs.sql), name.are_many)

    def _plain(self, value: Any, depth: int) -> Any:
        """A dict, a text, a number, None, or a list of these; objects opened, bytes as texts."""
        if type(value) in _PLAIN or type(value) is dict:
            return value
        if type(value) not in (list, tuple, set, frozenset):
            odd = Odd(value)
            if odd.holds is None:
                texts = spelled(value)
                return texts[0] if len(texts) == 1 else list(texts)
            value = odd.holds
            if type(value) is dict:
                return value
        self._count(len(value), depth)
        return [self._plain(item, depth + 1) for item in value]

    def _count(self, items: int, depth: int) -> None:
        self._left -= items
        if depth >= MAX_DEPTH or self._left < 0:
            raise TooMuch


def _with_arguments(programs: list[_Named], beside: list[Any]) -> Iterator[Told]:
    """Each program or command of a map with the arguments that stand beside it."""
    for name, value in programs:
        if isinstance(value, str | list):
            kind = Kind.MAYBE if name.doubtful else Kind.COMMAND
            whole = with_arguments(value, beside, are_many=name.are_many)
            yield from (Told(kind, text) for text in whole)


def _texts(value: Any, use: _Use) -> Iterator[Told]:
    """A text, or a list that holds any, as each of the kinds that it may be."""
    if not _holds_text(value):
        return
    for kind in use.kinds:
        is_command = kind in _COMMANDS
        found = readings(value, are_many=use.are_many) if is_command else _parts(value)
        is_doubtful = kind is Kind.SQL and use.asks
        for text in found:
            if kind is Kind.MAYBE and len(text.split()) > 1:
                yield Told(Kind.COMMAND, text)
            elif not is_doubtful or is_sql(text):
                yield Told(kind, text)


def _parts(value: Any) -> list[str]:
    """Every text of a list, and if they are single words, all of them as one text."""
    texts = list(words_in([value]))
    are_words = len(texts) > 1 and not any(len(text.split()) > 1 for text in texts)
    return [*texts, " ".join(texts)] if are_words else texts


def _is_head(name: _Name) -> bool:
    return (name.command and not name.arguments) or name.program or name.doubtful


def _holds_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and any(map(_holds_text, value)))


def _name_of(key: Any) -> _Name:
    text = key if type(key) is str else spelled(key)[0]
    return _known(text) if len(text) <= _MAX_NAME else _known("")


@lru_cache(maxsize=_MAX_KNOWN)
def _known(text: str) -> _Name:
    words = words_of(text)
    whole, last = "_".join(words), words[-1] if words else ""
    are_many = whole in _NAMES["commands"] or last in _NAMES["last_commands"]
    return _Name(
        command=are_many or whole in _NAMES["command"] or last in _NAMES["last_command"],
        are_many=are_many,
        sql=whole in _NAMES["sql"] or last in _NAMES["last_sql"],
        code=whole in _NAMES["code"],
        text=whole in _NAMES["text"],
        program=whole in _NAMES["program"],
        arguments=whole in _NAMES["arguments"],
        doubtful=whole in _NAMES["doubtful"],
        method=whole in _NAMES["method"],
        action=whole in _NAMES["action"],
    )


@lru_cache(maxsize=_MAX_KNOWN)
def _tells(text: str) -> bool:
    return _known(text).always


@lru_cache(maxsize=_MAX_KNOWN)
def _tells_such_tools(text: str) -> bool:
    name = _known(text)
    return name.always or name.text or name.code or name.arguments or name.action
