"""The official client against the mock provider."""

import json
from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam

from stopper.testing.provider import Fault, Remote, Script, Tool

USER: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
TOOLS: list[ChatCompletionFunctionToolParam] = [
    {"type": "function", "function": {"name": "sh", "parameters": {"type": "object"}}}
]


@pytest.fixture
def client(provider: Remote) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{provider.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_whole(client: OpenAI, provider: Remote) -> None:
    """Each of three choices has the caller's limit, and the prompt is billed once."""
    reply = client.chat.completions.create(model="m", messages=USER, n=3, max_tokens=9)
    billed = provider.tally().total.completed
    assert [choice.finish_reason for choice in reply.choices] == ["length"] * 3
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (billed.input, 27)


def test_the_newer_limit_wins(client: OpenAI) -> None:
    """`max_completion_tokens` is looked at first."""
    reply = client.chat.completions.create(
        model="m", messages=USER, max_tokens=9, max_completion_tokens=4
    )
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 4


def test_usage_is_streamed_only_when_asked_for(client: OpenAI) -> None:
    """The extra chunk has no choices; with it, all others say that they have no usage."""
    plain = list(client.chat.completions.create(model="m", messages=USER, stream=True, n=2))
    asked = list(
        client.chat.completions.create(
            model="m", messages=USER, stream=True, n=2, stream_options={"include_usage": True}
        )
    )
    assert all(chunk.choices and "usage" not in chunk.model_fields_set for chunk in plain)
    *most, last = asked
    assert all(chunk.choices and "usage" in chunk.model_fields_set for chunk in most)
    assert (last.choices, last.usage and last.usage.completion_tokens) == ([], 64)
    assert len(asked) == len(plain) + 1


def test_stream_with_tools(client: OpenAI, provider: Remote) -> None:
    """Fragments of two calls add up to their arguments; thoughts are hidden and billed."""
    arguments = '{"command": "echo \\"höl\\" && ls", "list": [[1], {}]}'
    provider.say(Script(thinking=5, text="See: ", tools=(Tool("sh", arguments), Tool("sh"))))
    with client.chat.completions.stream(
        model="m", messages=USER, tools=TOOLS, stream_options={"include_usage": True}
    ) as stream:
        reply = stream.get_final_completion()
    message = reply.choices[0].message
    assert (message.content, reply.choices[0].finish_reason) == ("See: ", "tool_calls")
    assert message.tool_calls is not None
    assert [call.function.arguments for call in message.tool_calls] == [arguments, "{}"]
    assert reply.usage is not None
    assert reply.usage.completion_tokens_details is not None
    assert reply.usage.completion_tokens_details.reasoning_tokens == 5
    assert reply.usage.completion_tokens == provider.tally().total.completed.output


def test_errors(client: OpenAI, provider: Remote) -> None:
    """The client raises what it would raise for the real ones, before and inside a stream."""
    provider.say(Script(fault=Fault(429)), Script(fault=Fault(500, "Broken.", after=3)))
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="m", messages=USER)
    with pytest.raises(openai.APIError, match=r"Broken\."):
        list(client.chat.completions.create(model="m", messages=USER, stream=True))


def test_models(client: OpenAI) -> None:
    """Models are listed."""
    assert "mock-slow" in {model.id for model in client.models.list()}


def test_azure(provider: Remote) -> None:
    """Azure's client names the model in the path, and is sent a chunk about its filters first."""
    with openai.AzureOpenAI(
        azure_endpoint=provider.url, api_key="none", api_version="2024-10-21", max_retries=0
    ) as client:
        chunks = list(client.chat.completions.create(model="dep", messages=USER, stream=True))
    assert chunks[0].choices == []
    assert chunks[0].model_extra is not None
    assert json.dumps(chunks[0].model_extra).count("prompt_filter_results") == 1
    assert list(provider.tally().models) == ["dep"]
