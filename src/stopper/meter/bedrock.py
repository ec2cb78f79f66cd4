"""Amazon Bedrock's Converse, whole and streamed, and what it shares with InvokeModel.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

import re
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.anthropic import MESSAGES
from stopper.meter.eventstream import Frame, FrameSplitter, encode_frame
from stopper.meter.follow import Count, decode
from stopper.meter.framed import FramedReply
from stopper.meter.jsonreply import JsonReply
from stopper.meter.text import (
    MAX_MODEL_CHARS,
    MAX_OUTPUT,
    Parts,
    count_of,
    decode_body,
    encode_body,
    label,
    objects,
)
from stopper.meter.wire import Ask, Live, Reply

__all__ = [
    "CONVERSE",
    "NO_SUCCESS",
    "Converse",
    "Stated",
    "error_of",
    "exception_of",
    "is_event",
    "model_in",
    "object_in",
    "see_content",
    "see_tools",
    "usage_of",
]

NO_SUCCESS = 300

_PATH = re.compile(r"(?:.*/)?model/([^/?]+)/(?:converse|invoke)(-stream|-with-response-stream)?")
_NAMED_BY_ARN = re.compile(r"arn:[^/]*:(?:foundation-model|inference-profile)/(.+)")

_ERROR_TYPES = {
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    413: "RequestTooLargeException",
}

# What models may be given besides the common fields without changing what a reply may cost.
_HARMLESS = ("anthropic_beta", "output_config", "reasoningConfig", "top_k", "topK")
_THINKING = ("thinking", "reasoning_config")

_TEXT_BLOCKS = (
    "cachePoint",
    "citationsContent",
    "json",
    "reasoningContent",
    "searchResult",
    "text",
    "toolRemoval",
    "toolUse",
)
_TOOLS = ("cachePoint", "toolSpec")
_TOOLS_PROMPT = 600  # Anthropic's models are told how to use tools in at most 530 tokens

_HOUR = "1h"
_MAX_NESTING = 4


class Converse:
    """The wire format of `POST /model/MODEL/converse` and `/converse-stream`."""

    name = "bedrock.converse"
    refusal_status: int | None = None

    def ask(self, path: str, body: bytes) -> Ask:
        """As Wire.ask; the model and whether to stream are in the path."""
        model, stream = model_in(path)
        fields = decode_body(body)
        parts = _parts(fields)
        if ":prompt/" in model:
            parts.name("a stored prompt")
        json = encode_body(fields)
        return Ask(
            model=model,
            stream=stream,
            max_output=count_of(object_in(fields, "inferenceConfig"), "maxTokens", MAX_OUTPUT),
            text_bytes=parts.text_bytes(json),
            body=fields,
            json=json,
            media=parts.media,
            prompts=parts.prompts,
            unbounded=parts.unbounded,
        )

    def limited(self, ask: Ask, max_output: int) -> bytes:
        """As Wire.limited; thinking is shortened to fit, or switched off where none fits."""
        limit = min(max_output, ask.max_output or max_output)
        config = object_in(ask.body, "inferenceConfig") | {"maxTokens": limit}
        body = ask.body | {"inferenceConfig": config}
        extra = object_in(ask.body, "additionalModelRequestFields")
        thinking = {key: _shorter(extra[key], limit) for key in _THINKING if key in extra}
        if thinking:
            body["additionalModelRequestFields"] = extra | thinking
        return encode_body(body)

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:
        """As Wire.reply."""
        if status >= NO_SUCCESS:
            return JsonReply(None, self.error)
        kind = content_type.lower()
        if "eventstream" in kind or (ask.stream and "json" not in kind):
            return FramedReply(FrameSplitter(), _Tally())
        return JsonReply(_read_json, self.error)

    def error(self, refusal: Refusal) -> bytes:
        """As Wire.error."""
        return error_of(refusal)


CONVERSE = Converse()


class _CacheDetail(Struct, gc=False):
    ttl: str = ""
    inputTokens: Count = 0  # noqa: N815  as Amazon spells it


class Stated(Struct):
    """Usage as Converse and Amazon's own models state it; the input excludes what was cached."""

    inputTokens: Count  # noqa: N815  as Amazon spells it
    outputTokens: Count  # noqa: N815
    cacheReadInputTokens: Count | None = None  # noqa: N815
    cacheReadInputTokenCount: Count | None = None  # noqa: N815  Nova's own name
    cacheWriteInputTokens: Count | None = None  # noqa: N815
    cacheWriteInputTokenCount: Count | None = None  # noqa: N815
    cacheDetails: list[_CacheDetail] | None = None  # noqa: N815


class _Reasoning(Struct, gc=False):
    text: str | None = None
    redacted: str | None = msgspec.field(name="redactedContent", default=None)


class _ToolUse(Struct, gc=False):
    name: str | None = None
    input: str | None = None


class _Delta(Struct, gc=False):
    text: str | None = None
    tool: _ToolUse | None = msgspec.field(name="toolUse", default=None)
    reasoning: _Reasoning | None = msgspec.field(name="reasoningContent", default=None)


class _Event(Struct):
    start: _Delta | None = None
    delta: _Delta | None = None
    usage: Stated | None = None


class _Whole(Struct):
    usage: Stated | None = None


_EVENT = msgspec.json.Decoder(_Event)
_WHOLE = msgspec.json.Decoder(_Whole)


class _Tally:
    """Counts one stream of Converse events; usage comes once, after the message."""

    __slots__ = ("final", "live", "model", "usage")

    def __init__(self) -> None:
        self.live = Live()
        self.usage: Usage | None = None
        self.final = False
        self.model = ""

    def see(self, frame: Frame) -> bytes:
        """As FramedTally.see; every frame goes on as it came."""
        if is_event(frame):
            self._count(decode(_EVENT, frame.payload))
        return frame.raw

    def cut(self, refusal: Refusal) -> bytes:
        """As FramedTally.cut."""
        return exception_of(refusal)

    def _count(self, event: _Event) -> None:
        if event.start is not None and event.start.tool is not None:
            self.live.chars += len(event.start.tool.name or "")
        chars = _chars(event.delta) if event.delta is not None else 0
        if chars:
            self.live.deltas += 1
            self.live.chars += chars
        if event.usage is not None:
            self.usage = usage_of(event.usage)
            self.final = True


def is_event(frame: Frame) -> bool:
    """Whether a frame carries an event; all others carry an exception or an error."""
    return frame.headers.get(":message-type", "event") == "event"


def error_of(refusal: Refusal) -> bytes:
    """A refusal as the JSON body of an error; its kind is in the body, for want of a header."""
    kind = _ERROR_TYPES.get(refusal.status, "ValidationException")
    return msgspec.json.encode({"__type": kind, "message": refusal.sentence})


def exception_of(refusal: Refusal) -> bytes:
    """A refusal as a frame: of the exceptions that a stream may have, one that is not retried."""
    headers = {
        ":exception-type": "validationException",
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return encode_frame(headers, msgspec.json.encode({"message": refusal.sentence}))


def usage_of(stated: Stated) -> Usage:
    """Usage as it is stated; the four kinds are disjoint already."""
    read = stated.cacheReadInputTokens or stated.cacheReadInputTokenCount or 0
    written = stated.cacheWriteInputTokens or stated.cacheWriteInputTokenCount or 0
    hour = sum(detail.inputTokens for detail in stated.cacheDetails or () if detail.ttl == _HOUR)
    return Usage(
        input=stated.inputTokens,
        output=stated.outputTokens,
        cache_write=written,
        cache_read=read,
        cache_write_1h=min(hour, written),
        quality=Quality.MEASURED,
    )


def model_in(path: str) -> tuple[str, bool]:
    """The model of a path, without the ARN around its name, and whether a stream is asked for."""
    match = _PATH.fullmatch(path.partition("?")[0])
    if match is None:
        raise MeterError("the path names no model and operation")
    model = unquote(match[1])
    named = _NAMED_BY_ARN.fullmatch(model)
    model = named[1] if named else model
    if not 0 < len(model) <= MAX_MODEL_CHARS:
        raise MeterError(f"the model must have 1 to {MAX_MODEL_CHARS} characters")
    return model, match[2] is not None


def object_in(holder: dict[str, Any], key: str) -> dict[str, Any]:
    """An optional object, empty where absent or null."""
    value = holder.get(key)
    if value is None or isinstance(value, dict):
        return value or {}
    raise MeterError(f"`{key}` must be an object")


def see_content(blocks: list[dict[str, Any]], parts: Parts, depth: int = 0) -> None:
    """Gather what is not text from content blocks as Converse and Amazon's models have them."""
    if depth > _MAX_NESTING:
        raise MeterError(f"content is nested deeper than {_MAX_NESTING} blocks")
    for block in blocks:
        for kind in block:
            if kind == "image":
                parts.image(_payload(object_in(block, kind)))
            elif kind == "toolResult":
                see_content(objects(object_in(block, kind), "content"), parts, depth + 1)
            elif kind == "guardContent":
                see_content([object_in(block, kind)], parts, depth + 1)
            elif kind == "document":
                _see_document(object_in(block, kind), parts)
            elif kind not in _TEXT_BLOCKS:
                parts.opaque(f"a block of kind {label(kind)}")


def see_tools(config: dict[str, Any], parts: Parts) -> None:
    """Gather what tools bring with them; those that Amazon runs have no bound."""
    tools = objects(config, "tools")
    parts.prompts += _TOOLS_PROMPT if tools else 0
    for tool in tools:
        for kind in tool.keys() - set(_TOOLS):
            parts.name(f"the tool {label(kind)}")


def _read_json(data: bytes) -> tuple[Usage | None, str]:
    stated = decode(_WHOLE, data).usage
    return (usage_of(stated) if stated else None), ""


def _chars(delta: _Delta) -> int:
    """The size of what was generated; a signature of thoughts is none of it."""
    chars = len(delta.text or "")
    if delta.tool is not None:
        chars += len(delta.tool.input or "")
    if delta.reasoning is not None:
        chars += len(delta.reasoning.text or delta.reasoning.redacted or "")
    return chars


def _parts(fields: dict[str, Any]) -> Parts:
    parts = Parts()
    see_tools(object_in(fields, "toolConfig"), parts)
    see_content(objects(fields, "system"), parts)
    for message in objects(fields, "messages"):
        see_content(objects(message, "content"), parts)
    if fields.get("guardrailConfig") is not None:
        parts.name("a guardrail")
    if object_in(fields, "performanceConfig").get("latency") not in (None, "standard"):
        parts.name("optimized latency")
    if object_in(fields, "serviceTier").get("type") not in (None, "default", "flex"):
        parts.name("a dearer service tier")
    for key in object_in(fields, "additionalModelRequestFields").keys() - {*_HARMLESS, *_THINKING}:
        parts.name(f"the additional field {label(key)}")
    return parts


def _see_document(document: dict[str, Any], parts: Parts) -> None:
    source = object_in(document, "source")
    if "text" not in source and "content" not in source:
        parts.opaque("a document", source.get("bytes"))


def _payload(image: dict[str, Any]) -> object:
    return object_in(image, "source").get("bytes")


def _shorter(thinking: Any, limit: int) -> Any:
    """Thinking as Anthropic's own format shortens it."""
    body = {"max_tokens": MAX_OUTPUT, "thinking": thinking}
    json = encode_body(body)
    ask = Ask("", stream=False, max_output=MAX_OUTPUT, text_bytes=0, body=body, json=json)
    return decode_body(MESSAGES.limited(ask, limit))["thinking"]
