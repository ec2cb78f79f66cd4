"""Endpoints that count a prompt, or list models, without a reply to pay for."""

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any

import msgspec

from stopper.testing.provider.ask import Ask, RequestError, part
from stopper.testing.provider.formats.anthropic import native_ask
from stopper.testing.provider.routes import Route
from stopper.testing.provider.script import NAMED

__all__ = ["counted", "models"]

_CREATED = 1_700_000_000
_NAMES = ("mock", *NAMED)
_UNLIMITED = {"max_tokens": 1}


def counted(route: Route, body: dict[str, Any]) -> dict[str, Any]:
    """The answer of a format's count endpoint."""
    match route.format.name:
        case "anthropic":
            tokens = route.format.ask(body | _UNLIMITED, "", False).prompt
            return {"input_tokens": tokens}
        case "responses":
            tokens = route.format.ask(body, "", False).prompt
            return {"object": "response.input_tokens", "input_tokens": tokens}
        case "gemini":
            inner = part(body, "generateContentRequest", dict) or body
            return {"totalTokens": route.format.ask(inner, route.model, False).prompt}
        case _:
            return {"inputTokens": _bedrock(route, body).prompt}


def models(route: Route) -> dict[str, Any]:
    """The list of models, as the format writes it."""
    match route.format.name:
        case "anthropic":
            rows = [
                {"type": "model", "id": n, "display_name": n, "created_at": "2025-01-01T00:00:00Z"}
                for n in _NAMES
            ]
            return {"data": rows, "has_more": False, "first_id": _NAMES[0], "last_id": _NAMES[-1]}
        case "gemini":
            return {"models": [{"name": f"models/{name}"} for name in _NAMES]}
        case "ollama":
            return {"models": [{"name": name, "model": name} for name in _NAMES]}
        case _:
            row = {"object": "model", "created": _CREATED, "owned_by": "mock"}
            return {"object": "list", "data": [{"id": name} | row for name in _NAMES]}


def _bedrock(route: Route, body: dict[str, Any]) -> Ask:
    asked = part(body, "input", dict, required=True) or {}
    converse = part(asked, "converse", dict)
    if converse is not None:
        return route.format.ask(converse, route.model, False)
    invoke = part(asked, "invokeModel", dict, required=True) or {}
    try:
        inner = msgspec.json.decode(b64decode(str(invoke.get("body"))), type=dict[str, Any])
    except (Base64Error, msgspec.DecodeError) as error:
        raise RequestError(f"input.invokeModel.body: {error}") from None
    return native_ask(inner | _UNLIMITED, route.model, False)
