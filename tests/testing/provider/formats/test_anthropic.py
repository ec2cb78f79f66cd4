"""The official client against the mock provider."""

import json
from collections.abc import Iterator

import anthropic
import pytest
from anthropic import Anthropic

from stopper.testing.provider import Fault, Remote, Script, Tool

USER: list[anthropic.types.MessageParam] = [{"role": "user", "content": "hi"}]
TOOLS: list[anthropic.types.ToolParam] = [{"name": "sh", "input_schema": {"type": "object"}}]


@pytest.fixture
def client(provider: Remote) -> Iterator[Anthropic]:
    with Anthropic(base_url=provider.url, api_key="none", max_retries=0) as client:
        yield client


def test_whole(client: Anthropic, provider: Remote) -> None:
    """A reply in one piece."""
    reply = client.messages.create(model="m", max_tokens=9, messages=USER)
    billed = provider.tally().total.completed
    assert reply.stop_reason == "max_tokens"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (billed.input, 9)


def test_stream_with_everything(client: Anthropic, provider: Remote) -> None:
    """Thinking, text and two tool calls arrive as they were told, with usage that adds up."""
    arguments = {"command": 'echo "höl\n" && ls', "list": [[1], {}]}
    provider.say(
        Script(
            thinking=5,
            text="Let me see. ",
            tools=(Tool("sh", json.dumps(arguments)), Tool("sh")),
            cache_read=9,
            cache_write=7,
            cache_write_1h=3,
        )
    )
    with client.messages.stream(model="m", max_tokens=999, messages=USER, tools=TOOLS) as stream:
        kinds = {event.type for event in stream}
        reply = stream.get_final_message()
    billed = provider.tally().total.completed
    thinking, text, first, second = reply.content
    assert {"thinking", "signature", "text", "input_json", "message_stop"} <= kinds
    assert (thinking.type, text.type, first.type, second.type) == (
        "thinking", "text", "tool_use", "tool_use",
    )  # fmt: skip
    assert text.type == "text"
    assert text.text == "Let me see. "
    assert first.type == second.type == "tool_use"
    assert (first.input, second.input) == (arguments, {})
    assert reply.stop_reason == "tool_use"
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens) == (billed.input, billed.output)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (9, 7)
    assert usage.cache_creation is not None
    assert usage.cache_creation.ephemeral_1h_input_tokens == 3


def test_thinking_may_be_hidden(client: Anthropic, provider: Remote) -> None:
    """Thoughts that are not shown are billed all the same."""
    provider.say(Script(thinking=30, tokens=2))
    reply = client.messages.create(
        model="m",
        max_tokens=99,
        messages=USER,
        thinking={"type": "adaptive", "display": "omitted"},
    )
    assert reply.content[0].type == "thinking"
    assert reply.content[0].thinking == ""
    assert reply.usage.output_tokens == 32


def test_input_may_be_restated(client: Anthropic, provider: Remote) -> None:
    """The last word on input counts, not the first."""
    provider.say(Script(input=10, cache_read=90, cache_write=20, restate_input=True))
    stream = client.messages.create(model="m", max_tokens=9, messages=USER, stream=True)
    events = list(stream)
    assert events[0].type == "message_start"
    assert (
        events[0].message.usage.input_tokens,
        events[0].message.usage.cache_read_input_tokens,
    ) == (120, 0)
    assert events[-2].type == "message_delta"
    assert (events[-2].usage.input_tokens, events[-2].usage.cache_read_input_tokens) == (10, 90)
    assert events[-2].usage.cache_creation_input_tokens == 20


def test_count_tokens(client: Anthropic, provider: Remote) -> None:
    """The count endpoint says what a reply is billed for."""
    counted = client.messages.count_tokens(model="m", messages=USER, system="Be good.", tools=TOOLS)
    client.messages.create(model="m", max_tokens=1, messages=USER, system="Be good.", tools=TOOLS)
    assert counted.input_tokens == provider.tally().total.billed.input


def test_models(client: Anthropic) -> None:
    """Models are listed."""
    assert "mock-slow" in {model.id for model in client.models.list()}


def test_errors(client: Anthropic, provider: Remote) -> None:
    """The client raises what it would raise for the real ones, before and inside a stream."""
    provider.say(
        Script(fault=Fault(429)), Script(fault=Fault(529)), Script(fault=Fault(529, after=0))
    )
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(model="m", max_tokens=9, messages=USER)
    with pytest.raises(anthropic.APIStatusError) as error:
        client.messages.create(model="m", max_tokens=9, messages=USER)
    assert error.value.status_code == 529
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        list(client.messages.create(model="m", max_tokens=9, messages=USER, stream=True))
