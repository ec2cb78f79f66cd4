"""A command's text made ready for the parser, with here-documents and odd characters set apart."""

import re
import unicodedata
from collections.abc import Sequence

from msgspec import Struct

from stopper.detect.effects import Span

__all__ = ["MAX_COMMAND", "MAX_PIPES", "HereDoc", "Source", "fold", "is_tangled", "read_source"]

MAX_COMMAND = 32_768
"""The most characters of one command that are judged, here-documents aside."""
MAX_PIPES = 600
"""The most pipe signs: the parser's memory grows with the square of a pipeline's length."""
MAX_HEREDOCS = 64
MAX_OPEN = 200
"""The most brackets that stand open, and the most here-strings: the parser's time is theirs
squared."""

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|[^\x00-\x7f]")
_BRACKET = re.compile(r"[()]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_IGNORED = frozenset({"Cf", "Cc", "Mn", "Co"})
_TOKEN = re.compile(
    r"""\\. | \$'(?:[^'\\]|\\.)*' | (?P<single>') | (?P<double>") | \$?\(\( | \$\{ | \$?\( | [)}`\n]
      | (?P<comment>(?<![^\s;|&()`])\#[^\n]*) | <<<
      | <<(?P<dash>-?)[ \t]*(?P<tag>'[^'\n]*'|"[^"\n]*"|\\?[\w.@%+,:!-]+)""",
    re.VERBOSE | re.DOTALL,
)


class HereDoc(Struct, frozen=True):
    """A here-document's body; `quoted` means that nothing in it expands."""

    body: str
    quoted: bool
    span: Span


class Source(Struct, frozen=True):
    """What the parser reads: as long as `text`, ASCII, and with blanks for here-documents.

    `heredocs` are by the offset of their `<<` in `text`.
    """

    text: str
    shadow: str
    heredocs: dict[int, HereDoc]


def is_tangled(text: str) -> bool:
    """Whether the parser would take too long over a text."""
    if text.count("|") > MAX_PIPES or text.count("<<<") > MAX_OPEN:
        return True
    if text.count("{") - text.count("}") > MAX_OPEN:
        return True
    if text.count("(") <= MAX_OPEN:
        return False
    depth = 0
    for match in _BRACKET.finditer(text):
        depth += 1 if match[0] == "(" else -1
        if depth > MAX_OPEN:
            return True
    return False


def fold(text: str) -> tuple[str, Sequence[int] | None]:
    """The text as a reader would see it, and the origin of each character; None: its own place.

    Invisible characters go and lookalikes become plain: a shell would not run them so, but who
    writes them wants a reader to be mistaken.
    """
    if text.isascii() and not _ODD.search(text):
        return text, None
    plain: list[str] = []
    origin: list[int] = []
    for place, char in enumerate(text):
        for out in _plain(char):
            plain.append(out)
            origin.append(place)
    origin.append(len(text))
    return "".join(plain), origin


def _plain(char: str) -> str:
    if char in "\n\t" or " " <= char <= "~":
        return char
    if char in "\r\x0b\x0c":
        return " "
    if unicodedata.category(char) in _IGNORED:
        return ""
    return "".join(out if out.isprintable() else " " for out in unicodedata.normalize("NFKC", char))


def read_source(text: str) -> Source:
    """Make `text` ready for the parser."""
    shadow = text if text.isascii() else _NOT_ASCII.sub("z", text)
    # the parser does not know `<>`, nor `<<<` behind another redirection; what they stand for is
    # read from `text`
    shadow = shadow.replace("<>", "> ") if "<>" in shadow else shadow
    shadow = shadow.replace("<<<", "<  ") if "<<<" in shadow else shadow
    if "<<" not in shadow:
        return Source(text, shadow, {})
    return _Extraction(text, shadow).run()


class _Extraction:
    """Blanks out each here-document; `<<TAG` becomes `<z` and blanks, a plain redirection."""

    def __init__(self, text: str, shadow: str) -> None:
        self.text = text
        self.shadow = shadow
        self.pieces: list[str] = []
        self.done = 0
        self.pending: list[re.Match[str]] = []
        self.found: dict[int, HereDoc] = {}
        self.stack = [""]

    def run(self) -> Source:
        """One pass from left to right."""
        place = 0
        while (match := _TOKEN.search(self.shadow, place)) is not None:
            place = self._step(match)
        if self.pending:
            self._take_bodies(len(self.shadow))
        self.pieces.append(self.shadow[self.done :])
        return Source(self.text, "".join(self.pieces), self.found)

    def _step(self, match: re.Match[str]) -> int:
        sign, top = match[0], self.stack[-1]
        if match["single"] is not None:
            if top == '"':
                return match.end()
            end = self.shadow.find("'", match.end())
            return len(self.shadow) if end < 0 else end + 1
        if match["comment"] is not None and top == '"':
            return match.start() + 1
        if match["tag"] is not None:
            if top not in {'"', "(("} and len(self.found) + len(self.pending) < MAX_HEREDOCS:
                self.pending.append(match)
        elif sign == "\n":
            if self.pending and top != '"':
                return self._take_bodies(match.start())
        else:
            self._nest(sign, top)
        return match.end()

    def _nest(self, sign: str, top: str) -> None:
        if sign == '"':
            self._toggle('"')
        elif sign == "`":
            self._toggle("`")
        elif (sign.endswith("((") and top != '"') or sign == "$((":
            self.stack += ["((", "(("]
        elif sign in {"$(", "${"} or (sign == "(" and top != '"'):
            self.stack.append("((" if top == "((" else sign[-1])
        elif (sign == ")" and top in {"(", "(("}) or (sign == "}" and top == "{"):
            self.stack.pop()

    def _toggle(self, quote: str) -> None:
        if self.stack[-1] == quote:
            self.stack.pop()
        else:
            self.stack.append(quote)

    def _take_bodies(self, line_end: int) -> int:
        place = min(line_end + 1, len(self.shadow))
        for number, marker in enumerate(self.pending):
            place += bool(number) and self.shadow.startswith("\n", place)
            end, after = self._body_end(place, marker)
            body = self.text[place:end]
            if marker["dash"]:
                body = re.sub(r"^\t+", "", body, flags=re.MULTILINE)
            quoted = marker["tag"][0] in "'\"\\"
            self.found[marker.start()] = HereDoc(body, quoted, (place, end))
            width = marker.end() - marker.start()
            self.pieces += [self.shadow[self.done : marker.start()], "<z".ljust(width)]
            self.done, place = marker.end(), after
        body_start = min(line_end + 1, len(self.shadow))
        self.pieces += [self.shadow[self.done : body_start], " " * (place - body_start)]
        self.done = place
        self.pending = []
        return place

    def _body_end(self, start: int, marker: re.Match[str]) -> tuple[int, int]:
        """Where a body ends, and where its closing line ends, newline aside."""
        tabs = r"\t*" if marker["dash"] else ""
        tag = re.escape(marker["tag"].strip("'\"\\"))
        # a substitution may end on the line that closes its here-document
        close = re.compile(rf"^{tabs}{tag}[ \t]*(?=$|[)`\"])", re.MULTILINE)
        match = close.search(self.shadow, start)
        return (match.start(), match.end()) if match else (len(self.shadow), len(self.shadow))
