from typing import Any

import msgspec
import pytest

from stopper.core.reason import refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.openai_responses import RESPONSES
from stopper.meter.wire import Ask, Reply

STREAM = "text/event-stream"
JSON = "application/json"
DONE = b"data: [DONE]\n\n"


def event(kind: bytes, fields: bytes, number: int = 0) -> bytes:
    head = b'event: %b\ndata: {"type":"%b","sequence_number":%d,' % (kind, kind, number)
    return head + fields + b"}\n\n"


def response(status: bytes, usage: bytes = b"null", number: int = 0) -> bytes:
    body = (
        b'"response":{"id":"resp_1","object":"response","created_at":1740000000,"status":"%b",'
        b'"model":"gpt-x","instructions":"long","output":[],"usage":%b}'
    )
    return event(b"response." + status, body % (status, usage), number)


def delta(kind: bytes, value: bytes = b'"Hello"') -> bytes:
    return event(b"response." + kind + b".delta", b'"item_id":"m","delta":' + value, 4)


def measured(**kinds: int) -> Usage:
    return Usage(quality=Quality.MEASURED, **kinds)


CREATED = response(b"created") + response(b"in_progress", number=1)
TEXT = delta(b"output_text")
SMALL = (
    b'{"input_tokens":9,"input_tokens_details":{"cached_tokens":0},"output_tokens":2,'
    b'"output_tokens_details":{"reasoning_tokens":0},"total_tokens":11}'
)
NINE = measured(input=9, output=2)
FAULT = event(b"error", b'"code":"server_error","message":"x","param":null')

STREAMS = {
    # what the provider sends      events, usage, final, (deltas, characters)
    "completed": (
        CREATED + TEXT + TEXT + response(b"completed", SMALL), NINE, True, (2, 10),
    ),
    "cached, written, reasoned": (
        CREATED + TEXT + response(
            b"completed",
            b'{"input_tokens":2006,"input_tokens_details":{"cached_tokens":1920,'
            b'"cache_write_tokens":80},"output_tokens":300,"output_tokens_details":'
            b'{"reasoning_tokens":256},"total_tokens":2306}',
        ),
        measured(input=6, cache_read=1920, cache_write=80, output=300, reasoning=256),
        True, (1, 5),
    ),
    "incomplete": (CREATED + TEXT + response(b"incomplete", SMALL), NINE, True, (1, 5)),
    "failed": (CREATED + TEXT + response(b"failed", SMALL), NINE, True, (1, 5)),
    "failed without usage": (CREATED + TEXT + response(b"failed"), None, False, (1, 5)),
    "an error": (CREATED + TEXT + FAULT, None, False, (1, 5)),
    "cut off before the end": (CREATED + TEXT, None, False, (1, 5)),
    "usage in a snapshot is not final": (
        CREATED + TEXT + response(b"in_progress", SMALL), NINE, False, (1, 5),
    ),
    "DONE is tolerated": (CREATED + response(b"completed", SMALL) + DONE, NINE, True, (0, 0)),
    "details left out": (
        response(b"completed", b'{"input_tokens":9,"output_tokens":2}'), NINE, True, (0, 0),
    ),
    "explicit zeros stay": (
        response(b"completed", b'{"input_tokens":0,"output_tokens":0}'), measured(), True, (0, 0),
    ),
    "all kinds of deltas": (
        delta(b"reasoning_text") + delta(b"reasoning_summary_text") + delta(b"refusal")
        + delta(b"function_call_arguments") + delta(b"custom_tool_call_input")
        + delta(b"mcp_call_arguments") + delta(b"code_interpreter_call_code")
        + delta(b"audio.transcript") + response(b"completed", SMALL),
        NINE, True, (8, 40),
    ),
    "what is no text": (
        delta(b"output_text", b'""') + delta(b"audio", b'"AAAA"')
        + delta(b"shell_call_output_content", b'{"stdout":"x"}')
        + event(b"response.output_item.done", b'"item":{"type":"message","content":[]}')
        + response(b"completed", SMALL),
        NINE, True, (0, 0),
    ),
    "nothing": (b"", None, False, (0, 0)),
}  # fmt: skip


def ask(**fields: Any) -> Ask:
    return RESPONSES.ask(
        "/v1/responses", msgspec.json.encode({"model": "gpt-x", "input": "x"} | fields)
    )


def follow(*pieces: bytes, content_type: str = STREAM, stream: bool = True) -> tuple[Reply, bytes]:
    reply = RESPONSES.reply(ask(stream=stream), 200, content_type)
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


BROKEN = {
    # what is wrong                  events
    "a negative count":              response(
        b"completed", b'{"input_tokens":-1,"output_tokens":1}'
    ),
    "a count that is missing":       response(b"completed", b'{"output_tokens":1}'),
    "a count with a fraction":       response(
        b"completed", b'{"input_tokens":1.5,"output_tokens":1}'
    ),
    "more cached than there is":     response(
        b"completed",
        b'{"input_tokens":1,"input_tokens_details":{"cached_tokens":2},"output_tokens":1}',
    ),
    "no JSON":                       b"data: {x}\n\n",
    "an event that breaks off":      CREATED + TEXT[:-20],
    "JSON instead of a stream":      b'{"object":"response","usage":null}',
}  # fmt: skip


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_stream(data: bytes) -> None:
    """What cannot be counted is a fault, never a zero."""
    with pytest.raises(MeterError):
        follow(data)


BODIES = {
    # the reply in one piece                                                   usage, final
    b'{"object":"response","model":"gpt-x","status":"completed","usage":' + SMALL + b"}":
        (NINE, True),
    b'{"object":"response","model":"gpt-x","status":"queued","usage":null}': (None, False),
    b'{"model":"gpt-x","error":{"message":"x"}}': (None, False),
}  # fmt: skip


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("data", "expected"), BODIES.items())
def test_body(data: bytes, expected: tuple[Usage | None, bool], stream: bool) -> None:
    """A JSON reply is held until it is whole, whatever was asked for."""
    reply = RESPONSES.reply(ask(stream=stream), 200, JSON)
    assert (reply.feed(data), reply.end()) == (b"", data)
    assert ((reply.usage, reply.final), reply.model) == (expected, "gpt-x")


ASKS = {
    # what is asked             fields, expected of it
    "the least":                ({}, {}),
    "a limit":                  ({"max_output_tokens": 50}, {"max_output": 50}),
    "a stream":                 ({"stream": True}, {"stream": True}),
    "nulls":                    ({"max_output_tokens": None, "stream": None, "input": None}, {}),
    "a stored reply":           ({"store": True, "background": False}, {}),
    "a limit of zero":          ({"max_output_tokens": 0}, None),
    "a limit that is true":     ({"max_output_tokens": True}, None),
    "an absurd limit":          ({"max_output_tokens": 10**9}, None),
    "no model":                 ({"model": None}, None),
    "a stream in quotes":       ({"stream": "yes"}, None),
    "background in quotes":     ({"background": "yes"}, None),
    "input that is a number":   ({"input": 5}, None),
    "items that are text":      ({"input": ["x"]}, None),
    "an item of two types":     ({"input": [{"type": ["message"]}]}, None),
    "a part of two types":      ({"input": [{"role": "user", "content": [{"type": []}]}]}, None),
    "tools as an object":       ({"tools": {"type": "web_search"}}, None),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), ASKS.values(), ids=ASKS)
def test_ask(fields: dict[str, Any], expected: dict[str, Any] | None) -> None:
    """Each row is read as its last column says, the rest as usual; None is refused."""
    if expected is None:
        with pytest.raises(MeterError):
            ask(**fields)
    else:
        asked = ask(**fields)
        usual = {"max_output": None, "stream": False, "choices": 1, "wants_usage": True}
        assert {key: getattr(asked, key) for key in usual} == usual | expected
        assert (asked.model, asked.media, asked.unbounded) == ("gpt-x", 0, "")


DATA = "A" * 4000
URL = "data:image/png;base64," + DATA
IMAGE = {"type": "input_image", "image_url": URL}


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": list(parts)}]}


def item(**fields: Any) -> dict[str, Any]:
    return {"input": [fields]}


def tool(**fields: Any) -> dict[str, Any]:
    return {"tools": [fields]}


PARTS = {
    # what the request holds       fields, media, whether DATA counts as text, unbounded
    "text":                        ({"input": DATA}, 0, True, ""),
    "text in parts":               (said({"type": "input_text", "text": DATA}), 0, True, ""),
    "instructions":                ({"instructions": DATA}, 0, True, ""),
    "a schema to answer in":       ({"text": {"format": {"schema": {"x": DATA}}}}, 0, True, ""),
    "a tool's description":        (tool(type="function", description=DATA), 0, True, ""),
    "a schema of brackets":        (tool(type="function", parameters=[[]] * 2000), 0, True, ""),
    "an image":                    (said(IMAGE), 1, False, ""),
    "an image by address":         (
        said({"type": "input_image", "image_url": "https://x"}), 1, False, "",
    ),
    "a stored image":              (said({"type": "input_image", "file_id": "f"}), 1, False, ""),
    "text that poses as an image": (
        said({"type": "input_image", "image_url": DATA}), 1, True, "",
    ),
    "an image that a tool gave":   (
        item(type="function_call_output", call_id="c", output=[IMAGE]), 1, False, "",
    ),
    "a screenshot":                (
        item(type="computer_call_output", output={"type": "computer_screenshot", "image_url": URL}),
        1, False, "",
    ),
    "an image made before":        (item(type="image_generation_call", result=DATA), 1, False, ""),
    "an image in arguments":       (
        item(type="function_call", name="f", content=[IMAGE], arguments=URL), 0, True, "",
    ),
    "a tool's text":               (
        item(type="function_call_output", call_id="c", output=DATA), 0, True, "",
    ),
    "a shell's output":            (
        item(type="shell_call_output", output=[{"stdout": DATA, "stderr": ""}]), 0, True, "",
    ),
    "sealed reasoning":            (
        item(type="reasoning", id="rs_1", summary=[], encrypted_content=DATA), 0, True, "",
    ),
    "stored reasoning":            (
        item(type="reasoning", id="rs_1", summary=[]), 0, False,
        "a reasoning item without its encrypted_content",
    ),
    "reasoning in plain text":     (
        item(type="reasoning", summary=[], content=[{"type": "reasoning_text", "text": DATA}]),
        0, True, "",
    ),
    "a reference":                 (item(type="item_reference"), 0, False, "item_reference"),
    "a reference without a type":  (item(id="m"), 0, False, "item_reference"),
    "a compaction":                (
        item(type="compaction_trigger"), 0, False, "compaction_trigger",
    ),
    "a file":                      (
        said({"type": "input_file", "file_data": DATA}), 1, False, "a part of type input_file",
    ),
    "a stored file":               (
        said({"type": "input_file", "file_id": "f"}), 1, False, "a part of type input_file",
    ),
    "a recording":                 (
        said({"type": "input_audio", "data": DATA}), 1, False, "a part of type input_audio",
    ),
    "a part nobody knows":         (
        said({"type": "input_video", "data": DATA}), 1, True, "a part of type input_video",
    ),
    "a stored conversation":       ({"conversation": "c"}, 0, False, "conversation"),
    "the reply before":            (
        {"previous_response_id": "r"}, 0, False, "previous_response_id",
    ),
    "a stored prompt":             ({"prompt": {"id": "p"}}, 0, False, "prompt"),
    "in the background":           ({"background": True}, 0, False, "background"),
    "compacting":                  (
        {"context_management": [{"type": "compaction"}]}, 0, False, "context_management",
    ),
    "tools that the caller runs":  (
        {"tools": [{"type": "function"}, {"type": "custom"}, {"type": "local_shell"},
                   {"type": "apply_patch"}, {"type": "tool_search", "execution": "client"},
                   {"type": "shell", "environment": {"type": "local"}},
                   {"type": "namespace", "tools": [{"type": "function"}]}]}, 0, False, "",
    ),
    "a web search":                (tool(type="web_search"), 0, False, "the tool web_search"),
    "a file search":               (tool(type="file_search"), 0, False, "the tool file_search"),
    "an interpreter":              (
        tool(type="code_interpreter"), 0, False, "the tool code_interpreter",
    ),
    "an MCP server":               (tool(type="mcp"), 0, False, "the tool mcp"),
    "a shell at the provider":     (
        tool(type="shell", environment={"type": "container_auto"}), 0, False, "the tool shell",
    ),
    "a search at the provider":    (tool(type="tool_search"), 0, False, "the tool tool_search"),
    "a tool in a namespace":       (
        tool(type="namespace", tools=[{"type": "mcp"}]), 0, False, "the tool mcp",
    ),
    "a tool added on the way":     (
        item(type="additional_tools", role="developer", tools=[{"type": "mcp"}]), 0, False,
        "the tool mcp",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "media", "text", "unbounded"), PARTS.values(), ids=PARTS)
def test_parts(fields: dict[str, Any], media: int, text: bool, unbounded: str) -> None:
    """Images count where the API reads images, all else is text, and what is hidden is named."""
    asked = ask(**fields)
    assert (asked.media, asked.unbounded) == (media, unbounded)
    assert (asked.text_bytes >= len(DATA)) is text


def test_nesting_has_an_end() -> None:
    """Namespaces inside namespaces are followed only so far."""
    nested: dict[str, Any] = {"type": "function"}
    for _ in range(50):
        nested = {"type": "namespace", "tools": [nested]}
    with pytest.raises(MeterError):
        ask(tools=[nested])


@pytest.mark.parametrize(
    ("fields", "limit", "sent"),
    [({}, 40, 40), ({"max_output_tokens": 100}, 40, 40), ({"max_output_tokens": 20}, 40, 20)],
)
def test_limited(fields: dict[str, Any], limit: int, sent: int) -> None:
    """What is sent has the limit, and what was asked stays as it was."""
    asked = ask(stream=True, **fields)
    before = msgspec.json.encode(asked.body)
    assert msgspec.json.decode(RESPONSES.limited(asked, limit)) == (
        asked.body | {"max_output_tokens": sent}
    )
    assert msgspec.json.encode(asked.body) == before


def test_cut_goes_on_with_the_numbers_and_names() -> None:
    """The events of a cut continue the stream's own sequence, and name its response."""
    reply = RESPONSES.reply(ask(stream=True), 200, STREAM)
    reply.feed(CREATED + TEXT + b"event: response.out")
    refusal = refuse("budget.overrun", "x")
    error, failed = (
        msgspec.json.decode(line.removeprefix(b"data: "))
        for line in reply.cut(refusal).splitlines()
        if line.startswith(b"data: ")
    )
    assert (error["sequence_number"], failed["sequence_number"]) == (5, 6)
    assert (error["type"], error["code"]) == ("error", "budget.overrun")
    assert error["error"] == msgspec.json.decode(RESPONSES.error(refusal))["error"]
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert (failed["response"]["id"], failed["response"]["model"]) == ("resp_1", "gpt-x")
    assert failed["response"]["error"]["message"] == refusal.sentence
