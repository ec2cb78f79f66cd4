"""Conversations that do not fit are made to, by what their mode says."""

from contextlib import suppress
from typing import Any

import pytest
from anthropic.types import TextBlock, ToolUseBlock
from hypothesis import given
from hypothesis import strategies as st

from stopper.io_budget import NarrowingMode, estimate_tokens, narrow
from stopper.io_budget.blocks import text_of

Messages = list[dict[str, Any]]

FILLER = "These words only fill the place that others need. "
HEAD, TAIL = NarrowingMode.TRUNCATE_HEAD, NarrowingMode.TRUNCATE_TAIL
FILTER, SUMMARY = NarrowingMode.SEMANTIC_FILTER, NarrowingMode.SUMMARIZE


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def anthropic_turn(number: int, text: str) -> Messages:
    """A call, and its result beside it."""
    call = {"type": "tool_use", "id": f"t{number}", "name": "read", "input": {"path": f"f{number}"}}
    result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": text}
    return [
        {"role": "assistant", "content": [{"type": "text", "text": f"step {number}"}, call]},
        {"role": "user", "content": [result]},
    ]


def chat_turn(number: int, text: str) -> Messages:
    """Two calls at once, and both results."""
    calls = [
        {"id": f"c{number}{x}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        for x in "ab"
    ]
    return [
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": f"c{number}a", "content": text},
        {"role": "tool", "tool_call_id": f"c{number}b", "content": f"second {number}"},
    ]


def responses_turn(number: int, text: str) -> Messages:
    """Reasoning, the call that it led to, and the result."""
    return [
        {"type": "reasoning", "id": f"r{number}", "summary": []},
        {"type": "function_call", "call_id": f"k{number}", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": f"k{number}", "output": text},
    ]


SHAPES = {"anthropic": anthropic_turn, "chat": chat_turn, "responses": responses_turn}


def conversation(shape: str, turns: int, text: str = FILLER * 20) -> Messages:
    head = [] if shape == "anthropic" else [{"role": "system", "content": "You are careful."}]
    return [
        *head,
        user("Mend the parser of dates."),
        *(message for number in range(turns) for message in SHAPES[shape](number, text)),
    ]


def ids(messages: Messages) -> tuple[set[str], set[str]]:
    """The ids of calls and those of results."""
    calls, results = set(), set()
    for message in messages:
        content = message.get("content")
        parts = [p for p in content if isinstance(p, dict)] if isinstance(content, list) else []
        calls |= {part["id"] for part in parts if part.get("type") == "tool_use"}
        calls |= {call["id"] for call in message.get("tool_calls", ())}
        results |= {part["tool_use_id"] for part in parts if "tool_use_id" in part}
        results |= {message["tool_call_id"]} if "tool_call_id" in message else set()
        if message.get("type") == "function_call":
            calls.add(message["call_id"])
        if message.get("type") == "function_call_output":
            results.add(message["call_id"])
    return calls, results


def shorten(gone: Messages) -> str:
    return f"{len(gone)} messages. " + FILLER * 200


@given(
    shape=st.sampled_from(sorted(SHAPES)),
    mode=st.sampled_from(NarrowingMode),
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    target=st.integers(10, 2500),
    last=st.booleans(),
)
def test_laws(shape: str, mode: NarrowingMode, sizes: list[int], target: int, last: bool) -> None:
    """It fits; calls have their results; system and task stay; the user begins; order stays."""
    messages = conversation(shape, 0)
    for number, size in enumerate(sizes):
        messages += SHAPES[shape](number, FILLER * size)
    messages += [user("And now the tests.")] if last else []
    if target < 200:  # some of that is too few for what has to stay
        with suppress(ValueError):
            narrow(messages, mode, target, summarize=shorten)
        return
    kept = narrow(messages, mode, target, summarize=shorten)
    assert estimate_tokens(kept) <= target
    calls, results = ids(kept)
    assert calls == results
    task = "And now the tests." if last else "Mend the parser of dates."
    assert any(task in text_of(message) for message in kept)
    assert [m for m in kept if m.get("role") == "system"] == messages[: shape != "anthropic"]
    if shape == "anthropic":
        assert kept[0]["role"] == "user"
    whole = [message for message in kept if message in messages]
    places = [messages.index(message) for message in whole]
    assert places == sorted(places)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", NarrowingMode)
def test_what_fits_is_left_alone(shape: str, mode: NarrowingMode) -> None:
    messages = conversation(shape, 3)
    whole = estimate_tokens(messages)
    assert narrow(messages, mode, whole, summarize=shorten) == messages


def test_the_head_goes_first() -> None:
    messages = conversation("anthropic", 10)
    calls, _ = ids(narrow(messages, HEAD, 1000))
    assert "t9" in calls
    assert "t0" not in calls


def test_the_tail_goes_first() -> None:
    messages = conversation("chat", 10)
    calls, _ = ids(narrow(messages, TAIL, 1000))
    assert "c0a" in calls
    assert "c9a" not in calls


def test_a_result_that_is_too_long_is_cut_and_says_so() -> None:
    messages = conversation("anthropic", 1, FILLER * 1000)
    kept = narrow(messages, HEAD, 500)
    assert 400 < estimate_tokens(kept) <= 500
    result = kept[2]["content"][0]["content"]
    assert result.startswith("[... ")
    assert result.endswith("need. ")
    assert narrow(messages, TAIL, 500)[2]["content"][0]["content"].endswith(" omitted ...]")


def test_the_filter_keeps_what_bears_on_the_task() -> None:
    messages = conversation("chat", 0)
    for number in range(20):
        text = "parseDates reads ISO weeks" if number == 7 else "the cat sat on the mat"
        messages += chat_turn(number, f"{text}. " + FILLER * 10)
    calls, _ = ids(narrow(messages, FILTER, 700))
    assert {"c7a", "c19a"} <= calls
    task = narrow(messages, FILTER, 550, task="Which weeks are ISO?")
    assert "c7a" in ids(task)[0]


def test_the_filter_takes_parts_of_messages() -> None:
    parts = [{"type": "text", "text": f"{word} " * 100} for word in ("apples", "pears", "plums")]
    messages = [{"role": "user", "content": parts}, user("Tell me of pears.")]
    messages.insert(1, {"role": "assistant", "content": "Yes."})
    kept = narrow(messages, FILTER, 250)
    assert [part["text"][:5] for part in kept[0]["content"]] == ["pears"]


def test_a_summary_stands_where_the_oldest_stood() -> None:
    seen: Messages = []

    def summarize(gone: Messages) -> str:
        seen.extend(gone)
        return "All was read."

    messages = conversation("chat", 10)
    kept = narrow(messages, SUMMARY, 1000, summarize=summarize)
    assert kept[1] == user("Summary of what was said before:\nAll was read.")
    assert seen[0] == messages[2]
    calls, _ = ids(kept)
    gone, _ = ids(seen)
    assert calls | gone == ids(messages)[0]


def test_a_summary_needs_somebody_who_writes_it() -> None:
    with pytest.raises(ValueError, match="summarize"):
        narrow([user("x")], SUMMARY, 100)


def test_what_has_to_stay_and_does_not_fit() -> None:
    with pytest.raises(ValueError, match="too few"):
        narrow([{"role": "system", "content": FILLER * 100}, user("x")], HEAD, 100)


def test_objects_of_an_sdk_are_read_and_given_back() -> None:
    call = ToolUseBlock(id="t1", name="read", input={}, type="tool_use")
    text = TextBlock(type="text", text=FILLER * 50)
    messages = [
        user("Read."),
        {"role": "assistant", "content": [text]},
        user("Go on."),
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]},
    ]
    kept = narrow(messages, FILTER, 150)
    assert kept[-2]["content"] == [call]
    assert estimate_tokens(kept) <= 150
    gone = narrow(messages, TAIL, 60)
    assert ids(gone) == (set(), set())
    assert call not in [part for message in gone for part in message["content"]]
