from base64 import b64encode
from typing import Any

import msgspec
import pytest

from stopper.core.reason import refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.bedrock_invoke import INVOKE
from stopper.meter.eventstream import FrameSplitter, encode_frame
from stopper.meter.wire import Ask, Reply

STREAM = "application/vnd.amazon.eventstream"
CLAUDE = "anthropic.claude-sonnet-4-20250514-v1:0"
NOVA, TITAN = "us.amazon.nova-lite-v1:0", "amazon.titan-text-express-v1"
LLAMA, MISTRAL, COHERE = "meta.llama3-1-70b-instruct-v1:0", "mistral.mistral-large-2402-v1:0", "cohere.command-r-v1:0"  # fmt: skip

BODIES: dict[str, dict[str, Any]] = {
    CLAUDE: {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]},
    NOVA: {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
    TITAN: {"inputText": "hi"},
    LLAMA: {"prompt": "hi"},
    MISTRAL: {"prompt": "hi"},
    COHERE: {"message": "hi"},
}  # fmt: skip


def measured(**kinds: int) -> Usage:
    return Usage(quality=Quality.MEASURED, **kinds)


def ask(model: str, fields: dict[str, Any] | None = None, *, stream: bool = True) -> Ask:
    path = f"/model/{model}/invoke" + ("-with-response-stream" if stream else "")
    return INVOKE.ask(path, msgspec.json.encode(BODIES.get(model, {}) | (fields or {})))


def follow(model: str, content_type: str = STREAM, *, stream: bool = True, status: int = 200) -> Reply:  # fmt: skip
    return INVOKE.reply(ask(model, stream=stream), status, content_type)


def chunk(data: dict[str, Any]) -> bytes:
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}  # fmt: skip
    inner = b64encode(msgspec.json.encode(data)).decode()
    return encode_frame(headers, msgspec.json.encode({"bytes": inner, "p": "abc"}))


def metrics(read: int, output: int, **more: int) -> dict[str, Any]:
    counts = {"inputTokenCount": read, "outputTokenCount": output, "invocationLatency": 1}
    return {"amazon-bedrock-invocationMetrics": counts | more}


def native(*deltas: str, output: int, **counts: Any) -> list[dict[str, Any]]:
    usage = {"input_tokens": 9, "output_tokens": 1} | counts
    return [
        {"type": "message_start", "message": {"model": "claude-sonnet-4", "usage": usage}},
        *({"type": "content_block_delta", "delta": {"type": "text_delta", "text": d}} for d in deltas),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": output}},
    ]  # fmt: skip


def raw(payload: bytes) -> bytes:
    return encode_frame({":message-type": "event", ":event-type": "chunk"}, payload)


def chunks(*events: dict[str, Any]) -> bytes:
    return b"".join(map(chunk, events))


HOUR = {"cache_creation_input_tokens": 8, "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 5}}  # fmt: skip

STREAMS = {
    # what the provider sends         model, bytes, usage, final, (deltas, characters)
    "Claude, stated twice":          (CLAUDE, chunks(*native("Hel", "lo", output=2), {"type": "message_stop"} | metrics(9, 2)), measured(input=9, output=2), True, (2, 5)),
    "the metrics win":               (CLAUDE, chunks(*native("Hi", output=2), {"type": "message_stop"} | metrics(10, 3)), measured(input=10, output=3), True, (1, 2)),
    "without metrics":               (CLAUDE, chunks(*native("Hi", output=2)), measured(input=9, output=2), True, (1, 2)),
    "caches, split by the events":   (CLAUDE, chunks(*native(output=2, **HOUR), {"type": "message_stop"} | metrics(9, 2, cacheReadInputTokenCount=7, cacheWriteInputTokenCount=8)), measured(input=9, output=2, cache_read=7, cache_write=8, cache_write_1h=5), True, (0, 0)),
    "Claude, cut short":             (CLAUDE, chunks(*native("Hi", output=2)[:2]), measured(input=9, output=1), False, (1, 2)),
    "Nova":                          (NOVA, chunks({"messageStart": {"role": "assistant"}}, {"contentBlockDelta": {"delta": {"text": "Hi"}}}, {"metadata": {"usage": {"inputTokens": 9, "outputTokens": 2}}} | metrics(9, 2)), measured(input=9, output=2), True, (1, 2)),
    "Titan":                         (TITAN, chunks({"outputText": "Hi", "inputTextTokenCount": 9} | metrics(9, 2)), measured(input=9, output=2), True, (1, 2)),
    "Llama":                         (LLAMA, chunks({"generation": "Hi", "prompt_token_count": 9, "generation_token_count": 1}, {"generation": "", "prompt_token_count": None} | metrics(9, 2)), measured(input=9, output=2), True, (1, 2)),
    "Mistral":                       (MISTRAL, chunks({"outputs": [{"text": "Hi", "stop_reason": None}]}, {"outputs": [{"text": ""}]} | metrics(9, 2)), measured(input=9, output=2), True, (1, 2)),
    "Cohere":                        (COHERE, chunks({"event_type": "text-generation", "text": "Hi"}, {"event_type": "stream-end"} | metrics(9, 2)), measured(input=9, output=2), True, (1, 2)),
    "Llama, cut short":              (LLAMA, chunks({"generation": "Hi"}), None, False, (1, 2)),
    "an exception":                  (LLAMA, encode_frame({":message-type": "exception", ":exception-type": "throttlingException"}, b'{"message":"x"}'), None, False, (0, 0)),
    "an event of a new kind":        (LLAMA, encode_frame({":message-type": "event", ":event-type": "weather"}, b"{}"), None, False, (0, 0)),
    "nothing in the metrics":        (LLAMA, chunks({"amazon-bedrock-invocationMetrics": None}), None, False, (0, 0)),
}  # fmt: skip


@pytest.mark.parametrize(("model", "data", "usage", "final", "live"), STREAMS.values(), ids=STREAMS)
def test_stream(
    model: str, data: bytes, usage: Usage | None, final: bool, live: tuple[int, int]
) -> None:
    """Every frame goes on; usage is counted once, whoever states it."""
    reply = follow(model)
    assert reply.feed(data) + reply.end() == data
    assert (reply.usage, reply.final) == (usage, final)
    assert (reply.live.deltas, reply.live.chars) == live
    assert reply.model == ("claude-sonnet-4" if model == CLAUDE else "")


WHOLES: dict[str, tuple[str, dict[str, Any], Usage | None]] = {
    # what the provider sends    model, body, usage
    "Claude":                   (CLAUDE, {"model": "x", "content": [], "usage": {"input_tokens": 9, "output_tokens": 2, "cache_read_input_tokens": 7}}, measured(input=9, output=2, cache_read=7)),
    "Nova":                     (NOVA, {"output": {}, "usage": {"inputTokens": 9, "outputTokens": 2, "cacheReadInputTokenCount": 7, "cacheWriteInputTokenCount": 3}}, measured(input=9, output=2, cache_read=7, cache_write=3)),
    "Titan":                    (TITAN, {"inputTextTokenCount": 9, "results": [{"tokenCount": 2, "outputText": "Hi"}]}, measured(input=9, output=2)),
    "Llama":                    (LLAMA, {"generation": "Hi", "prompt_token_count": 9, "generation_token_count": 2}, measured(input=9, output=2)),
    "Mistral says nothing":     (MISTRAL, {"outputs": [{"text": "Hi"}]}, None),
    "Cohere says nothing":      (COHERE, {"text": "Hi"}, None),
    "Claude says nothing":      (CLAUDE, {"content": []}, None),
}  # fmt: skip


@pytest.mark.parametrize(("model", "body", "usage"), WHOLES.values(), ids=WHOLES)
def test_whole(model: str, body: dict[str, Any], usage: Usage | None) -> None:
    """A reply in one piece; one without usage is no free one: its size is left for an estimate."""
    data = msgspec.json.encode(body)
    reply = follow(model, "application/json", stream=False)
    assert reply.feed(data) + reply.end() == data
    assert (reply.usage, reply.final) == (usage, usage is not None)
    assert reply.live.chars == (0 if usage else len(data))


def test_an_error_costs_nothing() -> None:
    """A refusal of the provider's own."""
    reply = follow(LLAMA, "application/json", status=400)
    assert reply.feed(b'{"message":"x"}') + reply.end() == b'{"message":"x"}'
    assert (reply.usage, reply.final) == (None, True)


def test_cut() -> None:
    """A cut leaves whole frames, then an exception."""
    reply = follow(LLAMA)
    refusal = refuse("budget.overrun", "x")
    before = chunk({"generation": "Hi"})
    *_, last = FrameSplitter().feed(reply.feed(before + before[:9]) + reply.cut(refusal))
    assert last.headers[":exception-type"] == "validationException"
    assert b"budget.overrun" in last.payload
    assert msgspec.json.decode(INVOKE.error(refusal))["message"] == refusal.sentence


FAULTS = {
    "no base64":          raw(b'{"bytes":"{}"}'),
    "no bytes":           raw(b"{}"),
    "no JSON":            raw(b"x"),
    "no JSON inside":     raw(b'{"bytes":"eHg="}'),
    "half the metrics":   chunks({"amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}}),
}  # fmt: skip


@pytest.mark.parametrize("data", FAULTS.values(), ids=FAULTS)
def test_fault(data: bytes) -> None:
    """What breaks the format is a fault, not a zero."""
    with pytest.raises(MeterError):
        follow(LLAMA).feed(data)


LIMITS: dict[str, tuple[str, dict[str, Any], int | None, dict[str, Any]]] = {
    # what the caller said       model, fields, limit read, what is sent for 50 tokens of room
    "Claude, more":             (CLAUDE, {}, 100, {"max_tokens": 50}),
    "Claude, less":             (CLAUDE, {"max_tokens": 7}, 7, {"max_tokens": 7}),
    "Nova, nothing":            (NOVA, {}, None, {"inferenceConfig": {"maxTokens": 50}}),
    "Nova, more":               (NOVA, {"inferenceConfig": {"maxTokens": 90, "topK": 1}}, 90, {"inferenceConfig": {"maxTokens": 50, "topK": 1}}),
    "Nova, by its older name":  (NOVA, {"inferenceConfig": {"max_new_tokens": 90}}, 90, {"inferenceConfig": {"max_new_tokens": 50}}),
    "Titan, nothing":           (TITAN, {}, None, {"textGenerationConfig": {"maxTokenCount": 50}}),
    "Titan, less":              (TITAN, {"textGenerationConfig": {"maxTokenCount": 7}}, 7, {"textGenerationConfig": {"maxTokenCount": 7}}),
    "Llama, nothing":           (LLAMA, {}, None, {"max_gen_len": 50}),
    "Llama, more":              (LLAMA, {"max_gen_len": 90}, 90, {"max_gen_len": 50}),
    "Mistral, more":            (MISTRAL, {"max_tokens": 90}, 90, {"max_tokens": 50}),
    "Cohere, nothing":          (COHERE, {}, None, {"max_tokens": 50}),
}  # fmt: skip


@pytest.mark.parametrize(("model", "fields", "limit", "expected"), LIMITS.values(), ids=LIMITS)
def test_limited(
    model: str, fields: dict[str, Any], limit: int | None, expected: dict[str, Any]
) -> None:
    """Each maker's own word for the limit is read and lowered."""
    asked = ask(model, fields)
    assert (asked.model, asked.stream, asked.max_output) == (model, True, limit)
    assert msgspec.json.decode(INVOKE.limited(asked, 50)) == BODIES[model] | expected


REQUESTS: dict[str, tuple[str, dict[str, Any], tuple[int, int, str]]] = {
    # what is asked            model, fields, (choices, media, unbounded)
    "several replies":        (COHERE, {"num_generations": 3}, (3, 0, "")),
    "an image for Llama":     (LLAMA, {"images": ["A" * 4_000]}, (1, 1, "")),
    "an image for Nova":      (NOVA, {"messages": [{"content": [{"image": {"source": {"bytes": "A" * 4_000}}}]}]}, (1, 1, "")),
    "an image for Claude":    (CLAUDE, {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "A" * 4_000}}]}]}, (1, 1, "")),
    "a tool of Amazon's":     (NOVA, {"toolConfig": {"tools": [{"systemTool": {}}]}}, (1, 0, "the tool systemTool")),
}  # fmt: skip


@pytest.mark.parametrize(("model", "fields", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_ask(model: str, fields: dict[str, Any], expected: tuple[int, int, str]) -> None:
    """What else bounds a request; images are no text."""
    asked = ask(model, fields)
    assert (asked.choices, asked.media, asked.unbounded) == expected
    assert asked.text_bytes == len(msgspec.json.encode(asked.body)) - 4_000 * asked.media


BAD = {
    "a model of unknown make":   ("ai21.jamba-1-5-large-v1:0", {}),
    "a model that paints":       ("amazon.nova-canvas-v1:0", {}),
    "an embedding":              ("amazon.titan-embed-text-v2:0", {"inputText": "x"}),
    "an account's own profile":  ("arn:aws:bedrock:us-east-1:1:application-inference-profile%2Fx", {}),
    "Claude without a limit":    (CLAUDE, {"max_tokens": None}),
    "a limit as text":           (LLAMA, {"max_gen_len": "9"}),
    "a holder as text":          (NOVA, {"inferenceConfig": "x"}),
}  # fmt: skip


@pytest.mark.parametrize(("model", "fields"), BAD.values(), ids=BAD)
def test_bad_request(model: str, fields: dict[str, Any]) -> None:
    """What cannot be limited is refused."""
    with pytest.raises(MeterError):
        ask(model, fields)
