"""Amazon Bedrock: Converse, and InvokeModel for Anthropic's models."""

from collections.abc import Iterator
from typing import Any

from stopper.testing.provider.ask import (
    Ask,
    Line,
    RequestError,
    Speaker,
    chosen_fields,
    count_prompt,
    number,
    objects,
    part,
)
from stopper.testing.provider.formats.anthropic import (
    SIGNATURE,
    STOPS,
    Messages,
    native_ask,
    native_events,
    native_message,
)
from stopper.testing.provider.formats.frames import EVENT_STREAM, JSON, chunk_frame, frame
from stopper.testing.provider.formats.shape import Headers, Step
from stopper.testing.provider.plan import Plan
from stopper.testing.provider.script import Fault
from stopper.testing.provider.words import Speech

__all__ = ["Converse", "Invoke"]

_EXCEPTIONS = {
    400: "validationException",
    403: "accessDeniedException",
    404: "resourceNotFoundException",
    424: "modelStreamErrorException",
    429: "throttlingException",
    503: "serviceUnavailableException",
}
_LIMITS = ("maxTokens",)

_Event = tuple[str, dict[str, Any], int]


class Converse:
    """`POST /model/MODEL/converse` and `converse-stream`."""

    name = "bedrock-converse"

    def ask(self, body: dict[str, Any], model: str, streams: bool) -> Ask:
        """Read a request."""
        if not objects(body.get("messages")):
            raise RequestError("messages: at least one message is required")
        config = part(body, "inferenceConfig", dict) or {}
        tools = (part(body, "toolConfig", dict) or {}).get("tools")
        specs = [tool.get("toolSpec") for tool in objects(tools)]
        return Ask(
            model=model,
            stream=streams,
            prompt=count_prompt((body.get("system"), body["messages"]), tools),
            limit=number(config, "maxTokens"),
            tools=tuple(str(spec.get("name")) for spec in objects(specs)),
            limits=chosen_fields(config, _LIMITS),
        )

    def talk(self, body: dict[str, Any]) -> Iterator[Line]:
        """Messages in order."""
        for message in objects(body.get("messages")):
            parts = objects(message.get("content"))
            if message.get("role") == "assistant":
                yield Line(Speaker.MODEL)
            elif any("toolResult" in p for p in parts):
                yield Line(Speaker.TOOL)
            else:
                yield Line(Speaker.USER, "\n".join(str(p["text"]) for p in parts if "text" in p))

    def head(self, plan: Plan) -> Headers:
        """Content type and request id."""
        return _head(plan)

    def whole(self, plan: Plan) -> Any:
        """A message and its usage."""
        content: list[dict[str, Any]] = []
        if plan.thinking.count:
            thought = {"text": str(plan.thinking), "signature": SIGNATURE}
            content.append({"reasoningContent": {"reasoningText": thought}})
        if plan.text.count:
            content.append({"text": str(plan.text)})
        for call in plan.calls:
            if call.whole:
                use = {"toolUseId": f"tooluse_{call.id}", "name": call.name, "input": call.value}
                content.append({"toolUse": use})
        message = {"role": "assistant", "content": content}
        return {"output": {"message": message}, "stopReason": STOPS[plan.stop]} | _metadata(plan)

    def steps(self, plan: Plan) -> Iterator[Step]:
        """Frames of Amazon's event stream, usage after the message's end."""
        for kind, payload, tokens in _events(plan):
            yield frame(kind, payload), tokens

    def error(self, status: int, message: str) -> tuple[Headers, Any]:
        """An error, its kind in a header."""
        return _error(status, message)

    def broken(self, _plan: Plan, fault: Fault, _sent: int) -> bytes:
        """An exception's frame."""
        return _exception(fault)


class Invoke:
    """`POST /model/MODEL/invoke` and `invoke-with-response-stream`."""

    name = "bedrock-invoke"

    def ask(self, body: dict[str, Any], model: str, streams: bool) -> Ask:
        """Read a request in Anthropic's format, the model being named in the path."""
        part(body, "anthropic_version", str, required=True)
        return native_ask(body, model, streams)

    def talk(self, body: dict[str, Any]) -> Iterator[Line]:
        """Messages in order."""
        return Messages().talk(body)

    def head(self, plan: Plan) -> Headers:
        """Content type, request id and, for a reply in one piece, its tokens."""
        if plan.ask.stream or plan.script.omit_usage:
            return _head(plan)
        return _head(plan) | {
            "x-amzn-bedrock-input-token-count": str(plan.input),
            "x-amzn-bedrock-output-token-count": str(plan.output),
        }

    def whole(self, plan: Plan) -> Any:
        """A message in Anthropic's format."""
        return native_message(plan)

    def steps(self, plan: Plan) -> Iterator[Step]:
        """Anthropic's events in frames, the last with the service's own metrics."""
        for data, tokens in native_events(plan):
            last = data["type"] == "message_stop" and not plan.script.omit_usage
            yield chunk_frame(data | _metrics(plan) if last else data), tokens

    def error(self, status: int, message: str) -> tuple[Headers, Any]:
        """An error, its kind in a header."""
        return _error(status, message)

    def broken(self, _plan: Plan, fault: Fault, _sent: int) -> bytes:
        """An exception's frame."""
        return _exception(fault)


def _head(plan: Plan) -> Headers:
    kind = EVENT_STREAM if plan.ask.stream else JSON
    return {"content-type": kind, "x-amzn-requestid": f"mock-{plan.number}"}


def _events(plan: Plan) -> Iterator[_Event]:
    yield "messageStart", {"role": "assistant"}, 0
    for place, (opening, deltas) in enumerate(_blocks(plan)):
        where = {"contentBlockIndex": place}
        if opening is not None:
            yield "contentBlockStart", {"start": opening} | where, 0
        for delta, tokens in deltas:
            yield "contentBlockDelta", {"delta": delta} | where, tokens
        yield "contentBlockStop", where, 0
    yield "messageStop", {"stopReason": STOPS[plan.stop]}, 0
    yield "metadata", _metadata(plan), 0


_Deltas = Iterator[tuple[dict[str, Any], int]]


def _blocks(plan: Plan) -> Iterator[tuple[dict[str, Any] | None, _Deltas]]:
    """Content blocks; only those of tools say that they begin."""
    size = plan.script.per_delta
    if plan.thinking.count:
        yield None, _thinking(plan)
    if plan.text.count:
        yield None, (({"text": text}, tokens) for text, tokens in plan.text.deltas(size))
    for call in plan.calls:
        use = {"toolUseId": f"tooluse_{call.id}", "name": call.name}
        yield {"toolUse": use}, _arguments(call.arguments, size)


def _thinking(plan: Plan) -> _Deltas:
    for text, tokens in plan.thinking.deltas(plan.script.per_delta):
        yield {"reasoningContent": {"text": text}}, tokens
    yield {"reasoningContent": {"signature": SIGNATURE}}, 0


def _arguments(arguments: Speech, size: int) -> _Deltas:
    for text, tokens in arguments.deltas(size):
        yield {"toolUse": {"input": text}}, tokens


def _metadata(plan: Plan) -> dict[str, Any]:
    metrics = {"metrics": {"latencyMs": 1}}
    if plan.script.omit_usage:
        return metrics
    usage = {
        "inputTokens": plan.input,
        "outputTokens": plan.output,
        "totalTokens": plan.prompt + plan.output,
        "cacheReadInputTokens": plan.script.cache_read,
        "cacheWriteInputTokens": plan.script.cache_write,
    }
    return {"usage": usage} | metrics


def _metrics(plan: Plan) -> dict[str, Any]:
    metrics = {
        "inputTokenCount": plan.input,
        "outputTokenCount": plan.output,
        "invocationLatency": 2,
        "firstByteLatency": 1,
        "cacheReadInputTokenCount": plan.script.cache_read,
        "cacheWriteInputTokenCount": plan.script.cache_write,
    }
    return {"amazon-bedrock-invocationMetrics": metrics}


def _error(status: int, message: str) -> tuple[Headers, Any]:
    name = _EXCEPTIONS.get(status, "internalServerException")
    return {"x-amzn-errortype": name[0].upper() + name[1:]}, {"message": message}


def _exception(fault: Fault) -> bytes:
    name = _EXCEPTIONS.get(fault.status, "internalServerException")
    return frame(name, {"message": fault.message}, "exception")
