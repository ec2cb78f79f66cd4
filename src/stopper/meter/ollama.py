"""Ollama's `/api/chat` and `/api/generate`: https://docs.ollama.com/api."""

from typing import Any

import msgspec
from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.core.usage import Usage
from stopper.errors import MeterError
from stopper.meter.follow import Count, decode, inclusive
from stopper.meter.framed import FramedReply
from stopper.meter.jsonreply import JsonReply
from stopper.meter.ndjson import Line, LineSplitter
from stopper.meter.text import (
    MAX_OUTPUT,
    Parts,
    decode_body,
    encode_body,
    flag_of,
    model_of,
    objects,
)
from stopper.meter.wire import Ask, Live, Reply

__all__ = ["CHAT", "Chat"]

_NO_SUCCESS = 300

# Reasons to be done of requests that only put a model into memory, or out of it.
_IDLE = ("load", "unload")


class Chat:
    """The wire format of `POST /api/chat` and `POST /api/generate`.

    A reply is a stream unless the request says `"stream": false`.
    """

    name = "ollama.chat"
    refusal_status: int | None = None

    def ask(self, path: str, body: bytes) -> Ask:  # noqa: ARG002  the model is in the body
        """As Wire.ask."""
        fields = decode_body(body)
        parts = Parts()
        for holder in (fields, *objects(fields, "messages")):
            _see_images(holder, parts)
        json = encode_body(fields)
        return Ask(
            model=model_of(fields),
            stream=fields.get("stream") is None or flag_of(fields, "stream"),
            max_output=_limit(_options(fields)),
            text_bytes=parts.text_bytes(json),
            body=fields,
            json=json,
            media=parts.media,
        )

    def limited(self, ask: Ask, max_output: int) -> bytes:
        """As Wire.limited."""
        limit = min(max_output, ask.max_output or max_output)
        return encode_body(ask.body | {"options": _options(ask.body) | {"num_predict": limit}})

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:  # noqa: ARG002  it varies
        """As Wire.reply."""
        if status >= _NO_SUCCESS:
            return JsonReply(None, self.error)
        if ask.stream:
            return FramedReply(LineSplitter(), _Tally())
        return JsonReply(_read_json, self.error)

    def error(self, refusal: Refusal) -> bytes:
        """As Wire.error; a line of it makes the official clients raise."""
        return msgspec.json.encode({"error": refusal.sentence})


CHAT = Chat()


class _Function(Struct):
    function: msgspec.Raw = msgspec.Raw()


class _Message(Struct):
    content: str = ""
    thinking: str = ""
    tool_calls: list[_Function] | None = None


class _Said(Struct):
    model: str = ""
    message: _Message | None = None
    response: str = ""
    thinking: str = ""
    tool_calls: list[_Function] | None = None
    done: bool = False
    done_reason: str = ""
    prompt_eval_count: Count | None = None
    eval_count: Count | None = None


_SAID = msgspec.json.Decoder(_Said)


class _Tally:
    """Counts the lines of one reply; the one that is done states the usage."""

    __slots__ = ("final", "live", "model", "usage")

    def __init__(self) -> None:
        self.live = Live()
        self.usage: Usage | None = None
        self.final = False
        self.model = ""

    def see(self, line: Line) -> bytes:
        """As FramedTally.see; every line goes on as it came."""
        if line.data:
            self._count(decode(_SAID, line.data))
        return line.raw

    def cut(self, refusal: Refusal) -> bytes:
        """As FramedTally.cut."""
        return CHAT.error(refusal) + b"\n"

    def _count(self, said: _Said) -> None:
        self.model = self.model or said.model
        chars = _chars(said)
        if chars:
            self.live.deltas += 1
            self.live.chars += chars
        if said.done:
            self.usage = _usage(said)
            self.final = self.usage is not None


def _read_json(data: bytes) -> tuple[Usage | None, str]:
    said = decode(_SAID, data)
    return _usage(said), said.model


def _usage(said: _Said) -> Usage | None:
    """None where a count is missing: Ollama leaves it out for what it did not compute anew."""
    if said.done_reason in _IDLE:
        return inclusive(read=0, cached=0, written=0, output=0, reasoning=0)
    if said.prompt_eval_count is None or said.eval_count is None:
        return None
    return inclusive(
        read=said.prompt_eval_count, cached=0, written=0, output=said.eval_count, reasoning=0
    )


def _chars(said: _Said) -> int:
    message = said.message or _Message()
    calls = [*(said.tool_calls or ()), *(message.tool_calls or ())]
    texts = (said.response, said.thinking, message.content, message.thinking)
    return sum(map(len, texts)) + sum(len(bytes(call.function)) for call in calls)


def _options(fields: dict[str, Any]) -> dict[str, Any]:
    options = fields.get("options")
    if options is None or isinstance(options, dict):
        return options or {}
    raise MeterError("`options` must be an object")


def _limit(options: dict[str, Any]) -> int | None:
    """`num_predict`; 0 and below mean that there is no limit."""
    limit = options.get("num_predict")
    if limit is None:
        return None
    if type(limit) is not int or limit > MAX_OUTPUT:
        raise MeterError(f"`num_predict` must be a whole number up to {MAX_OUTPUT}")
    return limit if limit > 0 else None


def _see_images(holder: dict[str, Any], parts: Parts) -> None:
    images = holder.get("images")
    if images is None:
        return
    if not isinstance(images, list):
        raise MeterError("`images` must be a list")
    for image in images:
        parts.image(image)
