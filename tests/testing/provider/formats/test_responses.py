"""The official client against the mock provider."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from stopper.testing.provider import Fault, Remote, Script, Tool

Post = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def client(provider: Remote) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{provider.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_whole(client: OpenAI, provider: Remote) -> None:
    """A reply in one piece, cut by the limit."""
    reply = client.responses.create(model="m", input="hi", max_output_tokens=5)
    assert reply.incomplete_details is not None
    assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert reply.usage is not None
    assert reply.usage.output_tokens == provider.tally().total.completed.output == 5


def test_stream_with_everything(client: OpenAI, provider: Remote) -> None:
    """Every event has its number, and items end as they were told."""
    provider.say(
        Script(thinking=4, text="See: ", tools=(Tool("f", '{"a": [1, 2]}'),), cache_read=8)
    )
    with client.responses.stream(model="m", input="hi") as stream:
        numbers = [event.sequence_number for event in stream]
        reply = stream.get_final_response()
    assert numbers == list(range(len(numbers)))
    assert [item.type for item in reply.output] == ["reasoning", "message", "function_call"]
    assert reply.output_text == "See: "
    call = reply.output[2]
    assert call.type == "function_call"
    assert json.loads(call.arguments) == {"a": [1, 2]}
    assert reply.usage is not None
    assert reply.usage.input_tokens_details.cached_tokens == 8
    assert reply.usage.output_tokens_details.reasoning_tokens == 4
    assert reply.usage.output_tokens == provider.tally().total.completed.output


def test_incomplete_streams(client: OpenAI) -> None:
    """The limit ends a stream with an event of its own."""
    stream = client.responses.create(model="m", input="hi", max_output_tokens=2, stream=True)
    *_, last = stream
    assert last.type == "response.incomplete"


def test_errors(client: OpenAI, provider: Remote) -> None:
    """The client raises before a stream; inside one it is given `error` and `response.failed`."""
    provider.say(Script(fault=Fault(429)), Script(fault=Fault(500, "Broken.", after=3)))
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model="m", input="hi")
    *events, error, failed = client.responses.create(model="m", input="hi", stream=True)
    assert error.type == "error"
    assert failed.type == "response.failed"
    assert failed.response.error is not None
    assert (error.message, failed.response.error.message) == ("Broken.", "Broken.")
    numbers = [event.sequence_number for event in (*events, error, failed)]
    assert numbers == list(range(len(numbers)))


CUSTOM = {"type": "custom", "name": "exec"}
OFFERS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    # where the tool is offered: (more of the body, items before the prompt)
    "beside the input": ({"tools": [CUSTOM]}, []),
    "in a namespace": ({"tools": [{"type": "namespace", "name": "n", "tools": [CUSTOM]}]}, []),
    "in the input": ({}, [{"type": "additional_tools", "tools": [CUSTOM]}]),
}


@pytest.mark.parametrize(("more", "items"), OFFERS.values(), ids=OFFERS)
def test_tools_of_free_text(
    more: dict[str, Any], items: list[dict[str, Any]], provider: Remote, post: Post
) -> None:
    """A tool that takes a text gets the text, wherever it was offered."""
    prompt = {"role": "user", "content": '[[mock: tool=exec:"text(\\"a\\")"]]'}
    body = {"model": "m", "input": [*items, prompt]} | more
    call = json.loads(post("/v1/responses", body)[2])["output"][0]
    assert (call["type"], call["name"], call["input"]) == ("custom_tool_call", "exec", 'text("a")')
    reply = post("/v1/responses", body | {"stream": True})[2]
    assert b"response.custom_tool_call_input.done" in reply
    assert provider.tally().total.billed.output == 2 * 2
