"""BM25: how well each of some texts fits a question, by the words that they share.

Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

__all__ = ["bm25", "words_of"]

K1: Final = 1.5
B: Final = 0.75
MAX_WORDS: Final = 20_000
"""Of a longer text only the first words count."""

_WORD: Final = re.compile(r"[^\W_]+")
_INSIDE: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def bm25(question: str, texts: Sequence[str]) -> list[float]:
    """A score from 0 for each text, in their order."""
    counts = [Counter(words_of(text)) for text in texts]
    lengths = [count.total() for count in counts]
    mean = sum(lengths) / max(1, len(lengths)) or 1.0
    wanted = [
        (word, math.log(1 + (len(counts) - having + 0.5) / (having + 0.5)))
        for word in sorted(set(words_of(question)))
        if (having := sum(word in count for count in counts))
    ]
    return [
        sum(
            weight * count[word] * (K1 + 1) / (count[word] + K1 * (1 - B + B * length / mean))
            for word, weight in wanted
        )
        for count, length in zip(counts, lengths, strict=True)
    ]


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; `parseHTTPReply_v2` has four."""
    found: list[str] = []
    for match in _WORD.finditer(text):
        found += _INSIDE.split(match[0])
        if len(found) >= MAX_WORDS:
            break
    return [word.casefold() for word in found[:MAX_WORDS]]
