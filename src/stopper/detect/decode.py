"""A text with its encodings undone, layer by layer, within a budget; spans lead back to it."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from stopper.detect.allowance import Allowance
from stopper.detect.armour import lettered
from stopper.detect.base85 import ascii85, base85
from stopper.detect.binary import STRINGS, mended, strings, wide
from stopper.detect.budget import Budget
from stopper.detect.columns import TABLE, columned
from stopper.detect.escapes import bytes_of_literal, unescaped
from stopper.detect.framed import FRAMED, framed
from stopper.detect.gate import IN_BINARY, ODD, Decoder, needed
from stopper.detect.inflate import (
    MIN_HEADERLESS,
    Inflated,
    TooBig,
    compressed,
    headerless,
    may_be_packed,
    zipped,
)
from stopper.detect.legible import PRINTABLE
from stopper.detect.lists import backslashed, dumped, hidden, numbered, pieced, uuencoded
from stopper.detect.literals import joined_lists, merged_literals
from stopper.detect.opened import Opened
from stopper.detect.origin import Back, Characters, Piece, Pieces, Span
from stopper.detect.parts import parted
from stopper.detect.rewrite import (
    Rewritten,
    encoded_words,
    joined,
    quoted_printable,
    regrouped,
    shown,
)
from stopper.detect.strides import strided
from stopper.detect.turning import ROTATED, TURNED, turned
from stopper.detect.variables import assembled
from stopper.detect.view import BINARY, PACKED, REACH, View, Views
from stopper.detect.woven import woven

__all__ = ["Decoding", "decoded_views"]

_TWINS: Final = frozenset({"reversed", ROTATED, TURNED})
"""Decodings that undo themselves."""

_ESCAPED: Final = "backslash"
_ESCAPES: Final = frozenset({_ESCAPED, "unicode", "percent", "html"})
_MAX_SPELLINGS: Final = 4
"""So many escapes are inside each other in HTML in JSON, each undone in all of the text."""

_SHORT: Final = 8192
"""What is no longer costs little, however often it is given again."""

_HOLD_BYTES: Final = frozenset({_ESCAPED, "percent"})
"""In the name of a decoding that undid escapes which stand for any byte."""

_ZLIB_TEXT = re.compile(rb"[\"'= \n](?=x[\x01\x9c\xda])")
# As programs write bytes that begin a compressed stream.
_PACKED_LITERAL = re.compile(
    rb"(?:\\{1,4}x1f\\{1,4}x8b\\{1,4}(?:x08|b)|\\{1,4}037\\{1,4}213\\{1,4}(?:010|b)"
    rb"|x\\{1,4}x(?:01|9c|da)|\(\\{1,4}xb5/\\{1,4}xfd|BZh[1-9]1AY)[^\r\n]{16,}"
)
_ESCAPED_QUOTES: Final = (b'\\"', b"\\'")
_QUOTES: Final = (*_ESCAPED_QUOTES, b'"', b"'")
_DOUBLED = re.compile(rb"[^\\]{0,2}\\\\")
_MAX_PACKED_TEXTS: Final = 64
_TEXT: Final = PRINTABLE + bytes(range(0x80, 0x100))
_SPLIT: Final = (
    Decoder.LINES | Decoder.LABELS | Decoder.LITERALS | Decoder.MARKUP | Decoder.VARIABLES
)
_OF_STATEMENTS: Final = (
    Decoder.WOVEN | Decoder.VARIABLES | Decoder.TABLES | Decoder.PARTS | Decoder.TURNED
)
"""What is told by whole statements, rows and lines is in no view of parts of what they are in."""

_OF_BASE85: Final = Decoder.ASCII85 | Decoder.BASE85
"""What is put together in lines by its own decoders, and may look like any text."""

_OF_BYTES: Final = IN_BINARY & ~Decoder.UNSEEN
"""What was looked for in the bytes themselves is not in the strings among them."""

_UNPACKED: Final = 2048
"""What it costs to try whether bytes are compressed, in bytes that are gone through."""

_NONE: Final = Views(())


class _Spent(Exception):  # noqa: N818  it is an answer, not an error
    pass


def decoded_views(
    data: str | bytes,
    budget: Budget | None = None,
    allowance: Allowance | None = None,
    *,
    goes_on: bool = False,
) -> Views:
    """All that a `Decoding` gives."""
    decoding = Decoding(data, budget, allowance, goes_on=goes_on)
    views = tuple(decoding)
    return Views(views, decoding.unprovable) if views or decoding.unprovable else _NONE


class Decoding:
    """Every decoding of `data` and of what comes out of it, in breadth first order, one by one.

    Spans count what was given: characters of a str, bytes of bytes. Nothing raises, whatever is
    given, and the time grows with the length alone. `unprovable` is as in `Views`, at the end.

    Where the text `goes_on`, of compressed bytes at its end only the first byte is given, which
    tells where they begin: they are looked at once they are whole.
    """

    def __init__(
        self,
        data: str | bytes,
        budget: Budget | None = None,
        allowance: Allowance | None = None,
        *,
        goes_on: bool = False,
    ) -> None:
        self.unprovable = ""
        self._data = data
        self._budget = budget or Budget()
        self._allowance = allowance or self._budget.allowance(len(data))
        self._goes_on = goes_on

    def __iter__(self) -> Iterator[View]:
        data = self._data
        text = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
        wanted = needed(text)
        if not wanted:
            return
        root = View(text, (), None, _ITSELF if len(text) == len(data) else _Characters(text))
        search = _Search(root, self._budget, self._allowance, goes_on=self._goes_on)
        try:
            yield from search.run(wanted)
        except _Spent as spent:
            self.unprovable = str(spent)
        except TooBig:
            self.unprovable = "bytes"


class _Itself:
    """The way back out of a text that is the given one."""

    def __call__(self, start: int, end: int) -> Span:
        return start, end

    def forth(self, spans: Sequence[Span]) -> Iterator[Span]:
        return iter(spans)


_ITSELF: Final = _Itself()


class _Characters:
    """Bytes of UTF-8 to characters; the end takes in the whole of a character."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._characters = Characters(data)

    def __call__(self, start: int, end: int) -> Span:
        before = self._characters.before
        if end <= start:
            return (before(start),) * 2
        return before(start + 1) - 1, before(end)

    def forth(self, spans: Sequence[Span]) -> Iterator[Span]:
        if spans:
            yield 0, len(self._data)


class _Search:
    """Breadth first through all decodings; what two of them show, or two places, counts as two."""

    def __init__(self, root: View, budget: Budget, allowance: Allowance, *, goes_on: bool) -> None:
        self._root = root
        self._depth = budget.depth
        self._allowance = allowance
        self._unpacks = budget.unpacked > 0
        self._goes_on = goes_on
        self._left = max(budget.least_bytes, budget.growth * len(root.data))
        self._seen: set[tuple[bytes, str, int]] = set()
        self._solid: set[bytes] = set()  # blobs that hold nothing compressed

    def run(self, wanted: int) -> Iterator[View]:
        waiting = deque([(self._root, wanted)])
        while waiting:
            for child in self._children(*waiting.popleft()):
                key = child.data, child.path[-1], child.place
                if not child.data or child.data == self._root.data or key in self._seen:
                    continue
                if len(child.path) > self._depth or self._is_spelled_again(child):
                    raise _Spent("depth")
                self._left -= len(child.data)
                if not PACKED.isdisjoint(child.path):
                    self._allowance.unpacked -= len(child.data)
                if self._room < 0:
                    raise _Spent("bytes")
                self._keep_time(len(child.data))
                self._seen.add(key)
                yield child
                if not child.is_plain and (wanted := needed(child.data)):
                    waiting.append((child, wanted))

    def _is_spelled_again(self, view: View) -> bool:
        """Whether it is most of the text, in more escapes than those who write them put around."""
        if len(view.data) <= max(_SHORT, len(self._root.data) // 2):
            return False
        return sum(not _ESCAPES.isdisjoint(name.split("+")) for name in view.path) > _MAX_SPELLINGS

    @property
    def _room(self) -> int:
        """How many bytes may still come out of compressed ones."""
        return min(self._left, self._allowance.unpacked)

    def _children(self, view: View, wanted: int) -> Iterator[View]:
        data = view.data
        if wanted & Decoder.FOREIGN and not view.rewritten and not _is_utf8(data):
            # Escapes and letters that random bytes spell by chance would never come to an end.
            wanted &= IN_BINARY
            rewritten: Iterable[Rewritten | None] = (step(data) for step in (wide, strings, mended))
        else:
            if view.path[-1:] == (STRINGS,):
                wanted &= ~_OF_BYTES
            was_escaped = view.path[-1:] == (_ESCAPED,)  # then in lines all is decoded twice
            plain = None
            if wanted & ODD and not (view.joined or view.path[-1:] == (ROTATED,)):
                plain = unescaped(data, whole=was_escaped)
            if plain:
                wanted &= plain.left
            rewritten = chain((wide(data), plain and plain[:3]), self._rejoined(view, wanted))
        for one in rewritten:
            self._keep_time(len(data))
            if one:
                yield _below(view, *one)
        yield from self._opened(view, wanted)
        if wanted & Decoder.PACKED and self._unpacks:
            yield from self._unpacked_from(view)

    def _unpacked_from(self, view: View) -> Iterator[View]:
        """What is compressed in bytes, or in a text that programs write with escapes."""
        data = view.data
        if view is self._root or view.path[-1] in PACKED:
            for name, start, end, inner in self._inflated(data):
                yield _below(
                    view, name, inner[: self._shown(view, start, end)], _shifted(start, end)
                )
        elif not _HOLD_BYTES.isdisjoint(view.path[-1].split("+")):
            for name, start, end, inner in compressed(data, self._room, self._allowance.is_late):
                yield _below(view, name, inner, _shifted(start, end))
            for number, begin in enumerate(_ZLIB_TEXT.finditer(data)):
                if number == _MAX_PACKED_TEXTS:
                    raise TooBig
                for name, start, end, inner in zipped(data[begin.end() :], self._room):
                    yield _below(
                        view, name, inner, _shifted(begin.end() + start, begin.end() + end)
                    )
            if view.parent and _ESCAPED in view.path[-1]:
                yield from self._unpacked_literals(view.parent)

    def _unpacked_literals(self, view: View) -> Iterator[View]:
        """What is compressed in a literal that has backslashes among its bytes.

        Of nested strings their runs are undone as one, which leaves out some of these.
        """
        for number, found in enumerate(_PACKED_LITERAL.finditer(view.data)):
            if number == _MAX_PACKED_TEXTS:
                raise TooBig
            text = _in_its_quotes(found)
            if b"\\\\" not in text:
                continue
            span = found.start(), found.start() + len(text)
            while _DOUBLED.match(text):  # a string of JSON around it
                text = bytes_of_literal(text)
            for name, _, _, inner in compressed(
                bytes_of_literal(text), self._room, self._allowance.is_late
            ):
                yield View(inner, (*view.path, _ESCAPED, name), view, _shifted(*span))

    def _rejoined(self, view: View, wanted: int) -> Iterator[Rewritten | None]:
        data = view.data
        if view.joined:
            return
        if wanted & Decoder.UNSEEN:
            yield shown(data)
        if wanted & Decoder.QUOTED:
            yield quoted_printable(data)
            yield encoded_words(data)
        if wanted & _SPLIT:
            yield from joined(data, wanted)
        if wanted & Decoder.GROUPS or (wanted & Decoder.WOVEN and BINARY.isdisjoint(view.path)):
            yield from regrouped(data, wanted)

    def _opened(self, view: View, wanted: int) -> Iterator[View]:
        if view.guessed:
            wanted &= ~_OF_BASE85
        if view.joined or view.is_below(ROTATED) or view.path[-1:] == (FRAMED,):
            wanted &= ~_OF_STATEMENTS
        elif view.path[-1:] == (TABLE,):
            wanted &= ~Decoder.WOVEN
        for opened in self._armoured(view.data, wanted):
            if view.joined and opened.name == ROTATED:
                continue  # names put together are tokens in no other letters
            if opened.name in _TWINS and any(map(view.is_below, _TWINS)):
                continue  # what was turned round once is not turned again
            path = (*view.path, opened.name)
            yield View(opened.text, path, view, opened.back, is_plain=opened.is_plain)
            for blob, start, end in opened.blobs:
                yield from self._unpacked(view, opened.name, blob, start, end)

    def _armoured(self, data: bytes, wanted: int) -> Iterator[Opened]:
        for decoder, opened in _ARMOURS:
            if wanted & decoder:
                yield from opened(data, self._allowance)
                self._keep_time(len(data))

    def _keep_time(self, worked: int) -> None:
        if self._allowance.is_late(worked):
            raise _Spent("time")
        if self._allowance.chains < 0:
            raise _Spent("chains")

    def _unpacked(self, view: View, name: str, blob: bytes, start: int, end: int) -> Iterator[View]:
        if not self._unpacks or blob in self._solid or not may_be_packed(blob):
            return
        self._keep_time(_UNPACKED)
        is_solid = True
        for coding, _, _, plain in self._inflated(blob, MIN_HEADERLESS):
            is_solid = False
            path = (*view.path, name, coding)
            shown = plain[: self._shown(view, start, end)]
            yield View(shown, path, view, _shifted(start, end), start)
        if is_solid:
            self._solid.add(blob)

    def _shown(self, view: View, start: int, end: int) -> int | None:
        """How much to show of what is compressed there in a view; None for all of it."""
        is_open = self._goes_on and view.origin(start, end)[1] >= len(self._root.data) - REACH
        return 1 if is_open else None

    def _inflated(self, data: bytes, least: int = 0) -> Iterator[Inflated]:
        """What is compressed in `data`, also without a header where it has so many bytes."""
        is_marked = False
        for one in compressed(data, self._room, self._allowance.is_late):
            is_marked = True
            yield one
        if not is_marked and len(data) >= least and not _is_text(data):
            yield from headerless(data, self._room)


def _in_its_quotes(found: re.Match[bytes]) -> bytes:
    """Up to the quote that ends the literal, where one begins it; it may be escaped itself."""
    start = found.start()
    opening = found.string[max(0, start - 2) : start]
    quote = opening if opening in _ESCAPED_QUOTES else opening[-1:]
    end = re.search(rb"(?<!\\)" + re.escape(quote), found[0]) if quote in _QUOTES else None
    return found[0][: end.start()] if end else found[0]


def _is_text(data: bytes) -> bool:
    return not data.translate(None, _TEXT) and _is_utf8(data)


_ARMOURS: Final = (
    (Decoder.LETTERS, lettered),
    (Decoder.ASCII85, ascii85),
    (Decoder.BASE85, base85),
    (Decoder.GROUPS, strided),
    (Decoder.TABLES, columned),
    (Decoder.VARIABLES, assembled),
    (Decoder.PARTS, parted),
    (Decoder.WOVEN, woven),
    (Decoder.NUMBERS, numbered),
    (Decoder.PIECES, pieced),
    (Decoder.DUMPS, dumped),
    (Decoder.UUENCODED, uuencoded),
    (Decoder.HIDDEN, hidden),
    (Decoder.VARIABLES, merged_literals),
    (Decoder.VARIABLES, joined_lists),
    (Decoder.BACKSLASHED, backslashed),
    (Decoder.UNSEEN, framed),
    (Decoder.TURNED, turned),
)


def _below(view: View, name: str, data: bytes, back: Back) -> View:
    return View(data, (*view.path, name), view, back)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _shifted(start: int, end: int) -> Pieces:
    return Pieces(lambda: [Piece(0, start, end, 0)])
