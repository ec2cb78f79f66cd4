"""Values that a text gives to variables of certain names, replaced whatever they are."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final

__all__ = ["without_values"]

_MAX_NESTED: Final = 8
"""JSON in texts of JSON is read so deep; what is deeper is looked at as it stands."""

_MAX_BEFORE: Final = 16
_CACHED_NAMES: Final = 64
_JSON_STARTS: Final = ("{", "[", '"')
_EVENT = re.compile(r"(?:data:)?[ \t]*+")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|-?[0-9][0-9.eE+-]*+|true|false|null|[\[\]{}]')
_COLON = re.compile(r"\s*+:")
_QUOTE = re.compile(r"\\*+[\"']")
_IN_QUOTES = (
    r"\\{1,16}+\"[^\n]*?\\{1,16}+\"|\\{1,16}+'[^\n]*?\\{1,16}+'"
    r"|\"(?:[^\"\\]|\\.)*+(?:\"|\Z)|'(?:[^'\\]|\\.)*+(?:'|\Z)"
)
_GROUP = rf"{_IN_QUOTES}|\\.|\$?\([^()\n]*+\)|\$\{{[^{{}}\n]*+\}}|`[^`\n]*+`"
# Unquoted up to white space, quoted up to the quote that closes, and any row of both.
_ROW = re.compile(rf"(?:{_GROUP}|[^\s,;}}])+", re.DOTALL)
# In a shell a comma or a brace is part of it as well, unless something else begins behind it.
_SHELL = re.compile(rf"(?:{_GROUP}|[^\s,;}}]|[,}}](?=[^\s,;}}\])]))+", re.DOTALL)
_STRING = re.compile(_IN_QUOTES, re.DOTALL)
_LINE = re.compile(r"[^\n]*[^\s]")
_ITEM = re.compile(r"\[[^\]\n]*\]?|\{[^}\n]*\}?|[^\s,}\])]+(?:[ \t]+[^\s,}\])]+)*")


def without_values(text: str, names: Iterable[str], mark: str) -> str:
    """`text` with `mark` for each value that a variable of one of `names` is given in it.

    As in `NAME=value`, `NAME="two words"`, `NAME: two words` and `"NAME": "value"`. Where the text
    or a line of it is JSON it stays so, and what its texts say is looked at as well.
    """
    wanted = tuple(sorted({name for name in names if name}, key=len, reverse=True))
    return _Given(wanted, mark).without(text, 0) if wanted else text


@lru_cache(maxsize=_CACHED_NAMES)
def _regexes(names: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What finds that one of the names is given a value, and what a key is that is one of them."""
    name = rf"(?<![A-Za-z0-9_])(?:{'|'.join(map(re.escape, names))})"
    given = rf"{name}(?P<quote>\\*+[\"'])?(?P<sign>[ \t]{{0,8}}[=:][ \t]{{0,8}})(?=\S)"
    return re.compile(given), re.compile(rf"{name}\Z")


class _Given:
    """Some names, and the mark for what they are given."""

    def __init__(self, names: tuple[str, ...], mark: str) -> None:
        self._names = names
        self._given, self._key = _regexes(names)
        self._mark = mark

    def without(self, text: str, depth: int) -> str:
        """`text` without their values; JSON in it is read as such."""
        if not self._is_in(text):
            return text
        if depth > _MAX_NESTED:
            return self._plain(text)
        if _is_json(text):
            return self._json(text, depth)
        lines = groupby(text.splitlines(keepends=True), self._is_json_line)
        return "".join(
            self._lines(group, depth) if is_json else self._plain("".join(group))
            for is_json, group in lines
        )

    def _is_in(self, text: str) -> bool:
        return any(name in text for name in self._names)

    def _is_json_line(self, line: str) -> bool:
        return self._is_in(line) and _is_json(line[_begin(line) :])

    def _lines(self, lines: Iterable[str], depth: int) -> str:
        return "".join(
            line[: _begin(line)] + self._json(line[_begin(line) :], depth) for line in lines
        )

    def _plain(self, text: str) -> str:
        parts: list[str] = []
        at = 0
        while found := self._given.search(text, at):
            parts.append(text[at : found.end()])
            at = found.end()
            if value := _value(text, found):
                quote = _quote(found, value[0])
                parts += (quote, self._mark, quote)
                at = value.end()
        return "".join((*parts, text[at:]))

    def _json(self, text: str, depth: int) -> str:
        parts: list[str] = []
        at = 0
        for start, end, instead in self._edits(text, depth):
            parts += (text[at:start], instead)
            at = end
        return "".join((*parts, text[at:]))

    def _edits(self, text: str, depth: int) -> Iterator[tuple[int, int, str]]:
        """What to write instead in a text that is JSON, token by token."""
        within = 0  # so many brackets are open in a value of ours
        is_next = False
        for token in _TOKEN.finditer(text):
            start, end = token.span()
            if text[start] in "[{":
                within += is_next or within > 0
                is_next = False
            elif text[start] in "]}":
                within -= within > 0
            elif text[start] == '"' and _COLON.match(text, end):
                is_next = self._key.search(_said(token[0])) is not None
                if not is_next:
                    yield from self._inside(token, depth)
            elif is_next or within:
                yield start, end, f'"{self._mark}"'
                is_next = False
            elif text[start] == '"':
                yield from self._inside(token, depth)

    def _inside(self, token: re.Match[str], depth: int) -> Iterator[tuple[int, int, str]]:
        """What to write instead of a text in JSON that gives values itself."""
        said = _said(token[0])
        after = self.without(said, depth + 1)
        if after != said:
            is_ascii = token[0].isascii() or "\\u" in token[0]
            yield *token.span(), json.dumps(after, ensure_ascii=is_ascii)


def _said(literal: str) -> str:
    said: str = json.loads(literal)
    return said


def _quote(found: re.Match[str], value: str) -> str:
    """What stands before and behind the mark: a shell needs no quotes, all else keeps them."""
    own = _QUOTE.match(value)
    if found["quote"]:
        return own[0] if own else found["quote"]
    return own[0] if own and found["sign"] != "=" else ""


def _begin(line: str) -> int:
    event = _EVENT.match(line)
    return event.end() if event else 0


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(_JSON_STARTS):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _value(text: str, found: re.Match[str]) -> re.Match[str] | None:
    """The value behind a name and a sign: as shells, YAML and what is like JSON write it."""
    sign, start = found["sign"], found.end()
    is_quoted = _QUOTE.match(text, start) is not None
    if found["quote"]:
        return (_STRING if is_quoted else _ITEM).match(text, start)
    if not is_quoted and sign[-1].isspace() and (":" in sign or sign[0].isspace()):
        before = text[max(0, found.start() - _MAX_BEFORE) : found.start()].rstrip(" \t\"'\\")
        return (_ITEM if before.endswith(("{", ",")) else _LINE).match(text, start)
    return (_SHELL if sign == "=" else _ROW).match(text, start)
