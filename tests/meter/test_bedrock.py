from typing import Any

import msgspec
import pytest

from stopper.core.reason import refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.bedrock import CONVERSE
from stopper.meter.eventstream import FrameSplitter, encode_frame
from stopper.meter.wire import Ask, Reply

STREAM = "application/vnd.amazon.eventstream"
CLAUDE = "us.anthropic.claude-sonnet-4-20250514-v1:0"
PATH = "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse-stream"
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


def measured(**kinds: int) -> Usage:
    return Usage(quality=Quality.MEASURED, **kinds)


def frame(kind: str, payload: dict[str, Any], message: str = "event") -> bytes:
    headers = {f":{message}-type": kind, ":content-type": "application/json", ":message-type": message}  # fmt: skip
    return encode_frame(headers, msgspec.json.encode(payload | {"p": "abcdef"}))


def delta(**fields: Any) -> bytes:
    return frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": fields})


def stated(**counts: Any) -> bytes:
    return frame("metadata", {"usage": counts, "metrics": {"latencyMs": 1}})


START = frame("messageStart", {"role": "assistant"})
CALL = frame("contentBlockStart", {"start": {"toolUse": {"toolUseId": "x", "name": "ls"}}, "contentBlockIndex": 0})  # fmt: skip
STOP = frame("contentBlockStop", {"contentBlockIndex": 0}) + frame("messageStop", {"stopReason": "end_turn"})  # fmt: skip
NINE = {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11}

STREAMS = {
    # what the provider sends     bytes, usage, final, (deltas, characters)
    "text":                      (START + delta(text="Hel") + delta(text="lo") + STOP + stated(**NINE), measured(input=9, output=2), True, (2, 5)),
    "the input excludes caches": (START + STOP + stated(inputTokens=16, outputTokens=9, cacheReadInputTokens=2000, cacheWriteInputTokens=387, totalTokens=2412), measured(input=16, output=9, cache_read=2000, cache_write=387), True, (0, 0)),
    "writes for an hour":        (stated(inputTokens=1, outputTokens=1, cacheWriteInputTokens=9, cacheDetails=[{"ttl": "5m", "inputTokens": 4}, {"ttl": "1h", "inputTokens": 5}]), measured(input=1, output=1, cache_write=9, cache_write_1h=5), True, (0, 0)),
    "a call":                    (START + CALL + delta(toolUse={"input": '{"a":'}) + delta(toolUse={"input": "1}"}) + STOP + stated(**NINE), measured(input=9, output=2), True, (2, 9)),
    "reasoning":                 (delta(reasoningContent={"text": "Hm"}) + delta(reasoningContent={"signature": "abc"}) + delta(reasoningContent={"redactedContent": "AAAA"}) + stated(**NINE), measured(input=9, output=2), True, (2, 6)),
    "cut short":                 (START + delta(text="Hi"), None, False, (1, 2)),
    "an exception":              (START + delta(text="Hi") + frame("throttlingException", {"message": "slow down"}, "exception"), None, False, (1, 2)),
    "usage never came":          (START + delta(text="Hi") + STOP + frame("metadata", {"metrics": {}}), None, False, (1, 2)),
}  # fmt: skip


def follow(content_type: str = STREAM, path: str = PATH, status: int = 200) -> Reply:
    return CONVERSE.reply(CONVERSE.ask(path, msgspec.json.encode(HELLO)), status, content_type)


@pytest.mark.parametrize(("data", "usage", "final", "live"), STREAMS.values(), ids=STREAMS)
def test_stream(data: bytes, usage: Usage | None, final: bool, live: tuple[int, int]) -> None:
    """Every frame goes on, and usage is what the last one states."""
    reply = follow()
    assert reply.feed(data) + reply.end() == data
    assert (reply.usage, reply.final) == (usage, final)
    assert (reply.live.deltas, reply.live.chars) == live


WHOLES = {
    "usage":     (b'{"output":{},"stopReason":"end_turn","usage":{"inputTokens":9,"outputTokens":2,"totalTokens":11}}', measured(input=9, output=2), True),
    "no usage":  (b'{"output":{}}', None, False),
}  # fmt: skip


@pytest.mark.parametrize(("data", "usage", "final"), WHOLES.values(), ids=WHOLES)
def test_whole(data: bytes, usage: Usage | None, final: bool) -> None:
    """A reply in one piece goes on when it is whole."""
    reply = follow("application/json", PATH.removesuffix("-stream"))
    assert reply.feed(data) == b""
    assert reply.end() == data
    assert (reply.usage, reply.final) == (usage, final)


def test_an_error_costs_nothing() -> None:
    """A refusal of the provider's own."""
    reply = follow("application/json", status=400)
    assert reply.feed(b'{"message":"x"}') + reply.end() == b'{"message":"x"}'
    assert (reply.usage, reply.final) == (None, True)


def test_cut() -> None:
    """A cut leaves whole frames, then an exception that is not tried again."""
    reply = follow()
    refusal = refuse("budget.overrun", "x")
    before = START + delta(text="Hi")
    sent = reply.feed(before + STOP[:20]) + reply.cut(refusal)
    *_, last = FrameSplitter().feed(sent)
    assert sent.startswith(before)
    assert last.headers[":message-type"] == "exception"
    assert last.headers[":exception-type"] == "validationException"
    assert msgspec.json.decode(last.payload) == {"message": refusal.sentence}


def test_error() -> None:
    """The kind of an error is in its body, where official clients look for it too."""
    assert msgspec.json.decode(CONVERSE.error(refuse("bottle.cut")))["__type"] == "AccessDeniedException"  # fmt: skip


FAULTS = {
    "a payload that is no JSON":  encode_frame({":message-type": "event"}, b"x"),
    "a negative count":           stated(inputTokens=-1, outputTokens=0),
    "usage without output":       stated(inputTokens=1),
    "a frame that is damaged":    START[:-1] + b"x",
    "no frames at all":           b'{"message":"busy"}',
}  # fmt: skip


@pytest.mark.parametrize("data", FAULTS.values(), ids=FAULTS)
def test_fault(data: bytes) -> None:
    """What breaks the format is a fault, not a zero."""
    with pytest.raises(MeterError):
        follow().feed(data)


def ask(fields: dict[str, Any], path: str = PATH) -> Ask:
    return CONVERSE.ask(path, msgspec.json.encode(HELLO | fields))


def content(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


IMAGE = {"image": {"format": "png", "source": {"bytes": "A" * 4_000}}}

ASKS: dict[str, tuple[dict[str, Any], tuple[int | None, int, int, str]]] = {
    # what is asked              fields, (limit, media, prompts, unbounded)
    "nothing special":          ({}, (None, 0, 0, "")),
    "a limit":                  ({"inferenceConfig": {"maxTokens": 100}}, (100, 0, 0, "")),
    "tools":                    ({"toolConfig": {"tools": [{"toolSpec": {}}, {"cachePoint": {}}]}}, (None, 0, 600, "")),
    "a tool of Amazon's":       ({"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}, (None, 0, 600, "the tool systemTool")),
    "a system prompt":          ({"system": [{"text": "be brief"}, {"cachePoint": {"type": "default"}}]}, (None, 0, 0, "")),
    "an image":                 (content(IMAGE, {"text": "what is it?"}), (None, 1, 0, "")),
    "an image from a tool":     (content({"toolResult": {"toolUseId": "x", "content": [IMAGE, {"json": {}}]}}), (None, 1, 0, "")),
    "an image to be guarded":   (content({"guardContent": IMAGE}), (None, 1, 0, "")),
    "a document":               (content({"document": {"format": "pdf", "name": "x", "source": {"bytes": "AAAA"}}}), (None, 1, 0, "a document")),
    "a document as text":       (content({"document": {"format": "txt", "name": "x", "source": {"text": "hello"}}}), (None, 0, 0, "")),
    "a video":                  (content({"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://x"}}}}), (None, 1, 0, "a block of kind video")),
    "a guardrail":              ({"guardrailConfig": {"guardrailIdentifier": "x"}}, (None, 0, 0, "a guardrail")),
    "speed at a price":         ({"performanceConfig": {"latency": "optimized"}}, (None, 0, 0, "optimized latency")),
    "the usual speed":          ({"performanceConfig": {"latency": "standard"}}, (None, 0, 0, "")),
    "priority at a price":      ({"serviceTier": {"type": "priority"}}, (None, 0, 0, "a dearer service tier")),
    "thinking":                 ({"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}, "top_k": 1}}, (None, 0, 0, "")),
    "a limit by another way":   ({"additionalModelRequestFields": {"max_tokens": 10**6}}, (None, 0, 0, "the additional field max_tokens")),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), ASKS.values(), ids=ASKS)
def test_ask(fields: dict[str, Any], expected: tuple[int | None, int, int, str]) -> None:
    """What bounds the cost of a request, and what takes the bound away."""
    asked = ask(fields)
    assert (asked.max_output, asked.media, asked.prompts, asked.unbounded) == expected
    assert (asked.model, asked.stream) == (CLAUDE, True)
    if "image" in str(fields):
        assert asked.text_bytes == len(msgspec.json.encode(asked.body)) - 4_000


PROFILE = "arn:aws:bedrock:us-east-1:1:application-inference-profile/x"
PATHS = {
    # path                               model, whether it streams, what has no bound
    "/model/amazon.nova-pro-v1:0/converse":                              ("amazon.nova-pro-v1:0", False, ""),
    "/model/amazon.nova-pro-v1%3A0/converse-stream?x=y":                 ("amazon.nova-pro-v1:0", True, ""),
    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Famazon.nova-pro-v1%3A0/converse": ("amazon.nova-pro-v1:0", False, ""),
    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.amazon.nova-pro-v1%3A0/converse": ("us.amazon.nova-pro-v1:0", False, ""),
    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fx/converse": (PROFILE, False, ""),
    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprompt%2Fx/converse":  ("arn:aws:bedrock:us-east-1:1:prompt/x", False, "a stored prompt"),
    "/model/converse":                                                   None,
    "/model//converse":                                                  None,
    "/model/x/count-tokens":                                             None,
    f"/model/{'x' * 257}/converse":                                      None,
}  # fmt: skip


@pytest.mark.parametrize(("path", "expected"), PATHS.items(), ids=PATHS)
def test_path(path: str, expected: tuple[str, bool, str] | None) -> None:
    """The path names the model, by itself or in an ARN, and whether the reply is a stream."""
    if expected is None:
        with pytest.raises(MeterError):
            ask({}, path)
        return
    asked = ask({}, path)
    assert (asked.model, asked.stream, asked.unbounded) == expected


EXTRA = "additionalModelRequestFields"
LIMITS: dict[str, tuple[dict[str, Any], int, dict[str, Any]]] = {
    # what the caller said    fields, room, what is sent in place of them
    "nothing":               ({}, 50, {"inferenceConfig": {"maxTokens": 50}}),
    "less":                  ({"inferenceConfig": {"maxTokens": 20, "topP": 1}}, 50, {"inferenceConfig": {"maxTokens": 20, "topP": 1}}),
    "more":                  ({"inferenceConfig": {"maxTokens": 90}}, 50, {"inferenceConfig": {"maxTokens": 50}}),
    "thinking that fits":    ({EXTRA: {"thinking": {"type": "enabled", "budget_tokens": 2_000}}}, 3_000, {"inferenceConfig": {"maxTokens": 3_000}, EXTRA: {"thinking": {"type": "enabled", "budget_tokens": 2_000}}}),
    "too much thinking":     ({EXTRA: {"thinking": {"type": "enabled", "budget_tokens": 9_000}, "top_k": 1}}, 3_000, {"inferenceConfig": {"maxTokens": 3_000}, EXTRA: {"thinking": {"type": "enabled", "budget_tokens": 2_999}, "top_k": 1}}),
    "by its older name":     ({EXTRA: {"reasoning_config": {"type": "enabled", "budget_tokens": 9_000}}}, 50, {"inferenceConfig": {"maxTokens": 50}, EXTRA: {"reasoning_config": {"type": "disabled"}}}),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "room", "expected"), LIMITS.values(), ids=LIMITS)
def test_limited(fields: dict[str, Any], room: int, expected: dict[str, Any]) -> None:
    """What is sent asks for no more than there is room for."""
    assert msgspec.json.decode(CONVERSE.limited(ask(fields), room)) == HELLO | expected


def nested(depth: int) -> dict[str, Any]:
    return {"toolResult": {"content": [nested(depth - 1)]}} if depth else {"text": "x"}


BAD: dict[str, dict[str, Any]] = {
    "a limit as text":          {"inferenceConfig": {"maxTokens": "9"}},
    "a limit of nothing":       {"inferenceConfig": {"maxTokens": 0}},
    "a configuration as text":  {"inferenceConfig": "x"},
    "content as text":          {"messages": [{"role": "user", "content": "hi"}]},
    "content without end":      content(nested(9)),
    "additional text":          {EXTRA: "x"},
}  # fmt: skip


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_bad_request(fields: dict[str, Any]) -> None:
    """What does not follow the format is refused."""
    with pytest.raises(MeterError):
        ask(fields)
