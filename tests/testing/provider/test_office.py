"""What is decided before a byte is sent."""

import json
from base64 import b64encode
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from stopper.testing.provider import NAMED, Remote, Script, Tool

Post = Callable[..., tuple[int, dict[str, str], bytes]]

MESSAGES, CHATS, RESPONSES = "/v1/messages", "/v1/chat/completions", "/v1/responses"
USER = [{"role": "user", "content": "hi"}]
NATIVE = {"model": "m", "max_tokens": 100, "messages": USER}
CHAT = {"model": "m", "messages": USER}
FRIENDLY = 32

BROKEN: dict[str, tuple[str, Any, str]] = {
    # what is wrong: (path, body, what the error names)
    "no JSON": (MESSAGES, b"{", "JSON"),
    "no object": (MESSAGES, [], "JSON"),
    "no limit": (MESSAGES, CHAT, "max_tokens"),
    "a limit of nothing": (MESSAGES, NATIVE | {"max_tokens": 0}, "max_tokens"),
    "a limit that is a text": (MESSAGES, NATIVE | {"max_tokens": "9"}, "max_tokens"),
    "a limit that is a truth": (CHATS, CHAT | {"max_tokens": True}, "max_tokens"),
    "no model": (CHATS, {"messages": USER}, "model"),
    "usage without a stream": (CHATS, CHAT | {"stream_options": {"a": 1}}, "stream_options"),
    "no messages": (CHATS, {"model": "m", "messages": []}, "messages"),
    "too many choices": (CHATS, CHAT | {"n": 129}, "n: "),
    "no input": (RESPONSES, {"model": "m"}, "input"),
    "a stream that is a number": (RESPONSES, {"model": "m", "input": "", "stream": 1}, "stream"),
    "no contents": ("/v1beta/models/m:generateContent", {}, "contents"),
    "no Ollama model": ("/api/generate", {"prompt": "hi"}, "model"),
    "no version": ("/model/m/invoke", NATIVE, "anthropic_version"),
    "too deep a prompt": (
        RESPONSES,
        b'{"model":"m","input":' + b"[" * 200 + b"]" * 200 + b"}",
        "deep",
    ),
}


@pytest.mark.parametrize(("path", "body", "named"), BROKEN.values(), ids=BROKEN)
def test_broken_requests(path: str, body: Any, named: str, provider: Remote, post: Post) -> None:
    """A request that breaks its format is a 400 that names the field."""
    status, _, reply = post(path, body)
    assert status == 400
    assert named in reply.decode()
    assert provider.tally().total.refused == 1


PROMPT = "[[mock: tool=SH:{} then tokens=5 then tokens=6]]"
OFFER = [{"type": "function", "function": {"name": "sh", "parameters": {}}}]


def test_turns_of_a_prompt(post: Post) -> None:
    """Each answer of the model moves the script on; tools and systems give no script."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "[[mock: tokens=1]]"},
        {"role": "user", "content": [{"type": "text", "text": PROMPT}]},
    ]
    told = []
    for _ in range(4):
        reply = post(CHATS, {"model": "m", "messages": messages, "tools": OFFER})[2]
        answer = json.loads(reply)["choices"][0]
        told.append((answer["finish_reason"], json.loads(reply)["usage"]["completion_tokens"]))
        messages.append(answer["message"])
        messages.append({"role": "tool", "content": "[[mock: tokens=2]]"})
    assert told == [("tool_calls", 1), ("stop", 5), ("stop", 6), ("stop", FRIENDLY)]


CONVERSATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    # a second turn in each format: (path, body)
    "anthropic": (
        MESSAGES,
        NATIVE | {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": PROMPT}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "sh"}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]},
            ]
        },
    ),
    "responses": (
        RESPONSES,
        {
            "model": "m",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": PROMPT}]},
                {"type": "reasoning", "summary": []},
                {"type": "function_call", "call_id": "c", "name": "sh", "arguments": "{}"},
                {"type": "function_call", "call_id": "d", "name": "sh", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "[[mock: tokens=2]]"},
            ],
        },
    ),
    "gemini": (
        "/v1beta/models/m:generateContent",
        {
            "contents": [
                {"role": "user", "parts": [{"text": PROMPT}]},
                {"role": "model", "parts": [{"functionCall": {"name": "sh", "args": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "sh", "response": {}}}]},
            ]
        },
    ),
    "ollama": (
        "/api/chat",
        {
            "model": "m",
            "stream": False,
            "messages": [
                {"role": "user", "content": PROMPT},
                {"role": "assistant", "content": ""},
                {"role": "tool", "content": "[[mock: tokens=2]]"},
            ],
        },
    ),
    "converse": (
        "/model/m/converse",
        {
            "messages": [
                {"role": "user", "content": [{"text": PROMPT}]},
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "sh"}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": []}}]},
            ]
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "body"), CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_second_turns(path: str, body: Any, provider: Remote, post: Post) -> None:
    """After one answer of the model, however many parts it had, the second turn is due."""
    assert post(path, body)[0] == 200
    assert provider.tally().total.billed.output == 5


def test_tools_that_are_not_offered(post: Post) -> None:
    """A model cannot call what it has not got, and says so."""
    body = CHAT | {"messages": [{"role": "user", "content": PROMPT}]}
    said = json.loads(post(CHATS, body)[2])["choices"][0]["message"]["content"]
    assert said == "I was told to call SH, but the tools are: none."


def test_scripts_wait_in_turn(provider: Remote, post: Post) -> None:
    """Scripts for a model come before those for all, those before its name's, that before none."""
    provider.say(Script(tokens=1), Script(tokens=2))
    provider.say(Script(tokens=3), model="mock-thinking")
    said = []
    for model in ("mock-thinking", "mock-thinking", "m", "mock-thinking", "m"):
        reply = json.loads(post(CHATS, CHAT | {"model": model})[2])
        said.append(reply["usage"]["completion_tokens"])
    assert said == [3, 1, 2, 100, FRIENDLY]


def test_reset_forgets(provider: Remote, post: Post) -> None:
    """No script, no sum and no request is left."""
    provider.say(Script(tokens=1), Script(tokens=1))
    post(CHATS, CHAT)
    provider.reset()
    assert (provider.tally().total.billed.requests, provider.requests()) == (0, [])
    assert json.loads(post(CHATS, CHAT)[2])["usage"]["completion_tokens"] == FRIENDLY


def test_redirects(provider: Remote, post: Post) -> None:
    """A redirect has a place and no bill."""
    provider.say(Script(redirect="http://169.254.0.9/x", headers={"x-a": "b"}))
    status, headers, body = post(CHATS, CHAT)
    assert (status, headers["location"], headers["x-a"], body) == (
        307,
        "http://169.254.0.9/x",
        "b",
        b"",
    )
    assert provider.tally().total.billed.requests == 0


def test_bills_are_kept_apart(provider: Remote, post: Post) -> None:
    """Per model, and per bottle where one is named, else per credential."""
    provider.say(*(Script(tokens=tokens, input=1) for tokens in (1, 2, 4)))
    post(CHATS, CHAT, {"authorization": "Bearer abc", "x-stopper-bottle": "b1"})
    post(CHATS, CHAT | {"model": "n"}, {"authorization": "Bearer abc"})
    post(CHATS, CHAT | {"model": "n"}, {"x-api-key": "abc"})
    tally = provider.tally()
    assert {name: row.billed.output for name, row in tally.models.items()} == {"m": 1, "n": 6}
    assert sorted(row.billed.output for row in tally.callers.values()) == [1, 6]
    assert tally.callers["b1"].billed.total == 2


COUNTS: dict[str, tuple[str, Any, Any]] = {
    # what is counted: (path, body, reply), one token for four bytes and three for the frame
    "anthropic": (f"{MESSAGES}/count_tokens", CHAT, {"input_tokens": 4}),
    "responses": (
        f"{RESPONSES}/input_tokens",
        {"model": "m", "input": "12345678"},
        {"object": "response.input_tokens", "input_tokens": 5},
    ),
    "gemini": (
        "/v1beta/models/m:countTokens",
        {"generateContentRequest": {"contents": [{"parts": [{"text": "123456789"}]}]}},
        {"totalTokens": 6},
    ),
    "converse": (
        "/model/m/count-tokens",
        {"input": {"converse": {"messages": [{"content": [{"text": "1234"}]}]}}},
        {"inputTokens": 4},
    ),
    "invoke": (
        "/model/m/count-tokens",
        {"input": {"invokeModel": {"body": b64encode(json.dumps(NATIVE).encode()).decode()}}},
        {"inputTokens": 4},
    ),
}


@pytest.mark.parametrize(("path", "body", "expected"), COUNTS.values(), ids=COUNTS)
def test_counts(path: str, body: Any, expected: Any, provider: Remote, post: Post) -> None:
    """Counting costs nothing and gives what a reply would be billed."""
    status, _, reply = post(path, body)
    assert (status, json.loads(reply)) == (200, expected)
    assert provider.tally().total.billed.requests == 0


@pytest.mark.parametrize("body", [{}, {"input": {}}, {"input": {"invokeModel": {"body": "x"}}}])
def test_broken_counts(body: Any, post: Post) -> None:
    """A count of nothing is refused."""
    assert post("/model/m/count-tokens", body)[0] == 400


PLACES: dict[str, tuple[str, dict[str, str], int, str]] = {
    # where: (method and path, headers, status, what the body holds)
    "hello": ("GET /", {}, 200, "mock provider"),
    "hello to Anthropic": ("GET /anthropic", {}, 200, "mock provider"),
    "Claude Code's hello": ("GET /api/hello", {}, 200, "mock provider"),
    "models": ("GET /v1/models", {}, 200, '"object":"list"'),
    "models of Anthropic": ("GET /v1/models", {"anthropic-version": "1"}, 200, '"has_more"'),
    "models of Gemini": ("GET /gemini/v1/models", {}, 200, "models/mock"),
    "models of Ollama": ("GET /api/tags", {}, 200, '"model":"mock"'),
    "nowhere": ("GET /nowhere", {}, 404, '"invalid_request_error"'),
    "nowhere at Anthropic": ("POST /anthropic/v2", {}, 404, '"not_found_error"'),
    "nowhere at Gemini": ("POST /v1/models/m:dance", {}, 404, '"NOT_FOUND"'),
    "nowhere at Bedrock": ("POST /model/m/dance", {}, 404, '"message"'),
    "another method": ("GET /v1/messages", {}, 404, "GET /v1/messages"),
    "no such page": ("GET /_mock/nothing", {}, 404, "no such page"),
    "a number that is none": ("GET /_mock/requests?last=x", {}, 400, "last"),
    "a script that is none": ("POST /_mock/script", {}, 400, "does not read"),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_places(place: tuple[str, dict[str, str], int, str], provider: Remote) -> None:
    """Everything else that a client may ask for; the connection stays usable."""
    target, headers, status, held = place
    connection = HTTPConnection("127.0.0.1", provider.port, timeout=30)
    method, path = target.split()
    connection.request(method, path, headers=headers)
    reply = connection.getresponse()
    assert (reply.status, held in reply.read().decode()) == (status, True)
    connection.request("HEAD", "/")
    head = connection.getresponse()
    assert (head.status, head.read()) == (200, b"")
    connection.close()


def test_models_are_those_with_a_script(post: Post) -> None:
    """Every name that is listed can be asked for."""
    for model in NAMED:
        if model not in ("mock-slow", "mock-stalling", "mock-leaving", "mock-endless"):
            assert post(MESSAGES, NATIVE | {"model": model})[0] in (200, 429, 500, 529)


def test_tools_of_a_script_need_no_offer(provider: Remote, post: Post) -> None:
    """What Python says is done as it is said."""
    provider.say(Script(tools=(Tool("anything", '{"a": 1}'),)))
    call = json.loads(post(CHATS, CHAT)[2])["choices"][0]["message"]["tool_calls"][0]
    assert call["function"] == {"name": "anything", "arguments": '{"a": 1}'}
