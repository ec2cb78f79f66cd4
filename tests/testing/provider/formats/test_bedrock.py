import json
from collections.abc import Callable

from stopper.testing.provider import Fault, Remote, Script, Tool

Post = Callable[..., tuple[int, dict[str, str], bytes]]

BODY = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
NATIVE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "hi"}],
}
MODEL = "/model/anthropic.claude-x-v1%3A0"


def test_models_are_named_in_paths(provider: Remote, post: Post) -> None:
    """The path is decoded."""
    post(f"{MODEL}/converse", BODY)
    assert list(provider.tally().models) == ["anthropic.claude-x-v1:0"]


def test_converse_with_everything(provider: Remote, post: Post) -> None:
    """Thoughts, text and calls are blocks of their own."""
    provider.say(*[Script(thinking=2, tokens=3, tools=(Tool("f", '{"a":1}'),))] * 2)
    blocks = json.loads(post(f"{MODEL}/converse", BODY)[2])["output"]["message"]["content"]
    assert [list(block) for block in blocks] == [["reasoningContent"], ["text"], ["toolUse"]]
    assert blocks[2]["toolUse"]["input"] == {"a": 1}
    _, headers, body = post(f"{MODEL}/converse-stream", BODY)
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert body.count(b"contentBlockStart") == 1
    assert body.count(b"contentBlockStop") == 3
    assert body.index(b"messageStop") < body.index(b"metadata")


def test_counts_in_headers(provider: Remote, post: Post) -> None:
    """A reply in one piece states its tokens in headers too."""
    provider.say(Script(tokens=5, input=9))
    _, headers, _ = post(f"{MODEL}/invoke", NATIVE)
    counts = [headers[f"x-amzn-bedrock-{kind}-token-count"] for kind in ("input", "output")]
    assert counts == ["9", "5"]


def test_exceptions(provider: Remote, post: Post) -> None:
    """The kind of an error is in a header before a stream, and in the frame inside one."""
    provider.say(Script(fault=Fault(429)), Script(fault=Fault(429, after=1)))
    assert post(f"{MODEL}/converse", BODY)[1]["x-amzn-errortype"] == "ThrottlingException"
    assert b"throttlingException" in post(f"{MODEL}/converse-stream", BODY)[2]
