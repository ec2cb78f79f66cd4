"""How long after a cut the last byte comes and the connection closes, for live streams."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench.harness import Bench, Row, percentile, two_cores
from bench.plane import PATH, PlaneProcess, plane_process
from bench.streamer import Order, Stream, streamers
from stopper.testing.provider import Remote, provider_process

__all__ = ["BENCH"]

STREAMS: Final = 100
ENDLESS: Final = 10_000
SHARES: Final = (0.5, 0.99)
_NS: Final = 1e6


def measure(rounds: int) -> Iterator[Row]:
    """Cuts of both kinds, and the death of a provider that callers are connected to directly."""
    core, other = two_cores()
    ways: dict[str, Callable[[PlaneProcess, Remote], int]] = {
        "cut": lambda plane, _: plane.cut(),
        "order from another process": lambda plane, _: plane.order(),
        "death": lambda _, provider: _kill(provider),
    }
    ends: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, act in ways.items():
            ends[way] += _cut(act, core, other, direct=way == "death")
    for way in ("cut", "order from another process"):
        for share in SHARES:
            yield Row(
                f"{way} to close, p{share * 100:g}",
                "ms",
                percentile(ends[way], share),
                percentile(ends["death"], share),
                f"{len(ends[way])} streams, at most {max(ends[way]):.1f} ms",
            )


def _cut(
    act: Callable[[PlaneProcess, Remote], int], core: int, other: int, *, direct: bool
) -> list[float]:
    """Let streams flow, end them all, and see how long each took to close, in ms."""
    with (
        tempfile.TemporaryDirectory(prefix="stopper-bench-") as folder,
        provider_process() as provider,
        plane_process(provider.url, Path(folder), core) as plane,
    ):
        url = provider.url if direct else plane.url
        with streamers(Order(url + PATH, STREAMS, deltas=ENDLESS), other) as calls:
            calls.flowing()
            began = act(plane, provider)
            streams = calls.ended()
        if not direct:
            _check(plane, streams)
    return [(max(stream.last, stream.closed) - began) / _NS for stream in streams]


def _check(plane: PlaneProcess, streams: list[Stream]) -> None:
    """Every stream has its row, which charges no less than what came of it."""
    settled, usage = plane.usage()
    came = sum(len(stream.deltas) for stream in streams)
    if settled != STREAMS or usage.output < came:
        raise RuntimeError(f"the ledger is wrong: {settled} settled, {usage}, {came} deltas came")


def _kill(provider: Remote) -> int:
    began = time.monotonic_ns()
    os.kill(provider.pid, signal.SIGKILL)
    return began


BENCH = Bench(
    f"{STREAMS} live streams cut; reference: the provider's process is killed",
    measure,
    rounds=3,
)
