"""What each vendor of the chat format does in its own way."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from stopper.testing.provider import Remote, Script

Post = Callable[..., tuple[int, dict[str, str], bytes]]
Chunks = list[dict[str, Any]]

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
ASKED = BODY | {"stream_options": {"include_usage": True}}


def places(chunks: Chunks) -> list[str]:
    """Which chunks carry usage: first, some in between, finish, extra."""
    names = []
    for chunk in chunks:
        if chunk.get("usage") or dict(chunk.get("x_groq", {})).get("usage"):
            finishes = chunk["choices"] and chunk["choices"][0]["finish_reason"]
            names.append("finish" if finishes else "between" if chunk["choices"] else "extra")
    return names


USAGE = {
    # vendor       unasked       asked for
    "openai":     ([],           ["extra"]),
    "azure":      ([],           ["extra"]),
    "groq":       (["finish"],   ["finish", "extra"]),
    "cerebras":   (["finish"],   ["finish", "extra"]),
    "mistral":    (["finish"],   ["finish", "extra"]),
    "xai":        ([],           ["extra"]),
    "deepseek":   ([],           ["extra"]),
    "openrouter": (["extra"],    ["extra"]),
}  # fmt: skip

THINKING = {
    "openai": None,
    "azure": None,
    "mistral": None,
    "groq": "reasoning",
    "cerebras": "reasoning",
    "openrouter": "reasoning",
    "xai": "reasoning_content",
    "deepseek": "reasoning_content",
}


@pytest.fixture
def chunks(post: Post) -> Callable[[str, Any], Chunks]:
    def read(vendor: str, body: Any) -> Chunks:
        reply = post(f"/{vendor}/v1/chat/completions", body)[2].decode()
        data = (block.removeprefix("data: ") for block in reply.split("\n\n") if "data: " in block)
        return [json.loads(each) for each in data if each != "[DONE]"]

    return read


@pytest.mark.parametrize(("vendor", "unasked", "asked"), [(v, *u) for v, u in USAGE.items()])
def test_places_of_usage(
    vendor: str, unasked: list[str], asked: list[str], chunks: Callable[[str, Any], Chunks]
) -> None:
    """Some state usage unasked, some twice."""
    assert places(chunks(vendor, BODY)) == unasked
    assert places(chunks(vendor, ASKED)) == asked


@pytest.mark.parametrize(("vendor", "field"), THINKING.items())
def test_fields_of_thinking(
    vendor: str, field: str | None, provider: Remote, chunks: Callable[[str, Any], Chunks]
) -> None:
    """Some show their thoughts, each in a field of its own name."""
    provider.say(Script(thinking=3, tokens=1))
    deltas = [c["choices"][0]["delta"] for c in chunks(vendor, BODY) if c["choices"]]
    thoughts = [delta for delta in deltas if set(delta) & {"reasoning", "reasoning_content"}]
    assert [set(thought) for thought in thoughts] == ([] if field is None else [{field}] * 3)


def test_groq(chunks: Callable[[str, Any], Chunks]) -> None:
    """The vendor's own object is on the first chunk and on the last that has choices."""
    told = [set(chunk["x_groq"]) for chunk in chunks("groq", ASKED) if "x_groq" in chunk]
    assert told == [{"id"}, {"id", "usage"}]
    finish = next(c for c in chunks("groq", ASKED) if places([c]) == ["finish"])
    assert finish["usage"] == finish["x_groq"]["usage"]


def test_xai(provider: Remote, chunks: Callable[[str, Any], Chunks]) -> None:
    """Reasoning comes on top of the completion, not inside it."""
    provider.say(Script(thinking=7, tokens=5, input=2))
    usage = chunks("xai", ASKED)[-1]["usage"]
    assert (usage["completion_tokens"], usage["total_tokens"]) == (5, 14)
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 7
    assert provider.tally().total.billed.output == 12


def test_deepseek(provider: Remote, chunks: Callable[[str, Any], Chunks]) -> None:
    """The prompt is split in what hit and what missed the cache."""
    provider.say(Script(input=2, cache_read=9))
    usage = chunks("deepseek", ASKED)[-1]["usage"]
    assert (usage["prompt_cache_hit_tokens"], usage["prompt_cache_miss_tokens"]) == (9, 2)


def test_openrouter(post: Post) -> None:
    """A comment comes first, a price in dollars last."""
    reply = post("/openrouter/v1/chat/completions", BODY)[2]
    assert reply.startswith(b": OPENROUTER PROCESSING\n\ndata: ")
    assert b'"cost":0.000' in reply


def test_cerebras(post: Post, chunks: Callable[[str, Any], Chunks]) -> None:
    """Times are told beside usage."""
    assert sum("time_info" in chunk for chunk in chunks("cerebras", BODY)) == 1
    whole = json.loads(post("/cerebras/v1/chat/completions", BODY | {"stream": False})[2])
    assert "time_info" in whole


def test_hosts_are_vendors(post: Post) -> None:
    """A client that meant to reach a vendor's host gets that vendor's flavour."""
    reply = post("/openai/v1/chat/completions", BODY, {"host": "api.groq.com"})[2]
    assert b'"x_groq"' in reply
    reply = post("/api/v1/chat/completions", BODY, {"host": "openrouter.ai:443"})[2]
    assert b"OPENROUTER" in reply
