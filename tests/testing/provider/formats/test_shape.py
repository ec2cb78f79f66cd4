"""What holds for every format: the numbers that a client reads are those in the books."""

import json
from base64 import b64decode
from binascii import crc32
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from stopper.testing.provider import Count, Fault, Remote, Script, Tool, pieces
from stopper.testing.provider.formats.flavours import FLAVOURS

Post = Callable[..., tuple[int, dict[str, str], bytes]]
Events = list[dict[str, Any]]

USER = [{"role": "user", "content": "hi"}]
PARTS = [{"role": "user", "parts": [{"text": "hi"}]}]
BLOCKS = [{"role": "user", "content": [{"text": "hi"}]}]
LIMIT = 12


class Case(NamedTuple):
    """How to ask, with and without a stream and a limit, and how to read what comes."""

    path: str
    body: dict[str, Any]
    limit: dict[str, Any]
    read: Callable[[bytes], Events]
    usage: Callable[[Events], tuple[int, int, int]]
    text: Callable[[Events], str]
    stop: Callable[[Events], Any]
    error: Callable[[Events], Any]


def whole(body: bytes) -> Events:
    return [json.loads(body)]


def sse(body: bytes) -> Events:
    """The data of server-sent events; names must be those in the data, comments do not count."""
    events: Events = []
    for block in body.decode().removesuffix("\n\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        if lines.get("data") not in (None, "[DONE]"):
            events.append(json.loads(lines["data"]))
            assert lines.get("event", events[-1].get("type")) == events[-1].get("type")
    return events


def lines(body: bytes) -> Events:
    return [json.loads(line) for line in body.splitlines()]


def frames(body: bytes) -> Events:
    """Decode Amazon's event stream, checking both sums of every frame."""
    events: Events = []
    while body:
        total, head = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
        assert int.from_bytes(body[8:12]) == crc32(body[:8])
        assert int.from_bytes(body[total - 4 : total]) == crc32(body[: total - 4])
        names = names_and_values(body[12 : 12 + head])
        events.append(unframed(names, json.loads(body[12 + head : total - 4])))
        body = body[total:]
    return events


def names_and_values(head: bytes) -> dict[str, str]:
    found = {}
    while head:
        size = head[0]
        name, kind = head[1 : 1 + size].decode(), head[1 + size]
        length = int.from_bytes(head[2 + size : 4 + size])
        assert kind == 7
        found[name] = head[4 + size : 4 + size + length].decode()
        head = head[4 + size + length :]
    return found


def unframed(names: dict[str, str], payload: dict[str, Any]) -> dict[str, Any]:
    if names[":message-type"] == "exception":
        return {"exception": names[":exception-type"]} | payload
    if names[":event-type"] == "chunk":
        found: dict[str, Any] = json.loads(b64decode(payload["bytes"]))
        return found
    return {names[":event-type"]: payload}


def joined(*path: str | int) -> Callable[[Events], str]:
    """The texts at a place in each event, together."""
    return lambda events: "".join(found for e in events if isinstance(found := dig(e, path), str))


def last(*path: str | int) -> Callable[[Events], Any]:
    """What the last event that has something at a place has there."""
    return lambda events: next((f for e in events[::-1] if (f := dig(e, path)) is not None), None)


def dig(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def anthropic_usage(events: Events) -> tuple[int, int, int]:
    found: dict[str, int] = {}
    for event in events:
        usages = (event.get("usage"), dig(event, ("message", "usage")))
        for usage in usages:
            found |= usage or {}
    cached = found["cache_read_input_tokens"]
    return (
        found["input_tokens"] + found["cache_creation_input_tokens"],
        found["output_tokens"],
        cached,
    )


def openai_usage(events: Events) -> tuple[int, int, int]:
    usage = last("usage")(events)
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    return usage["prompt_tokens"] - cached, usage["completion_tokens"], cached


def xai_usage(events: Events) -> tuple[int, int, int]:
    fresh, output, cached = openai_usage(events)
    reasoning = last("usage", "completion_tokens_details", "reasoning_tokens")(events)
    return fresh, output + reasoning, cached


def responses_usage(events: Events) -> tuple[int, int, int]:
    usage = last("response", "usage")(events) or last("usage")(events)
    cached = usage["input_tokens_details"]["cached_tokens"]
    return usage["input_tokens"] - cached, usage["output_tokens"], cached


def gemini_usage(events: Events) -> tuple[int, int, int]:
    usage = last("usageMetadata")(events)
    cached = usage.get("cachedContentTokenCount", 0)
    output = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    return usage["promptTokenCount"] - cached, output, cached


def gemini_text(events: Events) -> str:
    parts = (p for e in events for p in e["candidates"][0]["content"]["parts"])
    return "".join(p["text"] for p in parts if not p.get("thought"))


def ollama_usage(events: Events) -> tuple[int, int, int]:
    return events[-1]["prompt_eval_count"], events[-1]["eval_count"], 0


def converse_usage(events: Events) -> tuple[int, int, int]:
    usage = last("metadata", "usage")(events) or last("usage")(events)
    fresh = usage["inputTokens"] + usage["cacheWriteInputTokens"]
    assert usage["totalTokens"] == fresh + usage["outputTokens"] + usage["cacheReadInputTokens"]
    return fresh, usage["outputTokens"], usage["cacheReadInputTokens"]


def invoke_usage(events: Events) -> tuple[int, int, int]:
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    fresh = metrics["inputTokenCount"] + metrics["cacheWriteInputTokenCount"]
    found = fresh, metrics["outputTokenCount"], metrics["cacheReadInputTokenCount"]
    assert found == anthropic_usage(events)
    return found


def text_block(events: Events) -> str:
    return "".join(b.get("text", "") for b in events[0]["content"])


def converse_block(events: Events) -> str:
    return "".join(b.get("text", "") for b in events[0]["output"]["message"]["content"])


def response_text(events: Events) -> str:
    items = (i for i in events[0]["output"] if i["type"] == "message")
    return "".join(p["text"] for i in items for p in i["content"])


def chat(vendor: str, usage: Callable[[Events], tuple[int, int, int]] = openai_usage) -> list[Case]:
    path = f"{vendor}/v1/chat/completions"
    body = {"model": "m", "messages": USER}
    limit = {"max_completion_tokens": LIMIT}
    options = {"stream": True, "stream_options": {"include_usage": True}}
    piece = joined("choices", 0, "delta", "content")
    message = joined("choices", 0, "message", "content")
    stop, error = last("choices", 0, "finish_reason"), last("error", "message")
    return [
        Case(path, body, limit, whole, usage, message, stop, error),
        Case(path, body | options, limit, sse, usage, piece, stop, error),
    ]


NATIVE = {"max_tokens": 100, "messages": USER}
INVOKE = NATIVE | {"anthropic_version": "bedrock-2023-05-31"}
SMALL = {"max_tokens": LIMIT}
DELTA = joined("delta", "text")
ERROR = last("error", "message")
GEMINI = {"contents": PARTS}
GEMINI_LIMIT = {"generationConfig": {"maxOutputTokens": LIMIT}}
OLLAMA_LIMIT = {"options": {"num_predict": LIMIT}}
CONVERSE_LIMIT = {"inferenceConfig": {"maxTokens": LIMIT}}
FINISH = last("candidates", 0, "finishReason")

CASES = {
    "anthropic": Case(
        "/v1/messages", NATIVE | {"model": "m"}, SMALL, whole,
        anthropic_usage, text_block, last("stop_reason"), ERROR,
    ),
    "anthropic stream": Case(
        "/anthropic/v1/messages", NATIVE | {"model": "m", "stream": True}, SMALL, sse,
        anthropic_usage, DELTA, last("delta", "stop_reason"), ERROR,
    ),
    "responses": Case(
        "/v1/responses", {"model": "m", "input": "hi"}, {"max_output_tokens": LIMIT}, whole,
        responses_usage, response_text, last("incomplete_details", "reason"), ERROR,
    ),
    "responses stream": Case(
        "/openai/v1/responses", {"model": "m", "input": USER, "stream": True},
        {"max_output_tokens": LIMIT}, sse, responses_usage, joined("delta"),
        last("response", "incomplete_details", "reason"), last("response", "error", "message"),
    ),
    "gemini": Case(
        "/v1beta/models/m:generateContent", GEMINI, GEMINI_LIMIT, whole,
        gemini_usage, gemini_text, FINISH, ERROR,
    ),
    "gemini stream": Case(
        "/gemini/v1beta/models/m:streamGenerateContent?alt=sse", GEMINI, GEMINI_LIMIT, sse,
        gemini_usage, gemini_text, FINISH, ERROR,
    ),
    "gemini array": Case(
        "/v1beta/models/m:streamGenerateContent", GEMINI, GEMINI_LIMIT, json.loads,
        gemini_usage, gemini_text, FINISH, ERROR,
    ),
    "ollama chat": Case(
        "/api/chat", {"model": "m", "messages": USER, "stream": False}, OLLAMA_LIMIT, whole,
        ollama_usage, joined("message", "content"), last("done_reason"), last("error"),
    ),
    "ollama chat stream": Case(
        "/ollama/api/chat", {"model": "m", "messages": USER}, OLLAMA_LIMIT, lines,
        ollama_usage, joined("message", "content"), last("done_reason"), last("error"),
    ),
    "ollama generate": Case(
        "/api/generate", {"model": "m", "prompt": "hi", "stream": False}, OLLAMA_LIMIT, whole,
        ollama_usage, joined("response"), last("done_reason"), last("error"),
    ),
    "ollama generate stream": Case(
        "/api/generate", {"model": "m", "prompt": "hi"}, OLLAMA_LIMIT, lines,
        ollama_usage, joined("response"), last("done_reason"), last("error"),
    ),
    "converse": Case(
        "/model/m/converse", {"messages": BLOCKS}, CONVERSE_LIMIT, whole,
        converse_usage, converse_block, last("stopReason"), last("message"),
    ),
    "converse stream": Case(
        "/bedrock/model/m/converse-stream", {"messages": BLOCKS}, CONVERSE_LIMIT, frames,
        converse_usage, joined("contentBlockDelta", "delta", "text"),
        last("messageStop", "stopReason"), last("message"),
    ),
    "invoke": Case(
        "/model/m/invoke", INVOKE, SMALL, whole,
        anthropic_usage, text_block, last("stop_reason"), last("message"),
    ),
    "invoke stream": Case(
        "/model/m/invoke-with-response-stream", INVOKE, SMALL, frames,
        invoke_usage, DELTA, last("delta", "stop_reason"), last("message"),
    ),
}  # fmt: skip
for vendor in ("", *(f"/{name}" for name in FLAVOURS)):
    cases = chat(vendor, xai_usage if vendor == "/xai" else openai_usage)
    CASES[f"chat{vendor}"], CASES[f"chat{vendor} stream"] = cases

LIMITED = {"max_tokens", "length", "max_output_tokens", "MAX_TOKENS"}
every_format = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def streams(case: Case) -> bool:
    return case.read is not whole


@every_format
def test_usage_is_that_of_the_books(case: Case, provider: Remote, post: Post) -> None:
    """Thinking, cached and written tokens add up to the same on both sides."""
    provider.say(Script(thinking=7, tokens=20, input=11, cache_read=100, cache_write=30))
    status, _, body = post(case.path, case.body)
    events = case.read(body)
    fresh, output, cached = case.usage(events)
    billed = provider.tally().total.billed
    assert status == 200
    assert billed == Count(1, input=11, output=27, cache_read=100, cache_write=30, reasoning=7)
    assert (fresh + cached, output) == (11 + 100 + 30, 27)
    assert cached == (0 if "/api/" in case.path else 100)
    assert len(pieces(case.text(events))) == 20
    assert case.stop(events) not in LIMITED
    assert provider.tally().total.completed == billed


@every_format
def test_limits_are_honoured(case: Case, provider: Remote, post: Post) -> None:
    """Thinking and text share the caller's limit, and the reply says that it was cut."""
    provider.say(Script(thinking=2, tokens=20), Script(tokens=LIMIT), Script(thinking=30))
    for said, stop in ((LIMIT - 2, True), (LIMIT, False), (0, True)):
        events = case.read(post(case.path, case.body | case.limit)[2])
        assert len(pieces(case.text(events))) == said
        assert case.usage(events)[1] == LIMIT
        assert (case.stop(events) in LIMITED) is stop
    assert provider.tally().total.billed.output == 3 * LIMIT


@every_format
def test_limits_are_ignored_on_demand(case: Case, provider: Remote, post: Post) -> None:
    """A provider that does not honour a limit says more, and bills it."""
    provider.say(Script(tokens=40, ignore_limit=True))
    events = case.read(post(case.path, case.body | case.limit)[2])
    assert case.usage(events)[1] == len(pieces(case.text(events))) == 40
    assert provider.tally().total.billed.output == 40


@every_format
def test_silence_is_a_reply(case: Case, provider: Remote, post: Post) -> None:
    """No tokens at all are still a whole reply with usage."""
    provider.say(Script(tokens=0))
    events = case.read(post(case.path, case.body)[2])
    assert (case.text(events), case.usage(events)[1]) == ("", 0)


@every_format
def test_deltas_carry_many_tokens(case: Case, provider: Remote, post: Post) -> None:
    """The size of deltas changes their number and nothing else."""
    provider.say(Script(tokens=20), Script(tokens=20, per_delta=8))
    one, eight = (case.read(post(case.path, case.body)[2]) for _ in range(2))
    assert case.text(one) == case.text(eight)
    assert case.usage(one) == case.usage(eight)
    assert len(one) - len(eight) == (17 if streams(case) else 0)


@every_format
def test_usage_is_kept_back_on_demand(case: Case, provider: Remote, post: Post) -> None:
    """Without usage the reply has no number in it, and the books have all of them."""
    provider.say(Script(tokens=5, input=77_777, omit_usage=True))
    body = post(case.path, case.body)[2]
    assert b"77777" not in body
    assert len(pieces(case.text(case.read(body)))) == 5
    assert provider.tally().total.billed == Count(1, input=77_777, output=5)


@every_format
def test_faults_at_the_start(case: Case, provider: Remote, post: Post) -> None:
    """An HTTP error in the provider's shape, with headers, and no bill."""
    provider.say(Script(fault=Fault(429, "Slow down.", {"retry-after": "3"})))
    status, headers, body = post(case.path, case.body)
    assert (status, headers["retry-after"]) == (429, "3")
    assert b"Slow down." in body
    total = provider.tally().total
    assert (total.refused, total.billed.requests) == (1, 0)


@every_format
def test_faults_in_mid_stream(case: Case, provider: Remote, post: Post) -> None:
    """The stream ends with an error in the provider's shape; what was said is billed."""
    provider.say(Script(tokens=20, fault=Fault(503, "Gone.", after=6)))
    status, _, body = post(case.path, case.body)
    total = provider.settled().total
    if not streams(case):
        assert (status, total.billed.output) == (503, 0)
        return
    *events, error = case.read(body)
    events = [event for event in events if event.get("type") != "error"]
    assert (status, case.error([error])) == (200, "Gone.")
    assert len(pieces(case.text(events))) == 6
    assert (total.billed.output, total.completed.output) == (6, 0)


@every_format
def test_bad_scripts_in_prompts(case: Case, provider: Remote, post: Post) -> None:
    """A script that does not read is a 400 that names what was wrong."""
    body = json.dumps(case.body).replace('"hi"', '"[[mock: tokns=3]]"').encode()
    status, _, reply = post(case.path, body)
    assert status == 400
    assert b"tokns" in reply


@every_format
def test_scripts_in_prompts(case: Case, provider: Remote, post: Post) -> None:
    """A script in the prompt comes before one that waits."""
    provider.say(Script(tokens=1))
    body = json.dumps(case.body).replace('"hi"', '"say [[mock: tokens=9 input=5]]"').encode()
    events = case.read(post(case.path, body)[2])
    assert len(pieces(case.text(events))) == 9
    assert provider.tally().total.billed == Count(1, input=5, output=9)


@every_format
def test_cut_tool_calls_are_billed(case: Case, provider: Remote, post: Post) -> None:
    """A call that does not fit the limit costs what fitted, shown or not."""
    arguments = json.dumps({"words": "a b c d e f g h i j k l m n o p"})
    provider.say(Script(tools=(Tool("f", arguments),)))
    events = case.read(post(case.path, case.body | case.limit)[2])
    assert case.usage(events)[1] == provider.tally().total.billed.output == LIMIT
    assert case.stop(events) in LIMITED
