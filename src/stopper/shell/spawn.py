"""The near side of wardens: processes that run commands, kept for the next command."""

import contextlib
import fcntl
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Final
from weakref import WeakSet

from msgspec import Struct

from stopper.errors import ShellError
from stopper.shell.warden import ANSWER, CHANNEL, LENGTH, MAX_DESCRIPTORS, MAX_REQUEST

__all__ = ["Answer", "Start", "Warden", "release", "take"]

MAX_IDLE: Final = 4
MAX_ROUNDS: Final = 1000
_MARK: Final = "STOPPER_COMMAND"
_MARK_BYTES: Final = 16
_SEND_BYTES: Final = 1 << 20
_PROGRAM: Final = str(Path(__file__).with_name("warden.py"))


class Start(Struct, frozen=True):
    """What a warden is to run. `descriptors` says what becomes the command's 0, 1, 2 and so on."""

    program: str
    argv: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    descriptors: Mapping[int, int]


class Answer(Struct, frozen=True):
    """What a warden said: a letter as `warden.py` has it, and a number."""

    kind: str
    number: int


class Warden:
    """A process that runs one command at a time; `fileno` is readable when it has answered."""

    def __init__(self) -> None:
        self.owner = _owner()
        self._buffer = b""
        self._mark = ""
        self._channel, far = socket.socketpair()
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
        with far:
            self._pid = _spawn(far.fileno())
        _known.add(self)

    def fileno(self) -> int:
        """The descriptor of the channel."""
        return self._channel.fileno()

    def start(self, start: Start) -> None:
        """Ask for a command; ShellError where it is larger than a warden takes."""
        self._mark = f"{_MARK}={token_hex(_MARK_BYTES)}"
        words = (
            start.folder,
            start.program,
            ",".join(map(str, start.descriptors)),
            str(len(start.argv)),
            *start.argv,
            *(f"{name}={value}" for name, value in start.environment.items()),
            self._mark,
        )
        request = os.fsencode("\0".join(words))
        if len(request) > MAX_REQUEST or len(start.descriptors) > MAX_DESCRIPTORS:
            raise ShellError("the command and its environment are too large: put it in a script")
        with self._told():
            asked = b"r" + LENGTH.pack(len(request)) + request
            sent = socket.send_fds(self._channel, [asked], [*start.descriptors.values()])
            self._channel.sendall(memoryview(asked)[sent:])

    def terminate(self) -> None:
        """Have the command's process group end itself."""
        with self._told():
            self._channel.sendall(b"t")

    def kill(self) -> None:
        """Kill all that is left of the command; the answer is `d`."""
        with self._told():
            self._channel.sendall(b"k")

    def answers(self) -> list[Answer]:
        """What has been said since; does not wait."""
        with self._told():
            try:
                data = self._channel.recv(ANSWER.size * 8, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return []
            if not data:
                raise BrokenPipeError
        self._buffer += data
        whole = len(self._buffer) // ANSWER.size * ANSWER.size
        said, self._buffer = self._buffer[:whole], self._buffer[whole:]
        return [Answer(kind.decode(), number) for kind, number in ANSWER.iter_unpack(said)]

    def close(self) -> None:
        """End it, and with it all that it has started."""
        self.forget()
        with _lock:
            _ending.append(self._pid)
        _bury()

    def forget(self) -> None:
        """Leave it to the process that this one was forked from."""
        _known.discard(self)
        self._channel.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Where a warden was killed, by its command perhaps, that can still be told by its mark."""
        try:
            yield
        except (BrokenPipeError, ConnectionResetError):
            _kill_marked(self._mark)
            raise ShellError("what runs commands was killed, and so was the command") from None


def take() -> Warden:
    """An idle warden, or a new one. Give it to `release`, or close it."""
    owner = _owner()
    with _lock:
        while _idle:
            warden = _idle.pop()
            if warden.owner == owner:
                return warden
            _stale.append(warden)
    while _stale:
        _stale.pop().close()
    return Warden()


def release(warden: Warden) -> None:
    """Keep a warden that has nothing left to do for the next command."""
    with _lock:
        if len(_idle) < MAX_IDLE:
            _idle.append(warden)
            return
    warden.close()


_lock = threading.Lock()
_idle: list[Warden] = []
_stale: list[Warden] = []
_ending: list[int] = []
_known: WeakSet[Warden] = WeakSet()


def _owner() -> tuple[int, ...]:
    """Who started it: a process that has become somebody else needs a warden that has, too."""
    return (os.getpid(), *os.getresuid(), *os.getresgid())


def _spawn(channel: int) -> int:
    if not sys.executable:
        raise ShellError("this Python does not know its own program, so it can start no warden")
    lifted = fcntl.fcntl(channel, fcntl.F_DUPFD_CLOEXEC, CHANNEL + 1)
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", _PROGRAM],
            {},
            file_actions=[
                *((os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)),
                (os.POSIX_SPAWN_DUP2, lifted, CHANNEL),
            ],
            setsid=True,
            setsigmask=(),
        )
    finally:
        os.close(lifted)


def _kill_marked(mark: str) -> None:
    """Kill whatever was started with this mark in its environment, until there is nothing."""
    for _ in range(MAX_ROUNDS):
        found = [pid for pid in map(int, _numbers()) if _has_mark(pid, mark.encode())]
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _numbers() -> Iterator[str]:
    return (name for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208


def _has_mark(pid: int, mark: bytes) -> bool:
    """A process that is dead already has no environment any more."""
    with contextlib.suppress(OSError):
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def _bury() -> None:
    """Reap the wardens that have ended since."""
    with _lock:
        for pid in _ending[:]:
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG)[0] == 0:
                    continue
            _ending.remove(pid)


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  another thread may have held it
    _lock = threading.Lock()
    _idle.clear()
    _ending.clear()
    for warden in [*_known]:
        warden.forget()


os.register_at_fork(after_in_child=_after_fork)
