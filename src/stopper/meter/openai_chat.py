"""OpenAI Chat Completions, whole and streamed, as OpenAI and the vendors that copy it speak it.

https://platform.openai.com/docs/api-reference/chat
"""

import re
from decimal import ROUND_CEILING, Decimal
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.core.usage import Usage
from stopper.errors import MeterError
from stopper.meter.follow import Count, decode, follow, inclusive
from stopper.meter.sse import SseEvent
from stopper.meter.text import (
    MAX_CHOICES,
    MAX_OUTPUT,
    Parts,
    count_of,
    decode_body,
    encode_body,
    flag_of,
    kind_of,
    label,
    model_of,
    objects,
)
from stopper.meter.wire import Ask, Live, Reply

__all__ = ["CHAT", "CHAT_XAI", "Chat", "error_of", "see_image"]

_ERROR_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
}

_LIMITS = ("max_completion_tokens", "max_tokens")

# Fields of OpenAI, xAI and OpenRouter that bring in what the request does not show, let another
# model answer, or, for `prediction`, that do not work together with a limit.
_UNSHOWN = (
    "deferred",
    "models",
    "plugins",
    "prediction",
    "search_parameters",
    "web_search_options",
)
_TEXT_PARTS = ("refusal", "text", "thinking")
_FILE_PARTS = {"file": "file_data", "input_audio": "data"}
_CALLER_RUNS = ("custom", "function")
_DEPLOYED = re.compile(r"/deployments/([^/?]+)/")
_DONE = b"[DONE]"
_MICROS = 10**6
_MAX_DOLLARS = 10**6


class Chat:
    """The wire format of `POST /v1/chat/completions`.

    With `reasoning_extra` the provider counts reasoning besides the completion, not in it.
    """

    refusal_status: int | None = None

    def __init__(self, name: str = "openai.chat", *, reasoning_extra: bool = False) -> None:
        self.name = name
        self._reasoning_extra = reasoning_extra

    def ask(self, path: str, body: bytes) -> Ask:
        """As Wire.ask; a deployment in the path, as Azure has it, is the model that will answer."""
        fields = decode_body(body)
        limits = [count_of(fields, key, MAX_OUTPUT) for key in _LIMITS]
        stream = flag_of(fields, "stream")
        deployed = _DEPLOYED.search(path)
        parts = _parts(fields)
        json = encode_body(fields)
        return Ask(
            model=model_of({"model": unquote(deployed[1])} if deployed else fields),
            stream=stream,
            max_output=limits[0] or limits[1],
            text_bytes=parts.text_bytes(json),
            body=fields,
            json=json,
            choices=count_of(fields, "n", MAX_CHOICES) or 1,
            media=parts.media,
            wants_usage=not stream or flag_of(_stream_options(fields), "include_usage"),
            unbounded=parts.unbounded,
        )

    def limited(self, ask: Ask, max_output: int) -> bytes:
        """As Wire.limited; the limit stays under the name that the caller used."""
        body = dict(ask.body)
        used = [key for key in _LIMITS if body.get(key) is not None] or _LIMITS[:1]
        for key in used:
            body[key] = min(max_output, body.get(key) or max_output)
        if ask.stream:
            body["stream_options"] = _stream_options(body) | {"include_usage": True}
        return encode_body(body)

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:
        """As Wire.reply."""
        return follow(
            ask,
            status,
            content_type,
            tally=lambda: _ChatTally(ask, reasoning_extra=self._reasoning_extra),
            read=self._read_json,
            error=error_of,
        )

    def error(self, refusal: Refusal) -> bytes:
        """As Wire.error."""
        return error_of(refusal)

    def _read_json(self, data: bytes) -> tuple[Usage | None, str]:
        chunk = decode(_CHUNK, data)
        return _usage(chunk, extra=self._reasoning_extra), chunk.model or ""


CHAT = Chat()
CHAT_XAI = Chat("openai.chat.xai", reasoning_extra=True)


def error_of(refusal: Refusal) -> bytes:
    """A refusal in the shape of all of OpenAI's errors."""
    error = {
        "message": refusal.sentence,
        "type": _ERROR_TYPES.get(refusal.status, "invalid_request_error"),
        "param": None,
        "code": refusal.code,
    }
    return msgspec.json.encode({"error": error})


def see_image(url: object, parts: Parts) -> None:
    """An image by URL; only a data URL that says it is an image holds payload and no text."""
    inline = isinstance(url, str) and url.startswith("data:image/")
    parts.image(url if inline else None)


class _PromptDetails(Struct, gc=False):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _CompletionDetails(Struct, gc=False):
    reasoning_tokens: Count | None = None


class _Stated(Struct):
    prompt_tokens: Count
    completion_tokens: Count
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: Count | None = None
    cost: Any = None


class _XGroq(Struct):
    usage: _Stated | None = None


class _Function(Struct, gc=False):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _ToolCall(Struct, gc=False):
    function: _Function | None = None
    custom: _Function | None = None


class _Audio(Struct, gc=False):
    transcript: str | None = None


class _Delta(Struct):
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    audio: _Audio | None = None


class _Choice(Struct):
    index: int | None = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(Struct):
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Stated | None = None
    x_groq: _XGroq | None = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class _ChatTally:
    """Counts one stream of chunks; the last usage that was stated counts, nothing is summed."""

    __slots__ = ("_choices", "_extra", "_finished", "_strip", "final", "live", "model", "usage")

    def __init__(self, ask: Ask, *, reasoning_extra: bool) -> None:
        self.live = Live()
        self.usage: Usage | None = None
        self.final = False
        self.model = ""
        self._extra = reasoning_extra
        self._strip = not ask.wants_usage
        self._choices = ask.choices
        self._finished: set[int | None] = set()

    def see(self, event: SseEvent) -> bytes:
        """As Tally.see; holds back the usage chunk that the caller did not ask for."""
        if event.data.startswith(_DONE):
            self.final = self.usage is not None
            return event.raw
        chunk = decode(_CHUNK, event.data)
        if chunk.model and not self.model:
            self.model = chunk.model
        for choice in chunk.choices or ():
            self._see_choice(choice)
        usage = _usage(chunk, extra=self._extra)
        if usage is not None:
            self.usage = usage
            # Some vendors state usage with every chunk: what comes before the last choice ends is
            # not final.
            self.final = not chunk.choices or len(self._finished) >= self._choices
        if self._strip and chunk.usage and not chunk.choices and chunk.error is None:
            return b""
        return event.raw

    def cut(self, refusal: Refusal) -> bytes:
        """As Tally.cut; no `[DONE]`, for what was cut is not done."""
        return b"data: " + error_of(refusal) + b"\n\n"

    def _see_choice(self, choice: _Choice) -> None:
        if choice.finish_reason is not None and len(self._finished) < self._choices:
            self._finished.add(choice.index)
        chars = _chars(choice.delta) if choice.delta is not None else 0
        if chars:
            self.live.deltas += 1
            self.live.chars += chars
            self.final = False


def _usage(chunk: _Chunk, *, extra: bool) -> Usage | None:
    stated = chunk.usage or (chunk.x_groq and chunk.x_groq.usage)
    if not stated:
        return None
    prompt = stated.prompt_tokens_details or _PromptDetails()
    completion = stated.completion_tokens_details or _CompletionDetails()
    cached = prompt.cached_tokens
    reasoning = completion.reasoning_tokens or 0
    return inclusive(
        read=stated.prompt_tokens,
        cached=(stated.prompt_cache_hit_tokens or 0) if cached is None else cached,
        written=prompt.cache_write_tokens or 0,
        output=stated.completion_tokens + (reasoning if extra else 0),
        reasoning=reasoning,
        cost=_micros(stated.cost),
    )


def _micros(cost: object) -> int | None:
    """A stated cost in dollars; only one above zero is believed, because 0 may mean unknown."""
    if isinstance(cost, bool) or not isinstance(cost, int | float) or cost <= 0:
        return None
    if cost > _MAX_DOLLARS:
        raise MeterError("the provider states an absurd cost")
    return int((Decimal(str(cost)) * _MICROS).to_integral_value(ROUND_CEILING))


def _chars(delta: _Delta) -> int:
    content = delta.content or ""
    # Mistral's reasoning models send a list of parts, which counts by the size of its JSON.
    chars = len(content if isinstance(content, str) else msgspec.json.encode(content))
    # Some vendors give the same reasoning under both names.
    chars += len(delta.reasoning_content or delta.reasoning or "")
    if delta.refusal:
        chars += len(delta.refusal)
    if delta.audio is not None:
        chars += len(delta.audio.transcript or "")
    if delta.function_call is not None:
        chars += _call_chars(delta.function_call)
    for call in delta.tool_calls or ():
        chars += _call_chars(call.function or call.custom)
    return chars


def _call_chars(call: _Function | None) -> int:
    if call is None:
        return 0
    return len(call.name or "") + len(call.arguments or "") + len(call.input or "")


def _parts(fields: dict[str, Any]) -> Parts:
    parts = Parts()
    for key in _UNSHOWN:
        if fields.get(key) not in (None, False, []):
            parts.name(key)
    for tool in objects(fields, "tools"):
        if kind_of(tool) not in _CALLER_RUNS:
            parts.name(f"the tool {label(kind_of(tool))}")
    for message in objects(fields, "messages"):
        if message.get("audio") is not None:
            parts.name("a stored audio reply")
        _see_content(objects(message, "content", str), parts)
    return parts


def _see_content(content: list[dict[str, Any]], parts: Parts) -> None:
    for part in content:
        kind = kind_of(part)
        if kind == "image_url":
            image = part.get("image_url")
            see_image(image.get("url") if isinstance(image, dict) else image, parts)
        elif kind not in _TEXT_PARTS:
            held = part.get(kind) if kind in _FILE_PARTS else None
            payload = held.get(_FILE_PARTS[kind]) if isinstance(held, dict) else None
            parts.opaque(f"a part of type {label(kind)}", payload)


def _stream_options(body: dict[str, Any]) -> dict[str, Any]:
    options = body.get("stream_options")
    if options is None or isinstance(options, dict):
        return options or {}
    raise MeterError("`stream_options` must be an object")
