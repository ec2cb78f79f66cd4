"""OpenAI Responses."""

import time
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

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
from stopper.testing.provider.formats.chat import OBFUSCATION, error_object
from stopper.testing.provider.formats.frames import JSON, SSE, named
from stopper.testing.provider.formats.shape import Headers, Step
from stopper.testing.provider.plan import Call, Plan, Stop
from stopper.testing.provider.script import Fault

__all__ = ["Responses"]

_LIMITS = ("max_output_tokens", "stream", "store", "background")
_TURN = frozenset(
    ("function_call", "custom_tool_call", "local_shell_call", "reasoning", "web_search_call")
)
_FREE_TEXT = "custom"
_NAMESPACE = "namespace"
_MORE_TOOLS = "additional_tools"

_Item = dict[str, Any]
_Event = tuple[_Item, int]


class Responses:
    """`POST /v1/responses`."""

    name = "responses"

    def ask(self, body: dict[str, Any], _model: str, _streams: bool) -> Ask:
        """Read a request; the input is a text or a list of items."""
        asked = body.get("input")
        if not isinstance(asked, str | list):
            raise RequestError("input: a text or a list of items is required")
        tools = list(_tools(body, asked))
        return Ask(
            model=part(body, "model", str, required=True) or "",
            stream=flag(body, "stream"),
            prompt=count_prompt((body.get("instructions"), asked), body.get("tools")),
            limit=number(body, "max_output_tokens"),
            tools=tuple(str(tool.get("name")) for tool in tools),
            free_text=frozenset(
                str(tool.get("name")) for tool in tools if tool.get("type") == _FREE_TEXT
            ),
            limits=chosen_fields(body, _LIMITS),
        )

    def talk(self, body: dict[str, Any]) -> Iterator[Line]:
        """Items in order; calls and their thoughts belong to the model."""
        asked = body.get("input")
        if isinstance(asked, str):
            yield Line(Speaker.USER, asked)
            return
        for item in objects(asked):
            kind, role = str(item.get("type", "message")), item.get("role")
            if kind in _TURN or role == "assistant":
                yield Line(Speaker.MODEL)
            elif kind.endswith("_output"):
                yield Line(Speaker.TOOL)
            elif role == "user":
                yield Line(Speaker.USER, texts(item.get("content")))

    def head(self, plan: Plan) -> Headers:
        """Content type and request id."""
        kind = SSE if plan.ask.stream else JSON
        return {"content-type": kind, "x-request-id": f"req_mock_{plan.number}"}

    def whole(self, plan: Plan) -> Any:
        """A response."""
        return _finished(plan, [output.item for output in _outputs(plan)])

    def steps(self, plan: Plan) -> Iterator[Step]:
        """Named server-sent events that carry their number in the sequence."""
        for sequence, (data, tokens) in enumerate(_events(plan)):
            yield named(data | {"sequence_number": sequence}), tokens

    def error(self, status: int, message: str) -> tuple[Headers, Any]:
        """An error object."""
        return {}, error_object(status, message)

    def broken(self, plan: Plan, fault: Fault, sent: int) -> bytes:
        """An `error` event and `response.failed` after it."""
        error = {"code": "server_error", "message": fault.message}
        failed = _response(plan) | {"status": "failed", "error": error}
        events: tuple[_Item, _Item] = (
            {"type": "error", "param": None} | error,
            {"type": "response.failed", "response": failed},
        )
        return b"".join(
            named(data | {"sequence_number": sent + place}) for place, data in enumerate(events)
        )


def _tools(body: dict[str, Any], asked: Any) -> Iterator[_Item]:
    """All tools that are offered: beside the input, as an item of it, and inside namespaces."""
    offers = [body, *(item for item in objects(asked) if item.get("type") == _MORE_TOOLS)]
    for offer in offers:
        for tool in objects(offer.get("tools")):
            yield from objects(tool.get("tools")) if tool.get("type") == _NAMESPACE else (tool,)


def _events(plan: Plan) -> Iterator[_Event]:
    yield {"type": "response.created", "response": _response(plan)}, 0
    yield {"type": "response.in_progress", "response": _response(plan)}, 0
    done: list[_Item] = []
    for place, output in enumerate(_outputs(plan)):
        where = {"output_index": place}
        opening = output.item | output.empty
        yield {"type": "response.output_item.added", "item": opening} | where, output.tokens
        for data, tokens in output.events:
            yield data | where | {"item_id": output.item["id"]}, tokens
        yield {"type": "response.output_item.done", "item": output.item} | where, 0
        done.append(output.item)
    response = _finished(plan, done)
    yield {"type": f"response.{response['status']}", "response": response}, 0


class _Output(Struct):
    """An item, what is different of it at its beginning, and the events in between.

    `tokens` were generated before it could begin.
    """

    item: _Item
    empty: _Item
    events: Iterator[_Event]
    tokens: int = 0


def _outputs(plan: Plan) -> Iterator[_Output]:
    if plan.thinking.count:
        item: _Item = {"type": "reasoning", "id": f"rs_mock_{plan.number}", "summary": []}
        yield _Output(item, {}, iter(()), plan.thinking.count)
    if plan.text.count or plan.stop is Stop.END:
        yield _message(plan)
    for call in plan.calls:
        yield _function(plan, call) if call.name not in plan.ask.free_text else _free(plan, call)


def _message(plan: Plan) -> _Output:
    whole = _text_part(str(plan.text))
    item = {
        "type": "message",
        "id": f"msg_mock_{plan.number}",
        "status": "incomplete" if plan.stop is Stop.LIMIT else "completed",
        "role": "assistant",
        "content": [whole],
    }
    return _Output(item, {"status": "in_progress", "content": []}, _message_events(plan, whole))


def _message_events(plan: Plan, whole: _Item) -> Iterator[_Event]:
    where = {"content_index": 0}
    opening = {"type": "response.content_part.added", "part": _text_part("")}
    yield opening | where, 0
    for text, tokens in plan.text.deltas(plan.script.per_delta):
        delta = {"type": "response.output_text.delta", "delta": text, "logprobs": []}
        yield delta | where | {"obfuscation": OBFUSCATION}, tokens
    done = {"type": "response.output_text.done", "text": whole["text"], "logprobs": []}
    yield done | where, 0
    yield {"type": "response.content_part.done", "part": whole} | where, 0


def _text_part(text: str) -> _Item:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _function(plan: Plan, call: Call) -> _Output:
    return _call(plan, call, "function_call", "function_call_arguments", "arguments")


def _free(plan: Plan, call: Call) -> _Output:
    return _call(plan, call, "custom_tool_call", "custom_tool_call_input", "input")


def _call(plan: Plan, call: Call, kind: str, stem: str, field: str) -> _Output:
    item = {
        "type": kind,
        "id": f"item_{call.id}",
        "call_id": f"call_{call.id}",
        "name": call.name,
        "status": "completed" if call.whole else "incomplete",
        field: str(call.arguments),
    }
    empty = {"status": "in_progress", field: ""}
    return _Output(item, empty, _call_events(plan, call, f"response.{stem}", field))


def _call_events(plan: Plan, call: Call, stem: str, field: str) -> Iterator[_Event]:
    for text, tokens in call.arguments.deltas(plan.script.per_delta):
        yield {"type": f"{stem}.delta", "delta": text, "obfuscation": OBFUSCATION}, tokens
    yield {"type": f"{stem}.done", field: str(call.arguments)}, 0


def _response(plan: Plan) -> _Item:
    return {
        "id": f"resp_mock_{plan.number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": plan.ask.limit,
        "model": plan.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": None,
        "metadata": {},
    }


def _finished(plan: Plan, output: list[_Item]) -> _Item:
    response = _response(plan) | {"output": output, "status": "completed"}
    if plan.stop is Stop.LIMIT:
        response["status"] = "incomplete"
        response["incomplete_details"] = {"reason": "max_output_tokens"}
    if not plan.script.omit_usage:
        response["usage"] = _usage(plan)
    return response


def _usage(plan: Plan) -> _Item:
    cached = {"cached_tokens": plan.script.cache_read}
    if plan.script.cache_write:
        cached["cache_write_tokens"] = plan.script.cache_write
    return {
        "input_tokens": plan.prompt,
        "input_tokens_details": cached,
        "output_tokens": plan.output,
        "output_tokens_details": {"reasoning_tokens": plan.reasoning},
        "total_tokens": plan.prompt + plan.output,
    }
