"""The egress as a run has it, in a process of its own: a ledger in a file, budgets, a key.

Started by `plane_process`. Every line of its input is a command, answered by a line of JSON.
"""

import asyncio
import secrets
import signal
import string
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from bench.harness import process
from stopper.control.orders import listen, wake
from stopper.core.budget import Budget, Unit, Window
from stopper.core.reason import refuse
from stopper.core.scope import GLOBAL, Scope, ScopeKind
from stopper.core.usage import Usage
from stopper.data import load_providers
from stopper.egress.plane import Plane
from stopper.stores.ledger import Ledger
from stopper.stores.sqlite import SqliteLedger
from stopper.testing.plane import loopback_plane

__all__ = [
    "LOOKS",
    "MODEL",
    "PATH",
    "PAUSE_SECONDS",
    "PLACEHOLDER",
    "PlaneProcess",
    "plane_process",
]

RUN: Final = "bench"
MODEL: Final = "claude-sonnet-4-5"
PATH: Final = "/anthropic/v1/messages"
PLACEHOLDER: Final = load_providers()["anthropic"].placeholder
BUDGETS: Final = (
    Budget(Scope(ScopeKind.RUN, RUN), Unit.TOKENS, 10**14),
    Budget(GLOBAL, Unit.MICROS, 10**14, Window.DAY),
)
"""The one governs, and usage rolls up to both; neither is ever used up."""

LOOKS: Final = 500
"""So many times a ledger is looked at before it counts as wrong."""

PAUSE_SECONDS: Final = 0.01


class PlaneProcess:
    """An egress in another process, and the ledger that both share."""

    def __init__(self, url: str, pid: int, folder: Path, ask: Any) -> None:
        self.url = url
        self.pid = pid
        self._folder = folder
        self._ask = ask
        self._ledger = SqliteLedger(folder / "stopper.db")

    def cut(self) -> int:
        """Have the egress cut itself; when it began to, on the monotonic clock in ns."""
        cut_ns: int = self._ask("cut")
        return cut_ns

    def order(self) -> int:
        """Order a cut as another terminal does; when that began, on the monotonic clock in ns."""
        began = time.monotonic_ns()
        self._ledger.give_order(RUN, "cut", "bottle.cut", datetime.now(UTC))
        wake(self._folder, RUN)
        return began

    def usage(self) -> tuple[int, Usage]:
        """How many requests were settled, and what they used, once none is under way."""
        for _ in range(LOOKS):
            if self._ledger.open_holds() == 0:
                break
            time.sleep(PAUSE_SECONDS)
        totals = self._ledger.totals(())
        return (totals[0].requests, totals[0].usage) if totals else (0, Usage())

    def close(self) -> None:
        """Close the ledger of this side."""
        self._ledger.close()


@contextmanager
def plane_process(upstream: str, folder: Path, core: int) -> Iterator[PlaneProcess]:
    """Run an egress for one provider on one core until the block ends."""
    command = [sys.executable, "-m", "bench.plane", upstream, folder]
    with process(command, core) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        given, answers = started.stdin, started.stdout

        def ask(command: str) -> Any:
            print(command, file=given, flush=True)
            return msgspec.json.decode(answers.readline())

        url = msgspec.json.decode(answers.readline())
        with closing(PlaneProcess(url, started.pid, folder, ask)) as plane:
            yield plane


async def _serve(upstream: str, folder: Path) -> None:
    key = "sk-ant-api03-" + "".join(secrets.choice(string.ascii_letters) for _ in range(95))
    with closing(SqliteLedger(folder / "stopper.db")) as ledger:
        async with loopback_plane(
            ledger, {"anthropic": upstream}, run=RUN, budgets=BUDGETS, keys={"anthropic": key}
        ) as (plane, url):
            with listen(folder, RUN, lambda: _look_for_orders(plane, ledger)):
                _say(url)
                await _obey(plane)


async def _obey(plane: Plane) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), _command, plane, stop)
    await stop.wait()


def _command(plane: Plane, stop: asyncio.Event) -> None:
    if sys.stdin.readline() != "cut\n":
        stop.set()
        return
    began = time.monotonic_ns()
    plane.cut(refuse("bottle.cut"))
    _say(began)


def _look_for_orders(plane: Plane, ledger: Ledger) -> None:
    if ledger.orders(RUN):
        plane.cut(refuse("bottle.cut"))


def _say(answer: object) -> None:
    print(msgspec.json.encode(answer).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], Path(sys.argv[2])))
