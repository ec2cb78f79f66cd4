"""Anthropic Messages, whole and streamed: https://platform.claude.com/docs/en/api/messages."""

from typing import Any

import msgspec
from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.follow import Count, decode, follow
from stopper.meter.sse import SseEvent
from stopper.meter.text import (
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

__all__ = ["MESSAGES", "Messages", "MessagesTally"]

_MIN_THINKING = 1024  # the least `budget_tokens` that the API takes; the most is `max_tokens` - 1

_ERROR_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    413: "request_too_large",
}

# Tools that the caller runs itself. All others run at the provider: what they bring back becomes
# input, and each round reads the whole conversation again. `max_uses` bounds the rounds but not
# what a round brings, so it makes no tool bounded.
_CALLER_RUNS = ("bash_", "browser_", "computer_", "memory_", "text_editor_")

# Prompts of its own that the API adds, in tokens: once for tools at all (159 to 530 by model), and
# for each tool that it defines itself (245 to 735, and up to 499 more for a computer).
_TOOLS_PROMPT = 600
_TOOL_PROMPT = 1300

# Fields that bring in what the request does not show, or further calls of a model.
_UNSHOWN = ("compaction", "container", "fallbacks", "mcp_servers")
_NEW_THREAD = {"type": "create"}

_MAX_NESTING = 4  # a document's text in a tool's result in a message is 2


class Messages:
    """The wire format of `POST /v1/messages`."""

    name = "anthropic.messages"
    refusal_status: int | None = None

    def ask(self, path: str, body: bytes) -> Ask:  # noqa: ARG002  the model is in the body
        """As Wire.ask; `max_tokens` is required."""
        fields = decode_body(body)
        limit = count_of(fields, "max_tokens", MAX_OUTPUT)
        if limit is None:
            raise MeterError("`max_tokens` is required")
        parts = _parts(fields)
        json = encode_body(fields)
        return Ask(
            model=model_of(fields),
            stream=flag_of(fields, "stream"),
            max_output=limit,
            text_bytes=parts.text_bytes(json),
            body=fields,
            json=json,
            media=parts.media,
            prompts=parts.prompts,
            unbounded=parts.unbounded,
        )

    def limited(self, ask: Ask, max_output: int) -> bytes:
        """As Wire.limited; thinking is shortened to fit, or switched off where none fits."""
        asked = ask.body["max_tokens"]
        if max_output >= asked and "fallbacks" not in ask.body:
            return ask.json
        limit = min(max_output, asked)
        body = ask.body | {"max_tokens": limit}
        if limit < asked and isinstance(body.get("thinking"), dict):
            body["thinking"] = _shorter(body["thinking"], limit)
        if isinstance(body.get("fallbacks"), list):
            body["fallbacks"] = [_capped(entry, limit) for entry in objects(body, "fallbacks")]
        return encode_body(body)

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:
        """As Wire.reply."""
        return follow(
            ask, status, content_type, tally=MessagesTally, read=_read_json, error=self.error
        )

    def error(self, refusal: Refusal) -> bytes:
        """As Wire.error; also the data of the event that cuts a stream."""
        kind = _ERROR_TYPES.get(refusal.status, "invalid_request_error")
        error = {"type": kind, "message": refusal.sentence}
        return msgspec.json.encode({"type": "error", "error": error})


MESSAGES = Messages()


class _CacheCreation(Struct, gc=False):
    ephemeral_5m_input_tokens: Count | None = None
    ephemeral_1h_input_tokens: Count | None = None


class _OutputDetails(Struct, gc=False):
    thinking_tokens: Count | None = None


class _Iteration(Struct, gc=False):
    type: str = ""
    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: _CacheCreation | None = None


class _Stated(Struct):
    """A usage object; each field that is given replaces what earlier ones said."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: _CacheCreation | None = None
    output_tokens_details: _OutputDetails | None = None
    iterations: list[_Iteration] | None = None


class _Block(Struct, gc=False):
    text: str | None = None
    thinking: str | None = None
    data: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Delta(Struct, gc=False):
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    content: str | None = None


class _Message(Struct):
    model: str | None = None
    usage: _Stated | None = None


class _Event(Struct):
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: _Stated | None = None


_EVENT = msgspec.json.Decoder(_Event)
_MESSAGE = msgspec.json.Decoder(_Message)


class MessagesTally:
    """Counts one stream of Messages events; Bedrock carries the same ones in frames of its own."""

    __slots__ = ("_stated", "final", "live", "model", "usage")

    def __init__(self) -> None:
        self.live = Live()
        self.usage: Usage | None = None
        self.final = False
        self.model = ""
        self._stated = _Stated()

    def see(self, event: SseEvent) -> bytes:
        """As Tally.see; every event goes on as it came."""
        self.count(event.data)
        return event.raw

    def count(self, data: bytes) -> None:
        """Count one event by the fields of its JSON; names and types do not matter."""
        event = decode(_EVENT, data)
        if event.usage is not None:
            self._last(event.usage)
        elif event.delta is not None:
            self._generated(_delta_chars(event.delta))
        elif event.content_block is not None:
            self._generated(_block_chars(event.content_block))
        elif event.message is not None:
            self._first(event.message)

    def cut(self, refusal: Refusal) -> bytes:
        """As Tally.cut."""
        return b"event: error\ndata: " + MESSAGES.error(refusal) + b"\n\n"

    def _generated(self, chars: int) -> None:
        if chars:
            self.live.deltas += 1
            self.live.chars += chars

    def _first(self, message: _Message) -> None:
        """The start of a message; its `output_tokens` only holds a place."""
        self.model = self.model or message.model or ""
        if message.usage is not None:
            self._merge(message.usage)
            if None not in (self._stated.input_tokens, self._stated.output_tokens):
                self.usage = _usage(self._stated)

    def _last(self, stated: _Stated) -> None:
        """The end of a message: figures for all of it, which may correct those of its start."""
        if stated.output_tokens is None:
            raise MeterError("the provider ends a message without output_tokens")
        self._merge(stated)
        self.usage = _usage(self._stated)
        self.final = True

    def _merge(self, stated: _Stated) -> None:
        for field in stated.__struct_fields__:
            value = getattr(stated, field)
            if value is not None:
                setattr(self._stated, field, value)


def _read_json(data: bytes) -> tuple[Usage | None, str]:
    message = decode(_MESSAGE, data)
    return (_usage(message.usage) if message.usage else None), message.model or ""


def _usage(stated: _Stated) -> Usage:
    if stated.input_tokens is None or stated.output_tokens is None:
        raise MeterError("the provider states usage without input_tokens or output_tokens")
    written, written_1h = _written(stated)
    thinking = stated.output_tokens_details and stated.output_tokens_details.thinking_tokens
    usage = Usage(
        input=stated.input_tokens,
        output=stated.output_tokens,
        cache_write=written,
        cache_read=stated.cache_read_input_tokens or 0,
        reasoning=min(thinking or 0, stated.output_tokens),
        cache_write_1h=written_1h,
        quality=Quality.MEASURED,
    )
    for iteration in stated.iterations or ():
        # The top-level figures leave out compaction and advisors; a new kind might be left out too.
        if iteration.type not in ("message", "fallback_message"):
            usage = _plus(usage, iteration)
    return usage


def _written(stated: _Stated | _Iteration) -> tuple[int, int]:
    """Tokens written to the cache, and the one-hour share of them."""
    split = stated.cache_creation or _CacheCreation()
    hour = split.ephemeral_1h_input_tokens or 0
    written = stated.cache_creation_input_tokens
    if written is None:
        written = (split.ephemeral_5m_input_tokens or 0) + hour
    return written, min(hour, written)


def _plus(usage: Usage, iteration: _Iteration) -> Usage:
    written, written_1h = _written(iteration)
    return msgspec.structs.replace(
        usage,
        input=usage.input + iteration.input_tokens,
        output=usage.output + iteration.output_tokens,
        cache_write=usage.cache_write + written,
        cache_read=usage.cache_read + (iteration.cache_read_input_tokens or 0),
        cache_write_1h=usage.cache_write_1h + written_1h,
    )


def _delta_chars(delta: _Delta) -> int:
    text = delta.text or delta.partial_json or delta.thinking or delta.content
    return len(text) if text else 0


def _block_chars(block: _Block) -> int:
    """What a block starts with: hidden thinking, or all of it where it comes whole.

    A tool's name and a signature are no tokens of their own: this must never count too many.

    A block's `content` is what a tool of the provider brought, which is input.
    """
    given = len(bytes(block.input))
    given = given if given > len("{}") else 0
    said = (block.text, block.thinking, block.data)
    return given + sum(len(text) for text in said if text)


def _parts(fields: dict[str, Any]) -> Parts:
    parts = Parts()
    for key in _UNSHOWN:
        if fields.get(key):
            parts.name(key)
    if (fields.get("thread") or _NEW_THREAD) != _NEW_THREAD:
        parts.name("thread")
    for tool in objects(fields, "tools"):
        _see_tool(tool, parts)
    for edit in objects(_object(fields, "context_management"), "edits"):
        if not kind_of(edit).startswith("clear_"):
            parts.name("context_management")
    for message in objects(fields, "messages"):
        _see_blocks(objects(message, "content", str), parts)
    return parts


def _see_tool(tool: dict[str, Any], parts: Parts) -> None:
    parts.prompts = max(parts.prompts, _TOOLS_PROMPT)
    kind = kind_of(tool)
    if kind.startswith(_CALLER_RUNS) and "toolset" not in kind:
        parts.prompts += _TOOL_PROMPT
    elif kind not in ("", "custom"):
        parts.name(f"the tool {label(kind)}")


def _see_blocks(blocks: list[dict[str, Any]], parts: Parts, depth: int = 0) -> None:
    """Go only where the API reads blocks: an image inside a tool's input is text to it."""
    if depth > _MAX_NESTING:
        raise MeterError(f"content is nested deeper than {_MAX_NESTING} blocks")
    for block in blocks:
        kind = kind_of(block)
        if kind == "image":
            parts.image(_base64(block))
        elif kind == "document":
            _see_document(block, parts, depth)
        elif kind == "tool_result":
            _see_blocks(objects(block, "content", str), parts, depth + 1)
        elif kind == "container_upload":
            parts.opaque("a container_upload block")
        elif kind == "tool_addition":
            added = _object(block, "tool")
            _see_tool(_object(added, "definition") or added, parts)


def _see_document(block: dict[str, Any], parts: Parts, depth: int) -> None:
    source = _object(block, "source")
    kind = kind_of(source)
    if kind == "content":
        _see_blocks(objects(source, "content", str), parts, depth + 1)
    elif kind != "text":
        parts.opaque(f"a document by {label(kind)}", _base64(block))


def _base64(block: dict[str, Any]) -> object:
    source = _object(block, "source")
    return source.get("data") if kind_of(source) == "base64" else None


def _object(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    if value is None or isinstance(value, dict):
        return value or {}
    raise MeterError(f"`{key}` must be an object")


def _shorter(thinking: dict[str, Any], limit: int) -> dict[str, Any]:
    budget = thinking.get("budget_tokens")
    if type(budget) is not int or budget < limit:
        return thinking
    if limit <= _MIN_THINKING:
        return {"type": "disabled"}
    return thinking | {"budget_tokens": limit - 1}


def _capped(entry: dict[str, Any], limit: int) -> dict[str, Any]:
    """A fallback model's own limit may not be higher than the request's."""
    own = count_of(entry, "max_tokens", MAX_OUTPUT)
    return entry if own is None else entry | {"max_tokens": min(own, limit)}
