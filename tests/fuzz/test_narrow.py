"""Messages of any shape are narrowed, or refused with a ValueError; nothing else happens."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stopper.io_budget import NarrowingMode, estimate_tokens, narrow

NAMES = st.sampled_from(
    [
        *("type", "role", "content", "text", "id", "tool_use_id", "tool_call_id", "call_id"),
        *("tool_calls", "output", "input", "other"),
    ]
)
WORDS = st.sampled_from(
    [
        *("user", "assistant", "system", "tool", "function", "text", "image", "tool_use"),
        *("tool_result", "reasoning", "function_call", "message", "c1", "c2", "word " * 60),
    ]
)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(
    messages=st.lists(st.dictionaries(NAMES, JSON, max_size=5), max_size=8),
    mode=st.sampled_from(NarrowingMode),
    target=st.integers(0, 300),
)
def test_any_shape(messages: list[dict[str, Any]], mode: NarrowingMode, target: int) -> None:
    with suppress(ValueError):
        kept = narrow(messages, mode, target, summarize=lambda gone: f"{len(gone)}")
        assert estimate_tokens(kept) <= target or kept == messages
