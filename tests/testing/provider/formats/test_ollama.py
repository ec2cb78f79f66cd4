import json
from collections.abc import Callable

from stopper.testing.provider import Remote, Script, Tool

Post = Callable[..., tuple[int, dict[str, str], bytes]]

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_lines(provider: Remote, post: Post) -> None:
    """Thoughts, words and whole calls, each in its line; only the last is done."""
    provider.say(Script(thinking=2, tokens=1, tools=(Tool("f", '{"a":1}'),)))
    _, headers, body = post("/api/chat", BODY)
    lines = [json.loads(line) for line in body.splitlines()]
    assert headers["content-type"] == "application/x-ndjson"
    assert [line["done"] for line in lines] == [False] * 4 + [True]
    assert ["thinking" in line["message"] for line in lines] == [True] * 2 + [False] * 3
    assert lines[3]["message"]["tool_calls"] == [{"function": {"name": "f", "arguments": {"a": 1}}}]
    assert lines[4]["eval_count"] == provider.tally().total.billed.output == 5


def test_hidden_thoughts(provider: Remote, post: Post) -> None:
    """Thoughts are not shown to those who do not want them."""
    provider.say(Script(thinking=9, tokens=1))
    body = post("/api/chat", BODY | {"think": False})[2]
    assert b"thinking" not in body
    assert json.loads(body.splitlines()[-1])["eval_count"] == 10


def test_no_limit(post: Post) -> None:
    """A negative limit is none."""
    reply = json.loads(
        post(
            "/api/generate",
            {"model": "m", "prompt": "", "stream": False, "options": {"num_predict": -1}},
        )[2]
    )
    assert (reply["done_reason"], reply["eval_count"]) == ("stop", 32)
