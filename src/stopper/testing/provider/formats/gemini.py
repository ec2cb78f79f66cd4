"""Gemini's `generateContent` and `streamGenerateContent`."""

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
)
from stopper.testing.provider.formats.frames import JSON, SSE, event, json_bytes
from stopper.testing.provider.formats.shape import Headers, Step
from stopper.testing.provider.plan import Plan, Stop
from stopper.testing.provider.script import Fault
from stopper.testing.provider.words import Speech

__all__ = ["Gemini"]

_LIMITS = ("maxOutputTokens", "candidateCount")
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_FIRST, _BETWEEN, _LAST = b"[", b",\r\n", b"]"


class Gemini:
    """`POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`.

    A stream is server-sent events with `?alt=sse`, and the elements of one JSON array without.
    """

    name = "gemini"

    def __init__(self, *, sse: bool) -> None:
        self._sse = sse

    def ask(self, body: dict[str, Any], model: str, streams: bool) -> Ask:
        """Read a request; thoughts are shown only to those who ask for them."""
        if not objects(body.get("contents")):
            raise RequestError("contents is not specified")
        config = part(body, "generationConfig", dict) or {}
        thinking = part(config, "thinkingConfig", dict) or {}
        system = body.get("systemInstruction", body.get("system_instruction"))
        tools = body.get("tools")
        return Ask(
            model=model,
            stream=streams,
            prompt=count_prompt((system, body["contents"]), tools),
            limit=number(config, "maxOutputTokens"),
            choices=number(config, "candidateCount", MAX_CHOICES) or 1,
            tools=tuple(
                str(function.get("name"))
                for tool in objects(tools)
                for function in objects(tool.get("functionDeclarations"))
            ),
            shows_thinking=flag(thinking, "includeThoughts"),
            limits=chosen_fields(config, _LIMITS),
        )

    def talk(self, body: dict[str, Any]) -> Iterator[Line]:
        """Contents in order; what a function gave back is a tool's line."""
        for content in objects(body.get("contents")):
            parts = objects(content.get("parts"))
            if content.get("role") == "model":
                yield Line(Speaker.MODEL)
            elif any("functionResponse" in p for p in parts):
                yield Line(Speaker.TOOL)
            else:
                yield Line(Speaker.USER, "\n".join(str(p["text"]) for p in parts if "text" in p))

    def head(self, plan: Plan) -> Headers:
        """The content type."""
        return {"content-type": SSE if plan.ask.stream and self._sse else JSON}

    def whole(self, plan: Plan) -> Any:
        """A response."""
        parts = [part for part, _ in _parts(plan, None)]
        candidates = [_candidate(index, parts, plan.stop) for index in plan.parallel]
        return _reply(plan, candidates, plan.reasoning, plan.said)

    def steps(self, plan: Plan) -> Iterator[Step]:
        """Server-sent events, or the pieces of an array."""
        if self._sse:
            yield from ((event(data), tokens) for data, tokens in _chunks(plan))
            return
        before = _FIRST
        for data, tokens in _chunks(plan):
            yield before + json_bytes(data), tokens
            before = _BETWEEN
        yield _LAST, 0

    def error(self, status: int, message: str) -> tuple[Headers, Any]:
        """An error object."""
        return {}, _error(status, message)

    def broken(self, _plan: Plan, fault: Fault, sent: int) -> bytes:
        """An error object as the last event or element."""
        error = _error(fault.status, fault.message)
        if self._sse:
            return event(error)
        return (_BETWEEN if sent else _FIRST) + json_bytes(error) + _LAST


def _chunks(plan: Plan) -> Iterator[tuple[dict[str, Any], int]]:
    """Responses whose usage grows; each candidate's last one has its reason to finish."""
    thought = said = 0
    for content, tokens in _parts(plan, plan.script.per_delta):
        thinks = content.get("thought", False) or not content
        for index in plan.parallel:
            thought, said = (thought + tokens, said) if thinks else (thought, said + tokens)
            candidate = _candidate(index, [content] if content else [])
            yield _reply(plan, [candidate], thought, said), tokens
    for index in plan.parallel:
        candidate = _candidate(index, [{"text": ""}], plan.stop)
        yield _reply(plan, [candidate], plan.reasoning, plan.said), 0


def _parts(plan: Plan, size: int | None) -> Iterator[tuple[dict[str, Any], int]]:
    """The parts of one candidate in deltas of `size` tokens, or each whole; {} where hidden."""
    if plan.ask.shows_thinking:
        for text, tokens in _deltas(plan.thinking, size):
            yield {"text": text, "thought": True}, tokens
    elif plan.thinking.count and size is not None:
        yield {}, plan.thinking.count
    for text, tokens in _deltas(plan.text, size):
        yield {"text": text}, tokens
    for call in plan.calls:
        if call.whole:
            yield {"functionCall": {"name": call.name, "args": call.value}}, call.arguments.count
        elif size is not None:
            yield {"text": ""}, call.arguments.count


def _deltas(speech: Speech, size: int | None) -> Iterator[tuple[str, int]]:
    return speech.deltas(size or max(speech.count, 1))


def _candidate(index: int, parts: list[dict[str, Any]], stop: Stop | None = None) -> dict[str, Any]:
    candidate = {"content": {"parts": parts, "role": "model"}, "index": index}
    if stop is None:
        return candidate
    return candidate | {"finishReason": "MAX_TOKENS" if stop is Stop.LIMIT else "STOP"}


def _reply(plan: Plan, candidates: list[dict[str, Any]], thought: int, said: int) -> dict[str, Any]:
    reply = {
        "candidates": candidates,
        "modelVersion": plan.model,
        "responseId": f"mock-{plan.number}",
    }
    if plan.script.omit_usage:
        return reply
    usage = {
        "promptTokenCount": plan.prompt,
        "candidatesTokenCount": said,
        "thoughtsTokenCount": thought,
        "cachedContentTokenCount": plan.script.cache_read,
    }
    known = {key: count for key, count in usage.items() if count}
    known["promptTokenCount"] = plan.prompt
    known["totalTokenCount"] = plan.prompt + thought + said
    return reply | {"usageMetadata": known}


def _error(status: int, message: str) -> dict[str, Any]:
    name = _STATUSES.get(status, "UNKNOWN")
    return {"error": {"code": status, "message": message, "status": name}}
