from typing import Any

import msgspec
import pytest

from stopper.core.reason import refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.anthropic import MESSAGES
from stopper.meter.wire import Ask, Reply

STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"

START = (
    b"event: message_start\n"
    b'data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":%b}}\n\n'
)
BLOCK = (
    b"event: content_block_start\n"
    b'data: {"type":"content_block_start","index":0,"content_block":%b}\n\n'
)
DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":%b}\n\n'
STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0    }\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
END = (
    b"event: message_delta\n"
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":%b    }\n\n'
)
OVER = b'event: message_stop\ndata: {"type":"message_stop"       }\n\n'
OVERLOADED = (
    b"event: error\n"
    b'data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
)

TEXT = BLOCK % b'{"type":"text","text":""}' + PING
HELLO = DELTA % b'{"type":"text_delta","text":"Hello"}'
SMALL = b'{"input_tokens":9,"output_tokens":1}'


def measured(**kinds: int) -> Usage:
    return Usage(quality=Quality.MEASURED, **kinds)


STREAMS = {
    # what the provider sends      events, usage, final, (deltas, characters)
    "text": (
        START % SMALL + TEXT + HELLO + HELLO + STOP + END % b'{"output_tokens":15}' + OVER,
        measured(input=9, output=15), True, (2, 10),
    ),
    "written to the cache: 3/12304/0/550": (
        START % b'{"input_tokens":3,"cache_creation_input_tokens":12304,'
        b'"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":12304,'
        b'"ephemeral_1h_input_tokens":0},"output_tokens":2,"service_tier":"standard"}'
        + TEXT + HELLO + STOP + END % b'{"output_tokens":550}' + OVER,
        measured(input=3, cache_write=12304, output=550), True, (1, 5),
    ),
    "read from the cache, an hour's share": (
        START % b'{"input_tokens":6,"cache_creation_input_tokens":159217,'
        b'"cache_read_input_tokens":77,"cache_creation":{"ephemeral_5m_input_tokens":100000,'
        b'"ephemeral_1h_input_tokens":59217},"output_tokens":1}'
        + END % b'{"input_tokens":6,"cache_creation_input_tokens":159217,'
        b'"cache_read_input_tokens":77,"output_tokens":2745}' + OVER,
        measured(input=6, cache_write=159217, cache_write_1h=59217, cache_read=77, output=2745),
        True, (0, 0),
    ),
    "GLM restates the input": (
        START % b'{"input_tokens":34824,"output_tokens":0}' + TEXT + HELLO
        + END % b'{"input_tokens":3883,"cache_read_input_tokens":30464,"output_tokens":84}' + OVER,
        measured(input=3883, cache_read=30464, output=84), True, (1, 5),
    ),
    "nulls in the last usage keep what was said": (
        START % b'{"input_tokens":40,"cache_read_input_tokens":8,"output_tokens":1}'
        + END % b'{"input_tokens":null,"cache_read_input_tokens":null,"output_tokens":7}' + OVER,
        measured(input=40, cache_read=8, output=7), True, (0, 0),
    ),
    "server tools let the input grow": (
        START % b'{"input_tokens":2679,"cache_read_input_tokens":0,"output_tokens":3}'
        + BLOCK % b'{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{}}'
        + DELTA % b'{"type":"input_json_delta","partial_json":"{\\"query\\":1}"}' + STOP
        + BLOCK % b'{"type":"web_search_tool_result","tool_use_id":"srv_1",'
        b'"content":[{"type":"web_search_result","encrypted_content":"xxxxxxxxxxxx"}]}' + STOP
        + END % b'{"input_tokens":10682,"cache_read_input_tokens":0,"output_tokens":510,'
        b'"server_tool_use":{"web_search_requests":1}}' + OVER,
        measured(input=10682, output=510), True, (1, 11),
    ),
    "thinking": (
        START % SMALL + BLOCK % b'{"type":"thinking","thinking":"","signature":""}'
        + DELTA % b'{"type":"thinking_delta","thinking":"Hmm"}'
        + DELTA % b'{"type":"signature_delta","signature":"c2ln"}' + STOP
        + BLOCK % b'{"type":"redacted_thinking","data":"cmVk"}' + STOP + TEXT + HELLO + STOP
        + END % b'{"output_tokens":90,"output_tokens_details":{"thinking_tokens":60}}' + OVER,
        measured(input=9, output=90, reasoning=60), True, (3, 12),
    ),
    "a tool call": (
        START % SMALL + BLOCK % b'{"type":"tool_use","id":"toolu_1","name":"ls","input":{}}'
        + DELTA % b'{"type":"input_json_delta","partial_json":""}'
        + DELTA % b'{"type":"input_json_delta","partial_json":"{\\"path\\":"}'
        + DELTA % b'{"type":"input_json_delta","partial_json":" \\"/\\"}"}' + STOP
        + END % b'{"output_tokens":30}' + OVER,
        measured(input=9, output=30), True, (2, 13),
    ),
    "a tool call that comes whole": (
        START % SMALL + BLOCK % b'{"type":"tool_use","id":"t","name":"ls","input":{"a":1}}'
        + STOP + END % b'{"output_tokens":30}' + OVER,
        measured(input=9, output=30), True, (1, 7),
    ),
    "citations are no output": (
        START % SMALL + TEXT
        + DELTA % b'{"type":"citations_delta","citation":{"cited_text":"long text"}}'
        + END % b'{"output_tokens":4}' + OVER,
        measured(input=9, output=4), True, (0, 0),
    ),
    "compaction and an advisor come on top": (
        START % SMALL + DELTA % b'{"type":"compaction_delta","content":"sum"}'
        + END % b'{"input_tokens":9,"output_tokens":15,"iterations":['
        b'{"type":"compaction","input_tokens":180000,"output_tokens":3500,'
        b'"cache_creation_input_tokens":0,"cache_read_input_tokens":5},'
        b'{"type":"message","input_tokens":9,"output_tokens":15,'
        b'"cache_creation_input_tokens":0,"cache_read_input_tokens":0},'
        b'{"type":"advisor_message","model":"claude-y","input_tokens":100,"output_tokens":50,'
        b'"cache_creation_input_tokens":7,"cache_read_input_tokens":0,'
        b'"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":7}}]}' + OVER,
        measured(
            input=9 + 180000 + 100, output=15 + 3500 + 50, cache_read=5, cache_write=7,
            cache_write_1h=7,
        ),
        True, (1, 3),
    ),
    "cut off before the end": (
        START % SMALL + TEXT + HELLO, measured(input=9, output=1), False, (1, 5),
    ),
    "an error in mid-stream": (
        START % SMALL + TEXT + HELLO + OVERLOADED, measured(input=9, output=1), False, (1, 5),
    ),
    "message_stop without a last usage": (
        START % SMALL + TEXT + HELLO + STOP + OVER, measured(input=9, output=1), False, (1, 5),
    ),
    "no usage at the start": (
        START % b"null" + TEXT + HELLO + END % b'{"input_tokens":4,"output_tokens":2}' + OVER,
        measured(input=4, output=2), True, (1, 5),
    ),
    "explicit zeros stay": (
        START % b'{"input_tokens":0,"output_tokens":0}' + END % b'{"output_tokens":0}' + OVER,
        measured(), True, (0, 0),
    ),
    "carriage returns and no event names": (
        (START % SMALL + TEXT + HELLO + END % b'{"output_tokens":5}')
        .replace(b"\n", b"\r\n").replace(b"event: message_delta\r\n", b""),
        measured(input=9, output=5), True, (1, 5),
    ),
    "nothing": (b"", None, False, (0, 0)),
}  # fmt: skip


def ask(**fields: Any) -> Ask:
    body = {"model": "claude-x", "max_tokens": 100, "messages": [{"role": "user", "content": "x"}]}
    return MESSAGES.ask("/v1/messages", msgspec.json.encode(body | fields))


def follow(*pieces: bytes, content_type: str = STREAM, stream: bool = True) -> tuple[Reply, bytes]:
    reply = MESSAGES.reply(ask(stream=stream), 200, content_type)
    out = b"".join([reply.feed(piece) for piece in pieces])
    return reply, out + reply.end()


@pytest.mark.parametrize(("data", "usage", "final", "live"), STREAMS.values(), ids=STREAMS)
def test_stream(data: bytes, usage: Usage | None, final: bool, live: tuple[int, int]) -> None:
    """Each row gives its usage, and all of its bytes go on, wherever they are split."""
    for at in range(len(data) + 1):
        reply, out = follow(data[:at], data[at:])
        assert out == data
        assert (reply.usage, reply.final) == (usage, final)
        assert (reply.live.deltas, reply.live.chars) == live
        assert reply.model == ("claude-x" if data else "")


BROKEN = {
    # what is wrong                      events
    "a negative count":                  START % b'{"input_tokens":-1,"output_tokens":1}',
    "a count with a fraction":           START % b'{"input_tokens":1.5,"output_tokens":1}',
    "a count in quotes":                 START % b'{"input_tokens":"1","output_tokens":1}',
    "a count that is true":              START % b'{"input_tokens":true,"output_tokens":1}',
    "an absurd count":                   START % b'{"input_tokens":9e99,"output_tokens":1}',
    "an end without output":             START % SMALL + END % b'{"input_tokens":9}',
    "an end whose input nobody stated":  START % b"null" + END % b'{"output_tokens":1}',
    "no JSON":                           b"event: ping\ndata: {x}\n\n",
    "an event that is a list":           b"data: []\n\n",
    "an event that breaks off":          START % SMALL + HELLO[:-20],
    "JSON instead of a stream":          b'{"type":"message","usage":{"input_tokens":1}}',
    "a page instead of a stream":        b"<html>\n\n</html>\n\n",
    "nesting without end":               b"data: " + b'{"delta":' * 2000 + b"\n\n",
}  # fmt: skip


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_stream(data: bytes) -> None:
    """What cannot be counted is a fault, never a zero."""
    with pytest.raises(MeterError):
        follow(data)


BODIES = {
    # the reply in one piece                                          usage, final
    b'{"type":"message","model":"claude-x","content":[{"type":"text","text":"hi"}],"usage":'
    b'{"input_tokens":3,"cache_creation_input_tokens":12304,"cache_read_input_tokens":0,'
    b'"output_tokens":550,"server_tool_use":null}}':
        (measured(input=3, cache_write=12304, output=550), True),
    b'{"model":"claude-x","usage":{"input_tokens":5,"cache_creation":'
    b'{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3},"output_tokens":1}}':
        (measured(input=5, cache_write=5, cache_write_1h=3, output=1), True),
    b'{"type":"message","model":"claude-x"}': (None, False),
    b'{"type":"error","error":{"type":"api_error"},"model":"claude-x","usage":null}': (None, False),
}  # fmt: skip


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("data", "expected"), BODIES.items())
def test_body(data: bytes, expected: tuple[Usage | None, bool], stream: bool) -> None:
    """A JSON reply is held until it is whole, whatever was asked for."""
    reply = MESSAGES.reply(ask(stream=stream), 200, JSON)
    assert [reply.feed(data[:9]), reply.feed(data[9:])] == [b"", b""]
    assert reply.end() == data
    assert ((reply.usage, reply.final), reply.model) == (expected, "claude-x")
    assert bool(reply.live.chars) == (expected[0] is None)


@pytest.mark.parametrize("data", [b'{"usage":{"input_tokens":3}}', b'{"usage":{}}', b"[]", b"x"])
def test_broken_body(data: bytes) -> None:
    """A usage without its counts, and what is no message at all, are faults."""
    with pytest.raises(MeterError):
        follow(data, content_type=JSON)


def test_events_to_a_caller_who_did_not_ask() -> None:
    """A stream is followed as one even where none was asked for."""
    data, usage, *_ = STREAMS["text"]
    reply, out = follow(data, stream=False)
    assert (out, reply.usage) == (data, usage)


def test_error_reply() -> None:
    """An error passes in one piece and costs nothing."""
    reply = MESSAGES.reply(ask(stream=True), 529, JSON)
    assert reply.feed(b'{"type":"error"}') == b""
    assert (reply.end(), reply.usage, reply.final) == (b'{"type":"error"}', None, True)


ASKS = {
    # what is asked                fields                                   max_output, stream
    "the least":                   ({},                                     (100, False)),
    "a stream":                    ({"stream": True},                       (100, True)),
    "a stream that is null":       ({"stream": None},                       (100, False)),
    "fields nobody knows":         ({"top_k": 5, "x": {"y": [1]}},          (100, False)),
    "no limit":                    ({"max_tokens": None},                   None),
    "a limit of zero":             ({"max_tokens": 0},                      None),
    "a negative limit":            ({"max_tokens": -1},                     None),
    "a limit that is true":        ({"max_tokens": True},                   None),
    "a limit with a fraction":     ({"max_tokens": 5.0},                    None),
    "a limit in quotes":           ({"max_tokens": "5"},                    None),
    "an absurd limit":             ({"max_tokens": 10**12},                 None),
    "an endless limit":            ({"max_tokens": 10**400},                None),
    "no model":                    ({"model": None},                        None),
    "an empty model":              ({"model": ""},                          None),
    "a model that is a list":      ({"model": ["claude-x"]},                None),
    "a model without end":         ({"model": "x" * 1000},                  None),
    "a stream in quotes":          ({"stream": "true"},                     None),
    "messages as an object":       ({"messages": {"role": "user"}},         None),
    "a message that is text":      ({"messages": ["x"]},                    None),
    "content that is a number":    ({"messages": [{"content": 1}]},         None),
    "tools as an object":          ({"tools": {"type": "web_search"}},      None),
    "a block that is null":        ({"messages": [{"content": [None]}]},    None),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), ASKS.values(), ids=ASKS)
def test_ask(fields: dict[str, Any], expected: tuple[int, bool] | None) -> None:
    """Each row is read as its last column says; None is refused."""
    if expected is None:
        with pytest.raises(MeterError):
            ask(**fields)
    else:
        asked = ask(**fields)
        assert (asked.max_output, asked.stream) == expected
        assert (asked.model, asked.choices, asked.unbounded) == ("claude-x", 1, "")


BYTES = {
    "a list": b"[]",
    "nothing": b"",
    "half an object": b'{"model":"x"',
    "two objects": b"{}{}",
    "no UTF-8": b'{"model":"\xff"}',
    "half a character": rb'{"model":"\ud800"}',
    "a tower": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "a number without end": b'{"a":' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("body", BYTES.values(), ids=BYTES)
def test_unreadable_body(body: bytes) -> None:
    """What is no JSON object, or cannot be sent on, is refused."""
    with pytest.raises(MeterError):
        MESSAGES.ask("/v1/messages", body)


def test_a_key_given_twice_leaves_once() -> None:
    """Two parsers could read such a body differently; upstream gets one meaning."""
    asked = MESSAGES.ask("/", b'{"model":"a","max_tokens":9,"max_tokens":5,"model":"b"}')
    assert (asked.model, asked.max_output) == ("b", 5)
    assert MESSAGES.limited(asked, 9) == b'{"model":"b","max_tokens":5}'


DATA = "A" * 4000
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "x/pdf", "data": DATA}}


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def result(*blocks: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t", "content": list(blocks)}


PARTS = {
    # what the request holds     fields, media, whether DATA counts as text, unbounded
    "an image":                  (said(IMAGE), 1, False, ""),
    "an image by address":       (
        said({"type": "image", "source": {"type": "url", "url": "https://x"}}), 1, False, "",
    ),
    "an image that a tool gave": (said(result(IMAGE, IMAGE)), 2, False, ""),
    "an image inside a document": (
        said({"type": "document", "source": {"type": "content", "content": [IMAGE]}}), 1, False, "",
    ),
    "an image in a tool's input": (
        said({"type": "tool_use", "id": "t", "name": "n", "input": {"content": [IMAGE]}}),
        0, True, "",
    ),
    "an image in a tool's schema": ({"tools": [{"name": "n", "input_schema": IMAGE}]}, 0, True, ""),
    "an image beside the content": ({"messages": [{"content": "x", "image": IMAGE}]}, 0, True, ""),
    "text":                      (said({"type": "text", "text": DATA}), 0, True, ""),
    "thinking":                  (said({"type": "thinking", "thinking": DATA}), 0, True, ""),
    "a tool's result":           (said(result({"type": "text", "text": DATA})), 0, True, ""),
    "a document of text":        (
        said({"type": "document", "source": {"type": "text", "data": DATA}}), 0, True, "",
    ),
    "the system prompt":         ({"system": [{"type": "text", "text": DATA}]}, 0, True, ""),
    "a tool's description":      ({"tools": [{"name": "n", "description": DATA}]}, 0, True, ""),
    "a schema of brackets":      (
        {"tools": [{"name": "n", "input_schema": {"enum": [[]] * 2000}}]}, 0, True, "",
    ),
    "a PDF":                     (said(PDF), 1, False, "a document by base64"),
    "a PDF that a tool gave":    (said(result(PDF)), 1, False, "a document by base64"),
    "a document by address":     (
        said({"type": "document", "source": {"type": "url", "url": "https://x"}}),
        1, False, "a document by url",
    ),
    "a stored file":             (
        said({"type": "document", "source": {"type": "file", "file_id": "f"}}),
        1, False, "a document by file",
    ),
    "a file for the container":  (
        said({"type": "container_upload", "file_id": "f"}), 1, False, "a container_upload block",
    ),
    "tools that the caller runs": (
        {"tools": [{"name": "a"}, {"type": "custom"}, {"type": "bash_20250124"},
                   {"type": "text_editor_20250728"}, {"type": "memory_20250818"},
                   {"type": "computer_20251124"}]}, 0, False, "",
    ),
    "web search":                (
        {"tools": [{"type": "web_search_20250305", "max_uses": 1}]},
        0, False, "the tool web_search_20250305",
    ),
    "code execution":            (
        {"tools": [{"type": "code_execution_20250825"}]}, 0, False,
        "the tool code_execution_20250825",
    ),
    "a toolset":                 (
        {"tools": [{"type": "browser_toolset_20260801"}]}, 0, False,
        "the tool browser_toolset_20260801",
    ),
    "a tool type that is no word": ({"tools": [{"type": "\n" * 99}]}, 0, False, "the tool unnamed"),
    "a tool added on the way":   (
        said({"type": "tool_addition", "tool": {"type": "tool_definition",
              "definition": {"type": "web_fetch_20250910"}}}),
        0, False, "the tool web_fetch_20250910",
    ),
    "MCP servers":               ({"mcp_servers": [{"url": "https://x"}]}, 0, False, "mcp_servers"),
    "a container":               ({"container": "c"}, 0, False, "container"),
    "other models":              ({"fallbacks": "default"}, 0, False, "fallbacks"),
    "a compaction":              ({"compaction": {"type": "summarize"}}, 0, False, "compaction"),
    "a new thread":              ({"thread": {"type": "create"}}, 0, False, ""),
    "a stored thread":           ({"thread": {"type": "continue"}}, 0, False, "thread"),
    "clearing tool uses":        (
        {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}, 0, False, "",
    ),
    "compacting":                (
        {"context_management": {"edits": [{"type": "compact_20260112"}]}}, 0, False,
        "context_management",
    ),
    "two at once":               (
        {"container": "c", "mcp_servers": [{}]}, 0, False, "container, mcp_servers",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "media", "text", "unbounded"), PARTS.values(), ids=PARTS)
def test_parts(fields: dict[str, Any], media: int, text: bool, unbounded: str) -> None:
    """Images count where the API reads images, all else is text, and what is hidden is named."""
    asked = ask(**fields)
    assert (asked.media, asked.unbounded) == (media, unbounded)
    assert (asked.text_bytes >= len(DATA)) is text


def test_nesting_has_an_end() -> None:
    """Blocks inside blocks are followed only as deep as the API allows them."""
    block = IMAGE
    for _ in range(50):
        block = result(block)
    with pytest.raises(MeterError):
        ask(**said(block))


PROMPTS = {
    # tools                                                     tokens that the API adds, at most
    "none":           ([],                                                             0),
    "one":            ([{"name": "a", "input_schema": {}}],                          600),
    "many":           ([{"name": "a"}, {"name": "b"}, {"name": "c"}],                600),
    "one of its own": ([{"type": "bash_20250124", "name": "bash"}, {"name": "a"}],  1900),
}  # fmt: skip


@pytest.mark.parametrize(("tools", "tokens"), PROMPTS.values(), ids=PROMPTS)
def test_prompts(tools: list[dict[str, Any]], tokens: int) -> None:
    """Tools make the API add prompts that the request does not show."""
    assert ask(tools=tools).prompts == tokens


def thinking(budget: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": budget}


LIMITS = {
    # what is asked, and the limit        fields, limit                          expected fields
    "lower than asked":      ({"max_tokens": 100}, 40,                         {"max_tokens": 40}),
    "higher than asked":     ({"max_tokens": 100}, 400,                        {"max_tokens": 100}),
    "thinking that fits":    (
        {"max_tokens": 9000, "thinking": thinking(2000)}, 4000,
        {"max_tokens": 4000, "thinking": thinking(2000)},
    ),
    "thinking that does not": (
        {"max_tokens": 9000, "thinking": thinking(8000) | {"display": "omitted"}}, 4000,
        {"max_tokens": 4000, "thinking": thinking(3999) | {"display": "omitted"}},
    ),
    "the least thinking":    (
        {"max_tokens": 9000, "thinking": thinking(8000)}, 1025,
        {"max_tokens": 1025, "thinking": thinking(1024)},
    ),
    "no room for thinking":  (
        {"max_tokens": 9000, "thinking": thinking(8000)}, 1024,
        {"max_tokens": 1024, "thinking": {"type": "disabled"}},
    ),
    "interleaved thinking of a request that is not limited": (
        {"max_tokens": 2000, "thinking": thinking(8000)}, 2000,
        {"max_tokens": 2000, "thinking": thinking(8000)},
    ),
    "adaptive thinking":     (
        {"max_tokens": 9000, "thinking": {"type": "adaptive"}}, 10,
        {"max_tokens": 10, "thinking": {"type": "adaptive"}},
    ),
    "other models' own limits": (
        {"max_tokens": 50, "fallbacks": [{"model": "a"}, {"model": "b", "max_tokens": 9000}]}, 50,
        {"max_tokens": 50, "fallbacks": [{"model": "a"}, {"model": "b", "max_tokens": 50}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fallbacks", [["x"], [{"max_tokens": "9"}], [{"max_tokens": True}]])
def test_fallbacks_that_cannot_be_limited(fallbacks: list[Any]) -> None:
    """What is no limit cannot be lowered, so the request does not leave."""
    with pytest.raises(MeterError):
        MESSAGES.limited(ask(fallbacks=fallbacks), 5)


@pytest.mark.parametrize(("fields", "limit", "expected"), LIMITS.values(), ids=LIMITS)
def test_limited(fields: dict[str, Any], limit: int, expected: dict[str, Any]) -> None:
    """What is sent has the limit, and what was asked stays as it was."""
    asked = ask(**fields)
    before = msgspec.json.encode(asked.body)
    sent = msgspec.json.decode(MESSAGES.limited(asked, limit))
    assert sent == asked.body | expected
    assert msgspec.json.encode(asked.body) == before


ERRORS = {
    "budget.exhausted": "billing_error",
    "bottle.cut": "permission_error",
    "credential.missing": "permission_error",
    "http.too_large": "request_too_large",
    "meter.unreadable": "invalid_request_error",
    "http.slow": "invalid_request_error",
}


@pytest.mark.parametrize(("code", "kind"), ERRORS.items())
def test_error(code: str, kind: str) -> None:
    """A refusal has the provider's shape, and its code stands in the sentence."""
    refusal = refuse(code, "x")
    error = {"type": kind, "message": refusal.sentence}
    assert msgspec.json.decode(MESSAGES.error(refusal)) == {"type": "error", "error": error}
    assert code in refusal.sentence


def test_cut_of_a_body() -> None:
    """Nothing of a reply in one piece has gone on, so the refusal takes its place."""
    refusal = refuse("bottle.cut")
    reply = MESSAGES.reply(ask(), 200, JSON)
    assert reply.feed(b'{"type":"message"') == b""
    assert reply.cut(refusal) == MESSAGES.error(refusal)
