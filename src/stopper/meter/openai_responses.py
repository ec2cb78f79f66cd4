"""OpenAI Responses, whole and streamed: https://platform.openai.com/docs/api-reference/responses."""

from typing import Any

import msgspec
from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.core.usage import Usage
from stopper.errors import MeterError
from stopper.meter.follow import Count, decode, follow, inclusive
from stopper.meter.openai_chat import error_of, see_image
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

__all__ = ["RESPONSES", "Responses"]

# Fields that bring in what the request does not show, or let more be generated than it asks for.
_UNSHOWN = ("context_management", "conversation", "previous_response_id", "prompt")

# Tools that the caller runs itself; all others run at the provider, round after round.
_CALLER_RUNS = ("apply_patch", "custom", "function", "local_shell")

_TEXT_PARTS = ("input_text", "output_text", "reasoning_text", "refusal", "summary_text", "text")
_FILE_PARTS = {"input_audio": "data", "input_file": "file_data"}
_HOLDERS = {
    "computer_call_output": "output",
    "custom_tool_call_output": "output",
    "function_call_output": "output",
    "message": "content",
}
_IMAGE_PARTS = ("computer_screenshot", "input_image")
_FAILED_CODE = "invalid_prompt"  # of the codes that the API has, one that is not tried again
_LAST = ("response.completed", "response.failed", "response.incomplete")
_DONE = b"[DONE]"
_MAX_NESTING = 4  # namespaces of tools in an item that adds tools are 2


class Responses:
    """The wire format of `POST /v1/responses`."""

    name = "openai.responses"
    refusal_status: int | None = 400  # Codex sends a 402 or 403 six times, and shows a 400 at once

    def ask(self, path: str, body: bytes) -> Ask:  # noqa: ARG002  the model is in the body
        """As Wire.ask."""
        fields = decode_body(body)
        parts = _parts(fields)
        json = encode_body(fields)
        return Ask(
            model=model_of(fields),
            stream=flag_of(fields, "stream"),
            max_output=count_of(fields, "max_output_tokens", MAX_OUTPUT),
            text_bytes=parts.text_bytes(json),
            body=fields,
            json=json,
            media=parts.media,
            unbounded=parts.unbounded,
        )

    def limited(self, ask: Ask, max_output: int) -> bytes:
        """As Wire.limited; usage needs no asking for. The API takes no limit below 16."""
        limit = min(max_output, ask.max_output or max_output)
        return encode_body(ask.body | {"max_output_tokens": limit})

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:
        """As Wire.reply."""
        return follow(
            ask, status, content_type, tally=_ResponsesTally, read=_read_json, error=error_of
        )

    def error(self, refusal: Refusal) -> bytes:
        """As Wire.error."""
        return error_of(refusal)


RESPONSES = Responses()


class _InputDetails(Struct, gc=False):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _OutputDetails(Struct, gc=False):
    reasoning_tokens: Count | None = None


class _Stated(Struct):
    input_tokens: Count
    output_tokens: Count
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Response(Struct):
    id: str | None = None
    model: str | None = None
    created_at: int | float | None = None
    usage: _Stated | None = None


class _Event(Struct):
    type: str = ""
    sequence_number: int | None = None
    delta: Any = None
    response: _Response | None = None


_EVENT = msgspec.json.Decoder(_Event)
_RESPONSE = msgspec.json.Decoder(_Response)


class _ResponsesTally:
    """Counts one stream of Responses events."""

    __slots__ = ("_response", "_sequence", "final", "live", "model", "usage")

    def __init__(self) -> None:
        self.live = Live()
        self.usage: Usage | None = None
        self.final = False
        self.model = ""
        self._sequence = -1
        self._response = _Response()

    def see(self, event: SseEvent) -> bytes:
        """As Tally.see; every event goes on as it came."""
        if event.data.startswith(_DONE):
            return event.raw
        said = decode(_EVENT, event.data)
        if said.sequence_number is not None:
            self._sequence = said.sequence_number
        if said.response is not None:
            self._see_response(said.type, said.response)
        elif isinstance(said.delta, str) and said.delta and said.type != "response.audio.delta":
            self.live.deltas += 1
            self.live.chars += len(said.delta)
        return event.raw

    def cut(self, refusal: Refusal) -> bytes:
        """As Tally.cut: `error` makes the official SDK raise, `response.failed` ends the others.

        The error is given flat, as the reference has it, and nested, as the SDK looks for it.
        """
        message = refusal.sentence
        error = msgspec.json.decode(error_of(refusal))["error"]
        flat = {"type": "error", "code": refusal.code, "message": message, "param": None}
        failed: dict[str, Any] = {
            "id": self._response.id or "",
            "object": "response",
            "created_at": self._response.created_at or 0,
            "status": "failed",
            "error": {"code": _FAILED_CODE, "message": message},
            "incomplete_details": None,
            "model": self.model,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": None,
        }
        return self._event(flat | {"error": error}) + self._event(
            {"type": "response.failed", "response": failed}
        )

    def _see_response(self, kind: str, response: _Response) -> None:
        self._response = response
        self.model = self.model or response.model or ""
        if response.usage is not None:
            self.usage = _usage(response.usage)
            self.final = kind in _LAST

    def _event(self, data: dict[str, Any]) -> bytes:
        self._sequence += 1
        encoded = msgspec.json.encode(data | {"sequence_number": self._sequence})
        return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), encoded)


def _read_json(data: bytes) -> tuple[Usage | None, str]:
    response = decode(_RESPONSE, data)
    return (_usage(response.usage) if response.usage else None), response.model or ""


def _usage(stated: _Stated) -> Usage:
    read = stated.input_tokens_details or _InputDetails()
    output = stated.output_tokens_details or _OutputDetails()
    return inclusive(
        read=stated.input_tokens,
        cached=read.cached_tokens or 0,
        written=read.cache_write_tokens or 0,
        output=stated.output_tokens,
        reasoning=output.reasoning_tokens or 0,
    )


def _parts(fields: dict[str, Any]) -> Parts:
    parts = Parts()
    for key in _UNSHOWN:
        if fields.get(key):
            parts.name(key)
    if flag_of(fields, "background"):
        parts.name("background")
    _see_tools(objects(fields, "tools"), parts)
    for item in objects(fields, "input", str):
        _see_item(item, parts)
    return parts


def _see_tools(tools: list[dict[str, Any]], parts: Parts, depth: int = 0) -> None:
    if depth > _MAX_NESTING:
        raise MeterError(f"tools are nested deeper than {_MAX_NESTING} namespaces")
    for tool in tools:
        kind = kind_of(tool)
        if kind == "namespace":
            _see_tools(objects(tool, "tools"), parts, depth + 1)
        elif kind not in _CALLER_RUNS and not _runs_here(tool):
            parts.name(f"the tool {label(kind)}")


def _runs_here(tool: dict[str, Any]) -> bool:
    """Whether a tool that can run on either side is asked to run at the caller's."""
    if kind_of(tool) == "tool_search":
        return tool.get("execution") == "client"
    place = tool.get("environment")
    return kind_of(tool) == "shell" and isinstance(place, dict) and kind_of(place) == "local"


def _see_item(item: dict[str, Any], parts: Parts) -> None:
    kind = kind_of(item) or ("message" if "role" in item else "item_reference")
    if kind in ("item_reference", "compaction_trigger"):
        parts.name(kind)
    elif kind == "reasoning" and item.get("id") and not item.get("encrypted_content"):
        parts.name("a reasoning item without its encrypted_content")
    elif kind == "image_generation_call":
        parts.image(item.get("result"))
    elif kind in ("additional_tools", "tool_search_output"):
        _see_tools(objects(item, "tools"), parts)
    elif kind in _HOLDERS:
        held = item.get(_HOLDERS[kind])
        for part in [held] if isinstance(held, dict) else objects(item, _HOLDERS[kind], str):
            _see_part(part, parts)


def _see_part(part: dict[str, Any], parts: Parts) -> None:
    kind = kind_of(part)
    if kind in _IMAGE_PARTS:
        see_image(part.get("image_url"), parts)
    elif kind in _FILE_PARTS:
        parts.opaque(f"a part of type {kind}", part.get(_FILE_PARTS[kind]))
    elif kind not in _TEXT_PARTS:
        parts.opaque(f"a part of type {label(kind)}")
