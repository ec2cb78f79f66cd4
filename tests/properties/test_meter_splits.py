"""Laws of the streams of Anthropic Messages, OpenAI Chat and OpenAI Responses."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import anthropic
import httpx2
import msgspec
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.reason import REASONS, Refusal
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.anthropic import MESSAGES
from stopper.meter.openai_chat import CHAT, CHAT_XAI
from stopper.meter.openai_responses import RESPONSES
from stopper.meter.sse import SseSplitter
from stopper.meter.wire import Reply, Wire

WIRES: dict[str, Wire] = {wire.name: wire for wire in (MESSAGES, CHAT, RESPONSES)}
BODY = {
    "model": "m", "max_tokens": 100, "stream": True, "input": "x",
    "messages": [{"role": "user", "content": "x"}],
}  # fmt: skip
PATHS = {
    MESSAGES.name: "/v1/messages",
    CHAT.name: "/v1/chat/completions",
    RESPONSES.name: "/v1/responses",
}
FIELDS = {
    MESSAGES.name: ("model", "max_tokens", "stream", "messages"),
    CHAT.name: ("model", "stream", "messages"),
    RESPONSES.name: ("model", "stream", "input"),
}

TEXT = st.text(max_size=8)
COUNT = st.integers(0, 10**6)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
FULL = REASONS.keys()


def event(name: str, data: dict[str, Any]) -> str:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {msgspec.json.encode(data).decode()}\n\n"


def messages(texts: list[str], read: int, cached: int, output: int) -> tuple[list[str], Usage]:
    counts = {"input_tokens": read, "cache_read_input_tokens": cached, "output_tokens": 1}
    start: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": counts,
    }  # fmt: skip
    block = {"type": "tool_use", "id": "toolu_1", "name": "ls", "input": {}}
    events = [
        event("message_start", {"type": "message_start", "message": start}),
        event("ping", {"type": "ping"}),
        event(
            "content_block_start",
            {"type": "content_block_start", "index": 0, "content_block": block},
        ),
        *(
            event(
                "content_block_delta",
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "input_json_delta", "partial_json": text},
                },
            )
            for text in ('{"a": "', *(msgspec.json.encode(text).decode()[1:-1] for text in texts))
        ),
        event(
            "content_block_delta",
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": '"}'},
            },
        ),
        event("content_block_stop", {"type": "content_block_stop", "index": 0}),
        event(
            "message_delta",
            {
                "type": "message_delta",
                "delta": {"stop_reason": "tool_use", "stop_sequence": None},
                "usage": {"output_tokens": output},
            },
        ),
        event("message_stop", {"type": "message_stop"}),
    ]
    return events, Usage(read, output, cache_read=cached, quality=Quality.MEASURED)


def chat(texts: list[str], read: int, cached: int, output: int) -> tuple[list[str], Usage]:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return event("", head | {"choices": [choice], "usage": None})

    call = {"index": 0, "id": "call_1", "type": "function"}
    counts = {
        "prompt_tokens": read + cached, "completion_tokens": output,
        "total_tokens": read + cached + output,
        "prompt_tokens_details": {"cached_tokens": cached},
    }  # fmt: skip
    events = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"tool_calls": [call | {"function": {"name": "ls", "arguments": ""}}]}),
        *(chunk({"tool_calls": [{"index": 0, "function": {"arguments": t}}]}) for t in texts),
        chunk({}, "tool_calls"),
        event("", head | {"choices": [], "usage": counts}),
        "data: [DONE]\n\n",
    ]
    return events, Usage(read, output, cache_read=cached, quality=Quality.MEASURED)


def responses(texts: list[str], read: int, cached: int, output: int) -> tuple[list[str], Usage]:
    numbers: Iterator[int] = iter(range(1000))

    def step(kind: str, fields: dict[str, Any]) -> str:
        return event(kind, {"type": kind, "sequence_number": next(numbers)} | fields)

    reply: dict[str, Any] = {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": [],
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    }  # fmt: skip
    counts = {
        "input_tokens": read + cached, "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + cached + output,
    }  # fmt: skip
    events = [
        step("response.created", {"response": reply | {"status": "in_progress", "usage": None}}),
        *(
            step(
                "response.function_call_arguments.delta",
                {"item_id": "fc", "output_index": 0, "delta": text},
            )
            for text in texts
        ),
        step("response.completed", {"response": reply | {"status": "completed", "usage": counts}}),
    ]
    return events, Usage(read, output, cache_read=cached, quality=Quality.MEASURED)


MAKERS: dict[str, Callable[[list[str], int, int, int], tuple[list[str], Usage]]] = {
    MESSAGES.name: messages,
    CHAT.name: chat,
    RESPONSES.name: responses,
}
STREAMS = st.builds(
    lambda name, counts, texts: (name, *MAKERS[name](texts, *counts)),
    st.sampled_from(sorted(MAKERS)),
    st.tuples(COUNT, COUNT, COUNT),
    st.lists(TEXT, max_size=5),
)


def follow(name: str) -> Reply:
    body = {key: BODY[key] for key in FIELDS[name]}
    ask = WIRES[name].ask(PATHS[name], msgspec.json.encode(body))
    return WIRES[name].reply(ask, 200, "text/event-stream")


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@given(STREAMS, st.lists(st.integers(0, 10**6), max_size=8), ENDS)
def test_splits_change_nothing(
    stream: tuple[str, list[str], Usage], cuts: list[int], line_end: str
) -> None:
    """Bytes in any split, with any line ends, give the same usage, and the same bytes go on."""
    name, events, usage = stream
    data = "".join(events).replace("\n", line_end).encode()
    whole, parted = follow(name), follow(name)
    expected = whole.feed(data) + whole.end()
    out = b"".join(map(parted.feed, pieces(data, cuts))) + parted.end()
    assert out == expected
    assert parted.usage == whole.usage == usage
    assert parted.final is True
    assert (parted.live, parted.model) == (whole.live, "m")


@given(STREAMS, st.integers(0, 10**6), st.sampled_from(sorted(FULL)))
def test_a_cut_leaves_whole_events(
    stream: tuple[str, list[str], Usage], at: int, code: str
) -> None:
    """After any prefix and a cut, what went out is whole events of the stream, then the error."""
    name, events, _ = stream
    data = "".join(events).encode()
    reply = follow(name)
    before = reply.feed(data[: at % (len(data) + 1)])
    after = reply.cut(Refusal(code))
    splitter = SseSplitter()
    assert b"".join(event.raw for event in splitter.feed(before + after)) == before + after
    assert splitter.tail == b""
    assert data.startswith(before) or name == CHAT.name
    assert code.encode() in after


class Upstream:
    """Answers the official clients with whatever bytes it is given."""

    def __init__(self) -> None:
        self.data = b""
        self.calls = 0
        http = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        self._anthropic = anthropic.Anthropic(api_key="x", http_client=http)
        self._openai = openai.OpenAI(api_key="x", http_client=http)

    def read(self, name: str, data: bytes) -> list[Any]:
        """The events that the official client makes of `data`."""
        self.data, self.calls = data, 0
        say: list[Any] = [{"role": "user", "content": "x"}]
        if name == MESSAGES.name:
            made = self._anthropic.messages.create(
                model="m", max_tokens=9, messages=say, stream=True
            )
            return list(made)
        if name == CHAT.name:
            return list(self._openai.chat.completions.create(model="m", messages=say, stream=True))
        return list(self._openai.responses.create(model="m", input="x", stream=True))

    def _answer(self, _: httpx2.Request) -> httpx2.Response:
        self.calls += 1
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=kind, content=self.data)


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    return Upstream()


@pytest.mark.parametrize("name", MAKERS)
def test_official_clients_raise_on_a_cut(name: str, upstream: Upstream) -> None:
    """Cut after any event, and inside it, the client raises with our words, and asks only once."""
    events, _ = MAKERS[name](["Hel", "lo"], 9, 3, 2)
    data = "".join(events).encode()
    ends = [len("".join(events[:count]).encode()) for count in range(len(events))]
    for at in (place + more for place in ends for more in (0, 9)):
        reply = follow(name)
        refusal = Refusal("budget.overrun", "x")
        sent = reply.feed(data[:at]) + reply.cut(refusal)
        with pytest.raises(
            (anthropic.APIError, openai.APIError), match=r"budget\.overrun"
        ) as caught:
            upstream.read(name, sent)
        assert refusal.sentence in str(caught.value)
        assert not isinstance(
            caught.value, anthropic.APIConnectionError | openai.APIConnectionError
        )
        assert upstream.calls == 1


@pytest.mark.parametrize("name", MAKERS)
def test_official_clients_read_what_goes_on(name: str, upstream: Upstream) -> None:
    """A stream that is not cut reads to its end; the usage that we asked for stays here."""
    events, usage = MAKERS[name](["Hel", "lo"], 9, 3, 2)
    reply = follow(name)
    seen = upstream.read(name, reply.feed("".join(events).encode()) + reply.end())
    assert reply.usage == usage
    assert len(seen) == {MESSAGES.name: 9, CHAT.name: 5, RESPONSES.name: 4}[name]


JUNK = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [
                b"data: ", b"event: message_delta\n", b"\n\n", b"\r\n", b"{", b"}", b"[DONE]",
                b'{"usage":{"input_tokens":1,"output_tokens":1}}', b'{"usage":{}}',
                b'{"choices":[{"delta":{"content":"x"},"index":null}]}', b'{"delta":{"text":1}}',
                b'{"response":{"usage":{"input_tokens":-1}}}', b'{"choices":null,"error":0}',
                b'{"usage":{"prompt_tokens":1,"completion_tokens":1,"cost":1e300}}',
                b'{"message":{"usage":{"iterations":[{}],"input_tokens":0,"output_tokens":0}}}',
            ]
        ),
    ),
    max_size=12,
).map(b"".join)  # fmt: skip


@given(
    JUNK, st.sampled_from([*WIRES.values(), CHAT_XAI]), st.sampled_from(["json", "event-stream"])
)
def test_junk_is_a_fault(data: bytes, wire: Wire, kind: str) -> None:
    """Whatever a provider sends, a follower raises MeterError or nothing, and can still cut."""
    ask = wire.ask("", msgspec.json.encode(BODY))
    reply = wire.reply(ask, 200, kind)
    try:
        out = reply.feed(data) + reply.end()
    except MeterError:
        out = b""
    assert out in data or kind == "event-stream"
    assert reply.usage is None or reply.usage.quality is Quality.MEASURED
    assert reply.cut(Refusal("bottle.cut"))


KINDS = st.sampled_from(
    [
        "image", "document", "image_url", "input_image", "text", "base64", "tool_result", "file",
        "content", "mcp", "message", "reasoning", "namespace", "additional_tools", "tool_addition",
        "function_call_output", "computer_call_output", "shell", "tool_search", "enabled",
    ]
)  # fmt: skip
INNER = st.sampled_from(
    [
        "type", "content", "source", "data", "image_url", "tools", "tool", "definition", "output",
        "edits", "file", "environment", "budget_tokens", "max_tokens", "include_usage", "role",
    ]
)  # fmt: skip
VALUES = st.recursive(
    KINDS | st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(st.dictionaries(INNER, inner, max_size=4), max_size=3)
        | st.fixed_dictionaries({"type": KINDS | inner, "content": inner, "output": inner})
        | st.dictionaries(INNER, inner, max_size=4)
    ),
    max_leaves=20,
)
KEYS = [
    "model", "max_tokens", "max_completion_tokens", "max_output_tokens", "stream", "n", "input",
    "messages", "tools", "stream_options", "thinking", "fallbacks", "context_management", "thread",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), VALUES), st.sampled_from(list(WIRES.values())))
def test_any_request_is_read_or_refused(fields: dict[str, Any], wire: Wire) -> None:
    """Whatever an agent sends is a MeterError, or can be limited to one token."""
    try:
        ask = wire.ask("", msgspec.json.encode(BODY | fields))
        sent = msgspec.json.decode(wire.limited(ask, 1))
    except MeterError:
        return
    limits = [sent[key] for key in KEYS[1:4] if sent.get(key) is not None]
    assert 1 in limits
    assert ask.text_bytes >= 0
