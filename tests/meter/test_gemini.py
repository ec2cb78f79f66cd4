from typing import Any

import msgspec
import pytest

from stopper.core.reason import refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.gemini import GENERATE
from stopper.meter.wire import Ask, Reply

SSE = "text/event-stream"
JSON = "application/json; charset=UTF-8"
MODEL = "/v1beta/models/gemini-2.5-pro"
STREAM = f"{MODEL}:streamGenerateContent?alt=sse"
HELLO: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def measured(**kinds: int) -> Usage:
    return Usage(quality=Quality.MEASURED, **kinds)


def said(*parts: dict[str, Any], index: int = 0, end: str = "", **counts: int) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": index}
    chunk = {"candidates": [candidate | ({"finishReason": end} if end else {})]}
    return chunk | {"usageMetadata": counts, "modelVersion": "gemini-2.5-pro"}


def text(words: str, **counts: Any) -> dict[str, Any]:
    return said({"text": words}, **counts)


def sse(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + msgspec.json.encode(chunk) + b"\r\n\r\n" for chunk in chunks)


def array(*chunks: dict[str, Any]) -> bytes:
    return b"[" + b"\n,\r\n".join(map(msgspec.json.encode, chunks)) + b"\n]\n"


CALL = {"functionCall": {"name": "ls", "args": {"path": "a]}\\"}}}
BLOCKED = {
    "promptFeedback": {"blockReason": "SAFETY"},
    "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7},
}

STREAMS = {
    # what the provider sends          chunks, usage, final, (deltas, characters)
    "text": (
        [text("Hel", promptTokenCount=4, candidatesTokenCount=1, totalTokenCount=5),
         said({"text": "lo"}, end="STOP", promptTokenCount=4, candidatesTokenCount=2, totalTokenCount=6)],
        measured(input=4, output=2), True, (2, 5),
    ),
    "the first chunks count no candidates": (
        [text("Hel", promptTokenCount=4, totalTokenCount=4),
         said({"text": "lo"}, end="STOP", promptTokenCount=4, candidatesTokenCount=2, totalTokenCount=6)],
        measured(input=4, output=2), True, (2, 5),
    ),
    "thoughts are output besides": (
        [said({"text": "Hm", "thought": True}, promptTokenCount=4, thoughtsTokenCount=90, totalTokenCount=94),
         said({"text": "Hi"}, end="STOP", promptTokenCount=4, candidatesTokenCount=2, thoughtsTokenCount=98, totalTokenCount=104)],
        measured(input=4, output=100, reasoning=98), True, (2, 4),
    ),
    "cached and brought by tools": (
        [said({"text": "Hi"}, end="STOP", promptTokenCount=1000, cachedContentTokenCount=900,
              toolUsePromptTokenCount=50, candidatesTokenCount=2, totalTokenCount=1052)],
        measured(input=150, cache_read=900, output=2), True, (1, 2),
    ),
    "only the total tells of the output": (
        [said({"text": "Hi"}, end="STOP", promptTokenCount=10, totalTokenCount=17)],
        measured(input=10, output=7), True, (1, 2),
    ),
    "a call of a function": (
        [said(CALL, end="STOP", promptTokenCount=4, candidatesTokenCount=9)],
        measured(input=4, output=9), True, (1, len(msgspec.json.encode(CALL["functionCall"]))),
    ),
    "code that it runs itself": (
        [said({"executableCode": {"language": "PYTHON", "code": "1+1"}}, end="STOP", promptTokenCount=4, candidatesTokenCount=9)],
        measured(input=4, output=9), True, (1, 3),
    ),
    "an image": (
        [said({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, end="STOP", promptTokenCount=4, candidatesTokenCount=1290)],
        measured(input=4, output=1290), True, (1, 5160),
    ),
    "a blocked prompt is paid for":    ([BLOCKED], measured(input=7), True, (0, 0)),
    "cut short": (
        [text("Hel", promptTokenCount=4, candidatesTokenCount=1)], measured(input=4, output=1), False, (1, 3),
    ),
    "no usage at all":                 ([{"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}], None, False, (1, 2)),
    "usage after the end": (
        [{"candidates": [{"finishReason": "STOP"}]}, {"usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 1}}],
        measured(input=4, output=1), True, (0, 0),
    ),
    "an error in the stream": (
        [text("Hel", promptTokenCount=4, candidatesTokenCount=1), {"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}],
        measured(input=4, output=1), False, (1, 3),
    ),
}  # fmt: skip


def follow(content_type: str, path: str = STREAM, body: dict[str, Any] = HELLO, status: int = 200) -> Reply:  # fmt: skip
    return GENERATE.reply(GENERATE.ask(path, msgspec.json.encode(body)), status, content_type)


@pytest.mark.parametrize("kind", [SSE, JSON])
@pytest.mark.parametrize(("chunks", "usage", "final", "live"), STREAMS.values(), ids=STREAMS)
def test_stream(
    chunks: list[dict[str, Any]],
    usage: Usage | None,
    final: bool,
    live: tuple[int, int],
    kind: str,
) -> None:
    """Both framings give every byte on, and the usage, finality and sizes of the row."""
    data = sse(*chunks) if kind == SSE else array(*chunks)
    reply = follow(kind)
    assert reply.feed(data) + reply.end() == data
    assert (reply.usage, reply.final) == (usage, final)
    assert (reply.live.deltas, reply.live.chars) == live


def test_choices_finish_one_by_one() -> None:
    """Usage is final when every candidate that was asked for has ended."""
    body = HELLO | {"generationConfig": {"candidateCount": 2}}
    reply = follow(SSE, body=body)
    counts = {"promptTokenCount": 4, "candidatesTokenCount": 1}
    reply.feed(sse(said({"text": "a"}, end="STOP", **counts)))
    assert reply.final is False
    reply.feed(sse(said({"text": "b"}, index=1, end="STOP", **counts)))
    assert reply.final is True
    assert reply.model == "gemini-2.5-pro"


WHOLES = {
    # what the provider sends        body, usage, final
    "one piece":   (said({"text": "Hi"}, end="STOP", promptTokenCount=4, candidatesTokenCount=2), measured(input=4, output=2), True),
    "blocked":     (BLOCKED, measured(input=7), True),
    "no usage":    ({"candidates": []}, None, False),
}  # fmt: skip


@pytest.mark.parametrize(("body", "usage", "final"), WHOLES.values(), ids=WHOLES)
def test_whole(body: dict[str, Any], usage: Usage | None, final: bool) -> None:
    """A reply in one piece goes on when it is whole."""
    data = msgspec.json.encode(body)
    reply = follow(JSON, f"{MODEL}:generateContent")
    assert reply.feed(data) == b""
    assert reply.end() == data
    assert (reply.usage, reply.final) == (usage, final)


def test_an_error_costs_nothing() -> None:
    """A reply of 400 and up has no usage to state, whatever was asked for."""
    reply = follow(JSON, status=429)
    assert reply.feed(b'{"error":{}}') + reply.end() == b'{"error":{}}'
    assert (reply.usage, reply.final) == (None, True)


FAULTS = {
    "more cached than read":     sse(text("x", promptTokenCount=1, cachedContentTokenCount=2)),
    "a negative count":          b'data: {"usageMetadata":{"promptTokenCount":-1}}\n\n',
    "a count as text":           b'data: {"usageMetadata":{"promptTokenCount":"1"}}\n\n',
    "no JSON":                   b"data: {\n\n",
    "a list":                    b"data: []\n\n",
}  # fmt: skip


@pytest.mark.parametrize("data", FAULTS.values(), ids=FAULTS)
def test_fault(data: bytes) -> None:
    """What breaks the format is a fault, not a zero."""
    with pytest.raises(MeterError):
        follow(SSE).feed(data)


REFUSAL = refuse("budget.overrun", "x")
ERROR = GENERATE.error(REFUSAL)

CUTS = {
    # what has come when it is cut    content type, bytes, what the caller gets after the cut
    "events":                        (SSE, sse(text("a")) + b"data: {", sse(text("a")) + b"data: " + ERROR + b"\n\n"),
    "nothing of a stream":           (SSE, b"", b"data: " + ERROR + b"\n\n"),
    "elements":                      (JSON, array(text("a"), text("b"))[:-12], b"[" + msgspec.json.encode(text("a")) + b"," + ERROR + b"]"),
    "nothing of an array":           (JSON, b"", b"[" + ERROR + b"]"),
    "half an element":               (JSON, b'[{"candidates"', b"[" + ERROR + b"]"),
    "a whole array":                 (JSON, array(text("a")), array(text("a"))[:-1]),
    "half an object in its place":   (JSON, b'{"candidates"', ERROR),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "expected"), CUTS.values(), ids=CUTS)
def test_cut(kind: str, data: bytes, expected: bytes) -> None:
    """A cut leaves whole events, then an error that official clients raise."""
    reply = follow(kind)
    assert reply.feed(data) + reply.cut(REFUSAL) == expected


def test_error() -> None:
    """Official clients look for `error` first, with a numeric code from 400 to 599."""
    assert ERROR.startswith(b'{"error":{"code":402,')
    assert msgspec.json.decode(ERROR)["error"]["message"] == REFUSAL.sentence


def image(mime: str = "image/png", data: str = "A" * 4_000) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": data}}


def ask(fields: dict[str, Any], path: str = STREAM) -> Ask:
    return GENERATE.ask(path, msgspec.json.encode(HELLO | fields))


ASKS: dict[str, tuple[dict[str, Any], tuple[int | None, int, int, str]]] = {
    # what is asked               fields, (limit, choices, media, unbounded)
    "nothing special":           ({}, (None, 1, 0, "")),
    "a limit":                   ({"generationConfig": {"maxOutputTokens": 100, "candidateCount": 2}}, (100, 2, 0, "")),
    "a limit in snake case":     ({"generation_config": {"max_output_tokens": 100, "candidate_count": 2}}, (100, 2, 0, "")),
    "functions":                 ({"tools": [{"functionDeclarations": []}]}, (None, 1, 0, "")),
    "one tool without a list":   ({"tools": {"function_declarations": []}}, (None, 1, 0, "")),
    "a search":                  ({"tools": [{"google_search": {}}]}, (None, 1, 0, "the tool google_search")),
    "code that Google runs":     ({"tools": [{"codeExecution": {}}]}, (None, 1, 0, "the tool codeExecution")),
    "cached content":            ({"cachedContent": "cachedContents/x"}, (None, 1, 0, "cached content")),
    "an image":                  ({"contents": [{"parts": [image()]}]}, (None, 1, 1, "")),
    "an image by its address":   ({"contents": {"parts": {"file_data": {"mime_type": "image/png", "file_uri": "x"}}}}, (None, 1, 1, "")),
    "an image from a function":  ({"contents": [{"parts": [{"functionResponse": {"name": "x", "response": {}, "parts": [image()]}}]}]}, (None, 1, 1, "")),
    "a video":                   ({"contents": [{"parts": [image("video/mp4")]}]}, (None, 1, 1, "a file of type video.mp4")),
    "text as data is text":      ({"contents": [{"parts": [image("text/plain")]}]}, (None, 1, 0, "")),
    "text by its address":       ({"contents": [{"parts": [{"fileData": {"mimeType": "text/plain", "fileUri": "x"}}]}]}, (None, 1, 1, "a file of type text.plain")),
    "a part of a new kind":      ({"contents": [{"parts": [{"hologram": {}}]}]}, (None, 1, 1, "a part of kind hologram")),
    "calls and their results":   ({"contents": [{"parts": [CALL, {"functionResponse": {"name": "ls", "response": {}}}, {"text": "x", "thoughtSignature": "y"}]}]}, (None, 1, 0, "")),
    "a system prompt":           ({"system_instruction": {"parts": {"text": "be brief"}}}, (None, 1, 0, "")),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), ASKS.values(), ids=ASKS)
def test_ask(fields: dict[str, Any], expected: tuple[int | None, int, int, str]) -> None:
    """What bounds the cost of a request, in both spellings."""
    asked = ask(fields)
    assert (asked.max_output, asked.choices, asked.media, asked.unbounded) == expected
    assert (asked.model, asked.stream) == ("gemini-2.5-pro", True)


def test_an_image_is_no_text() -> None:
    """Only an image's own bytes are left out of the text."""
    whole = ask({"contents": [{"parts": [image()]}]})
    assert whole.text_bytes == len(msgspec.json.encode(whole.body)) - 4_000
    plain = ask({"contents": [{"parts": [image("text/plain")]}]})
    assert plain.text_bytes == len(msgspec.json.encode(plain.body))


PATHS = {
    # path                                                     (model, stream), None where refused
    "/v1beta/models/gemini-2.5-pro:generateContent":          ("gemini-2.5-pro", False),
    "/v1/models/gemini%2D3:streamGenerateContent?alt=sse":    ("gemini-3", True),
    "/v1/models/x:streamGenerateContent?key=k&alt=json":      ("x", True),
    "/v1/models/x:streamGenerateContent?%24alt=sse":          ("x", True),
    "/v1/models/x:generateContent?alt=proto":                 None,
    "/v1/models/x:generateContent?alt=sse&alt=media":         None,
    "/v1/models/x:generateContent?fields=candidates":         None,
    "/v1/models/x:generateContent?%24fields=candidates":      None,
    "/v1/models/x:countTokens":                               None,
    "/v1/models/:generateContent":                            None,
    f"/v1/models/{'x' * 257}:generateContent":                None,
}  # fmt: skip


@pytest.mark.parametrize(("path", "expected"), PATHS.items(), ids=PATHS)
def test_path(path: str, expected: tuple[str, bool] | None) -> None:
    """The path names the model, and its query cannot hide the usage."""
    if expected is None:
        with pytest.raises(MeterError):
            ask({}, path)
        return
    asked = ask({}, path)
    assert (asked.model, asked.stream) == expected


CONFIG = "generationConfig"
LIMITS: dict[str, tuple[dict[str, Any], int, dict[str, Any]]] = {
    # what the caller said        fields, room, what is sent in place of them
    "nothing":                   ({}, 50, {CONFIG: {"maxOutputTokens": 50}}),
    "less":                      ({CONFIG: {"maxOutputTokens": 20, "topK": 1}}, 50, {CONFIG: {"maxOutputTokens": 20, "topK": 1}}),
    "more":                      ({CONFIG: {"maxOutputTokens": 90}}, 50, {CONFIG: {"maxOutputTokens": 50}}),
    "more in snake case":        ({"generation_config": {"max_output_tokens": 90}}, 50, {"generation_config": {"max_output_tokens": 50}}),
    "thoughts that fit":         ({CONFIG: {"thinkingConfig": {"thinkingBudget": 600}}}, 900, {CONFIG: {"maxOutputTokens": 900, "thinkingConfig": {"thinkingBudget": 600}}}),
    "thoughts that do not":      ({CONFIG: {"thinkingConfig": {"thinkingBudget": 9_000}}}, 900, {CONFIG: {"maxOutputTokens": 900, "thinkingConfig": {"thinkingBudget": 900}}}),
    "no room for thoughts":      ({CONFIG: {"thinking_config": {"thinking_budget": 9_000}}}, 50, {CONFIG: {"maxOutputTokens": 50, "thinking_config": {"thinking_budget": -1}}}),
    "thoughts at its own choice": ({CONFIG: {"thinkingConfig": {"thinkingBudget": -1}}}, 50, {CONFIG: {"maxOutputTokens": 50, "thinkingConfig": {"thinkingBudget": -1}}}),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "room", "expected"), LIMITS.values(), ids=LIMITS)
def test_limited(fields: dict[str, Any], room: int, expected: dict[str, Any]) -> None:
    """What is sent asks for no more than there is room for, in the caller's spelling."""
    assert msgspec.json.decode(GENERATE.limited(ask(fields), room)) == HELLO | expected


BAD: dict[str, dict[str, Any]] = {
    "a limit given twice":           {CONFIG: {"maxOutputTokens": 1, "max_output_tokens": 9}},
    "a configuration given twice":   {CONFIG: {}, "generation_config": {}},
    "a limit as text":               {CONFIG: {"maxOutputTokens": "9"}},
    "a limit of nothing":            {CONFIG: {"maxOutputTokens": 0}},
    "a configuration as a list":     {CONFIG: []},
    "contents as text":              {"contents": "hi"},
    "parts as text":                 {"contents": [{"parts": "hi"}]},
    "a tool as text":                {"tools": ["google_search"]},
}  # fmt: skip


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_bad_request(fields: dict[str, Any]) -> None:
    """What could be read in two ways is not read at all."""
    with pytest.raises(MeterError):
        ask(fields)
