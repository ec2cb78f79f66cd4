from typing import Any

import pytest

from stopper.testing.provider.ask import MEDIA_TOKENS, RequestError, count_prompt, number, part

FRAME = 3

PROMPTS: dict[str, tuple[Any, Any, int]] = {
    # what is read: (texts, tools, tokens beside the frame)
    "nothing": (None, None, 0),
    "four bytes": ("abcd", None, 1),
    "five bytes": ("abcde", None, 2),
    "bytes, not letters": ("höl", None, 1),
    "two texts are one prompt": ([{"content": "ab"}, {"content": "cd"}], None, 1),
    "roles, types and ids are free": ([{"role": "user", "type": "x", "id": "y"}], None, 0),
    "tools as JSON": (None, [{"name": "f"}], 4),
    "arguments as JSON": ([{"type": "tool_use", "input": {"file": "x"}}], None, 3),
    "an image": ([{"type": "image", "source": {"data": "A" * 999}}], None, MEDIA_TOKENS),
    "an image by its address": ([{"image_url": "data:A"}], None, MEDIA_TOKENS),
    "numbers are no text": ([{"text": 12345678}, True, None], None, 0),
    "half a surrogate": ("\ud800a", None, 1),
}


@pytest.mark.parametrize(("texts", "tools", "tokens"), PROMPTS.values(), ids=PROMPTS)
def test_count_prompt(texts: Any, tools: Any, tokens: int) -> None:
    """One token for four bytes of what a model reads."""
    assert count_prompt((texts,), tools) == tokens + FRAME


def test_parts_are_of_their_kind() -> None:
    """A truth is no number, nothing is nothing, and what is required is missed."""
    assert part({"a": None}, "a", int) is None
    assert number({"a": 3}, "a") == 3
    for body in ({"a": True}, {"a": "3"}, {"a": 0}):
        with pytest.raises(RequestError, match="a: Input should be"):
            number(body, "a")
    with pytest.raises(RequestError, match="a: Field required"):
        part({}, "a", str, required=True)
