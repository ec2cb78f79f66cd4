from typing import Any

import msgspec
import pytest

from stopper.core.reason import refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.ollama import CHAT
from stopper.meter.wire import Ask, Reply

NDJSON = "application/x-ndjson"
HELLO: dict[str, Any] = {"model": "qwen3:8b", "messages": [{"role": "user", "content": "hi"}]}


def measured(**kinds: int) -> Usage:
    return Usage(quality=Quality.MEASURED, **kinds)


def lines(*objects: dict[str, Any]) -> bytes:
    return b"".join(msgspec.json.encode({"model": "qwen3:8b"} | o) + b"\n" for o in objects)


def said(content: str, **more: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": content} | more, "done": False}


def done(**counts: Any) -> dict[str, Any]:
    return said("") | {"done": True, "done_reason": "stop"} | counts


CALL = {"function": {"name": "ls", "arguments": {"path": "."}}}
CALL_CHARS = len(msgspec.json.encode(CALL["function"]))

STREAMS = {
    # what the provider sends             bytes, usage, final, (deltas, characters)
    "a chat":                            (lines(said("Hel"), said("lo"), done(prompt_eval_count=9, eval_count=2)), measured(input=9, output=2), True, (2, 5)),
    "a completion":                      (lines({"response": "Hello", "done": False}, {"response": "", "done": True, "prompt_eval_count": 9, "eval_count": 2}), measured(input=9, output=2), True, (1, 5)),
    "thinking":                          (lines(said("", thinking="Hm"), said("Hi"), done(prompt_eval_count=9, eval_count=7)), measured(input=9, output=7), True, (2, 4)),
    "thinking of a completion":          (lines({"thinking": "Hm", "response": ""}, {"done": True, "prompt_eval_count": 9, "eval_count": 7}), measured(input=9, output=7), True, (1, 2)),
    "a call":                            (lines(said("", tool_calls=[CALL]), done(prompt_eval_count=9, eval_count=7)), measured(input=9, output=7), True, (1, CALL_CHARS)),
    "the last line has no line feed":    (lines(said("Hi"), done(prompt_eval_count=9, eval_count=2))[:-1], measured(input=9, output=2), True, (1, 2)),
    "a prompt that was cached":          (lines(said("Hi"), done(eval_count=2)), None, False, (1, 2)),
    "no counts":                         (lines(said("Hi"), done()), None, False, (1, 2)),
    "only loaded":                       (lines(done(done_reason="load")), measured(), True, (0, 0)),
    "only unloaded":                     (lines(done(done_reason="unload")), measured(), True, (0, 0)),
    "cut short":                         (lines(said("Hi")), None, False, (1, 2)),
    "an error":                          (lines(said("Hi"), {"error": "out of memory"}), None, False, (1, 2)),
    "blank lines":                       (b"\n" + lines(said("Hi")) + b"\n", None, False, (1, 2)),
}  # fmt: skip


def follow(body: dict[str, Any] = HELLO, content_type: str = NDJSON, status: int = 200) -> Reply:
    return CHAT.reply(CHAT.ask("/api/chat", msgspec.json.encode(body)), status, content_type)


@pytest.mark.parametrize(("data", "usage", "final", "live"), STREAMS.values(), ids=STREAMS)
def test_stream(data: bytes, usage: Usage | None, final: bool, live: tuple[int, int]) -> None:
    """Every byte goes on, and the usage is stated by the line that is done."""
    reply = follow()
    assert reply.feed(data) + reply.end() == data
    assert (reply.usage, reply.final) == (usage, final)
    assert (reply.live.deltas, reply.live.chars) == live
    assert reply.model == "qwen3:8b"


def test_whole() -> None:
    """A reply in one piece is an object."""
    data = lines(said("Hi") | done(prompt_eval_count=9, eval_count=2))
    reply = follow(HELLO | {"stream": False}, "application/json")
    assert reply.feed(data) == b""
    assert reply.end() == data
    assert (reply.usage, reply.final, reply.model) == (
        measured(input=9, output=2),
        True,
        "qwen3:8b",
    )


def test_an_error_costs_nothing() -> None:
    """A model that is not there."""
    reply = follow(status=404)
    assert reply.feed(b'{"error":"x"}') + reply.end() == b'{"error":"x"}'
    assert (reply.usage, reply.final) == (None, True)


def test_cut() -> None:
    """A line with an error makes the official clients raise."""
    reply = follow()
    refusal = refuse("budget.overrun", "x")
    sent = reply.feed(lines(said("Hi")) + b'{"mess') + reply.cut(refusal)
    assert sent == lines(said("Hi")) + CHAT.error(refusal) + b"\n"
    assert msgspec.json.decode(CHAT.error(refusal)) == {"error": refusal.sentence}


@pytest.mark.parametrize("data", [b"x\n", b"[]\n", b'{"eval_count":-1}\n', b'{"done":1}\n'])
def test_fault(data: bytes) -> None:
    """What breaks the format is a fault."""
    with pytest.raises(MeterError):
        follow().feed(data)


def ask(fields: dict[str, Any]) -> Ask:
    return CHAT.ask("/api/chat", msgspec.json.encode(HELLO | fields))


ASKS: dict[str, tuple[dict[str, Any], tuple[bool, int | None, int]]] = {
    # what is asked            fields, (stream, limit, media)
    "a stream by default":    ({}, (True, None, 0)),
    "a stream by null":       ({"stream": None}, (True, None, 0)),
    "a stream":               ({"stream": True}, (True, None, 0)),
    "no stream":              ({"stream": False}, (False, None, 0)),
    "a limit":                ({"options": {"num_predict": 7}}, (True, 7, 0)),
    "without limit":          ({"options": {"num_predict": -1}}, (True, None, 0)),
    "to fill the context":    ({"options": {"num_predict": -2}}, (True, None, 0)),
    "a limit of nothing":     ({"options": {"num_predict": 0}}, (True, None, 0)),
    "images":                 ({"messages": [{"role": "user", "images": ["AAAA", "AAAA"]}]}, (True, None, 2)),
    "images to complete":     ({"prompt": "x", "images": ["AAAA"]}, (True, None, 1)),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), ASKS.values(), ids=ASKS)
def test_ask(fields: dict[str, Any], expected: tuple[bool, int | None, int]) -> None:
    """What bounds a request; its images are no text."""
    asked = ask(fields)
    assert (asked.stream, asked.max_output, asked.media) == expected
    assert asked.text_bytes == len(msgspec.json.encode(asked.body)) - 4 * asked.media


LIMITS = {
    # what the caller said    fields, what is sent as options for 50 tokens of room
    "nothing":               ({}, {"num_predict": 50}),
    "less":                  ({"options": {"num_predict": 7, "seed": 1}}, {"num_predict": 7, "seed": 1}),
    "more":                  ({"options": {"num_predict": 70}}, {"num_predict": 50}),
    "without limit":         ({"options": {"num_predict": -1}}, {"num_predict": 50}),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "options"), LIMITS.values(), ids=LIMITS)
def test_limited(fields: dict[str, Any], options: dict[str, Any]) -> None:
    """What is sent asks for no more than there is room for."""
    sent = msgspec.json.decode(CHAT.limited(ask(fields), 50))
    assert sent == HELLO | {"options": options}


BAD: dict[str, dict[str, Any]] = {
    "no model":            {"model": None},
    "a limit as text":     {"options": {"num_predict": "9"}},
    "a limit in parts":    {"options": {"num_predict": 9.5}},
    "a limit too large":   {"options": {"num_predict": 10**9}},
    "options as a list":   {"options": []},
    "a stream as text":    {"stream": "false"},
    "images as text":      {"images": "AAAA"},
    "messages as text":    {"messages": "hi"},
}  # fmt: skip


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_bad_request(fields: dict[str, Any]) -> None:
    """What does not follow the format is refused."""
    with pytest.raises(MeterError):
        ask(fields)
