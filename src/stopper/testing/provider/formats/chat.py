"""OpenAI Chat Completions, with room for the differences between vendors."""

import time
from collections.abc import Iterator
from typing import Any

from stopper.testing.provider.ask import (
    MAX_CHOICES,
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
from stopper.testing.provider.formats.flavours import OPENAI, Flavour
from stopper.testing.provider.formats.frames import JSON, SSE, event
from stopper.testing.provider.formats.shape import Headers, Step
from stopper.testing.provider.plan import Call, Plan, Stop
from stopper.testing.provider.script import Fault

__all__ = ["OBFUSCATION", "Chat", "error_object", "tool_names"]

OBFUSCATION = "x1Yz"
"""What hides the length of a delta; a real one is random."""

_STOPS = {Stop.END: "stop", Stop.LIMIT: "length", Stop.TOOLS: "tool_calls"}
_LIMITS = ("max_tokens", "max_completion_tokens", "n", "stream", "stream_options")
_SERVER_ERROR = 500

_Chunk = tuple[dict[str, Any], int]


class Chat:
    """`POST /v1/chat/completions`, as `flavour` speaks it."""

    def __init__(self, flavour: Flavour = OPENAI) -> None:
        self.name = f"chat:{flavour.name}"
        self._flavour = flavour

    def ask(self, body: dict[str, Any], model: str, _streams: bool) -> Ask:
        """Read a request; Azure names the model in the path."""
        if not objects(body.get("messages")):
            raise RequestError("messages: at least one message is required")
        tools = body.get("tools")
        limit = number(body, "max_completion_tokens")
        options = part(body, "stream_options", dict) or {}
        stream = flag(body, "stream")
        if options and not stream:
            raise RequestError("stream_options: only allowed when stream is enabled")
        return Ask(
            model=model or part(body, "model", str, required=True) or "",
            stream=stream,
            prompt=count_prompt((body["messages"],), tools),
            limit=number(body, "max_tokens") if limit is None else limit,
            choices=number(body, "n", MAX_CHOICES) or 1,
            tools=tool_names(tools),
            wants_usage=flag(options, "include_usage"),
            limits=chosen_fields(body, _LIMITS),
        )

    def talk(self, body: dict[str, Any]) -> Iterator[Line]:
        """Messages in order; those of the system are nobody's turn."""
        for message in objects(body.get("messages")):
            match message.get("role"):
                case "assistant":
                    yield Line(Speaker.MODEL)
                case "tool" | "function":
                    yield Line(Speaker.TOOL)
                case "user":
                    yield Line(Speaker.USER, texts(message.get("content")))

    def head(self, plan: Plan) -> Headers:
        """Content type and request id."""
        kind = SSE if plan.ask.stream else JSON
        return {"content-type": kind, "x-request-id": f"req_mock_{plan.number}"}

    def whole(self, plan: Plan) -> Any:
        """A completion."""
        choices = [
            {
                "index": index,
                "message": self._message(plan),
                "logprobs": None,
                "finish_reason": _STOPS[plan.stop],
            }
            for index in plan.parallel
        ]
        reply = _envelope(plan, "chat.completion") | {"choices": choices}
        if plan.script.omit_usage:
            return reply
        return reply | {"usage": self._flavour.usage(plan)} | self._flavour.whole_extra(plan)

    def steps(self, plan: Plan) -> Iterator[Step]:
        """Server-sent events, with usage where the flavour and the request have it."""
        flavour = self._flavour
        envelope = _envelope(plan, "chat.completion.chunk")
        tells = not plan.script.omit_usage
        nothing = {"usage": None} if plan.ask.wants_usage and tells else {}
        if flavour.comment:
            yield flavour.comment, 0
        if flavour.prelude is not None:
            yield event(envelope | flavour.prelude), 0
        for place, (data, tokens) in enumerate(self._chunks(plan)):
            extra = flavour.first_extra(plan) if place == 0 else {}
            if tells and data["choices"][0]["finish_reason"]:
                extra = flavour.finish_extra(plan)
            yield event(envelope | data | nothing | extra), tokens
        if tells and (plan.ask.wants_usage or flavour.always_usage):
            yield event(envelope | {"choices": [], "usage": flavour.usage(plan)}), 0
        yield b"data: [DONE]\n\n", 0

    def error(self, status: int, message: str) -> tuple[Headers, Any]:
        """An error object."""
        return {}, error_object(status, message)

    def broken(self, _plan: Plan, fault: Fault, _sent: int) -> bytes:
        """An event whose data is an error object."""
        return event(error_object(fault.status, fault.message))

    def _message(self, plan: Plan) -> dict[str, Any]:
        said = str(plan.text) if plan.text.count or not plan.calls else None
        message: dict[str, Any] = {"role": "assistant", "content": said, "refusal": None}
        if plan.thinking.count and self._flavour.thinking:
            message[self._flavour.thinking] = str(plan.thinking)
        if plan.calls:
            message["tool_calls"] = [_tool_call(call) for call in plan.calls]
        return message

    def _chunks(self, plan: Plan) -> Iterator[_Chunk]:
        role = {"role": "assistant", "content": "", "refusal": None}
        for index in plan.parallel:
            yield _chunk(index, role), 0
        for delta, tokens in self._deltas(plan):
            for index in plan.parallel:
                yield _chunk(index, delta), tokens
        for index in plan.parallel:
            yield _chunk(index, {}, _STOPS[plan.stop]), 0

    def _deltas(self, plan: Plan) -> Iterator[_Chunk]:
        size = plan.script.per_delta
        if plan.thinking.count and not self._flavour.thinking:
            yield {}, plan.thinking.count
        else:
            for text, tokens in plan.thinking.deltas(size):
                yield {self._flavour.thinking: text}, tokens
        for text, tokens in plan.text.deltas(size):
            yield {"content": text}, tokens
        for place, call in enumerate(plan.calls):
            opening = _tool_call(call) | {"index": place}
            opening["function"] = {"name": call.name, "arguments": ""}
            yield {"tool_calls": [opening]}, 0
            for text, tokens in call.arguments.deltas(size):
                yield {"tool_calls": [{"index": place, "function": {"arguments": text}}]}, tokens


def tool_names(tools: Any) -> tuple[str, ...]:
    """The names of the functions that a request offers."""
    found = (tool.get("function") for tool in objects(tools))
    return tuple(str(function.get("name")) for function in found if isinstance(function, dict))


def error_object(status: int, message: str) -> dict[str, Any]:
    """An error as OpenAI and those who follow it write it."""
    kind = "server_error" if status >= _SERVER_ERROR else "invalid_request_error"
    code = "rate_limit_exceeded" if status == 429 else None  # noqa: PLR2004  too many requests
    return {"error": {"message": message, "type": code or kind, "param": None, "code": code}}


def _envelope(plan: Plan, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-mock-{plan.number}",
        "object": kind,
        "created": int(time.time()),
        "model": plan.model,
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    }


def _chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"choices": [choice], "obfuscation": OBFUSCATION}


def _tool_call(call: Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": str(call.arguments)}
    return {"id": f"call_{call.id}", "type": "function", "function": function}
