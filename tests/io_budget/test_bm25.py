"""Relevance by words."""

import pytest

from stopper.io_budget.bm25 import bm25, words_of

WORDS = {
    # what it is           text                     words
    "camel case":          ("parseHTTPReply_v2",    ["parse", "http", "reply", "v2"]),
    "snake case":          ("read_file_within",     ["read", "file", "within"]),
    "another alphabet":    ("Größe, 大小!",           ["grösse", "大小"]),
    "nothing":             (" .,;",                 []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WORDS.values(), ids=WORDS)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_rare_word_weighs_more_than_a_common_one() -> None:
    texts = ["the parser", "the lexer", "the printer", "the the the the"]
    scores = bm25("the lexer", texts)
    assert max(range(4), key=scores.__getitem__) == 1


def test_a_short_text_weighs_more_than_a_long_one() -> None:
    short, long = bm25("lexer", ["lexer", "lexer and much else that is about other things"])
    assert short > long > 0


def test_nothing_in_common() -> None:
    assert bm25("x", ["", "a"]) == [0, 0]
    assert bm25("x", []) == []
