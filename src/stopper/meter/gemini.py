"""Gemini's `generateContent`, whole and streamed: https://ai.google.dev/api/generate-content."""

import re
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.core.usage import Usage
from stopper.errors import MeterError
from stopper.meter.follow import Count, SseReply, decode, inclusive
from stopper.meter.framed import FramedReply
from stopper.meter.jsonarray import ArraySplitter
from stopper.meter.jsonreply import JsonReply
from stopper.meter.text import (
    MAX_CHOICES,
    MAX_MODEL_CHARS,
    MAX_OUTPUT,
    Parts,
    count_of,
    decode_body,
    encode_body,
    label,
)
from stopper.meter.wire import Ask, Live, Reply

__all__ = ["GENERATE", "Generate"]

_PATH = re.compile(r"(?:.*/)?models/([^/:?]+):(generateContent|streamGenerateContent)(?:\?(.*))?")

# `fields` leaves the usage out of a reply, and other values of `alt` make it unreadable.
_QUERY = {"alt": ("json", "sse"), "$alt": ("json", "sse"), "key": None, "prettyPrint": None}

_STATUSES = {401: "UNAUTHENTICATED", 402: "FAILED_PRECONDITION", 403: "PERMISSION_DENIED"}

# All other tools run at the provider, and what they bring becomes input.
_CALLER_RUNS = ("functionDeclarations", "function_declarations")

_TEXT_PARTS = frozenset(
    [
        "text",
        "thought",
        "thoughtSignature",
        "thought_signature",
        "mediaResolution",
        "media_resolution",
        "functionCall",
        "function_call",
        "functionResponse",
        "function_response",
        "executableCode",
        "executable_code",
        "codeExecutionResult",
        "code_execution_result",
    ]
)
_RESPONSE_PARTS = ("functionResponse", "function_response")
_DATA_PARTS = ("inlineData", "inline_data", "fileData", "file_data")

_LEAST_THINKING = 512  # the largest of the models' least budgets; -1 lets the model choose
_OWN_CHOICE = -1

_IMAGE_CHARS = 5_160  # an image in a reply is 1,290 tokens

_NO_SUCCESS = 300


class Generate:
    """The wire format of `POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`.

    Requests may be written in camelCase or in snake_case, but each field in one of them only.
    """

    name = "gemini.generate"
    refusal_status: int | None = None

    def ask(self, path: str, body: bytes) -> Ask:
        """As Wire.ask; the model and whether to stream are in the path."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise MeterError("the path names no model and method")
        _check_query(match[3] or "")
        fields = decode_body(body)
        config = _object(fields, "generationConfig")
        parts = _parts(fields)
        json = encode_body(fields)
        return Ask(
            model=_model(match[1]),
            stream=match[2].startswith("stream"),
            max_output=_count(config, "maxOutputTokens", MAX_OUTPUT),
            text_bytes=parts.text_bytes(json),
            body=fields,
            json=json,
            choices=_count(config, "candidateCount", MAX_CHOICES) or 1,
            media=parts.media,
            unbounded=parts.unbounded,
        )

    def limited(self, ask: Ask, max_output: int) -> bytes:
        """As Wire.limited; a budget for thoughts is shortened to fit."""
        config = dict(_object(ask.body, "generationConfig"))
        limit = min(max_output, ask.max_output or max_output)
        config[_spelling(config, "maxOutputTokens")] = limit
        if thinking := dict(_object(config, "thinkingConfig")):
            budget = _spelling(thinking, "thinkingBudget")
            if type(thinking.get(budget)) is int and thinking[budget] > limit:
                thinking[budget] = limit if limit >= _LEAST_THINKING else _OWN_CHOICE
            config[_spelling(config, "thinkingConfig")] = thinking
        return encode_body(ask.body | {_spelling(ask.body, "generationConfig"): config})

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:
        """As Wire.reply; a stream is server-sent events, or else one array."""
        if status >= _NO_SUCCESS:
            return JsonReply(None, self.error)
        if "event-stream" in content_type.lower():
            return SseReply(_Tally(ask.choices))
        if not ask.stream:
            return JsonReply(_read_json, self.error)
        array = ArraySplitter()
        return FramedReply(array, _Tally(ask.choices, array))

    def error(self, refusal: Refusal) -> bytes:
        """As Wire.error; the official SDKs raise what has `error` as its first key."""
        error = {
            "code": refusal.status,
            "message": refusal.sentence,
            "status": _STATUSES.get(refusal.status, "INVALID_ARGUMENT"),
        }
        return msgspec.json.encode({"error": error})


GENERATE = Generate()


class _Stated(Struct, gc=False):
    prompt: Count = msgspec.field(name="promptTokenCount", default=0)
    tools: Count = msgspec.field(name="toolUsePromptTokenCount", default=0)
    cached: Count = msgspec.field(name="cachedContentTokenCount", default=0)
    candidates: Count = msgspec.field(name="candidatesTokenCount", default=0)
    thoughts: Count = msgspec.field(name="thoughtsTokenCount", default=0)
    total: Count = msgspec.field(name="totalTokenCount", default=0)


class _Code(Struct, gc=False):
    code: str = ""


class _Part(Struct):
    text: str = ""
    call: msgspec.Raw = msgspec.field(name="functionCall", default=msgspec.Raw())
    code: _Code | None = msgspec.field(name="executableCode", default=None)
    data: Any = msgspec.field(name="inlineData", default=None)


class _Content(Struct):
    parts: list[_Part] = []


class _Candidate(Struct):
    index: int = 0
    content: _Content | None = None
    finish: str | None = msgspec.field(name="finishReason", default=None)


class _Feedback(Struct, gc=False):
    block: str | None = msgspec.field(name="blockReason", default=None)


class _Chunk(Struct):
    candidates: list[_Candidate] = []
    stated: _Stated | None = msgspec.field(name="usageMetadata", default=None)
    feedback: _Feedback | None = msgspec.field(name="promptFeedback", default=None)
    model: str = msgspec.field(name="modelVersion", default="")


_CHUNK = msgspec.json.Decoder(_Chunk)


class _Event(Protocol):
    @property
    def data(self) -> bytes: ...
    @property
    def raw(self) -> bytes: ...


class _Tally:
    """Counts one stream of responses; usage grows from one to the next, so the last one counts."""

    __slots__ = ("_array", "_blocked", "_choices", "_finished", "final", "live", "model", "usage")

    def __init__(self, choices: int, array: ArraySplitter | None = None) -> None:
        self.live = Live()
        self.usage: Usage | None = None
        self.final = False
        self.model = ""
        self._array = array
        self._choices = choices
        self._finished: set[int] = set()
        self._blocked = False

    def see(self, event: _Event) -> bytes:
        """As Tally.see; every response goes on as it came."""
        if event.data:
            self._count(decode(_CHUNK, event.data))
        return event.raw

    def cut(self, refusal: Refusal) -> bytes:
        """As Tally.cut: an error as the last event, or the last element of the array."""
        error = GENERATE.error(refusal)
        if self._array is not None:
            return self._array.closing(error)
        return b"data: " + error + b"\n\n"

    def _count(self, chunk: _Chunk) -> None:
        self.model = self.model or chunk.model
        for candidate in chunk.candidates:
            self._see(candidate)
        if chunk.feedback is not None and chunk.feedback.block:
            self._blocked = True
        if chunk.stated is not None:
            self.usage = _usage(chunk.stated)
            self.final = self._blocked or len(self._finished) >= self._choices

    def _see(self, candidate: _Candidate) -> None:
        if candidate.finish and len(self._finished) < self._choices:
            self._finished.add(candidate.index)
        parts = candidate.content.parts if candidate.content else []
        chars = sum(_chars(part) for part in parts)
        if chars:
            self.live.deltas += 1
            self.live.chars += chars
            self.final = False


def _read_json(data: bytes) -> tuple[Usage | None, str]:
    chunk = decode(_CHUNK, data)
    return (_usage(chunk.stated) if chunk.stated else None), chunk.model


def _usage(stated: _Stated) -> Usage:
    """Thoughts are generated besides the candidates; what the total has beyond both is too."""
    read = stated.prompt + stated.tools
    output = max(stated.candidates + stated.thoughts, stated.total - read)
    return inclusive(
        read=read, cached=stated.cached, written=0, output=output, reasoning=stated.thoughts
    )


def _chars(part: _Part) -> int:
    chars = len(part.text) + len(bytes(part.call))
    if part.code is not None:
        chars += len(part.code.code)
    return chars + (_IMAGE_CHARS if part.data else 0)


def _check_query(query: str) -> None:
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _QUERY:
            raise MeterError(f"the query has `{label(key)}`, which might leave out the usage")
        allowed = _QUERY[key]
        if allowed is not None and value not in allowed:
            raise MeterError(f"`{key}` must be {' or '.join(allowed)}")


def _model(quoted: str) -> str:
    model = unquote(quoted)
    if not 0 < len(model) <= MAX_MODEL_CHARS:
        raise MeterError(f"the model must have 1 to {MAX_MODEL_CHARS} characters")
    return model


def _spelling(holder: dict[str, Any], camel: str) -> str:
    """The spelling of a field that a request uses; MeterError where it uses both."""
    snake = re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), camel)
    if snake != camel and snake in holder and camel in holder:
        raise MeterError(f"`{camel}` is given twice")
    return snake if snake in holder else camel


def _object(holder: dict[str, Any], camel: str) -> dict[str, Any]:
    value = holder.get(_spelling(holder, camel))
    if value is None or isinstance(value, dict):
        return value or {}
    raise MeterError(f"`{camel}` must be an object")


def _count(holder: dict[str, Any], camel: str, most: int) -> int | None:
    return count_of(holder, _spelling(holder, camel), most)


def _many(holder: dict[str, Any], camel: str) -> list[dict[str, Any]]:
    """A list of objects, or one object in place of the list, as the API takes it."""
    value = holder.get(_spelling(holder, camel))
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in items):
        raise MeterError(f"`{camel}` must be a list of objects")
    return items


def _parts(fields: dict[str, Any]) -> Parts:
    parts = Parts()
    if fields.get(_spelling(fields, "cachedContent")) is not None:
        parts.name("cached content")
    for tool in _many(fields, "tools"):
        for kind in tool.keys() - set(_CALLER_RUNS):
            parts.name(f"the tool {label(kind)}")
    for content in (*_many(fields, "systemInstruction"), *_many(fields, "contents")):
        for part in _many(content, "parts"):
            _see_part(part, parts)
    return parts


def _see_part(part: dict[str, Any], parts: Parts) -> None:
    for kind, value in part.items():
        if kind in _DATA_PARTS and isinstance(value, dict):
            _see_data(value, parts)
        elif kind in _RESPONSE_PARTS and isinstance(value, dict):
            for inner in _many(value, "parts"):
                _see_data(_object(inner, "inlineData") or _object(inner, "fileData"), parts)
        elif kind not in _TEXT_PARTS:
            parts.opaque(f"a part of kind {label(kind)}")


def _see_data(data: dict[str, Any], parts: Parts) -> None:
    mime = data.get(_spelling(data, "mimeType"))
    mime = mime.lower() if isinstance(mime, str) else ""
    payload = data.get("data")
    if mime.startswith("image/"):
        parts.image(payload)
    elif not mime.startswith("text/") or payload is None:
        parts.opaque(f"a file of type {label(mime.replace('/', '.'))}", payload)
