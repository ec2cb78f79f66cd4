"""A small agent for the demo: the official SDKs, one tool, and no idea that it is in a bottle."""

import json
import os
import secrets
import string
import subprocess
import urllib.error
import urllib.request

import anthropic
import openai

CLAUDE, GPT = "claude-sonnet-5", "gpt-5-mini"
LIST_FILES = {
    "name": "list_files",
    "description": "List the files of a folder.",
    "input_schema": {"type": "object", "properties": {"folder": {"type": "string"}}},
}


def title(number: int, text: str) -> None:
    """Announce a scene."""
    print(f"\n\033[1m{number}. {text}\033[0m" if os.isatty(1) else f"\n{number}. {text}")


def say(text: str) -> None:
    """One indented line."""
    print(f"   {text}", flush=True)


def use_a_tool(client: anthropic.Anthropic) -> None:
    """Two turns: the model asks for a tool, the agent runs it, the model concludes."""
    ask = 'What is in this folder? [[mock: tool=list_files:{"folder":"."} then tokens=16]]'
    messages: list[anthropic.types.MessageParam] = [{"role": "user", "content": ask}]
    reply = client.messages.create(
        model=CLAUDE, max_tokens=300, messages=messages, tools=[LIST_FILES]
    )
    call = next(block for block in reply.content if block.type == "tool_use")
    found = subprocess.run(["ls", call.input["folder"]], capture_output=True, text=True, check=True)
    say(f"{CLAUDE} calls {call.name}({json.dumps(call.input)}) -> {found.stdout.split()}")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": found.stdout}
    messages += [
        {"role": "assistant", "content": reply.content},
        {"role": "user", "content": [result]},
    ]
    reply = client.messages.create(
        model=CLAUDE, max_tokens=300, messages=messages, tools=[LIST_FILES]
    )
    say(f"{CLAUDE} says: {reply.content[0].text!r}")


def stream_an_answer(client: openai.OpenAI) -> None:
    """An ordinary stream."""
    stream = client.chat.completions.create(
        model=GPT,
        messages=[{"role": "user", "content": "Say something. [[mock: tokens=24 delay_ms=15]]"}],
        stream=True,
    )
    print(f"   {GPT} streams: ", end="")
    for chunk in stream:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()


def go_elsewhere() -> None:
    """What a prompt injection would try."""
    for url in ("https://example.com/upload", "http://169.254.169.254/latest/meta-data/"):
        try:
            urllib.request.urlopen(url, timeout=5)  # noqa: S310  it is refused
        except urllib.error.HTTPError as error:
            say(f"{url}\n      {json.load(error)['error']['message']}")
        except OSError as error:
            say(f"{url}\n      {error}")


def tell_a_secret(client: anthropic.Anthropic) -> None:
    """A token that stands in what the agent read; the model is asked to repeat it."""
    token = "gh" + "p_" + "".join(secrets.choice(string.ascii_letters) for _ in range(36))
    ask = f'What does .netrc say? [[mock: text="password {token}"]]'
    reply = client.messages.create(
        model=CLAUDE, max_tokens=100, messages=[{"role": "user", "content": ask}]
    )
    say(f"sent 'password {token[:8]}...', and {CLAUDE} read {reply.content[0].text!r}")


def ask_for_too_much(client: anthropic.Anthropic) -> None:
    """More than the budget can pay: the limit is lowered before the request leaves."""
    ask = "Write a long story. [[mock: tokens=100000]]"
    reply = client.messages.create(
        model=CLAUDE, max_tokens=64_000, messages=[{"role": "user", "content": ask}], timeout=60
    )
    say(f"asked for 64,000 tokens, was given {reply.usage.output_tokens:,} ({reply.stop_reason})")


def run_away(client: openai.OpenAI) -> None:
    """A model that does not stop where it was told to."""
    ask = "Never stop. [[mock: tokens=100000 delay_ms=25 ignore_limit]]"
    print(f"   {GPT} streams: ", end="")
    try:
        for chunk in client.chat.completions.create(
            model=GPT, messages=[{"role": "user", "content": ask}], stream=True
        ):
            print(chunk.choices[0].delta.content or "", end="", flush=True)
    except openai.APIError as error:
        print(f"\n   cut: {error.message}")


def try_again(client: openai.OpenAI) -> None:
    """Nothing leaves any more."""
    try:
        client.chat.completions.create(model=GPT, messages=[{"role": "user", "content": "Please?"}])
    except openai.APIError as error:
        say(f"refused: {error.message}")


def main() -> None:
    """Live through it all."""
    claude, gpt = anthropic.Anthropic(), openai.OpenAI()
    title(1, "Every model call is metered, from the provider's own numbers")
    say(f"the key in here is {os.environ['ANTHROPIC_API_KEY']!r}")
    use_a_tool(claude)
    stream_an_answer(gpt)
    title(2, "Only what is allowed can be reached")
    go_elsewhere()
    title(3, "Secrets stay in")
    tell_a_secret(claude)
    title(4, "A request that asks for more than is left is clamped")
    ask_for_too_much(claude)
    title(5, "A reply that outgrows the budget is cut in mid-stream")
    run_away(gpt)
    title(6, "And then nothing leaves any more")
    try_again(gpt)


if __name__ == "__main__":
    main()
