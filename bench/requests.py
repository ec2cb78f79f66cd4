"""Requests a second on one core, beside nginx as a proxy on the same core."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Final

from msgspec import Struct

from bench.harness import Bench, Row, cpu_seconds, need, two_cores
from bench.nginx import TOKENS, Pair, nginx_pair
from bench.plane import LOOKS, PATH, PAUSE_SECONDS, PlaneProcess, plane_process
from bench.wrk import CONNECTIONS, Round, load

__all__ = ["BENCH"]

WARM_SECONDS: Final = 2
ROUND_SECONDS: Final = 3


class _Turn(Struct, frozen=True):
    """A round of one side, with the processor seconds that the proxy took for it."""

    seen: Round
    cpu: float

    @property
    def cpu_micros(self) -> float:
        """Processor time of one request."""
        return self.cpu * 1e6 / self.seen.answered


def measure(rounds: int) -> Iterator[Row]:
    """Ours and nginx take turns on one core; load and upstream share the other.

    nginx is measured as it comes, which writes each request into its log as we do into the ledger
    and asks its upstream on a new connection each time, and tuned to its best.
    """
    need("nginx", "wrk")
    core, other = two_cores()
    with (
        tempfile.TemporaryDirectory(prefix="stopper-bench-") as name,
        nginx_pair(folder := Path(name), core, other) as nginx,
        plane_process(nginx.upstream, folder, core) as plane,
    ):

        def turn(url: str, pid: int, seconds: int = ROUND_SECONDS) -> _Turn:
            before = cpu_seconds(pid)
            seen = load(url + PATH, seconds, other, folder)
            return _Turn(seen, cpu_seconds(pid) - before)

        turn(plane.url, plane.pid, WARM_SECONDS)
        turn(nginx.proxy, nginx.proxy_pid, WARM_SECONDS)
        turn(nginx.tuned, nginx.proxy_pid, WARM_SECONDS)
        direct = load(nginx.upstream, WARM_SECONDS, other, folder)
        audit = _Audit(plane, nginx)
        ours, theirs, tuned = [], [], []
        for _ in range(rounds):
            audit.begin()
            ours.append(turn(plane.url, plane.pid))
            audit.end(ours[-1].seen)
            theirs.append(turn(nginx.proxy, nginx.proxy_pid))
            tuned.append(turn(nginx.tuned, nginx.proxy_pid))
        yield from _rows(ours, theirs)
        what = "requests, beside nginx tuned for this"
        yield Row(what, "1/s", _median(ours, _rate), _median(tuned, _rate))
        yield Row("upstream without a proxy", "1/s", direct.rate, _median(theirs, _rate))
        yield audit.row()


class _Audit:
    """Compares the ledger with what was served and what was answered; raises where it is wrong."""

    def __init__(self, plane: PlaneProcess, nginx: Pair) -> None:
        self._plane, self._nginx = plane, nginx
        self._settled = self._served = self._answered = 0
        self._before = (0, 0)

    def begin(self) -> None:
        """A round of ours begins."""
        self._before = self._plane.usage()[0], self._nginx.served()

    def end(self, seen: Round) -> None:
        """A round of ours is over: every reply of the upstream is settled, and nothing else.

        wrk leaves with one request under way on each connection: those are settled too.
        """
        if seen.refused or seen.broken:
            raise RuntimeError(f"{seen.refused} requests were refused, {seen.broken} broke")
        for look in range(1, LOOKS):  # requests may still be on their way when the load has left
            settled = self._plane.usage()[0] - self._before[0]
            served = self._nginx.served() - self._before[1] - look  # looks are served as well
            if settled == served:
                break
            time.sleep(PAUSE_SECONDS)
        if settled != served or not 0 <= settled - seen.answered <= CONNECTIONS:
            raise RuntimeError(
                f"the ledger is wrong: {settled} settled, {served} served, {seen.answered} answered"
            )
        self._settled += settled
        self._served += served
        self._answered += seen.answered

    def row(self) -> Row:
        """Rows in the ledger beside requests that the upstream served."""
        requests, usage = self._plane.usage()
        if (usage.input, usage.output) != (requests * TOKENS[0], requests * TOKENS[1]):
            raise RuntimeError(f"the ledger is wrong: {requests} requests with {usage}")
        note = f"{self._answered:,} answered before the load left"
        return Row("settled, of those served", "", self._settled, self._served, note)


def _rows(ours: list[_Turn], theirs: list[_Turn]) -> Iterator[Row]:
    pairs = zip(ours, theirs, strict=True)
    ratios = sorted(_rate(one) / _rate(other) for one, other in pairs)
    spread = f"{len(ours)} rounds: {ratios[0]:.3f} to {ratios[-1]:.3f}, median {median(ratios):.3f}"
    rows: tuple[tuple[str, str, Callable[[_Turn], float], str], ...] = (
        ("requests", "1/s", _rate, spread),
        ("processor time a request", "us", lambda turn: turn.cpu_micros, ""),
        ("latency p50", "us", lambda turn: turn.seen.p50, f"{CONNECTIONS} at a time"),
        ("latency p99", "us", lambda turn: turn.seen.p99, f"{CONNECTIONS} at a time"),
    )
    for what, unit, pick, note in rows:
        yield Row(what, unit, _median(ours, pick), _median(theirs, pick), note)


def _rate(turn: _Turn) -> float:
    return turn.seen.rate


def _median(turns: list[_Turn], pick: Callable[[_Turn], float]) -> float:
    return median(map(pick, turns))


BENCH = Bench(
    "requests of 1 KB on one core, each recorded; reference: nginx proxy_pass as it comes",
    measure,
    rounds=7,
)
