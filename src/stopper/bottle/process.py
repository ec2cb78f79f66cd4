"""Starts processes with exactly the descriptors that they are to have, and holds on to them."""

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Mapping
from typing import Final

__all__ = ["SIGNALLED", "Processes", "memory_file", "readable", "spawn"]

SIGNALLED: Final = 128
"""An exit status above this says which signal ended the process."""

_NOT_RESETTABLE = {signal.SIGKILL, signal.SIGSTOP}


class Processes:
    """The processes of a run, by descriptors that stay true when a process id is used again.

    `main` is this process's own child: bubblewrap, or the agent where there is no sandbox. `init`
    is the first process of the bottle's namespace, `agent` the agent itself; -1 where unknown.
    """

    def __init__(self, main: int) -> None:
        self.main = main
        self.init = self.agent = -1

    def signal_agent(self, number: signal.Signals) -> None:
        """Send a signal to the agent."""
        _send(self.agent, number)

    def kill(self) -> None:
        """Kill the namespace's first process, and so every one in it; else what is known."""
        _send(self.main if self.init == -1 else self.init, signal.SIGKILL)

    async def exit_status(self) -> int:
        """Reap, see to it that nothing is left inside, and give the status; call it once."""
        await readable(self.main)
        result = os.waitid(os.P_PIDFD, self.main, os.WEXITED)  # noqa: ASYNC222  it has ended
        if result is None:
            raise ChildProcessError
        if self.init != -1:
            _send(self.init, signal.SIGKILL)
            await readable(self.init)
        self._close()
        exited = result.si_code == os.CLD_EXITED
        return result.si_status if exited else SIGNALLED + result.si_status

    def _close(self) -> None:
        for fd in {self.main, self.init, self.agent} - {-1}:
            os.close(fd)
        self.main = self.init = self.agent = -1


def spawn(argv: list[str], descriptors: Mapping[int, int], terminal: str | None) -> int:
    """Run a program in a session of its own with an empty environment; gives its pidfd.

    `descriptors` says which of ours becomes which of its; `terminal` is the path of the terminal
    that it is to control. Signals are as a fresh login has them, whatever this process ignores.
    """
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
    above = max(descriptors) + 1
    with contextlib.ExitStack() as stack:
        for target, source in descriptors.items():
            # copied above all targets, or one would overwrite the source of the next
            lifted: int = fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, above + 1)
            stack.callback(os.close, lifted)
            actions.append((os.POSIX_SPAWN_DUP2, lifted, target))
        if terminal is not None:  # the first terminal that a session's leader opens controls it
            actions.insert(0, (os.POSIX_SPAWN_OPEN, above, terminal, os.O_RDWR, 0))
            actions.insert(1, (os.POSIX_SPAWN_CLOSE, above))
        resettable = signal.valid_signals() - _NOT_RESETTABLE
        pid = os.posix_spawn(
            argv[0],
            argv,
            {},
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=resettable,
        )
    return os.pidfd_open(pid)


def memory_file(stack: contextlib.ExitStack, content: bytes) -> int:
    """A descriptor that reads `content` from its start, with no path in any file system."""
    file = stack.enter_context(os.fdopen(os.memfd_create("stopper"), "w+b"))
    file.write(content)
    file.seek(0)
    return file.fileno()


async def readable(fd: int) -> None:
    """Return once `fd` has something to read or has ended."""
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


def _send(pidfd: int, number: signal.Signals) -> None:
    if pidfd != -1:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)
