"""Ollama's `/api/chat` and `/api/generate`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from stopper.testing.provider.ask import (
    Ask,
    Line,
    RequestError,
    Speaker,
    chosen_fields,
    count_prompt,
    objects,
    part,
    texts,
)
from stopper.testing.provider.formats.chat import tool_names
from stopper.testing.provider.formats.frames import JSON, json_bytes
from stopper.testing.provider.formats.shape import Headers, Step
from stopper.testing.provider.plan import Plan, Stop
from stopper.testing.provider.script import Fault

__all__ = ["Ollama"]

_NDJSON = "application/x-ndjson"
_OPTIONS = ("num_predict",)
_LIMITS = ("stream", "think")
_TOKEN_NS = 1_000_000


class Ollama:
    """`POST /api/chat`, or `/api/generate` with `chat=False`: JSON lines unless told otherwise."""

    name = "ollama"

    def __init__(self, *, chat: bool) -> None:
        self._chat = chat

    def ask(self, body: dict[str, Any], _model: str, _streams: bool) -> Ask:
        """Read a request; a negative `num_predict` is no limit."""
        if self._chat and not objects(body.get("messages")):
            raise RequestError("messages: at least one message is required")
        stream = part(body, "stream", bool)
        options = part(body, "options", dict) or {}
        limit = part(options, "num_predict", int)
        tools = body.get("tools")
        read = ("messages",) if self._chat else ("system", "prompt", "suffix", "images")
        return Ask(
            model=part(body, "model", str, required=True) or "",
            stream=stream is not False,
            prompt=count_prompt(({key: body.get(key) for key in read},), tools),
            limit=None if limit is None or limit < 0 else limit,
            tools=tool_names(tools),
            shows_thinking=bool(body.get("think", True)),
            limits=chosen_fields(options, _OPTIONS) | chosen_fields(body, _LIMITS),
        )

    def talk(self, body: dict[str, Any]) -> Iterator[Line]:
        """Messages in order, or the prompt alone."""
        if not self._chat:
            yield Line(Speaker.USER, str(body.get("prompt", "")))
            return
        for message in objects(body.get("messages")):
            match message.get("role"):
                case "assistant":
                    yield Line(Speaker.MODEL)
                case "tool":
                    yield Line(Speaker.TOOL)
                case "user":
                    yield Line(Speaker.USER, texts(message.get("content")))

    def head(self, plan: Plan) -> Headers:
        """The content type."""
        return {"content-type": _NDJSON if plan.ask.stream else JSON}

    def whole(self, plan: Plan) -> Any:
        """One object with everything."""
        thinking = str(plan.thinking) if plan.ask.shows_thinking else ""
        return self._said(plan, str(plan.text), thinking, _calls(plan)) | _end(plan)

    def steps(self, plan: Plan) -> Iterator[Step]:
        """JSON lines; tool calls come whole."""
        for delta, tokens in self._deltas(plan):
            yield json_bytes(delta | {"done": False}) + b"\n", tokens
        yield json_bytes(self._said(plan, "") | _end(plan)) + b"\n", 0

    def error(self, _status: int, message: str) -> tuple[Headers, Any]:
        """An error object."""
        return {}, {"error": message}

    def broken(self, _plan: Plan, fault: Fault, _sent: int) -> bytes:
        """A line with an error."""
        return json_bytes({"error": fault.message}) + b"\n"

    def _deltas(self, plan: Plan) -> Iterator[tuple[dict[str, Any], int]]:
        size = plan.script.per_delta
        if plan.ask.shows_thinking:
            for text, tokens in plan.thinking.deltas(size):
                yield self._said(plan, "", text), tokens
        elif plan.thinking.count:
            yield self._said(plan, ""), plan.thinking.count
        for text, tokens in plan.text.deltas(size):
            yield self._said(plan, text), tokens
        if plan.calls:
            tokens = sum(call.arguments.count for call in plan.calls)
            yield self._said(plan, "", "", _calls(plan)), tokens

    def _said(
        self, plan: Plan, text: str, thinking: str = "", calls: tuple[dict[str, Any], ...] = ()
    ) -> dict[str, Any]:
        extra: dict[str, Any] = {"thinking": thinking} if thinking else {}
        if calls:
            extra["tool_calls"] = calls
        said = (
            {"message": {"role": "assistant", "content": text} | extra}
            if self._chat
            else {"response": text} | extra
        )
        return {"model": plan.model, "created_at": datetime.now(UTC).isoformat()} | said


def _calls(plan: Plan) -> tuple[dict[str, Any], ...]:
    whole = (call for call in plan.calls if call.whole)
    return tuple({"function": {"name": call.name, "arguments": call.value}} for call in whole)


def _end(plan: Plan) -> dict[str, Any]:
    end = {"done": True, "done_reason": "length" if plan.stop is Stop.LIMIT else "stop"}
    if plan.script.omit_usage:
        return end
    return end | {
        "total_duration": (plan.prompt + plan.output) * _TOKEN_NS,
        "load_duration": _TOKEN_NS,
        "prompt_eval_count": plan.prompt,
        "prompt_eval_duration": plan.prompt * _TOKEN_NS,
        "eval_count": plan.output,
        "eval_duration": plan.output * _TOKEN_NS,
    }
