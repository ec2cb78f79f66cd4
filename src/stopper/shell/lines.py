"""Keeps the lines of a long text that are worth showing: its head, its tail, its errors."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from stopper.shell.result import OutputMode, Truncation

__all__ = ["Keeper", "Limits", "truncate"]

MARGIN_LINES: Final = 32
"""Kept beyond what is shown, so that a secret on the edge is seen whole when it is redacted."""

MAX_LINE: Final = 8192
MAX_SHOWN_LINE: Final = 2000
MAX_KEPT_CHARS: Final = 1 << 20
"""Of the head, and again of the tail, whatever the limits say."""

_LINE_CUT: Final = " [... rest of this line omitted]"
_WORDS: Final = ("error", "fail", "fatal", "panic", "exception", "traceback", "denied")
_TELLING: Final = re.compile(rf"(?:^|[^a-z])(?:\w*error|{'|'.join(_WORDS)})", re.IGNORECASE)


class Limits(Struct, frozen=True):
    """What is shown of a text: so many lines, so many characters, and from where."""

    lines: int
    chars: int
    mode: OutputMode = OutputMode.SMART


def truncate(text: str, limits: Limits) -> tuple[str, Truncation]:
    """A text within its limits; where lines are left out stands how many."""
    keeper = Keeper(limits)
    keeper.feed(text)
    return keeper.finish(lambda kept: kept)


class Keeper:
    """Takes a text in parts of any size, in memory that depends on the limits alone."""

    def __init__(self, limits: Limits) -> None:
        self.count = 0
        self._limits = limits
        self._room = limits.lines + MARGIN_LINES
        self._head: list[str] = []
        self._head_chars = 0
        self._middle: list[tuple[int, str]] = []
        self._tail: list[str] = []
        self._partial = ""
        self._cut_lines = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come yet."""
        return not self.count and not self._partial

    def feed(self, text: str) -> None:
        """The next part of the text."""
        whole, newline, rest = text.rpartition("\n")
        if newline:
            self._take(self._partial + whole)
            self._partial = ""
        self._partial = self._shortened(self._partial + rest)

    def finish(self, redact: Callable[[str], str]) -> tuple[str, Truncation]:
        """What is shown, and what had to be cut; what was kept goes through `redact` first."""
        ends_open = bool(self._partial)
        if ends_open:
            self._take(self._partial)
        lines = self._shown(redact)
        text = "\n".join(map(self._cut, lines)) + ("" if ends_open or not lines else "\n")
        has_omitted = not self._is_whole
        text, is_long = _within(text, self._limits)
        if is_long or self._cut_lines:
            return text, Truncation.BOTH if has_omitted else Truncation.CHARS
        return text, Truncation.LINES if has_omitted else Truncation.NONE

    def _take(self, text: str) -> None:
        """Whole lines, the last without its end; many at once, for there may be a million."""
        begin = self.count
        self.count += text.count("\n") + 1
        if self._limits.mode is not OutputMode.TAIL and not self._tail:
            room = self._room - len(self._head)
            if room > 0 and self._head_chars < MAX_KEPT_CHARS:
                parts = text.split("\n", room)
                self._head += map(self._shortened, parts[:room])
                self._head_chars += sum(map(len, parts[:room]))
                begin += len(parts[:room])
                if len(parts) <= room:
                    return
                text = parts[room]
        if self._limits.mode is not OutputMode.HEAD:
            self._take_last(text, begin)

    def _take_last(self, text: str, begin: int) -> None:
        """Lines of which the first has the number `begin`, counted from 0."""
        last = text.rsplit("\n", self._room)
        if len(last) > self._room:
            self._note(self._tail, begin - len(self._tail))
            self._note_text(last.pop(0), begin)
            self._tail = []
        self._tail += map(self._shortened, last)
        gone = max(0, len(self._tail) - self._room)
        size = sum(map(len, self._tail))
        while size > MAX_KEPT_CHARS and gone < len(self._tail) - 1:
            size -= len(self._tail[gone])
            gone += 1
        self._note(self._tail[:gone], self.count - len(self._tail))
        del self._tail[:gone]

    def _note_text(self, text: str, begin: int) -> None:
        """Lines that are not kept, but for those that tell; a quick look spares most of them."""
        lower = text.lower()
        if self._wants_more and any(word in lower for word in _WORDS):
            self._note(text.split("\n"), begin)

    def _note(self, lines: Iterable[str], begin: int) -> None:
        if self._wants_more:
            for number, line in enumerate(lines, begin):
                if self._wants_more and _TELLING.search(line, 0, MAX_LINE):
                    self._middle.append((number, self._shortened(line)))

    @property
    def _is_whole(self) -> bool:
        kept = len(self._head) + len(self._tail)
        return self.count <= self._limits.lines and self.count == kept

    @property
    def _wants_more(self) -> bool:
        smart = self._limits.mode is OutputMode.SMART
        return smart and len(self._middle) < self._limits.lines // 4

    def _shown(self, redact: Callable[[str], str]) -> list[str]:
        limit, mode = self._limits.lines, self._limits.mode
        if self._is_whole:
            return _through(redact, self._head + self._tail)
        if mode is OutputMode.HEAD:
            head = _through(redact, self._head)[:limit]
            return [*head, _omitted(self.count - len(head))]
        if mode is OutputMode.TAIL:
            tail = _last(_through(redact, self._tail), limit)
            return [_omitted(self.count - len(tail)), *tail]
        return self._smart(redact)

    def _smart(self, redact: Callable[[str], str]) -> list[str]:
        """A quarter from the head, up to a quarter that tells, the rest from the tail."""
        first = min(self._limits.lines // 4, len(self._head))
        telling = self._telling(first)
        tail_begin = self._tail_begin(first, len(telling))
        shown = _through(redact, self._head[: first + MARGIN_LINES])[:first]
        number = first
        for at, line in telling:
            shown += [_omitted(at - number)] if at > number else []
            shown += _through(redact, [line])[:1]
            number = at + 1
        shown += [_omitted(tail_begin - number)] if tail_begin > number else []
        most = self.count - tail_begin
        return shown + _last(_through(redact, self._ending(most + MARGIN_LINES)), most)

    def _telling(self, first: int) -> list[tuple[int, str]]:
        """The lines between head and tail that look like errors, by their numbers."""
        noted, self._middle = self._middle, []
        self._note(self._head[first:], first)
        self._middle += noted
        self._note(self._tail, self.count - len(self._tail))
        del self._middle[self._limits.lines // 4 :]
        while self._middle and self._middle[-1][0] >= self._tail_begin(first, len(self._middle)):
            self._middle.pop()
        return self._middle

    def _tail_begin(self, first: int, telling: int) -> int:
        """The number of the first line of the tail, when so many lines stand before it."""
        most = max(0, self._limits.lines - first - telling)
        return max(first, self.count - len(self._ending(most)))

    def _ending(self, most: int) -> list[str]:
        """Up to so many lines at the end, none of which is missing."""
        has_gap = self.count > len(self._head) + len(self._tail)
        return _last(self._tail if has_gap else [*self._head, *self._tail], most)

    def _shortened(self, line: str) -> str:
        if len(line) <= MAX_LINE:
            return line
        self._cut_lines = True
        return line[:MAX_LINE]

    def _cut(self, line: str) -> str:
        if len(line) <= MAX_SHOWN_LINE:
            return line
        self._cut_lines = True
        return line[:MAX_SHOWN_LINE] + _LINE_CUT


def _through(redact: Callable[[str], str], lines: list[str]) -> list[str]:
    return redact("\n".join(lines)).split("\n") if lines else []


def _last(lines: list[str], count: int) -> list[str]:
    return lines[-count:] if count > 0 else []


def _omitted(count: int) -> str:
    return f"[... {count} lines omitted ...]"


def _within(text: str, limits: Limits) -> tuple[str, bool]:
    """A text within its characters, cut where the mode wants it."""
    over = len(text) - limits.chars
    if over <= 0:
        return text, False
    head = {OutputMode.HEAD: limits.chars, OutputMode.TAIL: 0}.get(limits.mode, limits.chars // 4)
    mark = f"[... {over} characters omitted ...]"
    parts = (text[:head], mark, text[len(text) - (limits.chars - head) :])
    return "\n".join(part for part in parts if part), True
