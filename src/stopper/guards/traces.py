"""Outputs remembered by hashes, and texts that come from one of them."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct

from stopper.detect.decode import decoded_views
from stopper.detect.known import KnownValues
from stopper.detect.spelling import MAX_VALUE, check_value
from stopper.guards.opened import EXACT, Odd
from stopper.guards.texts import TooMuch, contents, walk

__all__ = ["MAX_GRAMS", "Source", "carried", "trace"]

MAX_GRAMS: Final = 400_000
"""So many hashes are kept of all outputs together, which is some 3 MB of text."""

_GRAM: Final = 16
_STRIDE: Final = 8
_MAX_TEXT: Final = 800_000
_MAX_TOKENS: Final = 1024
_MAX_BITS: Final = 4096
_MIN_KEY: Final = 20
"""A key of so many letters in a row is no name but may be a secret."""
_PLACES: Final = ("/", "~/", "./", "../", "http:", "https:")
_TOKEN = re.compile(r"[^\s=\"'`,;<>(){}\[\]]{8,%d}" % MAX_VALUE)  # noqa: UP031  braces
_SHOWN = b"abcdefghijklmnopqrstuvwxyz0123456789"
_LOWER = bytes(range(256)).lower()
_HIDDEN = bytes(byte for byte in range(128) if byte not in _SHOWN + _SHOWN.upper())


class Source(Struct, frozen=True, eq=False):
    """One output that was remembered: the hashes of its stretches, and its secrets.

    What is not `whole` was too large to remember all of it, so anything may come from it.
    """

    tool: str
    is_secret: bool
    grams: frozenset[int] = frozenset()
    values: KnownValues | None = None
    whole: bool = True


def trace(tool: str, args: dict[str, Any], output: Any, key: bytes, *, is_secret: bool) -> Source:
    """What is remembered of an output; what the call itself was given is not of it."""
    try:
        texts = _values(output) + _numbers(output)
        names = _keys(output) if is_secret else []
        given = _all_grams(_values(args), 1)
    except TooMuch:
        return Source(tool, is_secret, whole=False)
    if sum(map(len, texts)) > _MAX_TEXT:
        return Source(tool, is_secret, whole=False)
    values = None
    if is_secret:
        words = _telling(texts, names)
        if len(words) > _MAX_TOKENS:
            return Source(tool, is_secret, whole=False)
        named = {f"word {number}": word for number, word in enumerate(words)}
        values = KnownValues(named, key) if named else None
    return Source(tool, is_secret, _all_grams(texts, _STRIDE) - given, values)


def carried(args: Any, sources: list[Source]) -> Source | None:
    """The newest source that something in `args` comes from; TooMuch where nobody can look."""
    text = b"\n".join((*_all_texts(args), *_numbers(args)))
    views = decoded_views(text)
    if views.unprovable:  # anything may be below what was looked at
        return sources[-1]
    for source in reversed(sources):
        if not source.whole or (source.values and source.values.scan(text, views)):
            return source
    grams = _all_grams((text, *(view.data for view in views)), 1)
    return next((one for one in reversed(sources) if not grams.isdisjoint(one.grams)), None)


def _values(value: Any) -> list[bytes]:
    """The texts of a value, without its keys, which are the tool's own."""
    name = "a text that stands alone"
    return [text.encode("utf-8", "surrogatepass") for name, text in walk(value, name) if name]


def _numbers(value: Any) -> list[bytes]:
    """The numbers of a value as texts; those that are too short for a secret do no harm."""
    found: list[bytes] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, int | float) and not isinstance(item, bool):
            found.append(_digits(item))
            continue
        if isinstance(item, str | bytes) or item is None:
            continue
        holds = item if type(item) in EXACT else Odd(item).holds
        if isinstance(holds, dict):
            waiting += holds.keys()
        waiting += contents(holds)
    return found


def _digits(number: float) -> bytes:
    """As it is written; in hexadecimal where Python writes no more digits."""
    if isinstance(number, int) and number.bit_length() > _MAX_BITS:
        return hex(number).encode()
    return str(number).encode()


def _keys(value: Any) -> list[bytes]:
    """The keys of a value that are no plain names."""
    keys = [text for name, text in walk(value, "a text that stands alone") if not name]
    return [key.encode("utf-8", "surrogatepass") for key in keys if _is_odd(key)]


def _is_odd(key: str) -> bool:
    return any(map(str.isdigit, key)) or (len(key) >= _MIN_KEY and key.isalpha())


def _telling(texts: Iterable[bytes], keys: Iterable[bytes]) -> list[str]:
    """The words of an output that can be told from other text; one more than are kept, at most."""
    words: dict[str, None] = {}
    for text in (*texts, *keys):
        value = text.decode("utf-8", "replace")
        for found in _TOKEN.finditer(value):
            if _is_telling(found[0], alone=found[0] == value.strip()):
                words[found[0]] = None
                if len(words) > _MAX_TOKENS:
                    return list(words)
    return list(words)


def _all_texts(value: Any) -> list[bytes]:
    """The texts of a value as they are written one after the other, keys behind them."""
    named: list[bytes] = []
    keys: list[bytes] = []
    for name, text in walk(value):
        (named if name else keys).append(text.encode("utf-8", "surrogatepass"))
    return [*reversed(named), *keys]


def _shown(text: bytes) -> bytes:
    """Letters and digits alone, in lower case, and all that is not ASCII."""
    return text.translate(_LOWER, _HIDDEN)


def _all_grams(texts: Iterable[bytes], stride: int) -> frozenset[int]:
    return frozenset(gram for text in texts for gram in _grams(_shown(text), stride))


def _grams(shown: bytes, stride: int) -> Iterator[int]:
    return (hash(shown[at : at + _GRAM]) for at in range(0, len(shown) - _GRAM + 1, stride))


def _is_telling(word: str, *, alone: bool) -> bool:
    """Whether it is a secret rather than a path, an address or, among others, a common word."""
    if word.startswith(_PLACES) or not (alone or any(map(str.isdigit, word))):
        return False
    try:
        check_value("a word", word)
    except ValueError:
        return False
    return True
