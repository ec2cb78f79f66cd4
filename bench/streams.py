"""What the egress adds to streams: to their first byte, and to the gaps between their deltas."""

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

from bench.harness import Bench, Row, percentile, two_cores
from bench.plane import PATH, plane_process
from bench.streamer import DELTA_MILLIS, DELTAS, Order, Stream, streamers
from stopper.testing.provider import provider_process

__all__ = ["BENCH"]

AT_A_TIME: Final = 100
EACH: Final = 3
SHARES: Final = (0.5, 0.99)
_STAGGER: Final = DELTAS * DELTA_MILLIS / AT_A_TIME
_NS: Final = 1e6


def measure(rounds: int) -> Iterator[Row]:
    """Through the egress and straight to the provider, in turns."""
    core, other = two_cores()
    with (
        tempfile.TemporaryDirectory(prefix="stopper-bench-") as folder,
        provider_process() as provider,
        plane_process(provider.url, Path(folder), core) as plane,
    ):
        urls = (plane.url + PATH, provider.url + PATH)
        begun = [_ask(url, other, connections=1, each=1) for url in urls]
        turns: list[tuple[list[Stream], list[Stream]]] = []
        for _ in range(rounds):
            through, direct = (_ask(url, other) for url in urls)
            turns.append((through, direct))
        settled, usage = plane.usage()
    asked = 1 + rounds * AT_A_TIME * EACH
    if (settled, usage.output) != (asked, asked * DELTAS):
        raise RuntimeError(f"the ledger is wrong: {asked} streams, {settled} settled: {usage}")
    yield from _rows("first byte", [tuple(map(_firsts, turn)) for turn in turns])
    yield from _rows("gap between deltas", [tuple(map(_gaps, turn)) for turn in turns])
    first, reference = (_firsts(streams)[0] for streams in begun)
    yield Row("first byte of the very first stream", "ms", first, reference)
    yield Row(
        "settled, of those streamed", "", settled, asked, f"{usage.output:,} tokens of output"
    )


def _ask(url: str, core: int, connections: int = AT_A_TIME, each: int = EACH) -> list[Stream]:
    order = Order(url, connections, each, DELTAS, _STAGGER)
    with streamers(order, core) as calls:
        calls.flowing()
        streams = calls.ended()
    for stream in streams:
        if len(stream.deltas) != DELTAS:
            raise RuntimeError(f"a stream brought {len(stream.deltas)} of {DELTAS} deltas")
    return streams


def _firsts(streams: list[Stream]) -> list[float]:
    return [(stream.first - stream.asked) / _NS for stream in streams]


def _gaps(streams: list[Stream]) -> list[float]:
    return [(b - a) / _NS for stream in streams for a, b in pairwise(stream.deltas)]


def _rows(what: str, turns: list[tuple[list[float], ...]]) -> Iterator[Row]:
    for share in SHARES:
        ours, direct = (median(percentile(turn[side], share) for turn in turns) for side in (0, 1))
        yield Row(f"{what}, p{share * 100:g}", "ms", ours, direct, f"added {ours - direct:+.2f} ms")


BENCH = Bench(
    f"{AT_A_TIME} streams at a time of {DELTAS} deltas at {DELTA_MILLIS} ms;"
    " reference: straight to the provider",
    measure,
    rounds=3,
)
