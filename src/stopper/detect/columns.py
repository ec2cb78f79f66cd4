"""The cells of tables below the name of a secret, each written behind that name."""

import re
from collections.abc import Generator, Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from stopper.detect.allowance import STEP, Allowance
from stopper.detect.opened import Gathered, Opened

__all__ = ["MAX_CELLS", "MAX_TABLE", "TABLE", "columned"]

TABLE: Final = "table"
"""Its name in the path of a view."""

MAX_TABLE: Final = 2**20
"""So many bytes below a header are taken for its rows."""

MAX_CELLS: Final = 16_384
"""So many cells are given at once, so that whoever has seen enough asks for no more."""

_NAMES: Final = (
    "passw(?:or)?d|passwort|passphrase|pwd|kennwort|contrase[^ ]{1,3}a|mot de passe|senha"
    "|wachtwoord|secret|token|credentials?|totp"
    "|(?:api|access|secret|private|auth|licen[cs]e)[ _.-]?key"
)
"""What the header of a column of secrets ends in, in any case; `pass` is one beside a user."""

_MAX_LINE: Final = 4096
_MIN_CELL: Final = 4
_MAX_CELL: Final = 512
# What such names begin in, and how one goes on and ends a header, both in small letters.
_STEMS: Final = (
    b"pass", b"pw", b"kennwort", b"contrase", b"senha", b"wachtwoord", b"secret", b"token",
    b"credential", b"totp", b"key",
)  # fmt: skip
_HEADED = re.compile(
    rb"(?:pass(?:wo?r?[dt]|phrase|e)?|pwd?|contrase[^ ]{1,3}a|credentials?|kennwort|senha"
    rb"|wachtwoord|secret|token|totp|key)"
    rb"[\"`*]{0,3}(?: {0,24}(?:[,;\t|\r\n]|</t)|  )"
)
_ENDS = re.compile(rb"(?i)(?:.{0,40}[^A-Za-z]|[a-z]{0,40})(?:%s)" % _NAMES.encode())
_SHORT = re.compile(rb"(?i)pass|pw")
_USER = re.compile(rb"(?i).{0,24}(?:user|login|account|e-?mail|host|benutzer|usuario).{0,24}")
_KEY = re.compile(rb"(?i).*(?:secret|token|credential|totp|key).*")
_HEADER = re.compile(rb"[A-Za-z_#\x80-\xff][^=:;{}()<>\"'$\\]{0,48}")
_RULE = re.compile(rb"[-+=:| \t_]+")
_RULED: Final = frozenset(b"%c" % sign for sign in b"-+=:| \t_")
_LEAD = re.compile(rb"(?:\xef\xbb\xbf)?[ >+#*/-]{0,16}")
# A string in code that a table begins in, and its end.
_OPENED = re.compile(rb"[:=(][ ]{0,4}[\"'`](?=[A-Za-z_#|])")
_CLOSED = re.compile(rb"[\"'`][\]}),;]*\Z")
_BLANKS: Final = b" \t\r"
_DRESS: Final = (b'"', b"`", b"**", b"*")
_TAG: Final = b"</t"
_TAGGED: Final = (b"</td>", b"</th>")
_PASSWORD: Final = b"password"
_MIN_COLUMNS: Final = 2
_NOT_IN_NAMES = re.compile(rb"[^A-Za-z0-9]+")
_BLANK = re.compile(rb"\s")
_PLAIN = re.compile(rb"[A-Za-z0-9_.+/~=!?@$%^*#-]+")


class _Cell(NamedTuple):
    text: bytes
    start: int
    end: int


class _Row(NamedTuple):
    """A line in its cells, with `gap` bytes between two of them."""

    texts: list[bytes]
    start: int
    gap: int

    def cells(self, numbers: Iterable[int]) -> Iterator[_Cell]:
        """These, without what they are dressed in."""
        starts = list(accumulate(map(len, self.texts), initial=self.start))
        for number in numbers:
            yield _bare(self.texts[number], starts[number] + number * self.gap)


class _Kind(NamedTuple):
    """What stands between cells; and a cell with what stands behind it, where that is not enough.

    That is, where a line has a quote, or with no quotes always.
    """

    mark: bytes
    cell: re.Pattern[bytes] | None = None
    quote: bytes = b""


class _Table(NamedTuple):
    """What rows begin with, how they are cut, which of their cells are secrets, and how many."""

    lead: bytes
    kind: _Kind
    names: dict[int, bytes]
    width: int


def _separated(mark: bytes) -> _Kind:
    """Cells in double quotes or not."""
    cell = rb'([ ]*(?:"(?:[^"]|"")*+"[ ]*(?=%b|\Z)|[^%b]*+))(?:%b|\Z)' % ((mark,) * 3)
    return _Kind(mark, re.compile(cell), b'"')


_KINDS: Final = (
    _separated(b"\t"),
    _Kind(b"|"),
    _separated(b","),
    _separated(b";"),
    _Kind(_TAG, re.compile(rb"((?:(?!<t[hd][ >])[^\n])*+<t[hd][^<>\n]*>[^<\n]*+</t[hd]>)")),
    _Kind(b"  ", re.compile(rb"(\s*+\S++(?: \S++)*+\s*+)")),
)


def columned(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """`name: "cell"` for each cell below the name of a secret; rows have as many cells as headers.

    Cells stand between tabs, bars, commas, semicolons, in columns two blanks apart, or in rows of
    HTML. It comes in parts of `MAX_CELLS`.
    """
    gathered = Gathered()
    for number, (name, cell) in enumerate(_secrets(data, allowance), 1):
        if number % MAX_CELLS == 0:
            yield from gathered.opened(TABLE)
            gathered = Gathered()
        if _PLAIN.fullmatch(cell.text):  # fewer rules look behind the third kind of quotes
            gathered.put(b"%b: `" % name, cell.start, cell.start)
            gathered.add(cell.text, cell.start, cell.end, 1)
            continue
        quote = b"'" if b'"' in cell.text else b'"'
        gathered.put(b"%b: %b" % (name, quote), cell.start, cell.start)
        gathered.put(cell.text, cell.start, cell.end, 1)
        gathered.add(quote, cell.end, cell.end)
    yield from gathered.opened(TABLE)


def _secrets(data: bytes, allowance: Allowance) -> Iterator[tuple[bytes, _Cell]]:
    done = 0
    for place in _places(data.lower()):
        if place < done:
            continue
        if allowance.is_late(STEP):
            return
        start, end = _line(data, place)
        done = end
        if end - start > _MAX_LINE:
            continue
        above = start
        for opened in _OPENED.finditer(data, start, place):
            start = opened.end()
        lead = _LEAD.match(data, start)
        before = lead[0] if lead else b""
        for kind in _KINDS:
            count = data.count(kind.mark, start, end)
            if not count or _is_row(data, above, kind.mark, count):
                continue
            # of HTML an attribute is no string that a table begins in
            row = _row(data, above if kind.mark == _TAG else start + len(before), end, kind)
            width = len(row.texts)
            names = _named([cell.text for cell in row.cells(range(width))])
            if names:
                table = _Table(before, kind, names, width)
                done = yield from _below(data, end, table, allowance)
                break


def _is_row(data: bytes, end: int, mark: bytes, count: int) -> bool:
    """Whether the line that ends before `end` has so many marks: below it stands no header."""
    if not end:
        return False
    start, last = _line(data, end - 1)
    return data.count(mark, start, last) == count and not _RULE.fullmatch(data, start, last)


def _places(lower: bytes) -> list[int]:
    """Where a header may end that names a column of secrets."""
    places: list[int] = []
    if b"\n" not in lower:
        return places
    for stem in _STEMS:
        at = lower.find(stem)
        while at >= 0:
            if _HEADED.match(lower, at):
                places.append(at)
            at = lower.find(stem, at + len(stem))
    return sorted(places)


def _line(data: bytes, at: int) -> tuple[int, int]:
    """From the end of the line before to the end of this one, both as far as a line may be long."""
    first = data.rfind(b"\n", max(0, at - _MAX_LINE), at) + 1 or max(0, at - _MAX_LINE)
    last = data.find(b"\n", at, at + _MAX_LINE)
    return first, min(len(data), at + _MAX_LINE) if last < 0 else last


def _row(data: bytes, start: int, end: int, kind: _Kind) -> _Row:
    """A line in its cells."""
    line = data[start:end].rstrip(b" \r" if kind.mark == b"\t" else _BLANKS)
    if kind.mark == b"|":  # which may stand around a row as well
        start += len(line) - len(line.lstrip(_BLANKS).removeprefix(b"|"))
        line = line.lstrip(_BLANKS).removeprefix(b"|").removesuffix(b"|")
    if kind.cell is None or kind.quote not in line:
        return _Row(line.split(kind.mark), start, len(kind.mark))
    if not kind.quote:
        return _Row(kind.cell.findall(line), start, 0)
    texts = kind.cell.findall(line)
    if len(texts) > 1 and not line.endswith(kind.mark):
        del texts[-1]  # the end of the line is one more match
    return _Row(texts, start, len(kind.mark))


def _bare(text: bytes, start: int) -> _Cell:
    """A cell without blanks around it, and without quotes and the marks of code and bold type."""
    if text.isalnum():
        return _Cell(text, start, start + len(text))
    if text.endswith(_TAGGED):
        text = text[: text.rindex(b"<")]
        first = text.rfind(b">") + 1
        text, start = text[first:], start + first
    bare = text.strip(_BLANKS)
    if bare[:1] != bare[-1:]:
        bare = _CLOSED.sub(b"", bare)
    start += len(text) - len(text.lstrip(_BLANKS))
    for mark in _DRESS:
        if len(bare) > 2 * len(mark) and bare.startswith(mark) and bare.endswith(mark):
            bare, start = bare[len(mark) : -len(mark)], start + len(mark)
    return _Cell(bare, start, start + len(bare))


def _named(headers: list[bytes]) -> dict[int, bytes]:
    """Which columns hold secrets, by the names that they go by in the rules."""
    if len(headers) < _MIN_COLUMNS or not all(map(_HEADER.fullmatch, headers)):
        return {}
    has_user = any(map(_USER.fullmatch, headers))
    names = {}
    for number, header in enumerate(headers):
        if _ENDS.fullmatch(header):
            names[number] = _NOT_IN_NAMES.sub(b"_", header) if _KEY.fullmatch(header) else _PASSWORD
        elif has_user and _SHORT.fullmatch(header):
            names[number] = _PASSWORD
    return names


def _below(
    data: bytes, end: int, table: _Table, allowance: Allowance
) -> Generator[tuple[bytes, _Cell], None, int]:
    """The cells of the rows below the header that ends at `end`; gives where the rows do."""
    limit = min(len(data), end + MAX_TABLE)
    while end < limit and not allowance.is_late(STEP):
        start, end = end + 1, data.find(b"\n", end + 1, end + 1 + _MAX_LINE)
        end = min(len(data), start + _MAX_LINE) if end < 0 else end
        first = start + len(table.lead) if data.startswith(table.lead, start) else start
        if data[first : first + 1] in _RULED and _RULE.fullmatch(data, first, end):
            continue
        row = _row(data, first, end, table.kind)
        if len(row.texts) != table.width:
            return start
        long = [number for number in table.names if len(row.texts[number]) >= _MIN_CELL]
        for number, cell in zip(long, row.cells(long), strict=False):
            name = table.names[number]
            if _MIN_CELL <= len(cell.text) <= _MAX_CELL and not _BLANK.search(cell.text):
                yield name, cell
    return end
