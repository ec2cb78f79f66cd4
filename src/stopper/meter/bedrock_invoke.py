"""Amazon Bedrock's InvokeModel, whole and streamed: each maker's models have their own bodies.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

import re
from base64 import b64decode
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.anthropic import MESSAGES, MessagesTally
from stopper.meter.bedrock import (
    NO_SUCCESS,
    Stated,
    error_of,
    exception_of,
    is_event,
    model_in,
    object_in,
    see_content,
    see_tools,
    usage_of,
)
from stopper.meter.eventstream import Frame, FrameSplitter
from stopper.meter.follow import Count, decode
from stopper.meter.framed import FramedReply
from stopper.meter.jsonreply import JsonReply
from stopper.meter.text import (
    MAX_CHOICES,
    MAX_OUTPUT,
    Parts,
    count_of,
    decode_body,
    encode_body,
    objects,
)
from stopper.meter.wire import Ask, Live, Reply

__all__ = ["INVOKE", "Invoke"]

_AREA = r"(?:(?:us|us-gov|eu|apac|ap|jp|au|ca|sa|me|af|il|mx|global)\.)?"
_ANTHROPIC = re.compile(_AREA + r"anthropic\..+")


class _Family(Struct, frozen=True):
    """Models whose bodies have their limit under one of `limits`, in the object `holder`."""

    models: re.Pattern[str]
    limits: tuple[str, ...]
    holder: str = ""


_FAMILIES = (
    _Family(
        re.compile(_AREA + r"amazon\.nova-(?:2-)?(?:micro|lite|pro|premier)-.+"),
        ("maxTokens", "max_new_tokens"),
        "inferenceConfig",
    ),
    _Family(
        re.compile(_AREA + r"amazon\.titan-text-.+"), ("maxTokenCount",), "textGenerationConfig"
    ),
    _Family(re.compile(_AREA + r"meta\.llama.+"), ("max_gen_len",)),
    _Family(re.compile(_AREA + r"mistral\..+"), ("max_tokens",)),
    _Family(re.compile(_AREA + r"cohere\.command-.+"), ("max_tokens",)),
)

_METRICS = "amazon-bedrock-invocationMetrics"


class Invoke:
    """The wire format of `POST /model/MODEL/invoke` and `/invoke-with-response-stream`.

    A model whose body is not known is refused; Converse has one body for all of them.
    """

    name = "bedrock.invoke"
    refusal_status: int | None = None

    def ask(self, path: str, body: bytes) -> Ask:
        """As Wire.ask; the model and whether to stream are in the path."""
        model, stream = model_in(path)
        fields = decode_body(body)
        if _ANTHROPIC.fullmatch(model):
            return _ask_anthropic(model, fields, stream=stream)
        family = _family(model)
        parts = _parts(fields)
        holder = object_in(fields, family.holder) if family.holder else fields
        limits = [count_of(holder, key, MAX_OUTPUT) for key in family.limits]
        json = encode_body(fields)
        return Ask(
            model=model,
            stream=stream,
            max_output=next((limit for limit in limits if limit), None),
            text_bytes=parts.text_bytes(json),
            body=fields,
            json=json,
            choices=count_of(fields, "num_generations", MAX_CHOICES) or 1,
            media=parts.media,
            prompts=parts.prompts,
            unbounded=parts.unbounded,
        )

    def limited(self, ask: Ask, max_output: int) -> bytes:
        """As Wire.limited; the limit stays under the name that the caller used."""
        if _ANTHROPIC.fullmatch(ask.model):
            return MESSAGES.limited(ask, max_output)
        family = _family(ask.model)
        holder = object_in(ask.body, family.holder) if family.holder else ask.body
        used = [key for key in family.limits if holder.get(key) is not None] or family.limits[:1]
        limited = holder | {key: min(max_output, holder.get(key) or max_output) for key in used}
        return encode_body(ask.body | {family.holder: limited} if family.holder else limited)

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:
        """As Wire.reply; Mistral's and Cohere's replies in one piece state no usage."""
        if status >= NO_SUCCESS:
            return JsonReply(None, self.error)
        native = bool(_ANTHROPIC.fullmatch(ask.model))
        kind = content_type.lower()
        if "eventstream" in kind or (ask.stream and "json" not in kind):
            return FramedReply(FrameSplitter(), _Tally(MessagesTally() if native else _Native()))
        return JsonReply(_read_anthropic if native else _read_json, self.error)

    def error(self, refusal: Refusal) -> bytes:
        """As Wire.error."""
        return error_of(refusal)


INVOKE = Invoke()


class _Part(Struct):
    data: str = msgspec.field(name="bytes")


class _Metrics(Struct, gc=False):
    inputTokenCount: Count  # noqa: N815  as Amazon spells it
    outputTokenCount: Count  # noqa: N815
    cacheReadInputTokenCount: Count | None = None  # noqa: N815
    cacheWriteInputTokenCount: Count | None = None  # noqa: N815


class _Last(Struct):
    metrics: _Metrics | None = msgspec.field(name=_METRICS, default=None)


class _Text(Struct, gc=False):
    text: str | None = None


class _Delta(Struct):
    delta: _Text | None = None


class _Result(Struct, gc=False):
    tokens: Count = msgspec.field(name="tokenCount", default=0)


class _Metadata(Struct):
    usage: Stated | None = None


class _Body(Struct):
    """A reply, or an event of one, of any maker but Anthropic."""

    generation: str | None = None
    text: str | None = None
    titan: str | None = msgspec.field(name="outputText", default=None)
    outputs: list[_Text] | None = None
    delta: _Delta | None = msgspec.field(name="contentBlockDelta", default=None)
    metadata: _Metadata | None = None
    usage: Stated | None = None
    prompt_token_count: Count | None = None
    generation_token_count: Count | None = None
    titan_input: Count | None = msgspec.field(name="inputTextTokenCount", default=None)
    results: list[_Result] | None = None


_PART = msgspec.json.Decoder(_Part)
_LAST = msgspec.json.Decoder(_Last)
_BODY = msgspec.json.Decoder(_Body)


class _Counter(Protocol):
    """What is made of a model's own events."""

    live: Live
    usage: Usage | None
    final: bool
    model: str

    def count(self, data: bytes) -> None: ...


class _Native:
    """Counts a stream of events of any maker but Anthropic."""

    __slots__ = ("final", "live", "model", "usage")

    def __init__(self) -> None:
        self.live = Live()
        self.usage: Usage | None = None
        self.final = False
        self.model = ""

    def count(self, data: bytes) -> None:
        """Count the text of one event; what it has in usage is stated again by the metrics."""
        chars = _chars(decode(_BODY, data))
        if chars:
            self.live.deltas += 1
            self.live.chars += chars


class _Tally:
    """Counts one stream of chunks: a model's own events, and Bedrock's metrics in the last one.

    The metrics win, for they are what is billed; what they do not split stays from the events.
    """

    __slots__ = ("_counter", "_measured", "live")

    def __init__(self, counter: _Counter) -> None:
        self._counter = counter
        self._measured: Usage | None = None
        self.live = counter.live

    def see(self, frame: Frame) -> bytes:
        """As FramedTally.see; every frame goes on as it came."""
        if is_event(frame) and frame.headers.get(":event-type") == "chunk":
            self._count(_unpacked(frame.payload))
        return frame.raw

    def cut(self, refusal: Refusal) -> bytes:
        """As FramedTally.cut."""
        return exception_of(refusal)

    @property
    def usage(self) -> Usage | None:
        """The metrics, or what the model's own events have said until they come."""
        return self._measured or self._counter.usage

    @property
    def final(self) -> bool:
        """Whether either has said its last word."""
        return self._measured is not None or self._counter.final

    @property
    def model(self) -> str:
        """As the model's own events say."""
        return self._counter.model

    def _count(self, data: bytes) -> None:
        self._counter.count(data)
        if _METRICS.encode() not in data:
            return
        metrics = decode(_LAST, data).metrics
        if metrics is not None:
            self._measured = _measured(metrics, self._counter.usage or Usage())


def _measured(metrics: _Metrics, native: Usage) -> Usage:
    written = metrics.cacheWriteInputTokenCount or 0
    return Usage(
        input=metrics.inputTokenCount,
        output=metrics.outputTokenCount,
        cache_write=written,
        cache_read=metrics.cacheReadInputTokenCount or 0,
        reasoning=min(native.reasoning, metrics.outputTokenCount),
        cache_write_1h=min(native.cache_write_1h, written),
        quality=Quality.MEASURED,
    )


def _unpacked(payload: bytes) -> bytes:
    try:
        return b64decode(decode(_PART, payload).data, validate=True)
    except ValueError:
        raise MeterError("a chunk of the stream is no base64") from None


def _read_anthropic(data: bytes) -> tuple[Usage | None, str]:
    tally = MessagesTally()
    tally.count(data)
    return tally.usage, ""


def _read_json(data: bytes) -> tuple[Usage | None, str]:
    return _usage(decode(_BODY, data)), ""


def _usage(body: _Body) -> Usage | None:
    if body.usage is not None:
        return usage_of(body.usage)
    read, output = body.prompt_token_count, body.generation_token_count
    if body.titan_input is not None:
        read, output = body.titan_input, sum(result.tokens for result in body.results or ())
    if read is None or output is None:
        return None
    return Usage(input=read, output=output, quality=Quality.MEASURED)


def _chars(body: _Body) -> int:
    texts = [body.generation, body.text, body.titan]
    texts += [output.text for output in body.outputs or ()]
    if body.delta is not None and body.delta.delta is not None:
        texts.append(body.delta.delta.text)
    return sum(len(text or "") for text in texts)


def _family(model: str) -> _Family:
    for family in _FAMILIES:
        if family.models.fullmatch(model):
            return family
    raise MeterError("the body of this model is not known: use Converse")


def _ask_anthropic(model: str, fields: dict[str, Any], *, stream: bool) -> Ask:
    """Read a body of Anthropic's own format, whose model and stream are in the path instead."""
    own = encode_body(fields | {"model": model, "stream": stream})
    ask = MESSAGES.ask("", own)
    json = encode_body(fields)
    text_bytes = ask.text_bytes - len(own) + len(json)
    return msgspec.structs.replace(ask, body=fields, json=json, text_bytes=text_bytes)


def _parts(fields: dict[str, Any]) -> Parts:
    parts = Parts()
    see_tools(object_in(fields, "toolConfig"), parts)
    for message in objects(fields, "messages"):
        see_content(objects(message, "content", str), parts)
    images = fields.get("images")
    for image in images if isinstance(images, list) else ():
        parts.image(image)
    return parts
