from typing import Any

import msgspec
import pytest

from stopper.core.reason import refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.openai_chat import CHAT, CHAT_XAI, Chat
from stopper.meter.wire import Ask, Reply

STREAM = "text/event-stream"
JSON = "application/json"
DONE = b"data: [DONE]\n\n"


def chunk(choices: bytes, rest: bytes = b"") -> bytes:
    head = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-x"'
    return head + b',"choices":' + choices + rest + b"}\n\n"


def said(text: bytes, rest: bytes = b"", index: int = 0) -> bytes:
    choice = b'[{"index":%d,"delta":{"content":"%b"},"logprobs":null,"finish_reason":null}]'
    return chunk(choice % (index, text), rest)


def finished(rest: bytes = b"", index: int = 0) -> bytes:
    return chunk(b'[{"index":%d,"delta":{},"finish_reason":"stop"}]' % index, rest)


def stated(counts: bytes) -> bytes:
    return chunk(b"[]", b',"usage":' + counts)


def delta(fields: bytes) -> bytes:
    return chunk(b'[{"index":0,"delta":%b,"finish_reason":null}]' % fields)


def measured(**kinds: int) -> Usage:
    return Usage(quality=Quality.MEASURED, **kinds)


START = delta(b'{"role":"assistant","content":"","refusal":null}')
SMALL = b'{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}'
NINE = measured(input=9, output=2)
GROQ = (
    b'{"queue_time":0.01,"prompt_tokens":9,"prompt_time":0.1,"completion_tokens":2,'
    b'"completion_time":0.2,"total_tokens":11,"total_time":0.3}'
)
COMMENT = b": OPENROUTER PROCESSING\n\n"
FAILED = b'data: {"error":{"code":502,"message":"Provider disconnected"}}\n\n'

STREAMS = {
    # what the provider sends      events, usage, final, (deltas, characters)
    "OpenAI with usage": (
        START + said(b"Hel", b',"usage":null,"obfuscation":"xYz"') + said(b"lo") + finished()
        + stated(SMALL) + DONE,
        NINE, True, (2, 5),
    ),
    "cached, reasoning and rejected predictions": (
        stated(
            b'{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,'
            b'"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},'
            b'"completion_tokens_details":{"reasoning_tokens":256,"audio_tokens":0,'
            b'"accepted_prediction_tokens":0,"rejected_prediction_tokens":9}}'
        ) + DONE,
        measured(input=86, cache_read=1920, output=300, reasoning=256), True, (0, 0),
    ),
    "written to the cache": (
        stated(
            b'{"prompt_tokens":2006,"completion_tokens":3,"prompt_tokens_details":'
            b'{"cached_tokens":1000,"cache_write_tokens":1000}}'
        ) + DONE,
        measured(input=6, cache_read=1000, cache_write=1000, output=3), True, (0, 0),
    ),
    "more written than is left of the prompt": (
        stated(
            b'{"prompt_tokens":2006,"completion_tokens":3,"prompt_tokens_details":'
            b'{"cached_tokens":1006,"cache_write_tokens":2006}}'
        ) + DONE,
        measured(cache_read=1006, cache_write=1000, output=3), True, (0, 0),
    ),
    "Groq states it three times": (
        chunk(b"[]", b',"x_groq":{"id":"req_1"}') + said(b"Hello")
        + finished(b',"x_groq":{"id":"req_1","usage":%b},"usage":%b' % (GROQ, GROQ))
        + stated(GROQ) + DONE,
        NINE, True, (1, 5),
    ),
    "Groq states it once": (
        said(b"Hello") + finished(b',"x_groq":{"id":"req_1","usage":%b}' % GROQ) + DONE,
        NINE, True, (1, 5),
    ),
    "Mistral states it without being asked": (
        said(b"Hello") + finished(b',"usage":%b' % SMALL) + DONE, NINE, True, (1, 5),
    ),
    "Mistral thinks in parts": (
        delta(b'{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]}]}')
        + finished(b',"usage":%b' % SMALL) + DONE,
        NINE, True, (1, 62),
    ),
    "DeepSeek": (
        delta(b'{"content":null,"reasoning_content":"Hmm"}') + said(b"Hi")
        + finished(
            b',"usage":{"prompt_tokens":70,"completion_tokens":20,"total_tokens":90,'
            b'"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":6,'
            b'"completion_tokens_details":{"reasoning_tokens":12}}'
        ) + DONE,
        measured(input=6, cache_read=64, output=20, reasoning=12), True, (2, 5),
    ),
    "OpenRouter with comments and a cost": (
        COMMENT + COMMENT + delta(b'{"content":"Hi","reasoning":"Hmm","reasoning_content":"Hmm"}')
        + finished()
        + stated(b'{"prompt_tokens":9,"completion_tokens":2,"cost":0.0001231,"is_byok":false}')
        + DONE,
        measured(input=9, output=2, cost=124), True, (1, 5),
    ),
    "OpenRouter with a cost of zero": (
        stated(b'{"prompt_tokens":9,"completion_tokens":2,"cost":0}') + DONE, NINE, True, (0, 0),
    ),
    "a cost that is an object": (
        stated(b'{"prompt_tokens":9,"completion_tokens":2,"cost":{"total":1}}') + DONE,
        NINE, True, (0, 0),
    ),
    "Cerebras": (
        said(b"Hello") + finished()
        + chunk(b"[]", b',"usage":%b,"time_info":{"queue_time":0.1,"total_time":1}' % SMALL) + DONE,
        NINE, True, (1, 5),
    ),
    "Azure filters the prompt first": (
        b'data: {"choices":[],"created":0,"id":"","model":"","object":"",'
        b'"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}\n\n'
        + said(b"Hello") + finished() + stated(SMALL) + DONE,
        NINE, True, (1, 5),
    ),
    "explicit zeros stay": (
        stated(b'{"prompt_tokens":0,"completion_tokens":0}') + DONE, measured(), True, (0, 0),
    ),
    "usage with every chunk, cut off": (
        said(b"He", b',"usage":{"prompt_tokens":9,"completion_tokens":1}')
        + said(b"llo", b',"usage":{"prompt_tokens":9,"completion_tokens":2}'),
        NINE, False, (2, 5),
    ),
    "usage with every chunk, whole": (
        said(b"He", b',"usage":{"prompt_tokens":9,"completion_tokens":1}') + finished()
        + stated(SMALL) + DONE,
        NINE, True, (1, 2),
    ),
    "empty choices with usage before the text": (
        stated(b'{"prompt_tokens":9,"completion_tokens":0}') + said(b"Hello"),
        measured(input=9), False, (1, 5),
    ),
    "an error in mid-stream": (said(b"Hello") + FAILED, None, False, (1, 5)),
    "cut off before the end": (START + said(b"Hello") + finished(), None, False, (1, 5)),
    "no usage at all": (said(b"Hello") + finished() + DONE, None, False, (1, 5)),
    "tool calls": (
        delta(
            b'{"tool_calls":[{"index":0,"id":"call_1","type":"function",'
            b'"function":{"name":"ls","arguments":""}}]}'
        )
        + delta(b'{"tool_calls":[{"index":0,"function":{"arguments":"{\\"a\\":1}"}}]}')
        + delta(b'{"tool_calls":[{"index":1,"custom":{"name":"sh","input":"ls"}}]}')
        + delta(b'{"function_call":{"name":"f","arguments":"{}"}}')
        + delta(b'{"refusal":"No"}') + delta(b'{"audio":{"data":"AAAA","transcript":"Hi"}}')
        + finished() + stated(SMALL) + DONE,
        NINE, True, (6, 20),
    ),
    "nothing": (b"", None, False, (0, 0)),
}  # fmt: skip


def ask(wire: Chat = CHAT, **fields: Any) -> Ask:
    body = {"model": "gpt-x", "messages": [{"role": "user", "content": "x"}]}
    return wire.ask("/v1/chat/completions", msgspec.json.encode(body | fields))


def streamed(
    *pieces: bytes, wire: Chat = CHAT, usage: bool = True, n: int = 1
) -> tuple[Reply, bytes]:
    asked = ask(wire, stream=True, n=n, stream_options={"include_usage": usage})
    reply = wire.reply(asked, 200, STREAM)
    out = b"".join([reply.feed(piece) for piece in pieces])
    return reply, out + reply.end()


@pytest.mark.parametrize(("data", "usage", "final", "live"), STREAMS.values(), ids=STREAMS)
def test_stream(data: bytes, usage: Usage | None, final: bool, live: tuple[int, int]) -> None:
    """Each row gives its usage, and all of its bytes go on, wherever they are split."""
    for at in range(len(data) + 1):
        reply, out = streamed(data[:at], data[at:])
        assert out == data
        assert (reply.usage, reply.final) == (usage, final)
        assert (reply.live.deltas, reply.live.chars) == live


def test_xai_counts_reasoning_besides_the_completion() -> None:
    """The same bytes mean more output where the provider counts so."""
    counts = (
        b'{"prompt_tokens":41,"completion_tokens":87,"total_tokens":438,'
        b'"prompt_tokens_details":{"cached_tokens":6},'
        b'"completion_tokens_details":{"reasoning_tokens":310}}'
    )
    data = said(b"Hi") + finished() + stated(counts) + DONE
    told = measured(input=35, cache_read=6, output=397, reasoning=310)
    assert streamed(data, wire=CHAT_XAI)[0].usage == told
    assert streamed(data)[0].usage == measured(input=35, cache_read=6, output=87, reasoning=87)
    body = b'{"model":"grok-x","choices":[],"usage":%b}' % counts
    reply = CHAT_XAI.reply(ask(CHAT_XAI), 200, JSON)
    assert (reply.feed(body), reply.end(), reply.usage) == (b"", body, told)


STRIPPED = {
    # what a caller gets who did not ask      events                                 what goes on
    "the extra chunk stays here":   (
        said(b"Hi") + finished() + stated(SMALL) + DONE, said(b"Hi") + finished() + DONE,
    ),
    "usage beside choices goes on": (
        finished(b',"usage":%b' % SMALL) + DONE, finished(b',"usage":%b' % SMALL) + DONE,
    ),
    "empty choices without usage go on": (
        chunk(b"[]", b',"usage":null') + stated(SMALL) + DONE,
        chunk(b"[]", b',"usage":null') + DONE,
    ),
    "an error goes on":             (
        chunk(b"[]", b',"usage":%b,"error":{"message":"x"}' % SMALL),
        chunk(b"[]", b',"usage":%b,"error":{"message":"x"}' % SMALL),
    ),
    "comments go on":               (COMMENT + stated(SMALL), COMMENT),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), STRIPPED.values(), ids=STRIPPED)
def test_stripped(data: bytes, expected: bytes) -> None:
    """Only what we made the provider send is held back, and it counts all the same."""
    for at in range(len(data) + 1):
        reply, out = streamed(data[:at], data[at:], usage=False)
        assert out == expected
        assert reply.usage == NINE


def test_several_choices() -> None:
    """Usage beside the end of one choice is not final while another goes on."""
    early = b',"usage":{"prompt_tokens":9,"completion_tokens":1}'
    assert not streamed(said(b"a"), finished(early), n=2)[0].final
    late = b',"usage":%b' % SMALL
    reply, _ = streamed(said(b"a"), finished(early), said(b"b", index=1), finished(late, 1), n=2)
    assert (reply.usage, reply.final) == (NINE, True)


BROKEN = {
    # what is wrong                        events
    "a negative count":                    stated(b'{"prompt_tokens":-1,"completion_tokens":1}'),
    "a count that is missing":             stated(b'{"prompt_tokens":1}'),
    "a usage without counts":              stated(b"{}"),
    "a count with a fraction":             stated(b'{"prompt_tokens":1.5,"completion_tokens":1}'),
    "a count in quotes":                   stated(b'{"prompt_tokens":"1","completion_tokens":1}'),
    "a count that is null":                stated(b'{"prompt_tokens":null,"completion_tokens":1}'),
    "more cached than there is":           stated(
        b'{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":2}}'
    ),
    "an absurd cost":                      stated(
        b'{"prompt_tokens":1,"completion_tokens":1,"cost":1e300}'
    ),
    "a usage that is a list":              stated(b"[]"),
    "no JSON":                             b"data: {x}\n\n",
    "a chunk that breaks off":             said(b"Hello")[:-20],
    "JSON instead of a stream":            b'{"choices":[],"usage":null}',
}  # fmt: skip


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_stream(data: bytes) -> None:
    """What cannot be counted is a fault, never a zero."""
    with pytest.raises(MeterError):
        streamed(data)


BODIES = {
    # the reply in one piece                                                usage, final
    b'{"model":"gpt-x","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}': (NINE, True),
    b'{"model":"gpt-x","choices":[],"usage":null,"x_groq":{"id":"r"}}': (None, False),
    b'{"model":"gpt-x","error":{"code":402,"message":"no credits"}}': (None, False),
}  # fmt: skip


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("data", "expected"), BODIES.items())
def test_body(data: bytes, expected: tuple[Usage | None, bool], stream: bool) -> None:
    """A JSON reply is held until it is whole, whatever was asked for."""
    reply = CHAT.reply(ask(stream=stream), 200, "application/json; charset=utf-8")
    assert (reply.feed(data), reply.end()) == (b"", data)
    assert ((reply.usage, reply.final), reply.model) == (expected, "gpt-x")


def test_events_to_a_caller_who_did_not_ask() -> None:
    """A stream is followed as one, and goes on whole, even where none was asked for."""
    data, usage, *_ = STREAMS["OpenAI with usage"]
    reply = CHAT.reply(ask(), 200, STREAM)
    assert (reply.feed(data), reply.end(), reply.usage) == (data, b"", usage)


ASKS = {
    # what is asked             fields, expected of it
    "the least":                ({}, {}),
    "the new limit":            ({"max_completion_tokens": 5}, {"max_output": 5}),
    "the old limit":            ({"max_tokens": 6}, {"max_output": 6}),
    "both":                     ({"max_completion_tokens": 5, "max_tokens": 6}, {"max_output": 5}),
    "nulls":                    ({"max_tokens": None, "n": None, "stream": None}, {}),
    "choices":                  ({"n": 3}, {"choices": 3}),
    "a stream":                 ({"stream": True}, {"stream": True, "wants_usage": False}),
    "a stream with usage":      (
        {"stream": True, "stream_options": {"include_usage": True}}, {"stream": True},
    ),
    "a stream that declines it": (
        {"stream": True, "stream_options": {"include_usage": False}},
        {"stream": True, "wants_usage": False},
    ),
    "a limit of zero":          ({"max_tokens": 0}, None),
    "a negative limit":         ({"max_completion_tokens": -5}, None),
    "a limit that is true":     ({"max_completion_tokens": True}, None),
    "one good limit, one bad":  ({"max_completion_tokens": 5, "max_tokens": "x"}, None),
    "an absurd limit":          ({"max_tokens": 10**9}, None),
    "no choices":               ({"n": 0}, None),
    "too many choices":         ({"n": 129}, None),
    "choices in quotes":        ({"n": "2"}, None),
    "choices that are true":    ({"n": True}, None),
    "no model":                 ({"model": None}, None),
    "a stream that is a number": ({"stream": 1}, None),
    "options as a list":        ({"stream": True, "stream_options": []}, None),
    "usage that is a number":   ({"stream": True, "stream_options": {"include_usage": 1}}, None),
    "messages as text":         ({"messages": "x"}, None),
    "content as an object":     ({"messages": [{"content": {}}]}, None),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), ASKS.values(), ids=ASKS)
def test_ask(fields: dict[str, Any], expected: dict[str, Any] | None) -> None:
    """Each row is read as its last column says, the rest as usual; None is refused."""
    if expected is None:
        with pytest.raises(MeterError):
            ask(**fields)
    else:
        asked = ask(**fields)
        usual = {"max_output": None, "stream": False, "choices": 1, "wants_usage": True}
        assert {key: getattr(asked, key) for key in usual} == usual | expected
        assert (asked.model, asked.media, asked.unbounded) == ("gpt-x", 0, "")


def test_a_deployment_in_the_path_is_the_model() -> None:
    """Azure answers by the path; a cheaper model in the body would be a lie about the price."""
    path = "/openai/deployments/gpt%2Dbig/chat/completions?api-version=1"
    assert CHAT.ask(path, b'{"model":"gpt-small"}').model == "gpt-big"
    assert CHAT.ask(path, b"{}").model == "gpt-big"


DATA = "A" * 4000
URL = "data:image/png;base64," + DATA


def image(url: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": url}]}]}


def part(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [fields]}]}


PARTS = {
    # what the request holds     fields, media, whether DATA counts as text, unbounded
    "an image":                  (image({"url": URL}), 1, False, ""),
    "an image as text":          (image(URL), 1, False, ""),
    "an image by address":       (image({"url": "https://x"}), 1, False, ""),
    "text that poses as image":  (image({"url": DATA}), 1, True, ""),
    "another kind of data":      (image({"url": "data:text/plain," + DATA}), 1, True, ""),
    "an image in a schema":      (
        {"tools": [{"type": "function", "function": image({"url": URL})}]}, 0, True, "",
    ),
    "text":                      (part(type="text", text=DATA), 0, True, ""),
    "a schema to answer in":     ({"response_format": {"json_schema": {"x": DATA}}}, 0, True, ""),
    "functions":                 ({"functions": [{"name": "f", "description": DATA}]}, 0, True, ""),
    "a schema of brackets":      (
        {"tools": [{"type": "function", "function": {"parameters": [[]] * 2000}}]}, 0, True, "",
    ),
    "a recording":               (
        part(type="input_audio", input_audio={"data": DATA}), 1, False,
        "a part of type input_audio",
    ),
    "a file":                    (
        part(type="file", file={"file_data": DATA}), 1, False, "a part of type file",
    ),
    "a stored file":             (
        part(type="file", file={"file_id": "f"}), 1, False, "a part of type file",
    ),
    "a part nobody knows":       (
        part(type="video", video={"data": DATA}), 1, True, "a part of type video",
    ),
    "a stored recording":        (
        {"messages": [{"audio": {"id": "a"}}]}, 0, False, "a stored audio reply",
    ),
    "tools that the caller runs": (
        {"tools": [{"type": "function"}, {"type": "custom"}]}, 0, False, "",
    ),
    "a tool of the provider":    (
        {"tools": [{"type": "browser_search"}]}, 0, False, "the tool browser_search",
    ),
    "a tool without a type":     ({"tools": [{"function": {}}]}, 0, False, "the tool unnamed"),
    "a web search":              ({"web_search_options": {}}, 0, False, "web_search_options"),
    "a prediction":              ({"prediction": {"type": "content"}}, 0, False, "prediction"),
    "a deferred reply":          ({"deferred": True}, 0, False, "deferred"),
    "a reply now":               ({"deferred": False, "plugins": []}, 0, False, ""),
    "other models":              ({"models": ["a", "b"]}, 0, False, "models"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "media", "text", "unbounded"), PARTS.values(), ids=PARTS)
def test_parts(fields: dict[str, Any], media: int, text: bool, unbounded: str) -> None:
    """Images count where the API reads images, all else is text, and what is hidden is named."""
    asked = ask(**fields)
    assert (asked.media, asked.unbounded) == (media, unbounded)
    assert (asked.text_bytes >= len(DATA)) is text


USAGE = {"stream_options": {"include_usage": True}}
LIMITS = {
    # what is asked              fields, limit, expected fields
    "no limit":                  ({}, 40, {"max_completion_tokens": 40}),
    "limits that are null":      ({"max_tokens": None}, 40, {"max_completion_tokens": 40}),
    "the new name":              (
        {"max_completion_tokens": 100}, 40, {"max_completion_tokens": 40},
    ),
    "the old name":              ({"max_tokens": 100}, 40, {"max_tokens": 40}),
    "a limit that is lower":     ({"max_tokens": 10}, 40, {"max_tokens": 10}),
    "both names":                (
        {"max_tokens": 100, "max_completion_tokens": 30}, 40,
        {"max_tokens": 40, "max_completion_tokens": 30},
    ),
    "a stream":                  ({"stream": True, "max_tokens": 9}, 9, {"max_tokens": 9} | USAGE),
    "a stream that declines":    (
        {"stream": True, "max_tokens": 9,
         "stream_options": {"include_usage": False, "include_obfuscation": False}}, 9,
        {"stream_options": {"include_usage": True, "include_obfuscation": False}},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "limit", "expected"), LIMITS.values(), ids=LIMITS)
def test_limited(fields: dict[str, Any], limit: int, expected: dict[str, Any]) -> None:
    """What is sent has the limit and asks for usage, and what was asked stays as it was."""
    asked = ask(**fields)
    before = msgspec.json.encode(asked.body)
    sent = msgspec.json.decode(CHAT.limited(asked, limit))
    assert sent == asked.body | expected
    assert msgspec.json.encode(asked.body) == before


ERRORS = {
    "budget.exhausted": "insufficient_quota",
    "bottle.cut": "permission_error",
    "credential.missing": "permission_error",
    "meter.unreadable": "invalid_request_error",
}


@pytest.mark.parametrize(("code", "kind"), ERRORS.items())
def test_error(code: str, kind: str) -> None:
    """A refusal has the provider's shape and carries our code."""
    refusal = refuse(code, "x")
    error = {"message": refusal.sentence, "type": kind, "param": None, "code": code}
    assert msgspec.json.decode(CHAT.error(refusal)) == {"error": error}
