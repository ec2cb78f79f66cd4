"""The anthropic and openai SDKs over a transport that meters, keeps to budgets and tries again.

Run it against a mock provider that is busy at first: `python examples/llm_client.py`.
"""

import asyncio
import tempfile
from pathlib import Path

import anthropic
import httpx2
import openai

from stopper.http import MeteredTransport
from stopper.io_budget import ProviderBudget
from stopper.telemetry import TokenLedger
from stopper.testing.provider import Fault, Provider, Script

CLAUDE, GPT = "claude-sonnet-5", "gpt-5-mini"


async def complete(client: anthropic.AsyncAnthropic, prompt: str) -> str:
    """One call; what it used is recorded below the SDK."""
    reply = await client.messages.create(
        model=CLAUDE, max_tokens=300, messages=[{"role": "user", "content": prompt}]
    )
    return f"{reply.usage.output_tokens} tokens"


async def stream(client: openai.AsyncOpenAI, prompt: str) -> str:
    """A stream is metered as well, though nobody asks for its usage."""
    chunks = await client.chat.completions.create(
        model=GPT, messages=[{"role": "user", "content": prompt}], stream=True
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])


async def show(url: str, provider: Provider, ledger: TokenLedger) -> None:
    """Be told to wait, stream, and be refused."""
    small = ProviderBudget(max_input_tokens=500, max_output_tokens=100)
    under = MeteredTransport(ledger, provider="anthropic", budget=small)
    claude = anthropic.AsyncAnthropic(
        api_key="none", base_url=url, http_client=httpx2.AsyncClient(transport=under), max_retries=0
    )
    gpt = openai.AsyncOpenAI(
        api_key="none",
        base_url=f"{url}/v1",
        http_client=httpx2.AsyncClient(transport=MeteredTransport(ledger, provider="openai")),
        max_retries=0,
    )
    async with claude, gpt:
        provider.say(Script(fault=Fault(status=429, headers={"retry-after-ms": "50"})))
        print(f"{CLAUDE}, told to wait first: {await complete(claude, 'Hello?')}")
        print(f"{GPT} streams: {await stream(gpt, 'Say something. [[mock: tokens=8]]')}")
        clamped = await complete(claude, "A long story, please. [[mock: tokens=5000]]")
        print(f"{CLAUDE}, asked for 300 tokens: {clamped}")
        try:
            await complete(claude, "word " * 1000)
        except anthropic.APIStatusError as error:
            print(f"{CLAUDE}, asked too much at once: {error.body['error']['message']}")


async def main() -> None:
    """Serve the mock provider, and print what the ledger says in the end."""
    with tempfile.TemporaryDirectory(prefix="stopper-example-") as folder:
        ledger = TokenLedger(Path(folder) / "usage.jsonl")
        async with Provider() as provider:
            await show(provider.url, provider, ledger)
        for name in ledger.providers():
            burn = ledger.check_burn_rate(name)
            print(f"{name}: {burn.requests} calls, {burn.used_tokens} tokens, {burn.action}")


if __name__ == "__main__":
    asyncio.run(main())
