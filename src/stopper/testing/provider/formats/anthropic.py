"""Anthropic Messages."""

from collections.abc import Iterator
from typing import Any

from stopper.testing.provider.ask import (
    Ask,
    Line,
    RequestError,
    Speaker,
    chosen_fields,
    count_prompt,
    flag,
    number,
    objects,
    part,
    texts,
)
from stopper.testing.provider.formats.frames import JSON, SSE, named
from stopper.testing.provider.formats.shape import Headers, Step
from stopper.testing.provider.plan import Plan, Stop
from stopper.testing.provider.script import Fault

__all__ = ["SIGNATURE", "STOPS", "Messages", "native_ask", "native_events", "native_message"]

SIGNATURE = "bW9jayBzaWduYXR1cmU="
STOPS = {Stop.END: "end_turn", Stop.LIMIT: "max_tokens", Stop.TOOLS: "tool_use"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_LIMITS = ("max_tokens", "stream", "thinking")
_PLACEHOLDER = 1

Event = tuple[dict[str, Any], int]


class Messages:
    """`POST /v1/messages`."""

    name = "anthropic"

    def ask(self, body: dict[str, Any], _model: str, _streams: bool) -> Ask:
        """Read a request; the limit is required here."""
        return native_ask(body, part(body, "model", str, required=True) or "", flag(body, "stream"))

    def talk(self, body: dict[str, Any]) -> Iterator[Line]:
        """Messages in order; a user message that carries tool results is a tool's line."""
        for message in objects(body.get("messages")):
            content = message.get("content")
            if message.get("role") == "assistant":
                yield Line(Speaker.MODEL)
                continue
            if any(p.get("type") == "tool_result" for p in objects(content)):
                yield Line(Speaker.TOOL)
            yield Line(Speaker.USER, texts(content))

    def head(self, plan: Plan) -> Headers:
        """Content type and request id."""
        kind = SSE if plan.ask.stream else JSON
        return {"content-type": kind, "request-id": f"req_mock_{plan.number}"}

    def whole(self, plan: Plan) -> Any:
        """A message."""
        return native_message(plan)

    def steps(self, plan: Plan) -> Iterator[Step]:
        """Named server-sent events."""
        for data, tokens in native_events(plan):
            yield named(data), tokens

    def error(self, status: int, message: str) -> tuple[Headers, Any]:
        """An error object."""
        return {}, _error(status, message)

    def broken(self, _plan: Plan, fault: Fault, _sent: int) -> bytes:
        """An `error` event."""
        return named(_error(fault.status, fault.message))


def native_ask(body: dict[str, Any], model: str, streams: bool) -> Ask:
    """Read the body of a request, wherever its model was named."""
    limit = number(body, "max_tokens")
    if limit is None:
        raise RequestError("max_tokens: Field required")
    if not objects(body.get("messages")):
        raise RequestError("messages: at least one message is required")
    tools = body.get("tools")
    thinking = part(body, "thinking", dict) or {}
    return Ask(
        model=model,
        stream=streams,
        prompt=count_prompt((body.get("system"), body["messages"]), tools),
        limit=limit,
        tools=tuple(str(tool.get("name")) for tool in objects(tools)),
        shows_thinking=thinking.get("display") != "omitted",
        limits=chosen_fields(body, _LIMITS),
    )


def native_message(plan: Plan) -> dict[str, Any]:
    """A whole message. A tool call that the limit cut is left out: half of it is no object."""
    content: list[dict[str, Any]] = []
    if plan.thinking.count:
        shown = str(plan.thinking) if plan.ask.shows_thinking else ""
        content.append({"type": "thinking", "thinking": shown, "signature": SIGNATURE})
    if plan.text.count:
        content.append({"type": "text", "text": str(plan.text)})
    for call in plan.calls:
        if call.whole:
            block = {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name}
            content.append(block | {"input": call.value})
    message = _message(plan) | {"content": content, "stop_reason": STOPS[plan.stop]}
    if plan.script.omit_usage:
        return message
    return message | {"usage": _usage(plan, plan.output)}


def native_events(plan: Plan) -> Iterator[Event]:
    """The events of a stream, each with the tokens that were generated for it."""
    yield {"type": "message_start", "message": _opening(plan)}, 0
    for place, (block, deltas) in enumerate(_blocks(plan)):
        yield {"type": "content_block_start", "index": place, "content_block": block}, 0
        if place == 0:
            yield {"type": "ping"}, 0
        for delta, tokens in deltas:
            yield {"type": "content_block_delta", "index": place, "delta": delta}, tokens
        yield {"type": "content_block_stop", "index": place}, 0
    end: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": STOPS[plan.stop], "stop_sequence": None},
    }
    if not plan.script.omit_usage:
        end["usage"] = _final_usage(plan)
    yield end, 0
    yield {"type": "message_stop"}, 0


def _blocks(plan: Plan) -> Iterator[tuple[dict[str, Any], Iterator[Event]]]:
    if plan.thinking.count:
        yield {"type": "thinking", "thinking": "", "signature": ""}, _thinking(plan)
    if plan.text.count:
        yield {"type": "text", "text": ""}, _text(plan)
    for call in plan.calls:
        block = {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": {}}
        yield block, _arguments(call.arguments.deltas(plan.script.per_delta))


def _thinking(plan: Plan) -> Iterator[Event]:
    signature = {"type": "signature_delta", "signature": SIGNATURE}
    if not plan.ask.shows_thinking:
        yield signature, plan.thinking.count
        return
    for text, tokens in plan.thinking.deltas(plan.script.per_delta):
        yield {"type": "thinking_delta", "thinking": text}, tokens
    yield signature, 0


def _text(plan: Plan) -> Iterator[Event]:
    for text, tokens in plan.text.deltas(plan.script.per_delta):
        yield {"type": "text_delta", "text": text}, tokens


def _arguments(deltas: Iterator[tuple[str, int]]) -> Iterator[Event]:
    yield {"type": "input_json_delta", "partial_json": ""}, 0
    for text, tokens in deltas:
        yield {"type": "input_json_delta", "partial_json": text}, tokens


def _message(plan: Plan) -> dict[str, Any]:
    return {
        "id": f"msg_mock_{plan.number}",
        "type": "message",
        "role": "assistant",
        "model": plan.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _opening(plan: Plan) -> dict[str, Any]:
    if plan.script.omit_usage:
        return _message(plan)
    usage = _usage(plan, min(plan.output, _PLACEHOLDER))
    del usage["output_tokens_details"]
    if plan.script.restate_input:
        del usage["cache_creation"]
        usage |= _NO_CACHE | {"input_tokens": plan.prompt}
    return _message(plan) | {"usage": usage}


_NO_CACHE = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


def _usage(plan: Plan, output: int) -> dict[str, Any]:
    script = plan.script
    return {
        "input_tokens": plan.input,
        "cache_creation_input_tokens": script.cache_write,
        "cache_read_input_tokens": script.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": script.cache_write - script.cache_write_1h,
            "ephemeral_1h_input_tokens": script.cache_write_1h,
        },
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": plan.reasoning},
        "service_tier": "standard",
    }


def _final_usage(plan: Plan) -> dict[str, Any]:
    usage = _usage(plan, plan.output)
    del usage["cache_creation"], usage["service_tier"]
    return usage


def _error(status: int, message: str) -> dict[str, Any]:
    kind = _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004  the server's own errors
    return {"type": "error", "error": {"type": kind, "message": message}}
