"""An agent on the official SDKs: makes every kind of call, and says how many it made."""

# ruff: noqa: T201  an agent says what it does

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

import anthropic
import openai

CLAUDES = ("claude-sonnet-4-5", "claude-opus-4-1")
GPTS = ("gpt-4.1", "gpt-4o-mini")
MOST = 1000
MOST_TURNS = 3
AT_ONCE = 8

PROMPTS = {
    "plain": "[[mock: tokens=40]]",
    "cached": "[[mock: tokens=50 cache_read=700 cache_write=60]]",
    "thinking": "[[mock: thinking=30 tokens=20]]",
    "compressed": "[[mock: tokens=40 encoding=zstd force_encoding]]",
    "in small writes": "[[mock: tokens=40 write_bytes=7]]",
    "with tools": '[[mock: tool=weather:{"city": "Oslo"} then text="It is cold."]]',
}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

Ask = Callable[[list[Any], str, bool], tuple[str, list[Any]]]


def main() -> None:
    """Call through the gateway, and then as through a proxy, without any base URL."""
    keys = {name: value for name, value in os.environ.items() if name.endswith("_API_KEY")}
    print(*sorted(keys.values()))
    calls = call_all()
    for name in [name for name in os.environ if name.endswith("_BASE_URL")]:
        del os.environ[name]
    calls += call_all()
    print(calls)


def call_all() -> int:
    """Every prompt in every way; gives the number of requests."""
    claude, gpt = anthropic.Anthropic(), openai.OpenAI()
    print(claude.base_url, gpt.base_url, file=sys.stderr)
    calls = asyncio.run(call_at_once())
    for number, prompt in enumerate(PROMPTS.values()):
        for stream in (False, True):
            calls += converse(messages(claude), prompt, CLAUDES[number % 2], stream)
            calls += converse(chat(gpt), prompt, GPTS[number % 2], stream)
            calls += converse(responses(gpt), prompt, GPTS[number % 2], stream)
    return calls


def converse(ask: Ask, prompt: str, model: str, stream: bool) -> int:
    """Ask, and answer tool calls until the model has something to say."""
    said: list[Any] = [{"role": "user", "content": prompt}]
    for turn in range(1, MOST_TURNS):
        text, more = ask(said, model, stream)
        if not more:
            assert text, (prompt, model, stream)
            assert (turn == 2) == ("tool=" in prompt)
            return turn
        said += more
    raise AssertionError(prompt)


def messages(client: anthropic.Anthropic) -> Ask:
    """The Messages API."""
    tools = [{"name": "weather", "description": "Tells the weather.", "input_schema": WEATHER}]

    def ask(said: list[Any], model: str, stream: bool) -> tuple[str, list[Any]]:
        asked: dict[str, Any] = {"model": model, "max_tokens": MOST, "messages": said}
        asked["tools"] = tools
        if stream:
            with client.messages.stream(**asked) as live:
                reply = live.get_final_message()
        else:
            reply = client.messages.create(**asked)
        called = [block for block in reply.content if block.type == "tool_use"]
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": f"-3 in {block.input}"}
            for block in called
        ]
        more = [
            {"role": "assistant", "content": reply.content},
            {"role": "user", "content": results},
        ]
        text = "".join(block.text for block in reply.content if block.type == "text")
        return text, more if called else []

    return ask


def chat(client: openai.OpenAI) -> Ask:
    """The Chat Completions API; every other stream asks for no usage."""
    tools = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
    streams = 0

    def ask(said: list[Any], model: str, stream: bool) -> tuple[str, list[Any]]:
        nonlocal streams
        asked: dict[str, Any] = {"model": model, "max_tokens": MOST, "messages": said}
        asked["tools"] = tools
        if not stream:
            reply = client.chat.completions.create(**asked).choices[0].message
        else:
            streams += 1
            if streams % 2:
                asked["stream_options"] = {"include_usage": True}
            with client.chat.completions.stream(**asked) as live:
                reply = live.get_final_completion().choices[0].message
        more: list[Any] = [reply.model_dump(exclude_none=True, exclude={"parsed"})]
        more += [
            {"role": "tool", "tool_call_id": call.id, "content": "-3"}
            for call in reply.tool_calls or []
        ]
        return reply.content or "", more if reply.tool_calls else []

    return ask


def responses(client: openai.OpenAI) -> Ask:
    """The Responses API."""
    tools = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": False}]

    def ask(said: list[Any], model: str, stream: bool) -> tuple[str, list[Any]]:
        asked: dict[str, Any] = {"model": model, "max_output_tokens": MOST, "input": said}
        asked |= {"tools": tools, "store": False}
        if stream:
            with client.responses.stream(**asked) as live:
                reply = live.get_final_response()
        else:
            reply = client.responses.create(**asked)
        called = [item for item in reply.output if item.type == "function_call"]
        more: list[Any] = [item.model_dump(exclude={"parsed_arguments"}) for item in called]
        more += [
            {"type": "function_call_output", "call_id": item.call_id, "output": "-3"}
            for item in called
        ]
        return reply.output_text, more

    return ask


async def call_at_once() -> int:
    """Streams of both vendors, all open together."""
    async with anthropic.AsyncAnthropic() as claude, openai.AsyncOpenAI() as gpt:
        said: list[Any] = [{"role": "user", "content": "[[mock: tokens=60 delay_ms=1]]"}]

        async def stream_claude() -> None:
            async with claude.messages.stream(
                model=CLAUDES[0], max_tokens=MOST, messages=said
            ) as live:
                assert await live.get_final_text()

        async def stream_gpt() -> None:
            async with gpt.responses.stream(model=GPTS[0], input=said) as live:
                assert (await live.get_final_response()).output_text

        await asyncio.gather(*(ask() for ask in (stream_claude, stream_gpt) * AT_ONCE))
    return 2 * AT_ONCE


if __name__ == "__main__":
    main()
