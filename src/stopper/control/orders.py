"""An operator's orders reach a run: written in the ledger, and a nudge so that it looks now."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

__all__ = ["POLL_SECONDS", "listen", "wake"]

POLL_SECONDS: Final = 0.5
"""How late an order is seen whose nudge was lost."""

_FOLDER: Final = "run"
_MAX_NUDGES: Final = 64


@contextlib.contextmanager
def listen(home: Path, run: str, on_wake: Callable[[], None]) -> Iterator[None]:
    """Call `on_wake` in the running loop at every nudge, and every `POLL_SECONDS` without one.

    The socket lies in Stopper's own folder, which no bottle sees.
    """
    loop = asyncio.get_running_loop()
    path = _path(home, run)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nudges:
        _bind(nudges, path)
        nudges.setblocking(False)
        loop.add_reader(nudges, _nudged, nudges, on_wake)
        looking = loop.create_task(_look_regularly(on_wake))
        try:
            yield
        finally:
            looking.cancel()
            loop.remove_reader(nudges)
            path.unlink(missing_ok=True)


def wake(home: Path, run: str) -> bool:
    """Nudge a run; False where nobody listens, which means that its process is gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nudge:
        try:
            with _reachable(_path(home, run)) as address:
                nudge.sendto(b"!", address)
        except OSError:
            return False
    return True


async def _look_regularly(on_wake: Callable[[], None]) -> None:
    while True:
        on_wake()
        await asyncio.sleep(POLL_SECONDS)


def _nudged(nudges: socket.socket, on_wake: Callable[[], None]) -> None:
    with contextlib.suppress(BlockingIOError):
        for _ in range(_MAX_NUDGES):
            nudges.recv(1)
    on_wake()


def _path(home: Path, run: str) -> Path:
    return home / _FOLDER / f"{run}.sock"


def _bind(nudges: socket.socket, path: Path) -> None:
    with _reachable(path) as address:
        nudges.bind(address)
    path.chmod(0o600)


@contextlib.contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A short name for a socket whose path may be longer than an address may be (108 bytes)."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
