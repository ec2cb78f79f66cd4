"""Commands that are nothing but words, which no parser has to find: half of all that are judged."""

import re
from typing import Final

from stopper.detect.effects import Span

__all__ = ["simple_words"]

_MAX_SIMPLE: Final = 4096
_WORD: Final = r"""(?:[A-Za-z0-9_./:@%+,^~*?=-]++|'[^'\n]*+'|"[^"\\$`!\n]*+")++"""
_SIMPLE: Final = re.compile(rf"[ \t]*+{_WORD}(?:[ \t]++{_WORD})*+[ \t]*+\n?")
_WORDS: Final = re.compile(_WORD)
_KEYWORDS: Final = frozenset(
    {"case", "coproc", "declare", "do", "done", "elif", "else", "esac", "export", "fi", "for",
     "function", "if", "in", "local", "readonly", "select", "then", "time", "typeset", "unset",
     "unsetenv", "until", "while"}
)  # fmt: skip
"""What begins another statement than a simple command, for the grammar of the parser."""


def simple_words(text: str) -> tuple[list[str], Span] | None:
    """The words of a simple command as they are written, and where it stands.

    None where the text may be anything else: an operator, an expansion, an assignment, a comment.
    """
    if len(text) > _MAX_SIMPLE or _SIMPLE.fullmatch(text) is None:
        return None
    words: list[str] = _WORDS.findall(text)
    if words[0] in _KEYWORDS or "=" in words[0]:
        return None
    start = text.index(words[0])
    return words, (start, len(text.rstrip()))
