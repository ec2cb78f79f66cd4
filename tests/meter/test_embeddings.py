from typing import Any

import msgspec
import pytest

from stopper.core.reason import refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.embeddings import EMBEDDINGS
from stopper.meter.wire import Ask

REPLY = b'{"object":"list","data":[],"model":"text-embedding-3-small","usage":%b}'
EIGHT = REPLY % b'{"prompt_tokens":8,"total_tokens":8}'


def ask(body: dict[str, Any]) -> Ask:
    return EMBEDDINGS.ask("/v1/embeddings", msgspec.json.encode({"model": "m"} | body))


INPUTS = {
    "a text": "hello",
    "texts": ["hello", "there"],
    "tokens": [1, 2, 3],
    "lists of tokens": [[1], [2]],
}


@pytest.mark.parametrize("given", INPUTS.values(), ids=INPUTS)
def test_ask(given: Any) -> None:
    """Whatever is embedded counts by its bytes, of which each token has one at least."""
    asked = ask({"input": given})
    assert asked.text_bytes == len(msgspec.json.encode(asked.body))
    assert (asked.model, asked.stream, asked.max_output) == ("m", False, 1)
    assert msgspec.json.decode(EMBEDDINGS.limited(asked, 1)) == asked.body


REPLIES = {
    # what comes           status, body, usage, final
    "usage":              (200, EIGHT, Usage(input=8, quality=Quality.MEASURED), True),
    "no usage":           (200, b"{}", None, False),
    "an error":           (400, b'{"error":{}}', None, True),
}  # fmt: skip


@pytest.mark.parametrize(("status", "data", "usage", "final"), REPLIES.values(), ids=REPLIES)
def test_reply(status: int, data: bytes, usage: Usage | None, final: bool) -> None:
    """The reply states what the input was."""
    reply = EMBEDDINGS.reply(ask({"input": "x"}), status, "application/json")
    assert reply.feed(data) + reply.end() == data
    assert (reply.usage, reply.final) == (usage, final)


def test_cut_and_error() -> None:
    """A refusal in OpenAI's shape takes the reply's place."""
    reply = EMBEDDINGS.reply(ask({"input": "x"}), 200, "application/json")
    reply.feed(EIGHT)
    refusal = refuse("budget.overrun", "x")
    assert reply.cut(refusal) == EMBEDDINGS.error(refusal)
    assert msgspec.json.decode(EMBEDDINGS.error(refusal))["error"]["code"] == "budget.overrun"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"model":1}', b"x"])
def test_bad_request(body: bytes) -> None:
    """A request needs a model."""
    with pytest.raises(MeterError):
        EMBEDDINGS.ask("/v1/embeddings", body)
