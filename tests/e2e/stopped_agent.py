"""An agent on the official SDKs that goes on until it is stopped, and says what each call raised."""

# ruff: noqa: T201  an agent says what it does

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai

MODEL = "mock"
MOST = 100
MOST_CALLS = 50

Call = Callable[[str, bool], AsyncIterator[Any]]


async def main(mode: str, prompt: str) -> None:
    """`spend` calls until every API refuses; `stream` reads one stream of each to its end."""
    async with anthropic.AsyncAnthropic() as claude, openai.AsyncOpenAI() as gpt:
        calls: dict[str, Call] = {
            "messages": messages(claude),
            "chat": chat(gpt),
            "responses": responses(gpt),
        }
        if mode == "spend":
            for name, call in calls.items():
                for stream in (False, True):
                    await told(name, spend(call, prompt, stream))
        else:
            opened = asyncio.Barrier(len(calls))
            async with asyncio.TaskGroup() as group:
                for name, call in calls.items():
                    group.create_task(told(name, read(call, prompt, opened)))


async def told(name: str, work: Awaitable[int]) -> None:
    """Print what came of it."""
    error: Exception | None = None
    count = 0
    try:
        count = await work
    except (anthropic.APIError, openai.APIError) as raised:
        error = raised
    said = {
        "api": name,
        "count": count,
        "error": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "message": str(error),
    }
    print(json.dumps(said), flush=True)


async def spend(call: Call, prompt: str, stream: bool) -> int:
    """Call again and again; gives the number of calls where none is refused."""
    for _ in range(MOST_CALLS):
        async for _ in call(prompt, stream):
            pass
    return MOST_CALLS


async def read(call: Call, prompt: str, opened: asyncio.Barrier) -> int:
    """Read a stream; says when all of them have begun. Gives the number of events."""
    count = 0
    async for _ in call(prompt, True):
        count += 1
        if count == 1 and await opened.wait() == 0:
            print("open", flush=True)
    return count


def messages(client: anthropic.AsyncAnthropic) -> Call:
    """The Messages API."""

    async def call(prompt: str, stream: bool) -> AsyncIterator[Any]:
        reply: Any = await client.messages.create(
            model=MODEL,
            max_tokens=MOST,
            messages=[{"role": "user", "content": prompt}],
            stream=stream,
        )
        async with streamed(reply, stream) as events:
            async for event in events:
                yield event

    return call


def chat(client: openai.AsyncOpenAI) -> Call:
    """The Chat Completions API."""

    async def call(prompt: str, stream: bool) -> AsyncIterator[Any]:
        reply: Any = await client.chat.completions.create(
            model=MODEL,
            max_tokens=MOST,
            messages=[{"role": "user", "content": prompt}],
            stream=stream,
        )
        async with streamed(reply, stream) as events:
            async for event in events:
                yield event

    return call


def responses(client: openai.AsyncOpenAI) -> Call:
    """The Responses API."""

    async def call(prompt: str, stream: bool) -> AsyncIterator[Any]:
        reply: Any = await client.responses.create(
            model=MODEL, max_output_tokens=MOST, input=prompt, stream=stream
        )
        async with streamed(reply, stream) as events:
            async for event in events:
                yield event

    return call


@asynccontextmanager
async def streamed(reply: Any, stream: bool) -> AsyncIterator[AsyncIterator[Any]]:
    """The events of a stream; of a reply in one piece, that piece."""
    if stream:
        async with reply:
            yield reply
    else:
        yield one(reply)


async def one(reply: Any) -> AsyncIterator[Any]:
    """A reply as the only event."""
    yield reply


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
