"""Tokens of texts and of conversations."""

import sys
from typing import Any

import pytest

from stopper.io_budget import estimate_tokens
from stopper.io_budget.tokens import counter_for, quarter
from stopper.meter import estimate

TEXTS = {
    # what it is         text                    model      tokens
    "nothing":           ("",                    "",        0),
    "two words":         ("hello world",         "",        2),
    "cl100k by name":    ("tiktoken is great!",  "gpt-4",   6),
    "o200k by name":     ("お誕生日おめでとう",      "gpt-4o",  8),
    "cl100k for it":     ("お誕生日おめでとう",      "",        9),
}  # fmt: skip


@pytest.mark.parametrize(("text", "model", "tokens"), TEXTS.values(), ids=TEXTS)
def test_texts(text: str, model: str, tokens: int) -> None:
    """As OpenAI's cookbook counts the same texts."""
    assert estimate_tokens(text, model) == tokens


def test_a_conversation_is_the_sum_of_its_messages() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "hello world"},
        {"role": "assistant", "content": [{"type": "text", "text": "hello world"}]},
    ]
    assert estimate_tokens(messages) == 2 * (2 + 4)


def test_an_image_is_not_counted_as_text() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 400_000}
    image = {"role": "user", "content": [{"type": "image", "source": source}]}
    assert 1_000 < estimate_tokens([image]) < 10_000


def test_calls_and_their_arguments_count() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "x " * 500}}
    assert estimate_tokens([{"role": "assistant", "content": None, "tool_calls": [call]}]) > 500


def test_without_a_tokenizer_it_is_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    counter_for.cache_clear()
    estimate.load_encoding.cache_clear()
    estimate._bindings.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "bpe_openai", None)
        patch.setattr("stopper.meter.estimate.find_spec", lambda _: None)
        assert estimate_tokens("x" * 401) == 100
    counter_for.cache_clear()
    assert counter_for() is not quarter


def test_a_huge_text_is_not_tokenized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopper.io_budget.tokens.MAX_EXACT_CHARS", 100)
    assert estimate_tokens("word " * 100) == 125
