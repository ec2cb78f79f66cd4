import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.testing.provider import Script
from stopper.testing.provider.ask import RequestError
from stopper.testing.provider.counts import counted
from stopper.testing.provider.plan import make_plan
from stopper.testing.provider.routes import Kind, Route, find_route

CHAT = "/v1/chat/completions"
GEMINI = "/v1beta/models/g-1:"

ROUTES: dict[str, tuple[str, str, str | None, str, bool]] = {
    # which: (path, host, format, model, whether the path chooses to stream)
    "Anthropic": ("/v1/messages", "", "anthropic", "", False),
    "Anthropic by name": ("/anthropic/v1/messages", "", "anthropic", "", False),
    "Responses": ("/v1/responses", "", "responses", "", False),
    "Responses by name": ("/openai/v1/responses", "", "responses", "", False),
    "Responses of Codex": ("/responses", "", "responses", "", False),
    "chat": (CHAT, "", "chat:openai", "", False),
    "chat without a version": ("/chat/completions", "", "chat:openai", "", False),
    "chat by name": (f"/xai{CHAT}", "", "chat:xai", "", False),
    "chat by name and long path": (f"/groq/openai{CHAT}", "", "chat:groq", "", False),
    "chat by host": (CHAT, "api.x.ai", "chat:xai", "", False),
    "chat by host and long path": (f"/openai{CHAT}", "api.groq.com", "chat:groq", "", False),
    "the name wins over the host": (f"/xai{CHAT}", "api.groq.com", "chat:xai", "", False),
    "a name before the host's path": (f"/openai{CHAT}", "", "chat:openai", "", False),
    "OpenRouter": (f"/api{CHAT}", "openrouter.ai", "chat:openrouter", "", False),
    "Azure": (f"/openai/deployments/d%201{CHAT[3:]}", "", "chat:azure", "d 1", False),
    "Azure by host": (f"/openai{CHAT}", "x.openai.azure.com", "chat:azure", "", False),
    "Gemini": (f"{GEMINI}generateContent", "", "gemini", "g-1", False),
    "Gemini's stream": (f"/gemini{GEMINI}streamGenerateContent", "", "gemini", "g-1", True),
    "Gemini's dance": (f"{GEMINI}dance", "", None, "", False),
    "Ollama": ("/api/chat", "", "ollama", "", False),
    "Ollama by name": ("/ollama/api/generate", "", "ollama", "", False),
    "Converse": ("/model/a.b%3A0/converse", "", "bedrock-converse", "a.b:0", False),
    "Converse's stream": ("/bedrock/model/a/converse-stream", "", "bedrock-converse", "a", True),
    "Invoke": ("/model/a/invoke", "", "bedrock-invoke", "a", False),
    "Invoke's stream": ("/model/a/invoke-with-response-stream", "", "bedrock-invoke", "a", True),
    "Bedrock's dance": ("/model/a/dance", "", None, "", False),
    "nowhere": ("/v1/dance", "", None, "", False),
    "a name and nothing more": ("/groq", "", None, "", False),
    "no path": ("", "", None, "", False),
}


@pytest.mark.parametrize(("path", "host", "name", "model", "streams"), ROUTES.values(), ids=ROUTES)
def test_find_route(path: str, host: str, name: str | None, model: str, streams: bool) -> None:
    """Each path gives the format in the third column."""
    route = find_route("POST", path, "", host)
    found = None if route is None else (route.format.name, route.model, route.streams)
    assert found == (None if name is None else (name, model, streams))


REPLIES = {
    path: route
    for path, host, *_ in ROUTES.values()
    if (route := find_route("POST", path, "", host)) and route.kind is Kind.REPLY
}
NAMES = st.sampled_from(
    """
    messages model role content type text tools name input contents parts system instructions
    prompt max_tokens stream n options num_predict generationConfig maxOutputTokens thinking
    functionDeclarations toolConfig toolSpec inferenceConfig stream_options include_usage function
    """.split()  # noqa: SIM905  one column of names would be long
)
WORDS = st.sampled_from(["user", "assistant", "tool", "tool_result", "message", "text", "m", ""])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
BASE = {
    "model": "m",
    "max_tokens": 5,
    "messages": [{"role": "user"}],
    "contents": [{}],
    "input": [],
    "anthropic_version": "x",
}


@pytest.mark.parametrize("route", REPLIES.values(), ids=REPLIES)
@settings(max_examples=40)
@given(body=st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_body_is_read_or_refused(route: Route, body: dict[str, Any]) -> None:
    """No JSON object breaks a format: it is answered whole and streamed, or refused with a word."""
    decoded = msgspec.json.decode(json.dumps(BASE | body))
    list(route.format.talk(decoded))
    with suppress(RequestError):
        ask = route.format.ask(decoded, route.model, route.streams)
        plan = make_plan(1, ask, Script(tokens=3, thinking=1))
        assert msgspec.json.encode(route.format.whole(plan))
        assert sum(tokens for _, tokens in route.format.steps(plan)) == plan.output


@given(body=st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_body_is_counted_or_refused(body: dict[str, Any]) -> None:
    """The same for what only counts."""
    for path in ("/v1/messages/count_tokens", "/v1/responses/input_tokens", f"{GEMINI}countTokens"):
        route = find_route("POST", path, "", "")
        assert route is not None
        with suppress(RequestError):
            assert counted(route, BASE | body)
