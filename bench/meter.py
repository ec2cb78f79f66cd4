"""What reading costs: each request before it leaves, and each event of a reply."""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Final

import msgspec
from msgspec import Struct

from bench.harness import Bench, Row
from bench.wrk import BODY
from stopper.meter.wires import WIRES

__all__ = ["BENCH"]

DELTAS: Final = 256
REQUEST_TURNS: Final = 200
STREAM_TURNS: Final = 10
LARGE_BYTES: Final = 76_000
"""What a coding agent sends with its first question: its instructions and its tools."""

_US: Final = 1e6


class Sample(Struct, frozen=True):
    """A wire format: where its requests go, one that streams, and the events of a reply."""

    path: str
    request: dict[str, object]
    events: list[bytes]


class _Pair(Struct, frozen=True):
    """Two ways through the same bytes, each `turns` times a round; `parts` are what is counted."""

    what: str
    ours: Callable[[], object]
    reference: Callable[[], object]
    turns: int
    parts: int = 1

    def row(self, rounds: int) -> Row:
        """Medians of rounds in turn."""
        turns = [(self._timed(self.ours), self._timed(self.reference)) for _ in range(rounds)]
        ours, reference = (median(turn[side] for turn in turns) for side in (0, 1))
        return Row(self.what, "us", ours, reference)

    def _timed(self, work: Callable[[], object]) -> float:
        began = time.perf_counter()
        for _ in range(self.turns):
            work()
        return (time.perf_counter() - began) * _US / self.turns / self.parts


def measure(rounds: int) -> Iterator[Row]:
    """Ours and json.loads in turns, on the same bytes."""
    for body in (BODY, _large()):
        what = f"a request of {len(body):,} bytes, read and limited"
        yield _Pair(what, partial(_read, body), partial(json.loads, body), REQUEST_TURNS).row(
            rounds
        )
    for wire, sample in _samples().items():
        datas = [data for event in sample.events if (data := _json(event))]
        ours, reference = partial(_follow, wire, sample), partial(_load_all, datas)
        pair = _Pair(f"an event of {wire}", ours, reference, STREAM_TURNS, len(datas))
        yield pair.row(rounds)


def _load_all(datas: list[bytes]) -> None:
    for data in datas:
        json.loads(data)


def _read(body: bytes) -> None:
    wire = WIRES["anthropic.messages"]
    ask = wire.ask("/v1/messages", body)
    wire.limited(ask, 1000)


def _follow(name: str, sample: Sample) -> None:
    wire = WIRES[name]
    ask = wire.ask(sample.path, msgspec.json.encode(sample.request))
    reply = wire.reply(ask, 200, "text/event-stream")
    for event in sample.events:
        reply.feed(event)
    reply.end()
    if reply.usage is None or not reply.final:
        raise RuntimeError(f"{name}: the usage of the sample was not read")


def _json(event: bytes) -> bytes:
    data = event.partition(b"data: ")[2].strip()
    return data if data.startswith(b"{") else b""


def _large() -> bytes:
    body = msgspec.json.decode(BODY, type=dict[str, object])
    tool = {
        "name": "read_file",
        "description": "Reads a file of the workspace, from one line to another.",
        "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
    }
    body["tools"] = [tool] * 40
    missing = LARGE_BYTES - len(msgspec.json.encode(body))
    text = "You help with the code of this workspace; change no more than was asked for.\n"
    body["system"] = (text * (missing // len(text) + 1))[:missing]
    return msgspec.json.encode(body)


def _samples() -> dict[str, Sample]:
    say = [{"role": "user", "content": "hi"}]
    return {
        "anthropic.messages": Sample(
            "/v1/messages",
            {"model": "m", "max_tokens": 1000, "stream": True, "messages": say},
            _anthropic(),
        ),
        "openai.chat": Sample(
            "/v1/chat/completions", {"model": "m", "stream": True, "messages": say}, _chat()
        ),
        "openai.responses": Sample(
            "/v1/responses", {"model": "m", "stream": True, "input": "hi"}, _responses()
        ),
    }


def _anthropic() -> list[bytes]:
    usage = {"input_tokens": 12, "output_tokens": 1}
    text = {"type": "text_delta", "text": " token"}
    return [
        _named("message_start", message={"id": "m", "model": "m", "usage": usage}),
        _named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *[_named("content_block_delta", index=0, delta=text)] * DELTAS,
        _named("content_block_stop", index=0),
        _named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": DELTAS}),
        _named("message_stop"),
    ]


def _chat() -> list[bytes]:
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    said = {"index": 0, "delta": {"content": " token"}, "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 12, "completion_tokens": DELTAS, "total_tokens": 12 + DELTAS}
    return [
        *[_plain(**base, choices=[said])] * DELTAS,
        _plain(**base, choices=[end]),
        _plain(**base, choices=[], usage=usage),
        b"data: [DONE]\n\n",
    ]


def _responses() -> list[bytes]:
    delta = {"item_id": "i", "output_index": 0, "content_index": 0, "delta": " token"}
    usage = {"input_tokens": 12, "output_tokens": DELTAS, "total_tokens": 12 + DELTAS}
    return [
        _named("response.created", response={"id": "r", "model": "m", "status": "in_progress"}),
        *[_named("response.output_text.delta", **delta)] * DELTAS,
        _named(
            "response.completed",
            response={"id": "r", "model": "m", "status": "completed", "usage": usage},
        ),
    ]


def _named(kind: str, **fields: object) -> bytes:
    return b"event: %b\n%b" % (kind.encode(), _plain(type=kind, **fields))


def _plain(**fields: object) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(fields)


BENCH = Bench("reading requests and events; reference: json.loads of the same", measure, rounds=15)
