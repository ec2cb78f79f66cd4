"""Text to text: what was split joined again, and only the lines that this changes."""

import re
from binascii import Error, a2b_base64
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, repeat
from typing import Final

from stopper.detect.gate import Decoder
from stopper.detect.opened import GAP, PIECE
from stopper.detect.origin import Back, Span

__all__ = [
    "MIN_LINE",
    "Changed",
    "Replace",
    "Rewritten",
    "by_turns",
    "encoded_words",
    "joined",
    "lines_around",
    "quoted_printable",
    "regrouped",
    "rewritten",
    "shapes",
    "shown",
    "shown_shapes",
]

Rewritten = tuple[str, bytes, Back]
"""The name of a decoding, what came out, and the way back."""

Replace = Callable[[re.Match[bytes]], bytes]
"""What stands in the place of a match; it asks for all that matched, and for nothing else."""

_MAX_CONTEXT: Final = 2048
_MAX_GROUP: Final = 8

# A line end that is escaped: none of code, which has a blank before `=` and its kin, where lines
# are as short, and no base64 that is filled up, as digests are of 20 and of 32 bytes.
_SOFT = (
    rb"(?:(?<=[^\s=]=)(?<!\s[+*/%&|^<>!:-]=)|(?<=[^\r\n]{60}[ \t]=))"
    rb"(?<![^A-Za-z0-9+/][A-Za-z0-9+/]{27}=)(?<![^A-Za-z0-9+/][A-Za-z0-9+/]{43}=)"
    rb"[ \t]{0,8}\r?\n"
)
_QUOTED = re.compile(rb"=(?:[0-9A-Fa-f]{2}|%b)" % _SOFT)
_IS_QUOTED = re.compile(rb"=(?:3[Dd]|[0-9A-Fa-f]{2}=[0-9A-Fa-f]{2})")
_SOFT_BREAK = re.compile(rb"=%b" % _SOFT)
# Words in headers of mail, RFC 2047 section 2: what stands between two of them is not shown.
_WORD = re.compile(rb"=\?[A-Za-z0-9*_-]{2,24}\?([BbQq])\?([^?\s]{0,2048})\?=")
_A_WORD = rb"=\?[A-Za-z0-9*_-]{2,24}\?[BbQq]\?[^?\s]{0,2048}\?="
_ENCODED_WORDS = re.compile(rb"%b(?:(?:\r?\n)?[ \t]{1,8}%b){0,256}" % (_A_WORD, _A_WORD))

_TOKEN = rb"[A-Za-z0-9+/_=-]"
MIN_LINE: Final = 12
"""Where a line ends in so many letters, a token may go on in the next."""

# Behind `=` one goes on only where a name stands before it: all else is base64 that is filled up.
# Every branch starts with its own literal, so that the search runs from one to the next.
_SPLIT_LINES = tuple(
    re.compile(
        rb"%b(?<=[A-Za-z0-9+/_-]{%d}%b|[A-Z_]{%d}=%b|[a-z_-]{%d}=%b)%b[ \t>#*|]{0,32}(?=%b)"
        % (mark, MIN_LINE, mark, MIN_LINE - 1, mark, MIN_LINE - 1, mark, rest, _TOKEN)
    )
    for mark, rest in ((rb"\n", rb""), (rb"\r", rb"\n"), (rb"\\", rb"\r?\n"))
)
_PART = PIECE.encode()
_JOINT: Final = rb"[ \t\r\n\\_]{0,16}"
# Each begins with its own literal, so that the search runs from one to the next. An operator puts
# two together for sure, and so does the line below, further in. Below each other they are a list.
_SPLIT_LITERALS, _ADJACENT_LITERALS = (
    tuple(
        re.compile(rb"%s(?<=%s%s)%s%s(?=%s)" % (quote, _PART, quote, between, quote, _PART))
        for quote in (b'"', b"'", b"`")
    )
    for between in (
        rb"\)?(?:%b(?:[+.&]|\.\.|\|\||<>|<<)%b|[ \t]{0,4}\r?\n[ \t]{1,16})" % (_JOINT, _JOINT),
        rb"(?:[\r\n]{0,4}[ \t\\_]%b)?" % _JOINT,
    )
)
# Where a word of a shell goes from one kind of quotes to the other.
_OTHER_QUOTES = re.compile(rb"(?:\"'|'\")(?<=%s..)(?=%s)" % (_PART, _PART))
# `k += '...'` on a line of its own.
_ADDED_LITERALS = tuple(
    re.compile(
        rb"%s(?<=%s%s);?[ \t\r\n]{1,8}[A-Za-z_$][A-Za-z0-9_.$]{0,32}[ \t]{0,4}(?:\+=|\.=|<<)"
        rb"[ \t]{0,4}%s(?=%s)" % (quote, _PART, quote, quote, _PART)
    )
    for quote in (b'"', b"'", b"`")
)
# Tags of mark-up and the seams of character data between parts of a token, and colours before it.
_TAG = rb"<[!/A-Za-z][^<>\n]{0,80}>"
_MARKUP = tuple(
    re.compile(rb"%s(?=%s)" % (mark, _TOKEN))
    for mark in (
        rb"<(?<=%s<)%s(?:%s){0,7}" % (_TOKEN, _TAG[1:], _TAG),
        rb"\]\]><!\[CDATA\[",
        rb"(?<=[A-Za-z0-9+/_=-])<!\[CDATA\[",
        rb"\]\]>(?<=[A-Za-z0-9+/_=-]\]\]>)",
        rb"\x1b\[[0-9;]{0,12}[A-HJKSTfm](?:\x1b\[[0-9;]{0,12}[A-HJKSTfm]){0,3}",
    )
)
# `K+=...` of a shell, on the line below the first part.
_ADDED_WORDS = re.compile(
    rb"\n(?<=[A-Za-z0-9+/_=-]\n)[+ \t]{0,4}[A-Za-z_][A-Za-z0-9_]{0,32}\+=(?=[A-Za-z0-9+/_-])"
)
_TOKEN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-"
# Single signs of a token, each behind a blank, a comma or on its own line. A search begins with the
# first two of a row alone: from all of them, what ends as no token would be gone through each time.
_MIN_SINGLES: Final = 12
_SIGN = rb"[A-Za-z0-9+/_=.-]"
_APART = rb"[ \t\r\n,]"
_SINGLE = re.compile(
    rb"(?<![^\s\[(\"'`>])(?<!%b%b%b)(?<!%b%b, )(?:%b(?:%b|, )){%d,}%b(?![!-;?-Z^-~])"
    % (_APART, _SIGN, _APART, _APART, _SIGN, _SIGN, _APART, _MIN_SINGLES, _SIGN)
)
_BETWEEN: Final = b" \t\r\n,"


def shapes(separators: bytes, signs: bytes) -> bytes:
    """A table that makes blanks of the ones, `A` of the others and dots of all else."""
    return bytes(
        ord(" ") if byte in separators else ord("A") if byte in signs else ord(".")
        for byte in range(256)
    )


def shown_shapes(data: bytes, table: bytes) -> bytes:
    """What the table makes of `data`, with dots for UUIDs: they have groups, and are no tokens."""
    return data.translate(table).replace(_UUID, b"." * len(_UUID))


_UUID: Final = b" ".join(b"A" * size for size in (8, 4, 4, 4, 12))
_SINGLES = shapes(_BETWEEN, _TOKEN_BYTES + b".")
_MIN_LABEL: Final = 24
_SPLIT_LABELS = re.compile(rb"\.(?<=[A-Za-z0-9_-]{%d}\.)(?=[A-Za-z0-9_-])" % _MIN_LABEL)
# The parts of a token on lines of their own, which keep their dots.
_LABELS_ON_LINES = re.compile(
    rb"\n(?<=[A-Za-z0-9_-]{%d}\.\n)[ \t]{0,32}(?=[A-Za-z0-9_-])" % _MIN_LABEL
)

_SEPARATORS: Final = b" \t\r\n.,:;|/+-"
_SHAPES = shapes(_SEPARATORS, _TOKEN_BYTES.translate(None, b"+/=-"))
# What groups look like: how long each is, how far apart, and how many make a token. The last of
# them are looked for where a word looks like no name.
_GROUPS = tuple(
    ((b"A" * size + b" " * gap) * least, size, gap, least)
    for size, gap, least in (
        (1, 1, 12),
        (2, 1, 6),
        (4, 1, 4),
        (4, 2, 4),
        (3, 1, 6),
        (5, 1, 4),
        (6, 1, 4),
        (8, 1, 3),
    )
)
_COMMON: Final = 4
_REGROUP = {
    (size, gap): re.compile(
        rb"(?<![A-Za-z0-9_])(?:[A-Za-z0-9_]{%d}(?>[,:;|]?[ \t]?\r?\n[ \t]{0,8}|[%s]{%d})){%d,}"
        rb"[A-Za-z0-9_]{1,%d}(?![A-Za-z0-9_])" % (size, re.escape(_SEPARATORS), gap, least, size)
    )
    for _, size, gap, least in _GROUPS
}
_HEX_MARK = re.compile(rb"0[xX](?=[0-9A-Fa-f]{2})")
_IN_GROUPS = re.compile(_HEX_MARK.pattern + rb"|[%s]+" % re.escape(_SEPARATORS))
_IN_SINGLES = re.compile(rb"[%s]+" % _BETWEEN)
_HEX = "0123456789abcdefABCDEF"
_BYTES = {f"={high}{low}".encode(): bytes([int(high + low, 16)]) for high in _HEX for low in _HEX}
_ALL = re.compile(rb".*", re.DOTALL)
# Without the sign that stands for what looks like no ASCII.
_CONTROLS: Final = bytes((*range(0x07), *range(0x0E, 0x1A), 0x7F))
_UNSEEN = re.compile(rb"[%b]+" % re.escape(_CONTROLS))


def quoted_printable(data: bytes) -> Rewritten | None:
    """`=41` undone where the text has more of them, and soft line breaks, with what is near."""
    regex = _QUOTED if _IS_QUOTED.search(data) else _SOFT_BREAK
    return rewritten("quoted-printable", data, _QUOTED, _unquoted, regex.finditer(data))


def encoded_words(data: bytes) -> Rewritten | None:
    """`=?utf-8?Q?=41?=` and those of base64 undone, and joined where they follow each other."""
    if b"?=" not in data:
        return None
    return rewritten("encoded-word", data, _ENCODED_WORDS, _shown_words)


def shown(data: bytes) -> Rewritten | None:
    """Without NUL, which makes ASCII of UTF-16 and UTF-32, and other signs that nobody sees."""
    if len(data.translate(None, _CONTROLS)) == len(data):
        return None
    return rewritten("utf-16", data, _UNSEEN, _nothing)


def joined(data: bytes, wanted: int = Decoder.ALL) -> Iterator[Rewritten | None]:
    """Tokens put together that line breaks, dots, mark-up, or quotes with an operator split."""
    for regex in _SPLIT_LINES if wanted & Decoder.LINES else ():
        yield rewritten("joined", data, regex, _nothing)
    if wanted & Decoder.LABELS:
        yield rewritten("joined", data, _SPLIT_LABELS, _nothing)
        if b".\n" in data:
            yield rewritten("joined", data, _LABELS_ON_LINES, _nothing)
    for regex in _MARKUP if wanted & Decoder.MARKUP else ():
        yield rewritten("joined", data, regex, _nothing)
    for regex in (*_SPLIT_LITERALS, *_ADDED_LITERALS) if wanted & Decoder.LITERALS else ():
        yield rewritten("concatenated", data, regex, _nothing)
    for regex in (*_ADJACENT_LITERALS, _OTHER_QUOTES) if wanted & Decoder.LITERALS else ():
        yield rewritten("joined", data, regex, _nothing)
    if wanted & Decoder.VARIABLES and b"+=" in data:
        yield rewritten("joined", data, _ADDED_WORDS, _nothing)


def regrouped(data: bytes, wanted: int = Decoder.ALL) -> Iterator[Rewritten | None]:
    """Tokens put together that are written in groups of one length, such as `41:42:43:44`."""
    if wanted & Decoder.GROUPS:
        singles = data.translate(_SINGLES)
        if b"A " * _MIN_SINGLES in singles or b"A  " * _MIN_SINGLES in singles:
            yield rewritten("grouped", data, _SINGLE, _single, within=_IN_SINGLES)
    seen = shown_shapes(data, _SHAPES)
    first = 0 if wanted & Decoder.GROUPS else _COMMON
    last = len(_GROUPS) if wanted & Decoder.WOVEN else _COMMON
    for shape, size, gap, _ in _GROUPS[first:last]:
        if (gap == 1 or b"0x" in data or b"0X" in data) and shape in seen:
            regex = _REGROUP[size, gap]
            near = _near(data, seen, shape, regex)
            yield rewritten("grouped", data, regex, _ungrouped, near, within=_IN_GROUPS)


def _near(
    data: bytes, seen: bytes, shape: bytes, regex: re.Pattern[bytes]
) -> Iterator[re.Match[bytes]]:
    """The matches of `regex` where `shape` stands, since all else is not worth a search."""
    at = seen.find(shape)
    while at >= 0:
        near = regex.search(data, at, at + 2 * len(shape) + _MAX_GROUP)
        found = near and regex.match(data, near.start())
        if found:
            yield found
        at = seen.find(shape, found.end() if found else at + 1)


def _unquoted(found: re.Match[bytes]) -> bytes:
    return _BYTES.get(found[0], b"")  # a line end that was escaped leaves nothing


def _shown_words(found: re.Match[bytes]) -> bytes:
    return b"".join([_shown_word(*word) for word in _WORD.findall(found[0])])


def _shown_word(kind: bytes, text: bytes) -> bytes:
    if kind in b"Qq":
        return _QUOTED.sub(_unquoted, text.replace(b"_", b" "))
    try:
        return a2b_base64(text + b"==")
    except Error:
        return text


def _nothing(_: re.Match[bytes]) -> bytes:
    return b""


def _single(found: re.Match[bytes]) -> bytes:
    text = found[0].translate(None, _BETWEEN)
    signs = text[1::2]
    if not signs[:1].isalnum() and signs == signs[:1] * len(signs):
        return text[::2]  # `a . b . c`
    return text


def _ungrouped(found: re.Match[bytes]) -> bytes:
    return _HEX_MARK.sub(b"", found[0]).translate(None, _SEPARATORS)


def rewritten(
    name: str,
    data: bytes,
    regex: re.Pattern[bytes],
    replace: Replace,
    matches: Iterator[re.Match[bytes]] | None = None,
    *,
    whole: bool = False,
    within: re.Pattern[bytes] | None = None,
) -> Rewritten | None:
    """The lines where `regex` changes something, changed, or with `whole` all; None for none.

    `regex` has no groups; for `within` see `Changed`.
    """
    windows: list[Span] = []
    parts: list[bytes] = []
    found = (one.span() for one in matches or regex.finditer(data))
    for start, end in [(0, len(data))] if whole else lines_around(data, found):
        before = data[start:end]
        after = regex.sub(replace, before)
        if after and after != before:
            windows.append((start, end))
            parts += (after, GAP)
    if not windows:
        return None
    sizes = list(map(len, parts[::2]))
    back = _Windows(windows, sizes, lambda span: Changed(data, span, regex, replace, within))
    return name, b"".join(parts), back


def lines_around(data: bytes, spans: Iterable[Span]) -> Iterator[Span]:
    """The lines that these are in, neighbours as one; of a long line the part around each."""
    first = last = 0
    for start, end in spans:
        if end <= last:
            continue
        after = data.find(b"\n", end, end + _MAX_CONTEXT)
        until = min(len(data), end + _MAX_CONTEXT) if after < 0 else after
        if start > last:
            before = max(last, start - _MAX_CONTEXT)
            begin = max(before, data.rfind(b"\n", before, start))
            if begin > last:
                if last:
                    yield first, last
                first = begin
        last = until
    if last:
        yield first, last


class _Windows:
    """The way back out of stretches that were changed, each with a gap behind it.

    `sizes` tells how long each became; `changed` is asked for those where a way back is wanted.
    """

    def __init__(
        self, spans: list[Span], sizes: list[int], changed: Callable[[Span], "Changed"]
    ) -> None:
        self._spans = spans
        self._sizes = sizes
        self._changed = changed
        self._made: dict[int, Changed] = {}

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate((size + len(GAP) for size in self._sizes[:-1]), initial=0))

    def __call__(self, start: int, end: int) -> Span:
        first = max(0, bisect_right(self._starts, start) - 1)
        last = max(first, bisect_left(self._starts, end) - 1)
        begin = self._window(first).begin(start - self._starts[first])
        return begin, max(begin, self._window(last).finish(end - self._starts[last]))

    def forth(self, spans: Sequence[Span]) -> Iterator[Span]:
        """See `Back`."""
        begins = [begin for begin, _ in self._spans]
        for start, end in spans:
            first = max(0, bisect_right(begins, start) - 1)
            for number in range(first, bisect_right(begins, end)):
                for one in self._window(number).forth(start, end):
                    at = self._starts[number]
                    yield at + one[0], at + one[1] + len(GAP)

    def _window(self, number: int) -> "Changed":
        made = self._made.get(number)
        if made is None:
            made = self._made[number] = self._changed(self._spans[number])
        return made


class Changed:
    """The way back out of one stretch of a text that `regex` changed, worked out when asked.

    Every byte that `replace` made came from all of a match. With `within`, which tells the parts
    that it left out of a match, what it kept came from its own place.
    """

    def __init__(
        self,
        data: bytes,
        span: tuple[int, int],
        regex: re.Pattern[bytes],
        replace: Replace,
        within: re.Pattern[bytes] | None = None,
    ) -> None:
        self._data = data
        self._span = span
        self._regex = regex
        self._replace = replace
        self._within = within
        # Where what was kept and what was changed begin, by turns: in the text, and after it.
        self._before: list[int] = []
        self._after: list[int] = []

    def begin(self, position: int) -> int:
        """Where in the text that begins which begins at `position` of what came out."""
        self._work_out()
        number = min(max(0, bisect_right(self._after, position) - 1), len(self._after) - 2)
        if number % 2:
            return self._before[number]
        return min(self._before[number] + position - self._after[number], self._before[number + 1])

    def finish(self, position: int) -> int:
        """Where in the text that ends which ends at `position` of what came out."""
        self._work_out()
        number = min(max(0, bisect_left(self._after, position) - 1), len(self._after) - 2)
        if number % 2:
            return self._before[number + 1]
        return min(self._before[number] + position - self._after[number], self._before[number + 1])

    def forth(self, start: int, end: int) -> Iterator[Span]:
        """What came out of `start` to `end`, if it touches the stretch; see `Back`."""
        if start > self._span[1] or end < self._span[0]:
            return
        self._work_out()
        before, after = self._before, self._after
        first = max(0, bisect_left(before, start) - 1)
        last = max(0, min(bisect_right(before, end) - 1, len(before) - 2))
        begin = after[first] if first % 2 else after[first] + max(0, start - before[first])
        finish = after[last + 1] if last % 2 else after[last] + max(0, end - before[last])
        yield begin, min(finish, after[last + 1])

    def _work_out(self) -> None:
        if self._after:
            return
        parts = by_turns(self._data[slice(*self._span)], self._regex)
        if self._within:
            parts = _refined(parts, self._within)
        lengths = list(map(len, parts))
        self._before = list(accumulate(lengths, initial=self._span[0]))
        changed = parts[1::2]
        if self._within:
            lengths[1::2] = repeat(0, len(changed))
        else:
            texts = map(_ALL.fullmatch, set(changed))
            sizes = {text[0]: len(self._replace(text)) for text in texts if text}
            lengths[1::2] = map(sizes.__getitem__, changed)
        self._after = list(accumulate(lengths, initial=0))


def by_turns(text: bytes, regex: re.Pattern[bytes]) -> list[bytes]:
    """What stands before the first match, the match, what stands before the next, and so on."""
    between = regex.split(text)
    parts = [b""] * (2 * len(between) - 1)
    parts[::2], parts[1::2] = between, regex.findall(text)
    return parts


def _refined(parts: Iterable[bytes], within: re.Pattern[bytes]) -> list[bytes]:
    """The same by turns, where of each match only what `within` matches was changed."""
    refined: list[bytes] = []
    for number, part in enumerate(parts):
        refined += (b"", *by_turns(part, within), b"") if number % 2 else (part,)
    return refined
