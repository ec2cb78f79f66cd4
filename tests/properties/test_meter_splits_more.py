"""Laws of the streams of Gemini, Ollama and Bedrock."""

from base64 import b64encode
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.reason import REASONS, Refusal
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.eventstream import encode_frame
from stopper.meter.wire import Reply, Wire
from stopper.meter.wires import WIRES

MODEL = "anthropic.claude-sonnet-4-20250514-v1:0"
SAY = [{"role": "user", "content": [{"text": "x"}]}]

Stream = tuple[list[bytes], Usage]
"""The bytes of each event, and the usage that they state."""


def json(value: Any) -> bytes:
    return msgspec.json.encode(value)


def gemini(texts: list[str], read: int, cached: int, output: int) -> list[dict[str, Any]]:
    counts = {"promptTokenCount": read + cached, "cachedContentTokenCount": cached}
    return [
        *({"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in texts),
        {
            "candidates": [{"finishReason": "STOP", "index": 0}],
            "usageMetadata": counts | {"candidatesTokenCount": output},
            "modelVersion": "m",
        },
    ]


def usage(read: int, cached: int, output: int) -> Usage:
    return Usage(read, output, cache_read=cached, quality=Quality.MEASURED)


def gemini_sse(texts: list[str], *counts: int) -> Stream:
    events = [b"data: " + json(chunk) + b"\r\n\r\n" for chunk in gemini(texts, *counts)]
    return events, usage(*counts)


def gemini_array(texts: list[str], *counts: int) -> Stream:
    first, *others = map(json, gemini(texts, *counts))
    return [b"[" + first, *(b"\n,\r\n" + other for other in others), b"]", b"\n"], usage(*counts)


def ollama(texts: list[str], read: int, _: int, output: int) -> Stream:
    done = {"done": True, "prompt_eval_count": read, "eval_count": output}
    said = ({"model": "m", "message": {"content": text}} for text in texts)
    lines = [json(line) + b"\n" for line in (*said, {"model": "m"} | done)]
    return lines, usage(read, 0, output)


def frame(kind: str, payload: Any) -> bytes:
    return encode_frame({":event-type": kind, ":message-type": "event"}, json(payload))


def converse(texts: list[str], read: int, cached: int, output: int) -> Stream:
    stated = {"inputTokens": read, "outputTokens": output, "cacheReadInputTokens": cached}
    frames = [
        frame("messageStart", {"role": "assistant"}),
        *(frame("contentBlockDelta", {"delta": {"toolUse": {"input": text}}}) for text in texts),
        frame("messageStop", {"stopReason": "tool_use"}),
        frame("metadata", {"usage": stated}),
    ]
    return frames, usage(read, cached, output)


def invoke(texts: list[str], read: int, cached: int, output: int) -> Stream:
    stated = {
        "inputTokenCount": read,
        "outputTokenCount": output,
        "cacheReadInputTokenCount": cached,
    }
    events = [
        {"message": {"usage": {"input_tokens": 1, "output_tokens": 1}}},
        *({"delta": {"text": text}} for text in texts),
        {"usage": {"output_tokens": 1}},
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": stated},
    ]
    frames = [frame("chunk", {"bytes": b64encode(json(event)).decode()}) for event in events]
    return frames, usage(read, cached, output)


KINDS: dict[str, tuple[str, str, dict[str, Any], str, Callable[..., Stream]]] = {
    # how it comes      wire, path, body, content type, maker
    "Gemini's events":  ("gemini.generate", "/models/m:streamGenerateContent?alt=sse", {}, "text/event-stream", gemini_sse),
    "Gemini's array":   ("gemini.generate", "/models/m:streamGenerateContent", {}, "application/json", gemini_array),
    "Ollama's lines":   ("ollama.chat", "/api/chat", {"model": "m"}, "application/x-ndjson", ollama),
    "Converse":         ("bedrock.converse", f"/model/{MODEL}/converse-stream", {"messages": SAY}, "application/vnd.amazon.eventstream", converse),
    "InvokeModel":      ("bedrock.invoke", f"/model/{MODEL}/invoke-with-response-stream", {"max_tokens": 9, "messages": SAY}, "application/vnd.amazon.eventstream", invoke),
}  # fmt: skip

COUNT = st.integers(0, 10**6)
STREAMS = st.builds(
    lambda kind, counts, texts: (kind, *KINDS[kind][4](texts, *counts)),
    st.sampled_from(sorted(KINDS)),
    st.tuples(COUNT, COUNT, COUNT),
    st.lists(st.text(max_size=8), max_size=5),
)


def follow(kind: str) -> Reply:
    name, path, body, content_type, _ = KINDS[kind]
    return WIRES[name].reply(WIRES[name].ask(path, json(body)), 200, content_type)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_split_in_two(kind: str) -> None:
    """Cut anywhere, a stream gives the same bytes and usage, and never half an event before it."""
    events, stated = KINDS[kind][4](["Hé]}", '"\\\n', "日本"], 9, 3, 2)
    data = b"".join(events)
    for place in range(len(data) + 1):
        reply = follow(kind)
        before = reply.feed(data[:place])
        assert data[:place].startswith(before)
        assert before in {b"".join(events[:count]) for count in range(len(events) + 1)} | {data}
        assert before + reply.feed(data[place:]) + reply.end() == data
        assert (reply.usage, reply.final) == (stated, True)


@given(STREAMS, st.lists(st.integers(0, 10**6), max_size=8))
def test_splits_change_nothing(stream: tuple[str, list[bytes], Usage], cuts: list[int]) -> None:
    """Bytes in any split give the same usage and sizes, and the same bytes go on."""
    kind, events, stated = stream
    data = b"".join(events)
    whole, parted = follow(kind), follow(kind)
    assert whole.feed(data) + whole.end() == data
    assert b"".join(map(parted.feed, pieces(data, cuts))) + parted.end() == data
    assert parted.usage == whole.usage == stated
    assert parted.final is True
    assert (parted.live, parted.model) == (whole.live, whole.model)


@given(STREAMS, st.integers(0, 10**6), st.sampled_from(sorted(REASONS)))
def test_a_cut_leaves_whole_events(
    stream: tuple[str, list[bytes], Usage], at: int, code: str
) -> None:
    """After any prefix and a cut, a fresh reader finds whole events and the refusal as the last."""
    kind, events, _ = stream
    data = b"".join(events)
    reply = follow(kind)
    before = reply.feed(data[: at % (len(data) + 1)])
    after = reply.cut(Refusal(code))
    assert data.startswith(before)
    reader = follow(kind)
    assert reader.feed(before + after) + reader.end() == before + after
    assert code.encode() in after or (kind == "Gemini's array" and before.endswith(b"]"))
    assert kind != "Gemini's array" or msgspec.json.decode(before + after)


JUNK = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [
                b"data: ", b"\n\n", b"\n", b"[", b"]", b"{", b"}", b",", b'"', b"\\", b"[{}", b"null",
                b'{"usageMetadata":{"promptTokenCount":1}}', b'{"candidates":[{"content":null}]}',
                b'{"candidates":[{"finishReason":"STOP","index":-1}]}', b'{"done":true}',
                b'{"done":true,"eval_count":1,"prompt_eval_count":1}', b'{"message":{"content":1}}',
                frame("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}}),
                frame("metadata", {"usage": None}), frame("chunk", {"bytes": "e30="}),
                frame("chunk", {"bytes": 1}), frame("contentBlockDelta", {"delta": {"text": "x"}}),
            ]
        ),
    ),
    max_size=12,
).map(b"".join)  # fmt: skip


@given(JUNK, st.sampled_from(sorted(KINDS)), st.integers(0, 400))
def test_junk_is_a_fault(data: bytes, kind: str, place: int) -> None:
    """Whatever a provider sends, a follower raises MeterError or nothing, and can still cut."""
    reply = follow(kind)
    out = b""
    try:
        out = reply.feed(data[:place])
        out += reply.feed(data[place:])
        out += reply.end()
    except MeterError:
        pass
    assert data.startswith(out)
    assert reply.usage is None or reply.usage.quality is Quality.MEASURED
    assert isinstance(reply.cut(Refusal("bottle.cut")), bytes)


WORDS = st.sampled_from(
    [
        "text", "parts", "contents", "content", "messages", "tools", "system", "image",
        "source", "bytes", "data", "mimeType", "mime_type", "inlineData", "fileData",
        "toolResult", "guardContent", "document", "functionResponse", "thinkingConfig",
        "thinking", "budget_tokens", "thinkingBudget", "inferenceConfig",
        "generationConfig", "maxTokens", "maxOutputTokens", "max_output_tokens",
        "num_predict", "options", "images", "toolConfig", "type", "enabled", "image/png",
    ]
)  # fmt: skip
VALUES = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)
TOP = st.sampled_from(
    [
        "messages", "contents", "system", "systemInstruction", "system_instruction",
        "tools", "toolConfig", "options", "images", "inferenceConfig", "generationConfig",
        "generation_config", "additionalModelRequestFields", "stream", "max_tokens",
        "performanceConfig", "cachedContent", "max_gen_len", "prompt",
    ]
)  # fmt: skip
LLAMA = "/model/meta.llama3-8b-instruct-v1:0/invoke"
REQUESTS = [(WIRES[name], path, body) for name, path, body, _, _ in KINDS.values()]
REQUESTS.append((WIRES["bedrock.invoke"], LLAMA, {}))


def numbers(value: Any) -> list[int]:
    """All that could be a limit, wherever a format has it."""
    if isinstance(value, dict):
        limits = "maxTokens maxOutputTokens max_output_tokens num_predict max_tokens max_gen_len"
        own = [v for k, v in value.items() if k in limits.split() and type(v) is int]
        return own + [n for v in value.values() for n in numbers(v)]
    return []


@given(st.dictionaries(TOP, VALUES), st.sampled_from(REQUESTS))
def test_any_request_is_read_or_refused(
    fields: dict[str, Any], request_: tuple[Wire, str, dict[str, Any]]
) -> None:
    """Whatever an agent sends is a MeterError, or can be limited to one token."""
    wire, path, body = request_
    try:
        ask = wire.ask(path, json(body | fields))
        sent = msgspec.json.decode(wire.limited(ask, 1))
    except MeterError:
        return
    assert 1 in numbers(sent)
    assert ask.text_bytes >= 0
    again = wire.ask(path, json(sent))
    assert again.max_output == 1
