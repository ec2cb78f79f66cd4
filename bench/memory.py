"""Resident memory of the egress: idle, under load, after it, and after many requests."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.harness import Bench, Row, Skipped, need, process, resident_bytes, two_cores
from bench.nginx import nginx_pair
from bench.plane import PATH, PlaneProcess, plane_process
from bench.streamer import DELTAS, Order, streamers
from bench.wrk import load
from stopper.testing.provider import provider_process

__all__ = ["BENCH"]

STREAMS: Final = 200
REQUESTS: Final = 50_000
LOAD_SECONDS: Final = 2
_MB: Final = 1e6
_BARE: Final = "import asyncio, uvloop, ssl, sqlite3; print(flush=True); input()"


def measure(rounds: int) -> Iterator[Row]:
    """Streams first, then requests, if their tools are here."""
    core, other = two_cores()
    bare = _bare(core)
    with (
        tempfile.TemporaryDirectory(prefix="stopper-bench-") as folder,
        provider_process() as provider,
        plane_process(provider.url, Path(folder), core) as plane,
    ):
        yield _row("idle", plane, bare)
        for _ in range(rounds):
            with streamers(Order(plane.url + PATH, STREAMS, deltas=4 * DELTAS), other) as calls:
                calls.flowing()
                yield _row(f"with {STREAMS} live streams", plane, bare)
                calls.ended()
        yield _row("after them", plane, bare)
    try:
        yield from _many(core, other, bare)
    except Skipped as skipped:
        yield Row.skipped(f"after {REQUESTS:,} requests", skipped)


def _many(core: int, other: int, bare: float) -> Iterator[Row]:
    need("nginx", "wrk")
    with (
        tempfile.TemporaryDirectory(prefix="stopper-bench-") as name,
        nginx_pair(folder := Path(name), core, other) as nginx,
        plane_process(nginx.upstream, folder, core) as plane,
    ):
        folder.chmod(0o755)
        load(plane.url + PATH, LOAD_SECONDS, other, folder)
        before, warm = resident_bytes(plane.pid), plane.usage()[0]
        yield _row(f"after {warm:,} requests", plane, bare)
        while plane.usage()[0] - warm < REQUESTS:
            load(plane.url + PATH, LOAD_SECONDS, other, folder)
        done = plane.usage()[0] - warm
        grown = resident_bytes(plane.pid) - before
        yield _row(f"after {done:,} more", plane, bare, f"{grown / done:+.1f} bytes a request")


def _row(what: str, plane: PlaneProcess, bare: float, note: str = "") -> Row:
    return Row(what, "MB", resident_bytes(plane.pid) / _MB, bare / _MB, note)


def _bare(core: int) -> float:
    with process([sys.executable, "-c", _BARE], core) as started:
        assert started.stdout is not None
        started.stdout.readline()
        return resident_bytes(started.pid)


BENCH = Bench(
    "resident memory of the egress; reference: a bare Python with uvloop, ssl and sqlite3",
    measure,
    rounds=1,
)
