import json
from collections.abc import Callable

from stopper.testing.provider import Remote, Script, Tool

Post = Callable[..., tuple[int, dict[str, str], bytes]]

BODY = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
STREAM = "/v1beta/models/m:streamGenerateContent"
SHOWN = BODY | {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}


def test_usage_grows(provider: Remote, post: Post) -> None:
    """Each chunk states all there is so far; thoughts and candidates are apart."""
    provider.say(Script(thinking=2, tokens=2, input=5))
    chunks = json.loads(post(STREAM, SHOWN)[2])
    stated = [chunk["usageMetadata"] for chunk in chunks]
    assert [use.get("thoughtsTokenCount") for use in stated] == [1, 2, 2, 2, 2]
    assert [use.get("candidatesTokenCount") for use in stated] == [None, None, 1, 2, 2]
    assert [use["totalTokenCount"] for use in stated] == [6, 7, 8, 9, 9]


def test_hidden_thoughts(provider: Remote, post: Post) -> None:
    """Thoughts are shown only to those who ask, and billed to all."""
    provider.say(*[Script(thinking=3, tokens=1)] * 2)
    hidden, shown = (post(STREAM, body)[2].count(b'"thought":true') for body in (BODY, SHOWN))
    assert (hidden, shown) == (0, 3)
    assert provider.tally().total.billed.reasoning == 6


def test_candidates_and_calls(provider: Remote, post: Post) -> None:
    """Every candidate is billed, and calls have objects as arguments."""
    provider.say(*[Script(tools=(Tool("f", '{"a":1}'),))] * 2)
    body = BODY | {"generationConfig": {"candidateCount": 2}}
    whole = json.loads(post("/v1beta/models/m:generateContent", body)[2])
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    assert [c["content"]["parts"] for c in whole["candidates"]] == [[call], [call]]
    assert whole["usageMetadata"]["candidatesTokenCount"] == 4
    assert post(STREAM, body)[2].count(b'"functionCall"') == 2
    assert provider.tally().total.billed.output == 8


def test_keys_in_queries_are_hashed(provider: Remote, post: Post) -> None:
    """A key in the query is a credential like any other."""
    post(f"{STREAM}?key=abc&alt=sse", BODY)
    post(STREAM, BODY, {"x-goog-api-key": "abc"})
    first, second = provider.requests()
    assert first.authorization_sha256 == second.authorization_sha256 != ""
    assert first.path == f"{STREAM}?key={first.authorization_sha256}&alt=sse"
    assert len(provider.tally().callers) == 1
