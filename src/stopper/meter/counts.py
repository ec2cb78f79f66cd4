"""Providers' own endpoints that count a request's input tokens, for a hold that fits more closely.

Anthropic: platform.claude.com/docs/en/api/messages-count-tokens. OpenAI: "input token counts" in
platform.openai.com/docs/api-reference/responses. Gemini: ai.google.dev/api/tokens.
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct

from stopper.errors import MeterError
from stopper.meter.text import encode_body
from stopper.meter.wire import Ask

__all__ = ["MARGIN_TOKENS", "CountCall", "count_call", "counted"]

MARGIN_TOKENS: Final = 64
_MARGIN_SHARE: Final = 50  # the endpoints call their figure an estimate: a fiftieth is added
_MESSAGES = ("model", "messages", "system", "tools", "tool_choice", "thinking")
_RESPONSES = (
    *("model", "input", "instructions", "tools", "tool_choice", "text", "reasoning"),
    *("parallel_tool_calls", "previous_response_id", "conversation", "truncation"),
)
_GEMINI = re.compile(r"(?P<model>.*/models/[^/:]+):\w+")


class CountCall(Struct, frozen=True):
    """A request to such an endpoint: its path below the provider's base, and its body."""

    path: str
    body: bytes


class _Counted(Struct):
    input_tokens: int | None = None
    totalTokens: int | None = None  # noqa: N815  as Gemini spells it


_DECODER = msgspec.json.Decoder(_Counted)


def count_call(wire: str, below: str, ask: Ask) -> CountCall | None:
    """The call that counts `ask`, which came to the path `below`; None where there is none."""
    match wire:
        case "anthropic.messages":
            return CountCall("/v1/messages/count_tokens", _fields(ask, _MESSAGES))
        case "openai.responses":
            return CountCall("/v1/responses/input_tokens", _fields(ask, _RESPONSES))
        case "gemini.generate" if found := _GEMINI.match(below):
            request = {**ask.body, "model": found["model"].partition("/models/")[2]}
            request["model"] = f"models/{request['model']}"
            body = encode_body({"generateContentRequest": request})
            return CountCall(f"{found['model']}:countTokens", body)
        case _:
            return None


def counted(body: bytes) -> int:
    """The input tokens that the endpoint's reply states, with a margin; MeterError if none."""
    try:
        reply = _DECODER.decode(body)
    except ValueError as error:
        raise MeterError(f"the count does not read: {error}") from None
    tokens = reply.input_tokens if reply.input_tokens is not None else reply.totalTokens
    if tokens is None or tokens < 0:
        raise MeterError("the count states no tokens")
    return tokens + tokens // _MARGIN_SHARE + MARGIN_TOKENS


def _fields(ask: Ask, names: tuple[str, ...]) -> bytes:
    body: dict[str, Any] = {name: ask.body[name] for name in names if name in ask.body}
    return encode_body(body)
