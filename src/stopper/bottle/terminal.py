"""Relays the user's terminal to a pseudo-terminal of the bottle's own, so that it feels native.

The agent never gets the user's terminal itself. Keys go through as bytes and the bottle's
terminal turns them into signals there: Ctrl-C interrupts the agent and not Stopper. When a Ctrl-Z
has stopped the agent, by the terminal or by its own doing, Stopper gives the terminal back and
stops too, and `fg` wakes both. Opened once more, the user's terminal can be non-blocking here
without becoming so for the shell that shares it.
"""

import asyncio
import atexit
import contextlib
import fcntl
import os
import signal
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["Terminal"]

MAX_RELAYED_BYTES: Final = 1 << 16
STOP_CHECKS: Final = 20
STOP_CHECK_SECONDS: Final = 0.05
DRAIN_SECONDS: Final = 5.0

_WINDOW_SIZE_BYTES: Final = 8
_CC: Final = 6  # where tcgetattr keeps the special characters
_ALTERNATE_ON, _ALTERNATE_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
_PLAIN: Final = b"\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[0m"


class Terminal:
    """The two terminals and what runs between them; used from the main thread only.

    `wants(stdio)` says whether any of three descriptors is a terminal. `replaced` are the three
    with the bottle's own in the place of every terminal.
    """

    def __init__(self, stdio: tuple[int, int, int]) -> None:
        self._master, self._slave = os.openpty()
        self.path = os.ttyname(self._slave)
        first, second, third = (self._slave if os.isatty(fd) else fd for fd in stdio)
        self.replaced = (first, second, third)
        shared = next(fd for fd in stdio if os.isatty(fd))
        self._user = _open_again(shared)
        self._typing = os.isatty(stdio[0])
        self._saved = termios.tcgetattr(self._user)
        termios.tcsetattr(self._slave, termios.TCSANOW, self._saved)
        self._agent = self._checks = 0
        os.set_blocking(self._master, False)
        self._alternate = False
        self._tail = b""
        self._output = _Pump(self._master, self._user, self._shown)
        self._input = _Pump(self._user, self._master, self._typed)

    @staticmethod
    def wants(stdio: tuple[int, int, int]) -> bool:
        """Whether any of the three is a terminal."""
        return any(os.isatty(fd) for fd in stdio)

    def begin(self) -> None:
        """Take over the user's terminal; call before the agent starts."""
        loop = asyncio.get_running_loop()
        self._resize()
        atexit.register(self.restore)
        self._raw()
        loop.add_signal_handler(signal.SIGWINCH, self._resize)
        loop.add_signal_handler(signal.SIGCONT, self._refresh)
        loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        self._output.resume()
        if self._typing:
            self._input.resume()

    def attach(self, agent: int) -> None:
        """The agent runs, with this process id; the slave belongs to it alone from now on."""
        self._agent = agent
        self.close_slave()

    def close_slave(self) -> None:
        """Close the bottle's end here, so that its last copy inside ends the output."""
        if self._slave != -1:
            os.close(self._slave)
            self._slave = -1

    async def finish(self, *, broken: bool = False) -> None:
        """Let the last output through and give the terminal back.

        `broken` says that the agent was killed, and so left the modes that it had switched on.
        """
        self.close_slave()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._output.ended.wait(), DRAIN_SECONDS)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP):
            loop.remove_signal_handler(number)
        self._agent = self._checks = 0
        self._input.pause()
        self._output.pause()
        if broken:
            with contextlib.suppress(OSError):
                os.write(self._user, _PLAIN + (_ALTERNATE_OFF if self._alternate else b""))
        self.restore()
        atexit.unregister(self.restore)
        os.close(self._user)
        os.close(self._master)

    def restore(self) -> None:
        """Put the user's terminal back as it was; harmless to repeat.

        What the terminal has answered to the agent and nobody has read is thrown away: the shell
        would take it for something that the user typed.
        """
        with contextlib.suppress(OSError, termios.error):
            if self._in_front():  # from behind, the kernel would stop this process
                termios.tcsetattr(self._user, termios.TCSAFLUSH, self._saved)

    def _shown(self, data: bytes) -> None:
        """Remember whether the agent has switched to the alternate screen, in any split."""
        data = self._tail + data
        on, off = data.rfind(_ALTERNATE_ON), data.rfind(_ALTERNATE_OFF)
        if on != off:
            self._alternate = on > off
        self._tail = data[1 - len(_ALTERNATE_ON) :]

    def _in_front(self) -> bool:
        try:
            return os.tcgetpgrp(self._user) == os.getpgrp()
        except OSError:  # not our controlling terminal, so nobody is in front of it
            return True

    def _raw(self) -> None:
        if self._typing and self._in_front():
            tty.setraw(self._user, termios.TCSADRAIN)

    def _resize(self) -> None:
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self._user, termios.TIOCGWINSZ, bytes(_WINDOW_SIZE_BYTES))
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def _refresh(self) -> None:
        """Stopper was stopped and continued by somebody else: the shell has set its own modes."""
        self._raw()
        self._resize()

    def _typed(self, data: bytes) -> None:
        """Ctrl-Z may stop the agent soon: look for it, for a bounded time, and only then."""
        suspend_key = self._saved[_CC][termios.VSUSP]
        if suspend_key in data and self._checks == 0:
            self._checks = STOP_CHECKS
            self._check_stopped()

    def _check_stopped(self) -> None:
        if self._checks == 0:
            return
        self._checks -= 1
        if _is_stopped(self._agent):
            self._checks = 0
            self._suspend()
        else:
            asyncio.get_running_loop().call_later(STOP_CHECK_SECONDS, self._check_stopped)

    def _suspend(self) -> None:
        """Stop with everything in this job, as Ctrl-Z does; goes on here after `fg`."""
        loop = asyncio.get_running_loop()
        self._signal_agent(signal.SIGTSTP)
        self.restore()
        loop.remove_signal_handler(signal.SIGTSTP)
        os.killpg(0, signal.SIGTSTP)
        loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        self._refresh()
        self._signal_agent(signal.SIGCONT)

    def _signal_agent(self, number: signal.Signals) -> None:
        if self._agent:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._agent, number)


class _Pump:
    """Copies from one descriptor to another; reads no more than the other side takes."""

    def __init__(
        self, source: int, target: int, seen: Callable[[bytes], None] = lambda _: None
    ) -> None:
        self._source, self._target, self._seen = source, target, seen
        self._rest = b""
        self.ended = asyncio.Event()

    def resume(self) -> None:
        """Copy until the source ends."""
        asyncio.get_running_loop().add_reader(self._source, self._read)

    def pause(self) -> None:
        """Stop copying."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._source)
        loop.remove_writer(self._target)

    def _read(self) -> None:
        try:
            data = os.read(self._source, MAX_RELAYED_BYTES)
        except BlockingIOError:
            return
        except OSError:  # the other end of the terminal is closed
            data = b""
        if not data:
            self.pause()
            self.ended.set()
            return
        self._rest = data
        asyncio.get_running_loop().remove_reader(self._source)
        self._write()
        self._seen(data)

    def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._rest = self._rest[os.write(self._target, self._rest) :]
        except BlockingIOError:
            pass
        except OSError:
            self._rest = b""
        if self._rest:
            loop.add_writer(self._target, self._write)
        else:
            loop.remove_writer(self._target)
            loop.add_reader(self._source, self._read)


def _open_again(terminal: int) -> int:
    """The same terminal, non-blocking for us alone; after `su` it may not be ours to open."""
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(f"/proc/self/fd/{terminal}", flags)
    except OSError:
        return os.dup(terminal)


def _is_stopped(pid: int) -> bool:
    try:
        facts = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return facts.rpartition(b") ")[2][:1] == b"T"
